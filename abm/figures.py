"""A run in one picture, for a talk or a report.

Figures are made without pyplot, so none is kept alive behind the caller's back, and on a fixed grid: letting
matplotlib arrange the panels would take longer than drawing them.
"""

import os
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

if TYPE_CHECKING:
    import pandas as pd

SIZE, DPI = (16.0, 9.0), 100  # inches and pixels an inch: 1600 × 900
TEXT, TITLE, HEADLINE = 10, 12.5, 17  # points
INK, GREY, LIGHT, BLUE, ORANGE, RED = "#222222", "#666666", "#cccccc", "#0072B2", "#E69F00", "#D55E00"

# Okabe and Ito's palette without black; yellow last, as it is the faintest on white.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
ROWS = 2_000  # steps drawn of a long run
BARS = 120  # bars of entries and exits; more would be thinner than a line
POINTS = 5_000  # firms drawn in the T–C plane
LABELS = 15  # strategies labelled beside their shares; more would not fit

STRUCTURES = {
    "collapsed": "collapsed market",
    "monopoly": "monopoly",
    "oligopoly": "oligopoly",
    "moderate": "moderately concentrated market",
    "fragmented": "fragmented market",
}
GROWTHS = {"virtuous": "virtuous growth", "vicious": "vicious decline", "stagnant": "stagnation"}
# Lowest and highest HHI of each structure; the logarithmic axis of the panel starts no lower than 10.
HHI_BANDS = {"moderate": (1000, 1800), "oligopoly": (1800, 6400), "monopoly": (6400, 10_000)}
HHI_FLOOR = 10.0
# A spread of values above this ratio is drawn on a logarithmic scale.
WIDE = 30.0
CJK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
    "WenQuanYi Zen Hei",
)


def strategy_colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each strategy, by its place in the scenario, so that all pictures of it agree.

    Parameters
    ----------
    names : sequence of str
        In the scenario's order.

    Returns
    -------
    dict of str to str
        Seven hues that colour-blind people tell apart, then lighter and darker shades of them.

    Examples
    --------
    >>> strategy_colours(["technology_first", "market_first"])
    {'technology_first': '#0072b2', 'market_first': '#e69f00'}
    """

    def shade(place: int) -> str:
        round_, hue = divmod(place, len(PALETTE))
        towards = round_ % 2  # white after an odd number of rounds, else black
        amount = 1.0 - 0.6 ** ((round_ + 1) // 2)
        return to_hex([(1.0 - amount) * part + amount * towards for part in to_rgb(PALETTE[hue])])

    return {name: shade(place) for place, name in enumerate(names)}


def overview(result: Any) -> Figure:
    """The run in one picture: T, C and R, the firms at the end, concentration, turnover and strategies.

    Parameters
    ----------
    result : Result
        Of `abm.simulate`.

    Returns
    -------
    matplotlib.figure.Figure
        1600 × 900 pixels; `save` writes it.
    """
    figure = Figure(figsize=SIZE, dpi=DPI)
    axes = figure.subplots(2, 4)
    figure.subplots_adjust(left=0.05, right=0.876, bottom=0.07, top=0.85, wspace=0.33, hspace=0.5)
    figure.text(0.05, 0.945, _headline(result), fontsize=HEADLINE, weight="bold", color=INK, family=_fonts(),
                parse_math=False)  # fmt: skip
    (technology, competitiveness, returns, plane), (concentration, firms, turnover, shares) = axes
    scenario, steps = result.scenario, _drawn(result.steps)
    _draw_spread(
        technology, steps, "T", "technology accumulation", f"baseline ≈ {scenario.T0:g}", scenario.T0
    )
    _draw_spread(
        competitiveness, steps, "C", "market competitiveness", f"baseline ≈ {scenario.C0:g}", scenario.C0
    )
    _draw_spread(returns, steps, "R", "return on investment", "revenue / cost", 1.0)
    _draw_plane(plane, result)
    _draw_concentration(concentration, steps, several=len(scenario.sectors) > 1)
    _draw_firms(firms, steps, result)
    _draw_turnover(turnover, result.steps)
    _draw_shares(shares, steps, result)
    for ax in (technology, competitiveness, returns, concentration, firms, turnover, shares):
        _number_steps(ax, steps)
    return figure


def save(figure: Figure, path: str | os.PathLike) -> None:
    """Write a figure; the ending of the path says how (png, pdf or svg)."""
    figure.savefig(path, dpi=DPI)


def _headline(result: Any) -> str:
    outcomes, scenario = result.outcomes, result.scenario
    name = _short(scenario.name, 32)
    if len(_fonts()) == 1:  # no font with Chinese characters on this machine
        glyphs = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
        name = "".join(letter if glyphs.get_char_index(ord(letter)) else "?" for letter in name)
    structure = STRUCTURES.get(outcomes["structure"], str(outcomes["structure"]))
    growth = GROWTHS.get(outcomes["growth"], "no firm in the last quarter of the run")
    steps = f"{scenario.steps:,} step{'s' * (scenario.steps != 1)}"
    return f"{name}  ·  seed {result.seed}  ·  {steps}  ·  {structure}, {growth}"


@cache
def _fonts() -> list[str]:
    """Matplotlib's own font, and one with Chinese characters where there is one."""
    known = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *[name for name in CJK_FONTS if name in known][:1]]


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _number(value: float, _: Any = None) -> str:
    """A number as short as an axis needs it: 1,000 then 10k, 1M, 1e9."""
    size = abs(value)
    if size >= 1e9 or 0 < size < 1e-3:
        return f"{value:.0e}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")
    for unit, letter in ((1e6, "M"), (1e4, "k")):
        if size >= unit:
            return f"{value / (1e3 if letter == 'k' else unit):g}{letter}"
    return f"{value:,.10g}"


