"""The pictures of the speed benchmark."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

COLOURS = {
    "abm in its steady state, 1 thread": "#CC79A7",
    "abm, 1 thread": "#0072B2",
    "abm, 2 threads": "#56B4E9",
    "NumPy": "#E69F00",
    "naive NumPy": "#D55E00",
    "JAX": "#009E73",
    "Mesa objects": "#999999",
}


def rates_picture(frame: pd.DataFrame) -> Figure:
    """Rates by market size, a line for each candidate, in the order of the legend."""
    figure = Figure(figsize=(9.5, 5), dpi=110)
    axes = figure.add_axes((0.09, 0.12, 0.88, 0.78))
    names = [name for name in COLOURS if name in set(frame["candidate"])]
    for name, mark in zip(names, "osD^vP*"):
        own = frame[frame["candidate"] == name].sort_values("firms")
        axes.plot(own["firms"], own["million_firm_steps_a_second"], color=COLOURS[name], marker=mark, label=name)
    place = {"textcoords": "offset points", "va": "center", "path_effects": [withStroke(linewidth=3, foreground="w")]}
    for firms, rows in frame.groupby("firms"):
        height = float("inf")
        for rate in sorted(rows["million_firm_steps_a_second"], reverse=True):
            height = min(rate * 1.07, height / 1.4)  # beside its point, and below the number above
            axes.annotate(f"{rate:.3g}", (firms, height), (9, 0), fontsize=10, **place)
    axes.set(xscale="log", yscale="log", xlabel="firms in the market (log scale)")
    axes.set_ylabel("million firm-steps a second (log scale)")
    axes.set_title("A step with noise and light statistics", loc="left", fontsize=12)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=3, loc="upper left")
    axes.set_ylim(axes.get_ylim()[0] / 1.5, axes.get_ylim()[1] * 6)
    axes.set_xlim(right=axes.get_xlim()[1] * 1.3)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:g}")
    return figure


def _line(axes: Axes, frame: pd.DataFrame, column: str) -> None:
    for threads, own in frame.groupby("threads"):
        name = f"abm, {threads} thread{'s' * (threads != '1')}"
        axes.fill_between(own[column], own["least"], own["most"], color=COLOURS[name], alpha=0.25, linewidth=0)
        axes.plot(own[column], own["nanoseconds_a_firm_step"], color=COLOURS[name], marker="o", label=name)
    axes.set(xscale="log", ylim=(0.0, None))
    axes.spines[["top", "right"]].set_visible(False)


def costs_picture(sizes: pd.DataFrame, steps: pd.DataFrame, firms: int) -> Figure:
    """Cost of a firm-step against the market's size and the run's length."""
    figure = Figure(figsize=(9.5, 4), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    _line(left, sizes, "firms")
    left.set(xlabel="firms in the market (log scale)", ylabel="nanoseconds a firm-step")
    left.legend(frameon=False)
    _line(right, steps, "steps")
    right.set(xlabel=f"steps of a run of {firms:,} firms (log scale)", ylabel="nanoseconds a firm-step")
    figure.suptitle("Cost by size and by length (bands: least and most over rounds)", fontsize=12)
    return figure
