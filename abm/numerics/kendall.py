"""How firms keep their rank in size from one fourth of a run to the next: Kendall's τ-b."""

import math

import numpy as np

from abm.numerics.compilation import inlined, kernel, part


@part
def _exchanges(values):
    """Sorts values, and counts how many pairs were in falling order: a bottom-up merge sort (Knight 1966)."""
    n, width, exchanges = values.size, 1, 0.0
    other = np.empty(n)
    while width < n:
        for begin in range(0, n, 2 * width):
            middle, end = min(begin + width, n), min(begin + 2 * width, n)
            left, right = begin, middle
            for place in range(begin, end):
                if left < middle and (right >= end or values[left] <= values[right]):
                    other[place] = values[left]
                    left += 1
                else:
                    other[place] = values[right]
                    exchanges += middle - left
                    right += 1
        for place in range(n):
            values[place] = other[place]
        width *= 2
    return exchanges


@inlined
def _pairs(length):
    return 0.5 * length * (length - 1.0)


@part
def kendall(x, y):
    """Kendall's τ-b of two arrays, in O(n log n).

    Parameters
    ----------
    x, y : float64 array, shape (n,)

    Returns
    -------
    float
        In [-1, 1]; NaN where all values of an array are equal or there are fewer than two.

    Examples
    --------
    >>> kendall(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0]))
    0.6666666666666666
    """
    n = x.size
    by_y = np.argsort(y, kind="mergesort")
    order = by_y[np.argsort(x[by_y], kind="mergesort")]  # by x, and by y among equal x
    ranked = y[order]
    tied_x, tied_both, run_x, run_both = 0.0, 0.0, 1.0, 1.0
    for place in range(1, n + 1):
        same_x = place < n and x[order[place]] == x[order[place - 1]]
        same_both = same_x and ranked[place] == ranked[place - 1]
        if same_both:
            run_both += 1.0
        else:
            tied_both += _pairs(run_both)
            run_both = 1.0
        if same_x:
            run_x += 1.0
        else:
            tied_x += _pairs(run_x)
            run_x = 1.0
    exchanges = _exchanges(ranked)
    tied_y, run_y = 0.0, 1.0
    for place in range(1, n + 1):
        if place < n and ranked[place] == ranked[place - 1]:
            run_y += 1.0
        else:
            tied_y += _pairs(run_y)
            run_y = 1.0
    all_pairs = _pairs(n)
    untied = (all_pairs - tied_x) * (all_pairs - tied_y)
    if n < 2 or untied <= 0.0:
        return np.nan
    return (all_pairs - tied_x - tied_y + tied_both - 2.0 * exchanges) / math.sqrt(untied)


MOST_RANKED = 500  # slots that are compared: sorting them all would cost a large market more than a step


@kernel
def compared_stride(capacity):
    """The stride between compared slots: the smallest for which at most 500 are compared.

    Examples
    --------
    >>> compared_stride(500), compared_stride(501)
    (1, 2)
    """
    return 1 + (capacity - 1) // MOST_RANKED


@kernel
def rank_correlation(then, now, entered, step):
    """τ-b of customer bases at a step and now, of the firms that lived then and live now.

    Parameters
    ----------
    then, now, entered : float64 array, shape (slots,)
        Customer bases, and the steps at which the firms of now entered.
    step : int
    """
    stayed = (now > 0.0) & (entered <= step)
    return kendall(then[stayed], now[stayed])
