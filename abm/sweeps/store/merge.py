"""Merges stored runs into the tables of a finished sweep, in the order of the design's points.

Rows are written in blocks of neighbouring runs. The bounds of the blocks depend on the design and the runs alone, so
that the files are equal byte for byte however the runs were made, and memory does not grow with their number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from abm.sweeps.design.plan import Plan
from abm.sweeps.store.parts import write_part
from abm.sweeps.store.reader import FinishedSource, PartSource, Reader
from abm.sweeps.store.tables import FAILURES

_MISSING, _FAILED, _DONE = range(3)
_NOT_IN_PLAN, _DAMAGED = -1, -2
BLOCK = 50_000  # least number of rows of a block, except for the last one


@dataclass(frozen=True)
class RunIndex:
    """Which runs of a plan are stored, and where.

    Attributes
    ----------
    plan : Plan
    sources : list of PartSource or FinishedSource
    source, row : int64 arrays, shape (stored runs,)
        The source of each stored run, and its row in `runs` of that source.
    run : int64 array, shape (stored runs,)
        Its number in the plan; -1 if it is not in the plan, -2 if its rows are damaged.
    failed : bool array, shape (stored runs,)
    """

    plan: Plan
    sources: Sequence[PartSource | FinishedSource]
    source: np.ndarray
    row: np.ndarray
    run: np.ndarray
    failed: np.ndarray

    @cached_property
    def chosen(self) -> np.ndarray:
        """For each run of the plan the stored run to use, or -1; one that succeeded if there are several."""
        found = np.full(self.plan.runs, -1)
        order = np.argsort(~self.failed, kind="stable")  # failed ones first, so that others replace them
        order = order[self.run[order] >= 0]
        found[self.run[order]] = order
        return found

    @property
    def done(self) -> np.ndarray:
        """Numbers of the plan's runs that are stored and did not fail."""
        return np.flatnonzero(self._state == _DONE)

    @property
    def failures(self) -> np.ndarray:
        """Numbers of the plan's runs that failed."""
        return np.flatnonzero(self._state == _FAILED)

    @property
    def missing(self) -> np.ndarray:
        """Numbers of the plan's runs that are not stored."""
        return np.flatnonzero(self._state == _MISSING)

    def seconds(self) -> float:
        """The seconds that it took to make the plan's stored runs."""
        return float(np.sum(_column(self, "seconds")[self.chosen[self.chosen >= 0]]))

    @cached_property
    def _state(self) -> np.ndarray:
        state = np.full(self.plan.runs, _MISSING)
        stored = self.chosen >= 0
        state[stored] = np.where(self.failed[self.chosen[stored]], _FAILED, _DONE)
        return state


def index_runs(plan: Plan, sources: Sequence[PartSource | FinishedSource]) -> RunIndex:
    """Find all stored runs in a plan."""
    import pandas as pd

    if not sources:
        nothing = np.empty(0, dtype=np.int64)
        return RunIndex(plan, sources, nothing, nothing, nothing, np.zeros(0, dtype=bool))
    lengths = [source.runs.num_rows for source in sources]
    stored = pa.concat_tables([source.runs.select(["key", "seed", "failed"]) for source in sources])
    points = pd.Index(plan.keys[plan.first_points]).get_indexer(stored["key"].to_numpy())
    damaged = np.concatenate([source.damaged for source in sources])
    return RunIndex(
        plan,
        sources,
        np.repeat(np.arange(len(sources)), lengths),
        np.concatenate([np.arange(length) for length in lengths]),
        np.where(damaged, _DAMAGED, _numbers(plan, points, stored["seed"].to_numpy())),
        stored["failed"].to_numpy(),
    )


