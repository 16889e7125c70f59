"""Merges stored runs into the tables of a finished sweep, in the order of the design's points.

Rows are written in blocks of neighbouring runs. The bounds of the blocks depend on the design and the runs alone, so
that the files are equal byte for byte however the runs were made, and memory does not grow with their number.
"""

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from abm.sweeps.design.plan import Plan
from abm.sweeps.store.parts import write_part
from abm.sweeps.store.reader import FinishedSource, PartSource, Reader, run_batches
from abm.sweeps.store.run_states import NOT_IN_PLAN, run_numbers
from abm.sweeps.store.sorted_runs import SortedRuns
from abm.sweeps.store.tables import FAILURES

BLOCK = 50_000  # least number of rows of a block, except for the last one
_KEYS = ("point", "replication", "seed")


@dataclass(frozen=True)
class Merged:
    """What was merged: the rows of each table, and the seconds that it took to make the runs."""

    rows: dict[str, int]
    seconds: float


def merge(runs: SortedRuns, tables: Sequence[str], folder: Path) -> Merged:
    """Write the tables of a sweep into a folder."""
    plan = runs.plan
    seconds = 0.0
    with contextlib.ExitStack() as stack:
        writers = [_TableWriter(folder, table, runs.sources) for table in tables]
        index = _IndexWriter(folder / "runs.parquet", plan, tables)
        for writer in (*writers, index):
            stack.callback(writer.close)
        for begin in range(0, plan.rows, runs.size):
            rows = _rows_of_plan(plan, runs, begin, min(begin + runs.size, plan.rows))
            for writer in writers:
                writer.add(rows)
            index.add(rows)
            is_first = plan.first_points[plan.distinct_of[rows["point"].to_numpy()]] == rows["point"].to_numpy()
            seconds += float(np.sum(rows["seconds"].to_numpy()[is_first]))
        for writer in writers:
            writer.finish()
    return Merged({writer.table: writer.rows for writer in writers}, seconds)


def _rows_of_plan(plan: Plan, runs: SortedRuns, begin: int, end: int) -> pa.Table:
    """A row for each point and replication, from the number `begin` to before `end`, with where its run is stored."""
    points, replications = np.divmod(np.arange(begin, end), plan.replications.count)
    numbers = plan.distinct_of[points] * plan.replications.count + replications
    keys = {"point": points, "replication": replications, "seed": _seeds(plan, points, replications)}
    found = runs.of(numbers)
    return pa.table(
        {name: pa.array(values) for name, values in keys.items()} | {name: found[name] for name in found.column_names}
    )


def _seeds(plan: Plan, points: np.ndarray, replications: np.ndarray) -> np.ndarray:
    """The seeds of neighbouring replications of neighbouring points."""
    if plan.replications.common:
        return plan.seeds_of(0, 0, plan.replications.count)[replications]
    bounds = [0, *(np.flatnonzero(np.diff(points)) + 1), len(points)]
    return np.concatenate(
        [
            plan.seeds_of(plan.distinct_of[points[begin]], replications[begin], replications[end - 1] + 1)
            for begin, end in itertools.pairwise(bounds)
        ]
    )


class _TableWriter:
    """Writes one table."""

    def __init__(self, folder: Path, table: str, sources: Sequence[PartSource | FinishedSource]) -> None:
        self.table, self.rows = table, 0
        self._path, self._sources = folder / f"{table}.parquet", sources
        self._blocks = _Blocks()
        self._writer: pq.ParquetWriter | None = None

    def add(self, runs: pa.Table) -> None:
        """Add the rows of some runs; those of an unfinished block are written later."""
        runs = runs.select([*_KEYS, "source", f"{self.table}.first", self.table])
        runs = runs.filter(pc.greater(runs[self.table], 0))
        reader = Reader(self._sources, self.table)
        for block in self._blocks.add(runs, runs[self.table].to_numpy()):
            self._write(reader, block)

    def finish(self) -> None:
        """Write what is left; a table without rows if no run failed, or every run did."""
        for block in self._blocks.rest():
            self._write(Reader(self._sources, self.table), block)
        if self._writer is None:
            own = list(FAILURES) if self.table == "failures" else []
            schema = pa.schema([*(pa.field(name, pa.int64()) for name in _KEYS), *own])
            pq.write_table(schema.empty_table(), self._path, write_page_checksum=True)

    def close(self) -> None:
        """Close the file."""
        if self._writer:
            self._writer.close()

    def _write(self, reader: Reader, runs: pa.Table) -> None:
        counts = runs[self.table].to_numpy()
        rows = _rows_of(reader, self.table, runs)
        numbers = {name: pa.array(np.repeat(runs[name].to_numpy(), counts)) for name in _KEYS}
        data = pa.table(numbers | {name: _nulls(rows[name]) for name in rows.column_names})
        if self._writer is None:
            # Without dictionaries numbers are written in a quarter of the time, and smaller.
            repeated = [field.name for field in data.schema if not pa.types.is_floating(field.type)]
            self._writer = pq.ParquetWriter(
                self._path, data.schema, compression="zstd", use_dictionary=repeated, write_page_checksum=True
            )
        self._writer.write_table(data, row_group_size=max(1, data.num_rows))
        self.rows += data.num_rows


