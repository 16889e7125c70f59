"""The picture of `stylised_facts`: growth, its spread by size, rise and fall, and survival, of two scenarios."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from abm.output.number_text import minus
from experiments.common import COLOURS, band
from experiments.yearly import YEAR

EDGES = np.linspace(-8.0, 8.0, 65)
# What the shoulders of one-market's density are: place, end of the arrow, text.
SHOULDERS = (
    ((-7.9, 0.35), (-2.9, 0.06), "left shoulder of one-market:\nsmall young firms, most\nleave within 5 years"),
    ((2.0, 0.11), (3.3, 0.0075), "right shoulder: young\nfirms that take off"),
)


def _growth(axes: Axes, runs: Sequence[Any], colour: str, mark: str, name: str) -> None:
    counts = np.sum([run.histogram for run in runs], axis=0)
    share, centres = counts / (max(counts.sum(), 1) * np.diff(EDGES)), 0.5 * (EDGES[1:] + EDGES[:-1])
    there = share > 0.0
    axes.plot(centres[there], share[there], mark, color=colour, markersize=3, label=name)


def _spreads(axes: Axes, runs: Sequence[Any], colour: str, mark: str, name: str) -> None:
    size, spread = np.nanmean([run.spreads for run in runs], axis=0)
    slope, constant = np.polyfit(size, spread, 1)
    label = f"{name}, slope {minus(f'{slope:.2f}')}"
    axes.plot(np.exp(size), np.exp(spread), mark, color=colour, markersize=4, label=label)
    axes.plot(np.exp(size), np.exp(constant + slope * size), color=colour, linewidth=1)


def _firms(axes: Axes, runs: Sequence[Any], colour: str, name: str) -> None:
    firms = np.array([run.firms for run in runs])
    ends = firms.mean(axis=0), *np.quantile(firms, [0.1, 0.9], axis=0)
    band(axes, np.arange(firms.shape[1]), ends, colour, label=name)


def _survival(axes: Axes, runs: Sequence[Any], colour: str, name: str) -> None:
    alive, left = np.sum([run.at_risk for run in runs], axis=0)
    kept = np.cumprod(1.0 - left / np.maximum(alive, 1))
    axes.step(np.arange(len(kept)) / YEAR, kept, where="post", color=colour, label=name)


def plot(runs: dict[str, Sequence[Any]]) -> Figure:
    """Four panels.

    Parameters
    ----------
    runs : dict
        Of each scenario its runs, as `experiments.stylised_facts.Seen`.
    """
    figure = Figure(figsize=(10.0, 7.2), layout="constrained")
    (growth, spreads), (firms, survival) = figure.subplots(2, 2)
    for (name, own), colour, mark in zip(runs.items(), COLOURS, "os"):
        _growth(growth, own, colour, mark, name)
        _spreads(spreads, own, colour, mark, name)
        _firms(firms, own, colour, name)
        _survival(survival, own, colour, name)
    x = np.linspace(-8.0, 8.0, 321)
    growth.plot(x, np.exp(-np.sqrt(2.0) * np.abs(x)) / np.sqrt(2.0), color="0.4", linewidth=1, label="Laplace")
    growth.plot(x, np.exp(-(x**2) / 2.0) / np.sqrt(2.0 * np.pi), "--", color="0.4", linewidth=1, label="normal")
    growth.set(yscale="log", ylim=(1e-5, 3.0), xlabel="yearly growth, in standard deviations of its run")
    growth.set(ylabel="density (log scale)", title="Growth of firms of 5 years and more")
    for place, end, text in SHOULDERS:
        growth.annotate(text, end, place, fontsize=7, color="0.3", arrowprops={"arrowstyle": "-", "color": "0.6"})
    spreads.set(xscale="log", yscale="log", xlabel="customers, over the mean", ylabel="sd of yearly growth")
    spreads.set_title("The larger, the steadier")
    firms.set(xlabel="step", ylabel="firms", ylim=(0, None), title="Rise and fall (bands: 80 % of the runs)")
    survival.set(xlabel="age in years", ylabel="share of entrants that live", ylim=(0, 1), title="Survival by age")
    for axes in (growth, spreads, firms, survival):
        axes.legend(frameon=False, fontsize=8)
        axes.title.set_fontsize(10)
    return figure
