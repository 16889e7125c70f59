"""The pictures of a calibration: fit, sensitivity, profiles of the distance, path of the search, paths of the data."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from abm.calibration.panel_moments import Panel
from abm.calibration.results import Calibration
from abm.calibration.specification import Specification
from abm.comparison.report.canvas import TEXT, WIDTH, drawing, dress, new_figure, panels
from abm.output.number_text import number
from abm.output.style import GREY, INK, PALETTE, dress_axes
from abm.output.style import fit as fitted

if TYPE_CHECKING:
    import pandas as pd

_BLUE, _ORANGE = PALETTE[4], PALETTE[1]
_RUNS = 20  # of the calibrated scenario beside the data


@drawing
def fit(calibration: Calibration) -> Figure:
    """Residuals in standard errors, a row a target."""
    table = calibration.fit
    height = 0.75 + 0.24 * len(table)
    figure = new_figure(height)
    ax = figure.subplots()
    figure.subplots_adjust(left=0.28, right=0.97, bottom=0.5 / height, top=1.0 - 0.1 / height)
    places = np.arange(len(table))
    far = np.abs(table["residual_in_errors"]) > 1.96
    ax.barh(places, table["residual_in_errors"], 0.6, color=np.where(far, _ORANGE, _BLUE))
    for place in (-1.96, 1.96):
        ax.axvline(place, color=INK, lw=0.8, ls=(0, (4, 3)))
    ax.axvline(0.0, color=INK, lw=0.8)
    dress_axes(ax, "target less fit, in standard errors", "", TEXT)
    ax.set_yticks(places, [fitted(name, 2.1) for name in table["target"]])
    ax.set_ylim(len(table) - 0.5, -0.5)
    most = max(2.5, 1.1 * float(np.nanmax(np.abs(table["residual_in_errors"]))))
    ax.set_xlim(-most, most)
    return figure


@drawing
def sensitivity(calibration: Calibration) -> Figure:
    """Change of each estimate by one error of each target, a panel a parameter."""
    rows = calibration.identification[calibration.identification["kind"] == "sensitivity"]
    errors = calibration.estimates.set_index("parameter")["standard_error"]
    names, targets = list(dict.fromkeys(rows["parameter"])), list(dict.fromkeys(rows["target"]))
    columns = min(len(names), 3)
    down = -(-len(names) // columns)
    height = down * (0.75 + 0.2 * len(targets))
    figure = Figure(figsize=(WIDTH, height), layout="constrained", dpi=100)
    axes = figure.subplots(down, columns, squeeze=False, sharey=True)
    for ax, name in zip(axes.flat, names):
        own = rows[rows["parameter"] == name]
        ax.barh(np.arange(len(own)), own["value"] / errors[name], 0.6, color=_BLUE)
        ax.axvline(0.0, color=INK, lw=0.8)
        dress(ax, fitted(name, WIDTH / columns - 1.2), "in its standard errors")
        ax.set_yticks(np.arange(len(targets)), [fitted(each, 2.0) for each in targets])
        ax.set_ylim(len(targets) - 0.5, -0.5)
    for ax in axes.flat[len(names) :]:
        ax.remove()
    return figure


def _tried(calibration: Calibration) -> "pd.DataFrame":
    """Points of the search that did not fail."""
    points = calibration.points
    return points[points["stage"].isin(["screening", "descent"]) & np.isfinite(points["distance"])]


@drawing
def profiles(calibration: Calibration) -> Figure:
    """The distance of every point by each parameter, with the best points joined."""
    tried = _tried(calibration)
    table = calibration.estimates
    figure, axes = panels(len(table), 0.1)
    for ax, (_, row) in zip(axes, table.iterrows()):
        x, y = tried[row["parameter"]].to_numpy(), tried["distance"].to_numpy()
        ax.plot(x, y, ".", color=GREY, ms=3)
        is_log = row["scale"] == "log"
        edges = np.linspace(0.0, 1.0, 13)
        place = np.log(x / row["range_low"]) / np.log(row["range_high"] / row["range_low"]) if is_log else (
            (x - row["range_low"]) / (row["range_high"] - row["range_low"]))  # fmt: skip
        group = np.clip(np.digitize(place, edges) - 1, 0, 11)
        lowest = [np.flatnonzero(group == each)[np.argmin(y[group == each])] for each in np.unique(group)]
        lowest = sorted(lowest, key=lambda each: x[each])
        ax.plot(x[lowest], y[lowest], color=_BLUE, lw=1.4)
        ax.axvline(row["estimate"], color=_ORANGE, lw=1.4)
        if np.isfinite(row["low"]):
            ax.axvspan(row["low"], row["high"], color=_ORANGE, alpha=0.2, lw=0)
        dress(ax, fitted(row["parameter"], 2.3))
        ax.set(xlim=(row["range_low"], row["range_high"]), xscale="log" if is_log else "linear")
        if is_log:
            ends = [row["range_low"], float(np.sqrt(row["range_low"] * row["range_high"])), row["range_high"]]
            ax.set_xticks(ends, [number(each) for each in ends])
            ax.xaxis.set_minor_locator(NullLocator())
        _make_logarithmic(ax)
    return figure


def _make_logarithmic(ax: Axes) -> None:
    """A logarithmic axis of distances, whose numbers are written as numbers."""
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, place: number(value)))
    ax.yaxis.set_minor_locator(NullLocator())


@drawing
def path(calibration: Calibration) -> Figure:
    """The distance in the order of the points."""
    tried = _tried(calibration)
    figure = new_figure(2.6)
    ax = figure.subplots()
    figure.subplots_adjust(left=0.09, right=0.98, bottom=0.2, top=0.88)
    order = np.arange(1, len(tried) + 1)
    for place, start in enumerate(sorted(tried["start"].unique())):
        own = (tried["start"] == start).to_numpy()
        name = "screening" if start < 0 else f"start {start + 1}"
        colour = GREY if start < 0 else PALETTE[(4, 1, 2, 0)[(place - 1) % 4]]
        ax.plot(order[own], tried["distance"][own], ".", ms=4, color=colour, label=name)
    ax.plot(order, np.minimum.accumulate(tried["distance"]), color=INK, lw=1.0)
    dress_axes(ax, "point", "weighted distance", TEXT)
    _make_logarithmic(ax)
    figure.legend(loc="upper left", ncols=5, frameon=False, fontsize=TEXT, bbox_to_anchor=(0.08, 1.0))
    return figure


def _path_of(panel: Panel, steps: np.ndarray) -> dict[str, np.ndarray]:
    """Measures of a panel at each step."""
    place = np.searchsorted(steps, panel.step)
    count = np.bincount(place, minlength=len(steps)).astype(float)
    found = {"firms": count}
    with np.errstate(divide="ignore", invalid="ignore"):
        if panel.B is not None:
            total = np.bincount(place, panel.B, minlength=len(steps))
            found["HHI of B"] = 1e4 * np.bincount(place, panel.B**2, minlength=len(steps)) / total**2
            growth = panel.growth
            known = np.isfinite(growth)
            firms = np.bincount(place[known], minlength=len(steps))
            square = np.bincount(place[known], growth[known] ** 2, minlength=len(steps))
            found["sd of growth"] = np.where(firms > 1, np.sqrt(square / np.maximum(firms, 1)), np.nan)
        if panel.R is not None:
            found["mean of R"] = np.bincount(place, panel.R, minlength=len(steps)) / count
    return found


@drawing
def paths(calibration: Calibration, spec: Specification) -> Figure:
    """The user's firms beside runs of the calibrated scenario."""
    from abm.calibration.worker import panel_of
    from abm.simulation.market import Market

    steps, scenario = spec.panel.steps, calibration.scenario
    data = _path_of(spec.panel, steps)
    runs = []
    for seed in range(_RUNS):
        market = Market(scenario, seed, full=False, every=0, steps=scenario.steps, threads=1)
        runs.append(_path_of(panel_of(market, steps.tolist()), steps))
    figure, axes = panels(len(data), 0.1, columns=2)
    for ax, (name, line) in zip(axes, data.items()):
        values = np.array([each[name] for each in runs])
        known = np.isfinite(values).any(axis=0)
        low, high = np.nanquantile(values[:, known], [0.05, 0.95], axis=0)
        ax.fill_between(steps[known], low, high, color=_BLUE, alpha=0.2, lw=0)
        ax.plot(steps[known], np.nanmean(values[:, known], axis=0), color=_BLUE, lw=1.2)
        ax.plot(steps, line, color=_ORANGE, lw=1.5)
        dress(ax, name, "step")
    return figure
