"""How runs are divided into chunks, in simulated time."""

import heapq

import numpy as np
import pytest

from abm.sweeps.design.settings import Replications
from abm.sweeps.work import chunks
from abm.sweeps.work.chunks import FIRST, LEAST, TARGET, Chunks, chunk_count
from abm.sweeps.work.worker import ChunkResult

RUN = 0.01  # seconds of a run


class EqualRuns:
    """What `Chunks` needs of a plan of one replication, whose runs all take equally long."""

    replications = Replications(count=1)
    work, first_points = np.array([RUN / chunks._DEFAULT_SECONDS_PER_WORK]), np.array([0])

    def work_of(self, runs: np.ndarray) -> np.ndarray:
        return np.full(len(runs), RUN / chunks._DEFAULT_SECONDS_PER_WORK)


def simulated(seconds: float, workers: int, cost: float = 0.0035) -> tuple[float, list[float]]:
    """The end of a sweep that needs so many seconds of each worker, and the seconds of its chunks in their order.

    One process hands out a chunk in `cost` seconds, as long as there are fewer than two for each worker.
    """
    runs = Chunks(EqualRuns(), np.arange(round(seconds * workers / RUN)))
    clock, sizes = 0.0, []
    free = [0.0] * workers  # when each worker has done what it was given
    pending: list[float] = []  # when each chunk is done that is with the workers
    while runs:
        if len(pending) == 2 * workers:
            clock = max(clock, heapq.heappop(pending))
        chunk = runs.take(workers)
        runs.measure(chunk, ChunkResult(len(chunk), 0, len(chunk) * RUN))
        clock += cost
        sizes.append(len(chunk) * RUN)
        end = max(heapq.heappop(free), clock) + sizes[-1]
        heapq.heappush(free, end)
        heapq.heappush(pending, end)
    return max(free), sizes


@pytest.mark.parametrize(("workers", "most"), [(2, 1.02), (100, 1.02), (1000, 1.1), (2000, 1.25)])
def test_handing_out_chunks_hardly_delays_a_minute_of_work_of_many_workers(workers, most):
    end, _ = simulated(60.0, workers)
    assert 60.0 <= end < 60.0 * most


def test_the_smallest_chunks_grow_with_the_workers():
    smallest = {}
    for workers in (2, 100, 1000, 2000):
        _, sizes = simulated(30.0, workers)
        smallest[workers] = min(sizes[1:-1])  # the last one has what is left
        assert sizes[0] == pytest.approx(max(FIRST, smallest[workers]), abs=RUN)
        assert max(sizes) <= max(TARGET, smallest[workers]) + RUN
    assert smallest == pytest.approx({2: LEAST, 100: 0.4, 1000: 4.0, 2000: 8.0}, abs=RUN)


def test_the_last_chunks_shrink_so_that_workers_end_together():
    _, sizes = simulated(60.0, 4)
    assert max(sizes) == pytest.approx(TARGET, abs=RUN)
    assert sizes[-20:] == sorted(sizes[-20:], reverse=True) and sizes[-2] == pytest.approx(LEAST, abs=RUN)


def test_no_run_is_lost_or_given_twice():
    runs = np.flatnonzero(np.arange(5000) % 3)
    given, left = [], Chunks(EqualRuns(), runs)
    while left:
        given.extend(left.take(7))
    assert given == runs.tolist()


def test_an_estimate_counts_chunks_of_the_same_size():
    assert chunk_count(10**6, 2, 1000.0) == 200
    assert chunk_count(10**8, 2000, 10**6) == 10**6 / 8
