"""Pictures of a discovery: the trade-off of coverage and density, pairs of factors with the box, the tree."""

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from abm.comparison.inputs.labels import level_text
from abm.comparison.report.canvas import TEXT, WIDTH, drawing, legend, new_figure
from abm.discovery.boxes import Box, held, inside, limits
from abm.discovery.search import Search
from abm.discovery.space import Factor
from abm.discovery.stability import middle_and_ends
from abm.discovery.tree import Node
from abm.output.number_text import axis_number, number, percent
from abm.output.style import BLUE, DOTTED, GREY, INK, ORANGE, dress_axes, fit, width_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST = 4  # factors whose pairs are drawn
_POINTS = 1500  # drawn in a panel at most, so that the page stays small
_SHADE = "#DCE9F2"
_PEELED = "boxes of the peeling, from the whole on the right; how many factors they limit"


@drawing
def tradeoff(search: Search) -> Figure:
    """Coverage and density of the boxes of the trajectory, with the chosen one and what it is on left-out points.

    Parameters
    ----------
    search : Search
        With a trajectory.
    """
    table, best = search.peeled, search.held
    figure = new_figure(3.9)
    ax = figure.add_axes((0.09, 0.135, 0.9, 0.84))
    ax.plot(table["coverage"], table["density"], color=GREY, lw=1, zorder=1)
    ax.plot(table["coverage"], table["density"], "o", ms=5.5, color=_SHADE, mec=BLUE, mew=0.8, zorder=2)
    handles, names = [Line2D([], [], color=GREY, lw=1, marker="o", ms=5.5, mfc=_SHADE, mec=BLUE)], [_PEELED]
    changed = table.loc[table["restricted"].diff() != 0.0]
    last = (-1.0, -1.0)
    for x, y, count in zip(changed["coverage"], changed["density"], changed["restricted"]):
        if abs(x - last[0]) > 0.03 or abs(y - last[1]) > 0.05:  # else one would lie on the other
            ax.annotate(str(count), last := (x, y), (6, 4), textcoords="offset points", fontsize=8.5, color=BLUE)
    ax.axhline(search.space.density, **DOTTED)
    ax.text(0.003, search.space.density + 0.012, f"all runs: {percent(search.space.density)}", fontsize=8.5, color=GREY)
    if search.box is not None:
        handles += ax.plot([best.coverage], [best.density], "D", ms=10, color=ORANGE, mec=INK, mew=0.8, zorder=4)
        names.append("the box")
        (x, *ends), (y, *sides) = (
            middle_and_ends(each) for each in (search.resamples.coverage, search.resamples.density)
        )
        if x == x and y == y:
            cross = {"color": ORANGE, "lw": 1.6, "zorder": 3, "solid_capstyle": "butt"}
            handles += ax.plot(ends, [y, y], **cross)
            ax.plot([x, x], sides, **cross)
            names.append("boxes of the resamples, on points left out of them: median and middle 90%")
    dress_axes(
        ax, "coverage: share of all cases that lie in the box", "density: share of runs there that are cases", TEXT
    )
    ax.set(xlim=(0.0, 1.03), ylim=(0.0, 1.05))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    above = search.space.density / 1.05 + 0.05 if search.space.density < 0.4 else 0.0  # the line of all runs
    ax.legend(handles, names, loc="lower left", bbox_to_anchor=(0.0, above), fontsize=TEXT, labelcolor=INK,
              framealpha=0.9, edgecolor="none", handlelength=1.6)  # fmt: skip
    return figure


