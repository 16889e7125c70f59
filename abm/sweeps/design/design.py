"""A design: which points of a scenario's parameters are run, how often, and what is kept, from a TOML file.

Whatever is refused raises `InputError` with one message that names the file, the section, the key, the value
and what is allowed.
"""

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.errors import InputError, nearest, shown
from abm.scenario.library import bundled_names, find_text
from abm.scenario.scenario import Scenario
from abm.simulation.firm_table import FirmTable, read_firm_table
from abm.sweeps.design.factors import Factor, frame_column, read_points
from abm.sweeps.design.samples import MORRIS_LEVELS, SAMPLES
from abm.sweeps.design.settings import Collect, Replications, Sampling, by_name, keys_of, section, table_of, within

if TYPE_CHECKING:  # pandas is slow to import
    import pandas as pd

_SECTIONS = {"design": Sampling, "replications": Replications, "collect": Collect}
_KEYS = ("scenario", "firms", "set", "factors", *_SECTIONS)


@dataclass(frozen=True, eq=False)
class Design:
    """A scenario, the points at which it is run, and what is kept; `load` and `from_toml` make one.

    Attributes
    ----------
    text, source : str
        The TOML text as given, and the file's name for messages.
    scenario : Scenario
        With `[set]` applied.
    firms, firms_path : FirmTable and Path, or None
        The firm table of all runs, read against `scenario`, and where it came from.
    factors : dict of str to Factor
        In the order of the file; of a list's columns, the values that occur.
    method, points, seed
        As in `[design]`.
    replications : Replications
    collect : Collect

    Examples
    --------
    >>> design = Design.from_toml('scenario = "one-market"\\nfactors = {churn = [0.1, 0.2], policy = ["fixed"]}')
    >>> design.values()
       churn policy
    0    0.1  fixed
    1    0.2  fixed
    >>> design.scenario_at({"churn": 0.1}).churn
    0.1
    >>> Design.from_toml('scenario = "one-market"\\nreplications = {count = 0}', source="my.toml")
    Traceback (most recent call last):
    abm.errors.InputError: my.toml: [replications] count = 0 is not an integer of at least 1
    """

    text: str
    source: str
    scenario: Scenario
    firms: FirmTable | None
    firms_path: Path | None
    factors: dict[str, Factor]
    method: str
    points: int | None
    seed: int
    replications: Replications
    collect: Collect
    _listed: "pd.DataFrame | None" = field(repr=False)

    @staticmethod
    def load(name: str | os.PathLike) -> "Design":
        """A bundled design by its bare name, or a TOML file by its path, told apart as by `Scenario.load`.

        Examples
        --------
        >>> Design.load("network-effect").factors["network_effect"].listed
        (0.0, 0.5, 0.9)
        """
        found = find_text(name, "design")
        return Design.from_toml(found.text, found.source, found.folder)

    @staticmethod
    def from_toml(text: str, source: str = "TOML text", folder: str | os.PathLike = ".") -> "Design":
        """The design that a TOML text describes.

        Parameters
        ----------
        text : str
        source : str
            Stands before every message.
        folder : path
            What the relative paths in the text are relative to.

        Examples
        --------
        >>> Design.from_toml('scenario = "one-market"').replications.count
        10
        """
        try:
            return Design(text, source, **_read(tomllib.loads(text), folder))
        except RecursionError:
            raise InputError(f"{source}: nested too deeply") from None
        except ValueError as problem:  # a mistake in the syntax, with its line, or an InputError
            raise InputError(f"{source}: {problem}") from None

    @staticmethod
    def bundled() -> list[str]:
        """The names of the bundled designs.

        Examples
        --------
        >>> Design.bundled()
        ['network-effect', 'screening']
        """
        return bundled_names("design")

    @property
    def factor_names(self) -> tuple[str, ...]:
        """The names of the factors, in the order of the columns.

        Examples
        --------
        >>> Design.load("network-effect").factor_names
        ('network_effect',)
        """
        return tuple(self.factors)

    def values(self, *, as_before: bool = False) -> "pd.DataFrame":
        """The points, a row a point and a column a factor; in a grid the last factor varies fastest.

        Parameters
        ----------
        as_before : bool
            Levels of ranges with the rounding of their making, as sweeps of earlier versions have them.

        Examples
        --------
        >>> Design.load("network-effect").values().network_effect.tolist()
        [0.0, 0.5, 0.9]
        """
        import pandas as pd

        if self._listed is not None:
            return self._listed.copy()
        if self.method == "grid":
            columns = _crossed([factor.levels(self.points, as_before=as_before) for factor in self.factors.values()])
        else:
            unit = SAMPLES[self.method](len(self.factors), self.points, self.seed)
            parts = MORRIS_LEVELS - 1 if self.method == "morris" and not as_before else None
            columns = [factor.at(unit[:, place], parts) for place, factor in enumerate(self.factors.values())]
        frame = {name: frame_column(values) for name, values in zip(self.factors, columns)}
        return pd.DataFrame(frame, index=None if frame else pd.RangeIndex(1))  # no factors: the scenario itself

    def scenario_at(self, values: Mapping[str, Any]) -> Scenario:
        """The scenario at a point; integers may have become floats on the way, as in a row of a DataFrame.

        Examples
        --------
        >>> design = Design.load("network-effect")
        >>> design.scenario_at(design.values().iloc[2]).network_effect
        0.9
        """
        changes = {
            name: self.factors[name].parameter.check(value, whole_floats=True) if name in self.factors else value
            for name, value in values.items()
        }
        return self.scenario.replace(**changes)

    def notes(self) -> list[str]:
        """What the user should know of the design, a sentence each.

        Examples
        --------
        >>> text = 'scenario = "one-market"\\n[factors]\\nchurn = {low = 0.1, high = 1}\\n[design]\\nmethod = "sobol"'
        >>> Design.from_toml(text + "\\npoints = 100").notes()
        ['points = 100 is no power of 2: the balance of the sequence is lost; 64 and 128 keep it.']
        """
        found = []
        if self.method in ("sobol", "saltelli") and self.points & (self.points - 1):
            below = 1 << (self.points.bit_length() - 1)
            found.append(
                f"points = {self.points} is no power of 2: the balance of the sequence is lost; "
                f"{below} and {2 * below} keep it."
            )
        if self.method == "latin":
            found.append("A Latin hypercube of more points is another sample: the design grows in replications only.")
        if self.method == "morris":
            found.append("A Morris design of more trajectories is another sample: it grows in replications only.")
            found += [
                f"Morris tries four places of each factor: the {len(factor.listed)} levels of {factor.name} "
                "are not tried equally often."
                for factor in self.factors.values()
                if len(factor.listed) not in (0, 1, 2, 4)
            ]
        if self.firms is not None and "initial_firms" in self.factors:
            found.append("The firm table says how many firms there are: the factor initial_firms changes nothing.")
        return found


