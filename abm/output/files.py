"""How files are written: whole or not at all, tables, JSON, and the versions that are recorded beside results.

It imports no heavy library, so that a bad directory is refused before any of them is loaded.
"""

import contextlib
import json
import math
import os
import platform
import secrets
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.version import __version__

if TYPE_CHECKING:
    import pandas as pd

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


def write_durably(path: Path, data: bytes) -> None:
    """Write a file that has either its whole content or is not there, whatever happens."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


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
    """Write strictly valid JSON, whole or not at all: NaN as null and infinity as "inf"."""
    text = json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
    write_durably(path, (text + "\n").encode())


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
