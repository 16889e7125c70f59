"""Pictures that change many times a second: matplotlib draws the axes once, the browser draws lines and areas.

Drawing a panel of matplotlib anew takes some 40 ms, nearly all of it for letters. So a panel's picture is of its axes
without the moving parts, and is drawn again only when the limits of an axis change, which is in jumps.
"""

import base64
import html
import io
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator
from PIL import Image

from abm.dashboard.vectors import drawn
from abm.output.lettering import letter
from abm.output.number_text import axis_number
from abm.output.style import DOTTED, GREY, INK, TEXT, WIDE, dress_axes, round_ticks, scale

# Shown at some 90 an inch: sharp on a screen of double density too, nearly. More would cost a page 10 MB.
DPI = 150
SIZE = (4.0, 3.0)  # inches
POINTS = 400  # of a line
_ROUND = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0)  # where an axis may end, times a power of ten
_ROUND_STEPS = (1.0, 2.5, 5.0, 10.0)  # the same for an axis of steps, which all panels reach at once
_FIRST_STEPS = 25


class Picture(NamedTuple):
    """A panel as it is at one frame."""

    title: str
    still: str
    """Its axes, as the address of a PNG."""
    moving: str
    """What lies upon them, as SVG."""


class Panel:
    """A titled picture with one or two axes, one above the other.

    Parameters
    ----------
    title : str
    y : sequence of str
        Names of the vertical axes, from above.
    x : str
    size : (float, float)
        Inches.
    right : float
        Where the axes end, as a share of the width.
    top : float
        Where they begin, below the title and the legend, as a share of the height.

    Attributes
    ----------
    axes : list of Axes
    """

    def __init__(
        self,
        title: str,
        y: Sequence[str],
        x: str = "step (quarter)",
        size: tuple[float, float] = SIZE,
        right: float = 0.94,  # half of the last step fits beside it
        top: float = 0.80,
    ) -> None:
        self.figure = Figure(figsize=size, dpi=DPI)
        self._canvas = FigureCanvasAgg(self.figure)
        self.figure.text(0.02, 0.985, title, size=TEXT + 1.5, weight="bold", color=INK, va="top")
        self.axes: list[Axes] = list(self.figure.subplots(len(y), 1, sharex=True, squeeze=False)[:, 0])
        self.figure.subplots_adjust(left=0.175, right=right, bottom=0.165, top=top, hspace=0.22)
        for ax, name in zip(self.axes, y):
            dress_axes(ax, x if ax is self.axes[-1] else "", name, TEXT - 1)
            ax.set_ylim(0.0, 1.0)
            ax.yaxis.set_major_formatter(FuncFormatter(axis_number))
        self.title = title
        self._moving: list[Artist] = []
        self._note = ""
        self._still, self._limits = "", None

    def add(self, *artists: Artist) -> None:
        """Let some artists be drawn at each frame."""
        for artist in artists:
            artist.set_animated(True)
        self._moving += artists

    def note(self, text: str) -> None:
        """A short line that changes, at the end of the title's."""
        self._note = text

    def reach(self, step: int, last: int) -> None:
        """Let the horizontal axis, if it is of steps, hold a step; it grows in jumps up to the last one."""
        end = min(round_up(max(step, _FIRST_STEPS), _ROUND_STEPS), max(last, step, 1))
        for ax in self.axes:
            if ax.get_xlim() != (0.0, end):
                ax.set_xlim(0.0, end)
                round_ticks(ax.xaxis, nbins=5, integer=True)

    def picture(self) -> Picture:
        """The panel as it is now."""
        limits = [(*ax.get_xlim(), *ax.get_ylim(), ax.get_xscale(), ax.get_yscale()) for ax in self.axes]
        if limits != self._limits:
            letter(self.figure)
            self._canvas.draw()
            file = io.BytesIO()
            Image.fromarray(np.asarray(self._canvas.buffer_rgba())).save(file, "png", compress_level=1)
            self._still = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
            self._limits = limits
        width, height = self._canvas.get_width_height()
        moving = "".join(drawn(ax, [each for each in self._moving if each.axes is ax]) for ax in self.axes)
        note = (
            f'<text x="{0.985 * width:.0f}" y="{0.16 * DPI:.0f}" text-anchor="end" fill="{GREY}" '
            f'font-size="{DPI * (TEXT - 1) / 72:.0f}">{html.escape(self._note)}</text>'
        )
        return Picture(self.title, self._still, f'<svg viewBox="0 0 {width} {height}">{moving}{note}</svg>')


