"""Means over runs, their standard errors, and the bootstrap of the studentised mean.

Runs that share a seed are not independent, so the unit is the block: all runs of one replication, or the single run
where no seeds are shared. A mean over blocks of unequal size is a ratio of two sums; its residuals, one for each block,
give the standard error (cluster-robust, Cameron and Miller 2015) and the bootstrap.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

RESAMPLES = 1999  # (RESAMPLES + 1)·(1 - level)/2 is whole at the usual levels
FEWEST = 5  # blocks; below, there are too few different resamples, and Student's t is used
MANY = 1_000  # blocks from which the Edgeworth expansion replaces the bootstrap
MILD = 0.1  # skewness/√blocks up to which it does
_DRAWS = 100_000  # blocks drawn at once


@dataclass(frozen=True)
class Means:
    """Means of the outcomes of one group of runs, with what their precision is computed from.

    Attributes
    ----------
    mean : float64 array, shape (outcomes,)
    residuals : float64 array, shape (blocks, outcomes)
        Sum over a block of the distances from the mean; sorted in each column where blocks have equal sizes.
    sizes : float64 array, shape (blocks,)
        Number of runs of each block.
    """

    mean: np.ndarray
    residuals: np.ndarray
    sizes: np.ndarray

    @property
    def blocks(self) -> int:
        """Number of independent units."""
        return len(self.sizes)

    @property
    def equal_sizes(self) -> bool:
        """Whether all blocks have the same size."""
        return not self.blocks or bool((self.sizes == self.sizes[0]).all())

    @property
    def variance(self) -> np.ndarray:
        """Squared standard error of each mean; NaN for fewer than two blocks."""
        if self.blocks < 2:
            return np.full(self.mean.shape, np.nan)
        squares = (self.residuals**2).sum(axis=0) / self.sizes.sum() ** 2
        return squares * self.blocks / (self.blocks - 1)

    @property
    def third_moment(self) -> np.ndarray:
        """Third central moment of each mean, estimated from the residuals."""
        return (self.residuals**3).sum(axis=0) / max(self.sizes.sum(), 1.0) ** 3


def means_of(values: np.ndarray, blocks: np.ndarray | None = None) -> Means:
    """Means of outcomes that all runs have; values of shape (runs, outcomes), blocks of shape (runs,)."""
    # Sorted, so that the order of runs changes no digit; relative to one value, so that a constant column is exact.
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
    """Means over two groups together, which share no block."""
    sizes = np.concatenate([first.sizes, second.sizes])
    mean = (first.mean * first.sizes.sum() + second.mean * second.sizes.sum()) / sizes.sum()
    residuals = [part.residuals + np.outer(part.sizes, part.mean - mean) for part in (first, second)]
    return Means(mean, np.concatenate(residuals), sizes)


def complete_cases(*tables: np.ndarray) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Sets of outcomes that the same runs have: the columns, and a mask of the runs for each table.

    A value that is not finite is missing. Each outcome is in one set.
    """
    known = np.concatenate([np.isfinite(table) for table in tables])
    cuts = np.cumsum([len(table) for table in tables])[:-1]
    patterns, which = np.unique(np.packbits(known, axis=0), axis=1, return_inverse=True)
    for pattern in range(patterns.shape[1]):
        columns = np.flatnonzero(which == pattern)
        yield columns, np.split(known[:, columns[0]], cuts)


def means_at(values: np.ndarray, rows: np.ndarray, columns: np.ndarray, blocks: np.ndarray | None = None) -> Means:
    """Means of some outcomes over runs that all have them; rows and columns as of `complete_cases`."""
    return means_of(values[np.ix_(rows, columns)], None if blocks is None else blocks[rows])


