"""Rows of a table as named columns, for compiled functions."""

from collections.abc import Callable, Sequence

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array


def columns_of(kind: type, rows: Sequence[int]) -> Callable:
    """A function of (table, start, stop) for kernels: rows of a 2-D table from `start` to `stop` as a named tuple.

    The columns are borrowed: nobody counts references to them, so a function may pass them on and return them, whether
    it counts references or not, as long as the table itself is there. Slices made by numba would not allow that.

    Parameters
    ----------
    kind : type
        A named tuple of as many fields as there are rows.
    rows : sequence of int
        The row of the table that each field is.
    """

    @intrinsic
    def view(context, table, start, stop):
        column = types.Array(table.dtype, 1, "C")
        made = types.BaseTuple.from_types([column] * len(rows), kind)

        def build(context, builder, signature, args):
            whole = make_array(signature.args[0])(context, builder, args[0])
            intp = context.get_value_type(types.intp)
            first, last = (context.cast(builder, args[i], signature.args[i], types.intp) for i in (1, 2))
            size = ir.Constant(intp, context.get_abi_sizeof(context.get_data_type(table.dtype)))
            row_stride = cgutils.unpack_tuple(builder, whole.strides)[0]
            count, skipped = builder.sub(last, first), builder.mul(first, size)
            columns = []
            for row in rows:
                offset = builder.add(builder.mul(ir.Constant(intp, row), row_stride), skipped)
                data = cgutils.pointer_add(builder, whole.data, offset)
                values = make_array(column)(context, builder)
                populate_array(values, data, shape=[count], strides=[size], itemsize=size, meminfo=None)
                columns.append(values._getvalue())
            return context.make_tuple(builder, made, columns)

        return made(table, start, stop), build

    return view
