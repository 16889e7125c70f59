"""How missing runs are divided into chunks: small ones first, then chunks that take about five seconds each.

The last ones are small again, so that all workers end at about the same time, but not so small that many workers wait
for the process that hands chunks out.

Chunks follow the order in which runs are made (`in_rounds`); within a chunk the runs of a point are together.
"""

import math

import numpy as np

from abm.sweeps.design.plan import Plan
from abm.sweeps.work.order import in_rounds
from abm.sweeps.work.worker import ChunkResult, PointRuns

TARGET = 5.0  # seconds of a chunk: what an interruption loses, and long beside what handing a chunk out costs
FIRST = 0.25  # seconds of the first chunks, which measure how fast runs are
LEAST = 0.25  # seconds of the last chunks of a few workers
HANDING_OUT = 0.004  # seconds for which each chunk occupies the process that hands it out
MOST_RUNS = 20_000
_DEFAULT_SECONDS_PER_WORK = 5e-8  # assumed for a slot and step until a chunk has been measured
_MEASURED_CHUNKS = 16  # the latest ones, whose speed decides the size of the next


class Chunks:
    """Divides runs into chunks, one at a time, as the workers' speed becomes known.

    Parameters
    ----------
    plan : Plan
    runs : int64 array, shape (runs,)
        Numbers of the runs to make, in rising order.
    """

    def __init__(self, plan: Plan, runs: np.ndarray) -> None:
        self._plan, self._runs = plan, in_rounds(plan, runs)
        self._cumulative_work = np.cumsum(plan.work_of(self._runs))
        self._next = 0
        self._measured: list[tuple[float, float]] = []  # work and seconds of the latest chunks

    def __bool__(self) -> bool:
        """Whether runs are left."""
        return self._next < len(self._runs)

    def take(self, workers: int) -> np.ndarray:
        """The runs of the next chunk in rising order; so many that each worker still gets two chunks of the rest."""
        begin = self._next
        before = self._cumulative_work[begin - 1] if begin else 0.0
        least = least_seconds(workers)
        seconds = max(TARGET if self._measured else FIRST, least)
        share = (self._cumulative_work[-1] - before) / (2 * max(workers, 1))
        if self._measured:
            share = max(share, least / self.seconds_per_work())  # otherwise the last chunks would have one run each
        wanted = min(seconds / self.seconds_per_work(), share)
        end = int(np.searchsorted(self._cumulative_work, before + wanted, side="right"))
        self._next = min(max(end, begin + 1), begin + MOST_RUNS, len(self._runs))
        return np.sort(self._runs[begin : self._next])

    def seconds_per_work(self) -> float:
        """Seconds of a unit of work, a slot and step, in the latest chunks; an assumption before the first."""
        if not self._measured:
            return _DEFAULT_SECONDS_PER_WORK
        work, seconds = np.sum(self._measured, axis=0)
        return max(seconds / work, 1e-12)

    def measure(self, runs: np.ndarray, result: ChunkResult) -> None:
        """Record how long a finished chunk took."""
        work = float(np.sum(self._plan.work_of(runs)))
        self._measured = [*self._measured[1 - _MEASURED_CHUNKS :], (work, result.seconds)]


def runs_by_point(plan: Plan, runs: np.ndarray) -> list[PointRuns]:
    """Runs, by their numbers in rising order, as a worker takes them: those of a design point together."""
    numbers, replications = np.divmod(runs, plan.replications.count)
    begins = np.flatnonzero(np.diff(numbers, prepend=-1))
    points = plan.first_points[numbers[begins]]
    seeds = plan.seeds[numbers, replications].tolist()
    ends = [*begins[1:].tolist(), len(runs)]
    found = zip(plan.changes_of(points), plan.keys[points].tolist(), begins.tolist(), ends, strict=True)
    return [PointRuns(changes, key, seeds[begin:end]) for changes, key, begin, end in found]


def least_seconds(workers: int) -> float:
    """Seconds of the smallest chunks, so long that all of so many workers can be given the next one meanwhile.

    Examples
    --------
    >>> least_seconds(2), least_seconds(1_000), least_seconds(2_000)
    (0.25, 4.0, 8.0)
    """
    return max(LEAST, HANDING_OUT * workers)


def chunk_count(runs: int, workers: int, seconds: float) -> int:
    """About how many chunks there will be for runs that take so many seconds on one core."""
    return min(
        runs, max(2 * workers, math.ceil(seconds / max(TARGET, least_seconds(workers))), math.ceil(runs / MOST_RUNS))
    )
