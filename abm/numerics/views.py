"""Rows of a table as named columns, and a record as named numbers, for compiled functions."""

from collections.abc import Callable, Sequence

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from abm.numerics.compilation import inlined


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


def numbers_of(kind: type) -> Callable:
    """A function of (table, place) for kernels: the numbers of a record of a table, read once, as a named tuple.

    Read from the record within a loop that writes to firms they would be read anew for each firm, since a write might
    change them for all that the compiler knows.

    Parameters
    ----------
    kind : type
        A named tuple of as many fields as the record has, which are all float64.
    """
    made = types.BaseTuple.from_types([types.float64] * len(kind._fields), kind)

    @intrinsic
    def read(context, table, place):
        def build(context, builder, signature, args):
            whole = make_array(signature.args[0])(context, builder, args[0])
            offset = builder.mul(
                context.cast(builder, args[1], signature.args[1], types.intp),
                cgutils.unpack_tuple(builder, whole.strides)[0],
            )
            first = cgutils.pointer_add(builder, whole.data, offset, return_type=ir.DoubleType().as_pointer())
            places = (ir.Constant(ir.IntType(64), field) for field in range(len(kind._fields)))
            return context.make_tuple(builder, made, [builder.load(builder.gep(first, [each])) for each in places])

        return made(table, place), build

    return read


@inlined
def copy_items(source, target):
    """Copy the items of an array one by one: a slice assigned to a slice costs numba a second of compiling."""
    for place in range(target.size):
        target[place] = source[place]
