"""A run in one picture, for a talk or a report.

Its panels stand on a fixed grid: letting matplotlib arrange them would take longer than drawing them.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke

from abm.output.division import draw_concentration, draw_sector, draw_shares
from abm.output.endings import ends_of
from abm.output.marks import joined, mark_changes, marks_in_words, marks_of
from abm.output.number_text import axis_number
from abm.output.style import (
    BLUE,
    DOTTED,
    DPI,
    GREY,
    INK,
    ORANGE,
    SIZE,
    TEXT,
    WIDE,
    drawing,
    dress,
    fit,
    headline,
    legend,
    round_ticks,
    say,
    say_empty,
    scale,
)
from abm.output.thinning import MANY, rows_with_peaks

if TYPE_CHECKING:
    import pandas as pd

STRETCHES = 250  # into which a longer run is divided: its lines are drawn through the extremes of each
BARS = 120  # bars of entries and exits; more would be thinner than a line
SECTORS, SMALL = 3.0, 6  # inches of the row of panels of sectors, and how many it has at most
POINTS = 5_000  # firms drawn in the T–C plane

STRUCTURES = {
    "collapsed": "collapsed market",
    "monopoly": "monopoly",
    "oligopoly": "oligopoly",
    "moderate": "moderately concentrated market",
    "fragmented": "fragmented market",
}
GROWTHS = {"virtuous": "virtuous growth", "vicious": "vicious decline", "stagnant": "stagnation"}
FOLLOWED = ("#D55E00", "#009E73", "#CC79A7", "#222222", "#8C6D1F", "#7B3294")  # far from the panels' own blue


@drawing
def overview(result: Any) -> Figure:
    """The run in one picture: T, C and R, the firms at the end, concentration, turnover and strategies.

    Parameters
    ----------
    result : Result
        Of `abm.simulate`.

    Returns
    -------
    matplotlib.figure.Figure
        1600 × 900 pixels, and 300 more where there are sectors to compare; `abm.output.style.save` writes it.
    """
    scenario = result.scenario
    compares = len(scenario.sectors) > 1 and len(result.sectors) > 0
    height = SIZE[1] + SECTORS * compares
    figure = Figure(figsize=(SIZE[0], height), dpi=DPI)
    follows = getattr(result, "followed", None) is not None  # a line of names above the panels
    bottom, top = (1.0 - inches / height for inches in (8.37, 1.755 if follows else 1.53))
    axes = figure.add_gridspec(
        2, 4, left=0.054, right=0.87, bottom=bottom, top=top, wspace=0.34, hspace=0.48
    ).subplots()
    headline(figure, scenario.name, _facts(result))

    kept = result.steps if len(result.steps) else result.steps.reindex([scenario.steps])  # a row of NaN
    steps = _drawn(kept)
    t0, c0 = scenario.T0, scenario.C0
    _draw_spread(axes[0, 0], steps, "T", "technology accumulation", f"baseline ≈ {t0:g}", t0)
    _draw_spread(axes[0, 1], steps, "C", "market competitiveness", f"baseline ≈ {c0:g}", c0)
    _draw_spread(axes[0, 2], steps, "R", "return (revenue / cost)", "1 = break-even", 1.0)
    _draw_plane(axes[0, 3], result)
    draw_concentration(axes[1, 0], steps, several=len(scenario.sectors) > 1)
    _draw_firms(axes[1, 1], steps, result.outcomes, len(result.firms))
    _draw_turnover(axes[1, 2], kept)
    draw_shares(axes[1, 3], steps, result)
    if follows:
        _draw_followed(figure, axes[0], result)
    small = _draw_sectors(figure, result) if compares else []
    for ax in (*axes[0, :3], *axes[1], *small):
        round_ticks(ax.xaxis, nbins=5, integer=True)
        ax.set_xlim(steps.index[0], steps.index[-1])
        over_areas, among_bands = ax is axes[1, 3] or ax in small, ax is axes[1, 0]
        mark_changes(ax, marks_of(scenario), size=TEXT - 0.5, named=not among_bands, over_areas=over_areas)
    if said := marks_in_words(marks_of(scenario)):
        changes = f"Changes: {joined(said, 0.84 * SIZE[0], TEXT - 0.5)}"
        figure.text(0.054, 0.05 / height, changes, size=TEXT - 0.5, color=GREY)
    return figure


def _draw_sectors(figure: Figure, result: Any) -> list[Axes]:
    """Below the other panels the shares of strategies within each sector, in the colours of all sectors' shares."""
    names = [sector.name for sector in result.scenario.sectors]
    largest = sorted(result.scenario.sectors, key=lambda sector: -sector.demand_share)[:SMALL]
    shown = [name for name in names if name in {sector.name for sector in largest}]
    height = figure.get_figheight()
    place = {"left": 0.054, "right": 0.985, "bottom": 0.63 / height, "top": (SECTORS - 0.75) / height, "wspace": 0.3}
    axes = figure.add_gridspec(1, len(shown), **place).subplots(squeeze=False)[0]
    for ax, name in zip(axes, shown):
        steps = _drawn(result.sectors[result.sectors["sector"] == name].drop(columns="sector").set_index("step"))
        draw_sector(ax, steps, name, result)
    return list(axes)


