"""Has a Dask cluster make the runs of a sweep, and sees to it that whatever is lost on the way is made again.

Chunks are handed out a few at a time and forgotten when done, so that memory stays flat in the client and in the
scheduler. A chunk whose process died is a suspect: when all others are done, suspects are tried alone and halved until
the runs that kill are found.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from distributed import Future, KilledWorker

from abm.errors import InputError, Stopped
from abm.sweeps.chunks import Chunks, pieces
from abm.sweeps.parts import write_part
from abm.sweeps.plan import Plan
from abm.sweeps.work import Job, NotAlike, Receipt, failed_part, make_chunk, own_versions

if TYPE_CHECKING:
    from distributed import Client

PING = 5.0  # seconds between two looks at the scheduler
PING_PATIENCE = 30.0  # seconds that it may take to answer
_PAUSE = 0.02


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
    patience : float
        Seconds to wait while there is no worker.
    waits : bool
        Whether the first worker may take longer than that.
    """

    def __init__(
        self,
        client: "Client",
        job: Job,
        plan: Plan,
        done: Callable[[Receipt], None],
        check: Callable[[], None],
        patience: float,
        waits: bool,
    ) -> None:
        self._client, self._job, self._plan = client, job, plan
        self._done, self._check, self._patience, self._waits = done, check, patience, waits
        self._workers = self._count_workers()
        self._seen = self._looked = time.monotonic()
        self._number = 0
        self._check_workers()

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
        flight: dict[Future, np.ndarray] = {}
        suspects: list[np.ndarray] = []
        try:
            while chunks or flight:
                while chunks and len(flight) < 2 * max(self._workers, 1):
                    some = chunks.take(self._workers)
                    flight[self._submit(some)] = some
                ready = [future for future in flight if future.done()]
                for future in ready:
                    some = flight.pop(future)
                    receipt = self._receipt(future)
                    if receipt is None:
                        suspects.append(some)
                    else:
                        chunks.measured(some, receipt)
                        self._done(receipt)
                if not ready:
                    self._look_around()
        finally:
            for future in flight:
                future.cancel()
        for some in suspects:
            self._find_culprits(some)

    def _submit(self, runs: np.ndarray) -> Future:
        self._number += 1
        key = f"chunk-{self._number}-{time.monotonic_ns()}"
        return self._client.submit(make_chunk, self._job, pieces(self._plan, runs), key=key, pure=False)

    def _receipt(self, future: Future) -> Receipt | None:
        """What a chunk came to; None if its process died."""
        try:
            if future.status == "finished":
                return future.result()
            if future.status != "error":
                raise Stopped("the scheduler is lost")
            problem = future.exception()
            if isinstance(problem, KilledWorker):
                return None
            if isinstance(problem, NotAlike):
                raise InputError(str(problem))
            raise problem
        finally:
            future.release()

    def _find_culprits(self, runs: np.ndarray) -> None:
        """Make suspects alone; halve them until the run is found that ends its process, and record it as failed."""
        future = self._submit(runs)
        try:
            while not future.done():
                self._look_around()
        except BaseException:
            future.cancel()
            raise
        receipt = self._receipt(future)
        if receipt is not None:
            self._done(receipt)
        elif len(runs) > 1:
            for half in np.array_split(runs, 2):
                self._find_culprits(half)
        else:
            (piece,) = pieces(self._plan, runs)
            why = "the process that made it died more than once: out of memory, or a crash"
            write_part(self._job.folder / "parts", failed_part(self._job, piece, why))
            self._done(Receipt(1, 1, 0.0, 0))

    def _look_around(self) -> None:
        """Wait a little; see whether the scheduler answers and there are workers."""
        time.sleep(_PAUSE)
        self._check()
        if self._client.status != "running":
            raise Stopped("the scheduler is lost")
        now = time.monotonic()
        if now - self._looked < PING:
            return
        self._looked = now
        self._workers = self._count_workers()
        now = time.monotonic()
        if self._workers:
            self._seen, self._waits = now, False
        elif not self._waits and now - self._seen > self._patience:
            raise Stopped(f"there was no worker for {self._patience:g} s")

    def _count_workers(self) -> int:
        async def count() -> int:
            answer = await asyncio.wait_for(self._client.scheduler.ncores(), PING_PATIENCE)
            return len(answer)

        try:
            return self._client.sync(count)
        except (TimeoutError, OSError):
            raise Stopped(f"the scheduler did not answer for {PING_PATIENCE:g} s") from None

    def _check_workers(self) -> None:
        """Refuse workers with other versions before any run; later ones are refused by their first chunk."""
        if not self._workers:
            return
        wanted = self._job.versions
        try:
            found = self._client.run(own_versions)
        except ModuleNotFoundError as problem:
            raise InputError(f"a worker has no package {problem.name!r}; install the same abm there") from None
        for address, own in found.items():
            for name in wanted:
                if own[name] != wanted[name]:
                    raise InputError(f"worker {address} has {name} {own[name]}, this process has {wanted[name]}")