@drawing
def pairs(search: Search, scores: "Sequence[str]", scales: "Mapping[str, str]") -> Figure:
    """Points by pairs of factors, cases above others, with the box drawn.

    Parameters
    ----------
    search : Search
    scores : sequence of str
        Names of the factors, those that matter most first.
    scales : mapping of str to str
        Of a factor `log` or `linear`.
    """
    space = search.space
    sides = limits(space, search.box) if search.box else []
    known = [factor.name for factor in space.factors]
    order = [known.index(name) for name in scores if name in known]
    limited = {side.factor for side in sides}
    drawn = [index for index in order if index in limited] + [index for index in order if index not in limited]
    drawn = drawn[: max(2, min(_MOST, len(limited)))]
    couples = list(combinations(drawn, 2))
    if not couples:
        couples = [(drawn[0], None)]
    rng = np.random.default_rng(0)
    shuffled = rng.permutation(len(space.codes))[:_POINTS]
    share = (space.cases / space.runs)[shuffled]
    columns = min(len(couples), 2)
    rows = -(-len(couples) // columns)
    height = (2.9 if columns > 1 else 3.8) * rows + 0.35
    figure = new_figure(height)
    names = ["no run is a case", "some or all are", *(["the box"] if search.box else [])]
    handles = [Line2D([], [], ls="", marker="o", ms=4, color=colour, alpha=0.9) for colour in ("#B9B9B9", ORANGE)]
    handles += [Line2D([], [], color=BLUE, lw=2)] if search.box else []
    legend(figure, handles, names)
    axes = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(
        left=0.09, right=0.985, bottom=0.5 / height, top=1.0 - 0.5 / height, wspace=0.28, hspace=0.32
    )
    for ax, (one, other) in zip(axes.flat, couples):
        x, y = (_placed(space.factors, index, space.codes[shuffled], rng) for index in (one, other))
        for is_case in (False, True):
            some = (share > 0.0) == is_case
            shade = 0.25 + 0.65 * share[some] if is_case else 0.45
            ax.scatter(x[some], y[some], s=9, lw=0, color=ORANGE if is_case else "#B9B9B9", alpha=shade)
        for index, values, side in ((one, x, "x"), (other, y, "y")):
            _scaled(ax, side, space.factors[index] if index is not None else None, values, scales)
        if search.box:
            _frame(ax, space.factors, search.box, one, other)
    for ax in axes.flat[len(couples) :]:
        ax.remove()
    return figure


def _placed(factors: "Sequence[Factor]", index: int | None, codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Where points lie along an axis: at their values, or around the index of a listed one."""
    if index is None:
        return rng.random(len(codes))
    own = codes[:, index]
    if not factors[index].is_listed:
        return np.array(factors[index].values)[own]
    return own + rng.uniform(-0.32, 0.32, len(own))


def _scaled(ax: Axes, side: str, factor: Factor | None, values: np.ndarray, scales: "Mapping[str, str]") -> None:
    """The name, ends and ticks of an axis."""
    axis = ax.xaxis if side == "x" else ax.yaxis
    getattr(ax, f"set_{side}label")("" if factor is None else fit(factor.name, 2.4))
    dress_axes(ax, ax.get_xlabel(), ax.get_ylabel(), TEXT)
    if factor is None:
        axis.set_ticks([])
    elif factor.is_listed:
        count = len(factor.values)
        shown = np.unique(np.linspace(0, count - 1, min(count, 6)).round().astype(int))
        axis.set_ticks(shown, [fit(level_text(factor.values[index]), 0.95) for index in shown])
        getattr(ax, f"set_{side}lim")(-0.6, count - 0.4)
    elif scales.get(factor.name) == "log" and values.min() > 0.0:
        getattr(ax, f"set_{side}scale")("log")
        axis.set_major_formatter(axis_number)
        if values.max() / values.min() < 100.0:
            axis.set_minor_formatter(lambda value, _: axis_number(value) if f"{value:.0e}"[0] in "25" else "")
        else:
            axis.set_minor_formatter(lambda value, _: "")
        axis.set_tick_params(which="minor", labelsize=TEXT, labelcolor=INK)
        getattr(ax, f"set_{side}lim")(values.min() * 0.96, values.max() * 1.04)
    else:
        room = 0.02 * float(np.ptp(values))
        axis.set_major_formatter(axis_number)
        getattr(ax, f"set_{side}lim")(values.min() - room, values.max() + room)


def _frame(ax: Axes, factors: "Sequence[Factor]", box: Box, one: int, other: int | None) -> None:
    """The box around what it holds of two factors; words beside each other are one frame."""

    def spans(index: int | None, ends: tuple[float, float]) -> list[tuple[float, float]]:
        if index is None or box[index].all():
            return [ends]
        codes, factor = np.flatnonzero(box[index]), factors[index]
        if factor.is_listed:
            groups = np.split(codes, np.flatnonzero(np.diff(codes) > 1) + 1)
            return [(float(each[0]) - 0.45, float(each[-1]) + 0.45) for each in groups]
        low, high = factor.limit(int(codes[0]), int(codes[-1]))
        return [(ends[0] if low != low else low, ends[1] if high != high else high)]

    for left, right in spans(one, ax.get_xlim()):
        for bottom, top in spans(other, ax.get_ylim()):
            ax.add_patch(
                Rectangle(
                    (left, bottom), right - left, top - bottom, fill=False, ec=BLUE, lw=2, zorder=5, clip_on=False
                )
            )


@drawing
def tree(search: Search) -> Figure:
    """The decision tree: questions, and in each leaf the share of cases and what it holds.

    Parameters
    ----------
    search : Search
    """
    leaves = search.root.leaves
    depth = _depth(search.root)
    figure = new_figure(1.05 * depth + 1.0)
    ax = figure.add_axes((0.01, 0.01, 0.98, 0.98))
    ax.set(xlim=(-0.5, len(leaves) - 0.5), ylim=(-depth - 0.42, 0.42))
    ax.axis("off")
    inches = WIDTH * 0.96 / len(leaves)
    places = {id(leaf): number for number, leaf in enumerate(leaves)}
    _draw(ax, search, search.root, 0, places, inches)
    return figure


def _depth(node: Node) -> int:
    return 0 if node.factor is None else 1 + max(_depth(node.left), _depth(node.right))


def _draw(ax: Axes, search: Search, node: Node, level: int, places: dict[int, int], inches: float) -> float:
    """Draw a node and all below it, and return where it is."""
    space = search.space
    what = held(space, inside(space, node.box))
    if node.factor is None:
        x = float(places[id(node)])
        fill = np.array([1.0, 1.0, 1.0]) + what.density * (np.array([0.902, 0.624, 0.0]) - 1.0)
        text = f"{percent(what.density)}\n{what.cases:,} of {what.runs:,}"
        size = 8.5 if width_of(f"{what.cases:,} of {what.runs:,}", 8.5) < inches else 7.0
        ax.text(x, -level, text, ha="center", va="center", fontsize=size, color=INK, linespacing=1.25,
                bbox={"boxstyle": "round,pad=0.35", "fc": fill, "ec": GREY, "lw": 0.8})  # fmt: skip
        return x
    ends = [_draw(ax, search, child, level + 1, places, inches) for child in (node.left, node.right)]
    x = sum(ends) / 2.0
    for end, child, side in zip(ends, (node.left, node.right), (-1, 1)):
        ax.plot([x, end], [-level, -level - 1], color=GREY, lw=1, zorder=0)
        said = _question(space.factors[node.factor], node.box[node.factor], child.box[node.factor])
        middle = (x + end) / 2.0
        ax.text(middle + 0.02 * side, -level - 0.5, fit(said, 1.15, 8.5), ha="right" if side < 0 else "left",
                va="center", fontsize=8.5, color=INK,
                bbox={"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none"})  # fmt: skip
    ax.text(x, -level, fit(space.factors[node.factor].name, 1.9, TEXT), ha="center", va="center", fontsize=TEXT,
            weight="bold", color=INK,
            bbox={"boxstyle": "round,pad=0.35", "fc": _SHADE, "ec": GREY, "lw": 0.8})  # fmt: skip
    return x


def _question(factor: Factor, before: np.ndarray, after: np.ndarray) -> str:
    """The text of a branch: the limit that it adds, without the factor's name."""
    places, codes = np.flatnonzero(before), np.flatnonzero(after)
    if factor.is_word:
        return " or ".join(level_text(factor.values[code]) for code in codes)
    low, high = factor.limit(int(codes[0]), int(codes[-1]))
    is_upper = codes[0] > places[0]
    if factor.is_listed:
        return f"≥ {number(low)}" if is_upper else f"≤ {number(high)}"
    return f"> {number(low)}" if is_upper else f"< {number(high)}"
