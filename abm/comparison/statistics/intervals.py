"""Intervals of means, of shares and of differences between two groups of runs.

Which method is used where follows from the coverage study (`experiments/coverage.py`, `results/coverage/`).
"""

import numpy as np

from abm.comparison.statistics.means import Means, combined, complete, means_at, studentised_quantiles
from abm.comparison.statistics.rounding import differences, settled

SKEWED = 0.3  # skewness/√blocks above which the interval of a mean may cover less than it says


def is_binary(values: np.ndarray) -> np.ndarray:
    """Which outcomes are yes/no: both 0 and 1 occur and nothing else does.

    An outcome that is the same in all runs counts as a number, so judge over all groups together. Truth values are
    yes/no whatever they are.

    Parameters
    ----------
    values : bool or float64 array, shape (runs,) or (runs, outcomes)
        NaN where missing.

    Returns
    -------
    bool or bool array, shape (outcomes,)

    Examples
    --------
    >>> is_binary(np.array([[0.0, 0.0, 0.5], [1.0, np.nan, 1.0]]))
    array([ True, False, False])
    """
    values = np.asarray(values)
    if values.dtype == bool:
        return np.ones(values.shape[1:], dtype=bool)[()]
    no, yes = values == 0.0, values == 1.0
    return (no | yes | ~np.isfinite(values)).all(axis=0) & no.any(axis=0) & yes.any(axis=0)


