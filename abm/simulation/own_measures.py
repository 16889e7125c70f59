"""Measures of the user's own, as they are given: functions by name, or the names of a file's functions."""

import ast
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from abm.errors import InputError, shown
from abm.scenario.rules import UserFunction, is_function_name, read_function
from abm.simulation.outcome_list import names as listed_names

_COLUMNS = ("step", "sector", "seed", "scenario", "point", "replication", "run", "key", "demand")  # of tables


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
            pairs = zip(node.value.keys, node.value.values, strict=True)
            return {key.value: each.id for key, each in pairs if isinstance(key, ast.Constant)}
    return {}