def _drawn(steps: "pd.DataFrame") -> "pd.DataFrame":
    """The rows to draw: thinned evenly where there are many, and each as wide as its step where too few hold a
    firm to make a line."""
    rows = steps.iloc[np.unique(np.linspace(0, len(steps) - 1, min(len(steps), ROWS)).astype(int))]
    if (rows["firms"] > 0).sum() > 2:
        return rows
    half = _gap(steps) / 2.0
    ends = np.repeat(rows.index.to_numpy(float), 2) + np.tile([-half, half], len(rows))
    return rows.iloc[np.repeat(np.arange(len(rows)), 2)].set_axis(ends)


def _gap(steps: "pd.DataFrame") -> float:
    """Steps from one row to the next."""
    return float(steps.index[1] - steps.index[0]) if len(steps) > 1 else 1.0


def _dress(ax: Axes, title: str, y: str, x: str = "") -> None:
    ax.set_title(title, loc="left", fontsize=TITLE, weight="bold", color=INK, pad=25)
    ax.set_xlabel(x, fontsize=TEXT, color=INK)
    ax.set_ylabel(y, fontsize=TEXT, color=INK)
    ax.tick_params(labelsize=TEXT, colors=GREY, labelcolor=INK, length=3)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GREY)


def _say(ax: Axes, text: str) -> None:
    """A line under a panel's title, where other panels have their legend."""
    ax.text(0.0, 1.025, text, transform=ax.transAxes, fontsize=TEXT, color=GREY)


def _legend(ax: Axes) -> None:
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, frameon=False, fontsize=TEXT, labelcolor=GREY,
              handlelength=1.3, handletextpad=0.5, columnspacing=1.1, borderaxespad=0.2, borderpad=0.0)  # fmt: skip


def _say_empty(ax: Axes, text: str) -> None:
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", fontsize=TEXT + 1, color=GREY)


def _number_steps(ax: Axes, steps: "pd.DataFrame") -> None:
    ax.set_xlabel("step (quarter)", fontsize=TEXT, color=INK)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    ax.xaxis.set_major_formatter(_number)
    if len(steps):
        ax.set_xlim(steps.index[0], steps.index[-1])


def _scale(ax: Axes, axis: str, values: np.ndarray) -> bool:
    """Make an axis logarithmic where positive values are far apart; whether it was made so."""
    positive = values[np.isfinite(values) & (values > 0.0)]
    ratio = positive.max() / positive.min() if positive.size else 1.0
    if ratio > WIDE:
        ax.set(**{f"{axis}scale": "log"})
    side = ax.xaxis if axis == "x" else ax.yaxis
    if ratio > WIDE:
        # Within two or three decades powers of ten alone would be too few ticks.
        side.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if ratio < 300.0 else (1.0,), numticks=7))
        side.set_minor_formatter(NullFormatter())
    else:
        side.set_major_locator(MaxNLocator(nbins=6))
    side.set_major_formatter(_number)
    return ratio > WIDE


def _draw_spread(ax: Axes, steps: "pd.DataFrame", name: str, title: str, unit: str, reference: float) -> None:
    """Level and spread of one state over the firms, by step."""
    if f"q50_{name}" in steps:
        low, middle, high = (steps[f"{q}_{name}"].to_numpy(float) for q in ("q10", "q50", "q90"))
        labels = "median", "10–90 % of firms"
    else:
        middle, spread = steps[f"mean_{name}"].to_numpy(float), steps[f"sd_{name}"].to_numpy(float)
        low, high = np.maximum(middle - spread, 0.0), middle + spread  # no firm's is negative
        labels = "mean", "± 1 standard deviation"
    _dress(ax, f"{name}: {title}", f"{name} ({unit})")
    if _scale(ax, "y", np.concatenate([middle, high, [reference]])):
        low = np.maximum(low, middle / WIDE)  # a low end at 0 has no place on the scale
    ax.axhline(reference, color=GREY, lw=1, ls=(0, (1, 2)))
    ax.fill_between(steps.index, low, high, color=BLUE, alpha=0.2, lw=0, label=labels[1])
    ax.plot(steps.index, middle, color=BLUE, lw=2, label=labels[0])
    _legend(ax)


