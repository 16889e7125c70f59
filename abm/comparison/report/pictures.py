"""Pictures of effects, regimes and winners."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from abm.comparison.inputs.labels import level_text
from abm.comparison.report.canvas import TEXT, WIDTH, drawing, dress, legend, new_figure, styles, tell
from abm.comparison.report.wording import by_effect_size, effect_texts, leading, share_with_interval
from abm.output.number_text import interval, number, percent
from abm.output.style import GREY, INK, fit

if TYPE_CHECKING:
    import pandas as pd

COLOURS = {"fragmented": "#56B4E9", "moderate": "#009E73", "oligopoly": "#E69F00", "monopoly": "#D55E00",
              "collapsed": "#777777"}  # fmt: skip
_GROWTHS = {"virtuous": 0.0, "stagnant": 0.45, "vicious": 0.7}  # share of white in a regime's colour
_NONE = "#DDDDDD"


def regime_name(structure: str, growth: str) -> str:
    """A regime's name."""
    return structure if growth in ("none", "") or growth != growth else f"{structure}, {growth}"


def _regime_colour(structure: str, growth: str) -> tuple[float, ...]:
    white = _GROWTHS.get(growth, 0.0)
    return tuple((1.0 - white) * part + white for part in to_rgb(COLOURS.get(structure, _NONE)))


def _of_runs(row: Any) -> str:
    """A share, its interval and its number of runs."""
    return f"{share_with_interval(row)}, {row['n']:,} of {row['runs']:,} runs"


def _readable_on(colour: Sequence[float]) -> str:
    """Black or white, whichever is readable on a colour."""
    return INK if np.dot(colour, (0.299, 0.587, 0.114)) > 0.5 else "white"


def under_legend(
    box: tuple[float, float, float, float], handles: Sequence[Any], names: Sequence[str], title: str = ""
) -> tuple[Figure, Axes]:
    """A figure with a legend along its top and one axes below; `box` is left, bottom, width and height in inches."""
    left, bottom, width, height = box
    figure = new_figure(1.0)
    figure.set_figheight(whole := bottom + height + 0.3 + legend(figure, handles, names, title))
    return figure, figure.add_axes((left / WIDTH, bottom / whole, width / WIDTH, height / whole))


def _row_labels(ax: Any, positions: Sequence[float], names: Sequence[str], inches: float, title: str) -> None:
    """Labels along the left side of an axes, below their title."""
    ax.set_yticks(positions, [fit(name, inches) for name in names])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    if title:
        ax.annotate(fit(title, inches), (0.0, 1.0), (-3.5, 5.0), xycoords="axes fraction", textcoords="offset points",
                    ha="right", fontsize=TEXT, color=GREY)  # fmt: skip


