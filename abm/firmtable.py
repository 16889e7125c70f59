"""Firm tables: a start from data instead of draws.

A table is read whole (`abm.firmfile`) and checked before anything runs. Whatever is refused raises `InputError` with
one message that names the file, the row, the column, the value and what is allowed.
"""

import hashlib
import json
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from abm import state as at
from abm.errors import InputError, nearest, shown
from abm.firmfile import Cells, read_cells
from abm.parameters import FIRM_COLUMNS, Parameter
from abm.population import vacate
from abm.scenario import Scenario
from abm.state import Parameters, State, parameters_of

if TYPE_CHECKING:  # slow to import
    import pandas as pd

_SURROGATE = re.compile("[\ud800-\udfff]")  # halves of a character, which no file can hold


class FirmTable(NamedTuple):
    """The initial firms, in the order of their ids.

    Attributes
    ----------
    sectors : int64 array, shape (firms,)
        Each firm's sector by its place in the scenario.
    values : float64 array, shape (27, firms)
        The rows of `abm.state.State.firms`.
    names : list of str
        Empty where a firm has no name.
    digest : str
        SHA-256 of all the above: equal for equal content, whatever the file's format.
    """

    sectors: np.ndarray
    values: np.ndarray
    names: list[str]
    digest: str


def read_firm_table(source: "str | os.PathLike | pd.DataFrame | Cells", scenario: Scenario) -> FirmTable:
    """The firms of a table, what is missing filled in from the scenario.

    Parameters
    ----------
    source : path, DataFrame or Cells
        A file that ends in .parquet or .pq is read as Parquet, any other as CSV (UTF-8, commas). A named
        index counts as a column. Blanks around texts are dropped. What `abm.firmfile.read_cells` gives can be used
        for many scenarios.
    scenario : Scenario
        What the table starts; it need not have room for the firms yet.

    Examples
    --------
    >>> import pandas as pd
    >>> firms = pd.DataFrame({"sector": "market", "strategy": "balanced", "T0": [1.0, 2.0]})
    >>> table = read_firm_table(firms, Scenario(initial_momentum=0.5))
    >>> table.values[at.T], table.values[at.B]
    (array([1.5, 3. ]), array([1., 1.]))
    >>> read_firm_table(firms.assign(k1=[0.9, -1]), Scenario())
    Traceback (most recent call last):
    abm.errors.InputError: firm table: row 2: k1 = -1.0 is outside [0, 1e6]
    """
    cells = source if isinstance(source, Cells) else read_cells(source)
    if not cells.rows:
        raise InputError(f"{cells.label}: no rows; a firm table has a row a firm")
    sectors = _places(cells, "sector", [sector.name for sector in scenario.sectors])
    strategies = _places(cells, "strategy", [strategy.name for strategy in scenario.strategies])
    given = {name: _numbers(cells, FIRM_COLUMNS[name]) for name in FIRM_COLUMNS if name in cells.columns}
    names = cells.columns.get("name", [""] * cells.rows)
    for row, name in enumerate(names):
        if not name.isascii() and _SURROGATE.search(name):
            cells.refuse(row, f"name = {shown(name)} holds half of a character and cannot be written")
    if not np.isinf(scenario.runway):
        for row in np.flatnonzero(np.isinf(given.get("F", 0.0))):
            cells.refuse(row, f"F = inf is allowed only where the runway is inf; it is {scenario.runway}")
    values = _values(given, sectors, strategies, parameters_of(_scenario_for(scenario, cells.rows)))
    return FirmTable(sectors, values, names, _digest(sectors, values, names))


def scenario_for(scenario: Scenario, table: FirmTable) -> Scenario:
    """A scenario with the firms of a table, room for them, and a market of their number unless one is set.

    Examples
    --------
    >>> import pandas as pd
    >>> firms = pd.DataFrame({"sector": ["market"] * 3, "strategy": "balanced"})
    >>> scenario = scenario_for(Scenario(capacity=2), read_firm_table(firms, Scenario()))
    >>> scenario.initial_firms, scenario.capacity, scenario.market_size
    (3, 3, 3.0)
    """
    return _scenario_for(scenario, len(table.sectors))


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
        Slots of each sector, as `abm.state.layout_for` gives them.

    Examples
    --------
    >>> import pandas as pd
    >>> scenario = Scenario(capacity=4, sectors=[{"name": name, "demand_share": 1} for name in ("a", "b")])
    >>> firms = pd.DataFrame({"sector": ["b", "a", "b"], "strategy": "balanced"})
    >>> table = read_firm_table(firms, scenario)
    >>> scenario = scenario_for(scenario, table)
    >>> layout = at.layout_for(np.bincount(table.sectors, minlength=2), scenario)
    >>> state = at.allocate(layout, sums=0, lives=0)
    >>> place_table(state, parameters_of(scenario), table, layout.slots)
    >>> state.firms[at.ID]
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
    state.sectors[:, at.DEMAND] = parameters.sectors[:, at.START_DEMAND]
    state.counters[[at.NEXT_ID, at.INITIAL_FIRMS]] = len(by_sector)


