"""A worker makes the runs of a chunk and writes them as one part file."""

import os
import pickle
import platform
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from abm.errors import InputError
from abm.market.user_functions import user_function
from abm.output.files import versions
from abm.scenario.rules import UserFunction, with_sources
from abm.scenario.scenario import Scenario
from abm.simulation.firm_table import FirmTable, read_firm_table
from abm.simulation.simulate import simulate
from abm.simulation.simulate_many import Batch
from abm.simulation.warmup import warm_up
from abm.sweeps.design.futures import future
from abm.sweeps.design.settings import Collect
from abm.sweeps.store.parts import PARTS, TIMED_OUT, write_part
from abm.sweeps.store.tables import frame_rows
from abm.sweeps.work.chunk_tables import ChunkTables
from abm.sweeps.work.timelimit import TimeLimit
from abm.version import MODEL_VERSION

SAME_VERSIONS = ("abm", "numpy", "numba", "pyarrow")  # libraries whose versions client and workers must share


class Job(NamedTuple):
    """What a worker needs to know for every chunk of a sweep."""

    scenario: Scenario
    firms: Path | None
    collect: Collect
    folder: Path
    sweep: str
    run_timeout: float | None
    versions: dict[str, str]
    rules: dict[str, UserFunction]  # of the user's own among the levels of factors
    intervention: UserFunction | None = None
    measures: Mapping[str, UserFunction] | None = None
    past: int | None = None  # the seed of what all runs share, see `abm.sweeps.design.futures`

    def scenario_at(self, changes: dict[str, Any]) -> Scenario:
        """The scenario at a point, given the values of its factors."""
        return self.scenario.replace(**with_sources(changes, self.rules))


class PointRuns(NamedTuple):
    """Runs of one design point: the values of its factors, its key, and the seeds to run."""

    changes: dict[str, Any]
    key: str
    seeds: list[int]


class PackedRuns(Sequence):
    """The runs of a chunk as bytes: Dask would look through a list of many points for objects of its own."""

    def __init__(self, runs: Sequence[PointRuns]) -> None:
        self._count, self._packed = len(runs), pickle.dumps(runs)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> PointRuns:
        return pickle.loads(self._packed)[index]

    def __iter__(self) -> Iterator[PointRuns]:
        return iter(pickle.loads(self._packed))


class ChunkResult(NamedTuple):
    """What a worker reports of a chunk: its runs, how many of them failed, and the seconds it took."""

    runs: int
    failed: int
    seconds: float


class UnsuitableWorker(Exception):
    """A worker that has other versions than the client, or does not see the sweep's folder."""


def own_versions() -> dict[str, str]:
    """The versions in this process of what all processes of a sweep must have in the same version."""
    return {"model": MODEL_VERSION} | {name: text for name, text in versions().items() if name in SAME_VERSIONS}


def check_worker(job: Job) -> None:
    """Raise UnsuitableWorker if this process has other versions than the client or does not see the folder."""
    own, process = own_versions(), f"worker process {os.getpid()} on {platform.node()}"
    for name, wanted in job.versions.items():
        if own.get(name) != wanted:
            raise UnsuitableWorker(f"{process} has {name} {own.get(name)}, the sweep has {wanted}")
    if not (job.folder / job.sweep).exists():
        raise UnsuitableWorker(f"{process} does not see the folder {job.folder}; all need a common file system")


def make_chunk(job: Job, chunk: Sequence[PointRuns]) -> ChunkResult:
    """Make the runs of a chunk and write them as one part; a run that raises is recorded as failed.

    Raises
    ------
    UnsuitableWorker
        If this process has other versions than the client.
    OSError
        If the part cannot be written.
    """
    check_worker(job)
    warm_up()
    started = time.monotonic()  # after the kernels are loaded, because the time decides the size of the next chunks
    timed_out = {path.name: path.read_text("utf-8") for path in (job.folder / TIMED_OUT).iterdir()}
    tables = ChunkTables(job.scenario, job.collect, tuple(job.measures or ()))
    with TimeLimit(job.folder / TIMED_OUT, job.run_timeout) as limit:
        for runs in chunk:
            seeds = [seed for seed in runs.seeds if f"{runs.key}-{seed}" not in timed_out]
            for seed in set(runs.seeds).difference(seeds):
                tables.add_failure(runs.key, seed, timed_out[f"{runs.key}-{seed}"], "")
            if seeds:
                _make_runs(job, runs._replace(seeds=seeds), tables, limit)
    write_part(job.folder / PARTS, tables.finished())
    count = sum(len(runs.seeds) for runs in chunk)
    return ChunkResult(count, len(tables.failures), time.monotonic() - started)


