"""One process at a time on a sweep's folder, on whatever host: a file whose beats are watched.

Who holds a lock writes a rising count into its file. Whoever else wants it watches the count: a change means that the
holder lives, none for a while that it is gone. Where the holder is on this machine, the system's own lock on the open
file tells the same at once.
"""

import contextlib
import fcntl
import json
import os
import platform
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from abm.errors import InputError, Stopped
from abm.output.stored import Damaged, Shape, read_object

BEAT = 2.0  # seconds between two beats
PATIENCE = 10.0  # seconds without a beat after which the holder is taken for gone


class _LockShape(Shape):
    """What a lock's file says."""

    token: str
    beat: int
    time: int | float
    host: str
    pid: int
    machine: str = ""
    rate: int | float = 0.0
    left: int | float | None = None


def _machine() -> str:
    """A name that no two running machines share, whatever their hosts are called."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
    return platform.node()


class Lock:
    """A held lock.

    Parameters
    ----------
    path : Path
        Of a file that is not there yet.
    report : callable
        Gives what to write beside the beat, for `abm sweep status`.
    """

    def __init__(self, path: Path, report: Callable[[], dict[str, Any]]) -> None:
        self._path, self._report = path, report
        self._token = secrets.token_hex(8)
        self._beats = 0
        self._over = threading.Event()
        self.lost = False
        self._file = path.open("xb")
        with contextlib.suppress(OSError):  # not every file system has such locks
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._write()  # from here on others can tell that the file is locked
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise Stopped if the lock is another's by now."""
        if self.lost or not self._is_ours():
            self.lost = True
            raise Stopped(f"{self._path.parent.parent}: another process has taken this sweep over")

    def release(self) -> None:
        """Give the folder free."""
        self._over.set()
        self._thread.join()
        if not self.lost and self._is_ours():
            self._path.unlink(missing_ok=True)
        self._file.close()

    def _is_ours(self) -> bool:
        return (_content(self._path) or {}).get("token") == self._token

    def _write(self) -> None:
        self._beats += 1
        content = {"token": self._token, "beat": self._beats, "time": time.time()}
        content |= {"host": platform.node(), "pid": os.getpid(), "machine": _machine()}
        # Written in place, so that the system's lock stays on the file that is there.
        with self._path.open("r+b") as file:
            file.write(json.dumps(content | self._report()).encode().ljust(1024))

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            try:
                if not self._is_ours():
                    self.lost = True
                    return
                self._write()
            except OSError:  # a full or vanished disk; who is at work finds out when it writes
                continue


@contextlib.contextmanager
def held(path: Path, report: Callable[[], dict[str, Any]] = dict) -> Iterator[Lock]:
    """Hold a lock for the block.

    Raises
    ------
    InputError
        If another living process holds it.
    """
    just_begun = InputError(f"{path.parent.parent}: another process has just begun to work on this sweep")
    before = _content(path)
    refuse_others([path])
    if before is not None:
        if (_content(path) or before).get("token") != before.get("token"):
            raise just_begun
        path.unlink(missing_ok=True)
    try:
        lock = Lock(path, report)
    except FileExistsError:
        raise just_begun from None
    try:
        yield lock
    finally:
        lock.release()


def refuse_others(paths: Iterable[Path]) -> None:
    """Refuse a folder while a living process holds one of its locks.

    Raises
    ------
    InputError
    """
    for path, who in _living(paths):
        raise InputError(f"{path.parent.parent}: process {who['pid']} on {who['host']} is at work on this sweep")


def _living(paths: Iterable[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Locks whose holders live; where nothing else tells, a beat of any of them is waited for."""
    contents = {path: content for path in paths if (content := _content(path)) is not None}
    watched = {path: content for path, content in contents.items() if not _is_left(path, content)}
    until = time.monotonic() + PATIENCE
    while watched and time.monotonic() < until:
        time.sleep(0.2)
        for path, first in list(watched.items()):
            now = _content(path)
            if now is None:
                del watched[path]
            elif now and (now["token"], now["beat"]) != (first.get("token"), first.get("beat")):
                del watched[path]
                yield path, now


def reports(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """What locks say whose holders live: by the clock where it is this machine's, else by a beat that is waited for."""
    found, elsewhere = [], []
    for path in paths:
        content = _content(path)
        if content and content["machine"] == _machine():
            if time.time() - content["time"] < 3.0 * PATIENCE and not _is_free(path):
                found.append(content)
        elif content is not None:
            elsewhere.append(path)
    return found + [content for _, content in _living(elsewhere)]


def is_lock(path: Path) -> bool:
    """Whether a file is a lock."""
    try:
        return bool(_content(path))
    except Damaged:
        return False


def _is_left(path: Path, content: dict[str, Any]) -> bool:
    """Whether a holder on this machine is known to be gone."""
    return content.get("machine") == _machine() and _is_free(path)


def _is_free(path: Path) -> bool:
    """Whether no process of this machine has the file locked."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(file, fcntl.LOCK_UN)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _content(path: Path) -> dict[str, Any] | None:
    """What a lock's file says: None if it is not there, nothing if it is caught between two writes.

    Raises
    ------
    Damaged
        If it says something else, by its key.
    """
    try:
        json.loads(path.read_bytes())
        return {"machine": ""} | read_object(path, _LockShape, "; remove it if no process is at work on this sweep")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as problem:
        if isinstance(problem, Damaged):
            raise
        return {}
