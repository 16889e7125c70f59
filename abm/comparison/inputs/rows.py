"""The runs of several sources in one table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from abm.comparison.inputs.sources import Source

if TYPE_CHECKING:
    import pandas as pd


def without_duplicates(
    rows: "pd.DataFrame", keys: Sequence[str], sources: Sequence[Source], notes: list[str]
) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """The runs in the order of their pairs, each once, and their outcomes; notes tell what is left out."""
    import pandas as pd

    # Sorted, so that the numbers do not depend on the order in which runs were read.
    rows = rows.sort_values("pair", kind="stable")
    repeated = rows.duplicated(list(keys))
    if repeated.any():
        notes.append(f"{repeated.sum():,} runs occur twice, with the same parameters and seed, and count once.")
        rows = rows[~repeated]
    kept = _kept_outcomes(sources, notes)
    outcomes = pd.concat([source.frame[kept] for source in sources], ignore_index=True).take(rows.index)
    return rows.reset_index(drop=True), outcomes.reset_index(drop=True)


def run_table(sources: Sequence[Source], columns: Sequence[str], notes: list[str]) -> "pd.DataFrame":
    """A row for each finished run: `source`, `row` there, `seed`, number of steps (`length`) and the factors."""
    import pandas as pd

    parts = []
    for number, source in enumerate(sources):
        count = len(source.frame)
        seed = _seeds(source.frame["seed"], notes) if "seed" in source.frame else _replication_numbers(source)
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


def row_numbers(rows: "pd.DataFrame", number: int, source: Source) -> np.ndarray:
    """The row in `rows` of each run of a source, shape (runs of the source,); -1 where it was left out."""
    own = np.flatnonzero(rows["source"].to_numpy() == number)
    positions = np.full(len(source.frame), -1)
    positions[rows["row"].to_numpy()[own]] = own
    return positions


def _seeds(column: "pd.Series", notes: list[str]) -> np.ndarray:
    """Seeds as numbers; each run without a seed gets a negative number of its own."""
    missing = column.isna().to_numpy()
    if not missing.any():
        return column.to_numpy()
    notes.append(f"{missing.sum():,} runs without a seed count as separate replications and are not paired.")
    numbers = np.empty(len(column), dtype=np.int64)
    numbers[~missing] = column[~missing].rank(method="dense").to_numpy(np.int64)
    numbers[missing] = -1 - np.arange(missing.sum())
    return numbers


def _replication_numbers(source: Source) -> np.ndarray:
    """Numbers of runs without seeds, in the order of their values: each is a replication of its own."""
    numbers = source.frame.select_dtypes("number")
    if numbers.empty:
        return np.arange(len(source.frame))
    order = np.lexsort(numbers.to_numpy(np.float64, na_value=np.inf).T)
    return np.argsort(order)


def row_codes(rows: "pd.DataFrame", columns: Sequence[str]) -> np.ndarray:
    """Numbers from 0 in the order of the values; equal rows have equal numbers."""
    return rows.groupby(list(columns), dropna=False, observed=True).ngroup().to_numpy(np.int64)


def _kept_outcomes(sources: Sequence[Source], notes: list[str]) -> list[str]:
    """Names of the outcomes that all sources have."""
    everywhere = set.intersection(*(set(source.outcomes) for source in sources))
    some = {name: None for source in sources for name in source.outcomes if name not in everywhere}
    if some:
        notes.append(f"Outcomes that not all directories have are left out: {', '.join(some)}.")
    return [name for name in sources[0].outcomes if name in everywhere]
