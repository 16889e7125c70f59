"""How many runs are enough: the half-width of an interval by the number of runs."""

from collections.abc import Callable

import numpy as np

from abm.comparison.statistics.intervals import effective_runs, is_binary, wilson
from abm.comparison.statistics.means import complete, means_at
from abm.errors import InputError

MOST = 10**12  # runs; an outcome that would need more has inf


def width_curve(
    values: np.ndarray,
    level: float = 0.95,
    blocks: np.ndarray | None = None,
    *,
    binary: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Half-width of each outcome's interval to be expected from other numbers of runs.

    It is that of Student's t, or of Wilson's interval for yes/no outcomes, if runs go on scattering as they do. Of a
    skewed outcome the bootstrap's is wider while runs are few.

    Parameters
    ----------
    values : float64 array, shape (runs, outcomes)
        What is not finite counts as missing.
    level : float
    blocks : int64 array, shape (runs,), optional
        The block (replication) of each run; more runs are then more blocks of as many runs.
    binary : bool array, shape (outcomes,), optional
        Which outcomes are yes/no; `is_binary` of the values by default.

    Returns
    -------
    runs : int64 array, shape (numbers,)
        5, 10, 20, 50, … to ten times as many as there are.
    half_widths : float64 array, shape (numbers, outcomes)
        NaN where fewer than two runs or blocks tell of the scatter.

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
    """How many runs an interval of a wished half-width takes; see `width_curve`.

    Parameters
    ----------
    values : float64 array, shape (runs, outcomes)
        What is not finite counts as missing.
    half_width : float or float64 array, shape (outcomes,) or (widths, outcomes)
        Above 0.
    level : float
    blocks : int64 array, shape (runs,), optional
    binary : bool array, shape (outcomes,), optional

    Returns
    -------
    float64 array, shape (outcomes,) or (widths, outcomes)
        The least number of runs, at least 2; inf beyond `MOST`, NaN where the scatter is not known.

    Raises
    ------
    InputError
        If a half-width is not above 0.

    Examples
    --------
    >>> runs_needed(np.array([[1.0], [2.0], [3.0], [4.0], [5.0]]), 0.5)
    array([41.])
    """
    wished = np.asarray(half_width, dtype=float) + np.zeros(values.shape[1])
    if not (wished > 0.0).all():
        raise InputError(f"half_width: must be above 0, not {wished[~(wished > 0.0)][0]:g}")
    reached = _half_width(values, level, blocks, binary)
    low, high = np.ones(wished.shape), np.full(wished.shape, float(MOST))
    known = ~np.isnan(reached(high))
    beyond = reached(high) > wished
    while (high - low > 1.0).any():
        middle = np.floor((low + high) / 2.0)
        enough = (reached(middle) <= wished) & (middle > low)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(known, np.where(beyond, np.inf, high), np.nan)


def _half_width(values: np.ndarray, level: float, blocks: np.ndarray | None, binary: np.ndarray | None) -> Callable:
    """The half-width as a function of the number of runs, each for one outcome or for all."""
    from scipy.special import stdtrit

    binary = is_binary(values) if binary is None else binary
    mean, deviation, design, size = np.full((4, values.shape[1]), np.nan)
    for columns, (rows,) in complete(values):
        means = means_at(values, rows, columns, blocks)
        if means.blocks < 2:
            continue
        n = means.sizes.sum()
        mean[columns], size[columns] = means.mean, n / means.blocks
        deviation[columns] = np.sqrt(means.variance * n)  # of one run, had runs been independent
        design[columns] = n / effective_runs(means, means.mean, level)

    def half_width(runs: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            freedom = runs / size - 1.0
            student = stdtrit(freedom, (1.0 + level) / 2.0) * deviation / np.sqrt(runs)
            low, high = wilson(mean * runs / design, runs / design, level)
            return np.where(binary, (high - low) / 2.0, np.where(freedom <= 0.0, np.inf, student))

    return half_width
