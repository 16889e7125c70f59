"""The runs of several sources one below the other."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from abm.comparison.inputs.sources import Source

if TYPE_CHECKING:
    import pandas as pd


def each_run_once(
    rows: "pd.DataFrame", keys: Sequence[str], sources: Sequence[Source], notes: list[str]
) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """The runs in order of their pairs, those of equal keys once, and beside them their outcomes.

    Parameters
    ----------
    rows : DataFrame
        Of `run_level`, with `pair`.
    keys : sequence of str
        Columns that are equal for a run that is there again.
    sources : sequence of Source
    notes : list of str
        Gets one for what is left out.

    Returns
    -------
    rows, outcomes : DataFrame
    """
    import pandas as pd

    # In an order of their own, so that numbers are the same in whatever order runs were read.
    rows = rows.sort_values("pair", kind="stable")
    again = rows.duplicated(list(keys))
    if again.any():
        notes.append(f"{again.sum():,} runs are there twice, with the same parameters and seed, and count once.")
        rows = rows[~again]
    kept = _kept_outcomes(sources, notes)
    outcomes = pd.concat([source.frame[kept] for source in sources], ignore_index=True).take(rows.index)
    return rows.reset_index(drop=True), outcomes.reset_index(drop=True)


def run_level(sources: Sequence[Source], columns: Sequence[str], notes: list[str]) -> "pd.DataFrame":
    """A row a finished run: the number of its `source` and its `row` there, its `seed`, `length` and factors.

    Parameters
    ----------
    sources : sequence of Source
    columns : sequence of str
        Factors; a source in which one does not vary has its value for all runs.
    notes : list of str
        Gets one where runs have no seed.

    Examples
    --------
    >>> import pandas as pd
    >>> from abm.comparison.inputs.sources import source_of_frame
    >>> frame = pd.DataFrame({"churn": [0.1, 0.2], "seed": [7, 7], "hhi": [900.0, 800.0]})
    >>> run_level([source_of_frame(frame, [])], ["churn"], [])
       source  row  seed  length  churn
    0       0    0     7      -1    0.1
    1       0    1     7      -1    0.2
    """
    import pandas as pd

    parts = []
    for number, source in enumerate(sources):
        count = len(source.frame)
        seed = _seeds(source.frame["seed"], notes) if "seed" in source.frame else _places(source)
        length = source.frame["steps"].to_numpy() if "steps" in source.factors else source.values.get("steps", -1)
        part = {"source": np.full(count, number), "row": np.arange(count), "seed": seed}
        part["length"] = np.broadcast_to(np.asarray(length, dtype=np.int64), count)
        for name in columns:
            if name in source.factors:
                part[name] = np.asarray(source.frame[name])
            else:
                part[name] = np.full(count, source.values.get(name), dtype=None)
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def places_in(rows: "pd.DataFrame", number: int, source: Source) -> np.ndarray:
    """Of each run of a source its place among the rows, -1 if it is not among them.

    Parameters
    ----------
    rows : DataFrame
        `source` and `row` of each.
    number : int
        The source's, in `rows`.
    source : Source
    """
    own = np.flatnonzero(rows["source"].to_numpy() == number)
    places = np.full(len(source.frame), -1)
    places[rows["row"].to_numpy()[own]] = own
    return places


def _seeds(column: "pd.Series", notes: list[str]) -> np.ndarray:
    """Seeds; where some are missing, numbers that tell them apart as well, each of the missing ones its own."""
    missing = column.isna().to_numpy()
    if not missing.any():
        return column.to_numpy()
    notes.append(f"{missing.sum():,} runs without a seed are replications of their own, and have no partner.")
    numbers = np.empty(len(column), dtype=np.int64)
    numbers[~missing] = column[~missing].rank(method="dense").to_numpy(np.int64)
    numbers[missing] = -1 - np.arange(missing.sum())
    return numbers


def _places(source: Source) -> np.ndarray:
    """A number for each run where there are no seeds: each is a replication of its own, in the order of the values."""
    numbers = source.frame.select_dtypes("number")
    if numbers.empty:
        return np.arange(len(source.frame))
    order = np.lexsort(numbers.to_numpy(np.float64, na_value=np.inf).T)
    return np.argsort(order)


def numbered(rows: "pd.DataFrame", columns: Sequence[str]) -> np.ndarray:
    """Equal rows get equal numbers, from 0 in the order of their values.

    Examples
    --------
    >>> import pandas as pd
    >>> numbered(pd.DataFrame({"seed": [9, 3, 9], "churn": [0.1, 0.1, 0.1]}), ["seed", "churn"])
    array([1, 0, 1])
    """
    return rows.groupby(list(columns), dropna=False, observed=True).ngroup().to_numpy(np.int64)


def _kept_outcomes(sources: Sequence[Source], notes: list[str]) -> list[str]:
    """Names of the outcomes that all sources have."""
    everywhere = set.intersection(*(set(source.outcomes) for source in sources))
    some = {name: None for source in sources for name in source.outcomes if name not in everywhere}
    if some:
        notes.append(f"Outcomes that not all directories have are left out: {', '.join(some)}.")
    return [name for name in sources[0].outcomes if name in everywhere]
