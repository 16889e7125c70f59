"""The manifest: what a sweep's runs compute and what is kept of them; and what differs between two manifests."""

import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.errors import shown
from abm.output.files import plain
from abm.scenario.flat_names import MEMBERS, flat
from abm.simulation.firm_file import is_run
from abm.sweeps.design.plan import file_digest, text_digest
from abm.version import MODEL_VERSION, __version__

if TYPE_CHECKING:
    from abm.sweeps.design.design import Design
    from abm.sweeps.design.factors import Factor

_FEW = 100  # values of a factor that the manifest lists
# Keys of the manifest that must not change once there are runs, and what messages call them.
_FIXED = {
    "model_version": "the model's version",
    "firm_table": "the firm table",
    "scenario": "",
    "replications": "replications.",
    "collect": "collect.",
}


def sweep_token(manifest: Mapping[str, Any]) -> str:
    """The name of the file by which a worker recognises the sweep's folder."""
    return f"sweep-{manifest['design_hash'][:16]}"


def describe(design: "Design") -> dict[str, Any]:
    """The part of the manifest that describes a design."""
    firms = design.firms_path
    is_parquet = firms and (is_run(firms) or firms.suffix.lower() in (".parquet", ".pq"))
    suffix = ".parquet" if is_parquet else ".csv"
    about = {
        "model_version": MODEL_VERSION,
        "design_hash": text_digest(design.text),
        "method": design.method,
        "design_points": design.points,
        "design_seed": design.seed,
        "factors": {name: _levels(factor) for name, factor in design.factors.items()},
        "scenario": plain(design.scenario.to_dict()),
        "firm_table": file_digest(firms) if firms else None,
        "firms_file": f"firm_table{suffix}" if firms else None,
        "replications": design.replications.model_dump(exclude={"until", "least", "most"}, exclude_none=True),
        "collect": {name: value for name, value in design.collect.model_dump().items() if value is not None},
    }
    if design.functions:
        # Their texts are kept to be read: no code is run from a folder of results.
        about["functions"] = {
            name: {"sha256": each.digest, "source": each.source} for name, each in design.functions.items()
        }
    return about


def plan_digest(design: "Design", draws: int) -> str:
    """A digest of all that the plan of a design depends on, and of the release that makes it."""
    about = describe(design) | {"draws": draws, "abm": __version__}
    if design.method == "list":
        from pandas.util import hash_pandas_object

        values = design.values()
        rows = hash_pandas_object(values, index=False).to_numpy()
        about["points"] = {"columns": list(values.columns), "rows": text_digest(rows.tobytes().hex())}
    return hashlib.blake2b(json.dumps(plain(about), sort_keys=True).encode(), digest_size=16).hexdigest()


def _levels(factor: "Factor") -> Any:
    """A factor's range or levels; only their number if there are many."""
    if factor.is_range:
        return {"low": factor.low, "high": factor.high, "scale": factor.scale}
    return list(factor.listed) if len(factor.listed) <= _FEW else len(factor.listed)


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What would make finished runs differ from those of the design, a text for each change."""
    for place, label in _FIXED.items():
        if not isinstance(now[place], Mapping):
            if before[place] != now[place]:
                yield f"{label} has changed"
            continue
        then, this = _flat(before[place]), _flat(now[place])
        for name in then | this:
            if (place, name) in (("replications", "count"), ("scenario", "name")):
                continue
            # A factor's values, now or before, are part of the points' keys.
            if place == "scenario" and (name in before["factors"] or name in now["factors"]):
                continue
            if then.get(name) != this.get(name):
                yield f"{label}{name} was {shown(then.get(name))}, is {shown(this.get(name))}"
    if now["method"] in ("latin", "morris") and before["method"] == now["method"]:
        for name in ("design_points", "design_seed", "factors"):
            if before[name] != now[name]:
                label = f"{name.removeprefix('design_')} of a {now['method']} design"
                values = f"{shown(before[name])}, is {shown(now[name])}"
                yield f"{label} was {values}; such a design grows in replications only"


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by flat names, and the names of sectors, strategies and changes, because their order matters."""
    lists = (*MEMBERS, "changes")
    names = {key: ", ".join(member["name"] for member in values[key]) for key in lists if key in values}
    return flat(values) | names


def git_state() -> str | None:
    """What `git describe` prints of the package's source, or None if it is not a checkout."""
    folder = Path(__file__).parents[3]
    if not (folder / ".git").exists():
        return None
    try:
        told = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty"], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.strip() or None
