"""Eight numbers side by side, as types that compiled functions calculate with.

A `Lanes` value holds eight float64 numbers: LLVM's ``<8 x double>``, which is one register of AVX-512, two of AVX2
and four of NEON. `Words` holds eight 64-bit words and `Mask` eight truth values. Each lane is calculated on its own,
and lanes are added up in one fixed order: results depend neither on the width of a processor's registers nor on what
the compiler makes of a loop. Operators and comparisons read as for numbers; what needs a name is below and in
`abm.numerics.elementwise`, whose functions take numbers and lanes alike.

Everything here rests on numba's interface for extensions; `abm.numerics.numba_versions` has the versions tested.
"""

import operator
from collections.abc import Callable

from abm.numerics.numba_versions import unusable

try:
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable
    from numba.np.arrayobj import make_array
except ImportError as problem:
    raise unusable(problem) from None

WIDTH = 8
ROOM = WIDTH - 1  # slots behind the last that may be read with it

_DOUBLE, _INT, _BIT, _PLACE = ir.DoubleType(), ir.IntType(64), ir.IntType(1), ir.IntType(32)
_LANES, _WORDS, _MASK = (ir.VectorType(kind, WIDTH) for kind in (_DOUBLE, _INT, _BIT))
_PACKED = ir.IntType(WIDTH)  # a mask as a number
_ITEM = 8  # bytes


class LanesType(types.Type):
    """Eight float64 numbers."""


class WordsType(types.Type):
    """Eight 64-bit words, which wrap around as unsigned integers do."""


class MaskType(types.Type):
    """Eight truth values."""


lanes, words, mask = LanesType("Lanes"), WordsType("Words"), MaskType("Mask")
_KINDS = {LanesType: _LANES, WordsType: _WORDS, MaskType: _MASK}


def _register(kind: type, vector: ir.VectorType) -> None:
    class Model(models.PrimitiveModel):
        def __init__(self, manager, each):
            super().__init__(manager, each, vector)

    register_model(kind)(Model)


for _kind, _vector in _KINDS.items():
    _register(_kind, _vector)


def _splat(builder, value, vector):
    """The same number in all lanes."""
    start = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(_PLACE, 0))
    zeros = ir.Constant(ir.VectorType(_PLACE, WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(start, ir.Constant(vector, ir.Undefined), zeros)


_SCALARS = {
    LanesType: ((types.Float, types.Integer), types.float64),
    WordsType: ((types.Integer,), types.uint64),
    MaskType: ((types.Boolean,), types.boolean),
}


def fits(kind: type, given: types.Type) -> bool:
    """Whether a type is a kind of lanes, or a number that can stand for all of them."""
    return isinstance(given, (kind, *_SCALARS[kind][0]))


def _widened(context, builder, kind, value, given):
    """A value as lanes of a kind."""
    if isinstance(given, kind):
        return value
    return _splat(builder, context.cast(builder, value, given, _SCALARS[kind][1]), _KINDS[kind])


def call(builder, name, result, values):
    """Call one of LLVM's own functions."""
    kinds = [value.type for value in values]
    function = builder.module.globals.get(name)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(result, kinds), name)
    return builder.call(function, values)


def of_lanes(kind: type, result: types.Type, count: int, emit: Callable) -> Callable:
    """The typing and the code of a function of lanes, for `intrinsic`: `emit` gets the builder and widened values."""

    def typed(typing, *given):
        if len(given) != count or not all(fits(kind, each) for each in given):
            return None

        def generate(context, builder, signature, args):
            values = [_widened(context, builder, kind, *pair) for pair in zip(args, signature.args, strict=True)]
            return emit(builder, *values)

        return result(*given), generate

    return typed


# Operators --------------------------------------------------------------------------------------------------------


def _operator(function: Callable, kind: type, result: types.Type, emit: Callable) -> None:
    """Let an operator of two values work on lanes of a kind, and on lanes and a number."""

    @type_callable(function)
    def _typing(context):
        def typer(a, b):
            wide = isinstance(a, kind) or isinstance(b, kind)
            return result if wide and fits(kind, a) and fits(kind, b) else None

        return typer

    def lower(context, builder, signature, args):
        x, y = (_widened(context, builder, kind, *pair) for pair in zip(args, signature.args, strict=True))
        return emit(builder, x, y)

    lower_builtin(function, kind, kind)(lower)
    for scalar in _SCALARS[kind][0]:
        lower_builtin(function, kind, scalar)(lower)
        lower_builtin(function, scalar, kind)(lower)


def _instruction(name: str) -> Callable:
    return lambda builder, x, y: getattr(builder, name)(x, y)


def _comparison(sign: str) -> Callable:
    return lambda builder, x, y: builder.fcmp_ordered(sign, x, y)


for _name, _instructions in {
    "add": {LanesType: "fadd", WordsType: "add"},
    "sub": {LanesType: "fsub", WordsType: "sub"},
    "mul": {LanesType: "fmul"},
    "truediv": {LanesType: "fdiv"},
    "and_": {WordsType: "and_", MaskType: "and_"},
    "or_": {WordsType: "or_", MaskType: "or_"},
    "xor": {WordsType: "xor", MaskType: "xor"},
    "lshift": {WordsType: "shl"},
    "rshift": {WordsType: "lshr"},
}.items():
    for _kind, _each in _instructions.items():
        _result = {LanesType: lanes, WordsType: words, MaskType: mask}[_kind]
        for _operation in (_name, f"i{_name.rstrip('_')}"):
            _operator(getattr(operator, _operation), _kind, _result, _instruction(_each))

for _function, _sign in (
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.gt, ">"),
    (operator.ge, ">="),
    (operator.eq, "=="),
):
    _operator(_function, LanesType, mask, _comparison(_sign))


