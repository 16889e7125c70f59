"""What a design comes to: its points, the identity of each and the runs to make.

A run is known by what it computes: the key of its point, which is a hash of the resolved scenario, the firm table and
the model's version, and its seed. Points that compute the same share their runs.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.errors import InputError, shown
from abm.scenario.scenario import Scenario
from abm.simulation.firm_file import table_bytes
from abm.simulation.firm_table import read_firm_cells, read_firm_table, scenario_for
from abm.version import MODEL_VERSION

if TYPE_CHECKING:
    import pandas as pd

    from abm.sweeps.design.design import Design
    from abm.sweeps.design.settings import Replications

_COMMON = b""
# How points and seeds are drawn, as a sweep's manifest records it, so that a folder goes on as it was begun.
# 1: levels of ranges with the rounding of their making, seeds below 2^63; 2: levels as near as numbers come to the
# exact ones, seeds below 2^53, which other programs read as they are.
DRAWS = 2
_SEED_BITS = {1: 63, 2: 53}
SLOTS_A_STEP_COSTS = 200  # what a step costs before it has any slots


def values_digest(scenario: Scenario) -> str:
    """A hash of all values of a scenario that a run can depend on: all but its name.

    Examples
    --------
    >>> values_digest(Scenario(name="a")) == values_digest(Scenario(name="b", capacity=400))
    True
    >>> values_digest(Scenario()) == values_digest(Scenario(churn=0.3))
    False
    """
    values = scenario.to_dict()
    del values["name"]
    return hashlib.blake2b(json.dumps(values, sort_keys=True).encode(), digest_size=16).hexdigest()


def point_key(digest: str, firm_table: str | None) -> str:
    """The key of a point: what its runs compute but for their seeds, in 32 hexadecimal digits.

    Parameters
    ----------
    digest : str
        Of `values_digest`.
    firm_table : str or None
        The firm table's digest.
    """
    parts = json.dumps([digest, firm_table, MODEL_VERSION]).encode()
    return hashlib.blake2b(parts, digest_size=16).hexdigest()


def run_seed(seed: int, replication: int, salt: bytes = _COMMON, draws: int = DRAWS) -> int:
    """The seed of a replication, in [0, 2^53).

    Parameters
    ----------
    seed : int
        The design's `[replications] seed`.
    replication : int
    salt : bytes
        Nothing for common random numbers; else what tells the points apart.
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
    """A hash of a firm table's content, whose missing columns take other values at each point."""
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
        Of the values alone, without table and version: what independent seeds are salted with.
    work : float64 array, shape (points,)
        What a run costs, in slots times steps.
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
        """Of each distinct point its first place, and of each point which distinct one it is."""
        places: dict[str, int] = {}
        number = np.array([places.setdefault(key, len(places)) for key in self.keys], dtype=np.int64)
        first = np.full(len(places), len(self.keys))
        np.minimum.at(first, number, np.arange(len(number)))
        return first, number

    @property
    def first_points(self) -> np.ndarray:
        """The first point of each distinct one, in order."""
        return self._distinct[0]

    @property
    def distinct_of(self) -> np.ndarray:
        """The number of the distinct point that each point is."""
        return self._distinct[1]

    @property
    def runs(self) -> int:
        """Number of runs to make: distinct points times replications; run u·count + r is replication r of u."""
        return len(self.first_points) * self.replications.count

    @property
    def rows(self) -> int:
        """Number of rows of outcomes where no run fails."""
        return len(self.points) * self.replications.count

    @cached_property
    def seeds(self) -> np.ndarray:
        """Seeds of the runs, shape (distinct points, replications)."""
        count, seed = self.replications.count, self.replications.seed
        if self.replications.common:
            common = np.array([run_seed(seed, r, draws=self.draws) for r in range(count)], dtype=np.int64)
            return np.broadcast_to(common, (len(self.first_points), count))
        salts = [self.digests[point].encode() for point in self.first_points]
        rows = ([run_seed(seed, r, salt, self.draws) for r in range(count)] for salt in salts)
        return np.array(list(rows), dtype=np.int64)

    def work_of(self, runs: np.ndarray) -> np.ndarray:
        """What runs cost, by their numbers."""
        return self.work[self.first_points][runs // self.replications.count]

    def changes(self, point: int) -> dict[str, Any]:
        """The values of a point's factors."""
        return {name: _plain(self.points[name].iat[point]) for name in self.points}

    def save(self, folder: Path) -> None:
        """Write `points.parquet`, and `keys.parquet` with what the points compute."""
        import pandas as pd

        from abm.output.files import write_parquet

        write_parquet(self.point_table(), folder / "points.parquet")
        write_parquet(
            pd.DataFrame({"key": self.keys, "values": self.digests, "work": self.work}), folder / "keys.parquet"
        )

    def point_table(self) -> "pd.DataFrame":
        """The factors of each point, with its number."""
        import pandas as pd

        return pd.DataFrame({"point": np.arange(len(self.points))} | dict(self.points.items()))

    @staticmethod
    def load(folder: Path, replications: "Replications", draws: int = DRAWS) -> "Plan":
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If it is damaged.
        """
        from abm.sweeps.store.reader import read_whole

        points = read_whole(folder / "points.parquet").drop(columns="point")
        keys = read_whole(folder / "keys.parquet")
        return Plan(
            points,
            keys["key"].to_numpy(object),
            keys["values"].to_numpy(object),
            keys["work"].to_numpy(),
            replications,
            draws,
        )


def plan_of(design: "Design", draws: int = DRAWS) -> Plan:
    """The plan of a design, each of its points checked.

    Parameters
    ----------
    design : Design
    draws : int
        How points and seeds are drawn, see `DRAWS`.

    Raises
    ------
    InputError
        For a point that is no valid scenario, by its row and values.
    """
    points = design.values(as_before=draws == 1)
    names = list(points)
    table = file_digest(design.firms_path) if design.firms_path else None
    firms = read_firm_cells(design.firms_path) if design.firms_path else None
    keys, digests = np.empty(len(points), dtype=object), np.empty(len(points), dtype=object)
    work = np.empty(len(points))
    for row, values in enumerate(zip(*(points[name].tolist() for name in names), strict=True) if names else [()]):
        changes = dict(zip(names, values, strict=True))
        try:
            scenario = design.scenario_at(changes)
            if firms:
                scenario = scenario_for(scenario, read_firm_table(firms, scenario))
        except InputError as problem:
            text = ", ".join(f"{name} = {shown(value)}" for name, value in changes.items())
            place = f"point {row}, row {row + 1} of its file" if design.method == "list" else f"point {row}"
            raise InputError(f"{design.source}: {place} ({text}): {problem}") from None
        digests[row] = values_digest(scenario)
        keys[row] = point_key(digests[row], table)
        work[row] = (scenario.capacity + SLOTS_A_STEP_COSTS) * scenario.steps
    return Plan(points, keys, digests, work, design.replications, draws)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
