"""A specification: which parameters are searched over which ranges, and which targets they are to meet.

It is read from a TOML file. Whatever is refused raises `InputError` with one message that names the file, the section,
the key, the value and what is allowed.
"""

import math
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, PlainValidator, ValidationInfo

from abm.calibration.firm_data import read_panel
from abm.calibration.panel_moments import MOMENTS, Panel, jackknife_errors, moments_of
from abm.errors import InputError, nearest, shown
from abm.scenario.fields import CheckedModel
from abm.scenario.library import bundled_names, find_text
from abm.scenario.scenario import Scenario
from abm.simulation.outcome_list import names as listed_names
from abm.simulation.simulate import check_count, check_seed
from abm.sweeps.design.factors import Factor, check_one_of
from abm.sweeps.design.settings import by_parameter, within

TEXTS = ("winner", "structure", "growth")  # outcomes that are words
WEIGHTINGS = ("diagonal", "optimal")
MOST_POINTS, MOST_SEEDS = 1_000_000, 1_000_000


def _count_from(least: int, most: int) -> PlainValidator:
    def check(value: Any, info: ValidationInfo) -> int:
        if check_count(value, info.field_name, least) > most:
            raise InputError(f"{info.field_name} = {shown(value)} is above {most}")
        return int(value)

    return PlainValidator(check)


def _check_moments(value: Any) -> tuple[str, ...]:
    known = ", ".join(MOMENTS)
    if not isinstance(value, list) or not value:
        raise InputError(f"moments = {shown(value)} is not a list of {known}")
    for index, name in enumerate(value):
        if name not in MOMENTS:
            raise InputError(f"moments: unknown moment {shown(name)}{nearest(name, MOMENTS)}; known are {known}")
        if name in value[:index]:
            raise InputError(f"moments: {name} is there twice")
    return tuple(value)


def _check_path(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"file = {shown(value)} is not the path of a CSV or Parquet file")
    return value


class Search(CheckedModel):
    """The section `[search]`: seeds a point, points, the seed of the sequence, and the weighting of the targets.

    Examples
    --------
    >>> Search()
    Search(seeds=20, budget=400, seed=0, weighting='diagonal')
    """

    seeds: Annotated[int, _count_from(2, MOST_SEEDS)] = 20
    budget: Annotated[int, _count_from(1, MOST_POINTS)] = 400
    seed: Annotated[int, PlainValidator(check_seed)] = 0
    weighting: Annotated[str, PlainValidator(lambda value: check_one_of(value, "weighting", WEIGHTINGS))] = "diagonal"


class DataSection(CheckedModel):
    """The section `[data]`: a file of the user's own firms, and which moments are taken from it."""

    file: Annotated[str, PlainValidator(_check_path)]
    moments: Annotated[tuple[str, ...], PlainValidator(_check_moments)]


def _table(value: Any, info: ValidationInfo) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"[{info.field_name}] is {shown(value)}, not a table of keys and values")
    return value


def _section(kind: type[CheckedModel]) -> PlainValidator:
    def check(value: Any, info: ValidationInfo) -> CheckedModel:
        with within(f"[{info.field_name}]"):
            return kind(**_table(value, info))

    return PlainValidator(check)


