"""A directory that is there whole or not at all: written beside its place, and renamed once it is on the disk."""

import contextlib
import errno
import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from abm.errors import InputError

TEX_MARK = "% Made by abm"  # how a LaTeX document of ours begins

# What undoes each folder that is still being written.
_unfinished: list[Callable[[], None]] = []


def check_separate(out: str | os.PathLike, figures: str | os.PathLike) -> None:
    """Refuse two directories to write, for tables and figures, of which one lies within the other."""
    one, other = (Path(os.path.realpath(each)) for each in (out, figures))
    if one in (other, *other.parents) or other in one.parents:
        raise InputError(
            f"{figures}: one of the directories for tables and figures lies within the other; choose separate ones"
        )


@contextlib.contextmanager
def new_folder(out: str | os.PathLike, *, overwrite: bool = False, kind: str, files: Sequence[str]) -> Iterator[Path]:
    """A temporary folder to write into, which becomes `out` when the block ends and vanishes if it fails.

    Parameters
    ----------
    out : path
        A directory that does not exist yet or is empty. Parents that are missing are made.
    overwrite : bool
        Let a run that is there already be replaced. It stays until the new one is whole.
    kind : str
        What users call the result.
    files : sequence of str
        All that it may have written; the last is what makes a directory one of its kind.

    Raises
    ------
    InputError
        Before the block is entered, if `out` cannot be used.
    """
    # Renaming a folder onto a link would fail, so the place that the link stands for is replaced.
    place = Path(os.path.realpath(out))
    check_encoding(place)
    folder = place.parent / f"{_beginning(place)}{secrets.token_hex(4)}"
    made: list[Path] = []
    held: list[int] = []

    def undo() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        while held:
            os.close(held.pop())
        for parent in made:
            with contextlib.suppress(OSError):  # someone else has put something there
                parent.rmdir()

    _unfinished.append(undo)
    try:
        try:
            with contextlib.suppress(FileNotFoundError):
                place.lstat()  # a parent may be a file
            made += [parent for parent in place.parents if not parent.exists()]
            place.parent.mkdir(parents=True, exist_ok=True)
            with _alone(place.parent):
                _clear_leftovers(place, files)
                _check(place, str(out), overwrite, kind, files)
                folder.mkdir()
                held.append(_hold(folder))
            _copy_access(folder, place)
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


def check_encoding(place: Path) -> None:
    """Refuse a path that the libraries which write tables cannot name.

    Raises
    ------
    InputError
    """
    try:
        os.fspath(place).encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"{os.fsencode(place)!r}: is not UTF-8; name another directory") from None


def _beginning(place: Path) -> str:
    """How names of temporary folders for a place begin; cut, so that there is room for the rest."""
    return f".{place.name.encode()[:180].decode(errors='ignore')}.tmp-"


def _hold(folder: Path) -> int:
    """Keep a folder locked as long as this process lives, so that others can tell it from one left behind."""
    handle = os.open(folder, os.O_RDONLY)
    with contextlib.suppress(OSError):  # not every file system has such locks
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


def _is_left_behind(folder: Path) -> bool:
    """Whether the process that wrote a temporary folder has ended."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held, or without locks nobody can tell
        return False
    finally:
        os.close(handle)
    return True


def _clear_leftovers(place: Path, files: Sequence[str]) -> None:
    """Remove half-written folders that killed processes left beside a directory; put back a run moved aside."""
    pattern = re.compile(re.escape(_beginning(place)) + "[0-9a-f]{8}(-earlier)?")
    found = [path for path in place.parent.iterdir() if pattern.fullmatch(path.name) and not path.is_symlink()]
    for path in found:
        if path.name.endswith("-earlier") and not place.exists():
            path.rename(place)  # killed between the two renames of a replacement
        elif path.name.endswith("-earlier") or _is_left_behind(path):
            _remove(path, files)


def _remove(folder: Path, files: Sequence[str]) -> None:
    """Remove a folder of the program's; what somebody else has put into it stays."""
    for name in files:
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not empty
        folder.rmdir()


def _copy_access(folder: Path, place: Path) -> None:
    """Give a new folder the owner, group and mode of the directory whose place it takes, if there is one."""
    if not place.is_dir():
        return
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    about = place.stat()
    with contextlib.suppress(PermissionError):  # of another user, whose group may write here
        os.chown(folder, about.st_uid, about.st_gid)
    shutil.copystat(place, folder)


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
    """The first name in a directory that is not a regular file with one of the given names."""
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
            _remove(earlier, files)
    _sync_directory(place.parent)


def _sync(folder: Path) -> None:
    """Write everything in a folder to the disk before the folder is renamed."""
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
