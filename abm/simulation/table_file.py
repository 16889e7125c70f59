"""Tables as users write them: CSV, Parquet or a DataFrame, read into columns of texts and numbers.

What the columns and cells mean is the caller's: `abm.simulation.firm_table` for firms, `abm.sweeps.design.factors` for
points. A CSV may have commas, semicolons, tabs or bars between its cells, a byte order mark, any line ends, UTF-8 or
UTF-16 letters, a column of row numbers without a name and, where it is not the comma that separates, decimal commas.
Whatever is refused raises `InputError` with one message that names the file, the row and the column.
"""

import codecs
import csv
import io
import json
import os
import re
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from abm.errors import InputError, nearest, shown
from abm.scenario.numerals import has_decimal_comma, hint, literal, may_be_thousands
from abm.scenario.parameters import Parameter

if TYPE_CHECKING:  # pandas and pyarrow are slow to import and only tables need them
    import pandas as pd
    import pyarrow as pa

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
DEMAND = b"abm.demand"  # in the metadata of a Parquet file
UNNAMED = ("", "Unnamed: 0")  # as pandas names a column without a name
MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None", "<NA>")
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_ENCODINGS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class Layout(NamedTuple):
    """What a kind of table may hold.

    Attributes
    ----------
    kind : str
        What a user calls it.
    columns : collection of str
        The names that a column may have.
    numbers : collection of str
        Those whose cells are numbers.
    required : collection of str
        Those that must be there.
    rows : str
        What its rows are, for a message.
    list_columns : bool
        Whether a message lists the known names.
    """

    kind: str
    columns: Collection[str]
    numbers: Collection[str]
    rows: str
    required: Collection[str] = ()
    list_columns: bool = False

    def check(self, names: list, label: str) -> None:
        """Refuse names of columns that are unknown, missing or there twice."""
        known = f"; known are {', '.join(self.columns)}" if self.list_columns else ""
        for place, name in enumerate(names):
            if name == "":
                raise InputError(
                    f"{label}: column {place + 1} has no name (is it an index? write the table without it){known}"
                )
            if name not in self.columns:
                raise InputError(f"{label}: unknown column {shown(name)}{nearest(name, self.columns)}{known}")
            if name in names[:place]:
                raise InputError(f"{label}: column {name!r} is there twice")
        for name in self.required:
            if name not in names:
                raise InputError(f"{label}: column {name!r} is missing")


class Cells(NamedTuple):
    """A table as read: texts as lists, "" for nothing; numbers as float64 arrays, or as lists, None for
    nothing, where not all are plain numbers.
    """

    label: str
    rows: int
    columns: dict[str, list | np.ndarray]
    text: str = ""  # of a CSV
    separator: str = ","
    demand: dict[str, float] | None = None  # by sector, of a run that goes on

    def refuse(self, row: int, problem: str) -> NoReturn:
        """Refuse the value in a row, counted from 0 here and from 1 in the message."""
        record = next(islice(_records(self.text, self.separator), row + 1, None), None)  # after the header
        line = f" (line {record[0]})" if record else ""
        raise InputError(f"{self.label}: row {row + 1}{line}: {problem}")

    def numbers(self, name: str, parameter: Parameter) -> np.ndarray:
        """A column of numbers, each in its parameter's range."""
        column = self.columns[name]
        if isinstance(column, list):
            suspects = range(len(column))
        else:
            good = parameter.admits(column)
            if parameter.kind == "int":
                good &= column == np.floor(column)
            suspects = np.flatnonzero(~good)[:1]
        where = "" if name == parameter.name else f"column {name!r}"
        for row in suspects:
            cell = column[row]
            if cell is None or (isinstance(cell, float) and np.isnan(cell)):
                self.refuse(row, f"{name} is missing or nan; allowed is {parameter.allowed}")
            try:
                parameter.check(cell, where, whole_floats=True)
            except InputError as problem:
                self.refuse(row, f"{problem}{hint(cell) if isinstance(cell, str) else ''}")
        return np.asarray(column, dtype=np.float64) + 0.0  # makes -0.0 a plain zero


def read_cells(source: Any, layout: Layout, data: bytes | None = None) -> Cells:
    """A table from wherever it is, its columns known and each there once.

    Parameters
    ----------
    source : path or DataFrame
        A file that ends in .parquet or .pq is read as Parquet, any other as CSV. A named index counts as a column.
    layout : Layout
        What the table may hold.
    data : bytes, optional
        The content of the path, as Parquet, where it is no file.

    Examples
    --------
    >>> import pandas as pd
    >>> cells = read_cells(pd.DataFrame({"x": [1, 2]}), Layout("table of x", ["x"], ["x"], rows="a row"))
    >>> cells.columns["x"]
    array([1., 2.])
    """
    if not isinstance(source, str | os.PathLike):
        import pandas as pd

        if not isinstance(source, pd.DataFrame):
            raise InputError(f"firms = {shown(source)} is neither a path nor a DataFrame")
        return _from_frame(source, layout.kind, layout)
    path = Path(os.fsdecode(source))
    label = str(path)
    if data is not None:
        return _from_parquet(data, label, layout)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{label}: {error.strerror}") from None
    except ValueError as error:  # a path that no file can have
        raise InputError(f"{label!r}: {error}") from None
    if not data:
        raise InputError(f"{label}: empty; a {layout.kind} starts with the names of its columns")
    is_parquet = path.suffix.lower() in (".parquet", ".pq")
    return _from_parquet(data, label, layout) if is_parquet else _from_csv(data, label, layout)


