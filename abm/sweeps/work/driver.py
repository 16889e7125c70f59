"""Has a Dask cluster make the runs of a sweep, and sees to it that whatever is lost on the way is made again.

Chunks are handed out a few at a time and forgotten when done, so that memory stays flat in the client and in the
scheduler. A chunk whose process died is a suspect: when all others are done, suspects are tried alone and halved until
the runs that kill are found.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from concurrent.futures import Future as Answer
from typing import TYPE_CHECKING

import numpy as np
from distributed import KilledWorker
from distributed.comm import CommClosedError
from distributed.scheduler import NoValidWorkerError, NoWorkerError

from abm.errors import InputError, Stopped
from abm.sweeps.design.plan import Plan
from abm.sweeps.store.parts import PARTS, write_part
from abm.sweeps.work.chunks import Chunks, pieces
from abm.sweeps.work.worker import Job, NotAlike, Receipt, failed_part, make_chunk, own_versions

if TYPE_CHECKING:
    from distributed import Client, Future

PING = 5.0  # seconds between two looks at the scheduler
PING_PATIENCE = 30.0  # seconds that it may take to answer
_PAUSE = 0.1


class Driver:
    """Hands chunks out to a cluster.

    Parameters
    ----------
    client : distributed.Client
    job : Job
    plan : Plan
    done : callable
        Called with the receipt of each chunk.
    check : callable
        Called now and then; raises to stop.
    count : callable
        Called now and then with the number of workers.
    waits : callable
        Whether workers may still come while there is none, as from a queue.
    patience : float
        Seconds to wait while there is no worker.
    """

    def __init__(
        self,
        client: "Client",
        job: Job,
        plan: Plan,
        done: Callable[[Receipt], None],
        check: Callable[[], None],
        count: Callable[[int], None],
        waits: Callable[[], bool],
        patience: float,
    ) -> None:
        self._client, self._job, self._plan = client, job, plan
        self._done, self._check, self._count = done, check, count
        self._waits, self._patience = waits, patience
        self._scheduler = f"the scheduler {client.scheduler.address}"
        self._threads = self._count_threads()
        self._seen = self._looked = time.monotonic()
        self._number = 0
        refuse_unlike_workers(client, job.versions)  # before any run; later ones are refused by their first chunk

    def make(self, runs: np.ndarray) -> None:
        """Make runs.

        Raises
        ------
        Stopped
            If the scheduler or all workers are lost.
        InputError
            If a worker has other versions.
        OSError
            If a part cannot be written.
        """
        chunks = Chunks(self._plan, runs)
        flight: dict[Answer[Receipt], np.ndarray] = {}
        suspects: list[np.ndarray] = []
        while chunks or flight:
            while chunks and len(flight) < 2 * max(self._threads, 1):
                some = chunks.take(self._threads)
                flight[self._submit(some)] = some
            for answer in self._ready(flight):
                some = flight.pop(answer)
                receipt = self._receipt(answer)
                if receipt is None:
                    suspects.append(some)
                else:
                    chunks.measured(some, receipt)
                    self._done(receipt)
        for some in suspects:
            self._find_culprits(some)

    def _submit(self, runs: np.ndarray) -> "Answer[Receipt]":
        self._number += 1
        key = f"chunk-{self._number}-{time.monotonic_ns()}"
        chunk = self._client.submit(make_chunk, self._job, pieces(self._plan, runs), key=key, pure=False)
        return asyncio.run_coroutine_threadsafe(_answer(chunk), self._client.loop.asyncio_loop)

    def _receipt(self, answer: "Answer[Receipt]") -> Receipt | None:
        """What a chunk came to; None if its process died."""
        try:
            return answer.result()
        except KilledWorker:
            return None
        except (CancelledError, CommClosedError):
            raise Stopped(f"{self._scheduler} is lost") from None
        except (NoWorkerError, NoValidWorkerError):
            raise Stopped(f"{self._scheduler} has no worker") from None
        except NotAlike as problem:
            raise InputError(str(problem)) from None

    def _find_culprits(self, runs: np.ndarray) -> None:
        """Make suspects alone; halve them until the run is found that ends its process, and record it as failed."""
        answer = self._submit(runs)
        while not self._ready([answer]):
            pass
        receipt = self._receipt(answer)
        if receipt is not None:
            self._done(receipt)
        elif len(runs) > 1:
            for half in np.array_split(runs, 2):
                self._find_culprits(half)
        else:
            (piece,) = pieces(self._plan, runs)
            why = "the process that made it died more than once: out of memory, or a crash"
            write_part(self._job.folder / PARTS, failed_part(self._job, piece, why))
            self._done(Receipt(1, 1, 0.0))

    def _ready(self, answers: "Collection[Answer[Receipt]]") -> "Collection[Answer[Receipt]]":
        """Those of some answers that are there, perhaps after a little while; none is waited for blindly."""
        self._look_around()
        return wait(answers, timeout=_PAUSE, return_when=FIRST_COMPLETED).done

    def _look_around(self) -> None:
        """See whether the scheduler answers and there are workers."""
        self._check()
        if self._client.status != "running":
            raise Stopped(f"{self._scheduler} is lost")
        now = time.monotonic()
        if now - self._looked < PING:
            return
        self._threads = self._count_threads()
        self._looked = now = time.monotonic()
        if self._threads or self._waits():
            self._seen = now
        elif now - self._seen > self._patience:
            raise Stopped(f"there was no worker for {self._patience:g} s")

    def _count_threads(self) -> int:
        """How many chunks the workers can make at once."""

        async def count() -> int:
            threads = await asyncio.wait_for(self._client.scheduler.ncores(), PING_PATIENCE)
            return sum(threads.values())

        try:
            threads = self._client.sync(count)
        except TimeoutError:
            raise Stopped(f"{self._scheduler} did not answer for {PING_PATIENCE:g} s") from None
        except OSError:
            raise Stopped(f"{self._scheduler} is lost") from None
        self._count(threads)
        return threads


def refuse_unlike_workers(client: "Client", wanted: dict[str, str]) -> None:
    """Refuse workers with other versions than those wanted.

    Raises
    ------
    InputError
    """

    async def ask() -> dict:
        return await asyncio.wait_for(client.run(own_versions, on_error="return"), PING_PATIENCE)

    try:
        found = client.sync(ask)
    except TimeoutError:  # one of them is frozen; each of the others is asked again by its first chunk
        return
    for address, own in found.items():
        if isinstance(own, OSError):  # it has just died
            continue
        if isinstance(own, Exception):
            raise InputError(f"worker {address} has another abm, or none: {own}")
        for name in wanted:
            if own.get(name) != wanted[name]:
                raise InputError(f"worker {address} has {name} {own.get(name)}, this process has {wanted[name]}")


async def _answer(chunk: "Future") -> Receipt:
    """What a chunk comes to; the cluster may forget it then."""
    try:
        return await chunk
    finally:
        chunk.release()
