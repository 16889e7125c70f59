"""Changes on the way, marked in pictures over steps: a thin line with the change's name, a span where it ends."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patheffects import Normal, Stroke

from abm.output.style import GREY, fit

Mark = tuple[str, float, float]  # the name of a change, its step, and the step at which it ends or infinity
MOST = 12  # names; of more changes the lines alone are drawn
_CLOSE = 0.035  # of a panel's width: nearer lines have their names at different heights


def marks_of(scenario: Any) -> list[Mark]:
    """The changes of a scenario.

    Examples
    --------
    >>> from abm import Scenario
    >>> marks_of(Scenario(changes=[{"name": "shock", "step": 9, "demand_factor": 0.5}]))
    [('shock', 9.0, inf)]
    """
    return [(change.name, float(change.step), float(change.until)) for change in scenario.changes]


def mark_changes(
    ax: Axes, marks: Iterable[Mark], *, size: float, named: bool = True, over_areas: bool = False
) -> Sequence[Any]:
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

    Returns
    -------
    sequence of Artist
        What was drawn.
    """
    low, high = ax.get_xlim()
    there = sorted((mark for mark in marks if low <= mark[1] <= high), key=lambda mark: mark[1])
    drawn: list[Any] = []
    places: list[float] = []
    inches = 0.6 * ax.get_position().height * ax.figure.get_figheight()
    for name, step, until in there:
        drawn.append(ax.axvline(step, color=GREY, lw=0.8, zorder=2.5 if over_areas else 0.6))
        if named and math.isfinite(until):
            order = 2.4 if over_areas else 0.1
            drawn.append(ax.axvspan(step, min(until, high), color=GREY, alpha=0.09, lw=0, zorder=order))
        if named and len(there) <= MOST:
            place = (step - low) / (high - low)
            near = sum(abs(place - other) < _CLOSE for other in places)
            places.append(place)
            side = "right" if place > 0.95 else "left"
            halo = [Stroke(linewidth=2.0, foreground="white", alpha=0.8), Normal()]
            where = step, 0.97 - 0.4 * (near % 2)
            style = {"size": size, "color": GREY, "zorder": 3, "path_effects": halo}
            turned = {"rotation": 90, "rotation_mode": "default", "va": "top", "ha": side}
            text = f" {fit(name, inches, size)}"
            drawn.append(ax.text(*where, text, transform=ax.get_xaxis_transform(), **turned, **style))
    ax.set_xlim(low, high)
    return drawn
