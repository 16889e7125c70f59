"""The pictures of the speed benchmark."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = {
    "abm, 1 thread": "#0072B2",
    "abm, 2 threads": "#56B4E9",
    "NumPy": "#E69F00",
    "JAX": "#009E73",
    "Mesa objects": "#999999",
}


def rates_picture(frame: pd.DataFrame) -> Figure:
    """Rates by market size, a group of bars a size."""
    figure = Figure(figsize=(9.5, 5), dpi=110)
    axes = figure.add_axes((0.09, 0.12, 0.88, 0.78))
    sizes = sorted(frame["firms"].unique())
    for group, firms in enumerate(sizes):
        rows = frame[frame["firms"] == firms]
        width = min(0.26, 0.9 / len(rows))
        for place, (name, rate) in enumerate(zip(rows["candidate"], rows["million_firm_steps_a_second"])):
            x = group + width * (place - (len(rows) - 1) / 2)
            axes.bar(x, rate, 0.92 * width, color=COLOURS[name], label=name)
            axes.annotate(f"{rate:.3g}", (x, rate), ha="center", va="bottom", fontsize=10)
    axes.set(yscale="log", xticks=range(len(sizes)), xticklabels=[f"{firms:,}" for firms in sizes])
    axes.set(xlabel="firms in the market", ylabel="million firm-steps a second (log scale)")
    axes.set_title("A step with noise and light statistics", loc="left", fontsize=12)
    axes.spines[["top", "right"]].set_visible(False)
    handles = dict(zip(*reversed(axes.get_legend_handles_labels())))
    shown = [name for name in COLOURS if name in handles]
    axes.legend([handles[name] for name in shown], shown, frameon=False, ncols=len(shown), loc="upper left")
    axes.set_ylim(top=axes.get_ylim()[1] * 3)
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
