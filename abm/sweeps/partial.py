"""The results of a sweep that is not finished, also while it runs."""

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from abm.errors import InputError
from abm.sweeps.design.settings import Collect
from abm.sweeps.store.folder import SweepFolder
from abm.sweeps.store.stored_runs import StoredRuns
from abm.sweeps.store.tables import table_names
from abm.sweeps.sweep_results import Coverage, SweepResults

if TYPE_CHECKING:
    import pandas as pd


def load_partial(store: SweepFolder) -> "PartialSweep":
    """The runs that a folder holds; raises InputError if there is none."""
    stored = StoredRuns(store)
    if not stored.stored.any():
        raise InputError(f"{store.folder}: no run is finished yet")
    return PartialSweep(store, stored, np.ones(stored.plan.replications.count, dtype=bool))


class PartialSweep(SweepResults):
    """The runs that were there when the object was made.

    Parameters
    ----------
    store : SweepFolder
    stored : StoredRuns
    replications : bool array, shape (replications,)
        Those whose runs are read.
    """

    def __init__(self, store: SweepFolder, stored: StoredRuns, replications: np.ndarray) -> None:
        self._store, self._stored, self._replications = store, stored, replications
        plan, made = stored.plan, stored.stored & replications
        failed = int((made & stored.failed).sum())
        summary = {
            "points": len(plan.points),
            "replications": plan.replications.count,
            "done": int(made.sum()) - failed,
            "failed": failed,
            "tables": table_names(Collect(**stored.manifest["collect"])),
        }
        super().__init__(store.folder, stored.manifest, summary)

    def __repr__(self) -> str:
        return f"PartialSweep({str(self.folder)!r}: {self.coverage})"

    @property
    def coverage(self) -> Coverage:
        """How much of the sweep is there."""
        plan, made = self._stored.plan, self._stored.stored
        points = int(made.all(axis=1)[plan.distinct_of].sum())
        seeds = int(made.all(axis=0).sum())
        return Coverage(int(made.sum()), plan.runs, points, len(plan.points), seeds, plan.replications.count)

    def complete_replications(self) -> SweepResults:
        """The runs of those replications that every point has; raises InputError if there is none."""
        complete = self._stored.stored.all(axis=0)
        if not complete.any():
            raise InputError(f"{self.folder}: no replication has the runs of all points yet ({self.coverage})")
        return PartialSweep(self._store, self._stored, complete)

    @cached_property
    def points(self) -> "pd.DataFrame":
        """The factors of each point, shape (points, factors), indexed by point."""
        return self._stored.plan.points.rename_axis("point")

    def _columns(self, table: str) -> list[str]:
        return self._stored.columns(table)

    def _rows(self, table: str, columns: list[str] | None, points: list[int] | None) -> "pd.DataFrame":
        own = None if columns is None else [name for name in columns if name not in ("point", "replication", "seed")]
        return self._stored.rows(table, own, self._replications).to_pandas()
