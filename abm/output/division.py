"""The panels of the overview that show how customers are divided: concentration, and the shares of strategies."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from abm.output.number_text import axis_number
from abm.output.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    TEXT,
    TITLE,
    dress,
    fit,
    hatch,
    legend,
    round_ticks,
    say,
    say_empty,
    scale,
    strategy_colours,
    width_of,
)
from abm.output.thinning import MANY
from abm.scenario.regimes import LARGEST_HHI, LEAST_HHI

if TYPE_CHECKING:
    import pandas as pd

PANEL = 2.6, 2.75  # inches of a panel, width and height
LABELS = 15  # strategies named beside their shares; more would not fit
_HHI_BOUNDS = (*reversed(LEAST_HHI.values()), LARGEST_HHI)
HHI_BANDS = dict(zip(reversed(LEAST_HHI), pairwise(_HHI_BOUNDS)))  # begin and end of each
HHI_FIRST = next(iter(HHI_BANDS))
HHI_LOWEST = 300.0  # where the panel begins if no line is lower
HHI_FAR = 100.0  # below that all along, the panel has a scale of its own without the bands


def draw_concentration(ax: Axes, steps: "pd.DataFrame", several: bool) -> None:
    """Concentration (HHI) within sectors, where firms compete, and over the whole market."""
    dress(ax, "Concentration", "HHI (0–10,000, log scale)")
    lines = [("hhi", "whole market", ORANGE), ("sector_hhi", "within sectors", BLUE)]
    lines = lines if several else [("hhi", "the market", BLUE)]
    values = steps[[column for column, *_ in lines]].to_numpy(float)
    for column, label, colour in lines:
        ax.plot(steps.index, steps[column], color=colour, lw=2 if len(steps) <= MANY else 1, label=label)
    legend(ax)
    if np.nanmax(values, initial=0.0) < HHI_FAR and np.isfinite(values).any():
        if not scale(ax, "y", values.ravel()):
            ax.set_ylabel("HHI (0–10,000)")
            ax.set_ylim(bottom=0.0)
        low, high = (ax.yaxis.get_transform().transform(end) for end in ax.get_ylim())
        heights = (ax.yaxis.get_transform().transform(values) - low) / (high - low)
        text = f"{HHI_FIRST} begins at {_HHI_BOUNDS[0]:,}"
        if (where := _free_place(text, np.array([0.0, 1.0]), _places(steps), heights)) is not None:
            ax.text(*where, text, transform=ax.transAxes, ha="center", va="center", fontsize=TEXT, color=GREY)
        return
    if not np.isfinite(values).any():
        say_empty(ax, "nothing to show")
    ax.set_yscale("log")
    bottom = float(np.fmin(0.7 * np.nanmin(values, initial=np.inf), HHI_LOWEST))
    top = 10_400.0  # a line at 10,000 is seen whole
    heights = np.log(values / bottom) / np.log(top / bottom)  # of the lines, as shares of the panel
    for place, (name, (low, high)) in enumerate(HHI_BANDS.items()):
        ax.axhspan(low, high, color=INK, alpha=0.04 + 0.045 * place, lw=0)
        ends = np.log(np.array([low, high]) / bottom) / np.log(top / bottom)
        if (where := _free_place(name, ends, _places(steps), heights)) is not None:
            ax.text(*where, name, transform=ax.transAxes, ha="center", va="center", fontsize=TEXT, color=GREY)
    ax.set_ylim(bottom, top)
    few = np.log10(top / bottom) < 3.6  # decades
    below = [10.0**power * part for power in range(-6, 3) for part in ((1, 3) if few else (1,))]
    shown = (*below, _HHI_BOUNDS[0], *(_HHI_BOUNDS[1:-1] if few else _HHI_BOUNDS[-1:]))
    ax.set_yticks([tick for tick in shown if tick >= bottom])
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(axis_number)


def _places(steps: "pd.DataFrame") -> np.ndarray:
    """Where the steps lie, as shares of the panel's width."""
    return np.asarray((steps.index - steps.index[0]) / (steps.index[-1] - steps.index[0]), dtype=float)


def _free_place(name: str, ends: np.ndarray, places: np.ndarray, heights: np.ndarray) -> tuple[float, float] | None:
    """A point of a band where a name covers no line, as shares of the panel; None if there is none.

    Parameters
    ----------
    name : str
    ends : float64 array, shape (2,)
        Lower and upper edge of the band.
    places : float64 array, shape (points,)
        Of the lines' points, from left to right.
    heights : float64 array, shape (points, lines)
    """
    width, height = width_of(name, TEXT) / PANEL[0], 0.17 / PANEL[1]
    middles = ends.mean(), ends[1] - height / 2.0, ends[0] + height / 2.0
    for x in (0.02 + width / 2.0, 0.98 - width / 2.0, 0.5):
        # Also the points next to it: a line may cross between two.
        near = np.flatnonzero(np.abs(places - x) <= width / 2.0 + 0.02)
        first, last = (near[0], near[-1]) if near.size else (np.searchsorted(places, x),) * 2
        lines = heights[max(first - 1, 0) : last + 2]
        lowest, highest = np.fmin.reduce(lines, initial=np.inf), np.fmax.reduce(lines, initial=-np.inf)
        for y in middles[: 3 if ends[1] - ends[0] > 2.0 * height else 1]:
            if not ((lowest < y + 0.6 * height) & (highest > y - 0.6 * height)).any():
                return x, y
    return None


