"""The sections of a design's file, each checked by itself: what it may hold, and which place a refusal names."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

from abm.errors import InputError, nearest, shown
from abm.scenario.fields import composed
from abm.scenario.parameters import Parameter
from abm.simulation.simulate import LEVELS, check_count, check_seed
from abm.sweeps.design.factors import Factor, check_one_of
from abm.sweeps.design.samples import SAMPLES, rows_of

METHODS = ("grid", "list", *SAMPLES)
MOST = 10_000_000  # of points, replications and whatever else is counted

# What `points` counts.
_POINTS = {
    "grid": "levels of a range",
    "latin": "points",
    "sobol": "points",
    "morris": "trajectories",
    "saltelli": "base samples",
}


@dataclass(frozen=True)
class Replications:
    """How often each point is run, from which seed, and whether with the same random numbers at every point.

    Examples
    --------
    >>> Replications()
    Replications(count=10, seed=0, common=True)
    """

    count: int = 10
    seed: int = 0
    common: bool = True

    def __post_init__(self) -> None:
        _check_count(self.count, "count", least=1)
        check_seed(self.seed)
        _check_flag(self.common, "common")


@dataclass(frozen=True)
class Collect:
    """What is kept of each run: the level of its measures, which steps, and its tables.

    `steps` is "none", "all", or N for each Nth; the other keys are those of a single run.

    Examples
    --------
    >>> Collect().every, Collect(steps="all").every, Collect(steps=10).every
    (0, 1, 10)
    """

    level: str = "light"
    steps: str | int = "none"
    lives: bool = False
    firms: bool = False
    panel: int = 0

    def __post_init__(self) -> None:
        check_one_of(self.level, "level", LEVELS)
        if isinstance(self.steps, str) and self.steps not in ("none", "all"):
            hint = nearest(self.steps, ("none", "all"))
            raise InputError(f"steps = {shown(self.steps)} is not none, all or an integer of at least 1{hint}")
        if not isinstance(self.steps, str):
            _check_count(self.steps, "steps", least=1)
        _check_flag(self.lives, "lives")
        _check_flag(self.firms, "firms")
        _check_count(self.panel, "panel")

    @property
    def every(self) -> int:
        """Each which step is kept; 0 for none.

        Examples
        --------
        >>> Collect(steps=5).every
        5
        """
        return {"none": 0, "all": 1}.get(self.steps, self.steps)


@dataclass(frozen=True)
class Sampling:
    """How the points are chosen: the section `[design]`.

    Examples
    --------
    >>> Sampling(method="sobol", points=64).seed
    0
    >>> Sampling(method="sobl")
    Traceback (most recent call last):
    abm.errors.InputError: method = 'sobl' is not grid, list, latin, sobol, morris or saltelli (did you mean 'sobol'?)
    """

    method: str = "grid"
    points: int | None = None
    seed: int = 0
    file: str | None = None

    def __post_init__(self) -> None:
        check_one_of(self.method, "method", METHODS)
        if self.points is not None:
            _check_count(self.points, "points", least=1)
        check_seed(self.seed)
        if self.file is not None and not isinstance(self.file, str):
            raise InputError(f"file = {shown(self.file)} is not the path of a CSV or Parquet file")
        if self.method == "list" and self.file is None:
            raise InputError('file is missing: method = "list" reads its points from a CSV or Parquet file')
        if self.method != "list" and self.file is not None:
            raise InputError(f'file = {shown(self.file)} is for method = "list" only')

    def check_points(self, factors: Sequence[Factor]) -> None:
        """Refuse points where they mean nothing, none where they are needed, and too many.

        Examples
        --------
        >>> Sampling(points=3).check_points([])
        Traceback (most recent call last):
        abm.errors.InputError: points = 3 means nothing for method = "grid" without a range
        """
        is_sample = self.method in SAMPLES
        if is_sample and not factors:
            raise InputError(f'method = "{self.method}" needs [factors]')
        needed = is_sample or any(factor.is_range for factor in factors)
        if needed and self.points is None:
            meaning = _POINTS[self.method]
            raise InputError(f'points is missing: method = "{self.method}" needs the number of {meaning}')
        if not needed and self.points is not None:
            raise InputError(f'points = {self.points} means nothing for method = "{self.method}" without a range')
        if needed and not is_sample and self.points < 2:
            raise InputError(f"points = {self.points} is below 2, the two ends of a range")
        if self.method == "list":
            return
        if is_sample:
            rows = rows_of(self.method, len(factors), self.points)
        else:
            rows = math.prod(self.points if factor.is_range else len(factor.listed) for factor in factors)
        if rows > MOST:
            raise InputError(f"the design has {shown(rows)} points; at most {MOST} are allowed")


@contextmanager
def within(place: str) -> Iterator[None]:
    """Put a place before the message of a refusal.

    Examples
    --------
    >>> with within("[collect]"):
    ...     Collect(panel=-1)
    Traceback (most recent call last):
    abm.errors.InputError: [collect] panel = -1 is not an integer of at least 0
    """
    try:
        yield
    except InputError as problem:
        raise InputError(f"{place} {problem}") from None


def table_of(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A section of a file, empty if it is not there.

    Examples
    --------
    >>> table_of({"set": {"steps": 40}}, "set"), table_of({}, "set")
    ({'steps': 40}, {})
    """
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise InputError(f"is {shown(table)}, not a table of keys and values")
    return table


def keys_of(kind: type) -> list[str]:
    """The keys of a section.

    Examples
    --------
    >>> keys_of(Replications)
    ['count', 'seed', 'common']
    """
    return [each.name for each in fields(kind)]


def section(document: Mapping[str, Any], name: str, kind: type) -> Any:
    """A section of a file as one of the classes above.

    Examples
    --------
    >>> section({"replications": {"count": 3}}, "replications", Replications).count
    3
    """
    with within(f"[{name}]"):
        table = table_of(document, name)
        for key in table:
            if key not in keys_of(kind):
                raise InputError(f"unknown key {key!r}{nearest(key, keys_of(kind))}")
        return kind(**table)


def by_name(table: Mapping[str, Any], known: Mapping[str, Parameter]) -> dict[str, Any]:
    """A table by names of parameters, whether dotted ones were quoted or have become tables in tables.

    Examples
    --------
    >>> from abm.scenario.scenario import Scenario
    >>> by_name({"sectors": {"market": {"demand_growth": 0.1}}, "churn": 0.5}, Scenario().settable())
    {'sectors.market.demand_growth': 0.1, 'churn': 0.5}
    """
    found = {}
    for name, value in _leaves(table, known, ""):
        if name in found:
            raise InputError(f"{name} is there twice")
        found[name] = value
    return found


def _leaves(table: Mapping[str, Any], known: Mapping[str, Parameter], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        name = composed(prefix + key)
        if name in known:
            yield name, value
        elif isinstance(value, dict) and any(each.startswith(f"{name}.") for each in known):
            yield from _leaves(value, known, f"{name}.")
        else:
            raise InputError(f"unknown parameter {name!r}{nearest(name, known)}")


def _check_count(value: Any, name: str, least: int = 0) -> None:
    if check_count(value, name, least) > MOST:
        raise InputError(f"{name} = {shown(value)} is above {MOST}")


def _check_flag(value: Any, name: str) -> None:
    if not isinstance(value, bool):
        raise InputError(f"{name} = {shown(value)} is not true or false")
