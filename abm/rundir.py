"""A run's directory: what is written into it.

This module imports no heavy library, so that a bad directory is refused before any of them is loaded.
"""

import json
import math
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm import __version__

if TYPE_CHECKING:
    import pandas as pd

    from abm.results import Result

KEPT_TABLE = "firm_table.parquet"  # what the run started from
ABOUT = "run.json"  # what makes a directory a run's
FILES = (
    "steps.parquet",
    "sectors.parquet",
    "firms.parquet",
    "lives.parquet",
    "outcomes.json",
    "overview.png",
    "panel.parquet",
    "scenario.toml",
    KEPT_TABLE,
    ABOUT,
)
LIBRARIES = ("numpy", "numba", "pandas", "pyarrow")


def versions() -> dict[str, str]:
    """Versions of everything that a run's numbers can depend on.

    Examples
    --------
    >>> list(versions())
    ['abm', 'python', 'numpy', 'numba', 'pandas', 'pyarrow']
    """
    own = {"abm": __version__, "python": platform.python_version()}
    return own | {name: metadata.version(name) for name in LIBRARIES}


def write_run(folder: Path, result: "Result", *, picture: bool = True) -> list[str]:
    """Write a run's files.

    Parameters
    ----------
    folder : Path
        Where they go.
    result : Result
        What they hold.
    picture : bool
        Whether to draw `overview.png`, which takes a second.

    Returns
    -------
    list of str
        Names of the files.
    """
    write_parquet(result.steps.reset_index(), folder / "steps.parquet")
    write_parquet(result.sectors, folder / "sectors.parquet")
    write_parquet(result.firms, folder / "firms.parquet")
    write_parquet(result.lives, folder / "lives.parquet")
    if result.settings["panel"]:
        write_parquet(result.panel, folder / "panel.parquet")
    write_json(dict(result.outcomes), folder / "outcomes.json")
    write_start(folder, result)
    if picture:
        from abm.drawing import save
        from abm.figures import overview

        save(overview(result), folder / "overview.png")
    about = {"scenario": result.scenario.to_dict(), "seed": result.seed, **result.settings, "demand": result.demand}
    about |= {"versions": versions(), "machine": platform.machine()}
    about["started"] = datetime.fromtimestamp(result.started, UTC).isoformat(timespec="seconds")
    about["wall_seconds"] = round(result.wall_seconds, 3)
    write_json(about, folder / ABOUT)
    return [name for name in FILES if (folder / name).exists()]


def write_start(folder: Path, result: "Result") -> None:
    """Write what makes the run again: its scenario, and the firm table that it started from."""
    scenario, table = result.scenario, result.table
    if table is not None:
        from abm.firmstart import kept_table

        # Set, for the table as it is kept has bases that may have been filled in from it.
        scenario = scenario.replace(market_size=scenario.market_size)
        (folder / KEPT_TABLE).write_bytes(kept_table(table, scenario))
    (folder / "scenario.toml").write_text(scenario.to_toml(), "utf-8")


def write_parquet(frame: "pd.DataFrame", path: Path) -> None:
    """Write a table without its index, texts as texts even where all are missing."""
    texts = [name for name in frame.columns if frame[name].dtype == object]
    frame.astype(dict.fromkeys(texts, "str")).to_parquet(path, index=False, compression="zstd")


def csv_text(frame: "pd.DataFrame") -> str:
    """A table without its index as CSV; a text that a spreadsheet would take for a formula is behind an apostrophe.

    Examples
    --------
    >>> import pandas as pd
    >>> csv_text(pd.DataFrame({"group": ["=1+1", "-0.5"], "n": [1, 2]})).splitlines()
    ['group,n', "'=1+1,1", '-0.5,2']
    """
    texts = frame.select_dtypes(["object", "str", "category"]).columns
    safe = frame.assign(**{name: frame[name].astype(object).map(_no_formula) for name in texts})
    return safe.rename(columns=_no_formula).to_csv(index=False)


def _no_formula(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value  # a number with its sign


def write_csv(frame: "pd.DataFrame", path: Path) -> None:
    """Write a table as `csv_text` has it."""
    path.write_text(csv_text(frame), encoding="utf-8", newline="")


def write_json(value: Any, path: Path) -> None:
    """Write strictly valid JSON: NaN as null and infinity as "inf"."""
    text = json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
