"""How compared runs are called: by the parameters that tell them apart, or by the ends of their paths."""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

MEMBERS = ("sectors", "strategies")  # what a scenario has several of
_FEW = 8  # names that a sentence lists


def flat(scenario: Mapping[str, Any]) -> dict[str, Any]:
    """A scenario's parameters by the names that a design gives them.

    Parameters
    ----------
    scenario : mapping
        Of `Scenario.to_dict`, or as JSON has kept it.

    Returns
    -------
    dict
        Without the name; a KEY of sectors or strategies alone is there where all of them have the same value.

    Examples
    --------
    >>> sectors = [{"name": "a", "demand_share": 0.5, "monetisation": 1.0}, {"name": "b", "demand_share": 0.5}]
    >>> flat({"name": "two", "churn": 0.2, "runway": "inf", "sectors": sectors})["sectors.a.demand_share"]
    0.5
    """
    found: dict[str, Any] = {}
    for name, value in scenario.items():
        if name in MEMBERS:
            for member in value:
                found |= {f"{name}.{member['name']}.{key}": each for key, each in member.items() if key != "name"}
            for key in {key: None for member in value for key in member if key != "name"}:
                given = [member.get(key) for member in value]
                if all(each == given[0] for each in given):
                    found[key] = given[0]
        elif name != "name":
            found[name] = math.inf if value == "inf" else value
    return found


def differences(values: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of what has not the same value everywhere, among what all have.

    Examples
    --------
    >>> differences([{"churn": 0.1, "k1": 0.9}, {"churn": 0.2, "k1": 0.9, "k2": 0.9}])
    ['churn']
    """
    first, *others = values
    found = [
        name
        for name, value in first.items()
        if all(name in other for other in others) and any(other[name] != value for other in others)
    ]
    alone = {name for name in found if "." not in name}
    return [name for name in found if "." not in name or name.rpartition(".")[2] not in alone]


def text_of(value: Any) -> str:
    """A value as a label has it.

    Examples
    --------
    >>> text_of(0.5), text_of(np.float64(0)), text_of(True), text_of("fixed")
    ('0.5', '0', 'true', 'fixed')
    """
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)


def few_of(names: Iterable[str]) -> str:
    """Names for a sentence, each once: the first eight, and how many more there are.

    Examples
    --------
    >>> few_of(["b", "a", "b"]), few_of("abcdefghij")
    ('b, a', 'a, b, c, d, e, f, g, h and 2 more')
    """
    distinct = list(dict.fromkeys(names))
    more = f" and {len(distinct) - _FEW} more" if len(distinct) > _FEW else ""
    return ", ".join(distinct[:_FEW]) + more


def level_texts(
    column: "pd.Series", named: Sequence[Any], *, as_named: bool = False
) -> tuple[np.ndarray, list[str], np.ndarray]:
    """The levels of a factor: of each row its number, and their labels and places.

    Parameters
    ----------
    column : Series
    named : sequence
        Levels in the order in which a design or a frame names them.
    as_named : bool
        Numbers in that order, too, as a category's are.

    Returns
    -------
    codes : int64 array, shape (rows,)
    labels : list of str
        Numbers in their order, else as named.
    places : int64 array, shape (levels,)
        Of each level, by which the first one is known.

    Raises
    ------
    InputError
        For a number and a text that read the same.

    Examples
    --------
    >>> import pandas as pd
    >>> level_texts(pd.Series([0.5, 0.0, 0.5]), [0.5, 0.0])
    (array([1, 0, 1]), ['0', '0.5'], array([1, 0]))
    >>> level_texts(pd.Series(["b", "a"]), ["a", "b"])
    (array([1, 0]), ['a', 'b'], array([0, 1]))
    """
    import pandas as pd

    codes, levels = pd.factorize(np.asarray(column), use_na_sentinel=False)
    order = {level: place for place, level in enumerate(named)}
    places = np.array([order.get(level, len(order)) for level in levels], dtype=np.int64)
    rank = places
    if not as_named and all(isinstance(level, int | float | np.number | np.bool_) for level in levels):
        rank = np.asarray(levels, dtype=np.float64)
    order_shown = np.argsort(rank, kind="stable")
    codes, levels, places = np.argsort(order_shown)[codes], levels[order_shown], places[order_shown]
    texts = [text_of(level) for level in levels]
    if len(set(texts)) < len(texts):
        texts = [str(level) for level in levels]
    for place, text in enumerate(texts):
        if text in texts[:place]:
            one, other = levels[texts.index(text)], levels[place]
            raise InputError(f"{column.name} has both {one!r} and {other!r}, which read the same; make them one")
    return codes, texts, places


def path_labels(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of paths that differ; a path that is there again is numbered.

    Examples
    --------
    >>> path_labels([Path("/a/base/sweep"), Path("/a/strong/sweep"), Path("/a/base/sweep")])
    ['base/sweep', 'strong/sweep', 'base/sweep (2)']
    """
    full = [Path(os.path.realpath(path)) for path in paths]
    distinct = list(dict.fromkeys(full))
    ends = {path: path.name or str(path) for path in distinct}
    for count in range(1, max(len(path.parts) for path in distinct) + 1):
        ends = {path: "/".join(path.parts[-count:]) for path in distinct}
        if len(set(ends.values())) == len(distinct):
            break
    labels = []
    for place, path in enumerate(full):
        before = full[:place].count(path)
        labels.append(f"{ends[path]} ({before + 1})" if before else ends[path])
    return labels
