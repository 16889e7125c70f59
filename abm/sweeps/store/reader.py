"""Reads finished runs from parts and from the tables of a finished sweep."""

import contextlib
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from abm.errors import InputError
from abm.output.stored import Damaged, parquet_errors
from abm.sweeps.store.digests import Damage
from abm.sweeps.store.parts import DamagedPart, read_table

if TYPE_CHECKING:  # slow to import
    import pandas as pd

ROW_NUMBERS = ("point", "replication", "seed")  # columns that finished tables have and parts have not
REPAIR_HINT = "; the command of the sweep, given again, repairs what is damaged and keeps all else"
_CACHED = 64_000_000  # bytes of tables that are kept in memory for the next block of rows
_BATCH = 100_000  # runs of finished tables that are read together
_ABOUT = ("point", "replication", "seed", "key", "failed", "seconds")  # columns of `runs` that count no rows


@contextlib.contextmanager
def whole(path: Path) -> Iterator[None]:
    """Raise Damaged if a finished table cannot be read in the block."""
    try:
        yield
    except InputError:
        raise
    except parquet_errors() as problem:
        reason = getattr(problem, "strerror", None) or " ".join(str(problem).split())
        raise Damaged(f"{path}: is damaged: {reason}{REPAIR_HINT}") from None


def read_whole(path: Path, columns: list[str] | None = None) -> "pd.DataFrame":
    """A finished table, or some of its columns; raises Damaged where a checksum is wrong."""
    import pandas as pd

    with whole(path):
        return pd.read_parquet(path, columns=columns, page_checksum_verification=True)