def _numbers(plan: Plan, points: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Run numbers in the plan, given distinct points (-1: not in the plan) and seeds; -1 where there is no such run."""
    found = np.full(len(points), -1)
    count = plan.replications.count
    # With common seeds all points have the same seeds, which are then sorted only once.
    groups = [np.flatnonzero(points >= 0)] if plan.replications.common else None
    if groups is None:
        order = np.argsort(points, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(points[order])) + 1)
    for mine in groups:
        if not mine.size or points[mine[0]] < 0:
            continue
        own = plan.seeds[points[mine[0]]]
        by_seed = np.argsort(own, kind="stable")
        rank = np.minimum(np.searchsorted(own[by_seed], seeds[mine]), count - 1)
        replication = by_seed[rank]
        known = own[replication] == seeds[mine]
        found[mine[known]] = points[mine[known]] * count + replication[known]
    return found


def merge(index: RunIndex, tables: Sequence[str], folder: Path) -> dict[str, int]:
    """Write the tables of a sweep into a folder, where no run is missing; returns the number of rows of each."""
    plan = index.plan
    count = plan.replications.count
    points = np.repeat(np.arange(len(plan.points)), count)
    replications = np.tile(np.arange(count), len(plan.points))
    runs = plan.distinct_of[points] * count + replications
    seeds = plan.seeds.reshape(-1)[runs] if plan.runs else np.empty(0, dtype=np.int64)
    stored = index.chosen[runs]
    keys = {"point": points, "replication": replications, "seed": seeds}
    written = {}
    for table in tables:
        firsts, counts = _row_ranges(index, table)
        path = folder / f"{table}.parquet"
        written[table] = _write(path, table, index, stored, keys, firsts[stored], counts[stored])
    about = {"key": pa.array(plan.keys[points], pa.string()), "failed": pa.array(index.failed[stored])}
    about |= {"seconds": pa.array(_column(index, "seconds")[stored])}
    about |= {table: pa.array(_row_ranges(index, table)[1][stored]) for table in tables}
    order = {name: pa.array(values) for name, values in keys.items()}
    pq.write_table(pa.table(order | about), folder / "runs.parquet", compression="zstd", write_page_checksum=True)
    return written


def keep_unplanned_runs(index: RunIndex, tables: Sequence[str], folder: Path) -> None:
    """Write the stored runs that are not in the plan as parts, for a later design that has them."""
    others = np.flatnonzero(index.run == _NOT_IN_PLAN)
    if not others.size:
        return
    sizes = sum(_row_ranges(index, table)[1][others] for table in tables)
    readers = {table: Reader(index.sources, table) for table in tables}
    for block in _blocks(sizes):
        mine = others[block]
        members = {}
        for table in tables:
            firsts, counts = _row_ranges(index, table)
            some = mine[counts[mine] > 0]
            if some.size:
                members[table] = readers[table].rows(index.source[some], firsts[some], counts[some])
        runs = {name: _column(index, name)[mine] for name in ("key", "seed", "failed", "seconds", *tables)}
        write_part(folder, {"runs": pa.table(runs)} | members)


def _column(index: RunIndex, name: str) -> np.ndarray:
    return pa.concat_tables([source.runs.select([name]) for source in index.sources])[name].to_numpy()


def _row_ranges(index: RunIndex, table: str) -> tuple[np.ndarray, np.ndarray]:
    """First row and number of rows of each stored run in the table of its source."""
    counts = [source.runs[table].to_numpy() for source in index.sources]
    return np.concatenate([np.cumsum(each) - each for each in counts]), np.concatenate(counts)


def _blocks(sizes: np.ndarray) -> Iterator[slice]:
    """Slices of neighbouring runs, each with as few runs as have BLOCK rows or more; `sizes` are rows of each run."""
    begin, total = 0, 0
    for end, size in enumerate(sizes.tolist(), 1):
        total += size
        if total >= BLOCK or end == len(sizes):
            yield slice(begin, end)
            begin, total = end, 0


def _nulls(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """NaN as null, because other programs would not skip NaN in a mean."""
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """A writer of a finished table; without dictionaries, numbers are written in a quarter of the time, and smaller."""
    repeated = [field.name for field in schema if not pa.types.is_floating(field.type)]
    return pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=repeated, write_page_checksum=True)


def _write(path: Path, table: str, index: RunIndex, stored, keys, firsts, counts) -> int:
    reader = Reader(index.sources, table)
    writer, rows = None, 0
    try:
        for block in _blocks(counts):
            some = counts[block] > 0
            if not some.any():
                continue
            count = counts[block][some]
            data = reader.rows(index.source[stored[block][some]], firsts[block][some], count)
            numbers = {name: pa.array(np.repeat(values[block][some], count)) for name, values in keys.items()}
            data = pa.table(numbers | {name: _nulls(data[name]) for name in data.column_names})
            if writer is None:
                writer = _writer(path, data.schema)
            writer.write_table(data, row_group_size=max(1, data.num_rows))
            rows += data.num_rows
    finally:
        if writer:
            writer.close()
    if writer is None:  # no rows: no run failed, or every run did
        fields = [pa.field(name, pa.int64()) for name in keys]
        own = list(FAILURES) if table == "failures" else []
        pq.write_table(pa.schema(fields + own).empty_table(), path, write_page_checksum=True)
    return rows