def _check_name(value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(f"scenario: {shown(value)} is neither a name nor a path")
    return value


class SpecificationFile(CheckedModel):
    """The file of a specification; its other tables are checked when the scenario is known.

    Examples
    --------
    >>> SpecificationFile(scenario="one-market", weighting="optimal")
    Traceback (most recent call last):
    abm.errors.InputError: unknown key 'weighting' (it belongs in [search])
    """

    scenario: Annotated[str, PlainValidator(_check_name)]
    set: Annotated[dict, PlainValidator(_table)] = Field(default_factory=dict)
    parameters: Annotated[dict, PlainValidator(_table)] = Field(default_factory=dict)
    targets: Annotated[dict, PlainValidator(_table)] = Field(default_factory=dict)
    data: Annotated[DataSection | None, _section(DataSection)] = None
    search: Annotated[Search, _section(Search)] = Search()

    @classmethod
    def _unknown(cls, key: str) -> str:
        sections = {"search": Search, "data": DataSection}
        homes = [f"[{name}]" for name, kind in sections.items() if key in kind.model_fields]
        return f" (it belongs in {' or '.join(homes)})" if homes else super()._unknown(key)

    @classmethod
    def _missing(cls, key: str) -> str:
        return f"{key}: it is missing; give a path to a TOML file or one of {', '.join(Scenario.bundled())}"


@dataclass(frozen=True)
class Target:
    """A number that the simulated runs are to meet.

    Attributes
    ----------
    name : str
        As in the file.
    column : str
        Of the table of outcomes.
    value : float
    error : float
        Standard error; NaN where there is none.
    of_data : bool
        Whether it is a moment of the user's own firms.
    """

    name: str
    column: str
    value: float
    error: float
    of_data: bool = False


@dataclass(frozen=True, eq=False)
class Specification:
    """What is calibrated to what; `load` and `from_toml` make one.

    Attributes
    ----------
    text, source : str
        The TOML text as given, and the file's name for messages.
    scenario : Scenario
        With `[set]` applied.
    parameters : dict of str to Factor
        Ranges, in the order of the file.
    targets : tuple of Target
        Those of `[targets]`, then those of `[data]`.
    panel : Panel or None
        The user's own firms.
    search : Search

    Examples
    --------
    >>> text = 'scenario = "one-market"\\nparameters = {churn = {low = 0.1, high = 0.9}}\\ntargets = {survival = 0.5}'
    >>> Specification.from_toml(text).targets[0].value
    0.5
    >>> Specification.from_toml(text.replace("survival", "survivl"), source="my.toml")
    Traceback (most recent call last):
    abm.errors.InputError: my.toml: [targets] unknown outcome 'survivl' (did you mean 'survival'?)
    """

    text: str
    source: str
    scenario: Scenario
    parameters: dict[str, Factor]
    targets: tuple[Target, ...]
    panel: Panel | None
    search: Search

    @staticmethod
    def load(name: str | os.PathLike) -> "Specification":
        """A bundled specification by its bare name, or a TOML file by its path.

        Examples
        --------
        >>> Specification.load("concentration").search.budget
        60
        """
        found = find_text(name, "calibration")
        return Specification.from_toml(found.text, found.source, found.folder)

    @staticmethod
    def from_toml(text: str, source: str = "TOML text", folder: str | os.PathLike = ".") -> "Specification":
        """The specification that a TOML text describes.

        Parameters
        ----------
        text : str
        source : str
            Stands before every message.
        folder : path
            What the relative paths in the text are relative to.
        """
        try:
            return Specification(text, source, **_read(tomllib.loads(text), folder))
        except RecursionError:
            raise InputError(f"{source}: nested too deeply") from None
        except ValueError as problem:  # a mistake in the syntax, with its line, or an InputError
            raise InputError(f"{source}: {problem}") from None

    @staticmethod
    def bundled() -> list[str]:
        """The names of the bundled specifications."""
        return bundled_names("calibration")

    @property
    def level(self) -> str:
        """The level of collection that the targets need."""
        light = listed_names("outcomes", [each.name for each in self.scenario.strategies], full=False)
        sector_light = listed_names("sectors", [each.name for each in self.scenario.strategies], full=False)
        needed = [each.column for each in self.targets if not each.of_data]
        plain = all(name.rpartition(".")[2] in (sector_light if "." in name else light) for name in needed)
        return "light" if plain else "full"


def _read(document: dict[str, Any], folder: str | os.PathLike) -> dict[str, Any]:
    """The attributes of the specification that a document describes."""
    file = SpecificationFile(**document)
    with within("scenario:"):
        base = Scenario.from_named(find_text(file.scenario, "scenario", folder))
    known = base.settable()
    with within("[set]"):
        fixed = by_parameter(file.set, known)
        scenario = base.replace(**fixed)
    with within("[parameters]"):
        given = by_parameter(file.parameters, known)
        parameters = {name: _range(name, each, known[name]) for name, each in given.items()}
        if not parameters:
            raise InputError("is missing or empty; give a range {low = .., high = ..} for each parameter to search")
    for name in parameters:
        for other in fixed:
            if other == name or other.endswith(f".{name}"):
                raise InputError(f"[set] {other} would be overwritten by the parameter {name}")
    if file.search.budget < len(parameters) + 1:
        raise InputError(
            f"[search] budget = {file.search.budget} is below {len(parameters) + 1}, a point more than there are "
            "parameters"
        )
    with within("[targets]"):
        targets = tuple(_targets(file.targets, scenario))
    panel = None
    if file.data is not None:
        with within("[data]"):
            panel, of_data = _data_targets(file.data, scenario, folder)
        if twice := {each.name for each in targets} & {each.name for each in of_data}:
            raise InputError(f"{min(twice)} is both a target and a moment of [data]; take one of them")
        targets += of_data
    if not targets:
        raise InputError("there is nothing to meet: give [targets], or [data] with moments")
    return {"scenario": scenario, "parameters": parameters, "targets": targets, "panel": panel, "search": file.search}


def _range(name: str, given: Any, parameter: Any) -> Factor:
    if not isinstance(given, Mapping):
        raise InputError(f"{name} = {shown(given)} is not a range {{low = .., high = ..}}; one value belongs in [set]")
    return Factor.read(name, given, parameter)


def _targets(table: Mapping[str, Any], scenario: Scenario) -> Iterator[Target]:
    """The targets of outcomes and of sectors' means."""
    strategies = [each.name for each in scenario.strategies]
    outcomes = listed_names("outcomes", strategies, full=True)
    of_sectors = listed_names("sectors", strategies, full=True)
    sectors = {f"sectors.{each.name}.{name}" for each in scenario.sectors for name in of_sectors}
    found = []
    for name, given in _leaves(table, ""):
        if name in TEXTS:
            raise InputError(f"{name} is a word, as {_EXAMPLES[name]}; a target is a number")
        if name not in outcomes and name not in sectors:
            raise InputError(f"unknown outcome {name!r}{nearest(name, [*outcomes, *sectors])}")
        if name in found:
            raise InputError(f"{name} is there twice")
        found.append(name)
        yield Target(name, name, *_value(name, given))


_EXAMPLES = {"winner": "technology_first", "structure": "monopoly", "growth": "virtuous"}


def _leaves(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Names and values, whether dotted names were quoted or have become tables in tables."""
    for key, value in table.items():
        name = prefix + key
        if isinstance(value, dict) and f"{name}.".startswith("sectors.") and name.count(".") < 2:
            yield from _leaves(value, f"{name}.")
        else:
            yield name, value


def _value(name: str, given: Any) -> tuple[float, float]:
    """A target's value and error."""
    table = given if isinstance(given, Mapping) else {"value": given}
    for key in table:
        if key not in ("value", "error"):
            raise InputError(f"{name}: unknown key {key!r}{nearest(key, ('value', 'error'))}")
    if "value" not in table:
        raise InputError(f"{name}: value is missing")
    value = _number(table["value"], f"{name}: value" if isinstance(given, Mapping) else name)
    if "error" not in table:
        return value, math.nan
    error = _number(table["error"], f"{name}: error")
    if error <= 0.0:
        raise InputError(f"{name}: error = {shown(table['error'])} is not above 0; leave it out where it is unknown")
    return value, error


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise InputError(f"{name} = {shown(value)} is not a finite number")
    return float(value)


def _data_targets(
    given: DataSection, scenario: Scenario, folder: str | os.PathLike
) -> tuple[Panel, tuple[Target, ...]]:
    """The user's firms and the moments that are taken from them."""
    path, names = Path(folder, given.file), given.moments
    panel = read_panel(path, [each.name for each in scenario.sectors], names)
    if panel.steps[-1] > scenario.steps:
        raise InputError(f"{path}: step = {panel.steps[-1]} is beyond the {scenario.steps} steps of a run")
    values, errors = moments_of(panel, names), jackknife_errors(panel, names)
    for name, value in zip(names, values):
        if not np.isfinite(value):
            raise InputError(f"{path}: has too few values for the moment {name}")
    made = (
        Target(name, f"moments.{name}", float(value), float(error) if error > 0.0 else math.nan, True)
        for name, value, error in zip(names, values, errors)
    )
    return panel, tuple(made)
