"""A sweep from its design to its tables."""

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from abm.errors import InputError, Stopped, shown
from abm.scenario.scenario import Scenario
from abm.sweeps.design.design import Design
from abm.sweeps.design.plan import plan_of
from abm.sweeps.design.settings import Collect
from abm.sweeps.finish import finish
from abm.sweeps.progress import Progress
from abm.sweeps.results import SweepResults, load_sweep
from abm.sweeps.store.contents import LOCK, SHARD_LOCKS, locks
from abm.sweeps.store.folder import Store
from abm.sweeps.store.lock import held, refuse_others
from abm.sweeps.store.manifest import sweep_token
from abm.sweeps.store.merge import RunIndex, index_runs
from abm.sweeps.store.owned import holds_a_sweep, refuse_foreign
from abm.sweeps.store.parts import LOST
from abm.sweeps.work.executors import Executor
from abm.sweeps.work.executors.local import LocalProcesses

_ATTEMPTS = 3  # at making what is still missing when all chunks are done


class Shard(NamedTuple):
    """One of `count` equal parts of a sweep's runs, the first is 1: those whose number has remainder `number` - 1."""

    number: int
    count: int

    @staticmethod
    def parse(text: str) -> "Shard":
        """A shard from `I/N`.

        Examples
        --------
        >>> Shard.parse("2/8")
        Shard(number=2, count=8)
        """
        number, slash, count = text.partition("/")
        if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count) <= 1_000_000):
            raise InputError(f"shard {shown(text)} is not of the form I/N with I from 1 to N")
        return Shard(int(number), int(count))

    def part(self, runs: np.ndarray) -> np.ndarray:
        """Those of some runs, by their numbers, that are the shard's.

        Examples
        --------
        >>> Shard(2, 8).part(np.arange(20))
        array([ 1,  9, 17])
        """
        return runs[runs % self.count == self.number - 1]


ALL = Shard(1, 1)


def sweep(
    design: str | os.PathLike | Design,
    out: str | os.PathLike,
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    overwrite: bool = False,
    retry_failed: bool = False,
    run_timeout: float | None = None,
    patience: float = 600.0,
    watch: Callable[[Progress], None] | None = None,
) -> SweepResults:
    """Make all runs of a design that a folder does not hold yet, and its tables.

    Parameters
    ----------
    design : bare name, path or Design
    out : path
        The sweep's folder. Runs that it holds are kept; the same call goes on after an interruption.
    workers : int, optional
        Processes on this machine; all its cores by default. They do not import the script that calls this.
    executor : Executor, optional
        Who makes the runs instead, one of `abm.sweeps.work.executors`.
    overwrite : bool
        Replace a sweep that is in the folder.
    retry_failed : bool
        Make failed runs once more.
    run_timeout : float, optional
        Seconds after which a run is recorded as failed.
    patience : float
        Seconds to wait while there is no worker.
    watch : callable, optional
        Called now and then with the `Progress`.

    Returns
    -------
    SweepResults

    Raises
    ------
    InputError
        If the design or the folder is refused.
    Stopped
        If the scheduler or all workers are lost; what is finished is kept.

    Examples
    --------
    >>> import tempfile
    >>> text = 'scenario = "one-market"\\n[set]\\nsteps = 5\\ncapacity = 20\\n[factors]\\nchurn = [0.1, 0.9]'
    >>> design = Design.from_toml(text)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     results = sweep(design, folder, workers=1)
    ...     results.outcomes.groupby("churn", observed=True).size().tolist()
    [10, 10]
    """
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise InputError(f"workers = {shown(workers)} is not an integer of at least 1")
    work = SweepRun(
        design if isinstance(design, Design) else Design.load(design),
        Store(out),
        executor or (LocalProcesses(workers) if workers else LocalProcesses()),
        run_timeout,
        patience,
        watch or (lambda progress: None),
    )
    work.run(overwrite=overwrite, retry_failed=retry_failed)
    return load_sweep(out)


