"""A scenario's values by one name each, such as `churn` and `sectors.enterprise.demand_share`."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from abm.errors import nearest
from abm.scenario.parameters import FIXED

MEMBERS = ("sectors", "strategies")  # the lists of a scenario whose members a market consists of


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """A scenario's values by flat names, without the names of the scenario, its sectors, strategies and changes.

    Parameters
    ----------
    values : mapping
        As `Scenario.to_dict` gives them, or as JSON holds them.

    Examples
    --------
    >>> flat({"name": "two", "churn": 0.2, "sectors": [{"name": "a", "demand_share": 0.5}]})
    {'churn': 0.2, 'sectors.a.demand_share': 0.5}
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name in MEMBERS:
            for member in value:
                found |= {f"{name}.{member['name']}.{key}": each for key, each in member.items() if key != "name"}
        elif name == "changes":
            for change in value:
                timed = {"until": math.inf} | dict(change)
                found |= {f"{name}.{change['name']}.{key}": each for key, each in timed.items() if key != "name"}
        elif name != "name":
            found[name] = value
    return found


def flat_with_common(values: Mapping[str, Any]) -> dict[str, Any]:
    """As `flat`, and a KEY of sectors or strategies alone where all of them have the same value; "inf" is infinity.

    Examples
    --------
    >>> flat_with_common({"runway": "inf", "sectors": [{"name": "a", "demand_share": 0.5}]})
    {'runway': inf, 'sectors.a.demand_share': 0.5, 'demand_share': 0.5}
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat({name: value})
        for key in _keys(value) if name in MEMBERS else ():
            given = [member.get(key) for member in value]
            if all(each == given[0] for each in given):
                found[key] = given[0]
    return {name: math.inf if value == "inf" else value for name, value in found.items()}


def _keys(members: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys that any of some members has, each once."""
    return list({key: None for member in members for key in member if key != "name"})


def unknown(name: str, known: Iterable[str]) -> str:
    """What is said of a name that no parameter has, or one alone that cannot change on the way.

    Examples
    --------
    >>> unknown("chrun", ["churn"]), unknown("changes.mandate.capacity", [])
    ("unknown parameter 'chrun' (did you mean 'churn'?)", 'changes.mandate.capacity: capacity cannot change on the way')
    """
    key = name.rpartition(".")[2]
    if name.startswith("changes.") and key in FIXED:
        return f"{name}: {key} cannot change on the way"
    return f"unknown parameter {name!r}{nearest(name, known)}"
