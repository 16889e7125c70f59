"""The driver hands chunks of runs out to a Dask cluster and has lost ones made again.

Only a few chunks are with the cluster at a time, and each is released when it is done, so that memory does not grow
in the client or in the scheduler. Where the process that makes a chunk crashes, one of its runs may be the reason.
When all other chunks are done, such chunks are made alone and halved until the runs that crash are found.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from concurrent.futures import Future as PendingChunk
from typing import TYPE_CHECKING

import numpy as np
from distributed import KilledWorker
from distributed.comm import CommClosedError
from distributed.scheduler import NoValidWorkerError, NoWorkerError

from abm.errors import InputError, Stopped
from abm.sweeps.design.plan import Plan
from abm.sweeps.store.parts import PARTS, write_part
from abm.sweeps.work.callbacks import Callbacks
from abm.sweeps.work.chunks import Chunks, runs_by_point
from abm.sweeps.work.worker import (
    ChunkResult,
    Job,
    PackedRuns,
    PointRuns,
    UnsuitableWorker,
    failed_part,
    make_chunk,
    own_versions,
)

if TYPE_CHECKING:
    from distributed import Client, Future

PING = 5.0  # seconds between two checks of the scheduler
PING_PATIENCE = 30.0  # seconds within which the scheduler must answer
_PAUSE = 0.1  # seconds to wait for a chunk before the cluster is checked again


class Driver:
    """Hands chunks out to a cluster.

    Parameters
    ----------
    client : distributed.Client
    job : Job
    plan : Plan
    callbacks : Callbacks
    patience : float
        Seconds to wait while there is no worker and none is expected.
    make_chunk : callable
        What a worker does with the job and the runs of a chunk.
    """

    def __init__(
        self,
        client: "Client",
        job: Job,
        plan: Plan,
        callbacks: Callbacks,
        patience: float,
        make_chunk: Callable[[Job, Sequence[PointRuns]], ChunkResult] = make_chunk,
    ) -> None:
        self._make_chunk = make_chunk
        self._client, self._job, self._plan = client, job, plan
        self._callbacks, self._patience = callbacks, patience
        self._scheduler = f"the scheduler {client.scheduler.address}"
        self._workers = self._count_workers()
        self._last_worker = self._last_ping = time.monotonic()
        self._submitted = 0
        check_worker_versions(client, job.versions)  # workers that come later are checked by their first chunk

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
        pending: dict[PendingChunk[ChunkResult], np.ndarray] = {}
        crashed: list[np.ndarray] = []
        while chunks or pending:
            while chunks and len(pending) < 2 * max(self._workers, 1):
                chunk = chunks.take(self._workers)
                pending[self._submit(chunk)] = chunk
            for finished in self._finished(pending):
                chunk = pending.pop(finished)
                result = self._result(finished)
                if result is None:
                    crashed.append(chunk)
                else:
                    chunks.measure(chunk, result)
                    self._callbacks.chunk_done(result)
        for chunk in crashed:
            self._find_crashing_runs(chunk)

    def _submit(self, runs: np.ndarray) -> "PendingChunk[ChunkResult]":
        self._submitted += 1
        key = f"chunk-{self._submitted}-{time.monotonic_ns()}"
        packed = PackedRuns(runs_by_point(self._plan, runs))
        chunk = self._client.submit(self._make_chunk, self._job, packed, key=key, pure=False)
        return asyncio.run_coroutine_threadsafe(_awaited(chunk), self._client.loop.asyncio_loop)

    def _result(self, finished: "PendingChunk[ChunkResult]") -> ChunkResult | None:
        """The result of a finished chunk; None if the process that made it crashed."""
        try:
            return finished.result()
        except KilledWorker:
            return None
        except (CancelledError, CommClosedError):
            raise Stopped(f"{self._scheduler} is lost") from None
        except (NoWorkerError, NoValidWorkerError):
            raise Stopped(f"{self._scheduler} has no worker") from None
        except UnsuitableWorker as problem:
            raise InputError(str(problem)) from None

    def _find_crashing_runs(self, runs: np.ndarray) -> None:
        """Make the runs of a crashed chunk alone, halved until single runs crash, which are recorded as failed."""
        chunk = self._submit(runs)
        while not self._finished([chunk]):
            pass
        result = self._result(chunk)
        if result is not None:
            self._callbacks.chunk_done(result)
        elif len(runs) > 1:
            for half in np.array_split(runs, 2):
                self._find_crashing_runs(half)
        else:
            (run,) = runs_by_point(self._plan, runs)
            error = "the process that made it died more than once: out of memory, or a crash"
            write_part(self._job.folder / PARTS, failed_part(self._job, run, error))
            self._callbacks.chunk_done(ChunkResult(1, 1, 0.0))

    def _finished(self, pending: "Collection[PendingChunk[ChunkResult]]") -> "Collection[PendingChunk[ChunkResult]]":
        """The chunks that are finished, after the cluster was checked and a wait of `_PAUSE` seconds at most."""
        self._check_cluster()
        return wait(pending, timeout=_PAUSE, return_when=FIRST_COMPLETED).done

    def _check_cluster(self) -> None:
        """Raise Stopped if the scheduler does not answer, or if there has been no worker for too long."""
        self._callbacks.check()
        if self._client.status != "running":
            raise Stopped(f"{self._scheduler} is lost")
        now = time.monotonic()
        if now - self._last_ping < PING:
            return
        self._workers = self._count_workers()
        self._last_ping = now = time.monotonic()
        if self._workers or self._callbacks.expects_workers():
            self._last_worker = now
        elif now - self._last_worker > self._patience:
            raise Stopped(f"there was no worker for {self._patience:g} s")

    def _count_workers(self) -> int:
        """How many chunks the cluster can make at once: the threads of all its workers."""

        async def threads() -> int:
            found = await asyncio.wait_for(self._client.scheduler.ncores(), PING_PATIENCE)
            return sum(found.values())

        try:
            workers = self._client.sync(threads)
        except TimeoutError:
            raise Stopped(f"{self._scheduler} did not answer for {PING_PATIENCE:g} s") from None
        except OSError:
            raise Stopped(f"{self._scheduler} is lost") from None
        self._callbacks.count_workers(workers)
        return workers


def check_worker_versions(client: "Client", wanted: dict[str, str]) -> None:
    """Raise InputError if a worker has other versions than those wanted."""

    async def ask() -> dict:
        return await asyncio.wait_for(client.run(own_versions, on_error="return"), PING_PATIENCE)

    try:
        found = client.sync(ask)
    except TimeoutError:  # a worker is frozen; each of the others is checked again by its first chunk
        return
    for address, own in found.items():
        if isinstance(own, OSError):  # the worker has just died
            continue
        if isinstance(own, Exception):
            raise InputError(f"worker {address} has another abm, or none: {own}")
        for name in wanted:
            if own.get(name) != wanted[name]:
                raise InputError(f"worker {address} has {name} {own.get(name)}, this process has {wanted[name]}")


async def _awaited(chunk: "Future") -> ChunkResult:
    """The result of a chunk, which the cluster forgets then."""
    try:
        return await chunk
    finally:
        chunk.release()
