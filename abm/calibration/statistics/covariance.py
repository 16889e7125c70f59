"""Covariances of targets: what the data's own chance and the chance of the simulated runs make of a target's value."""

import numpy as np


def of_runs(values: np.ndarray, *, shrink: bool = False) -> np.ndarray:
    """Covariance of the targets between runs of one point.

    Parameters
    ----------
    values : float64 array, shape (runs, targets)
    shrink : bool
        Shrink the correlations towards 0 by as much as their own chance asks for (Ledoit and Wolf 2004), so that the
        inverse can be used with few runs.

    Returns
    -------
    float64 array, shape (targets, targets)

    Examples
    --------
    >>> of_runs(np.array([[0.0, 1.0], [2.0, 1.0]]))
    array([[2., 0.],
           [0., 0.]])
    """
    if len(values) < 2:
        return np.zeros((values.shape[1], values.shape[1]))
    centred = values - values.mean(axis=0)
    spread = np.sqrt(np.sum(centred**2, axis=0) / (len(values) - 1))
    if not shrink:
        return centred.T @ centred / (len(values) - 1)
    from sklearn.covariance import ledoit_wolf

    found = np.zeros((len(spread), len(spread)))
    varies = spread > 0.0
    if varies.any():
        shrunk, _ = ledoit_wolf(centred[:, varies] / spread[varies], assume_centered=True)
        scale = np.sqrt(np.diag(shrunk))
        found[np.ix_(varies, varies)] = shrunk / np.outer(scale, scale)
    return found * np.outer(spread, spread)


def of_data(errors: np.ndarray, from_one_market: np.ndarray, runs: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Covariance of the targets' values themselves, as figures of one market that was observed once.

    Parameters
    ----------
    errors : float64 array, shape (targets,)
        Standard errors as given, or of the user's own firms; NaN where there is none.
    from_one_market : bool array, shape (targets,)
        Targets whose chance is that of one run: those without an error and those of the user's own firms. Their error
        is at least the spread of runs, and they are correlated as runs are; all others are independent.
    runs : float64 array, shape (targets, targets)
        Covariance between runs (`of_runs`).
    least : float64 array, shape (targets,)
        Errors are not smaller than these where none is given.

    Returns
    -------
    float64 array, shape (targets, targets)

    Examples
    --------
    >>> runs = np.array([[4.0, 3.0], [3.0, 9.0]])
    >>> of_data(np.array([np.nan, np.nan]), np.array([True, True]), runs, np.zeros(2))
    array([[4., 3.],
           [3., 9.]])
    >>> of_data(np.array([0.5, np.nan]), np.array([False, True]), runs, np.zeros(2))
    array([[0.25, 0.  ],
           [0.  , 9.  ]])
    """
    spread = np.sqrt(np.diag(runs))
    own = np.where(np.isnan(errors), np.maximum(spread, least), errors)
    own = np.where(from_one_market, np.maximum(own, spread), own)
    correlation = runs / np.outer(np.where(spread > 0.0, spread, 1.0), np.where(spread > 0.0, spread, 1.0))
    together = np.outer(from_one_market, from_one_market)
    np.fill_diagonal(correlation, 1.0)
    return np.where(together | np.eye(len(own), dtype=bool), correlation, 0.0) * np.outer(own, own)


def weights(covariance: np.ndarray, *, optimal: bool) -> np.ndarray:
    """The weighting of a minimum distance: the inverse of the covariance, or of its diagonal alone.

    Parameters
    ----------
    covariance : float64 array, shape (targets, targets)
        Of the difference between targets and simulated means.
    optimal : bool

    Examples
    --------
    >>> weights(np.array([[4.0, 1.0], [1.0, 0.25]]), optimal=False)
    array([[0.25, 0.  ],
           [0.  , 4.  ]])
    """
    if optimal:
        found = np.linalg.inv(covariance)
        return 0.5 * (found + found.T)
    return np.diag(1.0 / np.diag(covariance))