# --- Parquet and DataFrames ---------------------------------------------------------------------------


def _from_frame(frame: "pd.DataFrame", label: str, layout: Layout) -> Cells:
    levels = [level for level, name in enumerate(frame.index.names) if name is not None]
    names = [frame.index.names[level] for level in levels] + list(frame.columns)
    names = [name.strip() if isinstance(name, str) else name for name in names]
    series = [frame.index.get_level_values(level).to_series() for level in levels]
    series += [frame.iloc[:, place] for place in range(frame.shape[1])]
    kept = [
        place
        for place, (name, column) in enumerate(zip(names, series, strict=True))
        if name not in UNNAMED or not _counts_rows(column.tolist())
    ]
    names, series = [names[place] for place in kept], [series[place] for place in kept]
    layout.check(names, label)
    columns = {}
    for name, column in zip(names, series, strict=True):
        if name in layout.numbers and column.dtype.kind in "iuf":
            columns[name] = column.to_numpy(dtype=np.float64, na_value=np.nan)
            continue
        cells = zip(column.tolist(), column.isna(), strict=True)
        if name in layout.numbers:
            columns[name] = [None if missing else cell for cell, missing in cells]
        else:
            columns[name] = ["" if missing else str(cell).strip() for cell, missing in cells]
    return Cells(label, len(frame), columns)


def _from_parquet(data: bytes, label: str, layout: Layout) -> Cells:
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(io.BytesIO(data)).read()
        cells = _from_frame(table.to_pandas(), label, layout)
        told = (table.schema.metadata or {}).get(DEMAND)
        return cells._replace(demand=json.loads(told)) if told else cells
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged file fails in the reader in more ways than can be listed
        reason = " ".join(str(error).split())
        raise InputError(f"{label}: not a readable Parquet file: {reason or type(error).__name__}") from None


def _counts_rows(cells: list) -> bool:
    """Whether a column counts the rows from 0 or from 1, as pandas and R write them unasked."""
    return any([str(cell) for cell in cells] == [str(row + first) for row in range(len(cells))] for first in (0, 1))


# --- CSV ----------------------------------------------------------------------------------------------


def _from_csv(data: bytes, label: str, layout: Layout) -> Cells:
    text, separator = _separated(_decoded(data, label), layout)
    _, header = next(_records(text, separator), (0, []))
    if not header:
        raise InputError(f"{label}: empty; a {layout.kind} starts with the names of its columns")
    names = [name.strip() for name in header]
    words = [word.strip("\"'") for word in " ".join(names).split()]
    if len(names) == 1 and len(words) > 1 and set(words) & set(layout.columns):
        raise InputError(f"{label}: columns are separated by blanks; separate them by commas")
    _check_quotes(text, separator, label)
    layout.check([name for name in names if name not in UNNAMED or name in layout.columns], label)
    columns = _read_arrow(text, separator, len(names), label)
    kept = [
        place
        for place, name in enumerate(names)
        if name not in UNNAMED or not (_is_empty(columns[place]) or _counts_rows(columns[place].to_pylist()))
    ]
    names, columns = [names[place] for place in kept], [columns[place] for place in kept]
    layout.check(names, label)
    by_name = dict(zip(names, columns, strict=True))
    table = Cells(label, len(columns[0]) if columns else 0, by_name, text, separator)
    numbers = [name for name in names if name in layout.numbers]
    if separator != ",":
        _take_decimal_commas(table, numbers)
    by_name |= {name: _parsed(by_name[name]) if name in numbers else by_name[name].to_pylist() for name in names}
    return table


def _is_empty(column: "pa.ChunkedArray") -> bool:
    return not any(column.to_pylist())


