"""Functions without a branch for formulas that serve numbers, NumPy arrays and eight lanes by one line."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from abm.numerics.compilation import INLINED
from abm.numerics.lanes import WIDTH, LanesType, MaskType, WordsType, call, lanes, larger, of_lanes, smaller, words


def select(condition: Any, x: Any, y: Any) -> Any:
    """`x` where the condition holds, else `y`.

    Examples
    --------
    >>> select(np.array([True, False]), 1.0, 2.0)
    array([1., 2.])
    """
    return np.where(condition, x, y)[()]


def maximum(x: Any, y: Any) -> Any:
    """The larger of two numbers, element by element."""
    return np.maximum(x, y)


def minimum(x: Any, y: Any) -> Any:
    """The smaller of two numbers, element by element."""
    return np.minimum(x, y)


def fma(x: Any, y: Any, z: Any) -> Any:
    """x·y + z, which kernels round once.

    Examples
    --------
    >>> fma(2.0, 3.0, 1.0)
    7.0
    """
    return x * y + z


def root(x: Any) -> Any:
    """The square root."""
    return np.sqrt(x)


def nearest_integer(x: Any) -> Any:
    """The nearest integer as a number, of two the even one."""
    return np.rint(x)


def bits_of(x: Any) -> Any:
    """The bits of a number as an unsigned word; of numbers alone.

    Examples
    --------
    >>> hex(bits_of(1.0))
    '0x3ff0000000000000'
    """
    return np.float64(x).view(np.uint64)


def from_bits(word: Any) -> Any:
    """The number that has these bits; of words alone."""
    return np.uint64(word).view(np.float64)


def _eight(name):
    """One of LLVM's functions of float64 numbers, eight at a time."""
    return lambda builder, *values: call(builder, f"llvm.{name}.v{WIDTH}f64", values[0].type, list(values))


def _any_lanes(*given):
    return any(isinstance(each, LanesType | WordsType) for each in given)


@intrinsic
def _fma_of_lanes(typing, x, y, z):
    return of_lanes(LanesType, lanes, 3, _eight("fma"))(typing, x, y, z)


@intrinsic
def _fma_of_numbers(typing, x, y, z):
    def generate(context, builder, signature, args):
        values = [context.cast(builder, *pair, types.float64) for pair in zip(args, signature.args, strict=True)]
        return call(builder, "llvm.fma.f64", ir.DoubleType(), values)

    return types.float64(x, y, z), generate


@intrinsic
def _root_of_lanes(typing, x):
    return of_lanes(LanesType, lanes, 1, _eight("sqrt"))(typing, x)


@intrinsic
def _nearest_of_lanes(typing, x):
    return of_lanes(LanesType, lanes, 1, _eight("rint"))(typing, x)


@intrinsic
def _larger_of_lanes(typing, x, y):
    return of_lanes(LanesType, lanes, 2, larger)(typing, x, y)


@intrinsic
def _smaller_of_lanes(typing, x, y):
    return of_lanes(LanesType, lanes, 2, smaller)(typing, x, y)


@intrinsic
def _bits_of_lanes(typing, x):
    def emit(builder, value):
        return builder.bitcast(value, ir.VectorType(ir.IntType(64), WIDTH))

    return of_lanes(LanesType, words, 1, emit)(typing, x)


@intrinsic
def _lanes_from_bits(typing, word):
    def emit(builder, value):
        return builder.bitcast(value, ir.VectorType(ir.DoubleType(), WIDTH))

    return of_lanes(WordsType, lanes, 1, emit)(typing, word)


@intrinsic
def _select_of_lanes(typing, condition, x, y):
    """By a mask lane by lane, or all lanes by one truth value."""
    kind, made = (WordsType, words) if isinstance(x, WordsType) else (LanesType, lanes)
    both = of_lanes(kind, made, 2, lambda builder, *values: values)(typing, x, y)
    if both is None or not isinstance(condition, MaskType | types.Boolean):
        return None

    def generate(context, builder, signature, args):
        return builder.select(args[0], *both[1](context, builder, made(*signature.args[1:]), args[1:]))

    return made(condition, x, y), generate


@overload(select, jit_options=INLINED)
def _select(condition, x, y):
    if isinstance(condition, MaskType) or _any_lanes(x, y):
        return lambda condition, x, y: _select_of_lanes(condition, x, y)
    return lambda condition, x, y: x if condition else y


@overload(maximum, jit_options=INLINED)
def _maximum(x, y):
    if _any_lanes(x, y):
        return lambda x, y: _larger_of_lanes(x, y)
    return lambda x, y: max(x, y)


@overload(minimum, jit_options=INLINED)
def _minimum(x, y):
    if _any_lanes(x, y):
        return lambda x, y: _smaller_of_lanes(x, y)
    return lambda x, y: min(x, y)


@overload(fma, jit_options=INLINED)
def _fma(x, y, z):
    if _any_lanes(x, y, z):
        return lambda x, y, z: _fma_of_lanes(x, y, z)
    return lambda x, y, z: _fma_of_numbers(x, y, z)


@overload(root, jit_options=INLINED)
def _root(x):
    if _any_lanes(x):
        return lambda x: _root_of_lanes(x)
    return lambda x: np.sqrt(x)


@overload(nearest_integer, jit_options=INLINED)
def _nearest_integer(x):
    if _any_lanes(x):
        return lambda x: _nearest_of_lanes(x)
    return lambda x: np.rint(x)


@overload(bits_of, jit_options=INLINED)
def _bits_of(x):
    if _any_lanes(x):
        return lambda x: _bits_of_lanes(x)
    return lambda x: np.float64(x).view(np.uint64)


@overload(from_bits, jit_options=INLINED)
def _from_bits(word):
    if _any_lanes(word):
        return lambda word: _lanes_from_bits(word)
    return lambda word: np.uint64(word).view(np.float64)