def _unary(function: Callable, kind: type, result: types.Type, emit: Callable) -> None:
    @type_callable(function)
    def _typing(context):
        return lambda a: result if isinstance(a, kind) else None

    @lower_builtin(function, kind)
    def _lower(context, builder, signature, args):
        return emit(builder, args[0])


_unary(operator.neg, LanesType, lanes, lambda builder, x: builder.fneg(x))
_unary(operator.invert, MaskType, mask, lambda builder, x: builder.not_(x))
_unary(abs, LanesType, lanes, lambda builder, x: call(builder, f"llvm.fabs.v{WIDTH}f64", _LANES, [x]))


# Memory -----------------------------------------------------------------------------------------------------------


def _address(context, builder, kinds, values):
    """Where a slot of a row of a table lies, from the types and values of (table, row, slot)."""
    table = make_array(kinds[0])(context, builder, values[0])
    row, slot = (context.cast(builder, values[j], kinds[j], types.intp) for j in (1, 2))
    stride = cgutils.unpack_tuple(builder, table.strides)[0]
    offset = builder.add(builder.mul(row, stride), builder.mul(slot, ir.Constant(_INT, _ITEM)))
    return cgutils.pointer_add(builder, table.data, offset, return_type=_LANES.as_pointer())


def _is_table(given: types.Type) -> bool:
    return isinstance(given, types.Array) and given.dtype == types.float64 and given.ndim == 2


@intrinsic
def get(typing, table, row, slot):
    """Eight numbers of a row, from a slot on; the row must have room for all eight."""

    def generate(context, builder, signature, args):
        return builder.load(_address(context, builder, signature.args, args), align=_ITEM)

    return (lanes(table, row, slot), generate) if _is_table(table) else None


@intrinsic
def put(typing, table, row, slot, value, here):
    """Write the lanes of a mask into a row, from a slot on; nothing else is touched."""
    if not (_is_table(table) and fits(LanesType, value) and isinstance(here, MaskType)):
        return None

    def generate(context, builder, signature, args):
        place = _address(context, builder, signature.args, args)
        value = _widened(context, builder, LanesType, args[3], signature.args[3])
        # A whole store where all lanes are written, as nearly always: a masked one is slow on some processors.
        packed = builder.bitcast(args[4], _PACKED)
        everywhere = builder.icmp_unsigned("==", packed, ir.Constant(_PACKED, (1 << WIDTH) - 1))
        with builder.if_else(everywhere, likely=True) as (whole, part):
            with whole:
                builder.store(value, place, align=_ITEM)
            with part:
                name = f"llvm.masked.store.v{WIDTH}f64.p0"
                call(builder, name, ir.VoidType(), [value, place, ir.Constant(_PLACE, _ITEM), args[4]])
        return context.get_dummy_value()

    return types.void(table, row, slot, value, here), generate


def lanes_of(kind: type, rows: tuple[int, ...]) -> Callable:
    """A function of (table, slot) for kernels: rows of a table from a slot on, as a named tuple of lanes.

    Parameters
    ----------
    kind : type
        A named tuple of as many fields as there are rows.
    rows : sequence of int
        The row of the table that each field is.
    """
    made = types.BaseTuple.from_types([lanes] * len(rows), kind)

    @intrinsic
    def at(typing, table, slot):
        def generate(context, builder, signature, args):
            loads = []
            for row in rows:  # what nobody uses of them is not loaded in the end
                place = (args[0], context.get_constant(types.intp, row), args[1])
                kinds = (signature.args[0], types.intp, signature.args[1])
                loads.append(builder.load(_address(context, builder, kinds, place), align=_ITEM))
            return context.make_tuple(builder, made, loads)

        return (made(table, slot), generate) if _is_table(table) else None

    return at


