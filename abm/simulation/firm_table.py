"""Firm tables: a start from data instead of draws.

A table is read whole (`abm.simulation.table_file`) and checked before a run starts. A refusal raises
`InputError` with one message that names the file, the row, the column, the value and what is allowed.
"""

import hashlib
import json
import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from abm.errors import InputError, shown
from abm.market.arrays import CUSTOMER_FLOOR, STATE_FLOOR, Parameters, State
from abm.market.entrants import vacate
from abm.market.firms import FIRM, FIRM_ROWS
from abm.market.mechanisms import initial_state
from abm.market.records import RULE
from abm.market.setup import parameters_of
from abm.scenario.parameters import FIRM_COLUMNS, MARKET, MEMORY, SHARE
from abm.scenario.scenario import Scenario
from abm.simulation.firm_file import is_run, table_bytes
from abm.simulation.table_cells import Cells, Layout
from abm.simulation.table_file import read_cells

if TYPE_CHECKING:  # slow to import
    import pandas as pd

REQUIRED = ("sector", "strategy")
IGNORED = ("id", "slot")  # a run's own firms.parquet has them
_NUMBERS = (*FIRM_COLUMNS, "memory", "share")
COLUMNS = (*REQUIRED, "name", *FIRM_COLUMNS, *IGNORED, "memory", "share")
LAYOUT = Layout("firm table", COLUMNS, _NUMBERS, "a row a firm", required=REQUIRED, list_columns=True)

_SURROGATE = re.compile("[\ud800-\udfff]")  # halves of a character, which no file can hold


class FirmTable(NamedTuple):
    """The initial firms, in the order of their ids.

    Attributes
    ----------
    sectors : int64 array, shape (firms,)
        Each firm's sector by its index in the scenario.
    values : float64 array, shape (30, firms)
        The rows of `abm.market.arrays.State.firms`.
    names : list of str
        Empty where a firm has no name.
    digest : str
        SHA-256 of all: equal for equal content, whatever the file's format.
    bases : float or None
        The sum of the column B, where there is one.
    demand : float64 array, shape (sectors,), or None
        Each sector's demand, where the table is a run that goes on.
    """

    sectors: np.ndarray
    values: np.ndarray
    names: list[str]
    digest: str
    bases: float | None = None
    demand: np.ndarray | None = None

    def market_size(self, scenario: Scenario) -> float:
        """The market size of a scenario with these firms."""
        if self.demand is not None:
            return min(math.fsum(self.demand), MARKET["market_size"].high)
        if self.bases is not None and not scenario.is_set("market_size"):
            return self.bases
        return _scenario_for(scenario, len(self.names)).market_size


def read_firm_cells(source: "str | os.PathLike | pd.DataFrame") -> Cells:
    """The cells of a firm table as they are written, for `read_firm_table`."""
    if isinstance(source, str | os.PathLike) and is_run(source):
        return read_cells(source, LAYOUT, table_bytes(Path(os.fsdecode(source))))
    return read_cells(source, LAYOUT)


