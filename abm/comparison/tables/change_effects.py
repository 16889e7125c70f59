"""What a change on the way brings about: differences of paths by step since the change, and what they sum up to."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from abm.comparison.inputs.outcomes import SHARE
from abm.comparison.statistics.intervals import paired_intervals
from abm.comparison.tables.paths import MEASURES, path_statistics
from abm.comparison.tables.survival import evenly_spaced

if TYPE_CHECKING:
    import pandas as pd

    from abm.comparison.runs import Runs

PATHS = ("group", "measure", "since", "median", "low", "high", "q10", "q90", "n")
SUMS = ("group", "measure", "since", "steps", "sum", "sum_low", "sum_high", "mean", "mean_low", "mean_high", "n")
BEFORE = 10  # steps before the change that a path of differences begins with


class Pairs(NamedTuple):
    """The pairs of runs of a group and the baseline that differ in changes on the way alone.

    Attributes
    ----------
    pair, block : int64 array, shape (pairs,)
    since : float64 array, shape (pairs,)
        The step of the group's change, from which a difference's steps are counted.
    first : float64 array, shape (pairs,)
        The earliest step at which the two runs may differ.
    """

    pair: np.ndarray
    block: np.ndarray
    since: np.ndarray
    first: np.ndarray


def change_effects(runs: "Runs", level: float = 0.95) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """Differences of paths of the runs with a change from those of the baseline with the same seed.

    `group measure since median low high q10 q90 n`: by steps since the change, over pairs of runs; 0 is the change's
    first step. `group measure since steps sum sum_low sum_high mean mean_low mean_high n`: the differences summed over
    all steps from the change on, in the measure's unit times steps, and their mean by step; `since` is the change's
    first step (the earliest where runs differ in it) and `steps` the number of steps from there on. Both tables have
    the intervals of `level`. Empty without `steps`, without pairs, or where no change differs.
    """
    import pandas as pd

    paths, sums = [pd.DataFrame(columns=list(PATHS))], [pd.DataFrame(columns=list(SUMS))]
    pairs = {} if runs.left_out("steps") else dict(_pairs(runs))
    known = list(runs.frame)
    measures = [name for name in (*MEASURES, "firms") if name in known]
    for measure in [*measures, *(name for name in known if name.startswith(SHARE))] if pairs else ():
        frame = runs.table("steps", ["step", measure])
        base = _wide(frame, runs.baseline, measure)
        for group, own in pairs.items():
            rows = _wide(frame, group, measure)
            steps = np.intersect1d(rows.columns, base.columns)
            differences = rows.loc[own.pair, steps].to_numpy(float) - base.loc[own.pair, steps].to_numpy(float)
            about = {"group": group, "measure": measure}
            paths.append(pd.DataFrame(about | _path(differences, steps, own, level))[list(PATHS)])
            sums.append(pd.DataFrame([about | _sum(differences, steps, own, level)])[list(SUMS)])
            for table in (paths, sums):
                table[-1] = table[-1].assign(**runs.factor_columns(group))
    return tuple(pd.concat(parts[1:] or parts, ignore_index=True) for parts in (paths, sums))


def _pairs(runs: "Runs") -> Iterator[tuple[str, Pairs]]:
    """The pairs of each group whose runs differ from the baseline's in changes on the way, and in no other factor."""
    changes, frame = runs.changes(), runs.frame
    if changes.empty:
        return
    others = [name for name in runs.by if not name.startswith("changes.")]
    rows = {group: np.flatnonzero(frame["group"] == group) for group in runs.groups}
    base = rows[runs.baseline]
    for group in runs.groups:
        if group == runs.baseline or not runs.paired[group]:
            continue
        own, levels = rows[group], [frame[name].to_numpy() for name in others]
        if any(values[own[0]] != values[base[0]] for values in levels):
            continue
        pair = frame["pair"].to_numpy()
        common, ours, theirs = np.intersect1d(pair[own], pair[base], return_indices=True)
        since, first = _origins(changes.iloc[own[ours]], changes.iloc[base[theirs]])
        differs = np.isfinite(first)
        if differs.any():
            block = frame["block"].to_numpy()[own[ours]]
            yield group, Pairs(common[differs], block[differs], since[differs], first[differs])


