"""What a worker does: it makes the runs of a chunk and writes them as one part."""

import os
import platform
import time
import traceback
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from abm.errors import InputError
from abm.output.files import versions
from abm.scenario.scenario import Scenario
from abm.simulation.firm_table import FirmTable, read_firm_table
from abm.simulation.simulate import simulate
from abm.simulation.simulate_many import Batch
from abm.simulation.warmup import warm_up
from abm.sweeps.design.settings import Collect
from abm.sweeps.store.parts import LOST, PARTS, write_part
from abm.sweeps.store.tables import failure_rows, frame_rows, outcome_rows, step_rows, table_names
from abm.sweeps.work.timelimit import TimeLimit
from abm.version import MODEL_VERSION

ALIKE = ("abm", "numpy", "numba", "pyarrow")  # must have one version in the client and in all workers


class Job(NamedTuple):
    """What all chunks of a sweep have in common."""

    scenario: Scenario
    firms: Path | None
    collect: Collect
    folder: Path
    sweep: str
    run_timeout: float | None
    versions: dict[str, str]


class Piece(NamedTuple):
    """Runs of one point: what it changes in the scenario, its key, and seeds."""

    changes: dict[str, Any]
    key: str
    seeds: list[int]


class Receipt(NamedTuple):
    """What a chunk came to."""

    runs: int
    failed: int
    seconds: float


class NotAlike(Exception):
    """A worker that cannot do a sweep's work: it has other versions, or does not see the folder."""


def own_versions() -> dict[str, str]:
    """The versions that have to be alike in all processes of a sweep."""
    return {"model": MODEL_VERSION} | {name: text for name, text in versions().items() if name in ALIKE}


def check_worker(job: Job) -> None:
    """Refuse work that this process cannot do as the client would.

    Raises
    ------
    NotAlike
    """
    own, place = own_versions(), f"worker process {os.getpid()} on {platform.node()}"
    for name, wanted in job.versions.items():
        if own.get(name) != wanted:
            raise NotAlike(f"{place} has {name} {own.get(name)}, the sweep has {wanted}")
    if not (job.folder / job.sweep).exists():
        raise NotAlike(f"{place} does not see the folder {job.folder}; all need a common file system")


def make_chunk(job: Job, chunk: Sequence[Piece]) -> Receipt:
    """Make the runs of a chunk and write their part.

    A run that raises is recorded as failed, and the others go on.

    Parameters
    ----------
    job : Job
    chunk : sequence of Piece

    Returns
    -------
    Receipt

    Raises
    ------
    NotAlike
        If this process has other versions than the client.
    OSError
        If the part cannot be written.
    """
    check_worker(job)
    warm_up()
    started = time.monotonic()  # without the kernels' loading, for the next chunks are sized by it
    lost = {path.name: path.read_text("utf-8") for path in (job.folder / LOST).iterdir()}
    kept = _Kept(job)
    with TimeLimit(job.folder / LOST, job.run_timeout) as limit:
        for piece in chunk:
            seeds = [seed for seed in piece.seeds if f"{piece.key}-{seed}" not in lost]
            for seed in set(piece.seeds).difference(seeds):
                kept.fail(piece.key, seed, lost[f"{piece.key}-{seed}"], "")
            if seeds:
                _make_piece(job, piece._replace(seeds=seeds), kept, limit)
    write_part(job.folder / PARTS, kept.tables())
    runs = sum(len(piece.seeds) for piece in chunk)
    return Receipt(runs, len(kept.failures), time.monotonic() - started)


def sample(job: Job, piece: Piece) -> int:
    """Make one run and throw it away.

    Returns
    -------
    int
        Bytes of its rows in memory, more than they take on the disk.
    """
    kept = _Kept(job)
    numbers, rows, frames = make_run(job, piece.changes, piece.seeds[0])
    kept.add(piece.key, piece.seeds[0], 0.0, frames)
    kept.numbers.append(numbers)
    kept.rows.append(rows)
    return sum(table.nbytes for table in kept.tables().values())


def failed_part(job: Job, piece: Piece, error: str) -> dict[str, pa.Table]:
    """The tables of a part whose runs failed outside their own process."""
    kept = _Kept(job)
    for seed in piece.seeds:
        kept.fail(piece.key, seed, error, "")
    return kept.tables()


def _make_piece(job: Job, piece: Piece, kept: "_Kept", limit: TimeLimit) -> None:
    collect = job.collect
    alone = limit.seconds is not None or collect.lives or collect.firms or collect.panel
    if not alone and len(piece.seeds) > 1 and _make_together(job, piece, kept):
        return
    for seed in piece.seeds:
        started = time.monotonic()
        try:
            with limit.of(f"{piece.key}-{seed}"):
                numbers, rows, frames = make_run(job, piece.changes, seed)
        except Exception as problem:  # noqa: BLE001 - whatever a run raises is recorded as its failure
            kept.fail(piece.key, seed, _line(problem), traceback.format_exc(), time.monotonic() - started)
        else:
            kept.add(piece.key, seed, time.monotonic() - started, frames)
            kept.numbers.append(numbers)
            kept.rows.append(rows)


