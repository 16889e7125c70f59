"""Effect sizes, p-values, and how much pairing reduced the variance."""

import numpy as np

from abm.comparison.statistics.means import Means, combined_variance, complete_cases, means_at, means_of, pool
from abm.comparison.statistics.rounding import differences, merge_close

# Romano et al. (2006): the least |Cliff's delta| of each word.
WORDS = ((0.474, "large"), (0.33, "medium"), (0.147, "small"), (0.0, "negligible"))


def cliffs_delta(values: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Cliff's delta: the share of pairs of runs in which the group's value is larger, minus that in which it is less.

    Parameters
    ----------
    values, baseline : float64 array, shape (runs, outcomes)
        Values that are not finite count as missing; values equal up to rounding count as equal.

    Returns
    -------
    float64 array, shape (outcomes,)
        From -1 to 1; NaN where a group has no run.

    Examples
    --------
    >>> cliffs_delta(np.array([[1.0], [2.0], [3.0]]), np.array([[0.0], [2.0]]))
    array([0.5])
    """
    values, baseline = merge_close(values, baseline)
    deltas = np.full(values.shape[1], np.nan)
    for column in range(values.shape[1]):
        ours, theirs = (np.sort(table[np.isfinite(table[:, column]), column]) for table in (values, baseline))
        if ours.size and theirs.size:
            # Counted in whole numbers, so that a group compared with itself gives exactly 0.
            below = theirs.searchsorted(ours, "left").sum()
            above = theirs.size * ours.size - theirs.searchsorted(ours, "right").sum()
            deltas[column] = (int(below) - int(above)) / (ours.size * theirs.size)
    return deltas


def cliffs_word(delta: float) -> str:
    """The name of a Cliff's delta's size (Romano et al. 2006): negligible, small, medium or large; empty for NaN."""
    return next((word for least, word in WORDS if abs(delta) >= least), "")


def variance_ratio(values: np.ndarray, baseline: np.ndarray, blocks: np.ndarray | None = None) -> np.ndarray:
    """How many times as many runs an unpaired comparison needs for an interval as narrow as the paired one.

    It is the sum of the variances of the two means over the variance of the mean difference, shape (outcomes,): above 1
    where pairing helps, inf where all pairs differ by the same amount, NaN where nothing varies. `values` and
    `baseline` have shape (pairs, outcomes), `blocks` has shape (pairs,).
    """
    ratios = np.full(values.shape[1], np.nan)
    for columns, (rows,) in complete_cases(np.where(np.isfinite(baseline), values, np.nan)):
        own = None if blocks is None else blocks[rows]
        ours, theirs = values[np.ix_(rows, columns)], baseline[np.ix_(rows, columns)]
        distances, together = (
            sum(means_of(table, own).variance for table in tables)
            for tables in ((ours, theirs), (differences(ours, theirs),))
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios[columns] = distances / together
    return ratios


def p_values(
    values: np.ndarray,
    baseline: np.ndarray,
    *,
    paired: bool = False,
    blocks: np.ndarray | None = None,
    baseline_blocks: np.ndarray | None = None,
) -> np.ndarray:
    """Two-sided p-value of the difference of means, for each outcome.

    Student's t of the pairs, or Welch's t; over blocks where there are any. The coverage study shows that it keeps its
    level for rare yes/no outcomes too. Between groups of different sizes Welch's t rejects too often for skewed and
    rare outcomes; there p is the larger of Welch's and that of a permutation of the runs between the groups, taken
    from the Pearson type III distribution with the permutation's variance and skewness.

    Parameters
    ----------
    values, baseline : float64 array, shape (runs, outcomes)
        Values that are not finite count as missing. Where paired, the rows are pairs; a pair without both is left out.
    paired : bool
    blocks, baseline_blocks : int64 array, shape (runs,), optional
        The block (replication) of each run; where paired, `blocks` are those of the pairs and the other is unused.

    Returns
    -------
    float64 array, shape (outcomes,)
        1 where the means are equal up to rounding. Where they differ and nothing varies, t does not exist, and the
        smallest p of a permutation test is given. NaN for fewer than two blocks.
    """
    from scipy.special import comb, stdtr

    values, baseline = (differences(values, baseline), values[:0]) if paired else merge_close(values, baseline)
    p = np.full(values.shape[1], np.nan)
    for columns, (rows, others) in complete_cases(values, baseline):
        groups = [means_at(values, rows, columns, blocks)]
        if not paired:
            groups.append(means_at(baseline, others, columns, baseline_blocks))
        counts = [group.blocks for group in groups]
        if min(counts) < 2:
            continue
        difference = groups[0].mean - (0.0 if paired else groups[1].mean)
        variance, freedom = combined_variance(groups)
        with np.errstate(divide="ignore", invalid="ignore"):
            tail = 2.0 * stdtr(freedom, -np.abs(difference) / np.sqrt(variance))
        if len(set(counts)) > 1:
            tail = np.maximum(tail, _permutation_p(*groups))
        least = 2.0 ** (1 - counts[0]) if paired else min(2.0 / comb(sum(counts), counts[0]), 1.0)
        p[columns] = np.where(difference == 0.0, 1.0, np.where(variance == 0.0, least, tail))
    return p


def _permutation_p(first: Means, second: Means) -> np.ndarray:
    """The p-value of two means if blocks are permuted between the groups, by the first three moments."""
    from scipy.stats import pearson3

    counts = np.array([first.blocks, second.blocks], dtype=float)
    pooled = pool(first, second)
    difference = first.mean - second.mean
    with np.errstate(divide="ignore", invalid="ignore"):
        z = difference / np.sqrt(pooled.variance * pooled.blocks * (1.0 / counts).sum())
        skewness = pooled.third_moment / pooled.variance**1.5 * np.sqrt(pooled.blocks)
    skewness *= (1.0 / counts**2 * [1.0, -1.0]).sum() / (1.0 / counts).sum() ** 1.5
    return np.minimum(2.0 * pearson3.sf(np.abs(z), np.sign(z) * skewness), 1.0)


def holm(p: np.ndarray) -> np.ndarray:
    """p-values after Holm's correction over the whole array, any shape; NaN is no test and stays NaN."""
    p = np.asarray(p, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    ordered = known[np.argsort(p.flat[known], kind="stable")]
    raised = np.maximum.accumulate(p.flat[ordered] * np.arange(len(ordered), 0, -1))
    adjusted.flat[ordered] = np.minimum(raised, 1.0)
    return adjusted