def _read(document: dict[str, Any], folder: str | os.PathLike) -> dict[str, Any]:
    """The attributes of the design that a document describes."""
    for key in document:
        if key not in _KEYS:
            homes = [f"[{name}]" for name, kind in _SECTIONS.items() if key in keys_of(kind)]
            hint = f" (it belongs in {' or '.join(homes)})" if homes else nearest(key, _KEYS)
            raise InputError(f"unknown key {key!r}{hint}")
    with within("scenario:"):
        base = _scenario(document, folder)
    known = base.settable()
    with within("[set]"):
        fixed = by_name(table_of(document, "set"), known)
        scenario = base.replace(**fixed)
    sampling, replications, collect = (section(document, name, kind) for name, kind in _SECTIONS.items())
    with within("[factors]"):
        given = by_name(table_of(document, "factors"), known)
        if sampling.method == "list" and given:
            raise InputError('must be empty for method = "list": its file has a column a factor')
        factors = {name: Factor.read(name, value, known[name]) for name, value in given.items()}
    listed = None
    with within("[design]"):
        if sampling.method == "list":
            listed = read_points(Path(folder, sampling.file), known)
            factors = {name: Factor(name, known[name], tuple(dict.fromkeys(listed[name].tolist()))) for name in listed}
        sampling.check_points(list(factors.values()))
    for name in factors:
        # Also sectors.NAME.KEY that the factor KEY would overwrite.
        for other in fixed:
            if other == name or other.endswith(f".{name}"):
                raise InputError(f"[set] {other} would be overwritten by the factor {name}")
    firms_path = firms = None
    if "firms" in document:
        with within("firms:"):
            if not isinstance(document["firms"], str):
                raise InputError(f"{shown(document['firms'])} is not the path of a firm table")
            firms_path = Path(folder, document["firms"])
            firms = read_firm_table(firms_path, scenario)
    return {
        "scenario": scenario,
        "firms": firms,
        "firms_path": firms_path,
        "factors": factors,
        "method": sampling.method,
        "points": sampling.points,
        "seed": sampling.seed,
        "replications": replications,
        "collect": collect,
        "_listed": listed,
    }


def _scenario(document: dict[str, Any], folder: str | os.PathLike) -> Scenario:
    if "scenario" not in document:
        raise InputError(f"it is missing; give a path to a TOML file or one of {', '.join(Scenario.bundled())}")
    name = document["scenario"]
    if not isinstance(name, str):
        raise InputError(f"{shown(name)} is neither a name nor a path")
    return Scenario.from_named(find_text(name, "scenario", folder))


def _crossed(levels: list[np.ndarray]) -> list[np.ndarray]:
    """Columns of all combinations, the last varying fastest."""
    rows = inner = math.prod(len(each) for each in levels)
    columns = []
    for each in levels:
        inner //= len(each)
        columns.append(np.tile(np.repeat(each, inner), rows // (inner * len(each))))
    return columns