def read_firm_table(source: "str | os.PathLike | pd.DataFrame | Cells", scenario: Scenario) -> FirmTable:
    """The firms of a table; missing values are filled in from the scenario.

    Parameters
    ----------
    source : path, DataFrame or Cells
        The path may be a run's folder, whose firms and demand are taken as they stood at its end.
        A file that ends in .parquet or .pq is read as Parquet, any other as CSV. A named
        index counts as a column. Blanks around texts are dropped. What `read_firm_cells` gives can be used
        for many scenarios.
    scenario : Scenario
        What the table starts; it need not have room for the firms yet.

    Examples
    --------
    >>> import pandas as pd
    >>> firms = pd.DataFrame({"sector": "market", "strategy": "balanced", "T0": [1.0, 2.0]})
    >>> table = read_firm_table(firms, Scenario(initial_momentum=0.5))
    >>> table.values[FIRM.T], table.values[FIRM.B]
    (array([1.5, 3. ]), array([1., 1.]))
    >>> read_firm_table(firms.assign(k1=[0.9, -1]), Scenario())
    Traceback (most recent call last):
    abm.errors.InputError: firm table: row 2: k1 = -1.0 is outside [0, 1e6]
    """
    cells = source if isinstance(source, Cells) else read_firm_cells(source)
    sectors = cells.places("sector", [sector.name for sector in scenario.sectors])
    strategies = cells.places("strategy", [strategy.name for strategy in scenario.strategies])
    known = FIRM_COLUMNS | {"memory": MEMORY}
    given = {name: cells.numbers(name, known[name]) for name in known if name in cells.columns}
    names = cells.columns.get("name", [""] * cells.rows)
    for row, name in enumerate(names):
        if not name.isascii() and _SURROGATE.search(name):
            cells.refuse(row, f"name = {shown(name)} holds half of a character and cannot be written")
    if not np.isinf(scenario.runway):
        for row in np.flatnonzero(np.isinf(given.get("F", 0.0))):
            cells.refuse(row, f"F = inf is allowed only where the runway is inf; it is {scenario.runway}")
    bases = None
    if "B" in given:
        bases = min(max(math.fsum(given["B"]), CUSTOMER_FLOOR), MARKET["market_size"].high)
        if not scenario.is_set("market_size"):
            scenario = scenario.replace(market_size=bases)
    demand = None if cells.demand is None else _demand(cells, scenario)
    parameters = parameters_of(_scenario_for(scenario, cells.rows))
    if "share" in cells.columns and "B" not in given:
        given["B"] = _bases_of_shares(cells, scenario, sectors, parameters.sectors["start_demand"])
    values = state_rows(given, sectors, strategies, parameters)
    return FirmTable(sectors, values, names, _digest(sectors, values, names, demand), bases, demand)


def scenario_for(scenario: Scenario, table: FirmTable) -> Scenario:
    """A scenario with the firms of a table, room for them, and a market of the size that the table brings.

    Unless the scenario sets it, `market_size` is the sum of the column B, without that column the number of firms. A
    run that goes on brings its demand in any case.

    Examples
    --------
    >>> import pandas as pd
    >>> firms = pd.DataFrame({"sector": ["market"] * 3, "strategy": "balanced"})
    >>> scenario = scenario_for(Scenario(capacity=2), read_firm_table(firms, Scenario()))
    >>> scenario.initial_firms, scenario.capacity, scenario.market_size
    (3, 3, 3.0)
    """
    size = table.market_size(scenario)
    scenario = _scenario_for(scenario, len(table.sectors))
    return scenario if size == scenario.market_size else scenario.replace(market_size=size)


def place_table(state: State, parameters: Parameters, table: FirmTable, slots: np.ndarray) -> None:
    """Empty a market and put the firms of a table into the first slots of their sectors, in order of id.

    Parameters
    ----------
    state : State
        Emptied, then filled.
    parameters : Parameters
        Of the scenario that `scenario_for` gives.
    table : FirmTable
        The firms.
    slots : int64 array, shape (sectors,)
        Slots of each sector, as `abm.market.setup.layout_for` gives them.

    Examples
    --------
    >>> import pandas as pd
    >>> from abm.market.arrays import allocate
    >>> from abm.market.setup import layout_for
    >>> scenario = Scenario(capacity=4, sectors=[{"name": name, "demand_share": 1} for name in ("a", "b")])
    >>> firms = pd.DataFrame({"sector": ["b", "a", "b"], "strategy": "balanced"})
    >>> table = read_firm_table(firms, scenario)
    >>> scenario = scenario_for(scenario, table)
    >>> layout = layout_for(np.bincount(table.sectors, minlength=2), scenario)
    >>> state = allocate(layout, sums=0, lives=0)
    >>> place_table(state, parameters_of(scenario), table, layout.slots)
    >>> state.firms[FIRM.id]
    array([ 1., -1.,  0.,  2.])
    """
    vacate(state)
    counts = np.bincount(table.sectors, minlength=len(slots))
    by_sector = np.argsort(table.sectors, kind="stable")  # within a sector in order of id
    # A firm's slot is its rank, moved by the vacant slots of the sectors before its own.
    vacant_before = np.cumsum(slots - counts) - (slots - counts)
    taken = np.arange(len(by_sector)) + np.repeat(vacant_before, counts)
    for row, values in zip(state.firms, table.values, strict=True):
        row[taken] = values[by_sector]
    state.sectors["demand"] = parameters.sectors["start_demand"]
    state.counters["next_id"] = state.counters["initial_firms"] = len(by_sector)