def _make_together(job: Job, piece: Piece, kept: "_Kept") -> bool:
    """Make all runs of a piece in few compiled calls; returns whether none raised."""
    started = time.monotonic()
    try:
        batch = _make_batch(job, piece)
    except Exception:  # noqa: BLE001 - which run it was, and why, is found out run by run
        return False
    for seed in piece.seeds:
        kept.add(piece.key, seed, (time.monotonic() - started) / len(piece.seeds))
    kept.numbers.append(batch.numbers)
    kept.rows.append(batch.rows)
    return True


def _make_batch(job: Job, piece: Piece) -> Batch:
    scenario = job.scenario.replace(**piece.changes)
    seeds, full, every = np.array(piece.seeds), job.collect.level == "full", job.collect.every
    batch = Batch(scenario, _firms(job, scenario), seeds, full, every, sectors=True)
    for begin, end in batch.parts():
        batch.run_part(begin, end)
    return batch


def make_run(job: Job, changes: dict[str, Any], seed: int) -> tuple[np.ndarray, np.ndarray, dict[str, pa.Table]]:
    """One run: its outcome numbers and measures, each for a table of one run, and the tables of its firms."""
    collect = job.collect
    scenario = job.scenario.replace(**changes)
    result = simulate(
        scenario,
        seed,
        firms=_firms(job, scenario),
        collect=collect.level,
        every=collect.every,
        panel=collect.panel,
        threads=1,
    )
    wanted = [name for name in ("lives", "firms", "panel") if getattr(collect, name)]
    frames = {name: frame_rows(getattr(result, name)) for name in wanted}
    return result.numbers[np.newaxis], result.rows[np.newaxis], frames


@lru_cache(maxsize=4)
def _read_firms(path: Path, scenario: Scenario) -> FirmTable:
    return read_firm_table(path, scenario)


def _firms(job: Job, scenario: Scenario) -> FirmTable | None:
    return None if job.firms is None else _read_firms(job.firms, scenario)


def _line(problem: Exception) -> str:
    text = str(problem).strip().split("\n")[0]
    return text if isinstance(problem, InputError) else f"{type(problem).__name__}: {text}".rstrip(": ")


class _Kept:
    """What the runs of a chunk left."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.names = table_names(job.collect)
        self.numbers: list[np.ndarray] = []
        self.rows: list[np.ndarray] = []
        self.failures: list[tuple[str, str]] = []
        self._frames: dict[str, list[pa.Table]] = {name: [] for name in self.names}
        self._runs: list[dict[str, Any]] = []

    def add(self, key: str, seed: int, seconds: float, frames: dict[str, pa.Table] | None = None) -> None:
        """Keep a run, whose numbers and rows the caller appends."""
        run = {"key": key, "seed": seed, "failed": False, "seconds": seconds, "outcomes": 1}
        for name, table in (frames or {}).items():
            self._frames[name].append(table)
            run[name] = table.num_rows
        self._runs.append(run)

    def fail(self, key: str, seed: int, error: str, trace: str, seconds: float = 0.0) -> None:
        """Keep a failure."""
        self.failures.append((error, trace))
        self._runs.append({"key": key, "seed": seed, "failed": True, "seconds": seconds, "failures": 1})

    def tables(self) -> dict[str, pa.Table]:
        """The tables of a part; where no run was made there are only `runs` and `failures`."""
        scenario, collect = self.job.scenario, self.job.collect
        full = collect.level == "full"
        tables: dict[str, pa.Table] = {}
        if self.numbers:
            tables["outcomes"] = outcome_rows(np.concatenate(self.numbers), scenario, full)
        steps = self._step_tables(full)
        for name in self.names:
            if self._frames[name]:
                tables[name] = pa.concat_tables(self._frames[name])
            elif name in steps:
                tables[name] = steps[name]
        tables["failures"] = failure_rows(self.failures)
        runs = {
            "key": pa.array([run["key"] for run in self._runs], pa.string()),
            "seed": pa.array([run["seed"] for run in self._runs], pa.int64()),
            "failed": pa.array([run["failed"] for run in self._runs], pa.bool_()),
            "seconds": pa.array([run["seconds"] for run in self._runs], pa.float64()),
        }
        for name in self.names:
            runs[name] = pa.array([run.get(name, 0) for run in self._runs], pa.int64())
        return {"runs": pa.table(runs)} | tables

    def _step_tables(self, full: bool) -> dict[str, pa.Table]:
        if not self.job.collect.every or not self.rows:
            return {}
        # Runs of points with other numbers of steps have tables of other lengths.
        every, scenario = self.job.collect.every, self.job.scenario
        kept = [step_rows(rows, scenario, full, every) for rows in _alike(self.rows)]
        lengths = [rows.shape[1] for rows in self.rows for _ in range(len(rows))]
        made = (run for run in self._runs if not run["failed"])
        for run, length in zip(made, lengths, strict=True):
            run["steps"], run["sectors"] = length, length * len(scenario.sectors)
        return {name: pa.concat_tables([tables[name] for tables in kept]) for name in ("steps", "sectors")}


def _alike(arrays: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Neighbours of one shape put together."""
    group: list[np.ndarray] = []
    for array in arrays:
        if group and array.shape[1:] != group[0].shape[1:]:
            yield np.concatenate(group)
            group = []
        group.append(array)
    yield np.concatenate(group)
