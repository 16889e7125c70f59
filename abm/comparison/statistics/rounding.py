"""What floating-point numbers cannot tell: values equal up to rounding are equal, and none is too large to square."""

import numpy as np

# Relative distance up to which two values are one: a few units in the last place, as sums in another order differ by.
CLOSE = 8 * np.finfo(np.float64).eps
_LARGE = 1e90  # sizes whose third powers are far from the ends of the floating-point numbers lie below it


def settled(*tables: np.ndarray) -> list[np.ndarray]:
    """Tables in which values of a column that are equal up to rounding are the same number, the lowest of them.

    Parameters
    ----------
    *tables : float64 array, shape (rows, columns)
        Of the same columns, which are looked at together.

    Returns
    -------
    list of float64 array
        The tables themselves where nothing had to be changed.

    Examples
    --------
    >>> settled(np.array([[0.3], [0.5]]), np.array([[0.1 + 0.2]]))[1]
    array([[0.3]])
    """
    together = np.concatenate(tables)
    ordered = np.sort(together, axis=0)
    columns = np.flatnonzero(_close(ordered).any(axis=0))
    if not columns.size:
        return list(tables)
    order = np.argsort(together[:, columns], axis=0, kind="stable")
    together[:, columns] = _levelled(ordered[:, columns], _close(ordered[:, columns]), order)
    return np.split(together, np.cumsum([len(table) for table in tables])[:-1])


def differences(values: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Values less those of the baseline: 0 where they are equal up to rounding, and equal differences the same number.

    Parameters
    ----------
    values, baseline : float64 array, shape (rows, columns)

    Returns
    -------
    float64 array, shape (rows, columns)

    Examples
    --------
    >>> differences(np.array([[0.1 + 0.2], [1.1]]), np.array([[0.3], [1.0]])).round(3).ravel()
    array([0. , 0.1])
    """
    with np.errstate(invalid="ignore"):
        found = values - baseline
        # What rounding can do to a difference follows from the size of the values, not from its own.
        reach = CLOSE * np.maximum(np.abs(values), np.abs(baseline))
        found[np.abs(found) <= reach] = 0.0
    order = np.argsort(found, axis=0, kind="stable")
    ordered, reach = np.take_along_axis(found, order, axis=0), np.take_along_axis(reach, order, axis=0)
    with np.errstate(invalid="ignore"):
        gaps = np.diff(ordered, axis=0)
        # By the smaller size: of values as large as 1e30 all differences would be one.
        close = (gaps > 0.0) & (gaps <= np.minimum(reach[1:], reach[:-1]))
    return _levelled(ordered, close, order) if close.any() else found


def unit_of(values: np.ndarray) -> np.ndarray:
    """A power of two for each column in which its values can be squared and cubed: 1 but for very large or small ones.

    Parameters
    ----------
    values : float64 array, shape (rows, columns)
        NaN where missing.

    Returns
    -------
    float64 array, shape (columns,)

    Examples
    --------
    >>> unit_of(np.array([[3.0, 1e200], [np.nan, -1e201]])) > 1.0
    array([False,  True])
    """
    largest = np.abs(np.where(np.isfinite(values), values, 0.0)).max(axis=0, initial=0.0)
    usual = (largest == 0.0) | ((largest < _LARGE) & (largest > 1.0 / _LARGE))
    return np.where(usual, 1.0, np.ldexp(1.0, np.frexp(largest)[1] - 1))


def _close(ordered: np.ndarray) -> np.ndarray:
    """Which neighbours in sorted columns differ by rounding only."""
    with np.errstate(invalid="ignore", over="ignore"):
        gaps = np.diff(ordered, axis=0)
        sizes = np.maximum(np.abs(ordered[1:]), np.abs(ordered[:-1]))
        return (gaps > 0.0) & (gaps <= CLOSE * sizes) & np.isfinite(sizes)


def _levelled(ordered: np.ndarray, close: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Sorted columns with the first of each stretch of close neighbours for all of it, in their own order again."""
    place = np.arange(len(ordered))[:, np.newaxis]
    with np.errstate(invalid="ignore"):
        same = close | (np.diff(ordered, axis=0) == 0.0)
    starts = np.where(np.concatenate([np.zeros((1, ordered.shape[1]), dtype=bool), same]), 0, place)
    found = np.empty_like(ordered)
    firsts = np.take_along_axis(ordered, np.maximum.accumulate(starts, axis=0), axis=0)
    np.put_along_axis(found, order, firsts, axis=0)
    return found
