"""Sample size: the half-width of an interval as a function of the number of runs."""

from collections.abc import Callable

import numpy as np

from abm.comparison.statistics.intervals import effective_runs, is_binary, wilson
from abm.comparison.statistics.means import complete_cases, means_at
from abm.errors import InputError

MOST = 10**12  # runs; the result is inf where more are needed


def width_curve(
    values: np.ndarray,
    level: float = 0.95,
    blocks: np.ndarray | None = None,
    *,
    binary: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The half-width of each outcome's interval to be expected from other numbers of runs.

    That of Student's t interval, or Wilson's for yes/no outcomes, if the runs' variance stays the same. The bootstrap's
    interval of a skewed outcome is wider where runs are few.

    Parameters
    ----------
    values : float64 array, shape (runs, outcomes)
        Values that are not finite count as missing.
    level : float
    blocks : int64 array, shape (runs,), optional
        The block (replication) of each run; the curve then adds blocks of the same size.
    binary : bool array, shape (outcomes,), optional
        Which outcomes are yes/no; `is_binary` of the values by default.

    Returns
    -------
    runs : int64 array, shape (numbers,)
        5, 10, 20, 50, … up to ten times the present number.
    half_widths : float64 array, shape (numbers, outcomes)
        In the outcome's unit; NaN for fewer than two runs or blocks.

    Examples
    --------
    >>> runs, half_widths = width_curve(np.array([[1.0], [2.0], [3.0], [4.0], [5.0]]))
    >>> runs, half_widths[:, 0].round(2)
    (array([ 5, 10, 20, 50]), array([1.96, 1.13, 0.74, 0.45]))
    """
    steps = np.array([1, 2, 5]) * 10 ** np.arange(13)[:, np.newaxis]
    runs = steps.ravel()[(steps.ravel() >= 5) & (steps.ravel() <= max(10 * len(values), 5))]
    return runs, _half_width(values, level, blocks, binary)(runs[:, np.newaxis].astype(float))


def runs_needed(
    values: np.ndarray,
    half_width: float | np.ndarray,
    level: float = 0.95,
    blocks: np.ndarray | None = None,
    *,
    binary: np.ndarray | None = None,
) -> np.ndarray:
    """The smallest number of runs (at least 2) whose interval has a given half-width or less.

    `half_width` and the result have shape (outcomes,) or (widths, outcomes); for the rest see `width_curve`.
    inf above `MOST` runs, NaN where the variance is unknown. InputError for a half-width that is not above 0.
    """
    target = np.asarray(half_width, dtype=float) + np.zeros(values.shape[1])
    if not (target > 0.0).all():
        raise InputError(f"half_width: must be above 0, not {target[~(target > 0.0)][0]:g}")
    reached = _half_width(values, level, blocks, binary)
    low, high = np.ones(target.shape), np.full(target.shape, float(MOST))
    known = ~np.isnan(reached(high))
    beyond = reached(high) > target
    while (high - low > 1.0).any():
        middle = np.floor((low + high) / 2.0)
        reached_there = (reached(middle) <= target) & (middle > low)
        low, high = np.where(reached_there, low, middle), np.where(reached_there, middle, high)
    return np.where(known, np.where(beyond, np.inf, high), np.nan)


def _half_width(values: np.ndarray, level: float, blocks: np.ndarray | None, binary: np.ndarray | None) -> Callable:
    """A function that gives each outcome's half-width for numbers of runs."""
    from scipy.special import stdtrit

    binary = is_binary(values) if binary is None else binary
    mean, deviation, design, size = np.full((4, values.shape[1]), np.nan)
    for columns, (rows,) in complete_cases(values):
        means = means_at(values, rows, columns, blocks)
        if means.blocks < 2:
            continue
        n = means.sizes.sum()
        mean[columns], size[columns] = means.mean, n / means.blocks
        deviation[columns] = np.sqrt(means.variance * n)  # of one run, if runs were independent
        design[columns] = n / effective_runs(means, means.mean, level)

    def half_width(runs: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            freedom = runs / size - 1.0
            student = stdtrit(freedom, (1.0 + level) / 2.0) * deviation / np.sqrt(runs)
            low, high = wilson(mean * runs / design, runs / design, level)
            return np.where(binary, (high - low) / 2.0, np.where(freedom <= 0.0, np.inf, student))

    return half_width
