"""A lock, so that only one process at a time works on a sweep's folder, also from several machines.

The process that holds the lock writes a rising count (`beat`) into the lock file every few seconds. Another process
that wants the lock watches the count: if it changes, the holder lives; if it does not change for `PATIENCE` seconds,
the holder has ended. If the holder is on the same machine, the operating system's lock on the open file shows this
at once.
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
PATIENCE = 10.0  # seconds without a beat after which the holder counts as ended


class _LockShape(Shape):
    """The content of a lock file."""

    token: str
    beat: int
    time: int | float
    host: str
    pid: int
    machine: str = ""
    rate: int | float = 0.0
    left: int | float | None = None


def _machine() -> str:
    """An identifier that no two running machines share, even if their host names are equal."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
    return platform.node()


class Lock:
    """A lock that this process holds, in a new file; `report` gives what `abm sweep status` reads from the file."""

    def __init__(self, path: Path, report: Callable[[], dict[str, Any]], kind: str = "sweep") -> None:
        self._path, self._report, self._kind = path, report, kind
        self._token = secrets.token_hex(8)
        self._beats = 0
        self._over = threading.Event()
        self.lost = False
        self._file = path.open("xb")
        with contextlib.suppress(OSError):  # not every file system has such locks
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._write()  # from here on other processes see that the lock is held
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise Stopped if another process has taken the lock."""
        if self.lost or not self._is_ours():
            self.lost = True
            raise Stopped(f"{self._path.parent.parent}: another process has taken this {self._kind} over")

    def release(self) -> None:
        """Remove the lock file if it is still this process's."""
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
        # Written in place, because the system's lock belongs to this open file.
        with self._path.open("r+b") as file:
            file.write(json.dumps(content | self._report()).encode().ljust(1024))

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            try:
                if not self._is_ours():
                    self.lost = True
                    return
                self._write()
            except OSError:  # the disk is full or gone; the process finds out when it writes its runs
                continue


@contextlib.contextmanager
def held(path: Path, report: Callable[[], dict[str, Any]] = dict, kind: str = "sweep") -> Iterator[Lock]:
    """Hold a lock during the block; raises InputError if another living process holds it, by the kind of its work."""
    just_begun = InputError(f"{path.parent.parent}: another process has just begun to work on this {kind}")
    before = _content(path)
    refuse_if_locked([path], kind)
    if before is not None:
        if (_content(path) or before).get("token") != before.get("token"):
            raise just_begun
        path.unlink(missing_ok=True)
    try:
        lock = Lock(path, report, kind)
    except FileExistsError:
        raise just_begun from None
    try:
        yield lock
    finally:
        lock.release()


def refuse_if_locked(paths: Iterable[Path], kind: str = "sweep") -> None:
    """Raise InputError if a living process holds one of some locks."""
    for path, who in _living(paths):
        raise InputError(f"{path.parent.parent}: process {who['pid']} on {who['host']} is at work on this {kind}")


def _living(paths: Iterable[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Locks whose holders live, with their content; waits up to `PATIENCE` seconds for a beat of those elsewhere."""
    contents = {path: content for path in paths if (content := _content(path)) is not None}
    watched = {path: content for path, content in contents.items() if not _holder_is_gone(path, content)}
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
    """The content of the locks whose holders live: judged by time on this machine, by a beat on other machines."""
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
    """Whether a file is a lock file."""
    try:
        return bool(_content(path))
    except Damaged:
        return False


def _holder_is_gone(path: Path, content: dict[str, Any]) -> bool:
    """Whether the holder was on this machine and has ended."""
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
    """The content of a lock file: None without a file, empty while it is being written; raises Damaged otherwise."""
    try:
        json.loads(path.read_bytes())
        return {"machine": ""} | read_object(path, _LockShape, "; remove it if no process is at work in this folder")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as problem:
        if isinstance(problem, Damaged):
            raise
        return {}