def bootstrap_means(means: Means, seed: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Means of resampled blocks: their distances from the mean and their squared standard errors.

    Both have shape (RESAMPLES, outcomes). The seed and the number of blocks determine which blocks are drawn, the same
    for all outcomes: a result for one outcome does not depend on which others are analysed.
    """
    from scipy.sparse import csr_array

    count, sizes, many = means.blocks, means.sizes, means.residuals.shape[1]
    cross = means.residuals * sizes[:, np.newaxis]
    summed = np.column_stack([means.residuals, means.residuals**2, cross, sizes, sizes**2])
    if means.equal_sizes:
        summed = np.delete(summed, slice(2 * many, 3 * many), axis=1)
    rng = np.random.default_rng(seed)
    sums = np.empty((RESAMPLES, summed.shape[1]))
    at_once = max(_DRAWS // count, 1)
    for start in range(0, RESAMPLES, at_once):
        rows = min(at_once, RESAMPLES - start)
        # A sparse matrix selects the drawn blocks. A dense product is faster on an idle machine, but its threads wait
        # for each other where other processes use the cores.
        drawn = np.sort(rng.integers(count, size=(rows, count), dtype=np.int32), axis=1).ravel()
        picked = csr_array((np.ones(drawn.size), drawn, count * np.arange(rows + 1)), shape=(rows, count))
        sums[start : start + rows] = picked @ summed
    shift, spread, total, squares = sums[:, :many], sums[:, many : 2 * many], sums[:, -2:-1], sums[:, -1:]
    shift = shift / total
    # Σ (residual - size·shift)² over the drawn blocks: their residuals about the resample's mean.
    mixed = shift * total * sizes[0] if means.equal_sizes else sums[:, 2 * many : 3 * many]
    around = spread - 2.0 * shift * mixed + shift**2 * squares
    around[around <= 1e-12 * spread] = 0.0  # one block drawn every time
    return shift, around / total**2 * (count / (count - 1))


def studentised_quantiles(parts: list[Means], level: float, seed: int) -> np.ndarray:
    """Quantiles of (estimate - true value) / standard error, shape (2, outcomes), for a mean or a difference.

    Bootstrap-t (Efron 1979; Hall 1988), or its Edgeworth expansion to the first order (Hall 1992, §2.6) where each
    group has at least `MANY` blocks and the estimate a skewness of at most `MILD`: the error of the expansion is then
    less than the Monte Carlo error of the bootstrap. Student's t below `FEWEST` blocks, and where so few blocks differ
    that a resample often has no variance. `parts` holds one group, or two independent ones.
    """
    from scipy.special import stdtrit

    tails = np.array([(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    variance, freedom = combined_variance(parts)
    quantiles = stdtrit(freedom, tails[:, np.newaxis])
    if min(part.blocks for part in parts) < FEWEST:
        return quantiles
    varied = variance > 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        skewness = sum(sign * part.third_moment for sign, part in zip((1, -1), parts)) / variance**1.5
    expanded = varied & all(part.blocks >= MANY and part.equal_sizes for part in parts) & (np.abs(skewness) <= MILD)
    quantiles[:, expanded] -= (skewness * (2.0 * quantiles**2 + 1.0) / 6.0)[:, expanded]
    columns = np.flatnonzero(varied & ~expanded)
    if columns.size:
        shift, spread = 0.0, 0.0
        for index, (sign, part) in enumerate(zip((1, -1), parts)):
            chosen = Means(part.mean[columns], part.residuals[:, columns], part.sizes)
            shifts, variances = bootstrap_means(chosen, (seed, index))
            shift, spread = shift + sign * shifts, spread + variances
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(shift == 0.0, 0.0, shift / np.sqrt(spread))
        # Rounded outwards, so that the level is reached where the tail is not a whole number of resamples.
        below = max(int((RESAMPLES + 1) * tails[0] + 1e-9), 1) - 1
        ends = np.partition(t, (below, RESAMPLES - 1 - below), axis=0)[[below, RESAMPLES - 1 - below]]
        quantiles[:, columns] = np.where(np.isfinite(ends).all(axis=0), ends, quantiles[:, columns])
    return quantiles


def combined_variance(parts: list[Means]) -> tuple[np.ndarray, np.ndarray]:
    """Squared standard error of a sum of independent means, and its degrees of freedom (Welch-Satterthwaite)."""
    variance = sum(part.variance for part in parts)
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = variance**2 / sum(part.variance**2 / max(part.blocks - 1, 1) for part in parts)
    return variance, np.where(variance > 0.0, freedom, max(min(part.blocks for part in parts) - 1.0, 1.0))
