"""Firm tables: a start from data instead of draws, read from CSV, Parquet or a DataFrame.

A table is read whole and checked before anything runs. Whatever is refused raises `InputError` with one
message that names the file, the row, the column, the value and what is allowed.
"""

import codecs
import csv
import hashlib
import io
import json
import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from abm import state as at
from abm.errors import InputError
from abm.parameters import FIRM_COLUMNS, Parameter, nearest, shown
from abm.population import vacate
from abm.scenario import Scenario
from abm.state import Parameters, State, parameters_of

if TYPE_CHECKING:  # pandas and pyarrow are slow to import and only tables need them
    import pandas as pd
    import pyarrow as pa

REQUIRED = ("sector", "strategy")
IGNORED = ("id", "slot", "share")  # a run's own firms.parquet has them
COLUMNS = (*REQUIRED, "name", *FIRM_COLUMNS, *IGNORED)

# A quoted cell of a CSV and what follows it, which should be its end. The reader does not look: after a
# forgotten quote it would take the rows that follow for one text.
_QUOTED = re.compile(r'"(?<![^,\r\n]")(?:[^"]++|"")*+("?[ \t]*[^,\r\n]?)')
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
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


class _Cells(NamedTuple):
    """A table as read: texts as lists, "" for nothing; numbers as float64 arrays, or as lists, None for
    nothing, where not all are plain numbers.
    """

    label: str
    rows: int
    columns: dict[str, list | np.ndarray]
    text: str = ""  # of a CSV

    def refuse(self, row: int, problem: str) -> NoReturn:
        """Refuse the value in a row, counted from 0 here and from 1 in the message."""
        record = next(islice(_records(self.text), row + 1, None), None)  # after the header
        line = f" (line {record[0]})" if record else ""
        raise InputError(f"{self.label}: row {row + 1}{line}: {problem}")


def read_firm_table(source: "str | os.PathLike | pd.DataFrame", scenario: Scenario) -> FirmTable:
    """The firms of a table, what is missing filled in from the scenario.

    Parameters
    ----------
    source : path or DataFrame
        A file that ends in .parquet or .pq is read as Parquet, any other as CSV (UTF-8, commas). A named
        index counts as a column. Blanks around texts are dropped.
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
    cells = _read(source)
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


def _read(source: Any) -> _Cells:
    """A table from wherever it is, its columns known and each there once."""
    if not isinstance(source, str | os.PathLike):
        import pandas as pd

        if not isinstance(source, pd.DataFrame):
            raise InputError(f"firms = {shown(source)} is neither a path nor a DataFrame")
        return _from_frame(source, "firm table")
    path = Path(os.fsdecode(source))
    label = str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{label}: {error.strerror}") from None
    except ValueError as error:  # a path that no file can have
        raise InputError(f"{label!r}: {error}") from None
    if not data:
        raise InputError(f"{label}: empty; a firm table starts with the names of its columns")
    is_parquet = path.suffix.lower() in (".parquet", ".pq")
    return _from_parquet(data, label) if is_parquet else _from_csv(data, label)


def _check_names(names: list, label: str) -> list[str]:
    """The names of a table's columns without blanks around them, or a refusal."""
    names = [name.strip() if isinstance(name, str) else name for name in names]
    for place, name in enumerate(names):
        if name == "":
            raise InputError(f"{label}: column {place + 1} has no name; known are {', '.join(COLUMNS)}")
        if name not in COLUMNS:
            problem = f"unknown column {shown(name)}{nearest(name, COLUMNS)}"
            raise InputError(f"{label}: {problem}; known are {', '.join(COLUMNS)}")
        if name in names[:place]:
            raise InputError(f"{label}: column {name!r} is there twice")
    for name in REQUIRED:
        if name not in names:
            raise InputError(f"{label}: column {name!r} is missing")
    return names


