"""Who makes the runs: each executor is an object whose `client()` is a Dask client for the time of a block."""

import logging
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing import resource_tracker, spawn
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from distributed import Client
    from tornado.ioloop import IOLoop


class Executor(Protocol):
    """What a sweep needs of an executor."""

    def check(self) -> None:
        """Refuse, before anything is written, what cannot work."""
        ...

    def client(self, folder: Path, say: Callable[[str], None]) -> "AbstractContextManager[Client]":
        """Workers, and the client to reach them by, for the time of a block.

        `folder` is where a sweep at work keeps its own files; `say` is told what the user should know.
        """
        ...

    def cores(self) -> int:
        """How many runs are made at once, as far as is known beforehand."""
        ...

    def waits(self) -> bool:
        """Whether, while there is no worker, some may still come, as those of a batch queue may."""
        ...

    def missing(self, workers: int) -> str:
        """Which workers are missing while there are so many, in some words; empty if none is."""
        ...


# For schedulers of our own: a worker that dies takes no queued chunk with it, and a chunk that kills two is set aside.
SCHEDULER_SETTINGS: dict[str, Any] = {
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.allowed-failures": 1,
    "distributed.scheduler.worker-ttl": "30s",
    "distributed.comm.timeouts.connect": "30s",
    "distributed.admin.log-format": "%(message)s",
    # Dask's web servers ask for no certificate; they cannot be left out, so they have no pages.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
_LOGGERS = ("distributed", "distributed.client", "distributed.gc", "tornado", "tornado.application", "asyncio")
_NO_WARNING = "ignore:resource_tracker:UserWarning"
# What a terminal sends to all processes that were started in it; the sweep ends its own itself.
_OF_TERMINALS = {signal.SIGINT, signal.SIGHUP}


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Dask's words on what was lost from the terminal; the sweep says itself what matters."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def own_settings(further: dict[str, Any]) -> Iterator[None]:
    """Dask's settings for a scheduler of our own, whose files lie where no other user can put any."""
    import dask

    # Dask tidies up once more as the process ends, when the folder is gone.
    logging.getLogger("distributed.diskutils").setLevel(logging.CRITICAL + 1)
    with (
        tempfile.TemporaryDirectory(prefix="abm-") as folder,
        dask.config.set(SCHEDULER_SETTINGS | {"temporary-directory": folder} | further),
    ):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """No terminal's signals reach a thread or a process that is started within."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_TERMINALS)
    try:
        # It would tell of what it cleans up after a second Ctrl-C, and is given the options of this interpreter.
        sys.warnoptions.append(_NO_WARNING)
        try:
            resource_tracker.ensure_running()  # lets some in again where it is started, which would be within
        finally:
            sys.warnoptions.remove(_NO_WARNING)
        signal.pthread_sigmask(signal.SIG_BLOCK, _OF_TERMINALS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def undisturbed_loop() -> "Iterator[IOLoop]":
    """An event loop in a thread that no terminal's signals reach, nor then the processes that are started from it."""
    from distributed.utils import LoopRunner

    runner = LoopRunner(asynchronous=False)
    with undisturbed():
        runner.start()
    try:
        yield runner.loop
    finally:
        runner.stop()


@contextmanager
def without_script() -> Iterator[None]:
    """Processes that are started within do not import the user's script, in which they need nothing.

    One that has no `if __name__ == "__main__":` would begin anew in each, and one that comes by a pipe cannot be found.
    """
    prepared = spawn.get_preparation_data

    def prepare(name: str) -> dict[str, Any]:
        return {key: value for key, value in prepared(name).items() if not key.startswith("init_main_from_")}

    spawn.get_preparation_data = prepare
    try:
        yield
    finally:
        spawn.get_preparation_data = prepared
