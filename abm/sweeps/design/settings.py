"""The file of a design and its sections, each a pydantic model that checks its values.

Whatever is refused raises `InputError` with the section, the key, the value and what is allowed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Self

from pydantic import Field, PlainValidator, ValidationInfo, model_validator

from abm.errors import InputError, nearest, shown
from abm.scenario.fields import CheckedModel, composed
from abm.scenario.parameters import Parameter
from abm.scenario.scenario import Scenario
from abm.simulation.simulate import LEVELS, check_count, check_seed
from abm.sweeps.design.factors import Factor, check_one_of
from abm.sweeps.design.samples import SAMPLES, rows_of

METHODS = ("grid", "list", *SAMPLES)
MOST = 10_000_000  # the largest number of points, of replications and of whatever else is counted

# What `points` counts.
_POINTS = {
    "grid": "levels of a range",
    "latin": "points",
    "sobol": "points",
    "morris": "trajectories",
    "saltelli": "base samples",
}


def _one_of(allowed: tuple[str, ...]) -> PlainValidator:
    return PlainValidator(lambda value, info: check_one_of(value, info.field_name, allowed))


def _count_from(least: int) -> PlainValidator:
    def check(value: Any, info: ValidationInfo) -> int:
        if check_count(value, info.field_name, least) > MOST:
            raise InputError(f"{info.field_name} = {shown(value)} is above {MOST}")
        return value

    return PlainValidator(check)


def _check_flag(value: Any, info: ValidationInfo) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{info.field_name} = {shown(value)} is not true or false")
    return value


def _check_steps(value: Any, info: ValidationInfo) -> str | int:
    if not isinstance(value, str):
        return _count_from(1).func(value, info)
    if value not in ("none", "all"):
        hint = nearest(value, ("none", "all"))
        raise InputError(f"steps = {shown(value)} is not none, all or an integer of at least 1{hint}")
    return value


def _check_path(value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(f"file = {shown(value)} is not the path of a CSV or Parquet file")
    return value


_Flag = Annotated[bool, PlainValidator(_check_flag)]
_Seed = Annotated[int, PlainValidator(check_seed)]


class Replications(CheckedModel):
    """The section `[replications]`: how often each point is run, from which seed, and whether all points share seeds.

    Examples
    --------
    >>> Replications()
    Replications(count=10, seed=0, common=True)
    """

    count: Annotated[int, _count_from(1)] = 10
    seed: _Seed = 0
    common: _Flag = True


class Collect(CheckedModel):
    """The section `[collect]`: which measures, steps and tables of each run are kept.

    `steps` is "none", "all", or N for each Nth; the other keys are those of a single run.

    Examples
    --------
    >>> Collect().every, Collect(steps="all").every, Collect(steps=10).every
    (0, 1, 10)
    """

    level: Annotated[str, _one_of(LEVELS)] = "light"
    steps: Annotated[str | int, PlainValidator(_check_steps)] = "none"
    lives: _Flag = False
    firms: _Flag = False
    panel: Annotated[int, _count_from(0)] = 0

    @property
    def every(self) -> int:
        """N if each Nth step is kept; 0 if none is."""
        return {"none": 0, "all": 1}.get(self.steps, self.steps)


class Sampling(CheckedModel):
    """The section `[design]`: how the points are chosen.

    Examples
    --------
    >>> Sampling(method="sobol", points=64).seed
    0
    >>> Sampling(method="sobl")
    Traceback (most recent call last):
    abm.errors.InputError: method = 'sobl' is not grid, list, latin, sobol, morris or saltelli (did you mean 'sobol'?)
    """

    method: Annotated[str, _one_of(METHODS)] = "grid"
    points: Annotated[int | None, _count_from(1)] = None
    seed: _Seed = 0
    file: Annotated[str | None, PlainValidator(_check_path)] = None

    @model_validator(mode="after")
    def _check_file(self) -> Self:
        if self.method == "list" and self.file is None:
            raise InputError('file is missing: method = "list" reads its points from a CSV or Parquet file')
        if self.method != "list" and self.file is not None:
            raise InputError(f'file = {shown(self.file)} is for method = "list" only')
        return self

    def check_points(self, factors: Sequence[Factor]) -> None:
        """Raise InputError if `points` is missing, has no meaning, or makes too many points.

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
def within(label: str) -> Iterator[None]:
    """Put a label before the message of an InputError.

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
        raise InputError(f"{label} {problem}") from None


def _table(value: Any, info: ValidationInfo) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"[{info.field_name}] is {shown(value)}, not a table of keys and values")
    return value


def _section(kind: type[CheckedModel]) -> PlainValidator:
    def check(value: Any, info: ValidationInfo) -> CheckedModel:
        table = _table(value, info)
        with within(f"[{info.field_name}]"):
            return kind(**table)

    return PlainValidator(check)


def _text(allowed: str) -> PlainValidator:
    def check(value: Any, info: ValidationInfo) -> str:
        if not isinstance(value, str):
            raise InputError(f"{info.field_name}: {shown(value)} is {allowed}")
        return value

    return PlainValidator(check)


class DesignFile(CheckedModel):
    """The file of a design; `[set]` and `[factors]` are checked when the scenario is known.

    Examples
    --------
    >>> DesignFile(scenario="one-market", replications={"count": 3}).replications.count
    3
    >>> DesignFile(scenario="one-market", count=3)
    Traceback (most recent call last):
    abm.errors.InputError: unknown key 'count' (it belongs in [replications])
    """

    scenario: Annotated[str, _text("neither a name nor a path")]
    firms: Annotated[str | None, _text("not the path of a firm table")] = None
    set: Annotated[dict, PlainValidator(_table)] = Field(default_factory=dict)
    factors: Annotated[dict, PlainValidator(_table)] = Field(default_factory=dict)
    design: Annotated[Sampling, _section(Sampling)] = Sampling()
    replications: Annotated[Replications, _section(Replications)] = Replications()
    collect: Annotated[Collect, _section(Collect)] = Collect()

    @classmethod
    def _unknown(cls, key: str) -> str:
        sections = {"design": Sampling, "replications": Replications, "collect": Collect}
        homes = [f"[{name}]" for name, kind in sections.items() if key in kind.model_fields]
        return f" (it belongs in {' or '.join(homes)})" if homes else super()._unknown(key)

    @classmethod
    def _missing(cls, key: str) -> str:
        names = ", ".join(Scenario.bundled())
        return f"{key}: it is missing; give a path to a TOML file or one of {names}"


def by_parameter(table: Mapping[str, Any], known: Mapping[str, Parameter]) -> dict[str, Any]:
    """The values of a section by parameter, whether TOML read a dotted name as one key or as nested tables.

    Examples
    --------
    >>> by_parameter({"sectors": {"market": {"demand_growth": 0.1}}, "churn": 0.5}, Scenario().settable())
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
