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
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

if TYPE_CHECKING:
    import pandas as pd

SIZE, DPI = (16.0, 9.0), 100  # inches and pixels an inch: 1600 × 900
TEXT, TITLE, HEADLINE = 10.5, 12.5, 18  # points
INK, GREY, BLUE, ORANGE = "#222222", "#666666", "#0072B2", "#E69F00"
DOTTED = {"color": GREY, "lw": 1, "ls": (0, (1, 2)), "zorder": 0.5}
# Okabe and Ito's palette without black; yellow last, as it is the faintest on white.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
CJK_FONTS = ("Noto Sans CJK SC", "Noto Sans SC", "Microsoft YaHei", "PingFang SC", "SimHei")

ROWS = 500  # points of a line; of a longer run it shows means
BARS = 120  # bars of entries and exits; more would be thinner than a line
POINTS = 5_000  # firms drawn in the T–C plane
LABELS = 15  # strategies named beside their shares; more would not fit
WIDE = 30.0  # ratio of values above which an axis is logarithmic
ROUND = [1, 2, 5, 10]  # distances of ticks

STRUCTURES = {
    "collapsed": "collapsed market",
    "monopoly": "monopoly",
    "oligopoly": "oligopoly",
    "moderate": "moderately concentrated market",
    "fragmented": "fragmented market",
}
GROWTHS = {"virtuous": "virtuous growth", "vicious": "vicious decline", "stagnant": "stagnation"}
# Where each structure begins and ends, and the lowest HHI that the panel shows.
HHI_BANDS = {"moderate": (1000, 1800), "oligopoly": (1800, 6400), "monopoly": (6400, 10_000)}
HHI_FLOOR = 1


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
        turn, hue = divmod(place, len(PALETTE))
        target = turn % 2  # white (1) after an odd number of turns, else black (0)
        amount = 1.0 - 0.6 ** ((turn + 1) // 2)
        return to_hex([(1.0 - amount) * part + amount * target for part in to_rgb(PALETTE[hue])])

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
    figure.subplots_adjust(left=0.054, right=0.87, bottom=0.07, top=0.83, wspace=0.34, hspace=0.48)
    scenario = result.scenario
    headline(figure, scenario.name, _facts(result))

    kept = result.steps if len(result.steps) else result.steps.reindex([scenario.steps])  # a row of NaN
    steps, many = _drawn(kept)
    t0, c0 = scenario.T0, scenario.C0
    _draw_spread(axes[0, 0], steps, "T", "technology accumulation", f"baseline ≈ {t0:g}", t0)
    _draw_spread(axes[0, 1], steps, "C", "market competitiveness", f"baseline ≈ {c0:g}", c0)
    _draw_spread(axes[0, 2], steps, "R", "return on investment", "revenue / cost, 1 = break-even", 1.0)
    _draw_plane(axes[0, 3], result)
    _draw_concentration(axes[1, 0], steps, several=len(scenario.sectors) > 1)
    _draw_firms(axes[1, 1], steps, result.outcomes, len(result.firms))
    _draw_turnover(axes[1, 2], kept)
    _draw_shares(axes[1, 3], steps, result)
    for ax in (*axes[0, :3], *axes[1]):
        round_ticks(ax.xaxis, nbins=5, integer=True)
        ax.set_xlim(steps.index[0], steps.index[-1])
    for ax in (*axes[0, :3], axes[1, 0], axes[1, 1], axes[1, 3]) if many > 1 else ():
        ax.set_xlabel(f"step (quarter); means of {_number(many)}")
    return figure


def save(figure: Figure, path: str | os.PathLike) -> None:
    """Write a figure; the ending of the path says how (png, pdf or svg)."""
    figure.savefig(path, dpi=DPI)


def headline(figure: Figure, name: str, facts: str) -> None:
    """Write a scenario's name and a line of facts over the panels of a figure."""
    figure.text(0.054, 0.952, _drawable(name), size=HEADLINE, weight="bold", color=INK,
                family=_fonts(), parse_math=False)  # fmt: skip
    figure.text(0.054, 0.918, facts, size=TITLE, color=INK)


def _facts(result: Any) -> str:
    """Seed, length and what came of it, in words."""
    steps, outcomes = result.scenario.steps, result.outcomes
    ends = [STRUCTURES[outcomes["structure"]], GROWTHS.get(outcomes["growth"])]
    return "  ·  ".join([f"seed {result.seed}", f"{steps:,} step{'s' * (steps != 1)}", ", ".join(filter(None, ends))])


def _drawable(text: str) -> str:
    """A text without letters that no font here has, cut to what a line holds."""
    if len(_fonts()) == 1:
        glyphs = font_manager.get_font(font_manager.findfont(_fonts()[0]))
        text = "".join(letter if glyphs.get_char_index(ord(letter)) else "?" for letter in text)
    return text if len(text) <= 60 else f"{text[:59]}…"


@cache
def _fonts() -> list[str]:
    """Matplotlib's own font, and one with Chinese characters where there is one."""
    known = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *[name for name in CJK_FONTS if name in known][:1]]


