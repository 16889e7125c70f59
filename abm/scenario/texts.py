"""A scenario's values as lines of TOML, and as the run.json of a run tells them."""

import json
import math
from collections.abc import Mapping
from typing import Any

from abm.errors import InputError
from abm.scenario.parameters import MARKET, SECTOR, STRATEGY, Parameter


def toml_lines(values: Mapping[str, Any]) -> str:
    """Values as lines of TOML, whose texts are written as JSON's and whose numbers as Python's.

    Examples
    --------
    >>> print(toml_lines({"name": "small", "runway": math.inf}), end="")
    name = "small"
    runway = inf
    """
    return "".join(
        f"{json.dumps(key, ensure_ascii=False) if '.' in key else key} = {_toml(value)}\n"
        for key, value in values.items()
    )


def _toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def values_of_run(text: str) -> dict[str, Any]:
    """The scenario's values in a run.json, where infinity is written as a text.

    Raises
    ------
    InputError
        If the text is no JSON or holds no scenario.

    Examples
    --------
    >>> values_of_run('{"scenario": {"runway": "inf"}}')
    {'runway': inf}
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise InputError(f"not readable JSON: {' '.join(str(problem).split())}") from None
    told = document.get("scenario") if isinstance(document, dict) else None
    if not isinstance(told, dict):
        raise InputError("it tells no scenario, as the run.json of a run does")
    told = _with_infinity(told, MARKET)
    for key, table in (("sectors", SECTOR), ("strategies", STRATEGY)):
        if isinstance(told.get(key), list):
            told[key] = [_with_infinity(member, table) for member in told[key]]
    if isinstance(told.get("changes"), list):
        told["changes"] = [_changed_to_infinity(change) for change in told["changes"]]
    return told


def _with_infinity(values: Any, table: Mapping[str, Parameter]) -> Any:
    """Values with "inf" as a number where the table has a float."""
    if not isinstance(values, dict):
        return values
    return {
        key: math.inf if value == "inf" and key in table and table[key].kind == "float" else value
        for key, value in values.items()
    }


def _changed_to_infinity(change: Any) -> Any:
    """A change with "inf" as a number; its name is a text."""
    if not isinstance(change, dict):
        return change
    return {key: math.inf if value == "inf" and key != "name" else value for key, value in change.items()}