def round_up(value: float, ends: Sequence[float] = _ROUND) -> float:
    """The first round number that is not below a positive value.

    Examples
    --------
    >>> round_up(0.7), round_up(101.0), round_up(400)
    (0.8, 150.0, 400.0)
    """
    power = 10.0 ** math.floor(math.log10(value))
    return next(float(f"{each * power:.3g}") for each in ends if each * power >= value * (1.0 - 1e-9))


def hold(ax: Axes, values: np.ndarray, lowest: float = 0.0) -> None:
    """Let a vertical axis that begins at `lowest` hold values; it grows in jumps, and turns logarithmic once need be.

    Parameters
    ----------
    ax : Axes
    values : float64 array
        What is drawn; NaN is passed over.
    lowest : float
        On a linear scale.
    """
    known = values[np.isfinite(values)]
    if not known.size:
        return
    positive = known[known > 0.0]
    if ax.get_yscale() == "log" or (positive.size and known.max() > WIDE * np.median(positive)):
        top = 10.0 ** math.ceil(math.log10(positive.max() * (1.0 - 1e-9)))
        bounds = _lowest(positive, top), top
        if bounds != ax.get_ylim():
            scale(ax, "y", np.array(bounds) * (1.0, max(1.0, WIDE * bounds[0] / bounds[1] * 1.01)))
            ax.set_ylim(bounds)
        return
    top = round_up(max(1.04 * (known.max() - lowest), 1e-9)) + lowest
    if (lowest, top) != ax.get_ylim():
        ax.set_ylim(lowest, top)
        round_ticks(ax.yaxis, nbins=5 if len(ax.figure.axes) == 1 else 4)


def _lowest(values: np.ndarray, top: float) -> float:
    """Where a logarithmic axis begins: six powers of ten hold enough, unless a tenth of the values lies below."""
    least, tenth = (10.0 ** math.floor(math.log10(each)) for each in (values.min(), np.quantile(values, 0.1)))
    return max(least, min(top * 1e-6, tenth))


def hold_counts(ax: Axes, values: np.ndarray) -> None:
    """Let an axis of counts that begins at 0 hold values."""
    top = round_up(max(1.04 * values.max(), 4.0))
    if top != ax.get_ylim()[1]:
        ax.set_ylim(0.0, top)
        ax.locator_params(axis="y", nbins=3, integer=True)


def hold_around_zero(ax: Axes, values: np.ndarray) -> None:
    """Let a vertical axis with 0 in its middle hold values; it grows in jumps."""
    known = np.abs(values[np.isfinite(values)])
    top = round_up(1.04 * known.max(initial=0.0) or 1.0)
    if top != ax.get_ylim()[1]:
        ax.set_ylim(-top, top)
        round_ticks(ax.yaxis, nbins=4)


def hold_on_both_axes(ax: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Let a plane hold points; its axes grow in jumps, and turn logarithmic once need be."""
    hold(ax, y)
    if ax.get_xscale() == "linear" and x.size and x.max() > WIDE * np.median(x):
        ax.set_xscale("log")
        ax.xaxis.set_minor_locator(NullLocator())
    if x.size:
        top = round_up(1.04 * x.max())
        low = 0.0 if ax.get_xscale() == "linear" else _lowest(x, top)
        if ax.get_xlim() != (low, top):
            ax.set_xlim(low, top)
            if low == 0.0:
                round_ticks(ax.xaxis, nbins=5)


def short_legend(ax: Axes, artists: Sequence[Artist], names: Sequence[str], columns: int = 3) -> None:
    """A legend between a panel's title and its axes."""
    ax.legend(
        artists, names, loc="lower left", bbox_to_anchor=(-0.15, 1.0), ncols=columns, frameon=False, fontsize=TEXT - 1,
        labelcolor=GREY, borderpad=0.0, borderaxespad=0.35, handlelength=1.1, handletextpad=0.4, columnspacing=0.9,
        labelspacing=0.25,
    )  # fmt: skip


def baseline(ax: Axes, value: float) -> None:
    """A dotted line at a level that a reader compares with."""
    ax.axhline(value, **DOTTED)


def thinned(count: int) -> np.ndarray:
    """The indices of the rows that a line is drawn through: at most `POINTS` + 1, the last row among them.

    Examples
    --------
    >>> thinned(4), len(thinned(10_000)), thinned(10_000)[-1]
    (array([0, 1, 2, 3]), 401, np.int64(9999))
    """
    many = -(-count // POINTS)
    places = np.arange(0, count, many)
    return places if places[-1] == count - 1 else np.append(places, count - 1)
