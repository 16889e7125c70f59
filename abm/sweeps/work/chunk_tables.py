"""The tables of a chunk's runs, collected run by run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from abm.scenario.scenario import Scenario
from abm.sweeps.design.settings import Collect
from abm.sweeps.store.tables import failure_rows, outcome_rows, step_rows, table_names


class ChunkTables:
    """Collects the runs of a chunk and makes the tables of its part.

    Parameters
    ----------
    scenario : Scenario
        The design's, whose sectors and strategies name rows and columns.
    collect : Collect
    own : tuple of str
        Names of measures of the user's own.

    Attributes
    ----------
    failures : list of tuple of str
        Error and traceback of each failed run.
    """

    def __init__(self, scenario: Scenario, collect: Collect, own: tuple[str, ...] = ()) -> None:
        self._scenario, self._collect, self._own = scenario, collect, own
        self._names = table_names(collect)
        self._numbers: list[np.ndarray] = []
        self._rows: list[np.ndarray] = []
        self.failures: list[tuple[str, str]] = []
        self._frames: dict[str, list[pa.Table]] = {name: [] for name in self._names}
        self._runs: list[dict[str, Any]] = []

    def add_run(
        self,
        key: str,
        seed: int,
        seconds: float,
        numbers: np.ndarray,
        rows: np.ndarray,
        frames: Mapping[str, pa.Table],
    ) -> None:
        """Add a run as `make_run` returns it."""
        self.add_batch(key, [seed], seconds, numbers, rows)
        for name, table in frames.items():
            self._frames[name].append(table)
            self._runs[-1][name] = table.num_rows

    def add_batch(self, key: str, seeds: Sequence[int], seconds: float, numbers: np.ndarray, rows: np.ndarray) -> None:
        """Add runs of one design point that were made together in so many seconds."""
        for seed in seeds:
            run = {"key": key, "seed": seed, "failed": False, "seconds": seconds / len(seeds), "outcomes": 1}
            self._runs.append(run)
        self._numbers.append(numbers)
        self._rows.append(rows)

    def add_failure(self, key: str, seed: int, error: str, trace: str, seconds: float = 0.0) -> None:
        """Add a failed run."""
        self.failures.append((error, trace))
        self._runs.append({"key": key, "seed": seed, "failed": True, "seconds": seconds, "failures": 1})

    def finished(self) -> dict[str, pa.Table]:
        """The tables of the part; only `runs` and `failures` where every run failed."""
        full = self._collect.level == "full"
        tables: dict[str, pa.Table] = {}
        if self._numbers:
            tables["outcomes"] = outcome_rows(np.concatenate(self._numbers), self._scenario, full, self._own)
        steps = self._step_tables(full)
        for name in self._names:
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
        for name in self._names:
            runs[name] = pa.array([run.get(name, 0) for run in self._runs], pa.int64())
        return {"runs": pa.table(runs)} | tables

    def _step_tables(self, full: bool) -> dict[str, pa.Table]:
        if not self._collect.every or not self._rows:
            return {}
        every, scenario = self._collect.every, self._scenario
        tables = [step_rows(rows, scenario, full, every, self._own) for rows in _joined_by_shape(self._rows)]
        lengths = [rows.shape[1] for rows in self._rows for _ in range(len(rows))]
        succeeded = (run for run in self._runs if not run["failed"])
        for run, length in zip(succeeded, lengths, strict=True):
            run["steps"], run["sectors"] = length, length * len(scenario.sectors)
        return {name: pa.concat_tables([each[name] for each in tables]) for name in ("steps", "sectors")}


def _joined_by_shape(arrays: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Neighbouring arrays joined where their shapes allow it; points with fewer steps have shorter ones."""
    group: list[np.ndarray] = []
    for array in arrays:
        if group and array.shape[1:] != group[0].shape[1:]:
            yield np.concatenate(group)
            group = []
        group.append(array)
    yield np.concatenate(group)
