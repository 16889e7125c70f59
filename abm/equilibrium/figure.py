"""The article's equations in one picture: the composed map with its equilibria, and where the update rule settles."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from abm.equations import LITERAL, pull, saturate
from abm.equilibrium.bifurcation import attractor
from abm.equilibrium.equilibria import NAMES, NO_CEILINGS, ceilings_of, describe, values_of
from abm.equilibrium.text import in_words
from abm.output.style import (
    BLUE,
    DOTTED,
    DPI,
    GREY,
    INK,
    ORANGE,
    SIZE,
    TEXT,
    drawing,
    dress,
    headline,
    legend,
    round_ticks,
    say,
)
from abm.scenario.scenario import Scenario

# Of the logistic map, which the update rule is if baselines are 1, coefficients equal and no ceilings on.
LOGISTIC = (3.0, "period 2 from 3"), (1.0 + 6.0**0.5, "period 4 from 1 + √6"), (3.56994567, "chaos from 3.56995")
COLUMNS, ROWS = 1500, 900  # gains and T at which the right panel is computed


@drawing
def equilibrium_picture(scenario: Scenario, *, ceilings: bool = False) -> Figure:
    """The equilibria of a scenario's median firm with a monetisation of 1 (§4.2), 1600 × 900 pixels.

    Parameters
    ----------
    scenario : Scenario
    ceilings : bool
        Include its ceilings in the equations.

    Examples
    --------
    >>> [ax.get_title("left") for ax in equilibrium_picture(Scenario()).axes]
    ['Once round the loop', 'Where the update rule settles']
    """
    entry = describe(scenario, ceilings=ceilings)
    bounds = ceilings_of(scenario, ceilings)
    figure = Figure(figsize=SIZE, dpi=DPI)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.45), sharey=True)
    figure.subplots_adjust(left=0.054, right=0.975, bottom=0.085, top=0.81, wspace=0.16)
    values_text = ", ".join(f"{name} = {value:g}" for name, value in zip(NAMES, values_of(scenario, NAMES)))
    limits = "with ceilings" if ceilings else "without ceilings"
    headline(figure, scenario.name, f"{limits}, {in_words(entry)}  ·  {values_text}")
    T0 = scenario.T0
    right.tick_params(labelleft=True)
    highest = max(1.9 * T0, *(1.2 * each["T"] for each in entry["equilibria"] if each["T"] < 5.0 * T0))
    with np.errstate(all="ignore"):  # far from the equilibria T outgrows every float
        _draw_lap(left, scenario, entry, bounds, highest)
        _draw_diagram(right, scenario, entry, bounds, highest)
    return figure


def _lap(T: np.ndarray, values: list[float], bounds: tuple[float, ...], factor: np.ndarray) -> tuple[np.ndarray, ...]:
    """T after a lap of the loop, T to R to C to T, and the derivative of that; all k times a factor."""
    T0, C0, R0, k1, k2, k3 = values
    slope = 1.0
    y = T
    for x0, k, y0, ceiling in ((R0, k3, T0, bounds[2]), (C0, k2, R0, bounds[1]), (T0, k1, C0, bounds[0])):
        drawn = pull(LITERAL, factor * k, y, y0)
        slope = slope * factor * k * (2.0 * y - y0) / (1.0 + np.abs(drawn) / ceiling) ** 2
        y = x0 + saturate(drawn, ceiling)
    return y, slope


def _draw_lap(ax: Axes, scenario: Scenario, entry: dict, bounds: tuple[float, ...], highest: float) -> None:
    """T after one lap of the loop against T, and the laps of two firms that start below and above the threshold."""
    values, T0 = values_of(scenario, NAMES), scenario.T0
    dress(ax, "Once round the loop", "T after a lap of the loop (technology accumulation)", "T before the lap")
    T = np.linspace(0.0, highest, 4000)
    ax.plot(T, T, color=GREY, lw=1)
    ax.text(0.31 * highest, 0.3 * highest, "no change", fontsize=TEXT, color=GREY, va="top")
    ax.plot(T, _lap(T, values, bounds, 1.0)[0], color=INK, lw=2, label="after a lap")
    threshold = entry["take_off_threshold"]
    border, below, above = "baseline", 0.94 * T0, 1.06 * T0
    if threshold is not None and threshold < highest:
        border, below, above = "threshold", 0.4 * T0 + 0.6 * threshold, 1.4 * threshold - 0.4 * T0
    for x, colour, label in ((below, ORANGE, f"from below the {border}"), (above, BLUE, "from above")):
        corners = [(x, 0.0)]
        for _ in range(60):
            after = float(_lap(np.float64(x), values, bounds, 1.0)[0])
            corners += [(x, after), (after, after)]
            x = after
            if not abs(x) < 10.0 * highest:
                break
        ax.plot(*zip(*corners), color=colour, lw=1.2, label=label)
    for each in entry["equilibria"]:
        face = INK if each["stable"] else "white"
        ax.plot(each["T"], each["T"], "o", ms=8, mfc=face, mec=INK, mew=1.5, zorder=5)
    ax.text(0.97, 0.03, "● stable   ○ unstable", transform=ax.transAxes, ha="right", fontsize=TEXT, color=GREY)
    ax.set_xlim(0.0, highest)
    round_ticks(ax.xaxis)
    legend(ax)


def _draw_diagram(ax: Axes, scenario: Scenario, entry: dict, bounds: tuple[float, ...], highest: float) -> None:
    """Equilibria and attractor against the loop gain, changed by multiplying all k with one factor."""
    values = np.array(values_of(scenario, NAMES))
    here = float(np.cbrt(entry["loop_gain"]))
    dress(
        ax,
        "Where the update rule settles",
        "T where it settles",
        "cube root of the loop gain; all k multiplied by one factor",
    )
    ax.set_ylim(0.0, highest)
    round_ticks(ax.yaxis)
    if not here:
        say(ax, "a coefficient is 0: always at the baseline")
        return
    r = np.linspace(0.0, max(4.02, 1.1 * here), COLUMNS)
    points = attractor(*values[:3], *values[3:, np.newaxis] * (r / here), ceilings=bounds)
    ax.plot(np.broadcast_to(r, points.shape).ravel(), points.ravel(), ",", color=BLUE, alpha=0.35, rasterized=True)
    T = np.linspace(0.0, highest, ROWS)[:, np.newaxis]
    after, slope = _lap(T, values, bounds, r / here)
    # The equilibria are where this is 0; without the factor T − T0 the baseline, which always is one, is left out.
    away = (after - T) / (T - values[0])
    for stable, style in ((True, "solid"), (False, "dashed")):
        shown = np.where((np.abs(slope) < 1.0) == stable, away, np.nan)
        ax.contour(r, T[:, 0], shown, levels=[0.0], colors=INK, linewidths=1.6, linestyles=style)
        ends = (0.0, 1.0) if stable else (1.0, r[-1])
        ax.plot(
            ends, [values[0]] * 2, color=INK, lw=1.6, ls=style, label="stable" if stable else "unstable equilibrium"
        )
    ax.plot([], [], "o", ms=4, color=BLUE, label="ends of orbits from half the baselines")
    gains = {here, *(float(np.cbrt(sector["loop_gain"])) for sector in entry["sectors"])}
    for gain in gains:
        ax.axvline(gain, color=ORANGE, lw=2)
    box = {"fc": "white", "ec": "none", "pad": 1.5, "alpha": 0.8}
    values_text = "this scenario" if len(gains) == 1 else "this scenario's median firm and sectors"
    x, side = (min(gains) - 0.02, "right") if here > 0.5 * r[-1] else (max(gains) + 0.02, "left")
    ax.text(x, 0.03 * highest, values_text, ha=side, fontsize=TEXT, color=INK, bbox=box)
    if set(values[:3]) == {1.0} and len(set(values[3:])) == 1 and bounds == NO_CEILINGS:
        for place, (value, text) in enumerate(LOGISTIC):
            ax.axvline(value, **DOTTED)
            height = (0.96 - 0.05 * place) * highest
            ax.text(value - 0.02, height, text, ha="right", fontsize=TEXT, color=GREY, bbox=box)
    ax.set_xlim(0.0, r[-1])
    round_ticks(ax.xaxis)
    legend(ax)
