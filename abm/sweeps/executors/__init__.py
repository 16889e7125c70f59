"""Who makes the runs: each executor is an object whose `client()` is a Dask client for the time of a block.

`waits` says, while there is no worker, whether some may still come, as those of a batch queue may.
"""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from distributed import Client


class Executor(Protocol):
    """What a sweep needs of an executor."""

    waits: bool

    def check(self) -> None:
        """Refuse, before anything is written, what cannot work."""
        ...

    def client(self) -> "AbstractContextManager[Client]":
        """Workers, and the client to reach them by, for the time of a block."""
        ...

    def cores(self) -> int:
        """How many runs are made at once, as far as is known beforehand."""
        ...


# For schedulers of our own: a worker that dies takes no queued chunk with it, and a chunk that kills two is set aside.
SCHEDULER_SETTINGS = {
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.allowed-failures": 1,
    "distributed.scheduler.worker-ttl": "30s",
    "distributed.comm.timeouts.connect": "30s",
    "distributed.admin.log-format": "%(message)s",
}
_LOGGERS = ("distributed", "distributed.client", "distributed.gc", "tornado", "tornado.application", "asyncio")


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
