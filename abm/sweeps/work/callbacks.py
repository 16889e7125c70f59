"""What a driver of chunks calls while it works, without Dask, which takes long to import."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from abm.sweeps.progress import Progress
from abm.sweeps.work.executors import Executor
from abm.sweeps.work.worker import ChunkResult

_CHECK = 1.0  # seconds between two checks of the lock


@dataclass(frozen=True)
class Callbacks:
    """What a driver calls while it works.

    Attributes
    ----------
    chunk_done : callable
        Called with the result of each chunk.
    check : callable
        Called several times a second; raises to stop.
    count_workers : callable
        Called with the number of workers at each check of the scheduler.
    expects_workers : callable
        Whether workers may still come while there is none, as from a batch system's queue.
    """

    chunk_done: Callable[[ChunkResult], None]
    check: Callable[[], None]
    count_workers: Callable[[int], None]
    expects_workers: Callable[[], bool]


def callbacks_of(
    executor: Executor, progress: Progress, watch: Callable[[Progress], None], check: Callable[[], None]
) -> Callbacks:
    """Callbacks that keep a progress up to date and check a lock now and then."""
    last = time.monotonic()

    def chunk_done(result: ChunkResult) -> None:
        progress.made(result.runs, result.failed)
        watch(progress)

    def count_workers(workers: int) -> None:
        progress.missing = executor.missing_workers(workers)

    def check_lock() -> None:
        nonlocal last
        if time.monotonic() - last > _CHECK:
            last = time.monotonic()
            check()
            watch(progress)

    return Callbacks(chunk_done, check_lock, count_workers, executor.expects_workers)