def _decoded(data: bytes, label: str) -> str:
    encoding = next((name for mark, name in _ENCODINGS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        letters = f" (line {line} holds the byte 0x{data[problem.start]:02x})" if encoding == "utf-8" else ""
        text, why = "\0", letters
    else:
        why = ""
    if "\0" in text:
        if data.startswith(b"PK"):
            why = " but a workbook; save it as CSV"
        elif data.count(0) > len(data) // 4:
            why = " (is it UTF-16 or UTF-32 without its mark?)"
        elif not why or data.startswith(b"PAR1"):
            why = " (a Parquet file must end in .parquet or .pq)"
        raise InputError(f"{label}: not a text file in UTF-8{why}")
    return text


def _separated(text: str, layout: Layout) -> tuple[str, str]:
    """The text, and what separates its cells: the mark by which most of the header's names are known."""
    if told := re.match(r"sep=([,;\t|])\r?\n", text):  # for spreadsheets
        return text[: told.start()] + text[told.end() :], told[1]

    def known(separator: str) -> int:
        _, header = next(_records(text, separator), (0, []))
        return sum(name.strip() in layout.columns for name in header)

    counts = {separator: known(separator) for separator in SEPARATORS}
    best = max(counts, key=counts.__getitem__)  # the comma where none is better
    if not counts[best]:  # a header of unknown names: what cuts it most
        _, header = next(_records(text, "\0"), (0, [""]))
        best = max(SEPARATORS, key="".join(header).count)
    return text, best


def _check_quotes(text: str, separator: str, label: str) -> None:
    # A quoted cell and what follows it, which should be its end. The reader does not look: after a forgotten
    # quote it would take the rows that follow for one text.
    mark = re.escape(separator)
    quoted_cells = re.compile(rf'"(?<![^{mark}\r\n]")(?:[^"]++|"")*+("?[ \t]*[^{mark}\r\n]?)')
    for quoted in quoted_cells.finditer(text):
        if quoted[1].strip() != '"':
            line = text.count("\n", 0, quoted.start()) + 1
            raise InputError(f"{label}: line {line}: a quoted text does not end, or more follows its end")


def _read_arrow(text: str, separator: str, count: int, label: str) -> "list[pa.ChunkedArray]":
    """The cells below the header, column by column, without blanks around them and without empty rows."""
    import pyarrow as pa
    from pyarrow import compute
    from pyarrow import csv as arrow_csv

    ragged: list[int] = []

    def skip(row: "arrow_csv.InvalidRow") -> str:
        if row.text.strip(f"{separator} \t"):
            ragged.append(row.actual_columns)
        return "skip"

    places = [str(place) for place in range(count)]
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(text.encode()),
            read_options=arrow_csv.ReadOptions(use_threads=False, column_names=places),
            parse_options=arrow_csv.ParseOptions(
                delimiter=separator, newlines_in_values=True, invalid_row_handler=skip
            ),
            convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(places, pa.string())),
        ).slice(1)
    except pa.ArrowInvalid as error:
        raise InputError(f"{label}: not a readable CSV file: {' '.join(str(error).split())}") from None
    if ragged:
        for row, (line, cells) in enumerate(_records(text, separator)):
            if len(cells) != count:
                problem = f"row {row} (line {line}) has {len(cells)} cells for {count} columns"
                if len(cells) > count and not "".join(cells[count:]).strip():
                    problem += " (a separator too many at its end?)"
                elif len(cells) > count:
                    problem += " (a decimal comma, a thousands separator, or a first column without a name?)"
                raise InputError(f"{label}: {problem}")
        raise InputError(f"{label}: a row has {ragged[0]} cells for {count} columns")
    columns = [compute.utf8_trim_whitespace(column) for column in table.columns]
    filled = None
    for column in columns:
        has = compute.not_equal(column, "")
        filled = has if filled is None else compute.or_(filled, has)
    return [compute.filter(column, filled) for column in columns]


def _records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of a CSV that are not blank, the header first: the number in the file, and the cells."""
    reader = csv.reader((line[0] for line in _LINE.finditer(text)), delimiter=separator)
    line = 1
    try:
        for cells in reader:
            if "".join(cells).strip():
                yield line, cells
            line = reader.line_num + 1  # a quoted text may go over several lines
    except csv.Error:  # a cell longer than the module takes
        return


def _take_decimal_commas(table: Cells, numbers: list[str]) -> None:
    """Read commas in numbers as decimal points, in a table that has them; refuse what may be thousands."""
    from pyarrow import compute

    cells = {name: table.columns[name].to_pylist() for name in numbers}
    for mark in ",.":
        marked = [(name, row, cell) for name in cells for row, cell in enumerate(cells[name]) if mark in cell]
        if marked and all(may_be_thousands(cell) for _, _, cell in marked):
            name, row, cell = marked[0]
            table.refuse(
                row, f"{name} = {cell!r} may be thousands or a decimal number; write 1234.5, and commas between"
            )
    if not any(has_decimal_comma(cell) for column in cells.values() for cell in column):
        return
    for name, column in cells.items():
        for row, cell in enumerate(column):
            if "." in cell:
                table.refuse(row, f"{name} = {cell!r} has a point where other numbers have a decimal comma")
        table.columns[name] = compute.replace_substring(table.columns[name], ",", ".", max_replacements=1)


def _parsed(texts: "pa.ChunkedArray") -> list | np.ndarray:
    """Texts as numbers, each the float nearest to what is written; a list if one of them is no number."""
    import pyarrow as pa
    from pyarrow import compute

    try:
        return compute.cast(texts, pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return [_number(text) for text in texts.to_pylist()]


def _number(text: str) -> float | str | None:
    if text in MISSING:
        return None
    value = literal(text)
    return value if type(value) in (int, float) else text
