"""Executors: each starts or finds workers and gives the Dask client by which they are reached."""

import logging
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from multiprocessing import resource_tracker, spawn
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from distributed import Client
    from tornado.ioloop import IOLoop


class Executor(Protocol):
    """What a sweep needs of an executor."""

    def check(self) -> None:
        """Raise InputError, before anything is written, if the executor cannot work."""
        ...

    def client(self, folder: Path, note: Callable[[str], None]) -> "AbstractContextManager[Client]":
        """Provide workers and a client for the time of a block.

        `folder` is the folder `working` of the sweep; `note` is called with what the user should know.
        """
        ...

    def cores(self) -> int:
        """How many runs can be made at once, as far as is known beforehand."""
        ...

    def expects_workers(self) -> bool:
        """Whether workers may still come while there is none, as from a batch system's queue."""
        ...

    def missing_workers(self, workers: int) -> str:
        """Which workers are missing while there are so many, for the line of progress; empty if none is."""
        ...


# Settings of the schedulers that a sweep starts: chunks wait at the scheduler, not at a worker that may crash with
# them, and a chunk during which two workers crash is given up.
SCHEDULER_SETTINGS: dict[str, Any] = {
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.allowed-failures": 1,
    "distributed.scheduler.worker-ttl": "30s",
    "distributed.comm.timeouts.connect": "30s",
    "distributed.admin.log-format": "%(message)s",
    # Dask's web servers ask for no certificate and cannot be turned off, so they have no pages.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
_LOGGERS = ("distributed", "distributed.client", "distributed.gc", "tornado", "tornado.application", "asyncio")
_NO_WARNING = "ignore:resource_tracker:UserWarning"
# A terminal sends these to all processes that were started in it; a sweep ends its own processes itself.
_TERMINAL_SIGNALS = {signal.SIGINT, signal.SIGHUP}
_GOODBYE = 10.0  # seconds to wait for a client that takes leave of its scheduler


@contextmanager
def quiet_dask() -> Iterator[None]:
    """Print no messages of Dask's; the sweep reports itself what the user should know."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def connected(address: str, **options: Any) -> "Iterator[Client]":
    """A client for the time of the block, made and closed in a thread.

    An interruption is raised in the main thread alone. A client that it left half made or half closed would hold up
    the process, which ends after its event loop.
    """
    from distributed import Client

    made: list[Client] = []

    def make() -> None:
        made.append(Client(address, set_as_default=False, **options))

    def close() -> None:
        for client in made:
            client.close(timeout=_GOODBYE)

    with ThreadPoolExecutor(1) as thread:  # which closes after it has made, whatever comes between
        try:
            thread.submit(make).result()
            yield made[0]
        finally:
            closing = thread.submit(close)
            with suppress(TimeoutError, OSError):  # the scheduler is lost or frozen
                closing.result()


@contextmanager
def own_settings(further: dict[str, Any]) -> Iterator[None]:
    """Dask's settings for a scheduler that a sweep starts, with a temporary folder that other users cannot write to."""
    import dask

    # Dask removes its files once more as the process ends, when this folder is gone, and would report that.
    logging.getLogger("distributed.diskutils").setLevel(logging.CRITICAL + 1)
    with (
        tempfile.TemporaryDirectory(prefix="abm-") as folder,
        dask.config.set(SCHEDULER_SETTINGS | {"temporary-directory": folder} | further),
    ):
        yield


@contextmanager
def without_terminal_signals() -> Iterator[None]:
    """Threads and processes that are started in the block receive no signals from a terminal."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _TERMINAL_SIGNALS)
    try:
        # The resource tracker gets this interpreter's options. Without this one it would warn, after a second Ctrl-C,
        # of what it removes.
        sys.warnoptions.append(_NO_WARNING)
        try:
            resource_tracker.ensure_running()  # started here, because its start unblocks the signals
        finally:
            sys.warnoptions.remove(_NO_WARNING)
        signal.pthread_sigmask(signal.SIG_BLOCK, _TERMINAL_SIGNALS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def loop_without_terminal_signals() -> "Iterator[IOLoop]":
    """An event loop in a thread which, like the processes started from it, receives no signals from a terminal."""
    from distributed.utils import LoopRunner

    runner = LoopRunner(asynchronous=False)
    with without_terminal_signals():
        runner.start()
    try:
        yield runner.loop
    finally:
        runner.stop()


@contextmanager
def without_user_script() -> Iterator[None]:
    """Processes that are started in the block do not import the user's script, of which they need nothing.

    A script without `if __name__ == "__main__":` would start the sweep again in each process, and a script that Python
    reads from a pipe cannot be imported.
    """
    prepared = spawn.get_preparation_data

    def prepare(name: str) -> dict[str, Any]:
        return {key: value for key, value in prepared(name).items() if not key.startswith("init_main_from_")}

    spawn.get_preparation_data = prepare
    try:
        yield
    finally:
        spawn.get_preparation_data = prepared