@dataclass
class SweepRun:
    """One call of `sweep`, or of a shard of it.

    Attributes
    ----------
    design : Design
    store : Store
    executor : Executor
    run_timeout : float or None
    patience : float
    watch : callable
    """

    design: Design
    store: Store
    executor: Executor
    run_timeout: float | None = None
    patience: float = 600.0
    watch: Callable[[Progress], None] = lambda progress: None

    def __post_init__(self) -> None:
        self.plan = plan_of(self.design, self.store.draws())
        self.progress = Progress()

    def run(self, *, overwrite: bool = False, retry_failed: bool = False) -> None:
        """Make what is missing, then the tables."""
        replacing = overwrite and holds_a_sweep(self.store.folder)
        if replacing:
            refuse_foreign(self.store.folder)
        if not replacing:
            self.store.check(self.design)
            if self.store.is_finished(self.plan) and not (retry_failed and self.store.summary()["failed"]):
                return
            self._tell_damage()
        self.executor.check()
        with self._folder(LOCK) as check:
            if replacing:
                self.store.clear()
                self.plan = plan_of(self.design)
            self.store.finish_commit()
            if not self.store.is_finished(self.plan) or retry_failed:
                self._prepare(retry_failed)
                index = self._make(check, retry_failed=retry_failed)
                finish(self.store, index, self.progress, self.executor.cores(), check)
        self.store.tidy()

    def run_shard(self, shard: Shard, *, retry_failed: bool = False) -> None:
        """Make what is missing of a shard; the tables are left to `finish_sweep`."""
        self.store.check(self.design)
        if self.store.is_finished(self.plan):
            self._index(shard)
            if not (retry_failed and self.progress.failed):
                return
        self._tell_damage()
        with self._folder(f"lock-{shard.number}-of-{shard.count}") as check:
            self.store.finish_commit()
            self._prepare(retry_failed)
            self._make(check, shard, retry_failed=retry_failed)

    @contextlib.contextmanager
    def _folder(self, name: str) -> Iterator[Callable[[], None]]:
        """Hold the lock; yields what raises once it is lost."""
        try:
            self.store.begin()
        except OSError as problem:
            if problem.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise InputError(f"{self.store.folder}: cannot be written: {problem.strerror}") from None
        working, others = self.store.working, SHARD_LOCKS if name == LOCK else LOCK
        refuse_others(locks(working, others))
        with held(working / name, self.progress.report) as lock:
            self.store.begin()  # again: whoever has just finished may have taken the mark away
            refuse_others(locks(working, others))  # of two that begin at once one at least sees the other
            yield lock.check

    def _prepare(self, retry_failed: bool) -> None:
        for note in self.store.prepare(self.design, self.plan):
            self._say(note)
        if retry_failed:
            for mark in (self.store.working / LOST).iterdir():
                mark.unlink()

    def _tell_damage(self) -> None:
        """Say what of a finished sweep is damaged, before it is made again."""
        if not self.store.is_under_way():
            for complaint in self.store.complaints():
                self._say(f"{complaint}; it is made again, with the runs that are lost")

    def _make(self, check: Callable[[], None], shard: Shard = ALL, *, retry_failed: bool) -> RunIndex:
        for attempt in range(_ATTEMPTS + 1):
            index = self._index(shard)
            failed = shard.part(index.failures)
            again = failed if retry_failed and not attempt else failed[:0]
            self.progress.failed -= len(again)
            missing = np.union1d(shard.part(index.missing), again)
            self.watch(self.progress)
            if not missing.size:
                return index
            if attempt < _ATTEMPTS:
                self._make_runs(missing, check)
        raise Stopped(f"{len(missing)} runs are missing although all were made: are parts being removed or damaged?")

    def _index(self, shard: Shard) -> RunIndex:
        """What is stored, and the progress that it makes."""
        index = index_runs(self.plan, self.store.sources())
        self.progress.total = len(shard.part(np.arange(self.plan.runs)))
        self.progress.done, self.progress.failed = len(shard.part(index.done)), len(shard.part(index.failures))
        return index

    def _say(self, note: str) -> None:
        self.progress.notes.append(note)
        self.watch(self.progress)

    def _make_runs(self, runs: np.ndarray, check: Callable[[], None]) -> None:
        from abm.simulation.warmup import compile_if_cold
        from abm.sweeps.work.worker import own_versions

        progress = self.progress
        compile_if_cold(self._say)  # here, lest each worker does
        progress.start()

        def done(receipt: Any) -> None:
            progress.made(receipt.runs, receipt.failed)
            self.watch(progress)

        def count(workers: int) -> None:
            progress.missing = self.executor.missing(workers)

        last = time.monotonic()

        def look() -> None:
            nonlocal last
            if time.monotonic() - last > 1.0:
                last = time.monotonic()
                check()
                self.watch(progress)

        job = job_of(self.store, self.design.scenario, self.design.collect, self.run_timeout, own_versions())
        with self.executor.client(self.store.working, progress.notes.append) as client:
            from abm.sweeps.work.driver import Driver  # imports Dask, which an executor may do while it starts workers

            Driver(client, job, self.plan, done, look, count, self.executor.waits, self.patience).make(runs)


def job_of(store: Store, scenario: Scenario, collect: Collect, run_timeout: float | None, versions: dict) -> Any:
    """What all chunks of a sweep have in common."""
    from abm.sweeps.work.worker import Job

    token = sweep_token(store.manifest())
    return Job(scenario, store.firms_path(), collect, store.working, token, run_timeout, versions)
