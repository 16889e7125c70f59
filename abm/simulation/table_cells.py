"""The content of a user's table once it is read, and where in the file a refused cell stands."""

import csv
import re
from collections.abc import Collection, Iterator
from itertools import islice
from typing import NamedTuple, NoReturn

import numpy as np

from abm.errors import InputError, nearest, shown
from abm.scenario.fields import composed
from abm.scenario.numerals import hint
from abm.scenario.parameters import Parameter

UNNAMED = ("", "Unnamed: 0")  # as pandas names a column without a name
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")


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
        record = next(islice(records(self.text, self.separator), row + 1, None), None)  # after the header
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

    def places(self, name: str, known: list[str]) -> np.ndarray:
        """A column of names as indices into a list of known ones."""
        index = {each: place for place, each in enumerate(known)}
        found = np.array([index.get(composed(text), -1) for text in self.columns[name]], dtype=np.int64)
        for row in np.flatnonzero(found < 0):
            text = self.columns[name][row]
            problem = f"unknown {name} {shown(text)}{nearest(text, known)}" if text else f"{name} is missing"
            self.refuse(row, f"{problem}; the scenario has {', '.join(known)}")
        return found


def counts_rows(cells: list) -> bool:
    """Whether a column counts the rows from 0 or from 1, as pandas and R write them unasked."""
    return any([str(cell) for cell in cells] == [str(row + first) for row in range(len(cells))] for first in (0, 1))


def records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
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
