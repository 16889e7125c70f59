"""Fewer points of long lines, peaks kept."""

from itertools import pairwise

import numpy as np

MANY = 600  # points of a line in a small panel, above which it is drawn thin and areas have no borders


def rows_with_peaks(values: np.ndarray, stretches: int) -> np.ndarray:
    """The rows to draw of lines: the first, the last, and each stretch's least and largest of every line.

    Parameters
    ----------
    values : float64 array, shape (rows, lines)
        NaN where a line has no value.
    stretches : int
        Into how many the rows are divided; lines of at most twice as many rows stay as they are.

    Returns
    -------
    int64 array
        Rising.

    Examples
    --------
    >>> line = np.zeros((1000, 1))
    >>> line[123] = 9.0
    >>> rows = rows_with_peaks(line, 10)
    >>> len(rows) <= 22, bool(123 in rows), int(rows[0]), int(rows[-1])
    (True, True, 0, 999)
    """
    count = len(values)
    if count <= 2 * stretches:
        return np.arange(count)
    found = [np.array([0, count - 1])]
    for begin, end in pairwise(np.linspace(0, count, stretches + 1).astype(int)):
        part = values[begin:end]
        found += [begin + np.where(np.isnan(part), np.inf, part).argmin(axis=0)]
        found += [begin + np.where(np.isnan(part), -np.inf, part).argmax(axis=0)]
    return np.unique(np.concatenate(found))
