"""The results of a sweep as DataFrames, in which each row has the values of the factors."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.errors import InputError, nearest, shown
from abm.output.stored import Damaged
from abm.sweeps.store.contents import TABLES
from abm.sweeps.store.digests import damage_of
from abm.sweeps.store.reader import REPAIR_HINT, groups_with, metadata, read_groups, read_whole

if TYPE_CHECKING:
    import pandas as pd

_WITH_MISSING = {"exit_step": "Int64"}  # integers that may be missing, which pandas would convert to floats


@dataclass(frozen=True)
class Coverage:
    """How much of a sweep is there; a failed run counts as made.

    Examples
    --------
    >>> print(Coverage(runs=412, all_runs=3000, points=41, all_points=300, seeds=1, all_seeds=10))
    412 of 3,000 runs, 41 of 300 points complete, 1 of 10 replications complete
    """

    runs: int
    all_runs: int
    points: int
    all_points: int
    seeds: int
    all_seeds: int

    def __str__(self) -> str:
        return (
            f"{self.runs:,} of {self.all_runs:,} runs, {self.points:,} of {self.all_points:,} points complete, "
            f"{self.seeds:,} of {self.all_seeds:,} replications complete"
        )


class SweepResults:
    """The tables of a sweep; made by `load_sweep` and `sweep`.

    Attributes
    ----------
    folder : Path
    manifest, summary : dict
        The content of `manifest.json` and `summary.json`.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any], summary: dict[str, Any]) -> None:
        self.folder, self.manifest, self.summary = folder, manifest, summary
        self._checked: set[str] = set()

    def check(self, name: str, groups: Iterable[int] | None = None) -> None:
        """Raise InputError if a file, by its name, has changed since the sweep was finished; each is checked once.

        Of a table only some row groups, by their numbers, and the footer are checked if they are given.
        """
        path = self.folder / name
        if path.is_symlink():
            raise Damaged(f"{path}: is a link, which no sweep wrote")
        pieces = self.summary.get("files", {}).get(name)
        if pieces is not None and name not in self._checked and damage_of(path, pieces, groups):
            raise Damaged(f"{path}: is damaged: it is not as it was written{REPAIR_HINT}")
        if groups is None:
            self._checked.add(name)

    def __repr__(self) -> str:
        factors = ", ".join(self.factors) or "no factors"
        return f"SweepResults({str(self.folder)!r}: {self.summary['done']} runs, {factors})"

    @property
    def coverage(self) -> Coverage:
        """How much of the sweep is there; of a finished one, everything."""
        runs, points, seeds = (self.summary[name] for name in ("done", "points", "replications"))
        runs += self.summary["failed"]
        return Coverage(runs, runs, points, points, seeds, seeds)

    def complete_replications(self) -> "SweepResults":
        """The runs of those replications that every point has; of a finished sweep, all."""
        return self

    @cached_property
    def points(self) -> "pd.DataFrame":
        """The factors of each point, shape (points, factors), indexed by point."""
        self.check("points.parquet")
        return read_whole(self.folder / "points.parquet").set_index("point")

    @cached_property
    def levels(self) -> dict[str, list]:
        """The values of each factor that occur, in the order of the design."""
        named = {name: given for name, given in self.manifest["factors"].items() if isinstance(given, list)}
        found = {}
        for name in self.points:
            order = {float(each) if each == "inf" else each: rank for rank, each in enumerate(named.get(name, ()))}
            values = self.points[name].unique().tolist()
            found[name] = sorted(values, key=lambda value, order=order: order.get(value, len(order)))
        return found

    @property
    def factors(self) -> list[str]:
        """The names of the factors."""
        return list(self.points)

    @property
    def tables(self) -> list[str]:
        """The names of the tables that the sweep kept."""
        return list(self.summary["tables"])

    def read(
        self, table: str, columns: Iterable[str] | None = None, *, points: Iterable[int] | None = None
    ) -> "pd.DataFrame":
        """A table, with the values of the factors behind the columns `point`, `replication` and `seed`.

        Parameters
        ----------
        table : str
            `outcomes`, `steps`, `sectors`, `lives`, `firms`, `panel` or `failures`.
        columns : iterable of str, optional
            The columns of the table to read; all by default. The factors are always included, as `factor.NAME` where
            the table has a column of that name.
        points : iterable of int, optional
            Points by their numbers; all by default. Of a finished sweep only the part of the file that holds these
            points is read and checked: its row groups follow the order of the points.

        Returns
        -------
        DataFrame
            Factors that are texts are categories in the order of the design.

        Raises
        ------
        InputError
            If the sweep did not keep the table, there is no such column or point, or the table is damaged.
        """
        import pandas as pd

        if table not in self.tables:
            hint = (
                nearest(table, self.tables) if table not in TABLES else " ([collect] in its design says what is kept)"
            )
            raise InputError(f"{self.folder}: has no table {table!r}{hint}")
        path = self.folder / f"{table}.parquet"
        own = ["point", "replication", "seed"]
        wanted = None
        if columns is not None:
            known = self._columns(table)
            given = [columns] if isinstance(columns, str) else columns
            wanted = own + [name for name in dict.fromkeys(given) if name not in own]
            wanted = [name for name in wanted if name in known or name not in self.factors]
            for name in wanted:
                if name not in known:
                    raise InputError(f"{path}: has no column {name!r}{nearest(name, known)}")
        some = None if points is None else list(dict.fromkeys(points))
        for point in some or ():
            if point not in self.points.index:
                raise InputError(f"{self.folder}: point {shown(point)} is not one of 0 to {len(self.points) - 1}")
        frame = self._rows(table, wanted, some)
        if some is not None:
            frame = frame[frame["point"].isin(some)].reset_index(drop=True)
        frame = frame.astype({name: kind for name, kind in _WITH_MISSING.items() if name in frame})
        numbers, count = frame["point"].to_numpy(), self.manifest["replications"]["count"]
        if len(frame) and (numbers.max() >= len(self.points) or frame["replication"].max() >= count):
            raise Damaged(f"{path}: has rows of points or replications that the sweep does not have{REPAIR_HINT}")
        for column, (name, values) in enumerate(self.points.items(), len(own)):
            if values.dtype.kind not in "if":  # texts, in the order of the design
                values = values.astype(pd.CategoricalDtype(self.levels[name]))
            frame.insert(column, f"factor.{name}" if name in frame else name, values.take(numbers).array)
        return frame

    def _columns(self, table: str) -> list[str]:
        """The names of a table's columns."""
        self.check(f"{table}.parquet", groups=())
        return metadata(self.folder / f"{table}.parquet").schema.names

    def _rows(self, table: str, columns: list[str] | None, points: list[int] | None) -> "pd.DataFrame":
        """A table as it is stored, or some of its columns; at least the rows of some points, by their numbers."""
        path = self.folder / f"{table}.parquet"
        if points is None:
            self.check(path.name)
            return read_whole(path, columns)
        self.check(path.name, groups=())
        groups = groups_with(path, points)
        self.check(path.name, groups=groups)
        return read_groups(path, groups, columns)

    @cached_property
    def outcomes(self) -> "pd.DataFrame":
        """The outcomes, a row for each run that did not fail."""
        return self.read("outcomes")

    @cached_property
    def steps(self) -> "pd.DataFrame":
        """The market's measures at each kept step of each run."""
        return self.read("steps")

    @cached_property
    def sectors(self) -> "pd.DataFrame":
        """The sectors' measures at each kept step of each run."""
        return self.read("sectors")

    @cached_property
    def lives(self) -> "pd.DataFrame":
        """Every firm that was ever in the market, a row for each firm of each run."""
        return self.read("lives")

    @cached_property
    def firms(self) -> "pd.DataFrame":
        """The firms that are in the market at the end of each run."""
        return self.read("firms")

    @cached_property
    def panel(self) -> "pd.DataFrame":
        """The firms in the market at each Nth step, as `[collect] panel` asks."""
        return self.read("panel")

    @cached_property
    def failures(self) -> "pd.DataFrame":
        """The error and the traceback of each failed run."""
        return self.read("failures")
