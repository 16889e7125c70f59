"""Factors: the parameters that a design varies, as levels or as a range, or as the columns of a file of points."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal, localcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import ArrayLike
from pydantic import PlainValidator

from abm.errors import InputError, nearest, shown
from abm.scenario.fields import CheckedModel
from abm.scenario.numerals import literal
from abm.scenario.parameters import Parameter
from abm.scenario.rules import is_function_name
from abm.simulation.table_cells import Cells, Layout
from abm.simulation.table_file import read_cells

if TYPE_CHECKING:  # pandas is slow to import and only files need it
    import pandas as pd

SCALES = ("linear", "log")
_DTYPES = {"int": np.int64, "float": np.float64, "choice": object}


def check_one_of(value: Any, name: str, allowed: tuple[str, ...]) -> str:
    """A value that is one of some words; raises InputError if it is not.

    Examples
    --------
    >>> check_one_of("log", "scale", SCALES)
    'log'
    >>> check_one_of("lgo", "scale", SCALES)
    Traceback (most recent call last):
    abm.errors.InputError: scale = 'lgo' is not linear or log (did you mean 'log'?)
    """
    if value not in allowed:
        words = f"{', '.join(allowed[:-1])} or {allowed[-1]}"
        raise InputError(f"{name} = {shown(value)} is not {words}{nearest(value, allowed)}")
    return value


class _Range(CheckedModel):
    """A range as a file has it; its ends are checked against the parameter later."""

    low: Any
    high: Any
    scale: Annotated[str, PlainValidator(lambda value: check_one_of(value, "scale", SCALES))] = "linear"


@dataclass(frozen=True)
class Factor:
    """A parameter that a design varies; made by `Factor.read`.

    Attributes
    ----------
    name : str
        A name of `Scenario.settable`.
    parameter : Parameter
        The row of `abm.scenario.parameters` for the name.
    listed : tuple
        The levels, in the order of the file; empty for a range.
    low, high : int, float or None
        The ends of a range, both included.
    scale : str
        "linear" or "log": on which scale values of the range are spaced evenly.

    Examples
    --------
    >>> from abm.scenario.parameters import MARKET
    >>> Factor.read("churn", {"low": 0.01, "high": 1, "scale": "log"}, MARKET["churn"]).levels(3)
    array([0.01, 0.1 , 1.  ])
    """

    name: str
    parameter: Parameter
    listed: tuple = ()
    low: float | None = None
    high: float | None = None
    scale: str = "linear"

    @staticmethod
    def read(name: str, given: Any, parameter: Parameter) -> "Factor":
        """The factor that a value of `[factors]` describes; raises InputError if it is not valid.

        Parameters
        ----------
        name : str
        given : list or mapping
            Levels, or a range with `low`, `high` and, optionally, `scale`.
        parameter : Parameter
            Decides which values are allowed.

        Examples
        --------
        >>> from abm.scenario.parameters import MARKET
        >>> Factor.read("steps", [100, 2e2], MARKET["steps"]).listed
        (100, 200)
        >>> Factor.read("churn", [0.1, 2], MARKET["churn"])
        Traceback (most recent call last):
        abm.errors.InputError: churn = 2 is outside (0, 1]
        """
        if isinstance(given, list | tuple):
            return Factor(name, parameter, listed=_levels(name, given, parameter))
        if isinstance(given, Mapping):
            return _range(name, given, parameter)
        raise InputError(
            f"{name} = {shown(given)} is neither a list of levels nor a range {{low = .., high = ..}}; "
            "one value for all runs belongs in [set]"
        )

    @property
    def is_range(self) -> bool:
        """Whether the factor is a range rather than a list of levels.

        Examples
        --------
        >>> from abm.scenario.parameters import MARKET
        >>> Factor.read("churn", [0.1, 0.2], MARKET["churn"]).is_range
        False
        """
        return not self.listed

    def levels(self, points: int | None = None, *, old_rounding: bool = False) -> np.ndarray:
        """The levels for a grid: those listed, or `points` values spaced evenly from end to end of the range.

        Each is the number nearest to the exact value, as one writes it: 0.3, not 0.30000000000000004. An integer range
        with fewer integers than `points` has each of them once.

        Examples
        --------
        >>> from abm.scenario.parameters import MARKET
        >>> capacity = Factor.read("capacity", {"low": 10, "high": 13}, MARKET["capacity"])
        >>> capacity.levels(3), capacity.levels(100)
        (array([10, 12, 13]), array([10, 11, 12, 13]))
        >>> Factor.read("network_effect", {"low": 0, "high": 0.9}, MARKET["network_effect"]).levels(4).tolist()
        [0.0, 0.3, 0.6, 0.9]
        """
        if self.is_range:
            return np.unique(self.at(np.linspace(0.0, 1.0, points), None if old_rounding else points - 1))
        return np.array(self.listed, dtype=_DTYPES[self.parameter.kind])

    def at(self, u: ArrayLike, parts: int | None = None) -> np.ndarray:
        """The values for numbers `u` in [0, 1]: of a list by equal bins, of a range from its low end to its high end.

        If `u` are multiples of 1 / `parts`, the values are the numbers nearest to the exact ones.

        Examples
        --------
        >>> from abm.scenario.parameters import MARKET
        >>> Factor.read("churn", [0.1, 0.2, 0.9], MARKET["churn"]).at([0, 0.5, 1])
        array([0.1, 0.2, 0.9])
        >>> Factor.read("steps", {"low": 100, "high": 201}, MARKET["steps"]).at([0, 0.5, 1])
        array([100, 151, 201])
        """
        u = np.asarray(u, dtype=np.float64)
        if not self.is_range:
            count = len(self.listed)
            return self.levels()[np.minimum(np.floor(u * count).astype(np.int64), count - 1)]
        if parts:
            multiples, which = np.unique(np.rint(u * parts).astype(np.int64), return_inverse=True)
            exact = [self._exact_value(multiple, parts) for multiple in multiples.tolist()]
            return np.array(exact, dtype=_DTYPES[self.parameter.kind])[which]
        if self.scale == "log":
            values = 10.0 ** ((1.0 - u) * np.log10(self.low) + u * np.log10(self.high))
        else:
            values = (1.0 - u) * self.low + u * self.high
        # Rounding must neither miss the ends nor leave the range.
        values = np.where(u == 0.0, self.low, np.where(u == 1.0, self.high, np.clip(values, self.low, self.high)))
        return np.floor(values + 0.5).astype(np.int64) if self.parameter.kind == "int" else values

    def _exact_value(self, multiple: int, parts: int) -> float | int:
        """The number nearest to the value at `multiple` / `parts` of the range."""
        with localcontext(prec=60):
            low, high = Decimal(repr(self.low)), Decimal(repr(self.high))
            if self.scale == "log" and 0 < multiple < parts:
                value = low * ((high / low).ln() * multiple / parts).exp()
            else:
                value = low + (high - low) * multiple / parts
            if self.parameter.kind == "int":
                return int((value + Decimal("0.5")).to_integral_value(ROUND_FLOOR))
        return float(value)


def read_points(path: Path, known: Mapping[str, Parameter]) -> "pd.DataFrame":
    """The points of a CSV or Parquet file, a row a point and a column a factor, each value checked.

    Parameters
    ----------
    path : Path
        Read in the same way as firm tables, by `abm.simulation.table_file`. A column `point`, as in a sweep's own
        points.parquet, is ignored.
    known : mapping of str to Parameter
        The names that columns may have.

    Examples
    --------
    >>> import tempfile
    >>> from abm.scenario.parameters import MARKET
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "points.csv")
    ...     _ = path.write_text("runway,steps\\ninf,1e2\\n8,50\\n")
    ...     read_points(path, MARKET)
       runway  steps
    0     inf    100
    1     8.0     50
    """
    import pandas as pd

    numbers = [name for name, parameter in known.items() if parameter.kind != "choice"]
    layout = Layout("file of points", ["point", *known], numbers, "a row a point and a column a factor")
    cells = read_cells(path, layout)
    names = [name for name in cells.columns if name != "point"]
    if not names:
        raise InputError(f"{path}: no factor; a {layout.kind} has {layout.rows}")
    columns = {}
    for name in names:
        if name in numbers:
            columns[name] = cells.numbers(name, known[name]).astype(_DTYPES[known[name].kind])
        else:
            columns[name] = _choices(cells, name, known[name])
    return pd.DataFrame({name: frame_column(values) for name, values in columns.items()})


def _choices(cells: Cells, name: str, parameter: Parameter) -> np.ndarray:
    """A column of texts, each of which is one of a parameter's choices."""
    texts = [literal(text) if text else text for text in cells.columns[name]]
    for row, text in enumerate(texts):
        if not parameter.admits(text) and not (parameter.takes_rules and is_function_name(text)):
            problem = f"column {name!r}: the value is missing; allowed is {parameter.allowed}"
            if text != "":
                try:
                    parameter.check(text, "" if name == parameter.name else f"column {name!r}")
                except InputError as refusal:
                    problem = str(refusal)
            cells.refuse(row, problem)
    return np.array(texts, dtype=object)


