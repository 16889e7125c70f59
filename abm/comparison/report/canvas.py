"""Common parts of the pictures of a comparison: size, colours, labels that fit, legends."""

import base64
import io
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from abm.output.style import INK, dashes, dress_axes, fit, strategy_colours, width_of
from abm.output.style import drawing as lettered

WIDTH = 8.0  # inches; on A4 paper a little less, so that small print stays legible
TEXT = 9.5  # points
PANEL = 2.05  # height of a small panel with its title and axis, in inches
MOST_PANELS = 12


def drawing(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw with small letters, with names as plain texts, in fonts that contain their letters."""

    @wraps(draw)
    def drawn(*arguments: Any, **named: Any) -> Figure:
        with mpl.rc_context({"font.size": TEXT}):
            return draw(*arguments, **named)

    return lettered(drawn)


def svg(figure: Figure) -> str:
    """A figure as a data address of an SVG image; equal figures have equal addresses."""
    buffer = io.BytesIO()
    # Letters are drawn as shapes, so that the reader needs no fonts.
    with mpl.rc_context({"svg.hashsalt": "abm", "svg.fonttype": "path", "path.simplify_threshold": 0.5}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


class Spot(NamedTuple):
    """A place of a picture that tells something: its middle and its size in percent of the picture's, and the text."""

    x: float
    y: float
    width: float
    height: float
    text: str


def tell(mark: Artist, *lines: str) -> None:
    """Let a mark of a picture tell some lines to whoever points at it."""
    mark.set(picker=True, label="\n".join(lines))


def spots(figure: Figure) -> list[Spot]:
    """The marks of a figure that tell something and are seen, in the order in which they were drawn."""
    found = []
    for mark in figure.findobj(Artist.get_picker):  # which also settles where axes end that fit what they show
        box = mark.get_window_extent().transformed(figure.transFigure.inverted())
        parts = (box.x0 + box.x1) / 2.0, 1.0 - (box.y0 + box.y1) / 2.0, box.width, box.height
        if np.isfinite(parts).all():  # a missing value is nowhere
            found.append(Spot(*(round(100.0 * part, 2) for part in parts), mark.get_label()))
    return found


def new_figure(height: float) -> Figure:
    """An empty figure of the common width."""
    return Figure(figsize=(WIDTH, height), dpi=100)


def styles(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and dashes of each name's line, by its index."""
    colours = strategy_colours(names)
    return {name: {"color": colours[name], "ls": (0, dashes(index) or None)} for index, name in enumerate(names)}


def legend(figure: Figure, handles: Sequence[Any], names: Sequence[str], title: str = "") -> float:
    """Write a legend along the top of a figure, in as many columns as fit; return its height in inches."""
    short = [fit(name, 3.0) for name in names]
    column = 0.55 + max((width_of(name, TEXT) for name in short), default=0.0)
    columns = int(np.clip(WIDTH / column, 1, max(len(short), 1)))
    figure.legend(handles, short, title=fit(title, WIDTH - 1.0) or None, loc="upper left", bbox_to_anchor=(0.0, 1.0),
                  ncols=columns, frameon=False, fontsize=TEXT, title_fontsize=TEXT, alignment="left", labelcolor=INK,
                  handlelength=1.6, columnspacing=1.4, borderaxespad=0.2)  # fmt: skip
    return 0.22 * (-(-len(short) // columns) + bool(title)) + 0.12


def dress(ax: Axes, title: str = "", x: str = "", y: str = "") -> None:
    """Set a small panel's title, axis labels and frame."""
    ax.set_title(title, loc="left", fontsize=TEXT, weight="bold", color=INK)
    dress_axes(ax, x, y, TEXT)


def panels(count: int, above: float, columns: int = 3) -> tuple[Figure, list[Axes]]:
    """A figure with small panels, below an area of `above` inches for a legend."""
    columns = min(columns, max(count, 1))
    rows = -(-count // columns)
    height = PANEL * rows + above
    figure = new_figure(height)
    bottom, top = 0.5 / height, 1.0 - (above + 0.3) / height
    axes = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(left=0.075, right=0.985, bottom=bottom, top=top, wspace=0.3, hspace=0.62)
    for ax in axes.flat[count:]:
        ax.remove()
    return figure, list(axes.flat[:count])
