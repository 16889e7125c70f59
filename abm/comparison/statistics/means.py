"""Means over runs and how far they scatter: standard errors and the bootstrap of the studentised mean.

Runs that share a seed are not independent, so the unit is the block: all runs of one replication, or the single run
where nothing is shared. A mean over blocks of unequal size is a ratio of two sums; its residuals, one a block, carry
the standard error (cluster-robust, Cameron and Miller 2015) and the bootstrap alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

RESAMPLES = 1999  # (RESAMPLES + 1)·(1 - level)/2 is whole at the usual levels
FEWEST = 5  # blocks; below, resamples are too few of a kind, and Student's t stands in
MANY = 1_000  # blocks from which the Edgeworth expansion replaces the bootstrap
MILD = 0.1  # skewness/√blocks up to which it does
_DRAWS = 100_000  # blocks drawn at once


@dataclass(frozen=True)
class Means:
    """Means of the outcomes of one group of runs, with what their precision is judged by.

    Attributes
    ----------
    mean : float64 array, shape (outcomes,)
    residuals : float64 array, shape (blocks, outcomes)
        Sum over a block of the distances from the mean, rising in each column unless the sizes differ.
    sizes : float64 array, shape (blocks,)
        Runs of each block.
    """

    mean: np.ndarray
    residuals: np.ndarray
    sizes: np.ndarray

    @property
    def blocks(self) -> int:
        """Number of independent units."""
        return len(self.sizes)

    @property
    def even(self) -> bool:
        """Whether all blocks are of one size."""
        return not self.blocks or bool((self.sizes == self.sizes[0]).all())

    @property
    def variance(self) -> np.ndarray:
        """Squared standard error of each mean; NaN for fewer than two blocks."""
        if self.blocks < 2:
            return np.full(self.mean.shape, np.nan)
        squares = (self.residuals**2).sum(axis=0) / self.sizes.sum() ** 2
        return squares * self.blocks / (self.blocks - 1)

    @property
    def third(self) -> np.ndarray:
        """Third central moment of each mean, as far as the residuals tell it."""
        return (self.residuals**3).sum(axis=0) / max(self.sizes.sum(), 1.0) ** 3


def means_of(values: np.ndarray, blocks: np.ndarray | None = None) -> Means:
    """Means of outcomes that no run lacks.

    Parameters
    ----------
    values : float64 array, shape (runs, outcomes)
    blocks : int64 array, shape (runs,), optional
        The block of each run; by default each run is its own.

    Returns
    -------
    Means

    Examples
    --------
    >>> means = means_of(np.array([[1.0], [2.0], [6.0]]))
    >>> means.mean, means.variance.round(3)
    (array([3.]), array([2.333]))
    """
    # Sorted, so that the order of runs changes no digit; about a value of each column, so that a constant one is exact.
    if not len(values):
        return Means(np.full(values.shape[1], np.nan), values, np.empty(0))
    if blocks is None:
        rows = np.sort(values, axis=0)
    else:
        order = np.lexsort((values, np.broadcast_to(blocks[:, np.newaxis], values.shape)), axis=0)
        rows = np.take_along_axis(values, order, axis=0)
    centre = rows[0].copy()
    mean = (rows - centre).mean(axis=0)
    residuals = rows - centre - mean
    mean += centre
    if blocks is None:
        return Means(mean, residuals, np.ones(len(rows)))
    _, starts, sizes = np.unique(np.sort(blocks), return_index=True, return_counts=True)
    residuals = np.add.reduceat(residuals, starts, axis=0)
    if (sizes == sizes[0]).all():
        residuals.sort(axis=0)
    return Means(mean, residuals, sizes.astype(float))


def pool(first: Means, second: Means) -> Means:
    """Means over two groups together.

    Parameters
    ----------
    first, second : Means
        Of the same outcomes; no block is in both.

    Returns
    -------
    Means

    Examples
    --------
    >>> pooled = pool(means_of(np.array([[1.0], [2.0]])), means_of(np.array([[6.0]])))
    >>> pooled.mean, pooled.residuals[:, 0]
    (array([3.]), array([-2., -1.,  3.]))
    """
    sizes = np.concatenate([first.sizes, second.sizes])
    mean = (first.mean * first.sizes.sum() + second.mean * second.sizes.sum()) / sizes.sum()
    residuals = [part.residuals + np.outer(part.sizes, part.mean - mean) for part in (first, second)]
    return Means(mean, np.concatenate(residuals), sizes)


def complete(*tables: np.ndarray) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Outcomes that lack the same runs, with the runs that have them; what is not finite counts as missing.

    Parameters
    ----------
    *tables : float64 array, shape (runs, outcomes)
        The number of runs may differ, the outcomes are the same.

    Yields
    ------
    columns : int64 array
    rows : list of bool array, shape (runs,)
        One for each table.

    Examples
    --------
    >>> [(columns.tolist(), rows[0].tolist()) for columns, rows in complete(np.array([[1.0, np.nan], [2.0, 3.0]]))]
    [([1], [False, True]), ([0], [True, True])]
    """
    known = np.concatenate([np.isfinite(table) for table in tables])
    cuts = np.cumsum([len(table) for table in tables])[:-1]
    patterns, which = np.unique(np.packbits(known, axis=0), axis=1, return_inverse=True)
    for pattern in range(patterns.shape[1]):
        columns = np.flatnonzero(which == pattern)
        yield columns, np.split(known[:, columns[0]], cuts)


