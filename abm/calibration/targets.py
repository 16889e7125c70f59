"""Targets: the numbers that simulated runs are to meet, as a specification gives them or the user's firms have them."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from abm.calibration.firm_data import read_panel
from abm.calibration.panel_moments import Panel, jackknife_errors, moments_of
from abm.errors import InputError, nearest, shown
from abm.scenario.scenario import Scenario
from abm.simulation.outcome_list import names as listed_names

_EXAMPLES = {"winner": "technology_first", "structure": "monopoly", "growth": "virtuous"}  # outcomes that are words


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


def targets_of(table: Mapping[str, Any], scenario: Scenario, own: Iterable[str] = ()) -> Iterator[Target]:
    """The targets of outcomes, of measures of the user's own among them, and of sectors' means."""
    strategies = [each.name for each in scenario.strategies]
    outcomes = [*listed_names("outcomes", strategies, full=True), *own]
    of_sectors = listed_names("sectors", strategies, full=True)
    sectors = {f"sectors.{each.name}.{name}" for each in scenario.sectors for name in of_sectors}
    found = []
    for name, given in _leaves(table, ""):
        if name in _EXAMPLES:
            raise InputError(f"{name} is a word, as {_EXAMPLES[name]}; a target is a number")
        if name not in outcomes and name not in sectors:
            raise InputError(f"unknown outcome {name!r}{nearest(name, [*outcomes, *sectors])}")
        if name in found:
            raise InputError(f"{name} is there twice")
        found.append(name)
        yield Target(name, name, *_value(name, given))


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


def targets_of_data(path: Path, names: tuple[str, ...], scenario: Scenario) -> tuple[Panel, tuple[Target, ...]]:
    """The user's firms and the moments that are taken from them."""
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
