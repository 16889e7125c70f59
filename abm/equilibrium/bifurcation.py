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

DIVERGED = 1e9  # as in a market


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