def wilson(successes: np.ndarray, n: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval of a share.

    Parameters
    ----------
    successes, n : array
        Any shapes that go together. Of runs that are not independent the effective numbers, which need not be whole.
    level : float

    Returns
    -------
    low, high : float64 array
        NaN where n is 0.

    Examples
    --------
    >>> low, high = wilson(np.array([0, 5]), 10)
    >>> low.round(3), high.round(3)
    (array([0.   , 0.237]), array([0.278, 0.763]))
    """
    from scipy.special import ndtri

    successes, n = np.asarray(successes, dtype=float), np.asarray(n, dtype=float)
    z2 = ndtri((1.0 + level) / 2.0) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        share = successes / n
        middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n)
        half = np.sqrt(z2 * (share * (1.0 - share) / n + z2 / (4.0 * n**2))) / (1.0 + z2 / n)
    # Rounding must not part an interval from a share of 0 or 1.
    return np.where(share == 0.0, 0.0, middle - half), np.where(share == 1.0, 1.0, middle + half)


def effective_runs(means: Means, mean_square: np.ndarray, level: float) -> np.ndarray:
    """How many independent runs tell as much about a share, or about a difference of two.

    Parameters
    ----------
    means : Means
    mean_square : float64 array, shape (outcomes,)
        Of the runs: of a share the mean itself.
    level : float

    Returns
    -------
    float64 array, shape (outcomes,)
        The runs over their design effect, which is at least 1 (Korn and Graubard 1998), less what estimating it from
        few blocks costs (Student's t for the normal, Dean and Pagano 2015). Where all runs agree there is nothing to
        estimate it from, and each block counts once.

    Examples
    --------
    >>> from abm.comparison.statistics.means import means_of
    >>> runs, seeds = np.array([[0.0], [0.0], [1.0], [1.0], [1.0], [1.0]]), np.array([1, 1, 2, 2, 3, 3])
    >>> for means in means_of(runs), means_of(runs, seeds):
    ...     effective_runs(means, means.mean, 0.95).round(2)
    array([6.])
    array([0.5])
    """
    from scipy.special import ndtri, stdtrit

    n = means.sizes.sum()
    if means.blocks == n:
        return np.full(means.mean.shape, n)
    if means.blocks < 2:
        return np.full(means.mean.shape, np.nan)
    independent = (mean_square - means.mean**2) / (n - 1.0)
    varied = independent > 1e-12
    design = np.where(varied, means.variance / np.where(varied, independent, 1.0), n / means.blocks)
    tail = (1.0 + level) / 2.0
    return n / np.maximum(design, 1.0) * (ndtri(tail) / stdtrit(means.blocks - 1.0, tail)) ** 2


def mean_intervals(
    values: np.ndarray,
    level: float = 0.95,
    blocks: np.ndarray | None = None,
    *,
    binary: np.ndarray | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of the mean of each outcome over runs.

    Bootstrap-t (see `means.studentised_quantiles`) for numbers and Wilson's for yes/no outcomes.
    Runs that lack an outcome are left out of its interval.

    Parameters
    ----------
    values : float64 array, shape (runs, outcomes)
        What is not finite counts as missing.
    level : float
    blocks : int64 array, shape (runs,), optional
        The block (replication) of each run; runs of a block are not independent, and whole blocks are resampled.
    binary : bool array, shape (outcomes,), optional
        Which outcomes are yes/no; `is_binary` of the values by default.
    seed : int
        Of the resampling.

    Returns
    -------
    low, high : float64 array, shape (outcomes,)
        NaN for fewer than two runs or blocks.

    Examples
    --------
    >>> values = np.column_stack([np.linspace(0, 1, 20) ** 2, np.arange(20) < 2])
    >>> low, high = mean_intervals(values)
    >>> for numbers in (low, values.mean(axis=0), high):
    ...     print(numbers.round(2))
    [0.21 0.03]
    [0.34 0.1 ]
    [0.53 0.3 ]
    """
    binary = is_binary(values) if binary is None else binary
    low, high = np.full((2, values.shape[1]), np.nan)
    for columns, (rows,) in complete(values):
        for kind in (True, False):
            chosen = columns[binary[columns] == kind]
            if chosen.size:
                means = means_at(values, rows, chosen, blocks)
                low[chosen], high[chosen] = _share(means, level) if kind else _number([means], level, seed)
    return low, high


def difference_intervals(
    values: np.ndarray,
    baseline: np.ndarray,
    level: float = 0.95,
    blocks: np.ndarray | None = None,
    baseline_blocks: np.ndarray | None = None,
    *,
    binary: np.ndarray | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of the difference between two groups' means, whose runs are independent, for each outcome.

    Bootstrap-t for numbers; Newcombe's interval (1998, method 10) for yes/no outcomes.

    Parameters
    ----------
    values, baseline : float64 array, shape (runs, outcomes)
        What is not finite counts as missing.
    level : float
    blocks, baseline_blocks : int64 array, shape (runs,), optional
        As in `mean_intervals`.
    binary : bool array, shape (outcomes,), optional
        Which outcomes are yes/no; by default `is_binary` of both groups together.
    seed : int
        Of the resampling.

    Returns
    -------
    low, high : float64 array, shape (outcomes,)
    """
    binary = is_binary(np.concatenate([values, baseline])) if binary is None else binary
    values, baseline = settled(values, baseline)
    low, high = np.full((2, values.shape[1]), np.nan)
    for columns, (rows, others) in complete(values, baseline):
        for kind in (True, False):
            chosen = columns[binary[columns] == kind]
            if chosen.size:
                first = means_at(values, rows, chosen, blocks)
                second = means_at(baseline, others, chosen, baseline_blocks)
                ends = _two_shares(first, second, level) if kind else _number([first, second], level, seed)
                low[chosen], high[chosen] = ends
    return low, high


def paired_intervals(
    values: np.ndarray,
    baseline: np.ndarray,
    level: float = 0.95,
    blocks: np.ndarray | None = None,
    *,
    binary: np.ndarray | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of the mean difference of pairs of runs, for each outcome.

    Bootstrap-t for numbers; Bonett and Price's interval (2012) for yes/no outcomes.

    Parameters
    ----------
    values, baseline : float64 array, shape (pairs, outcomes)
        What is not finite counts as missing; a pair without both values is left out.
    level, blocks, binary, seed
        As in `difference_intervals`, with the block of each pair.

    Returns
    -------
    low, high : float64 array, shape (outcomes,)
    """
    binary = is_binary(np.concatenate([values, baseline])) if binary is None else binary
    apart = differences(values, baseline)
    low, high = np.full((2, apart.shape[1]), np.nan)
    for columns, (rows,) in complete(apart):
        for kind in (True, False):
            chosen = columns[binary[columns] == kind]
            if chosen.size:
                means = means_at(apart, rows, chosen, blocks)
                if kind:
                    discordant = (apart[np.ix_(rows, chosen)] ** 2).mean(axis=0)
                    low[chosen], high[chosen] = _paired_shares(means, discordant, level)
                else:
                    low[chosen], high[chosen] = _number([means], level, seed)
    return low, high


def skewed(values: np.ndarray, blocks: np.ndarray | None = None) -> np.ndarray:
    """For which outcomes the interval of the mean may cover less than it says.

    Parameters
    ----------
    values : float64 array, shape (runs, outcomes)
        Where paired, of the `differences`.
    blocks : int64 array, shape (runs,), optional

    Returns
    -------
    bool array, shape (outcomes,)
        Whether the skewness over the root of the number of blocks is above `SKEWED`: in the coverage study 95 %
        intervals of outcomes of which most samples are above it covered less than 93 %. Never so for yes/no outcomes,
        whose intervals do not rest on it.

    Examples
    --------
    >>> evenly = np.linspace(0.0, 1.0, 30)
    >>> skewed(np.column_stack([evenly, np.exp(6 * evenly)]))
    array([False,  True])
    """
    found = np.zeros(values.shape[1], dtype=bool)
    for columns, (rows,) in complete(values):
        means = means_at(values, rows, columns, blocks)
        squares = (means.residuals**2).sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            found[columns] = np.abs((means.residuals**3).sum(axis=0)) > SKEWED * squares**1.5
    return found & ~is_binary(values)


def _share(means: Means, level: float) -> tuple[np.ndarray, np.ndarray]:
    n = effective_runs(means, means.mean, level)
    return wilson(means.mean * n, n, level)


def _number(groups: list[Means], level: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Bootstrap-t of the mean of a group, or of the first group's less the second's."""
    estimate = groups[0].mean - (groups[1].mean if len(groups) > 1 else 0.0)
    error = np.sqrt(combined(groups)[0])
    below, above = studentised_quantiles(groups, level, seed)
    return estimate - error * above, estimate - error * below


def _two_shares(first: Means, second: Means, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Newcombe's interval: from each share to the end of its own interval that the difference moves to."""
    (low, high), (their_low, their_high) = _share(first, level), _share(second, level)
    difference = first.mean - second.mean
    below = np.hypot(first.mean - low, their_high - second.mean)
    return difference - below, difference + np.hypot(high - first.mean, second.mean - their_low)


def _paired_shares(means: Means, discordant: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Bonett and Price's interval: Wald's with one pair more of each discordant kind."""
    from scipy.special import ndtri

    n = effective_runs(means, discordant, level)
    difference = means.mean * n / (n + 2.0)
    share = (discordant * n + 2.0) / (n + 2.0)
    half = ndtri((1.0 + level) / 2.0) * np.sqrt((share - difference**2) / (n + 2.0))
    return np.maximum(difference - half, -1.0), np.minimum(difference + half, 1.0)
