"""Intervals of means, of shares and of differences between two groups of runs.

The coverage study shows why each method is used (`experiments/coverage.py`, `results/coverage/`).
"""

from collections.abc import Callable

import numpy as np

from abm.comparison.statistics.means import Means, combined_variance, complete_cases, means_at, studentised_quantiles
from abm.comparison.statistics.rounding import differences, merge_close

SKEWED = 0.3  # skewness/√blocks above which the interval of a mean may cover the true value too seldom


def is_binary(values: np.ndarray) -> np.ndarray:
    """Which outcomes are yes/no, shape (outcomes,): truth values, or numbers where 0, 1 and no other occur."""
    values = np.asarray(values)
    if values.dtype == bool:
        return np.ones(values.shape[1:], dtype=bool)[()]
    no, yes = values == 0.0, values == 1.0
    return (no | yes | ~np.isfinite(values)).all(axis=0) & no.any(axis=0) & yes.any(axis=0)


def wilson(successes: np.ndarray, n: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval (low, high) of a share; `n` may be an effective number of runs. NaN where it is 0."""
    from scipy.special import ndtri

    successes, n = np.asarray(successes, dtype=float), np.asarray(n, dtype=float)
    z2 = ndtri((1.0 + level) / 2.0) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        share = successes / n
        middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n)
        half = np.sqrt(z2 * (share * (1.0 - share) / n + z2 / (4.0 * n**2))) / (1.0 + z2 / n)
    # Rounding must not leave a share of 0 or 1 outside its interval.
    return np.where(share == 0.0, 0.0, middle - half), np.where(share == 1.0, 1.0, middle + half)


def effective_runs(means: Means, mean_square: np.ndarray, level: float) -> np.ndarray:
    """The number of independent runs that would be as informative about a share, or a difference of two.

    It is the number of runs over their design effect, which is at least 1 (Korn and Graubard 1998), reduced for
    estimating it from few blocks (Student's t instead of the normal, Dean and Pagano 2015). Where all runs agree the
    design effect cannot be estimated, and each block counts once. `mean_square` is the mean of the squared values; of a
    share it is the mean itself.
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
    """Interval of the mean over runs, for each outcome.

    Bootstrap-t (see `means.studentised_quantiles`) for numbers, Wilson's interval for yes/no outcomes.

    Parameters
    ----------
    values : float64 array, shape (runs, outcomes)
        Values that are not finite count as missing; a run is left out of the outcomes that it lacks.
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
    return _one_sample(values, level, blocks, binary, seed, lambda means, _: _share(means, level))


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
    values, baseline = merge_close(values, baseline)
    low, high = np.full((2, values.shape[1]), np.nan)
    for columns, (rows, others) in complete_cases(values, baseline):
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

    def share(means: Means, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _paired_shares(means, (pairs**2).mean(axis=0), level)

    return _one_sample(differences(values, baseline), level, blocks, binary, seed, share)


def _one_sample(
    values: np.ndarray, level: float, blocks: np.ndarray | None, binary: np.ndarray, seed: int, share: Callable
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of the mean of each column, by one method for yes/no outcomes and another for numbers."""
    low, high = np.full((2, values.shape[1]), np.nan)
    for columns, (rows,) in complete_cases(values):
        for kind in (True, False):
            chosen = columns[binary[columns] == kind]
            if chosen.size:
                means = means_at(values, rows, chosen, blocks)
                if kind:
                    low[chosen], high[chosen] = share(means, values[np.ix_(rows, chosen)])
                else:
                    low[chosen], high[chosen] = _number([means], level, seed)
    return low, high


def skewed(values: np.ndarray, blocks: np.ndarray | None = None) -> np.ndarray:
    """For which outcomes the interval of the mean may cover the true value less often than its level.

    These have a skewness over the root of the number of blocks above `SKEWED`: in the coverage study 95 % intervals of
    such outcomes covered less than 93 %. Yes/no outcomes never count, since their intervals do not depend on it.
    """
    found = np.zeros(values.shape[1], dtype=bool)
    for columns, (rows,) in complete_cases(values):
        means = means_at(values, rows, columns, blocks)
        squares = (means.residuals**2).sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            found[columns] = np.abs((means.residuals**3).sum(axis=0)) > SKEWED * squares**1.5
    return found & ~is_binary(values)


def _share(means: Means, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's interval with the effective number of runs."""
    n = effective_runs(means, means.mean, level)
    return wilson(means.mean * n, n, level)


def _number(groups: list[Means], level: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Bootstrap-t interval of a group's mean, or of the first group's minus the second's."""
    estimate = groups[0].mean - (groups[1].mean if len(groups) > 1 else 0.0)
    error = np.sqrt(combined_variance(groups)[0])
    below, above = studentised_quantiles(groups, level, seed)
    return estimate - error * above, estimate - error * below


def _two_shares(first: Means, second: Means, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Newcombe's interval: combines the distances from each share to an end of its own Wilson interval."""
    (low, high), (their_low, their_high) = _share(first, level), _share(second, level)
    difference = first.mean - second.mean
    below = np.hypot(first.mean - low, their_high - second.mean)
    return difference - below, difference + np.hypot(high - first.mean, second.mean - their_low)


def _paired_shares(means: Means, discordant: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Bonett and Price's interval: Wald's with one more pair of each discordant kind."""
    from scipy.special import ndtri

    n = effective_runs(means, discordant, level)
    difference = means.mean * n / (n + 2.0)
    share = (discordant * n + 2.0) / (n + 2.0)
    half = ndtri((1.0 + level) / 2.0) * np.sqrt((share - difference**2) / (n + 2.0))
    return np.maximum(difference - half, -1.0), np.minimum(difference + half, 1.0)