def _scenario_for(scenario: Scenario, rows: int) -> Scenario:
    # A market size that is not set follows initial_firms by itself.
    return scenario.replace(initial_firms=rows, capacity=max(scenario.capacity, rows))


def state_rows(
    given: dict[str, np.ndarray], sectors: np.ndarray, strategies: np.ndarray, parameters: Parameters
) -> np.ndarray:
    """Rows of `State.firms`: given values, and what a draw without noise would give for the others."""
    count = len(sectors)
    market = parameters.market[0]
    of_sector, of_strategy = parameters.sectors[sectors], parameters.strategies[strategies]
    x0, runway = market["initial_momentum"], market["runway"]
    firms_of = np.bincount(sectors)
    values = np.zeros((FIRM_ROWS, count))

    def fill(name: str, default: Any) -> np.ndarray:
        row = values[getattr(FIRM, name)]
        row[:] = given.get(name, default)
        return row

    t0 = fill("T0", market["T0"])
    c0 = fill("C0", market["C0"])
    r0 = fill("R0", market["R0"])
    fill("k1", market["k1"])
    fill("k2", market["k2"])
    fill("k3", market["k3"] * of_sector["monetisation"])
    technology = fill("T", initial_state(t0, x0, STATE_FLOOR))
    fill("Q", technology)
    fill("C", initial_state(c0, x0, STATE_FLOOR))
    realised = fill("R", initial_state(r0, x0, 0.0))
    for name in ("P", "R_smoothed", "R_reviewed"):
        fill(name, realised)
    customers = fill("B", of_sector["start_demand"] / firms_of[sectors])
    np.maximum(customers, CUSTOMER_FLOOR, out=customers)
    values[FIRM.F] = runway if np.isinf(runway) else given.get("F", runway)
    values[FIRM.theta_entry] = fill("theta", of_strategy["technology_weight"])
    values[FIRM.omega_entry] = fill("omega", of_strategy["optimisation_weight"])
    fill("age", 0.0)
    memory = fill("direction", 1.0)
    if "memory" in given:
        ruled = of_strategy["policy"] == RULE
        memory[ruled] = given["memory"][ruled]
    values[FIRM.strategy] = strategies
    values[FIRM.id] = np.arange(count)
    return values


def _bases_of_shares(cells: Cells, scenario: Scenario, sectors: np.ndarray, demand: np.ndarray) -> np.ndarray:
    """B from shares of the sectors' demand."""
    shares = cells.numbers("share", SHARE)
    sums = np.bincount(sectors, weights=shares, minlength=len(demand))
    for place in np.flatnonzero(sums > 1.0 + 1e-6):
        sector = scenario.sectors[place].name
        raise InputError(f"{cells.label}: the shares in sector {shown(sector)} sum to {sums[place]:.6g}, above 1")
    return shares * demand[sectors]


def _demand(cells: Cells, scenario: Scenario) -> np.ndarray:
    """The demand of each sector at the end of the run that goes on."""
    names = [sector.name for sector in scenario.sectors]
    for name in names:
        if name not in cells.demand:
            raise InputError(f"{cells.label}: the run has no sector {shown(name)}; it has {', '.join(cells.demand)}")
    for name in cells.demand:
        if name not in names:
            raise InputError(f"{cells.label}: the scenario has no sector {shown(name)} of the run")
    return np.array([cells.demand[name] for name in names])


def _digest(sectors: np.ndarray, values: np.ndarray, names: list[str], demand: np.ndarray | None) -> str:
    digest = hashlib.sha256(sectors.astype("<i8").tobytes())
    for row in values[: FIRM.id]:
        digest.update(row.astype("<f8").tobytes())
    digest.update(json.dumps(names).encode())
    if demand is not None:
        digest.update(demand.astype("<f8").tobytes())
    return digest.hexdigest()
