"""Choices without a branch, for formulas that serve numbers, NumPy arrays and compiled loops by one line."""

from typing import Any

import numpy as np
from numba.extending import overload

_COMPILED = {"error_model": "numpy", "_nrt": False, "forceinline": True}


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


@overload(select, jit_options=_COMPILED)
def _select(condition, x, y):
    def select_number(condition, x, y):
        return x if condition else y

    return select_number


@overload(maximum, jit_options=_COMPILED)
def _maximum(x, y):
    def larger_number(x, y):
        return max(x, y)

    return larger_number


@overload(minimum, jit_options=_COMPILED)
def _minimum(x, y):
    def smaller_number(x, y):
        return min(x, y)

    return smaller_number
