"""Processes of this machine, one thread each."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from abm.sweeps.executors import SCHEDULER_SETTINGS

if TYPE_CHECKING:
    from distributed import Client

_GOODBYE = 5.0  # seconds that workers have to end


def own_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class LocalProcesses:
    """Worker processes on this machine."""

    workers: int = field(default_factory=own_cores)
    waits = False

    def cores(self) -> int:
        """As many as there are workers."""
        return self.workers

    @contextlib.contextmanager
    def client(self) -> "Iterator[Client]":
        """Start the processes, and end all of them after the block."""
        import dask
        from distributed import Client, LocalCluster

        workers: set[psutil.Process] = set()
        with dask.config.set(SCHEDULER_SETTINGS):
            try:
                with (
                    LocalCluster(
                        n_workers=self.workers,
                        threads_per_worker=1,
                        processes=True,
                        host="127.0.0.1",
                        dashboard_address=None,
                        memory_limit=0,
                        silence_logs=60,  # above critical: who died is said by the sweep itself
                        preload=["abm.sweeps.executors.signals"],
                    ) as cluster,
                    Client(cluster, set_as_default=False) as client,
                ):
                    try:
                        yield client
                    finally:
                        workers.update(_processes(nanny.pid for nanny in cluster.workers.values()))
            finally:
                _end(workers)


def _processes(pids: Iterable[int | None]) -> Iterator[psutil.Process]:
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            if pid is not None:
                yield psutil.Process(pid)


def _end(processes: set[psutil.Process]) -> None:
    """End what is left of the workers, also one that is frozen."""
    _, alive = psutil.wait_procs(processes, timeout=_GOODBYE if processes else 0)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
