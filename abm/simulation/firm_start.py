"""What a run keeps of the firm table that it starts from, and what `abm check` prints of it."""

from typing import NamedTuple

import numpy as np

from abm.market.firms import FIRM
from abm.market.rules import follows_rules, signs
from abm.market.setup import parameters_of
from abm.scenario.parameters import FIRM_COLUMNS
from abm.scenario.scenario import Scenario
from abm.simulation.firm_file import written
from abm.simulation.firm_table import FirmTable

# The row of `State.firms` for each column of numbers.
_ROWS = {name: getattr(FIRM, name) for name in FIRM_COLUMNS}

FAR = 1.25  # a warning comes where demand and bases differ by more than this factor


class SectorStart(NamedTuple):
    """A sector at the start: its demand and the sum of the bases that its firms bring."""

    name: str
    firms: int
    demand: float
    bases: float

    @property
    def is_far(self) -> bool:
        """Whether the firms will win or lose many customers at once."""
        return self.firms > 0 and not 1.0 / FAR <= self.demand / self.bases <= FAR


def sector_starts(table: FirmTable, scenario: Scenario) -> list[SectorStart]:
    """Each sector's demand beside the bases of its firms.

    Parameters
    ----------
    table : FirmTable
    scenario : Scenario
        As `abm.simulation.firm_table.scenario_for` gives it.

    Examples
    --------
    >>> import pandas as pd
    >>> from abm.simulation.firm_table import read_firm_table, scenario_for
    >>> firms = pd.DataFrame({"sector": ["market"] * 2, "strategy": "balanced", "B": [3.0, 5.0]})
    >>> sized = Scenario(market_size=12)
    >>> table = read_firm_table(firms, sized)
    >>> start = sector_starts(table, scenario_for(sized, table))[0]
    >>> start.demand, start.bases, start.is_far
    (12.0, 8.0, True)
    """
    demand = parameters_of(scenario).sectors["start_demand"] if table.demand is None else table.demand
    count = len(scenario.sectors)
    bases = np.bincount(table.sectors, weights=table.values[FIRM.B], minlength=count)
    firms = np.bincount(table.sectors, minlength=count)
    names = [sector.name for sector in scenario.sectors]
    return [SectorStart(*row) for row in zip(names, firms.tolist(), demand.tolist(), bases.tolist(), strict=True)]


def kept_table(table: FirmTable, scenario: Scenario) -> bytes:
    """The complete firm table, with what was filled in, as Parquet that `read_firm_table` reads back."""
    import pyarrow as pa

    columns: dict[str, list | np.ndarray] = {
        "name": table.names,
        "sector": [scenario.sectors[place].name for place in table.sectors],
        "strategy": [scenario.strategies[int(place)].name for place in table.values[FIRM.strategy]],
    }
    columns |= {name: table.values[_ROWS[name]] for name in FIRM_COLUMNS}
    if follows_rules(scenario):
        columns["memory"] = columns["direction"]
        columns["direction"] = signs(columns["direction"])
    demand = None
    if table.demand is not None:
        demand = {sector.name: size for sector, size in zip(scenario.sectors, table.demand.tolist(), strict=True)}
    return written(pa.table(columns), demand)