def read_groups(path: Path, groups: Sequence[int], columns: list[str] | None = None) -> "pd.DataFrame":
    """Some row groups of a finished table, by their numbers; raises Damaged where a checksum is wrong."""
    with whole(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        return file.read_row_groups(list(groups), columns).to_pandas()


def groups_with(path: Path, points: Collection[int]) -> list[int]:
    """The numbers of the row groups of a finished table that may have rows of some points."""
    about, wanted = metadata(path), np.unique(np.fromiter(points, dtype=np.int64, count=len(points)))
    found = []
    for number in range(about.num_row_groups):
        bounds = about.row_group(number).column(about.schema.names.index("point")).statistics
        if bounds is None or np.searchsorted(wanted, bounds.min) < np.searchsorted(wanted, bounds.max, side="right"):
            found.append(number)
    return found


def metadata(path: Path) -> pq.FileMetaData:
    """The metadata of a finished table; raises Damaged if it cannot be read."""
    with whole(path):
        return pq.read_metadata(path)


class RunBatch(NamedTuple):
    """Some runs of a source.

    Attributes
    ----------
    runs : Table
        Rows of the source's table `runs`.
    first : dict of str to int64 array, shape (runs,)
        For each other table the first row of each run.
    damaged : bool array, shape (runs,)
        Whether rows of the run are damaged.
    """

    runs: pa.Table
    first: dict[str, np.ndarray]
    damaged: np.ndarray


class PartSource:
    """The runs of one part, whose table `runs` is read when it is needed if it is not given."""

    def __init__(self, path: Path, runs: pa.Table | None = None) -> None:
        self._path, self._runs = path, runs

    @property
    def runs(self) -> pa.Table:
        """The table `runs`; raises DamagedPart if it cannot be read."""
        return read_table(self._path, "runs") if self._runs is None else self._runs

    @property
    def damaged(self) -> np.ndarray:
        """Which runs have damaged rows: none, because a part is used whole or not at all."""
        return np.zeros(self.runs.num_rows, dtype=bool)

    def batches(self) -> Iterator[RunBatch]:
        """All runs at once."""
        runs = self.runs
        yield RunBatch(runs, _firsts(runs, {}), np.zeros(runs.num_rows, dtype=bool))

    def group_bounds(self, table: str) -> np.ndarray:
        """The first row of each row group: a part has one."""
        return np.array([0])

    def read(self, table: str, group: int) -> pa.Table:
        """One row group of a table."""
        return read_table(self._path, table)


class FinishedSource:
    """The runs of finished tables.

    Parameters
    ----------
    folder : Path
    tables : sequence of str
        Those whose damage matters.
    damage : mapping of str to Damage
        The damage of each damaged table, by file name.
    runs : Table, optional
        Replaces `runs.parquet` where that is damaged.
    """

    def __init__(
        self, folder: Path, tables: Sequence[str] = (), damage: Mapping[str, Damage] = {}, runs: pa.Table | None = None
    ) -> None:
        self._folder, self._runs = folder, runs
        self._files: dict[str, pq.ParquetFile] = {}
        self._damage = {table: damage[f"{table}.parquet"] for table in tables if f"{table}.parquet" in damage}

    @cached_property
    def runs(self) -> pa.Table:
        """The table `runs`, in memory."""
        return pa.concat_tables([batch.runs for batch in self.batches()])

    @cached_property
    def damaged(self) -> np.ndarray:
        """Which runs have damaged rows."""
        return np.concatenate([batch.damaged for batch in self.batches()])

    def batches(self) -> Iterator[RunBatch]:
        """The runs, some at a time."""
        rows: dict[str, int] = {}  # of the runs so far, in each table
        for runs in self._pieces():
            first = _firsts(runs, rows)
            rows = {name: rows.get(name, 0) + int(np.sum(runs[name].to_numpy())) for name in first}
            damaged = np.zeros(runs.num_rows, dtype=bool)
            for table, damage in self._damage.items():
                damaged |= self._damaged_in(table, damage, first[table], runs[table].to_numpy())
            yield RunBatch(runs, first, damaged)

    def _pieces(self) -> Iterator[pa.Table]:
        if self._runs is not None:
            yield self._runs
            return
        with whole(self._file("runs")):
            file = self._open("runs")
            if not file.metadata.num_rows:
                yield file.read()
            for batch in file.iter_batches(_BATCH):
                yield pa.table(batch)

    def _damaged_in(self, table: str, damage: Damage, first: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Which runs have rows in the damaged part of a table, by their first rows and their numbers of rows."""
        if damage.all:
            return counts > 0
        bounds, ends = self.group_bounds(table), first + counts
        bad = np.zeros(bounds[-1] + 1, dtype=np.int64)
        for group in damage.groups:
            bad[bounds[group] + 1 : bounds[group + 1] + 1] = 1
        upto = np.cumsum(bad)
        return upto[ends] > upto[ends - counts]

    def _file(self, table: str) -> Path:
        return self._folder / f"{table}.parquet"

    def _open(self, table: str) -> pq.ParquetFile:
        if table not in self._files:
            self._files[table] = pq.ParquetFile(self._file(table), page_checksum_verification=True)
        return self._files[table]

    def group_bounds(self, table: str) -> np.ndarray:
        """The first row of each row group, and the number of rows."""
        with whole(self._file(table)):
            about = self._open(table).metadata
        return np.cumsum([0] + [about.row_group(group).num_rows for group in range(about.num_row_groups)])

    def read(self, table: str, group: int) -> pa.Table:
        """One row group of a table."""
        with whole(self._file(table)):
            rows = self._open(table).read_row_group(group)
        return rows.drop_columns([name for name in ROW_NUMBERS if name in rows.column_names])


def run_batches(sources: Sequence[PartSource | FinishedSource]) -> Iterator[tuple[int, RunBatch]]:
    """The runs of all sources, with the number of their source; parts that are damaged or gone are left out."""
    for number, source in enumerate(sources):
        try:
            for batch in source.batches():
                yield number, batch
        except (DamagedPart, FileNotFoundError):  # where it is gone, another process has moved it into the tables
            continue


def _firsts(runs: pa.Table, before: Mapping[str, int]) -> dict[str, np.ndarray]:
    """For each table the first row of each run, where so many rows of other runs are before them."""
    counts = {name: runs[name].to_numpy() for name in runs.column_names if name not in _ABOUT}
    return {name: before.get(name, 0) + np.cumsum(each) - each for name, each in counts.items()}


def runs_from_tables(folder: Path, tables: Sequence[str], count: int, seconds: float) -> pa.Table:
    """The content of a damaged `runs.parquet`, made again from the other tables.

    Parameters
    ----------
    folder : Path
    tables : sequence of str
    count : int
        Replications of a point.
    seconds : float
        The mean time of a run, which replaces the time of each.
    """
    keys = read_whole(folder / "keys.parquet", ["key"])["key"].to_numpy(object)
    numbers, seeds, rows = [], [], {}
    for table in tables:
        frame = read_whole(folder / f"{table}.parquet", list(ROW_NUMBERS))
        number = (frame["point"] * count + frame["replication"]).to_numpy(np.int64)
        rows[table] = np.bincount(number, minlength=len(keys) * count)
        numbers.append(number)
        seeds.append(frame["seed"].to_numpy(np.int64))
    number, first = np.unique(np.concatenate(numbers), return_index=True)
    made = {
        "key": pa.array(keys[number // count], pa.string()),
        "seed": pa.array(np.concatenate(seeds)[first]),
        "failed": pa.array(rows["outcomes"][number] == 0),
        "seconds": pa.array(np.full(len(number), float(seconds))),
    }
    return pa.table(made | {table: pa.array(counts[number]) for table, counts in rows.items()})


class Reader:
    """Reads rows of one table, or some columns, from many sources, and keeps the row groups read last in memory."""

    def __init__(
        self, sources: Sequence[PartSource | FinishedSource], table: str, columns: Sequence[str] | None = None
    ) -> None:
        self._sources, self._table, self._columns = sources, table, columns
        self._starts: dict[int, np.ndarray] = {}
        self._cache: OrderedDict[tuple[int, int], pa.Table] = OrderedDict()
        self._cached = 0

    def rows(self, source: np.ndarray, first: np.ndarray, count: np.ndarray) -> pa.Table:
        """The rows of ranges, one range after another.

        Parameters
        ----------
        source, first, count : int64 arrays, shape (ranges,)
            The source of each range, its first row there, and its number of rows, 1 or more.
        """
        tables, rows = [], []
        total = 0
        starts = np.cumsum(count) - count  # of each range in the returned table
        for number in np.unique(source):
            mine = np.flatnonzero(source == number)
            wanted = _ranges(first[mine], count[mine])
            target = _ranges(starts[mine], count[mine])
            bounds = self._bounds(number)
            group_of = np.searchsorted(bounds, wanted, side="right") - 1
            for group in np.unique(group_of):
                chosen = group_of == group
                tables.append(_taken(self._read(number, group), wanted[chosen] - bounds[group]))
                rows.append(target[chosen])
                total += int(chosen.sum())
        order = np.empty(total, dtype=np.int64)
        order[np.concatenate(rows)] = np.arange(total)
        # In one piece, because the bytes of a written table depend on the pieces.
        return _taken(pa.concat_tables(tables).combine_chunks(), order).combine_chunks()

    def _bounds(self, number: int) -> np.ndarray:
        if number not in self._starts:
            self._starts[number] = self._sources[number].group_bounds(self._table)
        return self._starts[number]

    def _read(self, number: int, group: int) -> pa.Table:
        key = (int(number), int(group))
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        table = self._sources[number].read(self._table, int(group))
        table = (table if self._columns is None else table.select(self._columns)).combine_chunks()
        self._cache[key] = table
        self._cached += table.nbytes
        while len(self._cache) > 1 and self._cached > _CACHED:
            self._cached -= self._cache.popitem(last=False)[1].nbytes
        return table


def _taken(table: pa.Table, rows: np.ndarray) -> pa.Table:
    """Rows of a table by their numbers; without a copy, which keeps all the table, where they are most of it."""
    if 2 * len(rows) > table.num_rows and rows[-1] - rows[0] == len(rows) - 1 and np.all(np.diff(rows) == 1):
        return table.slice(int(rows[0]), len(rows))
    return table.take(rows)


def _ranges(first: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The row numbers of all ranges, one range after another."""
    total = int(count.sum())
    shift = np.repeat(first - (np.cumsum(count) - count), count)
    return shift + np.arange(total)
