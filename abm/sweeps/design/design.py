"""A design, read from a TOML file: which points of a scenario's parameters are run, how often, and what is kept.

Whatever is refused raises `InputError` with the file, the section, the key, the value and what is allowed.
"""

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.scenario.library import bundled_names, find_text, reading
from abm.scenario.rules import UserFunction, rules_of, with_sources
from abm.scenario.scenario import Scenario
from abm.simulation.firm_table import FirmTable
from abm.sweeps.design.factors import Factor, frame_column
from abm.sweeps.design.futures import check_reached
from abm.sweeps.design.reading import attributes_of
from abm.sweeps.design.samples import MORRIS_LEVELS, SAMPLES
from abm.sweeps.design.settings import Collect, DesignFile, Replications

if TYPE_CHECKING:  # pandas is slow to import
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Design:
    """A scenario, the points at which it is run, and what is kept; made by `load` or `from_toml`.

    Attributes
    ----------
    text, source : str
        The TOML text, and the name of its file for messages.
    scenario : Scenario
        With `[set]` applied.
    firms, firms_path : FirmTable and Path, or None
        The firm table from which all runs start, and its path.
    factors : dict of str to Factor
        The parameters that vary, in the order of the file; for `method = "list"` the columns of its file.
    method : str
        "grid", "list", "latin", "sobol", "morris" or "saltelli".
    points : int or None
        Levels of a range in a grid; points, trajectories or base samples of a sample.
    seed : int
        Of the sample.
    replications : Replications
        With `count`, `seed`, `common` and `from_step`.
    collect : Collect
        With `level`, `steps`, `lives`, `firms`, `panel` and `measures`.
    rules : dict of str to UserFunction
        The rules of the user's own among the levels of factors, with the texts of their files.
    intervention : UserFunction or None
        What is called before each step of every run.
    measures : dict of str to UserFunction
        Measures of the user's own.

    Raises
    ------
    InputError
        By `load` and `from_toml`, with the file, the section, the key, the value and what is allowed.

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
    rules: dict[str, UserFunction]
    intervention: UserFunction | None
    measures: dict[str, UserFunction]
    _listed: "pd.DataFrame | None" = field(repr=False)

    @staticmethod
    def load(name: str | os.PathLike) -> "Design":
        """Load a bundled design by its name, or a TOML file by its path.

        Parameters
        ----------
        name : str or path
            A path where it ends in `.toml` or holds a separator, as for `Scenario.load`.

        Returns
        -------
        Design

        Raises
        ------
        InputError
            If there is no such design or file, or it is not valid.

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
            The name of the text in error messages.
        folder : path
            Relative paths in the text start here.

        Returns
        -------
        Design

        Raises
        ------
        InputError
            If the text is not valid.

        Examples
        --------
        >>> Design.from_toml('scenario = "one-market"').replications.count
        10
        """
        with reading(source):
            return Design(text, source, **attributes_of(DesignFile(**tomllib.loads(text)), folder))

    @staticmethod
    def bundled() -> list[str]:
        """The names of the bundled designs.

        Examples
        --------
        >>> Design.bundled()
        ['network-effect', 'open-weights', 'screening']
        """
        return bundled_names("design")

    @property
    def functions(self) -> dict[str, UserFunction]:
        """All functions of the user's own that runs call, by what they are for: rules, intervention and measures.

        Examples
        --------
        >>> Design.load("network-effect").functions
        {}
        """
        rules = [*rules_of(self.scenario), *self.rules.values()]
        found = {f"policy {rule}": rule for rule in rules}
        found |= {f"measure {name}": each for name, each in self.measures.items()}
        return found | ({} if self.intervention is None else {f"intervention {self.intervention}": self.intervention})

    @property
    def factor_names(self) -> tuple[str, ...]:
        """The names of the factors, in the order of the columns of `values`.

        Examples
        --------
        >>> Design.load("network-effect").factor_names
        ('network_effect',)
        """
        return tuple(self.factors)

    def values(self, *, old_rounding: bool = False) -> "pd.DataFrame":
        """The points as a DataFrame, a row a point and a column a factor; in a grid the last factor varies fastest.

        Parameters
        ----------
        old_rounding : bool
            Whether levels of ranges have the rounding errors that sweeps of earlier versions have.

        Examples
        --------
        >>> Design.load("network-effect").values().network_effect.tolist()
        [0.0, 0.5, 0.9]
        """
        import pandas as pd

        if self._listed is not None:
            return self._listed.copy()
        if self.method == "grid":
            columns = _crossed(
                [factor.levels(self.points, old_rounding=old_rounding) for factor in self.factors.values()]
            )
        else:
            unit = SAMPLES[self.method](len(self.factors), self.points, self.seed)
            parts = MORRIS_LEVELS - 1 if self.method == "morris" and not old_rounding else None
            columns = [factor.at(unit[:, column], parts) for column, factor in enumerate(self.factors.values())]
        frame = {name: frame_column(values) for name, values in zip(self.factors, columns)}
        # Without factors there is one point, the scenario itself.
        return pd.DataFrame(frame, index=None if frame else pd.RangeIndex(1))

    def scenario_at(self, values: Mapping[str, Any]) -> Scenario:
        """The scenario at a point, given the values of its factors; integers may be whole floats, as in a DataFrame.

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
        scenario = self.scenario.replace(**with_sources(changes, self.rules))
        if self.replications.from_step is not None:
            check_reached(scenario)
        return scenario

    def with_replications(self, count: int) -> "Design":
        """The design with another number of replications of each point.

        Examples
        --------
        >>> Design.load("network-effect").with_replications(3).replications.count
        3
        """
        return replace(self, replications=self.replications.model_copy(update={"count": count}))

    def notes(self) -> list[str]:
        """Sentences on what the user should know of the design; often there are none.

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
                f"A Morris design uses four values of each factor: the {len(factor.listed)} levels of {factor.name} "
                "do not occur equally often."
                for factor in self.factors.values()
                if len(factor.listed) not in (0, 1, 2, 4)
            ]
        if self.firms is not None and "initial_firms" in self.factors:
            found.append("The firm table decides how many firms there are: the factor initial_firms changes nothing.")
        return found


def _crossed(levels: list[np.ndarray]) -> list[np.ndarray]:
    """Columns with all combinations of levels, the last column varying fastest."""
    rows = inner = math.prod(len(each) for each in levels)
    columns = []
    for each in levels:
        inner //= len(each)
        columns.append(np.tile(np.repeat(each, inner), rows // (inner * len(each))))
    return columns
