"""The space that is searched: design points by the ranks of their factors' values, and how many runs are cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.comparison.inputs.labels import level_text
from abm.errors import InputError, nearest
from abm.output.number_text import minus, number

if TYPE_CHECKING:
    import pandas as pd

FEW = 20  # distinct values up to which limits are printed as the values themselves


@dataclass(frozen=True, eq=False)
class Factor:
    """What varies among the points.

    Attributes
    ----------
    name : str
    values : tuple
        The distinct values: numbers in their order, words as the design names them.
    is_word : bool
        Whether the values have no order.
    is_listed : bool
        Whether limits are printed as the values themselves: words, integers, few distinct or infinite ones.
    """

    name: str
    values: tuple
    is_word: bool
    is_listed: bool

    def limit(self, first: int, last: int) -> tuple[float, float]:
        """The limits of the values from one rank to another; NaN where the range itself ends.

        Between two values of a range it is the number with fewest digits that lies strictly between them.

        Examples
        --------
        >>> Factor("churn", (0.1, 0.18, 0.2234, 0.5), False, False).limit(1, 2)
        (0.14, 0.4)
        >>> Factor("steps", (10, 20, 30), False, True).limit(1, 2)
        (20.0, nan)
        """
        if self.is_listed:
            low, high = float(self.values[first]), float(self.values[last])
        else:
            low = roundest(self.values[first - 1], self.values[first]) if first else np.nan
            high = roundest(self.values[last], self.values[last + 1]) if last + 1 < len(self.values) else np.nan
        return (low if first else np.nan), (high if last + 1 < len(self.values) else np.nan)

    def in_words(self, allowed: np.ndarray) -> str:
        """Some of the values in words.

        Parameters
        ----------
        allowed : bool array, shape (values,)

        Examples
        --------
        >>> Factor("policy", ("fixed", "imitate", "adaptive"), True, True).in_words(np.array([True, False, True]))
        'policy fixed or adaptive'
        >>> Factor("steps", (10, 20, 30), False, True).in_words(np.array([False, True, True]))
        'steps at least 20'
        >>> Factor("churn", (0.1, 0.18, 0.2234, 0.5), False, False).in_words(np.array([False, True, True, False]))
        'churn between 0.14 and 0.4'
        """
        places = np.flatnonzero(allowed)
        if self.is_word:
            texts = [level_text(self.values[index]) for index in places]
            return f"{self.name} {' or '.join([', '.join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)}"
        low, high = self.limit(places[0], places[-1])
        at_least, at_most = limit_text(low), limit_text(high)
        if self.is_listed and len(places) == 1:
            return f"{self.name} {limit_text(float(self.values[places[0]]))}"
        if low == low and high == high:
            ends = f"from {at_least} to {at_most}" if self.is_listed else f"between {at_least} and {at_most}"
            return f"{self.name} {ends}"
        if low == low:
            return f"{self.name} {'at least' if self.is_listed else 'above'} {at_least}"
        return f"{self.name} {'at most' if self.is_listed else 'below'} {at_most}"


@dataclass(frozen=True, eq=False)
class Space:
    """Design points, each once.

    Attributes
    ----------
    factors : tuple of Factor
        Those that vary.
    codes : int64 array, shape (points, factors)
        Of each point the indices of its values in `Factor.values`.
    cases, runs : int64 array, shape (points,)
        How many runs of the point meet the condition, and how many there are of which that is known.
    """

    factors: tuple[Factor, ...]
    codes: np.ndarray
    cases: np.ndarray
    runs: np.ndarray

    @property
    def whole(self) -> list[np.ndarray]:
        """The box that holds all: of each factor which values are in it."""
        return [np.ones(len(factor.values), dtype=bool) for factor in self.factors]

    @property
    def density(self) -> float:
        """Share of all runs that are cases."""
        return float(self.cases.sum() / self.runs.sum())


def space_of(rows: "pd.DataFrame", order: dict[str, Sequence[Any]], met: np.ndarray, known: np.ndarray) -> Space:
    """The space of some runs: runs with the same values of all factors are one point.

    Parameters
    ----------
    rows : DataFrame
        A row a run, a column a factor.
    order : dict
        Of each factor of words its words in the order in which they are named.
    met, known : bool array, shape (rows,)
        Whether the run is a case, and whether that is known.
    """
    factors, codes = [], []
    for name in rows:
        factor, places = _factor(rows[name], order.get(name, ()))
        if len(factor.values) > 1:
            factors.append(factor)
            codes.append(places)
    together = np.array(codes, dtype=np.int64).reshape(len(codes), len(rows)).T
    points, of_row = np.unique(together, axis=0, return_inverse=True)
    count = len(points)
    cases, runs = (np.bincount(of_row.ravel(), weights, count).astype(np.int64) for weights in (met & known, known))
    kept = runs > 0
    return Space(tuple(factors), points[kept], cases[kept], runs[kept])


def chosen_factors(known: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The factors that are searched: all of them by default.

    Examples
    --------
    >>> chosen_factors(["churn", "k1"], ["k1"])
    ['k1']
    """
    for name in wanted:
        if name not in known:
            raise InputError(f"unknown factor {name!r}{nearest(name, known)}")
    return [name for name in known if name in wanted] if wanted else list(known)


def roundest(low: float, high: float) -> float:
    """The number with fewest digits strictly between two, their middle where there is none.

    Examples
    --------
    >>> roundest(0.92871, 0.93412), roundest(199.0, 201.0), roundest(-1e-9, 1e-9)
    (0.93, 200.0, 0.0)
    """
    middle = low / 2.0 + high / 2.0
    for digits in range(1, 18):
        found = float(f"{middle:.{digits}g}")
        if low < found < high:
            return found
    return middle


def limit_text(value: float) -> str:
    """A limit in words: as it is where it has few digits, else to three.

    Examples
    --------
    >>> limit_text(0.1234), limit_text(2500.0), limit_text(float("inf")), limit_text(1 / 3)
    ('0.1234', '2,500', 'inf', '0.333')
    """
    exact = f"{value:,.6g}"
    return minus(exact) if float(exact.replace(",", "")) == value else number(value)


def _factor(column: "pd.Series", order: Sequence[Any]) -> tuple[Factor, np.ndarray]:
    """A factor, and the index of each row's value among its values."""
    import pandas as pd

    name = str(column.name)
    if column.isna().any():
        raise InputError(f"{name}: {int(column.isna().sum()):,} rows have no value of this factor")
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        plain = column.to_numpy()
        values, places = np.unique(plain, return_inverse=True)
        is_listed = plain.dtype.kind in "iu" or len(values) <= FEW or not np.isfinite(values).all()
        return Factor(name, tuple(values.tolist()), False, is_listed), places
    plain = np.asarray(column, dtype=object)
    named = {value: index for index, value in enumerate(order)}
    values = sorted(set(plain.tolist()), key=lambda value: (named.get(value, len(named)), str(value)))
    index = {value: number for number, value in enumerate(values)}
    return Factor(name, tuple(values), True, True), np.array([index[value] for value in plain], dtype=np.int64)
