"""The runs that a sweep's folder holds at a moment, read while other processes may add runs or merge them.

Nothing is written, and no lock is taken. Parts may vanish while they are read, because they are merged into tables. So
everything is read again if the folder's tables were replaced meanwhile.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from abm.errors import InputError
from abm.output.stored import Damaged
from abm.sweeps.design.settings import Replications
from abm.sweeps.store.contents import COMMIT, MANIFEST, SUMMARY, WORKING, is_folder
from abm.sweeps.store.folder import SweepFolder
from abm.sweeps.store.parts import SUFFIX, DamagedPart, read_table
from abm.sweeps.store.plan_files import load_plan
from abm.sweeps.store.reader import FinishedSource, PartSource, Reader
from abm.sweeps.store.run_index import RunIndex, index_runs
from abm.sweeps.store.tables import FAILURES

_TRIES, _PAUSE = 10, 0.1  # how often a folder is read that changes meanwhile, and seconds between


class _MovingSource(FinishedSource):
    """The runs of merged tables, of which some are not in their places yet."""

    def _file(self, table: str) -> Path:
        merged = self._folder / WORKING / COMMIT / f"{table}.parquet"
        return merged if merged.exists() else super()._file(table)


class StoredRuns:
    """The runs of a plan that its folder holds when the object is made; later ones are not read.

    Attributes
    ----------
    manifest : dict
    plan : Plan
    stored, failed : bool arrays, shape (distinct points, replications)
        Which runs are stored, and which of these failed.
    damaged : int
        The number of parts that cannot be read and are left out.
    """

    def __init__(self, store: SweepFolder) -> None:
        self._store = store
        self._seen: tuple | None = None
        self._index: RunIndex
        self.stored: np.ndarray | None = None
        self.stored, self.failed = self._steadily(self._states)

    def rows(self, table: str, columns: Iterable[str] | None, replications: np.ndarray) -> pa.Table:
        """Rows of a table in the order of the points, after the columns `point`, `replication` and `seed`.

        Parameters
        ----------
        table : str
        columns : iterable of str or None
            The table's own columns; None for all.
        replications : bool array, shape (replications,)
            Those whose runs are read.

        Raises
        ------
        InputError
            If the runs are no longer in the folder, or a part is damaged.
        """
        return self._steadily(lambda: self._rows(table, columns, replications))

    def columns(self, table: str) -> list[str]:
        """The names of a table's columns."""
        first = np.zeros(self.plan.replications.count, dtype=bool)
        first[np.argmax(self.stored.any(axis=0))] = True
        return self.rows(table, None, first).column_names

    def _steadily(self, read: Callable[[], Any]) -> Any:
        """What `read` returns while the folder's tables are not replaced."""
        for tries_left in reversed(range(_TRIES)):
            try:
                if self._seen is None or self._state() != self._seen:
                    self._seen = self._state()
                    self._take()
                found = read()
                if self._state() == self._seen:
                    return found
            except (FileNotFoundError, Damaged):
                if not tries_left:
                    raise
            self._seen = None
            time.sleep(_PAUSE)
        raise InputError(f"{self._store.folder}: is changed faster than it can be read; try again")

    def _state(self) -> tuple:
        """What changes when tables or plan are replaced, but not when runs are added."""
        folder, working = self._store.folder, self._store.working
        paths = (folder / MANIFEST, folder / SUMMARY, working / "keys.parquet", working / COMMIT)
        return tuple(_identity(path) for path in paths)

    def _take(self) -> None:
        """Find the stored runs; those of the plan that was read first, also if the design has grown since."""
        if self.stored is None:
            self.manifest = self._store.manifest()
            working = self._store.working
            folder = working if (working / "keys.parquet").exists() else self._store.folder
            replications = Replications(**self.manifest["replications"])
            self.plan = load_plan(folder, replications, self.manifest.get("draws", 1))
            if len(self.plan.points) != len(self.plan.keys):
                raise FileNotFoundError(f"{folder}: the plan is being written")
        self.damaged = 0
        self._index = index_runs(self.plan, self._sources())
        if self.stored is not None and (self._index.chosen[self.stored.reshape(-1)] < 0).any():
            raise InputError(f"{self._store.folder}: some of its runs were removed after it was loaded; load it again")

    def _sources(self) -> list[PartSource | FinishedSource]:
        store = self._store
        if is_folder(store.working / COMMIT):  # every run of the plan is in its tables
            return [_MovingSource(store.folder)]
        found: list[PartSource | FinishedSource] = []
        if (store.folder / "runs.parquet").exists() and (store.folder / SUMMARY).exists():
            found.append(FinishedSource(store.folder))
        for path in sorted(store.parts.glob(f"*{SUFFIX}")):
            try:
                found.append(PartSource(path, read_table(path, "runs")))
            except DamagedPart:
                self.damaged += 1
        return found

    def _states(self) -> tuple[np.ndarray, np.ndarray]:
        shape = -1, self.plan.replications.count
        chosen = self._index.chosen
        failed = np.zeros(len(chosen), dtype=bool)
        failed[chosen >= 0] = self._index.failed[chosen[chosen >= 0]]
        return (chosen >= 0).reshape(shape), failed.reshape(shape)

    def _rows(self, table: str, columns: Iterable[str] | None, replications: np.ndarray) -> pa.Table:
        plan, index = self.plan, self._index
        wanted = (self.stored & replications)[plan.distinct_of]
        point, replication = np.nonzero(wanted)
        number = plan.distinct_of[point]
        chosen = index.chosen[number * plan.replications.count + replication]
        counts = [source.runs[table].to_numpy() for source in index.sources]
        first = np.concatenate([np.cumsum(each) - each for each in counts])[chosen]
        count = np.concatenate(counts)[chosen]
        own = {"point": point, "replication": replication, "seed": plan.seeds[number, replication]}
        own = {name: pa.array(np.repeat(values, count)) for name, values in own.items()}
        some = count > 0
        if not some.any():
            names = FAILURES.names if table == "failures" else []
            return pa.table(own | {name: pa.array([], pa.string()) for name in names})
        reader = Reader(index.sources, table, None if columns is None else list(columns))
        try:
            rows = reader.rows(index.source[chosen[some]], first[some], count[some])
        except DamagedPart as problem:
            raise Damaged(f"{problem}; the command of the sweep makes its runs again") from None
        return pa.table(own | {name: rows[name] for name in rows.column_names})


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        about = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return about.st_ino, about.st_mtime_ns
