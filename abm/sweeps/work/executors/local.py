"""Processes of this machine, one thread each."""

import asyncio
import contextlib
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from abm.sweeps.work.executors import own_settings, quiet, undisturbed, undisturbed_loop, without_script
from abm.sweeps.work.executors.certificate import made_security

if TYPE_CHECKING:
    import concurrent.futures

    from distributed import Client, LocalCluster, Security

# Workers are forked from one process that has imported all and loaded the kernels, while this one imports Dask. Where
# system libraries do not survive a fork, each starts by itself.
_START = "forkserver" if sys.platform == "linux" else "spawn"
_SETTINGS = {
    "distributed.worker.multiprocessing-method": _START,
    # A worker that was gone some seconds before would be given up, even one that has died once more since then.
    "distributed.deploy.lost-worker-timeout": "365 days",
}
_LOOK = 2.0  # seconds between two looks for workers that are gone
_GIVEN_UP = 60.0  # seconds that one may be: a start takes some on a busy machine
_GOODBYE = 10.0  # seconds that workers have to end


def own_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class LocalProcesses:
    """Worker processes on this machine."""

    workers: int = field(default_factory=own_cores)

    def cores(self) -> int:
        """As many as there are workers."""
        return self.workers

    def check(self) -> None:
        """Processes can be started anywhere."""

    def waits(self) -> bool:
        """No: they are started at once, and again where they end."""
        return False

    def missing(self, workers: int) -> str:
        """Those that have just died."""
        return f"{workers} of {self.workers} workers" if workers < self.workers else ""

    @contextlib.contextmanager
    def client(self, folder: Path, say: Callable[[str], None]) -> "Iterator[Client]":
        """Start the processes, and end all of them after the block."""
        if _START == "forkserver":
            _start_fork_server()
        from distributed import Client

        others = set(_workers())
        security = made_security()
        try:
            with own_settings(_SETTINGS), quiet(), without_script(), undisturbed_loop() as loop:
                # Awaited there, for a start that is broken off halfway could not be closed in order.
                starting = asyncio.run_coroutine_threadsafe(self._start(security), loop.asyncio_loop)
                replacing = asyncio.run_coroutine_threadsafe(_replace_lost(starting), loop.asyncio_loop)
                try:
                    address = starting.result().scheduler_address
                    with Client(address, loop=loop, security=security, set_as_default=False) as client:
                        yield client
                finally:
                    replacing.cancel()
                    closing = asyncio.run_coroutine_threadsafe(_close(starting), loop.asyncio_loop)
                    # What is left is ended below; no error of closing may cost what was made.
                    with contextlib.suppress(TimeoutError, CancelledError, OSError, RuntimeError):
                        closing.result(_GOODBYE)
        finally:
            _end(set(_workers()) - others)

    async def _start(self, security: "Security") -> "LocalCluster":
        from distributed import LocalCluster

        return await LocalCluster(
            n_workers=self.workers,
            threads_per_worker=1,
            processes=True,
            asynchronous=True,
            host="127.0.0.1",
            security=security,
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # any free port: the usual one may be taken
            memory_limit=0,
            silence_logs=60,  # above critical: who died is said by the sweep itself
        )


async def _replace_lost(starting: "concurrent.futures.Future[LocalCluster]") -> None:
    """Start a worker anew that Dask has given up, as it does one whose process dies while it starts."""
    cluster = await asyncio.wrap_future(starting)
    seen: dict[Hashable, float] = {}  # since when they have been gone
    while True:
        await asyncio.sleep(_LOOK)
        now = time.monotonic()
        seen = {name: seen.get(name, now) for name, nanny in cluster.workers.items() if not nanny.is_alive()}
        lost = [name for name, since in seen.items() if now - since >= _GIVEN_UP]
        with contextlib.suppress(OSError, TimeoutError, RuntimeError):  # the next look may help
            for name in lost:
                await cluster.workers.pop(name).close(timeout=_LOOK)
            if lost:
                await cluster


async def _close(starting: "concurrent.futures.Future[LocalCluster]") -> None:
    cluster = await asyncio.wrap_future(starting)
    await cluster.close()


def _start_fork_server() -> None:
    from multiprocessing import forkserver

    multiprocessing.set_forkserver_preload(["distributed", "abm.sweeps.work.warm"])
    with undisturbed():
        forkserver.ensure_running()


def _workers() -> Iterator[psutil.Process]:
    """Processes that Dask has started from this one."""
    for child in multiprocessing.active_children():
        if child.name.startswith("Dask Worker") and child.pid:
            with contextlib.suppress(psutil.NoSuchProcess):
                yield psutil.Process(child.pid)


def _end(processes: Iterable[psutil.Process]) -> None:
    """End what is left of the workers, also one that is frozen."""
    _, alive = psutil.wait_procs(processes, timeout=_GOODBYE)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
