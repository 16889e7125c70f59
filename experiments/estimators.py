"""Estimators of the facts of industries: shapes, slopes and exponents from samples of growth, size and return."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import gammaln


def subbotin_fit(growth: np.ndarray) -> float:
    """Shape of the Subbotin density by maximum likelihood, 1 for Laplace and 2 for normal.

    Examples
    --------
    >>> round(subbotin_fit(np.random.default_rng(1).laplace(size=20_000)), 1)
    1.0
    """
    size = np.abs(growth) / np.std(growth)
    logs = np.log(np.maximum(size, 1e-300))

    def loss(b: float) -> float:
        return np.log(2.0) + np.log(b * np.mean(np.exp(b * logs))) / b + gammaln(1.0 + 1.0 / b) + 1.0 / b

    return float(minimize_scalar(loss, bounds=(0.15, 10.0), method="bounded", options={"xatol": 1e-4}).x)


def spreads_by_size(size: np.ndarray, growth: np.ndarray, bins: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of mean size and of the sd of growth in quantile bins of size."""
    groups = np.array_split(np.argsort(size, kind="stable"), bins)
    means, deviations = [size[own].mean() for own in groups], [growth[own].std() for own in groups]
    return np.log(means), np.log(deviations)


def volatility_slope(size: np.ndarray, growth: np.ndarray, bins: int = 20) -> float:
    """Minus the slope of ln sd of growth on ln mean size over quantile bins."""
    return -float(np.polyfit(*spreads_by_size(size, growth, bins), 1)[0])


def skewness(values: np.ndarray) -> float:
    """Third central moment over the cube of the standard deviation."""
    centred = values - values.mean()
    return float((centred**3).mean() / (centred**2).mean() ** 1.5)


def least_absolute(x: np.ndarray, y: np.ndarray, rounds: int = 60) -> np.ndarray:
    """Slopes of y on the columns of x and a constant by least absolute deviations, by weighted least squares in turn.

    Examples
    --------
    >>> x = np.arange(9.0)
    >>> y = 2.0 * x + np.array([0, 0, 0, 0, 0, 0, 0, 0, 99.0])
    >>> bool(abs(least_absolute(x[:, None], y)[0] - 2.0) < 1e-3)
    True
    """
    design = np.column_stack([x, np.ones(len(y))])
    weights, least = np.ones(len(y)), 1e-6 * max(np.std(y), 1e-300)
    for _ in range(rounds):
        weighted = design * weights[:, None]
        found = np.linalg.solve(weighted.T @ design, weighted.T @ y)
        weights = 1.0 / np.maximum(np.abs(y - design @ found), least)
    return found[:-1]


def persistence(excess: np.ndarray) -> tuple[float, float]:
    """AR(1) of yearly returns less the year's mean.

    Parameters
    ----------
    excess : float64 array, shape (years, firms)
        NaN where a firm is not there; a column may hold one firm after another, with a gap between.

    Returns
    -------
    raw, corrected : float
        Of all pairs; and within firms of five years or more with the correction of Nickell (1981), which does not hold
        where returns trend. NaN under 50 pairs.
    """
    before, now = excess[:-1], excess[1:]
    pairs = np.isfinite(before) & np.isfinite(now)
    if pairs.sum() < 50:
        return np.nan, np.nan
    raw = float((before[pairs] * now[pairs]).sum() / (before[pairs] ** 2).sum())
    # A spell is a run of pairs in a column.
    begins = pairs & ~np.vstack([np.zeros((1, pairs.shape[1]), dtype=bool), pairs[:-1]])
    spell = (np.cumsum(begins.T).reshape(begins.T.shape).T)[pairs]
    x, y = before[pairs], now[pairs]
    length = np.bincount(spell)
    long = length[spell] >= 5
    if long.sum() < 50:
        return raw, np.nan
    x, y, spell = x[long], y[long], spell[long]
    count = np.maximum(np.bincount(spell), 1)
    x, y = (values - (np.bincount(spell, values) / count)[spell] for values in (x, y))
    slope, mean_length = (x * y).sum() / (x * x).sum(), len(x) / np.unique(spell).size
    return raw, float((slope * (mean_length - 1.0) + 1.0) / (mean_length - 2.0))


def hill(sizes: list[np.ndarray]) -> float:
    """Hill's exponent of the largest tenth of all firms together."""
    pooled = np.sort(np.concatenate(sizes))[::-1]
    count = max(len(pooled) // 10, 2)
    return count / np.log(pooled[:count] / pooled[count]).sum()