def frame_column(values: np.ndarray) -> "pd.Series":
    """Values as a column of a DataFrame, with the same dtype; pandas would convert texts to a dtype of its own.

    Examples
    --------
    >>> frame_column(np.array(["fixed", "imitate"], dtype=object)).dtype
    dtype('O')
    """
    import pandas as pd

    return pd.Series(values, dtype=values.dtype)


def _prefix(name: str, parameter: Parameter) -> str:
    """What to put before a message that begins with the parameter's name."""
    return "" if name == parameter.name else name


def _levels(name: str, given: list | tuple, parameter: Parameter) -> tuple:
    if not given:
        raise InputError(f"{name} is an empty list; give at least one level")
    levels = tuple(parameter.check(value, _prefix(name, parameter), whole_floats=True) for value in given)
    for number, level in enumerate(levels):
        if level in levels[:number]:
            raise InputError(f"{name}: the level {shown(level)} is there twice")
    return levels


def _range(name: str, given: Mapping[str, Any], parameter: Parameter) -> Factor:
    if parameter.kind == "choice":
        raise InputError(
            f"{name} = {shown(given)} is a range, which is for numbers; give a list of {parameter.allowed}"
        )
    try:
        checked = _Range(**given)
    except InputError as problem:
        raise InputError(f"{name}: {problem}") from None
    ends = []
    for key in ("low", "high"):
        ends.append(parameter.check(getattr(checked, key), f"{name}: {key}", whole_floats=True))
        if np.isinf(ends[-1]):
            raise InputError(f"{name}: {key} = inf is no end of a range; give a finite one, or a list of levels")
    low, high = ends
    if low >= high:
        raise InputError(f"{name}: low = {low} is not below high = {high}")
    if checked.scale == "log" and low <= 0:
        raise InputError(f"{name}: low = {low} is not above 0, as a log scale needs it")
    return Factor(name, parameter, low=low, high=high, scale=checked.scale)
