"""The common style of all pictures: size, colours, short names and numbers, titles, legends, ticks, files.

Figures are made without pyplot, which would keep every figure in memory.
"""

import os
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from abm.output.lettering import drawable, families_for, fonts_of, letter
from abm.output.number_text import axis_number

SIZE, DPI = (16.0, 9.0), 100  # inches and pixels an inch: 1600 × 900
TEXT, TITLE, HEADLINE = 10.5, 12.5, 18  # points
INK, GREY, BLUE, ORANGE = "#222222", "#666666", "#0072B2", "#C87800"
DOTTED = {"color": GREY, "lw": 1, "ls": (0, (1, 2)), "zorder": 0.5}
# Each has a contrast of 3 with white and with a dark page; neighbours are told apart with red-green blindness, too.
PALETTE = (
    BLUE, ORANGE, "#D93687", "#06802F", "#639999", "#806253",
    "#AC0ACC", "#CC0A0A", "#9C85CC", "#8B9945", "#06806B", "#D97562",
)  # fmt: skip
PLAIN = 8  # lines and areas that differ in colour alone; those after them are dashed and hatched, too
_DASHES = ((), (6.0, 2.0), (2.0, 1.5), (6.0, 2.0, 1.5, 2.0))
_HATCHES = ("", "///", "...", "xxx")
WIDE = 30.0  # ratio of values above which an axis is logarithmic
ROUND = [1, 2, 5, 10]  # distances of ticks


def strategy_colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each strategy, by its index in the scenario, so that all pictures of it agree.

    Parameters
    ----------
    names : sequence of str
        In the scenario's order.

    Returns
    -------
    dict of str to str
        Twelve hues whose neighbours colour-blind people tell apart, then darker and lighter shades of them.

    Examples
    --------
    >>> strategy_colours(["technology_first", "market_first"])
    {'technology_first': '#0072b2', 'market_first': '#c87800'}
    """

    def shade(place: int) -> str:
        turn, hue = divmod(place, len(PALETTE))
        target = (turn + 1) % 2  # black (0) after an odd number of turns, else white (1)
        amount = 1.0 - 0.6 ** ((turn + 1) // 2)
        return to_hex([(1.0 - amount) * part + amount * target for part in to_rgb(PALETTE[hue])])

    return {name: shade(place) for place, name in enumerate(names)}


def dashes(place: int) -> tuple[float, ...]:
    """Lengths of the dashes and gaps of a strategy's line, by its index in the scenario; none for a whole line.

    Examples
    --------
    >>> dashes(0), dashes(8)
    ((), (6.0, 2.0))
    """
    return _DASHES[place // PLAIN % len(_DASHES)]


def hatch(place: int) -> str:
    """The hatching of a strategy's area, as matplotlib names it, by its index in the scenario; empty for none.

    Examples
    --------
    >>> hatch(0), hatch(8)
    ('', '///')
    """
    return _HATCHES[place // PLAIN % len(_HATCHES)]


def save(figure: Figure, path: str | os.PathLike) -> None:
    """Write a figure; the ending of the path says how (png, pdf or svg)."""
    figure.savefig(path, dpi=DPI)


def drawing(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Let a drawing function write names as plain text, not as formulas, in fonts that have their letters."""

    @wraps(draw)
    def drawn(*arguments: Any, **named: Any) -> Figure:
        figure = draw(*arguments, **named)
        for text in figure.findobj(Text):
            text.set_parse_math(False)
        return letter(figure)

    return drawn


def headline(figure: Figure, name: str, facts: str) -> None:
    """Write a scenario's name and a line of facts over the panels of a figure."""
    height = figure.get_figheight()
    figure.text(0.054, 1.0 - 0.432 / height, fit(name, 13.5, HEADLINE), size=HEADLINE, weight="bold", color=INK)
    figure.text(0.054, 1.0 - 0.738 / height, facts, size=TITLE, color=INK)


def width_of(text: str, size: float) -> float:
    """Inches that a line takes in letters of some points, in the fonts that it is drawn in."""
    font = fonts_of(families_for(text))
    font.set_size(size, 72)
    font.set_text(text)
    return font.get_width_height()[0] / 64.0 / 72.0


def fit(name: Any, inches: float, size: float = TEXT) -> str:
    """A name, in letters of some points, with its middle left out until it is no wider than some inches."""
    text = drawable(" ".join(str(name).split()))
    short, kept = text, len(text)
    while width_of(short, size) > inches and kept > 2:
        kept = min(kept - 1, int(inches * 72.0))  # no more letters than points
        short = f"{text[: kept - kept // 3]}…{text[len(text) - kept // 3 :]}"
    return short


def dress(ax: Axes, title: str, y: str, x: str = "step (quarter)") -> None:
    """Give a panel its title and the names of its axes."""
    ax.set_title(title, loc="left", fontsize=TITLE, weight="bold", color=INK, pad=26)
    dress_axes(ax, x, y)


def dress_axes(ax: Axes, x: str, y: str, size: float = TEXT) -> None:
    """Name the axes of a panel and draw them plainly; letters of some points."""
    ax.set_xlabel(x, fontsize=size, color=INK)
    ax.set_ylabel(y, fontsize=size, color=INK)
    ax.tick_params(labelsize=size, colors=GREY, labelcolor=INK, length=3)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GREY)


def say(ax: Axes, text: str) -> None:
    """A line under a panel's title, where other panels have their legend."""
    ax.text(0.0, 1.03, text, transform=ax.transAxes, fontsize=TEXT, color=GREY, parse_math=False)


def say_empty(ax: Axes, text: str) -> None:
    """A line in the middle of a panel that has nothing else."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", fontsize=TEXT + 1, color=GREY)


def legend(ax: Axes) -> None:
    """A legend in one line under a panel's title."""
    space = {"borderpad": 0.0, "borderaxespad": 0.35, "handlelength": 1.3, "handletextpad": 0.5}
    place = {"loc": "lower left", "bbox_to_anchor": (-0.013, 1.0), "ncols": 3, "columnspacing": 1.1}
    ax.legend(**place, **space, frameon=False, fontsize=TEXT, labelcolor=GREY)


def round_ticks(side: Any, nbins: int = 6, integer: bool = False) -> None:
    """Ticks of an axis at round numbers, written short."""
    side.set_major_locator(MaxNLocator(nbins, steps=ROUND, integer=integer, min_n_ticks=1))
    side.set_major_formatter(axis_number)


def scale(ax: Axes, axis: str, values: np.ndarray) -> bool:
    """Ticks of an axis, made logarithmic where positive values are far apart; whether it was made so."""
    positive = values[np.isfinite(values) & (values > 0.0)]
    ratio = positive.max() / positive.min() if positive.size else 1.0
    side = ax.xaxis if axis == "x" else ax.yaxis
    if ratio <= WIDE:
        round_ticks(side)
        return False
    ax.set(**{f"{axis}scale": "log"})
    # Within two or three decades powers of ten alone would be too few ticks.
    side.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if ratio < 300.0 else (1.0,), numticks=7))
    side.set_minor_locator(NullLocator())
    side.set_major_formatter(axis_number)
    return True
