"""Changes on the way, marked in pictures over steps: a thin line with the change's name, a span where it ends.

Where lines are too near for a name each, names are joined; a line of words beneath the picture has all of them.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patheffects import Normal, Stroke

from abm.output.style import GREY, fit, width_of

Mark = tuple[str, float, float]  # the name of a change, its step, and the step at which it ends or infinity
MOST = 6  # names in a panel: more would hide what it shows
_ROOM = 1.6  # of a name beside its line, in heights of its letters
_TALL = 0.92  # of a panel's height: the longest name


def marks_of(scenario: Any) -> list[Mark]:
    """The changes of a scenario.

    Examples
    --------
    >>> from abm import Scenario
    >>> marks_of(Scenario(changes=[{"name": "shock", "step": 9, "demand_factor": 0.5}]))
    [('shock', 9.0, inf)]
    """
    return [(change.name, float(change.step), float(change.until)) for change in scenario.changes]


def marks_in_words(marks: Iterable[Mark]) -> list[str]:
    """Each change with its steps, for beneath a picture.

    Examples
    --------
    >>> marks_in_words([("shock", 9.0, math.inf), ("subsidy", 20.0, 31.0)])
    ['shock (from step 9 on)', 'subsidy (steps 20 to 30)']
    """

    def when(step: float, until: float) -> str:
        if math.isinf(until):
            return f"from step {step:,.0f} on"
        return f"step {step:,.0f}" if until == step + 1 else f"steps {step:,.0f} to {until - 1:,.0f}"

    return [f"{name} ({when(step, until)})" for name, step, until in sorted(marks, key=lambda mark: mark[1])]


def mark_changes(ax: Axes, marks: Iterable[Mark], *, size: float, named: bool = True, over_areas: bool = False) -> None:
    """Mark changes in a panel whose horizontal axis is the step; its limits stay what they are.

    Parameters
    ----------
    ax : Axes
    marks : iterable of Mark
    size : float
        Of the names, in points.
    named : bool
        False leaves out names and spans.
    over_areas : bool
        Draw lines and spans before what fills the panel, not behind it.
    """
    low, high = ax.get_xlim()
    there = sorted((mark for mark in marks if low <= mark[1] <= high), key=lambda mark: mark[1])
    for _, step, until in there:
        ax.axvline(step, color=GREY, lw=0.8, zorder=2.5 if over_areas else 0.6)
        if named and math.isfinite(until):
            order = 2.4 if over_areas else 0.1
            ax.axvspan(step, min(until, high), color=GREY, alpha=0.09, lw=0, zorder=order)
    if named:
        _name(ax, there, size)
    ax.set_xlim(low, high)


def _name(ax: Axes, there: Sequence[Mark], size: float) -> None:
    """Write names beside their lines."""
    low, high = ax.get_xlim()
    width, height = ax.figure.get_size_inches() * ax.get_position().size
    room = _ROOM * size / 72.0
    names = [mark[0] for mark in there]
    halo = [Stroke(linewidth=2.5, foreground="white", alpha=0.9), Normal()]
    for at, count in beside([(mark[1] - low) / (high - low) * width for mark in there], width, room):
        text = joined(names[:count], _TALL * height, size)
        names = names[count:]
        turned = {"rotation": 90, "rotation_mode": "default", "va": "top", "ha": "center"}
        style = {"size": size, "color": GREY, "zorder": 3, "path_effects": halo}
        if count > 1:  # the lines of the others are quiet behind letters
            style["bbox"] = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0}
        ax.text((at + room / 2.0) / width, 0.97, text, transform=ax.transAxes, **turned, **style)


def beside(lines: Sequence[float], width: float, room: float) -> list[tuple[float, int]]:
    """Where names stand that need some room beside lines from left to right, and of how many lines each is.

    Examples
    --------
    >>> beside([2.0, 4.0, 20.0, 99.0], 100.0, 10.0)
    [(2.0, 2), (20.0, 1), (89.0, 1)]
    """
    apart = room
    while True:
        found: list[tuple[float, int]] = []
        for line in lines:
            at = line if line + room <= width else line - room
            if found and at < found[-1][0] + apart:
                found[-1] = found[-1][0], found[-1][1] + 1
            else:
                found.append((at, 1))
        if len(found) <= MOST:
            return found
        apart *= 1.5


def joined(names: Sequence[str], inches: float, size: float) -> str:
    """Names in letters of some points that are no wider than some inches: as many as fit, and how many more.

    Examples
    --------
    >>> joined(["churn_at_11", "shock", "portability_of_all_customers"], 1.9, 8.0)
    'churn_at_11, shock and 1 more'
    """

    def text(kept: int) -> str:
        return ", ".join(names[:kept]) + (f" and {len(names) - kept} more" if kept < len(names) else "")

    def is_short(kept: int) -> bool:
        return width_of(text(kept), size) <= inches

    if is_short(len(names)):
        return text(len(names))
    kept = 1
    while kept < len(names) - 1 and is_short(kept + 1):
        kept += 1
    more = text(kept).removeprefix(", ".join(names[:kept]))
    return fit(", ".join(names[:kept]), inches - width_of(more, size), size) + more