def means_at(values: np.ndarray, rows: np.ndarray, columns: np.ndarray, blocks: np.ndarray | None = None) -> Means:
    """Means of some outcomes over some runs, all of which have them; rows and columns as of `complete`.

    Examples
    --------
    >>> means_at(np.array([[1.0, 5.0], [3.0, np.nan]]), np.array([True, False]), np.array([1])).mean
    array([5.])
    """
    return means_of(values[np.ix_(rows, columns)], None if blocks is None else blocks[rows])


def replicates(means: Means, seed: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Means of resampled blocks.

    Parameters
    ----------
    means : Means
    seed : tuple of int
        With the number of blocks it fixes which blocks are drawn, the same for all outcomes: what is asked about one
        outcome does not depend on which others are asked about.

    Returns
    -------
    shifts, variances : float64 array, shape (RESAMPLES, outcomes)
        Distance of each resample's mean from the mean, and its squared standard error.
    """
    from scipy.sparse import csr_array

    count, sizes, many = means.blocks, means.sizes, means.residuals.shape[1]
    cross = means.residuals * sizes[:, np.newaxis]
    summed = np.column_stack([means.residuals, means.residuals**2, cross, sizes, sizes**2])
    if means.even:
        summed = np.delete(summed, slice(2 * many, 3 * many), axis=1)
    rng = np.random.default_rng(seed)
    sums = np.empty((RESAMPLES, summed.shape[1]))
    at_once = max(_DRAWS // count, 1)
    for start in range(0, RESAMPLES, at_once):
        rows = min(at_once, RESAMPLES - start)
        # A sparse matrix that picks what was drawn, in the order of memory: the threads of a dense product, which
        # is faster alone, wait for one another's cores where other processes are at work.
        drawn = np.sort(rng.integers(count, size=(rows, count), dtype=np.int32), axis=1).ravel()
        picked = csr_array((np.ones(drawn.size), drawn, count * np.arange(rows + 1)), shape=(rows, count))
        sums[start : start + rows] = picked @ summed
    shift, spread, total, squares = sums[:, :many], sums[:, many : 2 * many], sums[:, -2:-1], sums[:, -1:]
    shift = shift / total
    # Σ (residual - size·shift)² over what was drawn: the residuals about the resample's own mean.
    mixed = shift * total * sizes[0] if means.even else sums[:, 2 * many : 3 * many]
    around = spread - 2.0 * shift * mixed + shift**2 * squares
    around[around <= 1e-12 * spread] = 0.0  # the same block throughout
    return shift, around / total**2 * (count / (count - 1))


def studentised_quantiles(parts: list[Means], level: float, seed: int) -> np.ndarray:
    """Quantiles of (estimate - truth) / standard error, for a mean or for one less that of another group.

    Bootstrap-t (Efron 1979; Hall 1988), or its Edgeworth expansion to the first order (Hall 1992, §2.6) from `MANY`
    blocks a group on where the skewness of the estimate is at most `MILD`: what the expansion leaves out is then less
    than the Monte Carlo error of the bootstrap. Student's t below `FEWEST` blocks, and where so few blocks differ
    that a resample often has no spread.

    Parameters
    ----------
    parts : list of Means
        Of one group, or of two that are independent.
    level : float
    seed : int

    Returns
    -------
    float64 array, shape (2, outcomes)
    """
    from scipy.special import stdtrit

    tails = np.array([(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    variance, freedom = combined(parts)
    quantiles = stdtrit(freedom, tails[:, np.newaxis])
    if min(part.blocks for part in parts) < FEWEST:
        return quantiles
    varied = variance > 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        skewness = sum(sign * part.third for sign, part in zip((1, -1), parts)) / variance**1.5
    expanded = varied & all(part.blocks >= MANY and part.even for part in parts) & (np.abs(skewness) <= MILD)
    quantiles[:, expanded] -= (skewness * (2.0 * quantiles**2 + 1.0) / 6.0)[:, expanded]
    columns = np.flatnonzero(varied & ~expanded)
    if columns.size:
        shift, spread = 0.0, 0.0
        for place, (sign, part) in enumerate(zip((1, -1), parts)):
            chosen = Means(part.mean[columns], part.residuals[:, columns], part.sizes)
            shifts, variances = replicates(chosen, (seed, place))
            shift, spread = shift + sign * shifts, spread + variances
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(shift == 0.0, 0.0, shift / np.sqrt(spread))
        # Rounded away from the middle, so that a level whose tail is not whole is kept, not missed.
        below = max(int((RESAMPLES + 1) * tails[0] + 1e-9), 1) - 1
        ends = np.partition(t, (below, RESAMPLES - 1 - below), axis=0)[[below, RESAMPLES - 1 - below]]
        quantiles[:, columns] = np.where(np.isfinite(ends).all(axis=0), ends, quantiles[:, columns])
    return quantiles


def combined(parts: list[Means]) -> tuple[np.ndarray, np.ndarray]:
    """Squared standard error of a sum of independent means, and its degrees of freedom (Welch–Satterthwaite).

    Parameters
    ----------
    parts : list of Means

    Returns
    -------
    variance, freedom : float64 array, shape (outcomes,)
    """
    variance = sum(part.variance for part in parts)
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = variance**2 / sum(part.variance**2 / max(part.blocks - 1, 1) for part in parts)
    return variance, np.where(variance > 0.0, freedom, max(min(part.blocks for part in parts) - 1.0, 1.0))
