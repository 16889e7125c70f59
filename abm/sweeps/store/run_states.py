"""Which runs of a plan are stored, found by their keys and seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from abm.sweeps.design.plan import Plan
from abm.sweeps.store.reader import FinishedSource, PartSource, RunBatch, run_batches

NOT_IN_PLAN, DAMAGED = -1, -2  # instead of a run's number
MISSING, FAILED, DONE = range(3)


@dataclass(frozen=True)
class RunStates:
    """Which runs of a plan are done, failed and missing.

    Attributes
    ----------
    plan : Plan
    state : uint8 array, shape (runs,)
        MISSING, FAILED or DONE; a run that is stored several times is done if it succeeded once.
    """

    plan: Plan
    state: np.ndarray

    def numbers(self, state: int) -> np.ndarray:
        """The numbers of the runs in a state."""
        return np.flatnonzero(self.state == state)

    def count(self, state: int, some: slice = slice(None)) -> int:
        """How many runs are in a state, of all or of some."""
        return int(np.count_nonzero(self.state[some] == state))


def run_states(plan: Plan, sources: Sequence[PartSource | FinishedSource]) -> RunStates:
    """Look up all stored runs."""
    state = np.full(plan.runs, MISSING, dtype=np.uint8)
    for _, batch in run_batches(sources):
        number, failed = run_numbers(plan, batch), batch.runs["failed"].to_numpy()
        of_failed = number[failed & (number >= 0)]
        state[of_failed[state[of_failed] == MISSING]] = FAILED
        state[number[~failed & (number >= 0)]] = DONE
    return RunStates(plan, state)


def run_numbers(plan: Plan, batch: RunBatch) -> np.ndarray:
    """The number of each run in the plan, or NOT_IN_PLAN or DAMAGED."""
    keys = pc.dictionary_encode(batch.runs["key"].combine_chunks())
    points = plan.key_index.get_indexer(keys.dictionary.to_numpy(zero_copy_only=False))
    points = points[keys.indices.to_numpy()]
    return np.where(batch.damaged, DAMAGED, _numbers(plan, points, batch.runs["seed"].to_numpy()))


def _numbers(plan: Plan, points: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Run numbers, given distinct points (-1: not in the plan) and seeds."""
    found = np.full(len(points), NOT_IN_PLAN)
    count = plan.replications.count
    if plan.replications.common:  # all points have the same seeds
        groups = [np.flatnonzero(points >= 0)]
    else:
        order = np.argsort(points, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(points[order])) + 1)
    for mine in groups:
        if not mine.size or points[mine[0]] < 0:
            continue
        own, by_seed = plan.sorted_seeds(int(points[mine[0]]))
        rank = np.minimum(np.searchsorted(own, seeds[mine]), count - 1)
        known = own[rank] == seeds[mine]
        found[mine[known]] = points[mine[known]] * count + by_seed[rank[known]]
    return found