def _fit(text: str, inches: float) -> str:
    """A name in small print with its middle left out until it is no wider than some inches."""
    font = font_manager.get_font(font_manager.findfont(_fonts()[0]))
    font.set_size(TEXT, 72)

    def width(text: str) -> float:
        font.set_text(text)
        return font.get_width_height()[0] / 64.0 / 72.0

    short, kept = text, len(text)
    while width(short) > inches and kept > 2:
        kept -= 1
        short = f"{text[: kept - kept // 3]}…{text[len(text) - kept // 3 :]}"
    return short


def _number(value: float, _: Any = None) -> str:
    """A number as short as an axis needs it: 1,000 then 10k, 1M, 1e9."""
    size = abs(value)
    if size >= 1e9 or 0 < size < 1e-3:
        digits, _, exponent = f"{value:.0e}".partition("e")
        return f"{digits}e{int(exponent)}"
    if size >= 1e4:
        value = float(f"{value:.3g}")
        return f"{value / 1e6:g}M" if abs(value) >= 1e6 else f"{value / 1e3:g}k"
    return f"{value:,.10g}"


def _gap(steps: "pd.DataFrame") -> float:
    """Steps from one kept row to the next."""
    return float(steps.index[1] - steps.index[0]) if len(steps) > 1 else 1.0


def _drawn(steps: "pd.DataFrame") -> tuple["pd.DataFrame", int]:
    """The points of lines, and how many steps each is the mean of; too few of them are drawn a step wide."""
    many = -(-len(steps) // ROWS)
    rows = steps
    if many > 1:
        group = np.arange(len(steps)) // many
        rows = steps.groupby(group).mean().set_axis(steps.index.to_series().groupby(group).mean())
    if (rows["firms"] > 0).sum() > 2:
        return rows, many
    ends = np.repeat(rows.index.to_numpy(float), 2) + np.tile([-0.5, 0.5], len(rows)) * _gap(rows)
    return rows.iloc[np.repeat(np.arange(len(rows)), 2)].set_axis(ends), many


def dress(ax: Axes, title: str, y: str, x: str = "step (quarter)") -> None:
    """Give a panel its title and the names of its axes."""
    ax.set_title(title, loc="left", fontsize=TITLE, weight="bold", color=INK, pad=26)
    ax.set_xlabel(x, fontsize=TEXT, color=INK)
    ax.set_ylabel(y, fontsize=TEXT, color=INK)
    ax.tick_params(labelsize=TEXT, colors=GREY, labelcolor=INK, length=3)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GREY)


def say(ax: Axes, text: str) -> None:
    """A line under a panel's title, where other panels have their legend."""
    ax.text(0.0, 1.03, text, transform=ax.transAxes, fontsize=TEXT, color=GREY)


def _say_empty(ax: Axes, text: str) -> None:
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", fontsize=TEXT + 1, color=GREY)


def legend(ax: Axes) -> None:
    """A legend in one line under a panel's title."""
    space = {"borderpad": 0.0, "borderaxespad": 0.35, "handlelength": 1.3, "handletextpad": 0.5}
    place = {"loc": "lower left", "bbox_to_anchor": (-0.013, 1.0), "ncols": 3, "columnspacing": 1.1}
    ax.legend(**place, **space, frameon=False, fontsize=TEXT, labelcolor=GREY)


def round_ticks(side: Any, nbins: int = 6, integer: bool = False) -> None:
    """Ticks of an axis at round numbers, written short."""
    side.set_major_locator(MaxNLocator(nbins, steps=ROUND, integer=integer, min_n_ticks=1))
    side.set_major_formatter(_number)


def _scale(ax: Axes, axis: str, values: np.ndarray) -> bool:
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
    side.set_major_formatter(_number)
    return True


