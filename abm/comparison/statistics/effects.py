"""How large a difference is, whether chance could have made it, and what pairing was worth."""

import numpy as np

from abm.comparison.statistics.means import Means, combined, complete, means_at, means_of, pool
from abm.comparison.statistics.rounding import differences, settled

# Romano et al. (2006): from which size of Cliff's delta on.
WORDS = ((0.474, "large"), (0.33, "medium"), (0.147, "small"), (0.0, "negligible"))


def cliffs_delta(values: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Cliff's delta: how often a run has more than one of the baseline, less how often it has less.

    Parameters
    ----------
    values, baseline : float64 array, shape (runs, outcomes)
        What is not finite counts as missing.

    Returns
    -------
    float64 array, shape (outcomes,)
        From -1 to 1; NaN where a group has no run. Values that are equal up to rounding are ties.

    Examples
    --------
    >>> cliffs_delta(np.array([[1.0], [2.0], [3.0]]), np.array([[0.0], [2.0]]))
    array([0.5])
    """
    values, baseline = settled(values, baseline)
    deltas = np.full(values.shape[1], np.nan)
    for column in range(values.shape[1]):
        ours, theirs = (np.sort(table[np.isfinite(table[:, column]), column]) for table in (values, baseline))
        if ours.size and theirs.size:
            # Counted in whole numbers: a group beside itself gives 0.
            below = theirs.searchsorted(ours, "left").sum()
            above = theirs.size * ours.size - theirs.searchsorted(ours, "right").sum()
            deltas[column] = (int(below) - int(above)) / (ours.size * theirs.size)
    return deltas


def cliffs_word(delta: float) -> str:
    """What a Cliff's delta is called (Romano et al. 2006).

    Parameters
    ----------
    delta : float

    Returns
    -------
    str
        `negligible` below 0.147, `small` below 0.33, `medium` below 0.474, else `large`; empty for NaN.

    Examples
    --------
    >>> [cliffs_word(delta) for delta in (0.1, -0.2, 0.4, -1.0)]
    ['negligible', 'small', 'medium', 'large']
    """
    return next((word for least, word in WORDS if abs(delta) >= least), "")


def variance_ratio(values: np.ndarray, baseline: np.ndarray, blocks: np.ndarray | None = None) -> np.ndarray:
    """How many times the runs an unpaired comparison would need for an interval as narrow as the paired one.

    Parameters
    ----------
    values, baseline : float64 array, shape (pairs, outcomes)
        Row for row; a pair counts if it has both.
    blocks : int64 array, shape (pairs,), optional
        The block of each pair.

    Returns
    -------
    float64 array, shape (outcomes,)
        The sum of the variances of the two means over that of their difference: above 1 where pairing helped; inf
        where all pairs differ by the same, NaN where nothing varies.

    Examples
    --------
    >>> seeds = np.array([[1.0], [2.0], [3.0], [4.0]])
    >>> variance_ratio(seeds + np.array([[0.0], [0.5], [0.0], [0.5]]), seeds).round(1)
    array([45.])
    """
    ratios = np.full(values.shape[1], np.nan)
    for columns, (rows,) in complete(np.where(np.isfinite(baseline), values, np.nan)):
        own = None if blocks is None else blocks[rows]
        ours, theirs = values[np.ix_(rows, columns)], baseline[np.ix_(rows, columns)]
        apart, together = (
            sum(means_of(table, own).variance for table in tables)
            for tables in ((ours, theirs), (differences(ours, theirs),))
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios[columns] = apart / together
    return ratios


def p_values(
    values: np.ndarray,
    baseline: np.ndarray,
    *,
    paired: bool = False,
    blocks: np.ndarray | None = None,
    baseline_blocks: np.ndarray | None = None,
) -> np.ndarray:
    """Two-sided p of each outcome's difference of means.

    Student's t of the pairs, or Welch's t; over blocks where there are any. For yes/no outcomes too: in the coverage
    study it keeps to its level for rare ones. Between groups of different size Welch's t calls skewed and rare outcomes
    different too often; there p is the larger of Welch's and that of a permutation of the runs between the groups,
    taken from the Pearson type III distribution with the permutation's variance and skewness.

    Parameters
    ----------
    values, baseline : float64 array, shape (runs, outcomes)
        What is not finite counts as missing. Where paired, row for row, and a pair counts if it has both.
    paired : bool
    blocks, baseline_blocks : int64 array, shape (runs,), optional
        The block (replication) of each run; where paired, the first is that of the pairs and the second is not used.

    Returns
    -------
    float64 array, shape (outcomes,)
        1 where the means are equal up to rounding. Where they differ and nothing varies t has no value, and the least p
        of a permutation test stands in. NaN for fewer than two blocks.

    Examples
    --------
    >>> seeds = np.random.default_rng(1).normal(size=(40, 1))
    >>> p_values(seeds + 0.1, seeds).round(2), p_values(seeds, seeds, paired=True)
    (array([0.64]), array([1.]))
    """
    from scipy.special import comb, stdtr

    values, baseline = (differences(values, baseline), values[:0]) if paired else settled(values, baseline)
    p = np.full(values.shape[1], np.nan)
    for columns, (rows, others) in complete(values, baseline):
        groups = [means_at(values, rows, columns, blocks)]
        if not paired:
            groups.append(means_at(baseline, others, columns, baseline_blocks))
        counts = [group.blocks for group in groups]
        if min(counts) < 2:
            continue
        difference = groups[0].mean - (0.0 if paired else groups[1].mean)
        variance, freedom = combined(groups)
        with np.errstate(divide="ignore", invalid="ignore"):
            tail = 2.0 * stdtr(freedom, -np.abs(difference) / np.sqrt(variance))
        if len(set(counts)) > 1:
            tail = np.maximum(tail, _permutation_p(*groups))
        least = 2.0 ** (1 - counts[0]) if paired else min(2.0 / comb(sum(counts), counts[0]), 1.0)
        p[columns] = np.where(difference == 0.0, 1.0, np.where(variance == 0.0, least, tail))
    return p


def _permutation_p(first: Means, second: Means) -> np.ndarray:
    """The p of two means if blocks are permuted between the groups, by that distribution's first three moments."""
    from scipy.stats import pearson3

    counts = np.array([first.blocks, second.blocks], dtype=float)
    pooled = pool(first, second)
    difference = first.mean - second.mean
    with np.errstate(divide="ignore", invalid="ignore"):
        z = difference / np.sqrt(pooled.variance * pooled.blocks * (1.0 / counts).sum())
        skewness = pooled.third / pooled.variance**1.5 * np.sqrt(pooled.blocks)
    skewness *= (1.0 / counts**2 * [1.0, -1.0]).sum() / (1.0 / counts).sum() ** 1.5
    return np.minimum(2.0 * pearson3.sf(np.abs(z), np.sign(z) * skewness), 1.0)


def holm(p: np.ndarray) -> np.ndarray:
    """p-values after Holm: the chance, when no outcome differs, that any would be called so at this p.

    Parameters
    ----------
    p : float64 array
        Of the whole family, in any shape; NaN is no test and left out.

    Returns
    -------
    float64 array
        Of the same shape.

    Examples
    --------
    >>> holm(np.array([0.01, np.nan, 0.04, 0.03]))
    array([0.03,  nan, 0.06, 0.06])
    """
    p = np.asarray(p, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    ordered = known[np.argsort(p.flat[known], kind="stable")]
    raised = np.maximum.accumulate(p.flat[ordered] * np.arange(len(ordered), 0, -1))
    adjusted.flat[ordered] = np.minimum(raised, 1.0)
    return adjusted
