"""The results of a finished sweep as DataFrames, in which each row has the values of the factors."""

import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.errors import InputError, nearest
from abm.output.stored import Damaged
from abm.sweeps.store.contents import TABLES
from abm.sweeps.store.digests import damage_of
from abm.sweeps.store.folder import SweepFolder
from abm.sweeps.store.reader import REPAIR_HINT, metadata, read_whole

if TYPE_CHECKING:
    import pandas as pd

_WITH_MISSING = {"exit_step": "Int64"}  # integers that may be missing, which pandas would convert to floats


def load_sweep(folder: str | os.PathLike) -> "SweepResults":
    """The results of a finished sweep.

    Parameters
    ----------
    folder : path
        The sweep's folder.

    Returns
    -------
    SweepResults
        Its tables are read from the folder when they are first used.

    Raises
    ------
    InputError
        If the folder holds no finished sweep, or a file of it is damaged, by its name.

    Examples
    --------
    >>> import tempfile
    >>> from abm.sweeps import Design, load_sweep, sweep
    >>> text = 'scenario = "one-market"\\n[set]\\nsteps = 5\\ncapacity = 20\\n[factors]\\nchurn = [0.1, 0.9]'
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = sweep(Design.from_toml(text), folder, workers=1)
    ...     load_sweep(folder).outcomes[["point", "replication", "churn"]].iloc[-1].tolist()
    [1.0, 9.0, 0.9]
    """
    store = SweepFolder(folder)
    manifest = store.manifest()
    summary = store.summary()
    if summary is None or store.is_under_way():
        raise InputError(f"{folder}: the sweep is not finished; run its command again, or abm sweep finish {folder}")
    results = SweepResults(store.folder, manifest, summary)
    for name in summary.get("files", {}):
        if name.removesuffix(".parquet") not in summary["tables"]:  # these are checked when they are read
            results.check(name)
    return results


class SweepResults:
    """The tables of a finished sweep; made by `load_sweep` and `sweep`.

    Attributes
    ----------
    folder : Path
    manifest, summary : dict
        The content of `manifest.json` and `summary.json`.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any], summary: dict[str, Any]) -> None:
        self.folder, self.manifest, self.summary = folder, manifest, summary
        self._checked: set[str] = set()

    def check(self, name: str) -> None:
        """Raise InputError if a file, by its name, has changed since the sweep was finished; each is checked once."""
        path = self.folder / name
        if path.is_symlink():
            raise Damaged(f"{path}: is a link, which no sweep wrote")
        pieces = self.summary.get("files", {}).get(name)
        if pieces is not None and name not in self._checked and damage_of(path, pieces):
            raise Damaged(f"{path}: is damaged: it is not as it was written{REPAIR_HINT}")
        self._checked.add(name)

    def __repr__(self) -> str:
        factors = ", ".join(self.factors) or "no factors"
        return f"SweepResults({str(self.folder)!r}: {self.summary['done']} runs, {factors})"

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

    def read(self, table: str, columns: Iterable[str] | None = None) -> "pd.DataFrame":
        """A table, with the values of the factors behind the columns `point`, `replication` and `seed`.

        Parameters
        ----------
        table : str
            `outcomes`, `steps`, `sectors`, `lives`, `firms`, `panel` or `failures`.
        columns : iterable of str, optional
            The columns of the table to read; all by default. The factors are always included, as `factor.NAME` where
            the table has a column of that name.

        Returns
        -------
        DataFrame
            Factors that are texts are categories in the order of the design.

        Raises
        ------
        InputError
            If the sweep did not keep the table, or the table has no such column or is damaged.
        """
        import pandas as pd

        if table not in self.tables:
            hint = (
                nearest(table, self.tables) if table not in TABLES else " ([collect] in its design says what is kept)"
            )
            raise InputError(f"{self.folder}: has no table {table!r}{hint}")
        path = self.folder / f"{table}.parquet"
        self.check(path.name)
        own = ["point", "replication", "seed"]
        wanted = None
        if columns is not None:
            known = metadata(path).schema.names
            given = [columns] if isinstance(columns, str) else columns
            wanted = own + [name for name in dict.fromkeys(given) if name not in own]
            wanted = [name for name in wanted if name in known or name not in self.factors]
            for name in wanted:
                if name not in known:
                    raise InputError(f"{path}: has no column {name!r}{nearest(name, known)}")
        frame = read_whole(path, wanted)
        frame = frame.astype({name: kind for name, kind in _WITH_MISSING.items() if name in frame})
        points, count = frame["point"].to_numpy(), self.manifest["replications"]["count"]
        if len(frame) and (points.max() >= len(self.points) or frame["replication"].max() >= count):
            raise Damaged(f"{path}: has rows of points or replications that the sweep does not have{REPAIR_HINT}")
        for column, (name, values) in enumerate(self.points.items(), len(own)):
            if values.dtype.kind not in "if":  # texts, in the order of the design
                values = values.astype(pd.CategoricalDtype(self.levels[name]))
            frame.insert(column, f"factor.{name}" if name in frame else name, values.take(points).array)
        return frame

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
