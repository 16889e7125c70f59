"""The runs of a calibration: made by the workers of a sweep, kept in parts, each made once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from abm.calibration.specification import Specification
from abm.calibration.worker import Wanted, make_points
from abm.sweeps.design.plan import STEP_OVERHEAD_SLOTS, Plan, point_key, values_digest
from abm.sweeps.design.settings import Collect, Replications
from abm.sweeps.progress import Progress
from abm.sweeps.store.parts import PARTS, SUFFIX, DamagedPart, check_part, read_table
from abm.sweeps.work.callbacks import callbacks_of
from abm.sweeps.work.executors import Executor
from abm.sweeps.work.worker import Job, own_versions

if TYPE_CHECKING:
    import pandas as pd
    from distributed import Client


@dataclass
class StoredRuns:
    """Finished runs in a folder of parts, found by the key of their point and their seed."""

    folder: Path
    rows: dict[tuple[str, int], tuple[int, int] | None] = field(default_factory=dict)  # None: failed
    tables: list[pa.Table] = field(default_factory=list)
    error: str = ""  # of the first run that failed
    _seen: set[str] = field(default_factory=set)

    def read(self) -> None:
        """Look at parts that are new; a damaged one is removed, so that its runs are made again."""
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            if path.name in self._seen:
                continue
            try:
                runs = check_part(path)
            except DamagedPart:
                path.unlink()
                continue
            self._seen.add(path.name)
            failed = runs["failed"].to_pylist()
            index = 0
            for key, seed, has_failed in zip(runs["key"].to_pylist(), runs["seed"].to_pylist(), failed, strict=True):
                if has_failed:
                    self.rows.setdefault((key, seed), None)
                else:
                    self.rows[key, seed] = (len(self.tables), index)
                    index += 1
            if not all(failed):
                self.tables.append(read_table(path, "outcomes"))
            if any(failed) and not self.error:
                self.error = read_table(path, "failures")["error"][0].as_py()

    def values(self, key: str, seeds: list[int], columns: list[str]) -> np.ndarray:
        """Columns of runs, shape (seeds, columns); NaN where a run failed or an outcome is missing."""
        found = np.full((len(seeds), len(columns)), np.nan)
        for row, seed in enumerate(seeds):
            if (where := self.rows[key, seed]) is not None:
                table, index = where
                for column, name in enumerate(columns):
                    value = self.tables[table][name][index].as_py()
                    found[row, column] = np.nan if value is None else float(value)
        return found


@dataclass(frozen=True)
class Setting:
    """Where the runs of a calibration are made, and how their progress is reported.

    Attributes
    ----------
    executor : Executor
    progress : Progress
    watch : callable
        Called now and then with the progress.
    check : callable
        Called now and then; raises to stop.
    patience : float
        Seconds to wait while there is no worker.
    """

    executor: Executor
    progress: Progress
    watch: Callable[[Progress], None]
    check: Callable[[], None]
    patience: float


class Runs:
    """Makes runs of points, and keeps them.

    Parameters
    ----------
    spec : Specification
    stored : StoredRuns
    client : distributed.Client
    job : Job
    setting : Setting
    """

    def __init__(self, spec: Specification, stored: StoredRuns, client: "Client", job: Job, setting: Setting) -> None:
        self._spec, self._stored, self._client, self._job, self._setting = spec, stored, client, job, setting
        self._columns = [each.column for each in spec.targets]
        self._asked: list[tuple[str, list[int]]] = []  # key and seeds of each point, in the order of the search

    def values(self, unit: np.ndarray, replications: Replications) -> np.ndarray:
        """The targets' values in the runs of points.

        Parameters
        ----------
        unit : float64 array, shape (points, parameters)
            In the unit cube.
        replications : Replications

        Returns
        -------
        float64 array, shape (points, runs, targets)
            NaN where a run failed or an outcome is missing.
        """
        plan = plan_of_points(self._spec, unit, replications)
        seeds = plan.seeds[0].tolist()
        self._asked += [(key, seeds) for key in plan.keys]
        wanted = [(key, seed) for key in plan.keys[plan.first_points] for seed in seeds]
        missing = np.array([run for run, each in enumerate(wanted) if each not in self._stored.rows], dtype=np.int64)
        if missing.size:
            self._make(plan, missing)
        stored = plan.runs - missing.size
        self._setting.progress.done += stored
        self._setting.watch(self._setting.progress)
        return np.array([self._stored.values(key, seeds, self._columns) for key in plan.keys])

    def _make(self, plan: Plan, missing: np.ndarray) -> None:
        from abm.sweeps.work.driver import Driver

        make_chunk = partial(make_points, wanted=wanted_of(self._spec))
        setting = self._setting
        callbacks = callbacks_of(setting.executor, setting.progress, setting.watch, setting.check)
        Driver(self._client, self._job, plan, callbacks, setting.patience, make_chunk).make(missing)
        self._stored.read()

    def table(self) -> "pd.DataFrame":
        """A row a run that did not fail, of all points in the order in which the search asked for them."""
        rows, point, replication, seed = [], [], [], []
        starts = np.cumsum([0] + [table.num_rows for table in self._stored.tables])
        for number, (key, seeds) in enumerate(self._asked):
            for index, each in enumerate(seeds):
                if (where := self._stored.rows[key, each]) is not None:
                    rows.append(starts[where[0]] + where[1])
                    point.append(number)
                    replication.append(index)
                    seed.append(each)
        frame = pa.concat_tables(self._stored.tables).take(np.array(rows, dtype=np.int64)).to_pandas()
        frame.insert(0, "point", point)
        frame.insert(1, "replication", replication)
        frame.insert(2, "seed", seed)
        return frame

    def first_error(self) -> str:
        """The first error of a run, to be put behind a message; nothing where no run failed."""
        return f"; the first run that failed: {self._stored.error}" if self._stored.error else ""


def plan_of_points(spec: Specification, unit: np.ndarray, replications: Replications) -> Plan:
    """The runs of points of the unit cube, as a sweep plans them; a point that is no valid scenario fails as its runs.

    Parameters
    ----------
    spec : Specification
    unit : float64 array, shape (points, parameters)
    replications : Replications
    """
    import pandas as pd

    columns = {name: factor.at(unit[:, index]) for index, (name, factor) in enumerate(spec.parameters.items())}
    frame = pd.DataFrame(columns)
    changes = [dict(zip(columns, row, strict=True)) for row in zip(*(each.tolist() for each in columns.values()))]
    digests = np.array([_digest(spec, each) for each in changes], dtype=object)
    keys = np.array([point_key(each, None) for each in digests], dtype=object)
    base = spec.scenario
    work = [
        (each.get("capacity", base.capacity) + STEP_OVERHEAD_SLOTS) * each.get("steps", base.steps) for each in changes
    ]
    return Plan(frame, keys, digests, np.array(work, dtype=np.float64), replications)


def _digest(spec: Specification, changes: dict[str, Any]) -> str:
    from abm.errors import InputError

    try:
        return values_digest(spec.scenario.replace(**changes))
    except InputError:
        return f"not valid: {changes}"


def wanted_of(spec: Specification) -> Wanted:
    """What the targets take from a run beside its outcomes."""
    sectors = tuple(each.column for each in spec.targets if each.column.startswith("sectors."))
    moments = tuple(each.name for each in spec.targets if each.of_data)
    steps = tuple(spec.panel.steps.tolist()) if moments else ()
    return Wanted(sectors, moments, steps)


@contextmanager
def open_runs(spec: Specification, working: Path, token: str, setting: Setting) -> Iterator[Runs]:
    """Workers for the time of a block, and the runs that they make.

    Parameters
    ----------
    spec : Specification
    working : Path
        The folder of a calibration at work.
    token : str
        Name of a file in it by which workers see that they look into the same folder.
    setting : Setting
    """
    stored = StoredRuns(working / PARTS)
    stored.read()
    collect = Collect(level=spec.level)
    job = Job(spec.scenario, None, collect, working, token, None, own_versions(), {}, measures=spec.measures)
    with setting.executor.client(working, setting.progress.notes.append) as client:
        yield Runs(spec, stored, client, job, setting)