def sample_bytes(job: Job, runs: PointRuns) -> int:
    """Make the first of some runs without keeping it; the bytes of its rows in memory, more than they take on disk."""
    tables = ChunkTables(job.scenario, job.collect, tuple(job.measures or ()))
    tables.add_run(runs.key, runs.seeds[0], 0.0, *make_run(job, runs.changes, runs.seeds[0]))
    return sum(table.nbytes for table in tables.finished().values())


def failed_part(job: Job, runs: PointRuns, error: str) -> dict[str, pa.Table]:
    """The tables of a part whose runs ended the process that made them."""
    tables = ChunkTables(job.scenario, job.collect, tuple(job.measures or ()))
    for seed in runs.seeds:
        tables.add_failure(runs.key, seed, error, "")
    return tables.finished()


def _make_runs(job: Job, runs: PointRuns, tables: ChunkTables, limit: TimeLimit) -> None:
    """Make the runs of a design point: in one batch where the time limit and the tables of firms allow it."""
    collect = job.collect
    one_by_one = limit.seconds is not None or collect.lives or collect.firms or collect.panel or job.intervention
    if not one_by_one and len(runs.seeds) > 1 and _make_as_batch(job, runs, tables):
        return
    for seed in runs.seeds:
        started = time.monotonic()
        try:
            with limit.of(f"{runs.key}-{seed}"):
                numbers, rows, frames = make_run(job, runs.changes, seed)
        except (Exception, SystemExit) as problem:  # noqa: BLE001 - whatever a run raises is recorded as its failure
            error, trace = error_line(problem), traceback.format_exc()
            tables.add_failure(runs.key, seed, error, trace, time.monotonic() - started)
        else:
            tables.add_run(runs.key, seed, time.monotonic() - started, numbers, rows, frames)


def _make_as_batch(job: Job, runs: PointRuns, tables: ChunkTables) -> bool:
    """Make all runs of a design point in a few compiled calls; returns whether none of them raised."""
    started = time.monotonic()
    try:
        batch = _make_batch(job, runs)
    except Exception:  # noqa: BLE001 - the caller then makes the runs one by one, to find the one that raised
        return False
    tables.add_batch(runs.key, runs.seeds, time.monotonic() - started, batch.numbers, batch.rows)
    return True


def _make_batch(job: Job, runs: PointRuns) -> Batch:
    scenario = job.scenario_at(runs.changes)
    seeds, full, every = np.array(runs.seeds), job.collect.level == "full", job.collect.every
    batch = Batch(scenario, _firms(job, scenario), seeds, full, every, sectors=True, own=job.measures, past=job.past)
    for begin, end in batch.parts():
        batch.run_part(begin, end)
    return batch


def make_run(job: Job, changes: dict[str, Any], seed: int) -> tuple[np.ndarray, np.ndarray, dict[str, pa.Table]]:
    """Make one run.

    Returns
    -------
    tuple
        Its outcome numbers, shape (1, numbers); its measures, shape (1, kept steps, 1 + sectors, measures); the
        tables of its firms that `[collect]` asks for, by name.
    """
    collect = job.collect
    scenario = job.scenario_at(changes)
    result = simulate(
        scenario if job.past is None else future(scenario, seed),
        seed if job.past is None else job.past,
        firms=_firms(job, scenario),
        collect=collect.level,
        every=collect.every,
        panel=collect.panel,
        threads=1,
        measures=job.measures,
        each_step=job.intervention and user_function(job.intervention),  # anew, without what another run left in it
    )
    wanted = [name for name in ("lives", "firms", "panel") if getattr(collect, name)]
    frames = {name: frame_rows(getattr(result, name)) for name in wanted}
    return result.numbers[np.newaxis], result.rows[np.newaxis], frames


@lru_cache(maxsize=4)
def _read_firms(path: Path, scenario: Scenario) -> FirmTable:
    return read_firm_table(path, scenario)


def _firms(job: Job, scenario: Scenario) -> FirmTable | None:
    return None if job.firms is None else _read_firms(job.firms, scenario)


def error_line(problem: BaseException) -> str:
    """The first line of an error's message, with its kind where it is no refusal."""
    text = str(problem).strip().split("\n")[0]
    return text if isinstance(problem, InputError) else f"{type(problem).__name__}: {text}".rstrip(": ")
