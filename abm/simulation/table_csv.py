"""Tables as users write them in CSV.

A CSV may have commas, semicolons, tabs or bars between its cells, a byte order mark, any line ends, UTF-8 or
UTF-16 letters, a column of row numbers without a name and, where it is not the comma that separates, decimal commas.
"""

import codecs
import re
from typing import TYPE_CHECKING

import numpy as np

from abm.errors import InputError
from abm.scenario.numerals import has_decimal_comma, literal, may_be_thousands
from abm.simulation.table_cells import UNNAMED, Cells, Layout, counts_rows, records

if TYPE_CHECKING:  # pyarrow is slow to import and only tables need it
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None", "<NA>")
_ENCODINGS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_csv(data: bytes, label: str, layout: Layout) -> Cells:
    """The cells of a CSV; `label` is the file's name in messages."""
    text, separator = _separated(_decoded(data, label), layout)
    _, header = next(records(text, separator), (0, []))
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
        if name not in UNNAMED or not (_is_empty(columns[place]) or counts_rows(columns[place].to_pylist()))
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
        _, header = next(records(text, separator), (0, []))
        return sum(name.strip() in layout.columns for name in header)

    counts = {separator: known(separator) for separator in SEPARATORS}
    best = max(counts, key=counts.__getitem__)  # the comma where none is better
    if not counts[best]:  # a header of unknown names: what cuts it most
        _, header = next(records(text, "\0"), (0, [""]))
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
        for row, (line, cells) in enumerate(records(text, separator)):
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
