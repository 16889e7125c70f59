"""Measures of the user's own, as they are given: functions by name, or the names of a file's functions."""

import ast
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from abm.errors import InputError, shown
from abm.scenario.parameters import CHANGE, MARKET, SECTOR, SECTOR_OWN, STRATEGY
from abm.scenario.rules import UserFunction, is_function_name, read_function
from abm.scenario.scenario import Scenario
from abm.simulation.outcome_list import names as listed_names

_COLUMNS = ("step", "sector", "seed", "scenario", "point", "replication", "run", "key", "demand")  # of tables
_PARAMETERS = {*Scenario.model_fields, *MARKET, *SECTOR, *SECTOR_OWN, *STRATEGY, *CHANGE}  # which are columns of sweeps
# The attributes of `MarketModel`, in any version of Mesa that it works with: a measure is an attribute of it, too.
# fmt: off
_OF_MODELS = frozenset((
    "agent_id_counter", "agent_types", "agents", "agents_by_type", "batch", "changes", "clear_all_subscriptions",
    "close", "data_registry", "datacollector", "deregister_agent", "emitters", "firm_in", "found", "let_go", "lives",
    "market", "merge", "notify", "observables", "observe", "outcomes", "own_agents", "random", "recompute_sums",
    "register_agent", "remove_all_agents", "reset_randomizer", "reset_rng", "rng", "run_for", "run_model",
    "run_until", "running", "scenario", "schedule_event", "schedule_recurring", "seed", "set", "step", "steps",
    "steps_done", "subscribers", "suppress", "time", "unobserve", "views",
))
# fmt: on


def check_measures(measures: Any, strategies: Sequence[str]) -> dict[str, Callable | UserFunction]:
    """Functions by the names of their measures, or a refusal.

    Examples
    --------
    >>> list(check_measures({"young": lambda firms: (firms.age < 8).mean()}, ["balanced"]))
    ['young']
    >>> check_measures({"hhi": len}, ["balanced"])
    Traceback (most recent call last):
    abm.errors.InputError: measures: hhi is the name of a column or an outcome that there is already
    """
    if not isinstance(measures, Mapping):
        raise InputError(f"measures = {shown(measures)} is not functions by name, {{'share_of_young': function}}")
    taken = {name for where in ("steps", "outcomes") for name in listed_names(where, strategies, full=True)}
    for name in measures:
        if not isinstance(name, str) or not name.isidentifier():
            raise InputError(f"measures: {shown(name)} is not a name of letters, digits and _")
        if name in taken or name in _COLUMNS:
            raise InputError(f"measures: {name} is the name of a column or an outcome that there is already")
        if name in _PARAMETERS:
            raise InputError(f"measures: {name} is the name of a parameter")
        if name in _OF_MODELS or name.startswith("_"):
            raise InputError(f"measures: {name} is a name that MarketModel, whose attributes measures are, has itself")
    return dict(measures)


def read_measures(text: str, folder: str | os.PathLike, strategies: Sequence[str]) -> dict[str, UserFunction]:
    """The measures that FILE.py:NAMES names: functions with commas between them, or a dictionary of functions.

    Parameters
    ----------
    text : str
    folder : path
        What the path of the file is relative to.
    strategies : sequence of str
        Whose names measures must not take.

    Raises
    ------
    InputError
        If there is no such file, or in it no such function of the firms.
    """
    file, _, names = text.rpartition(":")
    listed = [name.strip() for name in names.split(",")]
    if not all(is_function_name(f"{file}:{name}") for name in listed):
        raise InputError(f"measures = {shown(text)} is not of the form FILE.py:NAMES, with commas between the names")
    for name in listed:
        if listed.count(name) > 1:
            raise InputError(f"measures = {shown(text)}: {name} is there twice")
    functions = {name: name for name in listed}
    if len(listed) == 1 and (table := _dictionary(file, listed[0], folder)):
        functions = table
    read = {name: read_function(f"{file}:{each}", folder, ("firms",), "measures") for name, each in functions.items()}
    return check_measures(read, strategies)


def _dictionary(file: str, name: str, folder: str | os.PathLike) -> dict[str, str]:
    """The functions of a dictionary that a file assigns to a name, by their keys; none if it does not."""
    try:
        tree = ast.parse(Path(folder, file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}  # what is wrong is told when the function is looked for
    for node in tree.body:
        targets = [each.id for each in getattr(node, "targets", []) if isinstance(each, ast.Name)]
        if name in targets and isinstance(node.value, ast.Dict):
            return _named(node.value, f"measures = {f'{file}:{name}'!r}")
    return {}


def _named(table: ast.Dict, label: str) -> dict[str, str]:
    """The names of functions by the keys of a dictionary in a file."""
    found: dict[str, str] = {}
    for key, each in zip(table.keys, table.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(each, ast.Name):
            raise InputError(
                f"{label}: line {each.lineno} is not a text with the name of a function, {{'column': function}}"
            )
        if key.value in found:
            raise InputError(f"{label}: {shown(key.value)} is there twice")
        found[key.value] = each.id
    return found
