"""Where compared runs come from: sweeps, directories of single runs, and frames, each as a `Source`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Number
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.comparison.inputs.labels import MEMBERS, flat
from abm.errors import InputError
from abm.scenario.parameters import PARAMETERS
from abm.sweeps.design.samples import SAMPLES
from abm.sweeps.results import SweepResults

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
_PLACES = ("point", "replication", "seed", "run")  # columns of a frame that say which run a row is


@dataclass(frozen=True, eq=False)
class Source:
    """Runs that were read from one place.

    Attributes
    ----------
    label : str
        How the place is called among the others.
    frame : DataFrame
        A row a finished run: `seed` (where known), the factors, the outcomes.
    factors : tuple of str
        What varies among the runs.
    values : dict
        Every other parameter's value, by name.
    sameness : dict
        What runs must have in common to be compared, by what a user calls it.
    failures : DataFrame
        The factors of each failed run.
    levels : mapping of str to list
        Of each factor its levels in the order in which the design, the frame or the column's categories name them.
    as_named : frozenset of str
        Factors whose numbers have an order of their own, that of their categories.
    is_sample : bool
        Whether the points are a sample, of which values are no groups.
    read : callable
        Gives a table with the column `run`, the row of each row's run in `frame`; of `_left_out` none.
    """

    label: str
    frame: "pd.DataFrame"
    factors: tuple[str, ...]
    values: Mapping[str, Any]
    sameness: Mapping[str, Any]
    failures: "pd.DataFrame"
    read: Reader
    _left_out: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    as_named: frozenset[str] = frozenset()
    is_sample: bool = False

    def left_out(self, table: str) -> str | None:
        """The setting that would have kept a table that is not there, or None where it is.

        Examples
        --------
        >>> import pandas as pd
        >>> source_of_frame(pd.DataFrame({"churn": [0.1, 0.2], "hhi": [1.0, 2.0]}), ["churn"]).left_out("steps")
        'a frame has outcomes only; the directories of sweeps or runs have more'
        """
        return self._left_out.get(table)

    @property
    def outcomes(self) -> list[str]:
        """Names of the columns that are outcomes.

        Examples
        --------
        >>> import pandas as pd
        >>> source_of_frame(pd.DataFrame({"churn": [0.1, 0.2], "hhi": [1.0, 2.0]}), ["churn"]).outcomes
        ['hhi']
        """
        return [name for name in self.frame if name not in self.factors and name not in _PLACES]


def sameness(scenario: Mapping[str, Any], kind: str, version: str, firm_table: str | None) -> dict[str, Any]:
    """What runs must have in common to be compared, by what a user calls it.

    Parameters
    ----------
    scenario : mapping
    kind : str
        `sweep` or `run`; versions and hashes are those of a kind, and compared within it only.
    version : str
    firm_table : str or None
        Its hash.

    Examples
    --------
    >>> from abm import Scenario
    >>> sameness(Scenario.load("one-market").to_dict(), "sweep", "2.1", None)["sectors"]
    'market'
    """
    members = {name: ", ".join(each["name"] for each in scenario[name]) for name in MEMBERS}
    return {
        "scenario": scenario["name"],
        "steps": scenario["steps"],
        **members,
        f"{kind}'s model version": version,
        "firm table": "none" if firm_table is None else "one",
        f"{kind}'s firm table": firm_table,
    }


def source_of_sweep(results: SweepResults, label: str) -> Source:
    """A finished sweep.

    Parameters
    ----------
    results : SweepResults
    label : str
    """
    import pandas as pd

    manifest, factors = results.manifest, tuple(results.factors)
    frame = results.outcomes
    count = manifest["replications"]["count"]
    place = frame["point"].to_numpy() * count + frame["replication"].to_numpy()
    row_of = np.full(len(results.points) * count, -1)
    row_of[place] = np.arange(len(frame))

    def read(table: str, columns: Iterable[str] | None = None) -> "pd.DataFrame":
        rows = results.read(table, columns)
        run = row_of[rows.pop("point").to_numpy() * count + rows.pop("replication").to_numpy()]
        rows = rows.drop(columns=["seed", *factors])
        rows.insert(0, "run", run)
        return rows if (run >= 0).all() else rows[run >= 0].reset_index(drop=True)

    is_sample = manifest["method"] in SAMPLES
    failures = results.failures if "failures" in results.tables else pd.DataFrame(columns=list(factors))
    settings = manifest["scenario"]
    same = sameness(settings, "sweep", manifest["model_version"], manifest["firm_table"])
    if "steps" in factors:
        del same["steps"]
    values = {name: value for name, value in flat(settings).items() if name not in factors}
    left_out = {name: design for name, (design, _) in KEEPS.items() if name not in results.tables}
    return Source(label, frame, factors, values, same, failures, read, left_out, results.levels, is_sample=is_sample)


def source_of_frame(frame: "pd.DataFrame", by: Sequence[str], label: str = "frame") -> Source:
    """A frame with a row a run.

    Parameters
    ----------
    frame : DataFrame
        Outcomes beside factors; `seed` (else `replication`) tells which runs have common random numbers. An index
        with names, as that of `simulate_many(...).outcomes`, counts as columns.
    by : sequence of str
        Columns that are factors; so are `scenario` and all whose names are those of parameters.
    label : str

    Examples
    --------
    >>> import pandas as pd
    >>> source_of_frame(pd.DataFrame({"churn": [0.1, 0.2], "x": [1, 2], "hhi": [1.0, 2.0]}), ["x"]).factors
    ('churn', 'x')
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
    is_factor = [
        name in by or name in parameters or name.startswith(tuple(f"{member}." for member in MEMBERS)) for name in frame
    ]
    factors = tuple(name for name, wanted in zip(frame, is_factor) if wanted)
    why = "a frame has outcomes only; the directories of sweeps or runs have more"

    def read(table: str, columns: Iterable[str] | None = None) -> "pd.DataFrame":
        raise InputError(f"{table}: {why}")

    failures = pd.DataFrame(columns=list(factors))
    categories = {name: frame[name].cat.categories for name in factors if frame[name].dtype == "category"}
    levels = {name: categories.get(name, frame[name].unique()).tolist() for name in factors}
    left_out = dict.fromkeys(KEEPS, why)
    return Source(label, frame, factors, {}, {}, failures, read, left_out, levels, frozenset(categories))


def _typed(column: "pd.Series") -> "pd.Series":
    """Numbers and truth values of a column of objects as such, as other programs hand them over."""
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
