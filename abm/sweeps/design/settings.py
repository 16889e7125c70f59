"""The file of a design and its sections, each a pydantic model that checks its values.

Whatever is refused raises `InputError` with the section, the key, the value and what is allowed.
"""

import math
import os
from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import Field, PlainValidator, ValidationInfo, model_validator

from abm.errors import InputError, nearest, shown
from abm.scenario.fields import CheckedModel
from abm.scenario.rules import UserFunction, is_function_name, read_function
from abm.simulation.simulate import LEVELS, check_seed
from abm.sweeps.design.factors import Factor
from abm.sweeps.design.samples import SAMPLES, rows_of
from abm.sweeps.design.sections import MOST, SectionedFile, check_table, count_from, one_of, section, text_of, within

METHODS = ("grid", "list", *SAMPLES)

# What `points` counts.
_POINTS = {
    "grid": "levels of a range",
    "latin": "points",
    "sobol": "points",
    "morris": "trajectories",
    "saltelli": "base samples",
}


def _check_flag(value: Any, info: ValidationInfo) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{info.field_name} = {shown(value)} is not true or false")
    return value


def _check_steps(value: Any, info: ValidationInfo) -> str | int:
    if not isinstance(value, str):
        return count_from(1).func(value, info)
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


def _check_width(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value < math.inf:
        raise InputError(f"half_width = {shown(value)} is not a number above 0")
    return float(value)


class Until(CheckedModel):
    """How well the mean of which outcome is to be known at every point."""

    outcome: Annotated[str, text_of("not the name of an outcome")]
    half_width: Annotated[float, PlainValidator(_check_width)]


def _check_until(value: Any) -> Until:
    if not isinstance(value, dict):
        raise InputError(f"until = {shown(value)} is not a table {{outcome = .., half_width = ..}}")
    with within("until:"):
        return Until(**value)


class Replications(CheckedModel):
    """The section `[replications]`: how often each point is run, from which seed, and whether all points share seeds.

    With `until`, the number of replications grows from `least` to at most `most`, until every point's mean of an
    outcome is known well enough (see `abm.sweeps.sure`).

    With `from_step` the replications of a point share everything before that step, the past of the seed `seed`, and
    differ in the draws from it on: futures of one past.

    Examples
    --------
    >>> Replications()
    Replications(count=10, seed=0, common=True, from_step=None)
    """

    count: Annotated[int, count_from(1)] = 10
    seed: _Seed = 0
    common: _Flag = True
    until: Annotated[Until | None, PlainValidator(_check_until)] = Field(None, repr=False)
    least: Annotated[int, count_from(2)] = Field(10, repr=False)
    most: Annotated[int, count_from(2)] = Field(200, repr=False)
    from_step: Annotated[int | None, count_from(1)] = None

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        given = self.model_fields_set
        if self.until is None:
            for name in ("least", "most"):
                if name in given:
                    raise InputError(f"{name} = {getattr(self, name)} is for until only")
            return self
        if "count" in given:
            raise InputError(f"count = {self.count} beside until: give least and most instead")
        if self.most < self.least:
            raise InputError(f"most = {self.most} is below least = {self.least}")
        self.__dict__["count"] = self.least  # to begin with
        return self

    @property
    def past(self) -> int | None:
        """The seed of what all replications share; None where they share nothing."""
        return None if self.from_step is None else self.seed


class Collect(CheckedModel):
    """The section `[collect]`: which measures, steps and tables of each run are kept.

    `steps` is "none", "all", or N for each Nth; `measures` are of the user's own, FILE.py:NAMES; the other keys are
    those of a single run.

    Examples
    --------
    >>> Collect().every, Collect(steps="all").every, Collect(steps=10).every
    (0, 1, 10)
    """

    level: Annotated[str, one_of(LEVELS)] = "light"
    steps: Annotated[str | int, PlainValidator(_check_steps)] = "none"
    lives: _Flag = False
    firms: _Flag = False
    panel: Annotated[int, count_from(0)] = 0
    measures: Annotated[str | None, text_of("not of the form FILE.py:NAMES")] = None

    @property
    def every(self) -> int:
        """N if each Nth step is kept; 0 if none is."""
        return {"none": 0, "all": 1}.get(self.steps, self.steps)


class Intervention(CheckedModel):
    """The section `[intervention]`: a function of the user's that is called before each step of every run.

    Examples
    --------
    >>> Intervention(function="policies.py:breakup").function
    'policies.py:breakup'
    """

    function: Annotated[str, text_of("not of the form FILE.py:NAME")]

    def read(self, folder: str | os.PathLike) -> UserFunction:
        """The function with the text of its file."""
        if not is_function_name(self.function):
            raise InputError(f"function = {shown(self.function)} is not of the form FILE.py:NAME")
        return read_function(self.function, folder, ("model",), "function", compiled=False)


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

    method: Annotated[str, one_of(METHODS)] = "grid"
    points: Annotated[int | None, count_from(1)] = None
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


class DesignFile(SectionedFile):
    """The file of a design; `[set]` and `[factors]` are checked when the scenario is known.

    Examples
    --------
    >>> DesignFile(scenario="one-market", replications={"count": 3}).replications.count
    3
    >>> DesignFile(scenario="one-market", count=3)
    Traceback (most recent call last):
    abm.errors.InputError: unknown key 'count' (it belongs in [replications])
    """

    scenario: Annotated[str, text_of("neither a name nor a path")]
    firms: Annotated[str | None, text_of("not the path of a firm table")] = None
    set: Annotated[dict, PlainValidator(check_table)] = Field(default_factory=dict)
    factors: Annotated[dict, PlainValidator(check_table)] = Field(default_factory=dict)
    design: Annotated[Sampling, section(Sampling)] = Sampling()
    replications: Annotated[Replications, section(Replications)] = Replications()
    collect: Annotated[Collect, section(Collect)] = Collect()
    intervention: Annotated[Intervention | None, section(Intervention)] = None
