"""A run's directory: what is written into it, and how it, or another result's, comes to be there whole or not at all.

A run is written into a temporary folder beside its directory and renamed when everything is on the disk.
This module imports no heavy library, so that a bad directory is refused before any of them is loaded.
"""

import contextlib
import errno
import fcntl
import json
import math
import os
import platform
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm import __version__
from abm.errors import InputError

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
TEX_MARK = "% Made by abm"  # how a LaTeX document of ours begins
LIBRARIES = ("numpy", "numba", "pandas", "pyarrow")

# What undoes each folder that is still being written.
_unfinished: list[Callable[[], None]] = []


def versions() -> dict[str, str]:
    """Versions of everything that a run's numbers can depend on.

    Examples
    --------
    >>> list(versions())
    ['abm', 'python', 'numpy', 'numba', 'pandas', 'pyarrow']
    """
    own = {"abm": __version__, "python": platform.python_version()}
    return own | {name: metadata.version(name) for name in LIBRARIES}


@contextlib.contextmanager
def new_folder(
    out: str | os.PathLike, *, overwrite: bool = False, kind: str = "run", files: Sequence[str] = FILES
) -> Iterator[Path]:
    """A temporary folder to write into, which becomes `out` when the block ends and vanishes if it fails.

    Parameters
    ----------
    out : path
        A directory that does not exist yet or is empty. Parents that are missing are made.
    overwrite : bool
        Let a run that is there already be replaced. It stays until the new one is whole.
    kind : str
        What a user calls that which is written.
    files : sequence of str
        All that it may have written; the last is what makes a directory one of its kind.

    Raises
    ------
    InputError
        Before the block is entered, if `out` cannot be used.
    """
    # Renaming a folder onto a link would fail, so the place that the link stands for is replaced.
    place = Path(os.path.realpath(out))
    # Cut, so that the longest name that a directory can have still leaves room for the rest.
    folder = place.parent / f".{place.name[:60]}.tmp-{secrets.token_hex(4)}"
    made: list[Path] = []

    def undo() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        for parent in made:
            with contextlib.suppress(OSError):  # someone else has put something there
                parent.rmdir()

    _unfinished.append(undo)
    try:
        try:
            _check(place, str(out), overwrite, kind, files)
            made += [parent for parent in place.parents if not parent.exists()]
            place.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except OSError as problem:
            if problem.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise InputError(f"{out}: cannot be written: {problem.strerror}") from None
        yield folder
        _sync(folder)
        with _alone(place.parent):
            _check(place, str(out), overwrite, kind, files)  # again: someone else may have been there meanwhile
            _take_place(folder, place, kind, files)
    finally:
        undo()
        _unfinished.remove(undo)


def discard_unfinished() -> None:
    """Remove all folders that are still being written: for an end that does not wait for their blocks."""
    for undo in _unfinished:
        undo()


def _check(place: Path, out: str, overwrite: bool, kind: str, files: Sequence[str]) -> None:
    """Refuse a directory whose replacement would lose or confuse something."""
    try:
        place.lstat()
    except FileNotFoundError:
        return
    if not place.is_dir():
        raise InputError(f"{out}: is not a directory")
    names = os.listdir(place)
    if names and not _is_ours(place / files[-1]):
        raise InputError(f"{out}: is not empty and holds no {kind}; name a new directory")
    if names and not overwrite:
        raise InputError(f"{out}: holds a {kind} already; --overwrite replaces it")
    if strange := _strange(place, files):
        raise InputError(f"{out}: holds {strange!r}, which no {kind} wrote and which would be lost; move it away")
    if os.path.ismount(place) or place == Path.cwd():
        raise InputError(f"{out}: is where you are or where a disk is mounted; name a directory inside it")


def _is_ours(about: Path) -> bool:
    """Whether the file that makes a directory one of its kind is ours: others have files of such names, too."""
    try:
        text = about.read_bytes() if about.is_file() and not about.is_symlink() else b""
        if about.suffix == ".tex":
            return text.startswith(TEX_MARK.encode())
        found = json.loads(text)
    except (OSError, ValueError):
        return False
    if not isinstance(found, dict):
        return False
    versions = found.get("versions")
    return not found or (isinstance(versions, dict) and "abm" in versions)


def _strange(place: Path, files: Sequence[str]) -> str | None:
    """The first name in a directory that is not a file's of some: a folder or a link of such a name is none."""
    for path in sorted(place.iterdir()):
        if path.name not in files or path.is_symlink() or not path.is_file():
            return path.name
    return None


@contextlib.contextmanager
def _alone(parent: Path) -> Iterator[None]:
    """One process at a time replaces something in a folder."""
    handle = os.open(parent, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # not every file system has such locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _take_place(folder: Path, place: Path, kind: str, files: Sequence[str]) -> None:
    """Rename a folder to a place where an earlier run may be; one of the two is always there at the end."""
    earlier = folder.with_name(f"{folder.name}-earlier")
    try:
        if place.is_dir() and not os.listdir(place):
            place.rmdir()
        elif place.exists():
            place.rename(earlier)
            if strange := _strange(earlier, files):  # put there just now
                raise InputError(f"{place}: holds {strange!r}, which no {kind} wrote and which would be lost")
        folder.rename(place)
    finally:
        if earlier.exists() and not place.exists():
            earlier.rename(place)
        elif earlier.exists():
            for name in files:
                (earlier / name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # not empty: somebody has put something there
                earlier.rmdir()
    _sync_directory(place.parent)


def _sync(folder: Path) -> None:
    """Have everything in a folder on the disk, so that a rename never outlives what it names."""
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    _sync_directory(folder)


def _sync_directory(path: Path) -> None:
    with contextlib.suppress(OSError):  # not every system and disk can
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_run(
    folder: Path, result: "Result", settings: Mapping[str, Any], started: float, *, picture: bool = True
) -> list[str]:
    """Write a run's files.

    Parameters
    ----------
    folder : Path
        Where they go.
    result : Result
        What they hold.
    settings : mapping
        How the command collected the run, for `run.json`; `panel` says whether there is a panel to write.
    started : float
        When the run started, in seconds since 1970.
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
    if settings["panel"]:
        write_parquet(result.panel, folder / "panel.parquet")
    write_json(dict(result.outcomes), folder / "outcomes.json")
    write_start(folder, result)
    if picture:
        from abm.drawing import save
        from abm.figures import overview

        save(overview(result), folder / "overview.png")
    about = {"scenario": result.scenario.to_dict(), "seed": result.seed, **settings, "demand": result.demand}
    about |= {"versions": versions(), "machine": platform.machine()}
    about["started"] = datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds")
    about["wall_seconds"] = round(time.time() - started, 3)
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