def _draw_spread(ax: Axes, steps: "pd.DataFrame", name: str, title: str, unit: str, reference: float) -> None:
    """Level and spread of one state over the firms, by step."""
    dress(ax, f"{name}: {title}", f"{name} ({unit})")
    if f"q50_{name}" in steps:
        low, middle, high = (steps[f"{q}_{name}"].to_numpy(float) for q in ("q10", "q50", "q90"))
        labels = "median", "10–90% of firms"
    else:
        middle, spread = steps[f"mean_{name}"].to_numpy(float), steps[f"sd_{name}"].to_numpy(float)
        low, high = np.maximum(middle - spread, 0.0), middle + spread  # no firm's is negative
        labels = "mean", "± 1 std. deviation"
    if _scale(ax, "y", np.concatenate([middle, high, [reference]])):
        low = np.maximum(low, middle / WIDE)  # a low end at 0 has no place on the scale
    ax.axhline(reference, **DOTTED)
    ax.plot(steps.index, middle, color=BLUE, lw=2, label=labels[0])
    ax.fill_between(steps.index, low, high, color=BLUE, alpha=0.2, lw=0, label=labels[1])
    legend(ax)


def _draw_plane(ax: Axes, result: Any) -> None:
    """Each firm at the end by its T and C; blue firms earn more than they spend, red ones less."""
    firms, scenario, total = result.firms, result.scenario, len(result.firms)
    dress(ax, "Firms at the end", "C (market competitiveness)", "T (technology accumulation)")
    if not total:
        round_ticks(ax.xaxis)
        round_ticks(ax.yaxis)
        _say_empty(ax, "no firm is left")
        return
    if total > POINTS:
        firms = firms.iloc[np.linspace(0, total - 1, POINTS).astype(int)]  # evenly by id
    firms = firms.sort_values("share", ascending=False, kind="stable")  # small firms in front of large ones
    say(ax, f"{POINTS:,} of {_number(total)}; area: share" if total > POINTS else "area: share of its sector")
    ax.margins(0.09)  # room for the largest circle
    _scale(ax, "x", np.append(firms["T"], scenario.T0))
    _scale(ax, "y", np.append(firms["C"], scenario.C0))
    returns = np.log10(np.maximum(firms["R"].to_numpy(float), 1e-6))
    low, high = np.quantile(returns, [0.01, 0.99])
    # At least from half to twice break-even: a narrower scale would make noise look like success and failure.
    norm = TwoSlopeNorm(0.0, min(low, -np.log10(2.0)), max(high, np.log10(2.0)))
    area = (30.0 if total <= 1_000 else 8.0) * firms["share"] / firms["share"].mean()
    points = ax.scatter(
        firms["T"], firms["C"], s=area.clip(3.0, 400.0), c=returns, cmap="RdBu", norm=norm, lw=0.4, ec=GREY
    )
    ax.axvline(scenario.T0, **DOTTED)
    ax.axhline(scenario.C0, **DOTTED)
    left, bottom, width, height = ax.get_position().bounds
    bar = ax.figure.add_axes((left + width + 0.01, bottom, 0.01, height))
    colours = ax.figure.colorbar(points, cax=bar, extend="both")
    ticks = _ratio_ticks(norm.vmin, norm.vmax)
    colours.set_ticks(ticks, labels=["1 break-even" if tick == 0 else _number(10.0**tick) for tick in ticks])
    colours.outline.set_visible(False)
    bar.tick_params(labelsize=TEXT, colors=GREY, labelcolor=INK, length=3)
    bar.set_title("R (revenue / cost)", loc="left", fontsize=TEXT, color=INK, pad=8)


