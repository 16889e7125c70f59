"""Processes of this machine, one thread each."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING

import psutil

from abm.sweeps.executors import SCHEDULER_SETTINGS, quiet

if TYPE_CHECKING:
    import concurrent.futures

    from distributed import Client, LocalCluster
    from tornado.ioloop import IOLoop

# What a terminal sends to workers too, which the sweep ends itself.
_OF_TERMINALS = {signal.SIGINT, signal.SIGHUP}
# A cluster would give up a worker that was gone some seconds before, even one that has died once more since then.
_SETTINGS = SCHEDULER_SETTINGS | {"distributed.deploy.lost-worker-timeout": "365 days"}
# Workers are forked from one process that has imported all and loaded the kernels, while this one imports Dask. Where
# system libraries do not survive a fork, each starts by itself.
_START = "forkserver" if sys.platform == "linux" else "spawn"
_GOODBYE = 10.0  # seconds that workers have to end


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

    def check(self) -> None:
        """Processes can be started anywhere."""

    @contextlib.contextmanager
    def client(self) -> "Iterator[Client]":
        """Start the processes, and end all of them after the block."""
        if _START == "forkserver":
            _start_fork_server()
        import dask
        from distributed import Client

        others = set(_workers())
        settings = _SETTINGS | {"distributed.worker.multiprocessing-method": _START}
        try:
            with dask.config.set(settings), quiet(), _undisturbed_loop() as loop:
                # Awaited there, for a start that is broken off halfway could not be closed in order.
                starting = asyncio.run_coroutine_threadsafe(self._start(), loop.asyncio_loop)
                try:
                    with Client(starting.result().scheduler_address, loop=loop, set_as_default=False) as client:
                        yield client
                finally:
                    closing = asyncio.run_coroutine_threadsafe(_close(starting), loop.asyncio_loop)
                    with contextlib.suppress(TimeoutError):
                        closing.result(_GOODBYE)
        finally:
            _end(set(_workers()) - others)

    async def _start(self) -> "LocalCluster":
        from distributed import LocalCluster

        return await LocalCluster(
            n_workers=self.workers,
            threads_per_worker=1,
            processes=True,
            asynchronous=True,
            host="127.0.0.1",
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # any free port: the usual one may be taken
            memory_limit=0,
            silence_logs=60,  # above critical: who died is said by the sweep itself
        )


async def _close(starting: "concurrent.futures.Future[LocalCluster]") -> None:
    cluster = await asyncio.wrap_future(starting)
    await cluster.close()


def _start_fork_server() -> None:
    from multiprocessing import forkserver

    multiprocessing.set_forkserver_preload(["distributed", "abm.sweeps.warm"])
    with _undisturbed():
        forkserver.ensure_running()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """No terminal's signals reach a thread or a process that is started within."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_TERMINALS)
    try:
        resource_tracker.ensure_running()  # lets some in again where it is started, which would be within
        signal.pthread_sigmask(signal.SIG_BLOCK, _OF_TERMINALS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _undisturbed_loop() -> "Iterator[IOLoop]":
    """An event loop in a thread that no terminal's signals reach, nor then the processes that are started from it."""
    from distributed.utils import LoopRunner

    runner = LoopRunner(asynchronous=False)
    with _undisturbed():
        runner.start()
    try:
        yield runner.loop
    finally:
        runner.stop()


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