def _draw_plane(ax: Axes, result: Any) -> None:
    """Each firm at the end by its T and C; blue firms earn more than they spend, red ones less."""
    firms, scenario = result.firms, result.scenario
    _dress(ax, "Firms at the end", "C (market competitiveness)", "T (technology accumulation)")
    if firms.empty:
        _say(ax, "none")
        _say_empty(ax, "no firm is left")
        return
    total = len(firms)
    if total > POINTS:
        firms = firms.iloc[np.linspace(0, total - 1, POINTS).astype(int)]
    firms = firms.sort_values("share", ascending=False, kind="stable")  # small firms in front of large ones
    _say(ax, "area: share of sector" + (f"; {POINTS:,} of {_number(total)} firms" if total > POINTS else ""))
    _scale(ax, "x", np.append(firms["T"], scenario.T0))
    _scale(ax, "y", np.append(firms["C"], scenario.C0))
    ax.axvline(scenario.T0, color=GREY, lw=1, ls=(0, (1, 2)))
    ax.axhline(scenario.C0, color=GREY, lw=1, ls=(0, (1, 2)))
    returns = np.log10(np.maximum(firms["R"].to_numpy(float), 1e-6))
    low, high = np.quantile(returns, [0.01, 0.99])
    # At least from half to twice break-even: a narrower scale would make noise look like success and failure.
    norm = TwoSlopeNorm(0.0, min(low, -np.log10(2.0)), max(high, np.log10(2.0)))
    size = 6.0 + (240.0 if total <= 1_000 else 60.0) * firms["share"] / firms["share"].max()
    points = ax.scatter(firms["T"], firms["C"], s=size, c=returns, cmap="RdBu", norm=norm, lw=0.4, ec=GREY)
    left, bottom, width, height = ax.get_position().bounds
    bar = ax.figure.add_axes((left + width + 0.010, bottom, 0.010, height))
    ends = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    extend = ends[bool(returns.min() < norm.vmin), bool(returns.max() > norm.vmax)]
    colours = ax.figure.colorbar(points, cax=bar, extend=extend)
    ticks = _ratio_ticks(norm.vmin, norm.vmax)
    colours.set_ticks(ticks, labels=["1 break-even" if tick == 0 else _number(10.0**tick) for tick in ticks])
    colours.ax.tick_params(labelsize=TEXT, colors=GREY, labelcolor=INK, length=3)
    colours.outline.set_visible(False)
    bar.set_title("R (revenue / cost)", loc="left", fontsize=TEXT, color=INK, pad=8)


def _ratio_ticks(low: float, high: float) -> list[float]:
    """Decimal logarithms of round ratios on both sides of 1, not more than four a side."""

    def side(length: float) -> list[float]:
        if length < 1.0:
            return [tick for tick in (np.log10(2.0), np.log10(5.0)) if tick <= length]
        return [float(tick) for tick in range(0, int(length) + 1, int(np.ceil(int(length) / 4))) if tick]

    return [-tick for tick in reversed(side(-low))] + [0.0] + side(high)


def _draw_concentration(ax: Axes, steps: "pd.DataFrame", several: bool) -> None:
    """Where firms meet, in their sectors, and over the whole market."""
    _dress(ax, "Concentration", "HHI (0–10,000)")
    ax.set_yscale("log")
    lowest = steps[["sector_hhi", "hhi"]].min().min()
    bottom = max(min(0.7 * lowest, 400.0), HHI_FLOOR) if lowest > 0.0 else 100.0
    for place, (name, (low, high)) in enumerate(HHI_BANDS.items()):
        ax.axhspan(low, high, color=INK, alpha=0.04 + 0.045 * place, lw=0)
        ax.text(0.02, np.sqrt(low * high), name, transform=ax.get_yaxis_transform(), va="center", fontsize=TEXT,
                color=GREY)  # fmt: skip
    lines = [("hhi", "whole market", ORANGE, 1.5), ("sector_hhi", "within sectors", BLUE, 2.2)]
    for column, label, colour, width in lines if several else [("hhi", "the market", BLUE, 2.2)]:
        below = " (below 10)" if steps[column].min() < HHI_FLOOR else ""
        ax.plot(steps.index, steps[column].clip(lower=bottom), color=colour, lw=width, label=label + below)
    ax.set_ylim(bottom, 10_400)
    ax.set_yticks([tick for tick in (10, 30, 100, 300, 1000, 1800, 6400) if tick >= bottom])
    ax.yaxis.set_major_formatter(_number)
    ax.yaxis.set_minor_locator(NullLocator())
    _legend(ax)