def _ratio_ticks(low: float, high: float) -> list[float]:
    """Decimal logarithms of round ratios on both sides of 1, at most four a side."""

    def side(length: float) -> list[float]:
        if length < 1.0:
            return [tick for tick in np.log10([2.0, 5.0]) if tick <= length]
        decades = int(length)
        return [float(tick) for tick in range(0, decades + 1, -(-decades // 4)) if tick]

    return [-tick for tick in reversed(side(-low))] + [0.0] + side(high)


def _draw_concentration(ax: Axes, steps: "pd.DataFrame", several: bool) -> None:
    """Where firms meet, in their sectors, and over the whole market."""
    dress(ax, "Concentration", "HHI (0–10,000)")
    ax.set_yscale("log")
    lowest = np.fmax(0.7 * steps[["sector_hhi", "hhi"]].min().min(), HHI_FLOOR)
    bottom = min(lowest, 300.0)
    for place, (name, (low, high)) in enumerate(HHI_BANDS.items()):
        ax.axhspan(low, high, color=INK, alpha=0.04 + 0.045 * place, lw=0)
        where = 0.02, np.sqrt(low * high)
        halo = [Stroke(linewidth=3, foreground="white", alpha=0.8), Normal()]
        ax.text(*where, name, transform=ax.get_yaxis_transform(), va="center", fontsize=TEXT, color=GREY,
                path_effects=halo)  # fmt: skip
    lines = [("hhi", "whole market", ORANGE), ("sector_hhi", "within sectors", BLUE)]
    for column, label, colour in lines if several else [("hhi", "the market", BLUE)]:
        if steps[column].min() < HHI_FLOOR:
            label = f"{label.split()[1]} < {HHI_FLOOR}"
        ax.plot(steps.index, steps[column].clip(lower=bottom), color=colour, lw=2, label=label)
    ax.set_ylim(bottom, 10_400)  # a line at 10,000 is seen whole
    ax.set_yticks([tick for tick in (1, 3, 10, 30, 100, 300, 1000, 1800, 6400) if tick >= bottom])
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(_number)
    legend(ax)


def _draw_firms(ax: Axes, steps: "pd.DataFrame", outcomes: "pd.Series", at_end: int) -> None:
    """The number of firms."""
    dress(ax, "Firms", "firms")
    peak, when = outcomes["peak_firms"], outcomes["peak_step"]
    say(ax, f"peak {_number(peak)} at step {_number(when)}, {_number(at_end)} at the end")
    ax.plot(steps.index, steps["firms"], color=BLUE, lw=2)
    ax.fill_between(steps.index, 0, steps["firms"], color=BLUE, alpha=0.2, lw=0)
    ax.set_ylim(0, 1.08 * peak)
    round_ticks(ax.yaxis, integer=True)


def _draw_turnover(ax: Axes, steps: "pd.DataFrame") -> None:
    """Entries above the line and exits below it, as means over a few steps in a long run."""
    many = -(-len(steps) // BARS)
    dress(ax, "Entries and exits", "firms per step" if many == 1 else f"firms per step (mean of {many})")
    starts = np.arange(0, len(steps), many)
    edges = np.append(steps.index[starts], steps.index[-1] + _gap(steps)) - _gap(steps) / 2.0
    flows = steps[["entries", "exits", "diverged"]].fillna(0).to_numpy(float)
    means = np.add.reduceat(flows, starts) / np.diff(np.append(starts, len(steps)))[:, np.newaxis]
    ax.stairs(means[:, 0], edges, fill=True, color=BLUE, label="entries")
    ax.stairs(-means[:, 1], edges, fill=True, color=ORANGE, label="exits")
    if means[:, 2].any():
        ax.stairs(-means[:, 2], edges, fill=True, color=INK, label="diverged")
    if not means.any():
        ax.set_ylim(-1, 1)
    ax.axhline(0.0, color=GREY, lw=1)
    round_ticks(ax.yaxis)
    ax.yaxis.set_major_formatter(lambda value, _: _number(abs(value)))
    legend(ax)


def _draw_shares(ax: Axes, steps: "pd.DataFrame", result: Any) -> None:
    """Shares of customers, stacked in the scenario's order, with names beside them instead of a legend."""
    names = [strategy.name for strategy in result.scenario.strategies]
    colours = list(strategy_colours(names).values())
    winner = result.outcomes["winner"]
    dress(ax, "Strategies", "share of customers (%)")
    say(ax, f"winner: {_fit(winner, 2.2)}" if isinstance(winner, str) else "no winner: empty market")
    ax.set_ylim(0, 100)
    round_ticks(ax.yaxis)
    shares = 100.0 * steps[[f"share_{name}" for name in names]].to_numpy(float)
    tops = np.cumsum(shares, axis=1)
    for place, colour in enumerate(colours):
        bottom = tops[:, place] - shares[:, place]
        ax.fill_between(steps.index, bottom, tops[:, place], color=colour, lw=0.5, ec="white")
    living = np.flatnonzero(np.isfinite(tops[:, -1]))
    if not living.size:
        _say_empty(ax, "nothing to show")
        return
    last, tops = shares[living[-1]], tops[living[-1]]
    end = (steps.index[living[-1]] - steps.index[0]) / (steps.index[-1] - steps.index[0])
    labelled = len(names) if len(names) <= LABELS else LABELS - 1
    largest = np.sort(np.argsort(-last, kind="stable")[:labelled])
    middles = (tops - last / 2.0)[largest] / 100.0
    for place, middle, height in zip(largest, middles, _apart(middles, 1.0 / LABELS), strict=True):
        line = [end, 1.03, 1.06], [middle, height, height]
        ax.plot(*line, color=colours[place], lw=2, transform=ax.transAxes, clip_on=False)
        text = f"{_fit(names[place], 1.25)} {last[place]:.0f}%"
        ax.text(1.08, height, text, transform=ax.transAxes, va="center", fontsize=TEXT, color=INK)
    if labelled < len(names):
        text = f"{len(names) - labelled} smaller {100.0 - last[largest].sum():.0f}%"
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