@drawing
def effects(
    comparison: "pd.DataFrame",
    baseline: str,
    title: str = "",
    baseline_text: str = "",
    named: Callable[[str], str] = str,
) -> Figure:
    """Differences from the baseline in standard deviations of a run, for the outcomes with the largest effects.

    `named` gives a group's name where a mark tells of it.
    """
    rows = leading(by_effect_size(comparison, baseline))
    groups = [str(group) for group in dict.fromkeys(rows["group"])]
    outcomes = list(dict.fromkeys(rows["outcome"]))
    count = len(outcomes) * len(groups)
    line_styles = styles(
        [str(group) for group in dict.fromkeys(comparison["group"])]
    )  # colours as in the other pictures
    body = 0.17 * count + 0.16 * len(outcomes)
    figure, ax = under_legend((2.2, 0.6, 3.6, body), _dots(line_styles, groups), groups, title)
    step = len(groups) + 1.0
    for index, outcome in enumerate(outcomes):
        own = rows[rows["outcome"] == outcome].set_index("group")
        if index % 2 == 0:
            ax.axhspan(index * step - 1.0, index * step + step - 1.0, xmin=-0.6, xmax=1.6, color="#F3F3F3", lw=0,
                       zorder=0, clip_on=False)  # fmt: skip
        for line, group in enumerate(groups):
            if group not in own.index:
                continue
            row, y = own.loc[group], index * step + line
            ends = row[["standardised_low", "standardised", "standardised_high"]]
            mark = _with_interval(ax, ends, y, line_styles[group]["color"])
            difference, delta, p = effect_texts(row)
            against = f"{named(group)} against {baseline_text or baseline}"
            tell(mark, outcome, against, f"difference {difference}", f"Cliff's δ {delta}, p (Holm) {p}")
            text = number(row["difference"])
            text = text if text.startswith("−") else f"+{text}"
            text += f" {interval(row['difference_low'], row['difference_high'])}"
            ax.text(1.03, y, text, transform=ax.get_yaxis_transform(), va="center", fontsize=8.5, color=INK)
    ax.axvline(0.0, color=GREY, lw=1, zorder=1)
    dress(ax, "", f"difference to {fit(baseline_text or baseline, 3.0)} in standard deviations of a run")
    middles = [index * step + (len(groups) - 1) / 2 for index in range(len(outcomes))]
    _row_labels(ax, middles, outcomes, 2.0, "")
    ax.set_ylim(len(outcomes) * step - 1.0, -1.0)
    ax.text(1.03, -1.3, "difference [interval]", transform=ax.get_yaxis_transform(), fontsize=8.5, color=GREY)
    return figure


def _with_interval(ax: Axes, values: Sequence[float], y: float, colour: str) -> Line2D:
    """A dot on its interval: low, value and high."""
    (mark,) = ax.plot(values, [y] * 3, "-o", markevery=[1], color=colour, lw=1.8, ms=4.5, solid_capstyle="butt")
    return mark


@drawing
def regime_bars(regimes: "pd.DataFrame", title: str = "", named: Callable[[str], str] = str) -> Figure:
    """The share of each group's runs that end in each regime."""
    table = regimes[regimes["share"] > 0.0]
    kinds = _kinds(table)
    groups = [str(group) for group in dict.fromkeys(regimes["group"])]
    names = [regime_name(*kind) for kind in kinds]
    figure, ax = under_legend((2.1, 0.55, 5.6, 0.36 * len(groups)), _patches(kinds), names)
    left = np.zeros(len(groups))
    for kind in kinds:
        own = table[(table["structure"] == kind[0]) & (table["growth"] == kind[1])].set_index("group")
        shares = own["share"].reindex(groups, fill_value=0.0).to_numpy()
        colour = _regime_colour(*kind)
        bars = ax.barh(range(len(groups)), 100.0 * shares, left=100.0 * left, height=0.74, color=colour, ec="white",
                       lw=0.8)  # fmt: skip
        for bar, group in zip(bars, groups):
            if group in own.index:
                tell(bar, named(group), regime_name(*kind), _of_runs(own.loc[group]))
        for index in np.flatnonzero(shares >= 0.08):
            ax.text(100.0 * (left[index] + shares[index] / 2.0), index, percent(shares[index]), ha="center",
                    va="center", fontsize=8.5, color=_readable_on(colour))  # fmt: skip
        left += shares
    dress(ax, x="share of runs (%)")
    _row_labels(ax, range(len(groups)), groups, 1.9, title)
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.set_xlim(0, 100)
    return figure


def _kinds(table: "pd.DataFrame") -> list[tuple[str, str]]:
    """The regimes that occur in a table, in their order."""
    structures, growths = list(COLOURS), list(_GROWTHS)

    def order(kind: tuple[str, str]) -> tuple[int, ...]:
        positions = zip(kind, (structures, growths))
        return tuple(names.index(name) if name in names else len(names) for name, names in positions)

    return sorted(set(zip(table["structure"].astype(str), table["growth"].astype(str))), key=order)


def _patches(kinds: Sequence[tuple[str, str]]) -> list[Patch]:
    return [Patch(facecolor=_regime_colour(*kind), edgecolor=GREY, lw=0.5) for kind in kinds]


