"""Limits of floating-point numbers: values equal up to rounding count as equal, and none is too large to be squared."""

import numpy as np

# Relative distance up to which two values count as equal; sums in another order differ by a few last digits.
CLOSE = 8 * np.finfo(np.float64).eps
_LARGE = 1e90  # sizes below it have third powers far from the largest floating-point number


def merge_close(*tables: np.ndarray) -> list[np.ndarray]:
    """Tables in which a column's values that are equal up to rounding are replaced by the lowest of them."""
    together = np.concatenate(tables)
    ordered = np.sort(together, axis=0)
    columns = np.flatnonzero(_close(ordered).any(axis=0))
    if not columns.size:
        return list(tables)
    order = np.argsort(together[:, columns], axis=0, kind="stable")
    together[:, columns] = _merged(ordered[:, columns], _close(ordered[:, columns]), order)
    return np.split(together, np.cumsum([len(table) for table in tables])[:-1])


def differences(values: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Values minus the baseline's, shape (rows, columns): 0 where they are equal up to rounding.

    Differences that are equal up to rounding are replaced by the lowest of them.
    """
    with np.errstate(invalid="ignore"):
        found = values - baseline
        # The rounding error of a difference depends on the size of the values, not of the difference.
        reach = CLOSE * np.maximum(np.abs(values), np.abs(baseline))
        found[np.abs(found) <= reach] = 0.0
    order = np.argsort(found, axis=0, kind="stable")
    ordered, reach = np.take_along_axis(found, order, axis=0), np.take_along_axis(reach, order, axis=0)
    with np.errstate(invalid="ignore"):
        gaps = np.diff(ordered, axis=0)
        # By the smaller size: a value of 1e30 must not make all differences equal.
        close = (gaps > 0.0) & (gaps <= np.minimum(reach[1:], reach[:-1]))
    return _merged(ordered, close, order) if close.any() else found


def unit_of(values: np.ndarray) -> np.ndarray:
    """A power of two for each column; values divided by it can be cubed. It is 1 except for extreme sizes."""
    largest = np.abs(np.where(np.isfinite(values), values, 0.0)).max(axis=0, initial=0.0)
    usual = (largest == 0.0) | ((largest < _LARGE) & (largest > 1.0 / _LARGE))
    return np.where(usual, 1.0, np.ldexp(1.0, np.frexp(largest)[1] - 1))


def _close(ordered: np.ndarray) -> np.ndarray:
    """Which neighbours in sorted columns differ by rounding only."""
    with np.errstate(invalid="ignore", over="ignore"):
        gaps = np.diff(ordered, axis=0)
        sizes = np.maximum(np.abs(ordered[1:]), np.abs(ordered[:-1]))
        return (gaps > 0.0) & (gaps <= CLOSE * sizes) & np.isfinite(sizes)


def _merged(ordered: np.ndarray, close: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Sorted columns with each sequence of close neighbours replaced by its first value, in the original order."""
    index = np.arange(len(ordered))[:, np.newaxis]
    with np.errstate(invalid="ignore"):
        same = close | (np.diff(ordered, axis=0) == 0.0)
    starts = np.where(np.concatenate([np.zeros((1, ordered.shape[1]), dtype=bool), same]), 0, index)
    found = np.empty_like(ordered)
    firsts = np.take_along_axis(ordered, np.maximum.accumulate(starts, axis=0), axis=0)
    np.put_along_axis(found, order, firsts, axis=0)
    return found
