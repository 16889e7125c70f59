"""Whether a folder is a sweep's to write into and to remove from."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from abm.errors import InputError
from abm.output.stored import Damaged, Shape, read_object
from abm.sweeps.store.contents import (
    FILES,
    MANIFEST,
    MARK,
    SIGN,
    SUMMARY,
    WORKING,
    is_file,
    is_folder,
    locks,
    strange,
)
from abm.sweeps.store.lock import is_lock
from abm.sweeps.store.parts import PARTS, DamagedPart, check_part
from abm.sweeps.store.shapes import SummaryShape


def is_marked(working: Path) -> bool:
    """Whether a sweep has made a working folder."""
    if not is_folder(working):
        return False
    names = set(os.listdir(working))
    if is_file(working / MARK) or all(name.startswith(f".{MARK}-") for name in names):
        return True
    # Before there was a mark: the sign of a sweep, a lock, or runs that were kept for a later design.
    signs = (path for path in working.iterdir() if re.fullmatch(SIGN, path.name) and is_file(path))
    if any(not path.stat().st_size for path in signs) or any(is_lock(path) for path in locks(working)):
        return True
    return names == {PARTS} and is_file(working.with_name(MANIFEST)) and _are_parts(working / PARTS)


def _are_parts(folder: Path) -> bool:
    """Whether everything in a folder is a part, whole."""
    try:
        for path in folder.iterdir():
            check_part(path)
    except (OSError, DamagedPart):
        return False
    return True


def has_sound_summary(folder: Path) -> bool:
    """Whether a folder has the summary of a finished sweep."""
    try:
        return bool(read_object(folder / SUMMARY, SummaryShape))
    except (FileNotFoundError, Damaged):
        return False


def is_somebody_elses(manifest: Path) -> bool:
    """Whether a manifest is whole and not a sweep's: others have files of this name, too."""
    try:
        found = read_object(manifest, Shape)
    except Damaged:
        return False
    return not found.keys() & {"design_hash", "design_points", "firms_file"}


def holds_a_sweep(folder: Path) -> bool:
    """Whether there is a sweep in a folder; one with anything else in it is refused.

    Raises
    ------
    InputError
    """
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return False
    except NotADirectoryError:
        raise InputError(f"{folder}: is not a directory") from None
    if not names:
        return False
    # Without a manifest it is a sweep's only if a process was ended before it had written one, or it was lost.
    known = is_marked(folder / WORKING) or has_sound_summary(folder)
    if MANIFEST not in names and not known:
        raise InputError(f"{folder}: is not empty and holds no sweep; name a new directory")
    if MANIFEST in names and is_somebody_elses(folder / MANIFEST):
        raise InputError(f"{folder}: holds no sweep: its {MANIFEST} is something else's")
    for name in _foreign(folder):
        if MANIFEST not in names and name.partition("/")[0] != WORKING:
            raise InputError(f"{folder}: is not empty and holds no sweep; name a new directory")
        # What a user has put beside a sweep stays there; what has a name of its files is in the way.
        if name in FILES or name.partition("/")[0] == WORKING:
            raise in_the_way(folder, name)
    return MANIFEST in names or has_sound_summary(folder)


def refuse_foreign(folder: Path) -> None:
    """Refuse to remove a sweep beside which something else lies.

    Raises
    ------
    InputError
    """
    for name in _foreign(folder):
        raise in_the_way(folder, name)


def _foreign(folder: Path) -> Iterator[str]:
    yield from strange(folder)
    if (folder / WORKING).exists() and not is_marked(folder / WORKING):
        yield WORKING


def in_the_way(folder: Path, name: str) -> InputError:
    """The refusal of a folder that holds something of somebody else's."""
    return InputError(f"{folder}: holds {name!r}, which no sweep wrote; move it away first")
