"""The picture of a sensitivity analysis: factors by strength, a panel for each outcome."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from abm.comparison.report.canvas import TEXT, drawing
from abm.output.style import GREY, INK, PALETTE, dress_axes, fit

if TYPE_CHECKING:
    import pandas as pd

SHOWN = ("sector_hhi", "mean_T", "mean_C", "mean_R", "firms", "survival")  # first, where they were analysed
MOST, FACTORS = 6, 12
_NAMES = {"mu_star": "mean absolute effect μ*", "first_order": "first order", "total": "total, with interactions"}


@drawing
def bars(table: "pd.DataFrame") -> Figure:
    """The strongest factors of up to six outcomes with their intervals, from the table of indices."""
    known = list(dict.fromkeys(table["outcome"]))
    chosen = sorted(known, key=lambda name: SHOWN.index(name) if name in SHOWN else len(SHOWN))[:MOST]
    columns = [name for name in ("first_order", "total", "mu_star") if name in table]
    most = min(table["factor"].nunique(), FACTORS)
    across = min(len(chosen), 2)
    down = -(-len(chosen) // across)
    height = down * (0.75 + 0.17 * (1 + len(columns)) * most) + 0.45
    figure = Figure(figsize=(4.6 * across, height), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for ax, outcome in zip(panels, chosen):
        own = table[table["outcome"] == outcome].head(FACTORS)
        positions = np.arange(len(own))
        thick = 0.78 / len(columns)
        for turn, name in enumerate(columns):
            ends = np.maximum([own[name] - own[f"{name}_low"], own[f"{name}_high"] - own[name]], 0.0)
            shift = (turn - (len(columns) - 1) / 2) * thick
            ax.barh(positions + shift, own[name], thick, xerr=np.nan_to_num(ends), color=PALETTE[4 if turn == 0 else 0],
                    label=_NAMES[name], error_kw={"elinewidth": 1.1, "ecolor": INK})  # fmt: skip
        dress_axes(ax, "", "", TEXT)
        ax.set_title(fit(outcome, 3.0), loc="left", fontsize=TEXT, weight="bold", color=INK)
        ax.set_yticks(positions, [fit(name, 1.7) for name in own["factor"]])
        ax.set_ylim(len(own) - 0.5, -0.5)
        ax.axvline(0.0, color=GREY, lw=0.8)
        if "mu_star" not in columns:
            ax.set_xlim(min(ax.get_xlim()[0], -0.02), max(1.0, ax.get_xlim()[1]))
    for ax in panels[len(chosen) :]:
        ax.remove()
    unit = "in the outcome's unit" if "mu_star" in columns else "share of the variance between points"
    figure.supxlabel(f"{_NAMES[columns[0]]}, {unit}" if len(columns) == 1 else unit, fontsize=TEXT, color=INK)
    if len(columns) > 1:
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False,
                      fontsize=TEXT)  # fmt: skip
    return figure
