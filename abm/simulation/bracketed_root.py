"""Roots of a function in brackets, many at once.

It is what scipy.optimize.elementwise.find_root calculates, to the last bit. Importing that takes longer than a run.
"""

from collections.abc import Callable

import numpy as np

_LEAST = np.finfo(float).smallest_normal
_RELATIVE, _ABSOLUTE = 4.0 * np.finfo(float).eps, 4.0 * _LEAST  # how near the ends of a bracket come
_ROUNDS = 2_046  # as many halvings lead from the largest float64 to the smallest


def bracketed_root(function: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where a function is zero, each element on its own, by Chandrupatla's method.

    Parameters
    ----------
    function : callable
        Of an array of shape (n,), to an array of the same shape.
    low, high : float64 array, shape (n,)
        Ends of the brackets; the function is continuous between them, and its values there differ in sign.

    Returns
    -------
    float64 array, shape (n,)
        As exact as float64 numbers allow.

    References
    ----------
    Chandrupatla (1997), Advances in Engineering Software 28(3), 145–149.

    Examples
    --------
    >>> bracketed_root(lambda x: x**2 - np.array([2.0, 9.0]), np.zeros(2), np.full(2, 5.0)).round(6)
    array([1.414214, 3.      ])
    """
    x1, f1, x2, f2 = low, function(low), high, function(high)  # the bracket, the latest point first
    x3, f3 = x2, f2  # the end that the latest point replaced
    root, ahead = np.full(low.shape, np.nan), np.ones(low.shape, dtype=bool)
    for _ in range(_ROUNDS):
        nearer = np.abs(f1) < np.abs(f2)
        best, rest = np.where(nearer, x1, x2), np.where(nearer, f1, f2)
        width, allowed = np.abs(x2 - x1), np.abs(best) * _RELATIVE + _ABSOLUTE
        root[ahead] = best[ahead]
        ahead = ahead & (np.abs(rest) > _LEAST) & (width >= allowed)
        if not ahead.any():
            break
        with np.errstate(divide="ignore", invalid="ignore"):  # of those that are found already, and at the beginning
            xi, phi = (x1 - x2) / (x3 - x2), (f1 - f2) / (f3 - f2)
            curved = (1.0 - np.sqrt(1.0 - xi) < phi) & (phi < np.sqrt(xi))
            # Inverse quadratic interpolation where it stays within the bracket, else the middle.
            part = f1 / (f1 - f2) * f3 / (f3 - f2) - (x3 - x1) / (x2 - x1) * f1 / (f3 - f1) * f2 / (f2 - f3)
            least = 0.5 * allowed / width
            x = x1 + np.clip(np.where(curved, part, 0.5), least, 1.0 - least) * (x2 - x1)
        f = function(x)
        same = np.sign(f) == np.sign(f1)
        x3, f3 = np.where(same, x1, x2), np.where(same, f1, f2)
        x2, f2 = np.where(same, x2, x1), np.where(same, f2, f1)
        x1, f1 = x, f
    return root
