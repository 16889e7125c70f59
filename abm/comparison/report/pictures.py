"""Pictures of what differs: effects, regimes, winners, and how wide intervals are by the number of runs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from abm.comparison.inputs.labels import text_of
from abm.comparison.report.canvas import TEXT, WIDTH, drawing, dress, legend, new_figure, styles
from abm.comparison.report.wording import between, leading, percent, ranked
from abm.output.style import GREY, INK, fit

if TYPE_CHECKING:
    import pandas as pd

STRUCTURES = {"fragmented": "#56B4E9", "moderate": "#009E73", "oligopoly": "#E69F00", "monopoly": "#D55E00",
              "collapsed": "#777777"}  # fmt: skip
_GROWTHS = {"virtuous": 0.0, "stagnant": 0.45, "vicious": 0.7}  # how far a structure's colour is on the way to white
_NONE = "#DDDDDD"


def regime_name(structure: str, growth: str) -> str:
    """A regime in words.

    Examples
    --------
    >>> regime_name("oligopoly", "virtuous"), regime_name("collapsed", "none")
    ('oligopoly, virtuous', 'collapsed')
    """
    return structure if growth in ("none", "") or growth != growth else f"{structure}, {growth}"


def _regime_colour(structure: str, growth: str) -> tuple[float, ...]:
    white = _GROWTHS.get(growth, 0.0)
    return tuple((1.0 - white) * part + white for part in to_rgb(STRUCTURES.get(structure, _NONE)))


def _readable_on(colour: Sequence[float]) -> str:
    """Black or white, whichever stands out."""
    return INK if np.dot(colour, (0.299, 0.587, 0.114)) > 0.5 else "white"


def under_legend(
    box: tuple[float, float, float, float], handles: Sequence[Any], names: Sequence[str], title: str = ""
) -> tuple[Figure, Axes]:
    """A figure with a legend along its top and one axes below.

    Parameters
    ----------
    box : tuple of 4 floats
        Left edge, lower edge, width and height of the axes, in inches.
    handles, names, title
        Of the legend.
    """
    left, bottom, width, height = box
    figure = new_figure(1.0)
    figure.set_figheight(whole := bottom + height + 0.3 + legend(figure, handles, names, title))
    return figure, figure.add_axes((left / WIDTH, bottom / whole, width / WIDTH, height / whole))


def _names_beside(ax: Any, places: Sequence[float], names: Sequence[str], inches: float, title: str) -> None:
    """Names down the left side of an axes, under what they are names of."""
    ax.set_yticks(places, [fit(name, inches) for name in names])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    if title:
        ax.annotate(fit(title, inches), (0.0, 1.0), (-3.5, 5.0), xycoords="axes fraction", textcoords="offset points",
                    ha="right", fontsize=TEXT, color=GREY)  # fmt: skip


@drawing
def effects(comparison: "pd.DataFrame", baseline: str, title: str = "") -> Figure:
    """The outcomes with the largest effects: differences to the baseline in standard deviations of a run.

    Parameters
    ----------
    comparison : DataFrame
    baseline : str
    title : str
        Of the legend: what the groups are values of.
    """
    rows = leading(ranked(comparison, baseline))
    groups = [str(group) for group in dict.fromkeys(rows["group"])]
    outcomes = list(dict.fromkeys(rows["outcome"]))
    count = len(outcomes) * len(groups)
    look = styles([str(group) for group in dict.fromkeys(comparison["group"])])  # colours as in the other pictures
    body = 0.17 * count + 0.16 * len(outcomes)
    figure, ax = under_legend((2.2, 0.6, 3.6, body), _dots(look, groups), groups, title)
    step = len(groups) + 1.0
    for place, outcome in enumerate(outcomes):
        own = rows[rows["outcome"] == outcome].set_index("group")
        if place % 2 == 0:
            ax.axhspan(place * step - 1.0, place * step + step - 1.0, xmin=-0.6, xmax=1.6, color="#F3F3F3", lw=0,
                       zorder=0, clip_on=False)  # fmt: skip
        for line, group in enumerate(groups):
            if group not in own.index:
                continue
            row, y = own.loc[group], place * step + line
            colour = look[group]["color"]
            ax.plot(
                [row["standardised_low"], row["standardised_high"]], [y, y], color=colour, lw=1.8, solid_capstyle="butt"
            )
            ax.plot([row["standardised"]], [y], "o", color=colour, ms=4.5)
            text = f"{row['difference']:+{',.0f' if 1000 <= abs(row['difference']) < 1e9 else '.3g'}}"
            text += f" {between(row['difference_low'], row['difference_high'])}"
            ax.text(1.03, y, text, transform=ax.get_yaxis_transform(), va="center", fontsize=8.5, color=INK)
    ax.axvline(0.0, color=GREY, lw=1, zorder=1)
    dress(ax, "", f"difference to {fit(baseline, 2.0)} in standard deviations of a run")
    middles = [place * step + (len(groups) - 1) / 2 for place in range(len(outcomes))]
    _names_beside(ax, middles, outcomes, 2.0, "")
    ax.set_ylim(len(outcomes) * step - 1.0, -1.0)
    ax.text(1.03, -1.3, "difference [interval]", transform=ax.get_yaxis_transform(), fontsize=8.5, color=GREY)
    return figure


@drawing
def regime_bars(regimes: "pd.DataFrame", title: str = "") -> Figure:
    """How often each regime came about in each group.

    Parameters
    ----------
    regimes : DataFrame
    title : str
        What the groups are values of.
    """
    table = regimes[regimes["share"] > 0.0]
    kinds = _kinds(table)
    groups = [str(group) for group in dict.fromkeys(regimes["group"])]
    names = [regime_name(*kind) for kind in kinds]
    figure, ax = under_legend((2.1, 0.55, 5.6, 0.36 * len(groups)), _patches(kinds), names)
    left = np.zeros(len(groups))
    for kind in kinds:
        own = table[(table["structure"] == kind[0]) & (table["growth"] == kind[1])]
        shares = own.set_index("group")["share"].reindex(groups, fill_value=0.0).to_numpy()
        colour = _regime_colour(*kind)
        ax.barh(range(len(groups)), 100.0 * shares, left=100.0 * left, height=0.74, color=colour, ec="white", lw=0.8)
        for place in np.flatnonzero(shares >= 0.08):
            ax.text(100.0 * (left[place] + shares[place] / 2.0), place, percent(shares[place]), ha="center",
                    va="center", fontsize=8.5, color=_readable_on(colour))  # fmt: skip
        left += shares
    dress(ax, x="share of runs (%)")
    _names_beside(ax, range(len(groups)), groups, 1.9, title)
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.set_xlim(0, 100)
    return figure


def _kinds(table: "pd.DataFrame") -> list[tuple[str, str]]:
    """The regimes that occur in a table, in their order."""
    structures, growths = list(STRUCTURES), list(_GROWTHS)

    def place(kind: tuple[str, str]) -> tuple[int, ...]:
        places = zip(kind, (structures, growths))
        return tuple(names.index(name) if name in names else len(names) for name, names in places)

    return sorted(set(zip(table["structure"].astype(str), table["growth"].astype(str))), key=place)


def _patches(kinds: Sequence[tuple[str, str]]) -> list[Patch]:
    return [Patch(facecolor=_regime_colour(*kind), edgecolor=GREY, lw=0.5) for kind in kinds]


def _dots(look: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> list[Line2D]:
    return [Line2D([], [], color=look[name]["color"], marker="o", ms=5, lw=1.6) for name in names]


@drawing
def regime_map(regimes: "pd.DataFrame", by: Sequence[str]) -> Figure:
    """The most frequent regime, and how frequent it is, where two factors vary.

    Parameters
    ----------
    regimes : DataFrame
        With a column for each of the two factors.
    by : sequence of two str
    """
    most = regimes.sort_values("share", ascending=False, kind="stable").drop_duplicates(list(by))
    rows, columns = (sorted(most[name].unique(), key=_level) for name in by)
    kinds = _kinds(most)
    body = min(0.55 * len(rows), 6.5)
    names = [regime_name(*kind) for kind in kinds]
    figure, ax = under_legend((1.5, 0.65, 6.3, body), _patches(kinds), names)
    for _, row in most.iterrows():
        x, y = columns.index(row[by[1]]), rows.index(row[by[0]])
        # The paler, the less certain.
        colour = tuple(
            1.0 - row["share"] * (1.0 - part) for part in _regime_colour(str(row["structure"]), str(row["growth"]))
        )
        ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1.0, 1.0, facecolor=colour, edgecolor="white", lw=1.5))
        ax.text(x, y, percent(row["share"]), ha="center", va="center", fontsize=TEXT if len(columns) <= 12 else 6.5,
                color=_readable_on(colour))  # fmt: skip
    dress(ax, x=fit(by[1], 6.0))
    room = 6.3 / len(columns)
    every = int(np.ceil(0.42 / room))
    shown = range(0, len(columns), every)
    ax.set_xticks(shown, [fit(text_of(columns[place]), room * every - 0.06) for place in shown])
    ax.set_xlim(-0.5, len(columns) - 0.5)
    _names_beside(ax, range(len(rows)), [text_of(level) for level in rows], 1.4, by[0])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.tick_params(axis="x", length=0)
    ax.spines["bottom"].set_visible(False)
    return figure


def _level(level: Any) -> tuple[int, Any]:
    """Numbers in their order before texts in theirs."""
    return (0, level) if isinstance(level, int | float | np.number) else (1, str(level))


@drawing
def winners(table: "pd.DataFrame", title: str = "") -> Figure:
    """How often each strategy wins in each group, with intervals.

    Parameters
    ----------
    table : DataFrame
        `group strategy share low high`.
    title : str
        What the groups are values of.
    """
    groups = [str(group) for group in dict.fromkeys(table["group"])]
    look = styles(list(dict.fromkeys(table["strategy"].astype(str))))
    often = table.groupby(table["strategy"].astype(str))["share"].sum().nlargest(7)
    shown = [name for name in look if name in often.index]
    step = len(shown) + 1.0
    figure, ax = under_legend((2.1, 0.55, 5.6, 0.15 * step * len(groups)), _dots(look, shown), shown)
    for place, group in enumerate(groups):
        own = table[table["group"].astype(str) == group].set_index("strategy")
        if place % 2 == 0:
            ax.axhspan(place * step - 1.0, (place + 1) * step - 1.0, color="#F3F3F3", lw=0, zorder=0)
        for line, name in enumerate(shown):
            if name in own.index:
                row, y = own.loc[name], place * step + line
                ax.plot([100 * row["low"], 100 * row["high"]], [y, y], color=look[name]["color"], lw=1.8)
                ax.plot([100 * row["share"]], [y], "o", color=look[name]["color"], ms=4.5)
    dress(ax, x="share of runs that it wins (%)")
    middles = [place * step + (len(shown) - 1) / 2 for place in range(len(groups))]
    _names_beside(ax, middles, groups, 1.9, title)
    ax.set_ylim(len(groups) * step - 1.0, -1.0)
    ax.set_xlim(0, 100)
    return figure