def _draw_firms(ax: Axes, steps: "pd.DataFrame", result: Any) -> None:
    outcomes = result.outcomes
    _dress(ax, "Firms", "firms")
    at_end, peak, when = len(result.firms), int(outcomes["peak_firms"]), int(outcomes["peak_step"])
    _say(ax, f"peak {_number(peak)} at step {_number(when)}, {_number(at_end)} at the end")
    ax.fill_between(steps.index, 0, steps["firms"], color=BLUE, alpha=0.2, lw=0)
    ax.plot(steps.index, steps["firms"], color=BLUE, lw=2)
    ax.set_ylim(0, 1.08 * max(steps["firms"].max(), 1) if len(steps) else 1)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    ax.yaxis.set_major_formatter(_number)


def _draw_turnover(ax: Axes, steps: "pd.DataFrame") -> None:
    """Entries above the line and exits below it, as means over a few steps in a long run."""
    many = -(-len(steps) // BARS)
    _dress(ax, "Entries and exits", "firms per step" if many < 2 else f"firms per step (mean of {many})")
    starts = np.arange(0, len(steps), max(many, 1))
    entries, exits, diverged = (
        np.add.reduceat(steps[name].to_numpy(float), starts) / np.diff(np.append(starts, len(steps)))
        if len(steps)
        else np.zeros(0)
        for name in ("entries", "exits", "diverged")
    )
    bars = [(entries, "entries", BLUE), (-exits, "exits", ORANGE)]
    if diverged.any():
        bars.append((-diverged, "diverged", INK))
    if len(steps):
        edges = np.append(steps.index[starts], steps.index[-1] + _gap(steps)) - _gap(steps) / 2.0
        for heights, label, colour in bars:
            ax.stairs(heights, edges, fill=True, color=colour, label=label)
        _legend(ax)
    ax.axhline(0.0, color=GREY, lw=1)
    if not (entries.any() or exits.any()):
        ax.set_ylim(-1, 1)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6))
    ax.yaxis.set_major_formatter(lambda value, _: _number(abs(value)))


def _draw_shares(ax: Axes, steps: "pd.DataFrame", result: Any) -> None:
    """Shares of customers, stacked in the scenario's order, with names beside them instead of a legend."""
    names = [strategy.name for strategy in result.scenario.strategies]
    colours = strategy_colours(names)
    _dress(ax, "Strategies", "share of customers (%)")
    winner = result.outcomes["winner"]
    _say(ax, f"winner: {_short(winner, 24)}" if isinstance(winner, str) else "no winner: the market is empty")
    ax.set_ylim(0, 100)
    shares = 100.0 * steps[[f"share_{name}" for name in names]].to_numpy(float)
    tops = np.cumsum(shares, axis=1)
    living = np.flatnonzero(np.isfinite(tops[:, -1])) if len(steps) else []
    for place, name in enumerate(names):
        bottom = tops[:, place] - shares[:, place]
        ax.fill_between(steps.index, bottom, tops[:, place], color=colours[name], lw=0.5, ec="white")
    if not len(living):
        _say_empty(ax, "no firm is left")
        return
    last = living[-1]
    largest = np.sort(
        np.argsort(-shares[last], kind="stable")[: LABELS if len(names) <= LABELS else LABELS - 1]
    )
    middles = (tops[last] - shares[last] / 2.0)[largest] / 100.0
    for place, middle, height in zip(largest, middles, _apart(middles, 1.0 / LABELS), strict=True):
        ax.plot([1.0, 1.03, 1.06], [middle, height, height], color=colours[names[place]], lw=2.5,
                transform=ax.transAxes, clip_on=False)  # fmt: skip
        text = f"{_short(names[place], 16)} {shares[last, place]:.0f} %"
        ax.text(1.08, height, text, transform=ax.transAxes, va="center", fontsize=TEXT, color=INK)
    if len(largest) < len(names):
        rest = 100.0 - shares[last, largest].sum()
        ax.text(1.08, -0.05, f"{len(names) - len(largest)} smaller {rest:.0f} %", transform=ax.transAxes, va="center",
                fontsize=TEXT, color=GREY)  # fmt: skip


def _apart(heights: np.ndarray, gap: float) -> np.ndarray:
    """Rising heights in [0, 1], moved no more than it takes to keep a gap between neighbours."""
    moved = np.array(heights, dtype=float)
    for place in range(1, len(moved)):
        moved[place] = max(moved[place], moved[place - 1] + gap)
    ceiling = 1.0
    for place in reversed(range(len(moved))):
        moved[place] = min(moved[place], ceiling)
        ceiling = moved[place] - gap
    return moved
