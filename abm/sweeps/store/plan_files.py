"""The plan of a sweep as files: `points.parquet` and `keys.parquet`."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from abm.output.files import write_parquet
from abm.sweeps.design.plan import DRAWS, Plan
from abm.sweeps.store.contents import PLAN_FILES, is_file
from abm.sweeps.store.reader import read_whole

if TYPE_CHECKING:
    from abm.sweeps.design.settings import Replications


def save_plan(plan: Plan, folder: Path) -> None:
    """Write the factors of each point, and the key, the digest of the values and the work of each."""
    import pandas as pd

    points = pd.DataFrame({"point": np.arange(len(plan.points))} | dict(plan.points.items()))
    write_parquet(points, folder / "points.parquet")
    keys = pd.DataFrame({"key": plan.keys, "values": plan.digests, "work": plan.work})
    write_parquet(keys, folder / "keys.parquet")


def plan_file_digests(folder: Path) -> dict[str, str]:
    """The digest of each file of a plan, by name; of those that are there."""
    found = {}
    for name in PLAN_FILES:
        if is_file(folder / name):
            with (folder / name).open("rb") as file:
                found[name] = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    return found


def is_kept(folder: Path, digest: str, kept: Mapping | None) -> bool:
    """Whether a folder holds the plan of a design, by its digest and what the manifest tells of the plan."""
    return bool(kept) and kept["design"] == digest and kept["files"] == plan_file_digests(folder)


def load_plan(folder: Path, replications: "Replications", draws: int = DRAWS) -> Plan:
    """Read a plan that `save_plan` wrote; raises InputError if it is damaged."""
    points = read_whole(folder / "points.parquet").drop(columns="point")
    keys = read_whole(folder / "keys.parquet")
    texts = [keys[name].to_numpy(object) for name in ("key", "values")]
    return Plan(points, *texts, keys["work"].to_numpy(), replications, draws)
