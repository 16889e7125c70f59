"""The plan of a design: its points and the runs to make.

A run is identified by what it computes: by its seed and by the key of its point, a hash of the scenario, the firm table
and the model's version. Points with equal keys share their runs.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.errors import InputError, shown
from abm.scenario.rules import UserFunction
from abm.scenario.scenario import Scenario
from abm.simulation.firm_file import table_bytes
from abm.simulation.firm_table import read_firm_cells, read_firm_table, scenario_for
from abm.version import MODEL_VERSION

if TYPE_CHECKING:
    import pandas as pd

    from abm.sweeps.design.design import Design
    from abm.sweeps.design.settings import Replications

_COMMON = b""  # the salt of seeds that all points share
# The rule by which points and seeds are drawn. The manifest records it, so that a sweep of an earlier version keeps
# its rule. 1: levels of ranges with rounding errors, seeds below 2^63. 2: levels are the numbers nearest to the exact
# ones, seeds below 2^53, which other programs read exactly.
DRAWS = 2
_SEED_BITS = {1: 63, 2: 53}
STEP_OVERHEAD_SLOTS = 200  # the fixed cost of a step, as a number of slots


def values_digest(scenario: Scenario) -> str:
    """A hash of all values of a scenario except its name, on which no run depends.

    Examples
    --------
    >>> values_digest(Scenario(name="a")) == values_digest(Scenario(name="b", capacity=400))
    True
    >>> values_digest(Scenario()) == values_digest(Scenario(churn=0.3))
    False
    """
    values = scenario.to_dict()
    del values["name"]
    for strategy in values["strategies"]:
        if isinstance(rule := strategy["policy"], UserFunction):
            strategy["policy"] = rule.identity
    return hashlib.blake2b(json.dumps(values, sort_keys=True).encode(), digest_size=16).hexdigest()


def point_key(digest: str, firm_table: str | None, functions: Sequence[str] = ()) -> str:
    """The key of a point, 32 hexadecimal digits: a hash of all that its runs depend on except their seeds.

    Parameters
    ----------
    digest : str
        Of `values_digest`.
    firm_table : str or None
        The firm table's digest.
    functions : sequence of str
        What functions of the user's own are identified by that runs call apart from rules, which are in `digest`.
    """
    parts = json.dumps([digest, firm_table, MODEL_VERSION, *functions]).encode()
    return hashlib.blake2b(parts, digest_size=16).hexdigest()


def run_seed(seed: int, replication: int, salt: bytes = _COMMON, draws: int = DRAWS) -> int:
    """The seed of a replication, in [0, 2^53).

    Parameters
    ----------
    seed : int
        The design's `[replications] seed`.
    replication : int
    salt : bytes
        Empty for common random numbers; otherwise different for each point.
    draws : int
        1 for a sweep of an earlier version, whose seeds lie in [0, 2^63).

    Examples
    --------
    >>> run_seed(1, 0) == run_seed(1, 0), run_seed(1, 0) == run_seed(1, 1), run_seed(1, 0) == run_seed(1, 0, b"point")
    (True, False, False)
    """
    digest = hashlib.blake2b(b"%d %d " % (seed, replication) + salt, digest_size=8).digest()
    return int.from_bytes(digest, "little") >> (64 - _SEED_BITS[draws])


def file_digest(path: Path) -> str:
    """A hash of the content of a firm table."""
    return hashlib.sha256(table_bytes(path)).hexdigest()


def text_digest(text: str) -> str:
    """A hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Plan:
    """The points of a design and the runs that they need.

    Attributes
    ----------
    points : DataFrame
        A column a factor, a row a point.
    keys : object array of str, shape (points,)
    digests : object array of str, shape (points,)
        Hashes of the values alone, without table and version: the salts of independent seeds.
    work : float64 array, shape (points,)
        The cost of a run, in slots times steps.
    replications : Replications
    draws : int
        How seeds are drawn, see `DRAWS`.
    """

    points: "pd.DataFrame"
    keys: np.ndarray
    digests: np.ndarray
    work: np.ndarray
    replications: "Replications"
    draws: int = DRAWS

    @cached_property
    def _distinct(self) -> tuple[np.ndarray, np.ndarray]:
        """For each distinct point the first point with its key; for each point the number of its distinct point."""
        import pandas as pd

        number, distinct = pd.factorize(self.keys)
        first = np.full(len(distinct), len(self.keys))
        np.minimum.at(first, number, np.arange(len(number)))
        return first, number

    @property
    def first_points(self) -> np.ndarray:
        """For each distinct point the first point with its key."""
        return self._distinct[0]

    @property
    def distinct_of(self) -> np.ndarray:
        """For each point the number of its distinct point."""
        return self._distinct[1]

    @property
    def runs(self) -> int:
        """Number of runs: distinct points times replications; run u·count + r is replication r of distinct point u."""
        return len(self.first_points) * self.replications.count

    @property
    def rows(self) -> int:
        """Number of rows of outcomes if no run fails."""
        return len(self.points) * self.replications.count

    @cached_property
    def key_index(self) -> "pd.Index":
        """The keys of the distinct points, by which their numbers are found."""
        import pandas as pd

        return pd.Index(self.keys[self.first_points])

    def seeds_of(self, point: int, begin: int, end: int) -> np.ndarray:
        """Seeds of the replications from `begin` to before `end` of a distinct point."""
        if self.replications.common:
            return self._common_seeds[begin:end]
        salt = self.digests[self.first_points[point]].encode()
        seeds = (run_seed(self.replications.seed, r, salt, self.draws) for r in range(begin, end))
        return np.fromiter(seeds, dtype=np.int64, count=end - begin)

    def sorted_seeds(self, point: int) -> tuple[np.ndarray, np.ndarray]:
        """The seeds of a distinct point in rising order, and the replication of each."""
        return (
            self._sorted_common_seeds
            if self.replications.common
            else _sorted(self.seeds_of(point, 0, self.replications.count))
        )

    @cached_property
    def _sorted_common_seeds(self) -> tuple[np.ndarray, np.ndarray]:
        return _sorted(self._common_seeds)

    @cached_property
    def _common_seeds(self) -> np.ndarray:
        count, seed = self.replications.count, self.replications.seed
        return np.array([run_seed(seed, r, draws=self.draws) for r in range(count)], dtype=np.int64)

    @cached_property
    def seeds(self) -> np.ndarray:
        """Seeds of the runs, shape (distinct points, replications)."""
        shape = len(self.first_points), self.replications.count
        if self.replications.common:
            return np.broadcast_to(self._common_seeds, shape)
        seeds = np.empty(shape, dtype=np.int64)
        for point in range(len(seeds)):
            seeds[point] = self.seeds_of(point, 0, shape[1])
        return seeds

    def work_of(self, runs: np.ndarray) -> np.ndarray:
        """The cost of runs, by their numbers, in slots times steps."""
        return self.work[self.first_points[runs // self.replications.count]]

    def changes(self, point: int) -> dict[str, Any]:
        """The values of the factors at a point, by name."""
        return self.changes_of(np.array([point]))[0]

    def changes_of(self, points: np.ndarray) -> list[dict[str, Any]]:
        """The values of the factors at each of some points, by name."""
        names = list(self.points)
        if not names:
            return [{} for _ in points]
        columns = [map(_plain, self.points[name].take(points).tolist()) for name in names]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def plan_of(design: "Design", draws: int = DRAWS) -> Plan:
    """The plan of a design; raises InputError for a point that is no valid scenario, by its row and values."""
    points = design.values(old_rounding=draws == 1)
    names = list(points)
    table = file_digest(design.firms_path) if design.firms_path else None
    firms = read_firm_cells(design.firms_path) if design.firms_path else None
    keys, digests = np.empty(len(points), dtype=object), np.empty(len(points), dtype=object)
    work = np.empty(len(points))
    own = [] if design.intervention is None else [f"intervention {design.intervention.identity}"]
    own += [f"measure {name} {each.identity}" for name, each in design.measures.items()]
    for row, values in enumerate(zip(*(points[name].tolist() for name in names), strict=True) if names else [()]):
        changes = dict(zip(names, values, strict=True))
        try:
            scenario = design.scenario_at(changes)
            if firms:
                scenario = scenario_for(scenario, read_firm_table(firms, scenario))
        except InputError as problem:
            text = ", ".join(f"{name} = {shown(value)}" for name, value in changes.items())
            label = f"point {row}, row {row + 1} of its file" if design.method == "list" else f"point {row}"
            raise InputError(f"{design.source}: {label} ({text}): {problem}") from None
        digests[row] = values_digest(scenario)
        keys[row] = point_key(digests[row], table, own)
        work[row] = (scenario.capacity + STEP_OVERHEAD_SLOTS) * scenario.steps
    return Plan(points, keys, digests, work, design.replications, draws)


def _sorted(seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(seeds, kind="stable")
    return seeds[order], order


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
