"""Where the literal reading's update rule doubles its period on the way to chaos, for `experiments.readings`."""

import numpy as np

from abm.errors import InputError

FEIGENBAUM = 4.66920160910299  # ratio of the distances between period doublings, in the limit


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
