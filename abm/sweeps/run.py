"""A sweep: makes the runs of a design that its folder lacks, and then the tables."""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass

import numpy as np

from abm.errors import InputError, Stopped, shown
from abm.sweeps.design.design import Design
from abm.sweeps.design.functions import check_functions
from abm.sweeps.design.plan import DRAWS, plan_of
from abm.sweeps.finish import finish
from abm.sweeps.progress import Progress
from abm.sweeps.results import load_sweep
from abm.sweeps.shard import ALL_RUNS, Shard
from abm.sweeps.store.contents import LOCK, SHARD_LOCKS, locks
from abm.sweeps.store.lock import held, refuse_if_locked
from abm.sweeps.store.manifest import sweep_token
from abm.sweeps.store.owned import holds_a_sweep, refuse_foreign
from abm.sweeps.store.parts import TIMED_OUT
from abm.sweeps.store.run_states import DONE, FAILED, MISSING, RunStates, run_states
from abm.sweeps.store.writing import SweepWriter
from abm.sweeps.sure import run_until_sure
from abm.sweeps.sweep_results import SweepResults
from abm.sweeps.work.executors import Executor
from abm.sweeps.work.executors.local import LocalProcesses

_ATTEMPTS = 3  # how often runs are made that are missing again when all chunks are done


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
    """Make the runs of a design that are not in a folder yet, and then its tables.

    Parameters
    ----------
    design : bare name, path or Design
    out : path
        The sweep's folder. Runs in it are kept; the same call continues after an interruption.
    workers : int, optional
        Worker processes on this machine; by default as many as it has cores. They do not import the calling script.
    executor : Executor, optional
        Other workers than processes on this machine; see `abm.sweeps.work.executors`.
    overwrite : bool
        Replace a sweep that is in the folder.
    retry_failed : bool
        Make failed runs again.
    run_timeout : float, optional
        Seconds after which a run is recorded as failed.
    patience : float
        Seconds to wait while there is no worker.
    watch : callable, optional
        Called about once a second with the `Progress`.

    Returns
    -------
    SweepResults
        A row for each point and replication in each table.

    Raises
    ------
    InputError
        If the design is not valid, or a function that it names cannot be used, or the folder holds another sweep or
        anything else.
    Stopped
        If the scheduler or all workers are lost; finished runs are kept.
    OSError
        If the folder cannot be written, as when the disk is full; finished runs are kept.

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
    loaded = design if isinstance(design, Design) else Design.load(design)
    check_functions(loaded)
    work = SweepRun(
        loaded,
        SweepWriter(out),
        executor or (LocalProcesses(workers) if workers else LocalProcesses()),
        run_timeout=run_timeout,
        patience=patience,
        watch=watch or (lambda progress: None),
    )
    run_until_sure(work, overwrite=overwrite, retry_failed=retry_failed)
    return load_sweep(out)


@dataclass
class SweepRun:
    """One call of `sweep`, or of one shard; the attributes are the parameters of `sweep`."""

    design: Design
    store: SweepWriter
    executor: Executor
    _: KW_ONLY
    run_timeout: float | None = None
    patience: float = 600.0
    watch: Callable[[Progress], None] = lambda progress: None

    def __post_init__(self) -> None:
        self.plan = self.store.plan_for(self.design)
        self.progress = Progress()

    def run(self, *, overwrite: bool = False, retry_failed: bool = False) -> None:
        """Make the missing runs, then the tables."""
        with self._opened(overwrite=overwrite, retry_failed=retry_failed) as check:
            if check:
                self._prepare(retry_failed)
                states = self._make(check, retry_failed=retry_failed)
                finish(self.store, states, self.progress, self.executor.cores(), check)

    def begin(self, *, overwrite: bool = False, retry_failed: bool = False) -> bool:
        """Prepare the folder for `run` in another process; whether there is anything to run."""
        with self._opened(overwrite=overwrite, retry_failed=retry_failed) as check:
            if check:
                self._prepare(False)
        return check is not None

    @contextlib.contextmanager
    def _opened(self, *, overwrite: bool, retry_failed: bool) -> Iterator[Callable[[], None] | None]:
        """Hold the lock of the checked folder, without an old sweep; yields None if there is nothing to run."""
        replacing = overwrite and holds_a_sweep(self.store.folder)
        if replacing:
            refuse_foreign(self.store.folder)
        if not replacing:
            self.store.check(self.design)
            if self.store.is_finished(self.plan) and not (retry_failed and self.store.summary()["failed"]):
                yield None
                return
            self._report_damage()
        self.executor.check()
        with self._folder(LOCK) as check:
            if replacing:
                self.store.clear()
                if self.plan.draws != DRAWS:
                    self.plan = plan_of(self.design)
            self.store.finish_commit()
            yield check if not self.store.is_finished(self.plan) or retry_failed else None
        self.store.tidy()

    def run_shard(self, shard: Shard, *, retry_failed: bool = False) -> None:
        """Make the missing runs of a shard; `finish_sweep` makes the tables when all shards are done."""
        self.store.check(self.design)
        if self.store.is_finished(self.plan):
            self._states(shard)
            if not (retry_failed and self.progress.failed):
                return
        self._report_damage()
        with self._folder(f"lock-{shard.number}-of-{shard.count}") as check:
            self.store.finish_commit()
            self._prepare(retry_failed)
            self._make(check, shard, retry_failed=retry_failed)

    @contextlib.contextmanager
    def _folder(self, name: str) -> Iterator[Callable[[], None]]:
        """Hold the lock during the block; yields a function that raises Stopped once the lock is lost."""
        try:
            self.store.begin()
        except OSError as problem:
            if problem.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise InputError(f"{self.store.folder}: cannot be written: {problem.strerror}") from None
        working, others = self.store.working, SHARD_LOCKS if name == LOCK else LOCK
        refuse_if_locked(locks(working, others))
        with held(working / name, self.progress.report) as lock:
            self.store.begin()  # again, because a process that has just finished may have removed the folder
            refuse_if_locked(locks(working, others))  # if two processes begin at once, at least one sees the other
            yield lock.check

    def _prepare(self, retry_failed: bool) -> None:
        for note in self.store.prepare(self.design, self.plan):
            self._note(note)
        if retry_failed:
            for mark in (self.store.working / TIMED_OUT).iterdir():
                mark.unlink()

    def _report_damage(self) -> None:
        """Note which files of a finished sweep are damaged, before they are made again."""
        if not self.store.is_under_way():
            for damage in self.store.damage_report():
                self._note(f"{damage}; it is made again, with the runs that are lost")

    def _make(self, check: Callable[[], None], shard: Shard = ALL_RUNS, *, retry_failed: bool) -> RunStates:
        for attempt in range(_ATTEMPTS + 1):
            states = self._states(shard)
            failed = shard.select(states.numbers(FAILED))
            again = failed if retry_failed and not attempt else failed[:0]
            self.progress.failed -= len(again)
            missing = np.sort(np.concatenate([shard.select(states.numbers(MISSING)), again]))
            self.watch(self.progress)
            if not missing.size:
                # The bytes of all parts are checked once: before the tables are made of them.
                if shard is not ALL_RUNS or not self.store.remove_damaged_parts():
                    return states
                continue
            if attempt < _ATTEMPTS:
                self._make_runs(missing, check)
        raise Stopped(f"{len(missing)} runs are missing although all were made: are parts being removed or damaged?")

    def _states(self, shard: Shard) -> RunStates:
        """Which runs are stored; sets the progress to their number."""
        states = run_states(self.plan, self.store.sources())
        mine, progress = slice(shard.number - 1, None, shard.count), self.progress
        progress.done, progress.failed = states.count(DONE, mine), states.count(FAILED, mine)
        progress.total = progress.done + progress.failed + states.count(MISSING, mine)
        return states

    def _note(self, text: str) -> None:
        self.progress.notes.append(text)
        self.watch(self.progress)

    def _make_runs(self, runs: np.ndarray, check: Callable[[], None]) -> None:
        from abm.simulation.warmup import compile_if_cold
        from abm.sweeps.work.callbacks import callbacks_of
        from abm.sweeps.work.worker import Job, own_versions

        progress = self.progress
        compile_if_cold(self._note)  # once here, so that no worker has to
        progress.start()

        job = Job(
            scenario=self.design.scenario,
            firms=self.store.firms_path(),
            collect=self.design.collect,
            folder=self.store.working,
            sweep=sweep_token(self.store.manifest()),
            run_timeout=self.run_timeout,
            versions=own_versions(),
            rules=self.design.rules,
            intervention=self.design.intervention,
            measures=self.design.measures,
            past=self.design.replications.past,
        )
        with self.executor.client(self.store.working, progress.notes.append) as client:
            # Imported here because it imports Dask, which takes long and may be done while workers start.
            from abm.sweeps.work.driver import Driver

            callbacks = callbacks_of(self.executor, progress, self.watch, check)
            Driver(client, job, self.plan, callbacks, self.patience).make(runs)
