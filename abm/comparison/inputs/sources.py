"""Sources of compared runs: sweeps, directories of single runs, and frames."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Number
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.errors import InputError
from abm.scenario.flat_names import MEMBERS, flat_with_common
from abm.scenario.parameters import PARAMETERS
from abm.sweeps.design.samples import SAMPLES
from abm.sweeps.sweep_results import SweepResults

if TYPE_CHECKING:
    import pandas as pd

Reader = Callable[[str, Iterable[str] | None], "pd.DataFrame"]

# The setting that keeps each table, in a design and of `abm run`.
KEEPS = {
    "steps": ('steps = "all", or each Nth, in [collect] of the design', "--every 1, or N for each Nth"),
    "sectors": ('steps = "all", or each Nth, in [collect] of the design', "--every 1, or N for each Nth"),
    "lives": ("lives = true in [collect] of the design", ""),
    "firms": ("firms = true in [collect] of the design", ""),
    "panel": ("panel = N in [collect] of the design", "--panel N"),
}
_RUN_COLUMNS = ("point", "replication", "seed", "run")  # columns of a frame that say which run a row is


@dataclass(frozen=True, eq=False)
class Source:
    """Runs that were read together.

    Attributes
    ----------
    label : str
    frame : DataFrame
        A row for each finished run: `seed` (where known), the factors, the outcomes.
    factors : tuple of str
        Parameters that vary among the runs.
    values : dict
        Every other parameter's value, by name.
    required : dict
        Settings that must be equal for runs to be compared, by a name for messages.
    failures : DataFrame
        The factors of each failed run.
    read : callable
        Reads a table by name (and columns); its column `run` is the row of the run in `frame`.
    levels : mapping of str to list
        Each factor's levels in the order in which the design, the frame or the column's categories name them.
    as_named : frozenset of str
        Factors whose numbers keep that order.
    is_sample : bool
        Whether the design is a sample, whose values do not form groups.
    note : str
        What a reader must know about the runs; empty where they are all that were asked for.
    """

    label: str
    frame: "pd.DataFrame"
    factors: tuple[str, ...]
    values: Mapping[str, Any]
    required: Mapping[str, Any]
    failures: "pd.DataFrame"
    read: Reader
    _left_out: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    as_named: frozenset[str] = frozenset()
    is_sample: bool = False
    note: str = ""

    def left_out(self, table: str) -> str | None:
        """The setting that would have kept a missing table, or None where the table exists."""
        return self._left_out.get(table)

    @property
    def outcomes(self) -> list[str]:
        """Names of the columns that are outcomes."""
        return [name for name in self.frame if name not in self.factors and name not in _RUN_COLUMNS]


def required_settings(scenario: Mapping[str, Any], kind: str, version: str, firm_table: str | None) -> dict[str, Any]:
    """Settings that must be equal for runs to be compared; versions and hashes only within a kind (sweep or run)."""
    members = {name: ", ".join(each["name"] for each in scenario[name]) for name in MEMBERS}
    return {
        "scenario": scenario["name"],
        "steps": scenario["steps"],
        **members,
        f"{kind}'s model version": version,
        "firm table": "none" if firm_table is None else "one",
        f"{kind}'s firm table": firm_table,
    }


def source_of_sweep(results: SweepResults, label: str, complete_only: bool = True) -> Source:
    """A sweep as a source; of an unfinished one with common seeds only complete replications, or all runs."""
    import pandas as pd

    results, note = _compared(results, label, complete_only)
    manifest, factors = results.manifest, tuple(results.factors)
    frame = results.outcomes
    count = manifest["replications"]["count"]
    index = frame["point"].to_numpy() * count + frame["replication"].to_numpy()
    row_of = np.full(len(results.points) * count, -1)
    row_of[index] = np.arange(len(frame))

    def read(table: str, columns: Iterable[str] | None = None) -> "pd.DataFrame":
        rows = results.read(table, columns)
        run = row_of[rows.pop("point").to_numpy() * count + rows.pop("replication").to_numpy()]
        rows = rows.drop(columns=["seed", *factors])
        rows.insert(0, "run", run)
        return rows if (run >= 0).all() else rows[run >= 0].reset_index(drop=True)

    is_sample = manifest["method"] in SAMPLES
    failures = results.failures if "failures" in results.tables else pd.DataFrame(columns=list(factors))
    settings = manifest["scenario"]
    same = required_settings(settings, "sweep", manifest["model_version"], manifest["firm_table"])
    if "steps" in factors:
        del same["steps"]
    values = {name: value for name, value in flat_with_common(settings).items() if name not in factors}
    left_out = {name: design for name, (design, _) in KEEPS.items() if name not in results.tables}
    levels = results.levels
    return Source(label, frame, factors, values, same, failures, read, left_out, levels, is_sample=is_sample, note=note)


def _compared(results: SweepResults, label: str, complete_only: bool) -> tuple[SweepResults, str]:
    """The runs of a sweep that are compared, and a note if it is not finished."""
    coverage = results.coverage
    if coverage.runs == coverage.all_runs:
        return results, ""
    note = f"{label} is not finished: {coverage}."
    if not (complete_only and results.manifest["replications"]["common"]):
        return results, f"{note} All runs that are there are compared."
    if not coverage.seeds:
        raise InputError(f"{note} Pairs need a replication that every point has; --unpaired compares all runs")
    return results.complete_replications(), f"{note} Only complete replications are compared."


def source_of_frame(frame: "pd.DataFrame", by: Sequence[str], label: str = "frame") -> Source:
    """A frame with a row for each run as a source.

    `seed` (else `replication`) tells which runs have common random numbers; named levels of the index count as columns.
    Factors are the columns in `by`, `scenario` and all that have a parameter's name.
    """
    import pandas as pd

    if any(frame.index.names):
        frame = frame.reset_index()
    names = [str(name) for name in frame]
    if double := {name for name in names if names.count(name) > 1}:
        raise InputError(f"{label}: has the column {min(double)!r} twice")
    if frame.empty:
        raise InputError(f"{label}: has no rows")
    frame = frame.set_axis(names, axis=1).reset_index(drop=True)
    frame = frame.assign(**{name: _typed(frame[name]) for name in frame if frame[name].dtype == object})
    if "seed" not in frame and "replication" in frame:
        frame = frame.assign(seed=frame["replication"])
    parameters = {parameter.name for parameter in PARAMETERS} | {"scenario"}
    lists = tuple(f"{name}." for name in (*MEMBERS, "changes"))
    is_factor = [name in by or name in parameters or name.startswith(lists) for name in frame]
    factors = tuple(name for name, wanted in zip(frame, is_factor) if wanted)
    why = "a frame has outcomes only; directories of sweeps and runs can have other tables"

    def read(table: str, columns: Iterable[str] | None = None) -> "pd.DataFrame":
        raise InputError(f"{table}: {why}")

    failures = pd.DataFrame(columns=list(factors))
    categories = {name: frame[name].cat.categories for name in factors if frame[name].dtype == "category"}
    levels = {name: categories.get(name, frame[name].unique()).tolist() for name in factors}
    left_out = dict.fromkeys(KEEPS, why)
    return Source(label, frame, factors, {}, {}, failures, read, left_out, levels, frozenset(categories))


def _typed(column: "pd.Series") -> "pd.Series":
    """A column of objects as numbers or truth values where all its values are such, as other programs write them."""
    import pandas as pd

    known = column.dropna()
    if not len(known):
        return column
    if known.map(lambda each: isinstance(each, bool | np.bool_)).all():
        return column.astype("boolean" if len(known) < len(column) else bool)
    if not known.map(lambda each: isinstance(each, Number) and not isinstance(each, bool | np.bool_ | complex)).all():
        return column
    whole = len(known) == len(column) and known.map(lambda each: isinstance(each, Integral)).all()
    return pd.to_numeric(column) if whole else column.map(float, na_action="ignore").astype(np.float64)
