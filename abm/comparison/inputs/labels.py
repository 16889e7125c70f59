"""Labels of compared runs: the parameters that differ, or the ends of their paths."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_FEW = 8  # names in a sentence


def differing_parameters(values: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the parameters that all have and whose values differ."""
    first, *others = values
    found = [
        name
        for name, value in first.items()
        if all(name in other for other in others) and any(other[name] != value for other in others)
    ]
    alone = {name for name in found if "." not in name}
    return [name for name in found if "." not in name or name.rpartition(".")[2] not in alone]


def level_text(value: Any) -> str:
    """A level as a label shows it."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)


def short_list(names: Iterable[str]) -> str:
    """Distinct names for a sentence: the first eight, and the number of the others."""
    distinct = list(dict.fromkeys(names))
    more = f" and {len(distinct) - _FEW} more" if len(distinct) > _FEW else ""
    return ", ".join(distinct[:_FEW]) + more


def factor_levels(
    column: "pd.Series", named: Sequence[Any], *, as_named: bool = False
) -> tuple[np.ndarray, list[str], np.ndarray]:
    """The levels of a factor.

    Parameters
    ----------
    column : Series
    named : sequence
        Levels in the order in which a design or a frame names them.
    as_named : bool
        Keep that order for numbers too, as for the categories of a Categorical.

    Returns
    -------
    codes : int64 array, shape (rows,)
    labels : list of str
        Numbers in rising order, other levels as named.
    positions : int64 array, shape (levels,)
        Each level's index among `named`.
    """
    import pandas as pd

    codes, levels = pd.factorize(np.asarray(column), use_na_sentinel=False)
    order = {level: index for index, level in enumerate(named)}
    positions = np.array([order.get(level, len(order)) for level in levels], dtype=np.int64)
    rank = positions
    if not as_named and all(isinstance(level, int | float | np.number | np.bool_) for level in levels):
        rank = np.asarray(levels, dtype=np.float64)
    order_shown = np.argsort(rank, kind="stable")
    codes, levels, positions = np.argsort(order_shown)[codes], levels[order_shown], positions[order_shown]
    texts = [level_text(level) for level in levels]
    if len(set(texts)) < len(texts):
        texts = [str(level) for level in levels]
    for index, text in enumerate(texts):
        if text in texts[:index]:
            one, other = levels[texts.index(text)], levels[index]
            raise InputError(
                f"{column.name} has both {one!r} and {other!r}, which have the same label; use one of them"
            )
    return codes, texts, positions


def path_labels(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of paths that differ; a path that occurs again gets a number."""
    full = [Path(os.path.realpath(path)) for path in paths]
    distinct = list(dict.fromkeys(full))
    ends = {path: path.name or str(path) for path in distinct}
    for count in range(1, max(len(path.parts) for path in distinct) + 1):
        ends = {path: "/".join(path.parts[-count:]) for path in distinct}
        if len(set(ends.values())) == len(distinct):
            break
    labels = []
    for index, path in enumerate(full):
        before = full[:index].count(path)
        labels.append(f"{ends[path]} ({before + 1})" if before else ends[path])
    return labels