def _facts(result: Any) -> str:
    """Seed, length and result of the run, in words."""
    steps, outcomes = result.scenario.steps, result.outcomes
    ends = [STRUCTURES[outcomes["structure"]], GROWTHS.get(outcomes["growth"])]
    facts = [f"seed {result.seed}", f"{steps:,} step{'s' * (steps != 1)}", ", ".join(filter(None, ends))]
    return "  ·  ".join([*facts, *ends_of(result)])


def _gap(steps: "pd.DataFrame") -> float:
    """Steps from one kept row to the next."""
    return float(steps.index[1] - steps.index[0]) if len(steps) > 1 else 1.0


def _drawn(steps: "pd.DataFrame") -> "pd.DataFrame":
    """The points of lines, with all peaks; too few of them are drawn a step wide."""
    lines = [
        name for name in steps if name in ("firms", "hhi", "sector_hhi") or name.startswith(("q", "mean_", "share_"))
    ]
    rows = steps.iloc[rows_with_peaks(steps[lines].to_numpy(float), STRETCHES)]
    if (rows["firms"] > 0).sum() > 2:
        return rows
    ends = np.repeat(rows.index.to_numpy(float), 2) + np.tile([-0.5, 0.5], len(rows)) * _gap(rows)
    return rows.iloc[np.repeat(np.arange(len(rows)), 2)].set_axis(ends)


def _draw_spread(ax: Axes, steps: "pd.DataFrame", name: str, title: str, unit: str, reference: float) -> None:
    """Level and spread of one state over the firms, by step."""
    dress(ax, f"{name}, {title}", f"{name} ({unit})")
    if f"q50_{name}" in steps:
        low, middle, high = (steps[f"{q}_{name}"].to_numpy(float) for q in ("q10", "q50", "q90"))
        labels = "median", "10–90% of firms"
    else:
        middle, spread = steps[f"mean_{name}"].to_numpy(float), steps[f"sd_{name}"].to_numpy(float)
        low, high = np.maximum(middle - spread, 0.0), middle + spread  # no firm's is negative
        labels = "mean", "± 1 std. deviation"
    if scale(ax, "y", np.concatenate([middle, high, [reference]])):
        ax.set_ylabel(f"{name} ({unit}; log scale)")
        low = np.maximum(low, middle / WIDE)  # a low end at 0 has no place on the scale
    ax.axhline(reference, **DOTTED)
    if not np.isfinite(middle).any():
        say_empty(ax, "nothing to show")
    ax.plot(steps.index, middle, color=BLUE, lw=2 if len(steps) <= MANY else 1, label=labels[0])
    ax.fill_between(steps.index, low, high, color=BLUE, alpha=0.2, lw=0, label=labels[1])
    legend(ax)