def _origins(ours: "pd.DataFrame", theirs: "pd.DataFrame") -> tuple[np.ndarray, np.ndarray]:
    """Of each pair of runs the step of the group's change, and the earliest step at which a change differs."""
    since, first = np.full((2, len(ours)), np.inf)
    for name in dict.fromkeys(column.split(".")[1] for column in ours):
        columns = [column for column in ours if column.split(".")[1] == name]
        one, other = (table[columns].to_numpy(object) for table in (ours, theirs))
        both_missing = ours[columns].isna().to_numpy() & theirs[columns].isna().to_numpy()
        differs = ((one != other) & ~both_missing).any(axis=1)
        own, base = (table[f"changes.{name}.step"].to_numpy(float) for table in (ours, theirs))
        since = np.where(differs, np.fmin(since, np.where(np.isnan(own), base, own)), since)
        first = np.where(differs, np.fmin(first, np.fmin(own, base)), first)
    return since, first


def _wide(frame: "pd.DataFrame", group: str, measure: str) -> "pd.DataFrame":
    """A measure of a group's runs, a row a pair and a column a step."""
    own = frame[frame["group"] == group]
    return own.pivot(index="pair", columns="step", values=measure)


def _path(differences: np.ndarray, steps: np.ndarray, pairs: Pairs, level: float) -> dict[str, np.ndarray]:
    """Statistics over pairs by step since the change; where the change's step differs, over those that have it."""
    relative = steps[np.newaxis] - pairs.since[:, np.newaxis]
    every = np.unique(relative[relative >= -BEFORE])
    every = every[
        np.unique(np.searchsorted(every, evenly_spaced(int(every[-1]), int(every[0]))).clip(0, len(every) - 1))
    ]
    aligned = np.full((len(differences), len(every)), np.nan)
    for row in range(len(differences)):
        place = np.searchsorted(every, relative[row])
        there = (place < len(every)) & (every[place.clip(0, len(every) - 1)] == relative[row])
        aligned[row, place[there]] = differences[row, there]
    return path_statistics(aligned, pairs.block, level) | {"since": every.astype(np.int64)}


def _sum(differences: np.ndarray, steps: np.ndarray, pairs: Pairs, level: float) -> dict[str, float]:
    """The sum over all steps from the change on, and the mean by step, with their intervals over pairs."""
    distance = float(np.diff(steps).min()) if len(steps) > 1 else 1.0  # of rows that are kept
    counted = np.where(steps[np.newaxis] >= pairs.first[:, np.newaxis], np.nan_to_num(differences), 0.0)
    length = steps[-1] + 1 - pairs.since
    found: dict[str, float] = {"since": pairs.since.min(), "steps": length.max(), "n": len(differences)}
    for name, values in (("sum", distance * counted.sum(axis=1)), ("mean", distance * counted.sum(axis=1) / length)):
        column = values[:, np.newaxis]
        blocks = pairs.block if len(np.unique(pairs.block)) < len(pairs.block) else None
        low, high = paired_intervals(column, np.zeros_like(column), level, blocks, binary=np.zeros(1, dtype=bool))
        found |= {name: values.mean(), f"{name}_low": low[0], f"{name}_high": high[0]}
    return found


def marks(runs: "Runs") -> list[tuple[str, float, float]]:
    """Each change on the way of the compared runs, once: its name, its step and the step at which it ends."""
    changes = runs.changes()
    found: dict[tuple[str, float, float], None] = {}
    for name in dict.fromkeys(column.split(".")[1] for column in changes):
        own = changes[[f"changes.{name}.step", f"changes.{name}.until"]].dropna().drop_duplicates()
        found |= {(name, float(step), float(until)): None for step, until in own.itertuples(index=False)}
    return list(found)
