"""The tables of a finished sweep, made from wherever its runs lie, in the order of the present design.

Rows are written in blocks of neighbouring runs whose bounds depend on the design and the runs alone, so that the
files are equal byte for byte however the runs came to be; memory does not grow with their number.
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
_NOT_OF_THE_PLAN, _DAMAGED = -1, -2
BLOCK = 50_000  # rows that a block of runs has at least, the last excepted


@dataclass(frozen=True)
class RunIndex:
    """Which runs of a plan are stored, and where.

    Attributes
    ----------
    plan : Plan
    sources : list of PartSource or FinishedSource
    source, place : int64 arrays, shape (stored runs,)
        Where each stored run lies: its source and its row in `source.runs`.
    run : int64 array, shape (stored runs,)
        Its number in the plan; -1 where the plan does not have it, -2 where its rows are damaged.
    failed : bool array, shape (stored runs,)
    """

    plan: Plan
    sources: Sequence[PartSource | FinishedSource]
    source: np.ndarray
    place: np.ndarray
    run: np.ndarray
    failed: np.ndarray

    @cached_property
    def chosen(self) -> np.ndarray:
        """Of each run of the plan the stored run that counts, or -1; one that succeeded rather than one that failed."""
        found = np.full(self.plan.runs, -1)
        order = np.argsort(~self.failed, kind="stable")  # failed ones first, so that others are written over them
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
        """What the plan's stored runs took to make."""
        return float(np.sum(_column(self, "seconds")[self.chosen[self.chosen >= 0]]))

    @cached_property
    def _state(self) -> np.ndarray:
        state = np.full(self.plan.runs, _MISSING)
        stored = self.chosen >= 0
        state[stored] = np.where(self.failed[self.chosen[stored]], _FAILED, _DONE)
        return state


def index_runs(plan: Plan, sources: Sequence[PartSource | FinishedSource]) -> RunIndex:
    """Look all stored runs up in a plan."""
    import pandas as pd

    if not sources:
        nothing = np.empty(0, dtype=np.int64)
        return RunIndex(plan, sources, nothing, nothing, nothing, np.zeros(0, dtype=bool))
    lengths = [source.runs.num_rows for source in sources]
    stored = pa.concat_tables([source.runs.select(["key", "seed", "failed"]) for source in sources])
    points = pd.Index(plan.keys[plan.first_points]).get_indexer(stored["key"].to_numpy())
    lost = np.concatenate([source.lost for source in sources])
    return RunIndex(
        plan,
        sources,
        np.repeat(np.arange(len(sources)), lengths),
        np.concatenate([np.arange(length) for length in lengths]),
        np.where(lost, _DAMAGED, _numbers(plan, points, stored["seed"].to_numpy())),
        stored["failed"].to_numpy(),
    )


def _numbers(plan: Plan, points: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Numbers in the plan of runs given by distinct point (-1: none of the plan's) and seed; -1 where it has none."""
    found = np.full(len(points), -1)
    count = plan.replications.count
    # With common seeds all points have the same row of them, which is sorted once.
    groups = [np.flatnonzero(points >= 0)] if plan.replications.common else None
    if groups is None:
        order = np.argsort(points, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(points[order])) + 1)
    for mine in groups:
        if not mine.size or points[mine[0]] < 0:
            continue
        own = plan.seeds[points[mine[0]]]
        by_seed = np.argsort(own, kind="stable")
        place = np.minimum(np.searchsorted(own[by_seed], seeds[mine]), count - 1)
        replication = by_seed[place]
        known = own[replication] == seeds[mine]
        found[mine[known]] = points[mine[known]] * count + replication[known]
    return found


def merge(index: RunIndex, tables: Sequence[str], folder: Path) -> dict[str, int]:
    """Write the tables of a sweep whose runs are all stored.

    Parameters
    ----------
    index : RunIndex
        With no run missing.
    tables : sequence of str
    folder : Path
        Where to.

    Returns
    -------
    dict of str to int
        Rows of each table.
    """
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
        firsts, counts = _stretches(index, table)
        path = folder / f"{table}.parquet"
        written[table] = _write(path, table, index, stored, keys, firsts[stored], counts[stored])
    about = {"key": pa.array(plan.keys[points], pa.string()), "failed": pa.array(index.failed[stored])}
    about |= {"seconds": pa.array(_column(index, "seconds")[stored])}
    about |= {table: pa.array(_stretches(index, table)[1][stored]) for table in tables}
    order = {name: pa.array(values) for name, values in keys.items()}
    pq.write_table(pa.table(order | about), folder / "runs.parquet", compression="zstd", write_page_checksum=True)
    return written


def keep_others(index: RunIndex, tables: Sequence[str], folder: Path) -> None:
    """Write the stored runs that the plan does not have into parts, for a design that has them again."""
    others = np.flatnonzero(index.run == _NOT_OF_THE_PLAN)
    if not others.size:
        return
    sizes = sum(_stretches(index, table)[1][others] for table in tables)
    readers = {table: Reader(index.sources, table) for table in tables}
    for block in _blocks(sizes):
        mine = others[block]
        members = {}
        for table in tables:
            firsts, counts = _stretches(index, table)
            some = mine[counts[mine] > 0]
            if some.size:
                members[table] = readers[table].rows(index.source[some], firsts[some], counts[some])
        runs = {name: _column(index, name)[mine] for name in ("key", "seed", "failed", "seconds", *tables)}
        write_part(folder, {"runs": pa.table(runs)} | members)


def _column(index: RunIndex, name: str) -> np.ndarray:
    return pa.concat_tables([source.runs.select([name]) for source in index.sources])[name].to_numpy()


def _stretches(index: RunIndex, table: str) -> tuple[np.ndarray, np.ndarray]:
    """First row and number of rows of each stored run in its source's table."""
    counts = [source.runs[table].to_numpy() for source in index.sources]
    return np.concatenate([np.cumsum(each) - each for each in counts]), np.concatenate(counts)


def _blocks(sizes: np.ndarray) -> Iterator[slice]:
    """Neighbouring runs with BLOCK rows together, or the fewest runs that have more."""
    begin, total = 0, 0
    for place, size in enumerate(sizes.tolist(), 1):
        total += size
        if total >= BLOCK or place == len(sizes):
            yield slice(begin, place)
            begin, total = place, 0


def _nulls(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Missing numbers as null: what else reads the tables would average NaN."""
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)


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
                writer = pq.ParquetWriter(path, data.schema, compression="zstd", write_page_checksum=True)
            writer.write_table(data, row_group_size=max(1, data.num_rows))
            rows += data.num_rows
    finally:
        if writer:
            writer.close()
    if writer is None:  # nothing in it: failures, or outcomes where every run failed
        fields = [pa.field(name, pa.int64()) for name in keys]
        own = list(FAILURES) if table == "failures" else []
        pq.write_table(pa.schema(fields + own).empty_table(), path, write_page_checksum=True)
    return rows
