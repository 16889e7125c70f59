"""Where the article's equations (§4), read as an update rule, settle: at a point, in a cycle, or in chaos.

With y = 1 − x/x0 the literal reading is three coupled logistic maps. With baselines of 1, equal coefficients k and
equal starts it is the logistic map y' = r·y·(1 − y) with r = k: below r = 1 it returns to the baseline, up to 3 it
settles at 1/k, at 3 it starts to oscillate between two values, at 1 + √6 between four, and from 3.56995 on it is
chaotic up to 4, beyond which it diverges.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from abm.equations import LITERAL, pull, saturate
from abm.equilibrium.equilibria import AT_ONCE, NO_CEILINGS
from abm.errors import InputError

DIVERGED = 1e9  # as in a market
FEIGENBAUM = 4.66920160910299  # ratio of the distances between period doublings, in the limit


def attractor(
    T0: ArrayLike,
    C0: ArrayLike,
    R0: ArrayLike,
    k1: ArrayLike,
    k2: ArrayLike,
    k3: ArrayLike,
    *,
    start: float = 0.5,
    skipped: int = 3000,
    kept: int = 120,
    speeds: Sequence[float] = AT_ONCE,
    ceilings: Sequence[float] = NO_CEILINGS,
) -> np.ndarray:
    """T on the attractor of the literal update rule, for one or many values of baselines and coefficients (§4.2).

    Parameters
    ----------
    T0, C0, R0, k1, k2, k3 : float or array
        Arrays of one length, or of lengths that broadcast.
    start : float
        Where all three start, as a multiple of their baselines. At one half, where the logistic map has its top, the
        orbit ends on the attractor if there is a stable cycle.
    skipped, kept : int
        Steps before the first and from the first to the last that are returned.
    speeds, ceilings : sequence of 3 floats
        v_T, v_C, v_R and K_T, K_C, K_R.

    Returns
    -------
    float64 array, shape (kept, number of values)
        NaN where one of T, C, R went beyond ±1e9.

    Examples
    --------
    Period one, period two and divergence:

    >>> k = np.array([2.0, 3.2, 4.1])
    >>> np.round(attractor(1, 1, 1, k, k, k, kept=2), 3)
    array([[0.5  , 0.487,   nan],
           [0.5  , 0.201,   nan]])
    """
    T0, C0, R0, k1, k2, k3 = np.broadcast_arrays(*(np.atleast_1d(x).astype(float) for x in (T0, C0, R0, k1, k2, k3)))

    def moved(place: int, x: np.ndarray, x0: np.ndarray, k: np.ndarray, y: np.ndarray, y0: np.ndarray) -> np.ndarray:
        after = x + speeds[place] * (x0 + saturate(pull(LITERAL, k, y, y0), ceilings[place]) - x)
        return np.where(np.abs(after) <= DIVERGED, after, np.nan)

    T, C, R = start * T0, start * C0, start * R0
    points = np.empty((kept, *T.shape))
    for step in range(-skipped, kept):
        if step >= 0:
            points[step] = T
        T, C, R = moved(0, T, T0, k1, C, C0), moved(1, C, C0, k2, R, R0), moved(2, R, R0, k3, T, T0)
    return points


def period_doublings(count: int = 8) -> np.ndarray:
    """Where the cycle of 1, 2, 4, … steps gives way to one twice as long: baselines of 1, equal k, equal starts.

    There a point x of the cycle returns after N steps of x' = 1 + k·x·(x − 1) with a derivative of −1; Newton's method
    solves both equations for x and k at once.

    Parameters
    ----------
    count : int
        Number of doublings, at most 12: later ones differ by less than the precision of floats.

    Returns
    -------
    float64 array, shape (count,)
        Values of k, exact to about 1e-12.

    Examples
    --------
    3, 1 + √6 and on towards 3.5699457:

    >>> period_doublings(4).round(6)
    array([3.      , 3.44949 , 3.54409 , 3.564407])
    """
    if not 1 <= count <= 12:
        raise InputError(f"count = {count} is outside [1, 12]")
    found = [1.0, 3.0]  # where the baseline, and then 1/k, lose their stability
    for doubling in range(1, count):
        length, gap = 2**doubling, (found[-1] - found[-2]) / FEIGENBAUM
        k, x = found[-1] + 0.8 * gap, 0.5  # before the next doubling, where the cycle attracts what starts at the top
        for _ in range(200 * length):
            x = 1.0 + k * x * (x - 1.0)
        for _ in range(12):
            after, by_x, by_k, by_xx, by_xk = _lap(x, k, length)
            x, k = np.array([x, k]) - np.linalg.solve([[by_x - 1.0, by_k], [by_xx, by_xk]], [after - x, by_x + 1.0])
        found.append(float(k))
    return np.array(found[1:])


def onset_of_chaos() -> float:
    """The k to which the period doublings run, by Aitken's extrapolation of the last three.

    Examples
    --------
    >>> round(onset_of_chaos(), 7)
    3.5699457
    """
    a, b, c = period_doublings(9)[-3:]
    return float(c - (c - b) ** 2 / ((c - b) - (b - a)))


def _lap(x: float, k: float, steps: int) -> tuple[float, ...]:
    """Some steps of x' = 1 + k·x·(x − 1): the end, and its derivatives by x, k, x twice, and x and k."""
    by_x, by_k, by_xx, by_xk = 1.0, 0.0, 0.0, 0.0
    for _ in range(steps):
        slope = k * (2.0 * x - 1.0)
        by_xk = slope * by_xk + (2.0 * x - 1.0 + 2.0 * k * by_k) * by_x
        by_xx = slope * by_xx + 2.0 * k * by_x**2
        by_k = slope * by_k + x * (x - 1.0)
        by_x *= slope
        x = 1.0 + k * x * (x - 1.0)
    return x, by_x, by_k, by_xx, by_xk