def _from_frame(frame: "pd.DataFrame", label: str) -> _Cells:
    levels = [level for level, name in enumerate(frame.index.names) if name is not None]
    names = [frame.index.names[level] for level in levels] + list(frame.columns)
    series = [frame.index.get_level_values(level).to_series() for level in levels]
    series += [frame.iloc[:, place] for place in range(frame.shape[1])]
    columns = {}
    for name, column in zip(_check_names(names, label), series, strict=True):
        if name in FIRM_COLUMNS and column.dtype.kind in "iuf":
            columns[name] = column.to_numpy(dtype=np.float64, na_value=np.nan)
            continue
        cells = zip(column.tolist(), column.isna(), strict=True)
        if name in FIRM_COLUMNS:
            columns[name] = [None if missing else cell for cell, missing in cells]
        else:
            columns[name] = ["" if missing else str(cell).strip() for cell, missing in cells]
    return _Cells(label, len(frame), columns)


def _from_parquet(data: bytes, label: str) -> _Cells:
    from pyarrow import parquet

    try:
        return _from_frame(parquet.ParquetFile(io.BytesIO(data)).read().to_pandas(), label)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged file fails in the reader in more ways than can be listed
        reason = " ".join(str(error).split())
        raise InputError(f"{label}: not a readable Parquet file: {reason or type(error).__name__}") from None


def _from_csv(data: bytes, label: str) -> _Cells:
    import pyarrow as pa
    from pyarrow import compute
    from pyarrow import csv as arrow_csv

    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InputError(f"{label}: not a text file in UTF-8 (a Parquet file must end in .parquet or .pq)")
    _, header = next(_records(text), (0, []))
    if not header:
        raise InputError(f"{label}: empty; a firm table starts with the names of its columns")
    names = _check_names(header, label)
    for quoted in _QUOTED.finditer(text):
        if quoted[1].strip() != '"':
            line = text.count("\n", 0, quoted.start()) + 1
            raise InputError(f"{label}: line {line}: a quoted text does not end, or more follows its end")
    ragged: list[int] = []

    def skip(row: "arrow_csv.InvalidRow") -> str:
        if row.text.strip():
            ragged.append(row.actual_columns)
        return "skip"

    places = [str(place) for place in range(len(names))]
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(use_threads=False, column_names=places),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(places, pa.string())),
        ).slice(1)
    except pa.ArrowInvalid as error:
        raise InputError(f"{label}: not a readable CSV file: {' '.join(str(error).split())}") from None
    if ragged:
        for row, (line, cells) in enumerate(_records(text)):
            if len(cells) != len(names):
                where = f"row {row} (line {line})"
                raise InputError(f"{label}: {where} has {len(cells)} cells for {len(names)} columns")
        raise InputError(f"{label}: a row has {ragged[0]} cells for {len(names)} columns")
    columns = {}
    for name, column in zip(names, table.columns, strict=True):
        trimmed = compute.utf8_trim_whitespace(column)
        columns[name] = _parsed(trimmed) if name in FIRM_COLUMNS else trimmed.to_pylist()
    return _Cells(label, len(table), columns, text)


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of a CSV that are not blank, the header first: the number in the file, and the cells."""
    reader = csv.reader(line[0] for line in _LINE.finditer(text))
    line = 1
    try:
        for cells in reader:
            if len(cells) > 1 or "".join(cells).strip():
                yield line, cells
            line = reader.line_num + 1  # a quoted text may go over several lines
    except csv.Error:  # a cell longer than the module takes
        return


def _parsed(column: "pa.ChunkedArray") -> list | np.ndarray:
    """Texts as numbers, each the float nearest to what is written; a list if one of them is no number."""
    import pyarrow as pa
    from pyarrow import compute

    try:
        return compute.cast(column, pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return [_number(text) for text in column.to_pylist()]


def _number(text: str) -> float | str | None:
    try:
        return text if "_" in text else float(text)  # Python would take 1_000
    except ValueError:
        return text or None


def _places(cells: _Cells, name: str, known: list[str]) -> np.ndarray:
    """A column of names as places in a list of known ones."""
    places = {each: place for place, each in enumerate(known)}
    found = np.array([places.get(text, -1) for text in cells.columns[name]], dtype=np.int64)
    for row in np.flatnonzero(found < 0):
        text = cells.columns[name][row]
        problem = f"unknown {name} {shown(text)}{nearest(text, known)}" if text else f"{name} is missing"
        cells.refuse(row, f"{problem}; the scenario has {', '.join(known)}")
    return found


def _numbers(cells: _Cells, parameter: Parameter) -> np.ndarray:
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
