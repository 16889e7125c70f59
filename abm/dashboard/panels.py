"""What a page's charts are made of: panels that say what to draw, and the rows that are new at a frame.

The browser keeps the rows and draws them, so that a frame sends those of its own steps alone.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from abm.output.charts import Panel

MOST = 1_000  # stretches of steps that are told apart; of longer runs each holds 2, 4, 8, … steps


class View:
    """Panels over the columns of a growing table, whose rows are sent to a page once.

    Parameters
    ----------
    panels : sequence of Panel
    table : callable
        Takes names of columns and the first row that is wanted; returns that row and all later ones, one a step.
    plane : bool
        Whether the firms of the step are drawn above the panels.

    Attributes
    ----------
    columns : list of str
        The columns that are drawn; the first is the step.

    Examples
    --------
    >>> steps = np.arange(5.0)
    >>> from abm.output.charts import Line
    >>> view = View([Panel("T", "T", [Line("mean", "mean_T")])], lambda names, since: np.c_[steps, steps][since:])
    >>> view.news(5)["first"], view.news(5)["first"]
    (0, 4)
    """

    def __init__(
        self, panels: Sequence[Panel], table: Callable[[Sequence[str], int], np.ndarray], plane: bool = False
    ) -> None:
        self.panels, self._table, self.plane = panels, table, plane
        self.columns = list(dict.fromkeys(["step", *(line.column for panel in panels for line in panel.lines)]))
        stacked = {line.column for panel in panels if panel.stacked for line in panel.lines}
        self._summed = np.isin(self.columns, [*stacked])
        self.send_all()

    def send_all(self) -> None:
        """Let the next frame have all rows."""
        self._stretch, self._sent = 1, 0  # steps of a stretch, and the whole ones that were sent

    def described(self) -> list[dict[str, Any]]:
        """The panels, as the browser reads them."""
        return [panel.described(self.columns) for panel in self.panels]

    def news(self, count: int) -> dict[str, Any]:
        """What the page does not have of the first `count` rows of the table.

        Returns
        -------
        dict
            `first`, the number of rows that the page keeps, and `rows`, float32 that come after them.
        """
        stretch = 1
        while stretch * MOST < count:
            stretch *= 2
        if stretch != self._stretch:
            self._stretch, self._sent = stretch, 0
        rows = self._table(self.columns, self._sent * stretch)
        first = self._sent * min(stretch, 2)
        new = (count - 1) // stretch - self._sent
        self._sent += new
        whole, rest = np.split(rows, [new * stretch])
        parts = [extremes(whole.reshape(new, stretch, -1), self._summed)] if new and stretch > 1 else [whole]
        if len(rest) > 2:
            parts.append(extremes(rest[np.newaxis, :-1], self._summed))
        parts.append(rest[-1:])
        return {"first": first, "rows": np.concatenate(parts).astype("<f4").tobytes()}


def extremes(stretches: np.ndarray, summed: np.ndarray) -> np.ndarray:
    """Two rows of each stretch of steps: the least and the largest value of each column, in the order they came in.

    Parameters
    ----------
    stretches : float64 array, shape (stretches, steps, columns)
        The first column is the step.
    summed : bool array, shape (columns,)
        Columns that must keep their sum: of those the values at the stretch's start and middle are taken.

    Returns
    -------
    float64 array, shape (2 · stretches, columns)

    Examples
    --------
    >>> extremes(np.array([[[0.0, 5.0], [1.0, 9.0], [2.0, 1.0], [3.0, 4.0]]]), np.array([False, False]))
    array([[0., 9.],
           [2., 1.]])
    """
    middle = stretches.shape[1] // 2
    low, high = np.fmin.reduce(stretches, axis=1), np.fmax.reduce(stretches, axis=1)
    falls = (stretches == low[:, np.newaxis]).argmax(axis=1) > (stretches == high[:, np.newaxis]).argmax(axis=1)
    two = np.stack([np.where(falls, high, low), np.where(falls, low, high)], axis=1)
    plain = summed.copy()
    plain[0] = True  # the step
    two[:, :, plain] = stretches[:, [0, middle]][:, :, plain]
    return two.reshape(-1, stretches.shape[2])
