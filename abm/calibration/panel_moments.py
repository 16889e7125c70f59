"""Moments of a panel of firms, the same function for the user's own firms and for a run's.

A panel has a row a firm and step. Steps are evenly spaced; a firm's step before is the one that is one spacing
earlier. Growth is ln(B'/B) of firms that are there at both, less the mean of their sector and step (sectors with one
such firm left out); size is B over the mean of sector and step.
"""

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import numpy as np

LEAST_VALUES = 20  # below, a moment is missing
_BINS = 10
_GROUPS = 40  # of firms that are left out at a time, as many as there are firms at most


class Panel:
    """A panel as arrays of one length.

    Parameters
    ----------
    firm, step, sector : int64 array, shape (rows,)
        No firm has two rows of one step.
    B, R : float64 array, shape (rows,), optional
        Customer base (or sales) and return.
    """

    def __init__(
        self,
        firm: np.ndarray,
        step: np.ndarray,
        sector: np.ndarray,
        B: np.ndarray | None = None,
        R: np.ndarray | None = None,
    ) -> None:
        order = np.lexsort((step, firm))
        self.firm, self.step, self.sector = firm[order], step[order], sector[order]
        self.B, self.R = (None if each is None else each[order] for each in (B, R))
        self.steps, self.step_places = np.unique(self.step, return_inverse=True)
        self.spacing = int(np.diff(self.steps).min()) if len(self.steps) > 1 else 0

    def of_firms(self, rows: np.ndarray) -> "Panel":
        """The panel of some rows."""
        parts = [None if each is None else each[rows] for each in (self.B, self.R)]
        return Panel(self.firm[rows], self.step[rows], self.sector[rows], *parts)

    @cached_property
    def later(self) -> np.ndarray:
        """Rows whose firm was in the market a step before, in the row above."""
        same = (self.firm[1:] == self.firm[:-1]) & (self.step[1:] - self.step[:-1] == self.spacing)
        return np.flatnonzero(same) + 1

    @cached_property
    def growth(self) -> np.ndarray:
        """Growth of each row, NaN where it has none."""
        found = np.full(len(self.firm), np.nan)
        later = self.later
        change = np.log(self.B[later]) - np.log(self.B[later - 1])
        found[later] = self._demeaned(change, later)
        return found

    def demeaned(self, values: np.ndarray) -> np.ndarray:
        """Values of all rows less the mean of their sector and step; NaN in one with one firm."""
        return self._demeaned(values, np.arange(len(self.firm)))

    def _demeaned(self, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        sectors = int(self.sector.max(initial=0)) + 1
        group = self.step_places[rows] * sectors + self.sector[rows]
        count = np.bincount(group)
        mean = np.bincount(group, values) / np.maximum(count, 1)
        return np.where(count[group] > 1, values - mean[group], np.nan)

    @cached_property
    def size(self) -> np.ndarray:
        """B over the mean of sector and step."""
        sectors = int(self.sector.max(initial=0)) + 1
        group = self.step_places * sectors + self.sector
        return self.B / (np.bincount(group, self.B) / np.maximum(np.bincount(group), 1))[group]


def growth_sd(panel: Panel) -> float:
    """Standard deviation of growth."""
    known = panel.growth[np.isfinite(panel.growth)]
    return float(np.std(known)) if len(known) >= LEAST_VALUES else float("nan")


def growth_autocorrelation(panel: Panel) -> float:
    """Correlation of growth with the same firm's growth a step before."""
    later = panel.later
    return _correlation(panel.growth[later - 1], panel.growth[later])


def size_variance_slope(panel: Panel) -> float:
    """Slope of ln sd of growth on ln mean size of the step before, over ten bins of equal numbers by that size."""
    later = panel.later[np.isfinite(panel.growth[panel.later])]
    if len(later) < _BINS * LEAST_VALUES:
        return float("nan")
    size, growth = panel.size[later - 1], panel.growth[later]
    groups = np.array_split(np.argsort(size, kind="stable"), _BINS)
    spread = np.array([np.std(growth[own]) for own in groups])
    mean = np.array([np.mean(size[own]) for own in groups])
    there = spread > 0.0
    return _slope(np.log(mean[there]), np.log(spread[there]), least=3)


def churn_rate(panel: Panel) -> float:
    """Entries and exits of a step over the firms of the step before, pooled over steps."""
    firms = np.bincount(panel.step_places)
    stayed = len(panel.later)
    pairs = np.flatnonzero(np.diff(panel.steps) == panel.spacing)
    if not pairs.size:
        return float("nan")
    return float((firms[pairs].sum() + firms[pairs + 1].sum() - 2 * stayed) / firms[pairs].sum())


def chesher_slope(panel: Panel) -> float:
    """Slope of ln size on ln size a step before (Chesher 1979); 1 is Gibrat's law."""
    later = panel.later
    return _slope(np.log(panel.size[later - 1]), np.log(panel.size[later]))


def profit_persistence(panel: Panel) -> float:
    """Slope of R, less the mean of sector and step, on the same a step before."""
    excess, later = panel.demeaned(panel.R), panel.later
    return _slope(excess[later - 1], excess[later])


def _pairs(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    return (x - x.mean(), y - y.mean()) if len(x) else (x, y)


def _slope(x: np.ndarray, y: np.ndarray, least: int = LEAST_VALUES) -> float:
    x, y = _pairs(x, y)
    square = float(x @ x)
    return float(x @ y) / square if len(x) >= least and square > 0.0 else float("nan")


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    x, y = _pairs(x, y)
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if len(x) >= LEAST_VALUES and scale > 0.0 else float("nan")


class Moment(NamedTuple):
    """A moment: how it is computed, and which columns it needs beside firm and step."""

    of: Callable[[Panel], float]
    needs: tuple[str, ...]


MOMENTS = {
    "growth_sd": Moment(growth_sd, ("B",)),
    "growth_autocorrelation": Moment(growth_autocorrelation, ("B",)),
    "size_variance_slope": Moment(size_variance_slope, ("B",)),
    "churn_rate": Moment(churn_rate, ()),
    "chesher_slope": Moment(chesher_slope, ("B",)),
    "profit_persistence": Moment(profit_persistence, ("R",)),
}


def moments_of(panel: Panel, names: tuple[str, ...]) -> np.ndarray:
    """Some moments of a panel, NaN where it has too few values for one.

    Parameters
    ----------
    panel : Panel
    names : tuple of str
        Of `MOMENTS`.

    Returns
    -------
    float64 array, shape (names,)

    Examples
    --------
    >>> firm, step = np.repeat(np.arange(30), 2), np.tile([0, 1], 30)
    >>> base = np.where(step == 0, 1.0, np.where(firm % 2 == 0, np.e, 1.0))
    >>> moments_of(Panel(firm, step, np.zeros(60, dtype=int), base), ("growth_sd", "churn_rate"))
    array([0.5, 0. ])
    """
    if not len(panel.firm):
        return np.full(len(names), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.array([MOMENTS[name].of(panel) for name in names])


def jackknife_errors(panel: Panel, names: tuple[str, ...]) -> np.ndarray:
    """Standard errors of moments by leaving out a group of firms at a time.

    Firms are dealt out to the groups in the order of their numbers.

    Parameters
    ----------
    panel : Panel
    names : tuple of str

    Returns
    -------
    float64 array, shape (names,)
        NaN where a moment is missing without some group.
    """
    firms, number = np.unique(panel.firm, return_inverse=True)
    count = min(_GROUPS, len(firms))
    left_out = number % count
    values = np.array([moments_of(panel.of_firms(left_out != each), names) for each in range(count)])
    return np.sqrt((count - 1) / count * np.sum((values - values.mean(axis=0)) ** 2, axis=0))