def _dots(line_styles: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> list[Line2D]:
    return [Line2D([], [], color=line_styles[name]["color"], marker="o", ms=5, lw=1.6) for name in names]


@drawing
def regime_map(regimes: "pd.DataFrame", by: Sequence[str]) -> Figure:
    """The most frequent regime and its frequency for each combination of two factors' levels."""
    most = regimes.sort_values("share", ascending=False, kind="stable").drop_duplicates(list(by))
    rows, columns = (sorted(most[name].unique(), key=_level) for name in by)
    kinds = _kinds(most)
    body = min(0.55 * len(rows), 6.5)
    names = [regime_name(*kind) for kind in kinds]
    figure, ax = under_legend((1.5, 0.65, 6.3, body), _patches(kinds), names)
    for _, row in most.sort_values(list(by), key=lambda levels: levels.map(_level)).iterrows():
        x, y = columns.index(row[by[1]]), rows.index(row[by[0]])
        # Paler where the regime is less frequent.
        colour = tuple(
            1.0 - row["share"] * (1.0 - part) for part in _regime_colour(str(row["structure"]), str(row["growth"]))
        )
        cell = ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1.0, 1.0, facecolor=colour, edgecolor="white", lw=1.5))
        levels = ", ".join(f"{name} = {level_text(row[name])}" for name in by)
        tell(cell, levels, regime_name(row["structure"], row["growth"]), _of_runs(row))
        ax.text(x, y, percent(row["share"]), ha="center", va="center", fontsize=TEXT if len(columns) <= 12 else 6.5,
                color=_readable_on(colour))  # fmt: skip
    dress(ax, x=fit(by[1], 6.0))
    room = 6.3 / len(columns)
    every = int(np.ceil(0.42 / room))
    shown = range(0, len(columns), every)
    ax.set_xticks(shown, [fit(level_text(columns[index]), room * every - 0.06) for index in shown])
    ax.set_xlim(-0.5, len(columns) - 0.5)
    _row_labels(ax, range(len(rows)), [level_text(level) for level in rows], 1.4, by[0])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.tick_params(axis="x", length=0)
    ax.spines["bottom"].set_visible(False)
    return figure


def _level(level: Any) -> tuple[int, Any]:
    """Sort key of levels: numbers before texts."""
    return (0, level) if isinstance(level, int | float | np.number) else (1, str(level))


@drawing
def winners(table: "pd.DataFrame", title: str = "", named: Callable[[str], str] = str) -> Figure:
    """The share of runs that each strategy wins in each group, with intervals."""
    groups = [str(group) for group in dict.fromkeys(table["group"])]
    line_styles = styles(list(dict.fromkeys(table["strategy"].astype(str))))
    often = table.groupby(table["strategy"].astype(str))["share"].sum().nlargest(7)
    shown = [name for name in line_styles if name in often.index]
    step = len(shown) + 1.0
    figure, ax = under_legend((2.1, 0.55, 5.6, 0.15 * step * len(groups)), _dots(line_styles, shown), shown)
    for index, group in enumerate(groups):
        own = table[table["group"].astype(str) == group].set_index("strategy")
        if index % 2 == 0:
            ax.axhspan(index * step - 1.0, (index + 1) * step - 1.0, color="#F3F3F3", lw=0, zorder=0)
        for line, name in enumerate(shown):
            if name in own.index:
                row, y = own.loc[name], index * step + line
                ends = 100.0 * row[["low", "share", "high"]]
                tell(_with_interval(ax, ends, y, line_styles[name]["color"]), named(group), name, _of_runs(row))
    dress(ax, x="share of runs won (%)")
    middles = [index * step + (len(shown) - 1) / 2 for index in range(len(groups))]
    _row_labels(ax, middles, groups, 1.9, title)
    ax.set_ylim(len(groups) * step - 1.0, -1.0)
    ax.set_xlim(0, 100)
    return figure