class _IndexWriter:
    """Writes `runs`, by which a later call finds finished runs."""

    def __init__(self, path: Path, plan: Plan, tables: Sequence[str]) -> None:
        self._path, self._plan, self._tables = path, plan, tables
        self._writer: pq.ParquetWriter | None = None

    def add(self, runs: pa.Table) -> None:
        """Add some runs."""
        keys = pa.array(self._plan.keys[runs["point"].to_numpy()], pa.string())
        data = runs.select([*_KEYS, "failed", "seconds", *self._tables]).add_column(len(_KEYS), "key", keys)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, data.schema, compression="zstd", write_page_checksum=True)
        self._writer.write_table(data)

    def close(self) -> None:
        """Close the file."""
        if self._writer:
            self._writer.close()


def keep_unplanned_runs(
    plan: Plan, sources: Sequence[PartSource | FinishedSource], tables: Sequence[str], folder: Path
) -> None:
    """Write the stored runs that are not in a plan as parts, for a later design that has them."""
    blocks, readers = _Blocks(), {table: Reader(sources, table) for table in tables}

    def write(runs: pa.Table) -> None:
        members = {}
        for table in tables:
            some = runs.filter(pc.greater(runs[table], 0))
            if some.num_rows:
                members[table] = _rows_of(readers[table], table, some)
        write_part(folder, {"runs": runs.select(["key", "seed", "failed", "seconds", *tables])} | members)

    for number, batch in run_batches(sources):
        columns = {name: batch.runs[name] for name in ("key", "seed", "failed", "seconds", *tables)}
        columns |= {f"{table}.first": pa.array(batch.first[table]) for table in tables}
        columns["source"] = pa.array(np.full(batch.runs.num_rows, number, dtype=np.int32))
        others = pa.table(columns).filter(pa.array(run_numbers(plan, batch) == NOT_IN_PLAN))
        for block in blocks.add(others, np.sum([others[table].to_numpy() for table in tables], axis=0)):
            write(block)
    for block in blocks.rest():
        write(block)


def _rows_of(reader: Reader, table: str, runs: pa.Table) -> pa.Table:
    """The rows of some runs in a table, each with a row or more."""
    return reader.rows(*(runs[name].to_numpy() for name in ("source", f"{table}.first", table)))


def _nulls(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """NaN as null, because other programs would not skip NaN in a mean."""
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)


class _Blocks:
    """Gathers runs, each with a number of rows, into blocks with as few runs as have BLOCK rows or more."""

    def __init__(self) -> None:
        self._kept: list[pa.Table] = []
        self._rows = 0

    def add(self, runs: pa.Table, rows: np.ndarray) -> Iterator[pa.Table]:
        """The blocks that are complete with some more runs."""
        upto, begin = np.cumsum(rows), 0
        while True:
            before = int(upto[begin - 1]) if begin else 0
            end = int(np.searchsorted(upto, before + BLOCK - self._rows)) + 1
            if end > len(rows):
                break
            yield pa.concat_tables([*self._kept, runs.slice(begin, end - begin)])
            self._kept, self._rows, begin = [], 0, end
        if begin < len(rows):
            self._kept.append(runs.slice(begin))
            self._rows += int(upto[-1]) - before

    def rest(self) -> Iterator[pa.Table]:
        """The last block, if runs are left."""
        if self._kept:
            yield pa.concat_tables(self._kept)