def _scenario_for(scenario: Scenario, rows: int) -> Scenario:
    # A market size that is not set follows initial_firms by itself.
    return scenario.replace(initial_firms=rows, capacity=max(scenario.capacity, rows))


def _values(
    given: dict[str, np.ndarray], sectors: np.ndarray, strategies: np.ndarray, parameters: Parameters
) -> np.ndarray:
    """Rows of `State.firms`: given values, and what a draw without noise would give for the others."""
    count = len(sectors)
    market = parameters.market
    of_sector, of_strategy = parameters.sectors[sectors], parameters.strategies[strategies]
    momentum, runway = 1.0 + market[at.INITIAL_MOMENTUM], market[at.RUNWAY]
    firms_of = np.bincount(sectors)
    values = np.zeros((at.FIRM_ROWS, count))

    def fill(row: int, name: str, default: Any) -> np.ndarray:
        values[row] = given.get(name, default)
        return values[row]

    t0 = fill(at.T0, "T0", market[at.MEDIAN_T0])
    c0 = fill(at.C0, "C0", market[at.MEDIAN_C0])
    r0 = fill(at.R0, "R0", market[at.MEDIAN_R0])
    fill(at.K1, "k1", market[at.MEDIAN_K1])
    fill(at.K2, "k2", market[at.MEDIAN_K2])
    fill(at.K3, "k3", market[at.MEDIAN_K3] * of_sector[:, at.MONETISATION])
    technology = fill(at.T, "T", np.maximum(t0 * momentum, at.STATE_FLOOR))
    fill(at.Q, "Q", technology)
    fill(at.C, "C", np.maximum(c0 * momentum, at.STATE_FLOOR))
    realised = fill(at.R, "R", r0 * momentum)
    for row, name in ((at.P, "P"), (at.R_SMOOTHED, "R_smoothed"), (at.R_REVIEWED, "R_reviewed")):
        fill(row, name, realised)
    customers = fill(at.B, "B", of_sector[:, at.START_DEMAND] / firms_of[sectors])
    np.maximum(customers, at.CUSTOMER_FLOOR, out=customers)
    values[at.F] = runway if np.isinf(runway) else given.get("F", runway)
    fill(at.THETA, "theta", of_strategy[:, at.TECHNOLOGY_WEIGHT])
    fill(at.OMEGA, "omega", of_strategy[:, at.OPTIMISATION_WEIGHT])
    fill(at.AGE, "age", 0.0)
    fill(at.DIRECTION, "direction", 1.0)
    values[at.STRATEGY] = strategies
    values[at.ID] = np.arange(count)
    return values


def _digest(sectors: np.ndarray, values: np.ndarray, names: list[str]) -> str:
    digest = hashlib.sha256(sectors.astype("<i8").tobytes())
    for row in values[: at.ID]:
        digest.update(row.astype("<f8").tobytes())
    digest.update(json.dumps(names).encode())
    return digest.hexdigest()


def _places(cells: Cells, name: str, known: list[str]) -> np.ndarray:
    """A column of names as places in a list of known ones."""
    places = {each: place for place, each in enumerate(known)}
    found = np.array([places.get(text, -1) for text in cells.columns[name]], dtype=np.int64)
    for row in np.flatnonzero(found < 0):
        text = cells.columns[name][row]
        problem = f"unknown {name} {shown(text)}{nearest(text, known)}" if text else f"{name} is missing"
        cells.refuse(row, f"{problem}; the scenario has {', '.join(known)}")
    return found


def _numbers(cells: Cells, parameter: Parameter) -> np.ndarray:
    """A column of numbers, each in its range."""
    column = cells.columns[parameter.name]
    if isinstance(column, list):
        suspects = range(len(column))
    else:
        good = parameter.admits(column)
        if parameter.kind == "int":
            good &= column == np.floor(column)
        suspects = np.flatnonzero(~good)[:1]
    for row in suspects:
        cell = column[row]
        if cell is None or (isinstance(cell, float) and np.isnan(cell)):
            cells.refuse(row, f"{parameter.name} is missing or nan; allowed is {parameter.allowed}")
        try:
            parameter.check(cell, whole_floats=True)
        except InputError as problem:
            cells.refuse(row, str(problem))
    return np.asarray(column, dtype=np.float64) + 0.0  # makes -0.0 a plain zero, for the digest
