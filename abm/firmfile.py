"""Firm tables as they are written: CSV, Parquet or a DataFrame, read into columns of texts and numbers.

What the cells mean for a scenario is `abm.firmtable`'s. Whatever is refused raises `InputError` with one message
that names the file, the row and the column.
"""

import codecs
import csv
import io
import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from abm.errors import InputError, nearest, shown
from abm.parameters import FIRM_COLUMNS

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


class Cells(NamedTuple):
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


def read_cells(source: Any) -> Cells:
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


def _from_frame(frame: "pd.DataFrame", label: str) -> Cells:
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
    return Cells(label, len(frame), columns)


def _from_parquet(data: bytes, label: str) -> Cells:
    from pyarrow import parquet

    try:
        return _from_frame(parquet.ParquetFile(io.BytesIO(data)).read().to_pandas(), label)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged file fails in the reader in more ways than can be listed
        reason = " ".join(str(error).split())
        raise InputError(f"{label}: not a readable Parquet file: {reason or type(error).__name__}") from None


def _from_csv(data: bytes, label: str) -> Cells:
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
    return Cells(label, len(table), columns, text)


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
