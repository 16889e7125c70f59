"""Whether a sweep may write into a folder and remove files from it."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from abm.errors import InputError
from abm.output.stored import Damaged, Shape, read_object
from abm.sweeps.store.contents import (
    FILES,
    MANIFEST,
    MARK,
    SUMMARY,
    TOKEN,
    WORKING,
    is_file,
    is_folder,
    locks,
    unknown_files,
)
from abm.sweeps.store.lock import is_lock
from abm.sweeps.store.parts import PARTS, DamagedPart, check_part
from abm.sweeps.store.shapes import SummaryShape

_BEGINNING = 3.0  # seconds that a sweep may take from making its folder to marking it


def is_marked(working: Path) -> bool:
    """Whether a sweep made the folder `working`."""
    if not is_folder(working):
        return False
    names = set(os.listdir(working))
    if is_file(working / MARK) or all(name.startswith(f".{MARK}-") for name in names):
        return True
    # Earlier versions wrote no mark: a token file, a lock or parts show that a sweep made the folder.
    tokens = (path for path in working.iterdir() if re.fullmatch(TOKEN, path.name) and is_file(path))
    if any(not path.stat().st_size for path in tokens) or any(is_lock(path) for path in locks(working)):
        return True
    return names == {PARTS} and is_file(working.with_name(MANIFEST)) and _are_parts(working / PARTS)


def _are_parts(folder: Path) -> bool:
    """Whether a folder holds nothing but undamaged parts."""
    try:
        for path in folder.iterdir():
            check_part(path)
    except (OSError, DamagedPart):
        return False
    return True


def has_valid_summary(folder: Path) -> bool:
    """Whether a folder has the valid summary of a finished sweep."""
    try:
        return bool(read_object(folder / SUMMARY, SummaryShape))
    except (FileNotFoundError, Damaged):
        return False


def is_of_another_program(manifest: Path) -> bool:
    """Whether a readable `manifest.json` is not a sweep's; other programs write files of this name, too."""
    try:
        found = read_object(manifest, Shape)
    except Damaged:
        return False
    return not found.keys() & {"design_hash", "design_points", "firms_file"}


def holds_a_sweep(folder: Path) -> bool:
    """Whether a folder holds a sweep; raises InputError if other files make it unusable."""
    latest = time.monotonic() + _BEGINNING
    while _may_be_begun(folder, names := _names(folder)) and time.monotonic() < latest:
        time.sleep(0.05)
    if not names:
        return False
    if MANIFEST not in names and not _is_known(folder):
        raise InputError(f"{folder}: is not empty and holds no sweep; name a new directory")
    if MANIFEST in names and is_of_another_program(folder / MANIFEST):
        raise InputError(f"{folder}: holds no sweep: its {MANIFEST} is of another program")
    for name in _foreign(folder):
        if MANIFEST not in names and name.partition("/")[0] != WORKING:
            raise InputError(f"{folder}: is not empty and holds no sweep; name a new directory")
        # A user's files beside a sweep may stay, except those with the names of its own files.
        if name in FILES or name.partition("/")[0] == WORKING:
            raise foreign_file_error(folder, name)
    return MANIFEST in names or has_valid_summary(folder)


def _names(folder: Path) -> list[str]:
    """What a folder holds; nothing if there is none."""
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
    except NotADirectoryError:
        raise InputError(f"{folder}: is not a directory") from None


def _is_known(folder: Path) -> bool:
    """Whether a sweep is here, its manifest aside: it has none if it ended before writing one, or if that was lost."""
    return is_marked(folder / WORKING) or has_valid_summary(folder)


def _may_be_begun(folder: Path, names: list[str]) -> bool:
    """Whether another shard may be about to begin a sweep here, whose lock is not whole yet."""
    if not names or MANIFEST in names or _is_known(folder):
        return False
    try:
        begun = os.listdir(folder / WORKING)
    except (FileNotFoundError, NotADirectoryError):
        begun = []
    ours = {*FILES, WORKING}
    return ours >= {name for name in names if name[0] != "."} and all(name.startswith((".", "lock")) for name in begun)


def refuse_foreign(folder: Path) -> None:
    """Raise InputError if a folder holds anything that no sweep wrote."""
    for name in _foreign(folder):
        raise foreign_file_error(folder, name)


def _foreign(folder: Path) -> Iterator[str]:
    yield from unknown_files(folder)
    if (folder / WORKING).exists() and not is_marked(folder / WORKING):
        yield WORKING


def foreign_file_error(folder: Path, name: str) -> InputError:
    """The error of a folder with a file that no sweep wrote."""
    return InputError(f"{folder}: holds {name!r}, which no sweep wrote; move it away first")