# Values -----------------------------------------------------------------------------------------------------------


def _numbered(kind: ir.VectorType) -> ir.Constant:
    return ir.Constant(kind, [float(lane) if kind is _LANES else lane for lane in range(WIDTH)])


@intrinsic
def splat(typing, value):
    """The same number in all lanes."""
    return of_lanes(LanesType, lanes, 1, lambda builder, x: x)(typing, value)


@intrinsic
def counted(typing, first):
    """first, first + 1, … as words."""
    return of_lanes(WordsType, words, 1, lambda builder, x: builder.add(x, _numbered(_WORDS)))(typing, first)


@intrinsic
def slots_from(typing, first):
    """first, first + 1, … as numbers."""
    return of_lanes(LanesType, lanes, 1, lambda builder, x: builder.fadd(x, _numbered(_LANES)))(typing, first)


@intrinsic
def first_lanes(typing, number):
    """A mask of so many lanes, the first of them: all from eight on."""

    def generate(context, builder, signature, args):
        wide = _splat(builder, context.cast(builder, args[0], signature.args[0], types.int64), _WORDS)
        return builder.icmp_signed("<", _numbered(_WORDS), wide)

    return (mask(number), generate) if isinstance(number, types.Integer) else None


def _packed_mask(builder, condition):
    return builder.zext(builder.bitcast(condition, _PACKED), _INT)


@intrinsic
def count_of(typing, condition):
    """How many lanes of a mask are set."""

    def generate(context, builder, signature, args):
        return call(builder, "llvm.ctpop.i64", _INT, [_packed_mask(builder, args[0])])

    return (types.int64(condition), generate) if isinstance(condition, MaskType) else None


@intrinsic
def some(typing, condition):
    """Whether any lane of a mask is set."""

    def generate(context, builder, signature, args):
        return builder.icmp_unsigned("!=", _packed_mask(builder, args[0]), ir.Constant(_INT, 0))

    return (types.boolean(condition), generate) if isinstance(condition, MaskType) else None


@intrinsic
def lowest(typing, condition):
    """The first lane that is set in a mask, and the mask without it."""
    pair = types.Tuple([types.int64, mask])

    def generate(context, builder, signature, args):
        packed = builder.bitcast(args[0], _PACKED)
        wide = builder.zext(packed, _INT)
        lane = call(builder, "llvm.cttz.i64", _INT, [wide, ir.Constant(_BIT, 0)])
        rest = builder.and_(packed, builder.sub(packed, ir.Constant(_PACKED, 1)))
        return context.make_tuple(builder, pair, [lane, builder.bitcast(rest, _MASK)])

    return (pair(condition), generate) if isinstance(condition, MaskType) else None


def _by_halves(combine: Callable) -> Callable:
    """Make one number of eight: lane i with lane i + 4, then of those i with i + 2, then the two that are left."""

    def reduce(builder, value):
        size = WIDTH // 2
        while size:
            kind, none = ir.VectorType(_PLACE, size), ir.Constant(value.type, ir.Undefined)
            low, high = (
                builder.shuffle_vector(value, none, ir.Constant(kind, list(range(first, first + size))))
                for first in (0, size)
            )
            value, size = combine(builder, low, high), size // 2
        return builder.extract_element(value, ir.Constant(_PLACE, 0))

    return reduce


def _chosen(sign: str) -> Callable:
    return lambda builder, x, y: builder.select(builder.fcmp_ordered(sign, x, y), x, y)


larger, smaller = _chosen(">"), _chosen("<")  # of two values as LLVM takes them


@intrinsic
def total(typing, value):
    """The sum of the lanes, by halves: ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7))."""
    return of_lanes(LanesType, types.float64, 1, _by_halves(lambda builder, x, y: builder.fadd(x, y)))(typing, value)


@intrinsic
def largest_lane(typing, value):
    """The largest of the lanes."""
    return of_lanes(LanesType, types.float64, 1, _by_halves(larger))(typing, value)


@intrinsic
def smallest_lane(typing, value):
    """The smallest of the lanes."""
    return of_lanes(LanesType, types.float64, 1, _by_halves(smaller))(typing, value)
