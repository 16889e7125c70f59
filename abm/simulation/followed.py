"""Named firms that are followed through a run, for its picture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from abm.errors import InputError, nearest, shown
from abm.market.firms import FIRM

if TYPE_CHECKING:
    import pandas as pd

    from abm.simulation.market import Market

MOST = 6  # firms; the lines of more could not be told apart
_SHOWN = {"T": FIRM.T, "C": FIRM.C, "R": FIRM.R}


class Followed:
    """Firms of a firm table, looked at after each step.

    Parameters
    ----------
    market : Market
        Before its first step.
    names : sequence of str
        Names of the table.

    Raises
    ------
    InputError
        For a name that the table does not have, or has twice, and for too many.
    """

    def __init__(self, market: "Market", names: Sequence[str]) -> None:
        self.market, self.names = market, list(dict.fromkeys(names))
        if len(self.names) > MOST:
            raise InputError(f"follow: {len(self.names)} firms are more than the {MOST} that a picture can tell apart")
        known = [] if market.table is None else market.table.names
        if self.names and not any(known):
            raise InputError("follow: only firms of a firm table with a column name can be followed")
        for name in self.names:
            if known.count(name) != 1 or not name:
                problem = f"is the name of {known.count(name)} firms" if name in known else "is no firm of the table"
                raise InputError(f"follow = {shown(name)} {problem}{nearest(name, set(known) - {name, ''})}")
        self.ids = np.array([known.index(name) for name in self.names], dtype=np.int64)
        by_id = {int(firm): slot for slot, firm in enumerate(market.state.firms[FIRM.id]) if firm >= 0}
        self.slots = np.array([by_id[int(firm)] for firm in self.ids], dtype=np.int64)
        places = np.repeat(np.arange(len(market.sector_names)), market.layout.slots)
        self.places = places[self.slots]
        self._steps: list[int] = []
        self._rows: list[np.ndarray] = []
        self.look()

    def look(self) -> None:
        """Keep the firms as they stand; NaN for those that have left."""
        state = self.market.state
        firms = state.firms[:, self.slots]
        row = np.array(
            [*(firms[place] for place in _SHOWN.values()), firms[FIRM.B] / state.sectors["base"][self.places]]
        )
        row[:, firms[FIRM.id] != self.ids] = np.nan
        self._steps.append(self.market.steps_done)
        self._rows.append(row)

    def frame(self) -> "pd.DataFrame":
        """T, C, R and the share of its sector of each firm at each step from the start, while it lives."""
        import pandas as pd

        values = np.stack(self._rows)  # (steps, measures, firms)
        count = len(self.names)
        columns = {
            "step": np.repeat(self._steps, count),
            "name": np.tile(np.array(self.names, dtype=object), len(values)),
        }
        columns |= {name: values[:, place].ravel() for place, name in enumerate((*_SHOWN, "share"))}
        return pd.DataFrame(columns).dropna(ignore_index=True)
