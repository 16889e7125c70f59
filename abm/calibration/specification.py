"""A specification: which parameters are searched over which ranges, and which targets they are to meet.

It is read from a TOML file. Whatever is refused raises `InputError` with one message that names the file, the section,
the key, the value and what is allowed.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PlainValidator

from abm.calibration.panel_moments import MOMENTS, Panel
from abm.calibration.targets import Target, targets_of, targets_of_data
from abm.errors import InputError, nearest, shown
from abm.scenario.fields import CheckedModel
from abm.scenario.library import bundled_names, find_text, reading
from abm.scenario.rules import UserFunction, read_rules, with_sources
from abm.scenario.scenario import Scenario
from abm.simulation.outcome_list import names as listed_names
from abm.simulation.own_measures import read_measures
from abm.simulation.simulate import check_seed
from abm.sweeps.design.factors import Factor
from abm.sweeps.design.sections import (
    SectionedFile,
    by_parameter,
    check_table,
    count_from,
    one_of,
    section,
    text_of,
    within,
)

WEIGHTINGS = ("diagonal", "optimal")
MOST_POINTS, MOST_SEEDS = 1_000_000, 1_000_000


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

    seeds: Annotated[int, count_from(2, MOST_SEEDS)] = 20
    budget: Annotated[int, count_from(1, MOST_POINTS)] = 400
    seed: Annotated[int, PlainValidator(check_seed)] = 0
    weighting: Annotated[str, one_of(WEIGHTINGS)] = "diagonal"


class DataSection(CheckedModel):
    """The section `[data]`: a file of the user's own firms, and which moments are taken from it."""

    file: Annotated[str, PlainValidator(_check_path)]
    moments: Annotated[tuple[str, ...], PlainValidator(_check_moments)]


class SpecificationFile(SectionedFile):
    """The file of a specification; its other tables are checked when the scenario is known.

    Examples
    --------
    >>> SpecificationFile(scenario="one-market", weighting="optimal")
    Traceback (most recent call last):
    abm.errors.InputError: unknown key 'weighting' (it belongs in [search])
    """

    scenario: Annotated[str, text_of("neither a name nor a path")]
    measures: Annotated[str | None, text_of("not of the form FILE.py:NAMES")] = None
    set: Annotated[dict, PlainValidator(check_table)] = Field(default_factory=dict)
    parameters: Annotated[dict, PlainValidator(check_table)] = Field(default_factory=dict)
    targets: Annotated[dict, PlainValidator(check_table)] = Field(default_factory=dict)
    data: Annotated[DataSection | None, section(DataSection)] = None
    search: Annotated[Search, section(Search)] = Search()


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
    measures : dict of str to UserFunction
        Measures of the user's own, which may be targets.

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
    measures: dict[str, UserFunction]

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
        with reading(source):
            return Specification(text, source, **_read(tomllib.loads(text), folder))

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
        light += self.measures
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
        scenario = base.replace(**with_sources(fixed, read_rules(fixed.values(), folder)))
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
    measures: dict[str, UserFunction] = {}
    if file.measures is not None:
        measures = read_measures(file.measures, folder, [each.name for each in scenario.strategies])
    with within("[targets]"):
        targets = tuple(targets_of(file.targets, scenario, measures))
    panel = None
    if file.data is not None:
        with within("[data]"):
            panel, of_data = targets_of_data(Path(folder, file.data.file), file.data.moments, scenario)
        if twice := {each.name for each in targets} & {each.name for each in of_data}:
            raise InputError(f"{min(twice)} is both a target and a moment of [data]; take one of them")
        targets += of_data
    if not targets:
        raise InputError("there is nothing to meet: give [targets], or [data] with moments")
    read = {"scenario": scenario, "parameters": parameters, "targets": targets, "panel": panel, "search": file.search}
    return read | {"measures": measures}


def _range(name: str, given: Any, parameter: Any) -> Factor:
    if not isinstance(given, Mapping):
        raise InputError(f"{name} = {shown(given)} is not a range {{low = .., high = ..}}; one value belongs in [set]")
    return Factor.read(name, given, parameter)