def _draw_plane(ax: Axes, result: Any) -> None:
    """Each firm at the end by its T and C; blue firms earn more than they spend, red ones less."""
    firms, scenario, total = result.firms, result.scenario, len(result.firms)
    dress(ax, "Firms at the end", "C (market competitiveness)", "T (technology accumulation)")
    if not total:
        round_ticks(ax.xaxis)
        round_ticks(ax.yaxis)
        say_empty(ax, "no firm is left")
        return
    if total > POINTS:
        firms = firms.iloc[np.linspace(0, total - 1, POINTS).astype(int)]  # evenly by id
    firms = firms.sort_values("share", ascending=False, kind="stable")  # small firms in front of large ones
    say(ax, f"{POINTS:,} of {axis_number(total)}; area: share" if total > POINTS else "area: share of its sector")
    ax.margins(0.09)  # room for the largest circle
    if scale(ax, "x", np.append(firms["T"], scenario.T0)):
        ax.set_xlabel("T (technology accumulation; log scale)")
    if scale(ax, "y", np.append(firms["C"], scenario.C0)):
        ax.set_ylabel("C (competitiveness; log scale)")
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
    colours.set_ticks(ticks, labels=["1 break-even" if tick == 0 else axis_number(10.0**tick) for tick in ticks])
    colours.outline.set_visible(False)
    bar.tick_params(labelsize=TEXT, colors=GREY, labelcolor=INK, length=3)
    bar.set_title("R (revenue / cost)", loc="left", fontsize=TEXT, color=INK, pad=8)


def _draw_followed(figure: Figure, axes: np.ndarray, result: Any) -> None:
    """The firms that are followed: their T, C and R by step, and a ring where they end in the T–C plane."""
    followed = result.followed.groupby("name", sort=False)
    left, width = 0.054, 0.87 / max(followed.ngroups, 3)
    lives = result.lives.set_index("name")
    for (name, rows), colour in zip(followed, FOLLOWED, strict=False):
        halo = [Stroke(linewidth=3.2, foreground="white", alpha=0.8), Normal()]
        for ax, measure in zip(axes[:3], ("T", "C", "R"), strict=True):
            low, high = ax.get_ylim()
            ax.plot(rows["step"], rows[measure], color=colour, lw=1.6, path_effects=halo)
            ax.set_ylim(min(low, 0.95 * rows[measure].min()), max(high, 1.05 * rows[measure].max()))
        life, last = lives.loc[name], rows.iloc[-1]
        if life.notna()["exit_step"]:
            fate = f"{life['reason']} at step {life['exit_step']:,}"
        else:
            fate = f"{last['share']:.1%} of its sector"
            axes[3].scatter(last["T"], last["C"], s=150, facecolors="none", edgecolors=colour, lw=2, zorder=5)
        text = f"━ {fit(name, SIZE[0] * width - 1.9)} ({fate})"
        figure.text(left, 1.0 - 1.08 / figure.get_figheight(), text, fontsize=TEXT, color=colour, parse_math=False)
        left += width


def _ratio_ticks(low: float, high: float) -> list[float]:
    """Decimal logarithms of round ratios on both sides of 1, at most four a side."""

    def side(length: float) -> list[float]:
        if length < 1.0:
            return [tick for tick in np.log10([2.0, 5.0]) if tick <= length]
        decades = int(length)
        return [float(tick) for tick in range(0, decades + 1, -(-decades // 4)) if tick]

    return [-tick for tick in reversed(side(-low))] + [0.0] + side(high)


def _draw_firms(ax: Axes, steps: "pd.DataFrame", outcomes: "pd.Series", at_end: int) -> None:
    """The number of firms."""
    dress(ax, "Firms", "firms")
    peak, when = outcomes["peak_firms"], outcomes["peak_step"]
    at = f"at step {axis_number(when)}" if when else "at the start"
    say(ax, f"peak {axis_number(peak)} {at}, {axis_number(at_end)} at the end")
    ax.plot(steps.index, steps["firms"], color=BLUE, lw=2 if len(steps) <= MANY else 1)
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
    ax.yaxis.set_major_formatter(lambda value, _: axis_number(abs(value)))
    legend(ax)