def draw_shares(ax: Axes, steps: "pd.DataFrame", result: Any) -> None:
    """Shares of customers, stacked in the scenario's order, with names beside them instead of a legend."""
    names = [strategy.name for strategy in result.scenario.strategies]
    colours = list(strategy_colours(names).values())
    winner = result.outcomes["winner"]
    dress(ax, "Strategies", "share of customers (%)")
    shares = _stack(ax, steps, names)
    tops = np.cumsum(shares, axis=1)
    if np.isfinite(tops[-1, -1]):
        say(ax, f"winner: {fit(winner, 2.2)}" if isinstance(winner, str) else "no winner: empty market")
        _name_shares(ax, names, colours, shares[-1], shares[-1])
        return
    living = np.isfinite(tops[:, -1])
    if not living.any():
        say(ax, "no winner: empty market")
        say_empty(ax, "nothing to show")
        return
    # At the end no firm has customers: the names explain the colours, without a share.
    since = np.ceil(steps.index[np.flatnonzero(living)[-1] + 1])
    winner_text = f"; winner: {fit(winner, 1.4)}" if isinstance(winner, str) else ""
    say(ax, f"empty from step {axis_number(since)} on{winner_text}")
    _name_shares(ax, names, colours, shares[living].mean(axis=0), None)


def draw_sector(ax: Axes, steps: "pd.DataFrame", sector: str, result: Any) -> None:
    """Shares of a sector's customers in a small panel, in the same colours, with the largest named."""
    names = [strategy.name for strategy in result.scenario.strategies]
    width = ax.get_position().width * ax.figure.get_figwidth()
    dress(ax, fit(sector, width, TITLE), "share of customers (%)" if ax.get_subplotspec().is_first_col() else "")
    last = _stack(ax, steps, names)[-1]
    if np.isfinite(last).all():
        largest = int(np.argmax(last))
        say(ax, f"{fit(names[largest], width - 0.6)} {last[largest]:.0f}%")
    else:
        say(ax, "empty at the end")


def _stack(ax: Axes, steps: "pd.DataFrame", names: list[str]) -> np.ndarray:
    """Draw shares in percent one upon the other, and return them; shape (steps, strategies)."""
    ax.set_ylim(0, 100)
    round_ticks(ax.yaxis)
    shares = 100.0 * steps[[f"share_{name}" for name in names]].to_numpy(float)
    tops, border = np.cumsum(shares, axis=1), 0.8 if len(steps) <= MANY else 0.0
    for place, colour in enumerate(strategy_colours(names).values()):
        bottom = tops[:, place] - shares[:, place]
        ax.fill_between(steps.index, bottom, tops[:, place], fc=colour, lw=border, ec="white", hatch=hatch(place))
    return shares


def _name_shares(ax: Axes, names: list[str], colours: list[str], sizes: np.ndarray, shares: np.ndarray | None) -> None:
    """Names beside the stack, at the heights of some sizes that sum to 100, with shares if there are any."""
    tops = np.cumsum(sizes)
    labelled = len(names) if len(names) <= LABELS else LABELS - 1
    largest = np.sort(np.argsort(-sizes, kind="stable")[:labelled])
    middles = (tops - sizes / 2.0)[largest] / 100.0
    for place, middle, height in zip(largest, middles, _apart(middles, 1.0 / LABELS), strict=True):
        line = ([1.0, 1.03, 1.06], [middle, height, height]) if shares is not None else ([1.03, 1.06], [height] * 2)
        ax.plot(*line, color=colours[place], lw=2 if shares is not None else 6, transform=ax.transAxes, clip_on=False,
                solid_capstyle="butt")  # fmt: skip
        text = fit(names[place], 1.25) + (f" {shares[place]:.0f}%" if shares is not None else "")
        ax.text(1.08, height, text, transform=ax.transAxes, va="center", fontsize=TEXT, color=INK)
    if labelled < len(names):
        rest = f" {100.0 - shares[largest].sum():.0f}%" if shares is not None else ""
        text = f"{len(names) - labelled} smaller{rest}"
        ax.text(1.08, -0.075, text, transform=ax.transAxes, va="center", fontsize=TEXT, color=GREY)


def _apart(heights: np.ndarray, gap: float) -> np.ndarray:
    """Rising heights in [0, 1], moved up and down until neighbours are a gap apart."""
    moved = np.array(heights, dtype=float)
    for place in range(1, len(moved)):
        moved[place] = max(moved[place], moved[place - 1] + gap)
    ceiling = 1.0
    for place in reversed(range(len(moved))):
        moved[place] = min(moved[place], ceiling)
        ceiling = moved[place] - gap
    return moved
