"""Where the stored runs of a plan are, in memory: for those who read a sweep that is not finished."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from abm.sweeps.design.plan import Plan
from abm.sweeps.store.reader import FinishedSource, PartSource, run_batches
from abm.sweeps.store.run_states import run_numbers


@dataclass(frozen=True)
class RunIndex:
    """Which runs of a plan are stored, and where.

    Attributes
    ----------
    plan : Plan
    sources : list of PartSource or FinishedSource
    source, row : int64 arrays, shape (stored runs,)
        The source of each stored run, and its row in `runs` of that source.
    run : int64 array, shape (stored runs,)
        Its number in the plan; -1 if it is not in the plan, -2 if its rows are damaged.
    failed : bool array, shape (stored runs,)
    """

    plan: Plan
    sources: Sequence[PartSource | FinishedSource]
    source: np.ndarray
    row: np.ndarray
    run: np.ndarray
    failed: np.ndarray

    @cached_property
    def chosen(self) -> np.ndarray:
        """For each run of the plan the stored run to use, or -1; one that succeeded if there are several."""
        found = np.full(self.plan.runs, -1)
        order = np.argsort(~self.failed, kind="stable")  # failed ones first, so that others replace them
        order = order[self.run[order] >= 0]
        found[self.run[order]] = order
        return found


def index_runs(plan: Plan, sources: Sequence[PartSource | FinishedSource]) -> RunIndex:
    """Find all stored runs in a plan."""
    nothing = np.empty(0, dtype=np.int64)
    source, row, run, failed = [nothing], [nothing], [nothing], [np.empty(0, dtype=bool)]
    rows = np.zeros(len(sources), dtype=np.int64)  # of each source so far
    for number, batch in run_batches(sources):
        count = batch.runs.num_rows
        source.append(np.full(count, number))
        row.append(rows[number] + np.arange(count))
        run.append(run_numbers(plan, batch))
        failed.append(batch.runs["failed"].to_numpy())
        rows[number] += count
    return RunIndex(plan, sources, *(np.concatenate(each) for each in (source, row, run, failed)))
