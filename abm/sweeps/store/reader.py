"""Reads finished runs from parts and from the tables of a finished sweep."""

import contextlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from abm.errors import InputError
from abm.output.stored import Damaged, parquet_errors
from abm.sweeps.store.digests import Damage
from abm.sweeps.store.parts import read_table

if TYPE_CHECKING:  # slow to import
    import pandas as pd

ROW_NUMBERS = ("point", "replication", "seed")  # columns that finished tables have and parts have not
REPAIR_HINT = "; the command of the sweep, given again, repairs what is damaged and keeps all else"
_CACHED = 200_000_000  # bytes of tables that are kept in memory for the next block of rows


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


def metadata(path: Path) -> pq.FileMetaData:
    """The metadata of a finished table; raises Damaged if it cannot be read."""
    with whole(path):
        return pq.read_metadata(path)


class PartSource:
    """The runs of one part."""

    def __init__(self, path: Path, runs: pa.Table) -> None:
        self.name, self.runs, self._path = path.name, runs, path
        self.damaged = np.zeros(runs.num_rows, dtype=bool)

    def group_bounds(self, table: str) -> np.ndarray:
        """The first row of each row group, and the number of rows."""
        return np.array([0, int(np.sum(self.runs[table].to_numpy()))])

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

    name = ""

    def __init__(
        self, folder: Path, tables: Sequence[str] = (), damage: Mapping[str, Damage] = {}, runs: pa.Table | None = None
    ) -> None:
        self._folder = folder
        self._files: dict[str, pq.ParquetFile] = {}
        if runs is None:
            with whole(self._file("runs")):
                runs = self._open("runs").read()
        self.runs = runs
        self.damaged = np.zeros(runs.num_rows, dtype=bool)
        for table in tables:
            if f"{table}.parquet" in damage:
                self.damaged |= self._damaged_in(table, damage[f"{table}.parquet"])

    def _damaged_in(self, table: str, damage: Damage) -> np.ndarray:
        """Which runs have rows in the damaged part of a table."""
        counts = self.runs[table].to_numpy()
        if damage.all:
            return counts > 0
        bounds, ends = self.group_bounds(table), np.cumsum(counts)
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
                tables.append(self._read(number, group).take(wanted[chosen] - bounds[group]))
                rows.append(target[chosen])
                total += int(chosen.sum())
        order = np.empty(total, dtype=np.int64)
        order[np.concatenate(rows)] = np.arange(total)
        return pa.concat_tables(tables).take(order)

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


def _ranges(first: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The row numbers of all ranges, one range after another."""
    total = int(count.sum())
    shift = np.repeat(first - (np.cumsum(count) - count), count)
    return shift + np.arange(total)
