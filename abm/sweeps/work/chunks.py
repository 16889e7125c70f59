"""How the runs that are missing are put into chunks: small ones first, then such as take about five seconds."""

import math
from collections.abc import Iterator

import numpy as np

from abm.sweeps.design.plan import Plan
from abm.sweeps.work.worker import Piece, Receipt

TARGET = 5.0  # seconds that a chunk takes: what a kill loses, and long beside what handing it out costs
FIRST = 0.25  # seconds that the first chunks take, which tell how fast the others will be
LEAST = 0.25  # seconds that the last chunks take
MOST_RUNS = 20_000
_GUESS = 5e-8  # seconds a slot and step, before anything was measured


class Chunks:
    """The chunks of a sweep, made as they are needed.

    Parameters
    ----------
    plan : Plan
    runs : int64 array
        Numbers of the runs to make.
    """

    def __init__(self, plan: Plan, runs: np.ndarray) -> None:
        self._plan, self._runs = plan, runs
        self._ends = np.cumsum(plan.work_of(runs))
        self._next = 0
        self._done: list[tuple[float, float]] = []  # work and seconds of the latest receipts

    def __bool__(self) -> bool:
        return self._next < len(self._runs)

    def take(self, workers: int) -> np.ndarray:
        """The runs of the next chunk.

        Parameters
        ----------
        workers : int
            Who share the rest; each shall have two chunks of it at least.
        """
        begin = self._next
        before = self._ends[begin - 1] if begin else 0.0
        seconds = TARGET if self._done else FIRST
        share = (self._ends[-1] - before) / (2 * max(workers, 1))
        if self._done:
            share = max(share, LEAST / self.seconds_a_work())  # else the last chunks would shrink to a run each
        wanted = min(seconds / self.seconds_a_work(), share)
        end = int(np.searchsorted(self._ends, before + wanted, side="right"))
        self._next = min(max(end, begin + 1), begin + MOST_RUNS, len(self._runs))
        return self._runs[begin : self._next]

    def seconds_a_work(self) -> float:
        """What was measured of late, or a guess."""
        if not self._done:
            return _GUESS
        work, seconds = np.sum(self._done, axis=0)
        return max(seconds / work, 1e-12)

    def measured(self, runs: np.ndarray, receipt: Receipt) -> None:
        """Learn from a chunk that is done."""
        self._done = [*self._done[-15:], (float(np.sum(self._plan.work_of(runs))), receipt.seconds)]


def pieces(plan: Plan, runs: np.ndarray) -> list[Piece]:
    """Runs as what a worker needs to make them, those of a point together.

    Parameters
    ----------
    plan : Plan
    runs : int64 array
        Numbers of runs in rising order.
    """
    numbers, replications = np.divmod(runs, plan.replications.count)
    made = []
    for number, mine in _neighbours(numbers):
        point = int(plan.first_points[number])
        seeds = plan.seeds[number][replications[mine]].tolist()
        made.append(Piece(plan.changes(point), str(plan.keys[point]), seeds))
    return made


def chunk_count(runs: int, workers: int, seconds: float) -> int:
    """How many chunks some runs are likely to come to that take so many seconds on one core."""
    return min(runs, max(2 * workers, math.ceil(seconds / TARGET), math.ceil(runs / MOST_RUNS)))


def _neighbours(numbers: np.ndarray) -> Iterator[tuple[int, slice]]:
    """Each stretch of equal numbers."""
    bounds = np.flatnonzero(np.diff(numbers)) + 1
    for begin, end in zip([0, *bounds], [*bounds, len(numbers)], strict=True):
        yield int(numbers[begin]), slice(int(begin), int(end))
