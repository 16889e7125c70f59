"""The executor that starts worker processes on this machine, each with one thread."""

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

from abm.sweeps.work.executors import (
    connected,
    loop_without_terminal_signals,
    own_settings,
    quiet_dask,
    without_terminal_signals,
    without_user_script,
)
from abm.sweeps.work.executors.certificate import made_security

if TYPE_CHECKING:
    import concurrent.futures

    from distributed import Client, LocalCluster, Security

# On Linux workers are forked from one process that imports what they need and loads the kernels while this process
# imports Dask. Elsewhere, where system libraries may fail after a fork, each worker starts and imports by itself.
_START = "forkserver" if sys.platform == "linux" else "spawn"
_SETTINGS = {
    "distributed.worker.multiprocessing-method": _START,
    # By default Dask gives up a worker that has been gone for some seconds, although the sweep restarts it.
    "distributed.deploy.lost-worker-timeout": "365 days",
}
_LOOK = 2.0  # seconds between two looks for workers whose processes have ended
_GIVEN_UP = 60.0  # seconds after which such a worker is replaced: a start takes some on a busy machine
_GOODBYE = 10.0  # seconds after which workers that have not ended are killed


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
        """Nothing to check: processes can be started on every machine."""

    def expects_workers(self) -> bool:
        """False: workers start at once, and again when they end."""
        return False

    def missing_workers(self, workers: int) -> str:
        """How many workers there are while some have died and are not replaced yet."""
        return f"{workers} of {self.workers} workers" if workers < self.workers else ""

    @contextlib.contextmanager
    def client(self, folder: Path, note: Callable[[str], None]) -> "Iterator[Client]":
        """Start the processes, and end all of them after the block."""
        if _START == "forkserver":
            _start_fork_server()
        others = set(_workers())
        security = made_security()
        try:
            with own_settings(_SETTINGS), quiet_dask(), without_user_script(), loop_without_terminal_signals() as loop:
                # Started in the loop, because an interrupted start could not be closed in order.
                starting = asyncio.run_coroutine_threadsafe(self._start(security), loop.asyncio_loop)
                replacing = asyncio.run_coroutine_threadsafe(_replace_lost(starting), loop.asyncio_loop)
                try:
                    address = starting.result().scheduler_address
                    with connected(address, loop=loop, security=security) as client:
                        yield client
                finally:
                    replacing.cancel()
                    closing = asyncio.run_coroutine_threadsafe(_close(starting), loop.asyncio_loop)
                    # Workers that are left are ended below; an error while closing must not stop the sweep.
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
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # any free port, because the usual one may be in use
            memory_limit=0,
            silence_logs=60,  # above critical: the sweep reports lost workers itself
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
    with without_terminal_signals():
        forkserver.ensure_running()


def _workers() -> Iterator[psutil.Process]:
    """The workers that Dask has started from this process."""
    for child in multiprocessing.active_children():
        if child.name.startswith("Dask Worker") and child.pid:
            with contextlib.suppress(psutil.NoSuchProcess):
                yield psutil.Process(child.pid)


def _end(processes: Iterable[psutil.Process]) -> None:
    """Wait for workers to end, and kill those that do not, such as frozen ones."""
    _, alive = psutil.wait_procs(processes, timeout=_GOODBYE)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
