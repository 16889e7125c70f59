"""What `assets/charts.js` draws, on the page and in reports: panels of lines over steps, and the changes on the way."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from abm.output.marks import Mark
from abm.output.style import BLUE


class Line(NamedTuple):
    """One column in a panel."""

    label: str
    column: str
    colour: str = BLUE
    """`ink` is that of the page's letters."""
    dash: tuple[float, ...] = ()
    hatch: str = ""
    edge: bool = False
    """Whether it is one of the two edges of a band, which are named from below."""
    right: bool = False
    """Whether its axis is the one on the right."""
    of: int | None = None
    """The place of the line that an edge is told beside and switched with, if it is not told by itself."""


class Panel(NamedTuple):
    """A chart over steps."""

    title: str
    y: str
    lines: Sequence[Line]
    right: str = ""
    """The name of an axis on the right."""
    level: float | None = None
    """A level to compare with."""
    stacked: bool = False
    """Whether the lines are shares in percent, which lie one upon the other, the last one at the bottom."""
    stepped: bool = False
    """Whether a value holds until the next one."""
    top: float | None = None
    """Where the axis ends, if not where the values do."""
    zones: Sequence[tuple[str, float, float]] = ()
    """Names of bands, and where each begins and ends."""
    far: float = 0.0
    """A value below which the zones are too far off to be drawn."""
    shape: float = 0.62
    """Height per width."""

    def described(self, columns: Sequence[str]) -> dict[str, Any]:
        """The panel as the browser reads it, which has these columns.

        Examples
        --------
        >>> Panel("T", "T", [Line("mean", "mean_T")]).described(["step", "mean_T"])["lines"][0]["at"]
        1
        """
        places = {name: place for place, name in enumerate(columns)}
        return self._asdict() | {"lines": [line._asdict() | {"at": places[line.column]} for line in self.lines]}


def marks_described(marks: Iterable[Mark]) -> list[tuple[str, float, float | None]]:
    """Marks as the browser reads them, which knows no infinity.

    Examples
    --------
    >>> marks_described([("shock", 9.0, np.inf)])
    [('shock', 9.0, None)]
    """
    return [(name, step, None if until == np.inf else until) for name, step, until in marks]
