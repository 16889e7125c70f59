"""A run's directory: what is written into it.

This module imports no heavy library, so that a bad directory is refused before any of them is loaded.
"""

import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from abm.errors import InputError, shown
from abm.output.files import versions, write_json, write_parquet
from abm.scenario.rules import rules_of

KEPT_TABLE = "firm_table.parquet"  # what the run started from
ABOUT = "run.json"  # what makes a directory a run's
FIRMS = "firms.parquet"
FILES = (
    "steps.parquet",
    "sectors.parquet",
    FIRMS,
    "lives.parquet",
    "outcomes.json",
    "overview.png",
    "panel.parquet",
    "scenario.toml",
    KEPT_TABLE,
    ABOUT,
)


def read_about(folder: Path) -> dict[str, Any]:
    """What a run's `run.json` holds.

    Raises
    ------
    InputError
        If the directory holds no run, or the file is not readable.
    """
    path = folder / ABOUT
    try:
        about = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder}: holds no run ({ABOUT} is missing)") from None
    except OSError as problem:
        raise InputError(f"{path}: {problem.strerror}") from None
    except (ValueError, RecursionError) as problem:
        raise InputError(f"{path}: not readable JSON: {' '.join(str(problem).split())}") from None
    if not isinstance(about, dict):
        raise InputError(f"{path}: it holds no run, but {shown(about)}")
    return about


def write_run(folder: Path, result: Any, *, picture: bool = True) -> list[str]:
    """Write a run's files.

    Parameters
    ----------
    folder : Path
        Where they go.
    result : Result
        Of `abm.simulate`: what they hold.
    picture : bool
        Whether to draw `overview.png`, which takes a second.

    Returns
    -------
    list of str
        Names of the files.
    """
    write_parquet(result.steps.reset_index(), folder / "steps.parquet")
    write_parquet(result.sectors, folder / "sectors.parquet")
    write_parquet(result.firms, folder / FIRMS)
    write_parquet(result.lives, folder / "lives.parquet")
    if result.settings["panel"]:
        write_parquet(result.panel, folder / "panel.parquet")
    write_json(dict(result.outcomes), folder / "outcomes.json")
    write_start(folder, result)
    if picture:
        from abm.output.overview import overview
        from abm.output.style import save

        save(overview(result), folder / "overview.png")
    about = {"scenario": result.scenario.to_dict(), "seed": result.seed, **result.settings, "demand": result.demand}
    about |= {"versions": versions(), "machine": platform.machine()}
    if rules := rules_of(result.scenario):
        about["rules"] = {rule: {"sha256": rule.digest, "source": rule.source} for rule in rules}
    about["started"] = datetime.fromtimestamp(result.started, UTC).isoformat(timespec="seconds")
    about["wall_seconds"] = round(result.wall_seconds, 3)
    write_json(about, folder / ABOUT)
    return [name for name in FILES if (folder / name).exists()]


def write_start(folder: Path, result: Any) -> None:
    """Write what makes the run again: its scenario, and the firm table that it started from."""
    scenario, table = result.scenario, result.kept_table()
    if table is not None:
        # Set explicitly: the stored table may have customer bases that were computed from it.
        scenario = scenario.replace(market_size=scenario.market_size)
        (folder / KEPT_TABLE).write_bytes(table)
    (folder / "scenario.toml").write_text(scenario.to_toml(), "utf-8")
