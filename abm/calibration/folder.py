"""A calibration's folder: the files of a finished one, and `working` in it while one is made.

`working` holds a mark that says who made it, a lock, a sign of the specification, and parts with finished runs, as a
sweep's does. The files take their places when all are written, the one that says that it is finished last.
"""

import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from abm.calibration.search import UnmeetableTargets
from abm.calibration.specification import Specification
from abm.errors import InputError
from abm.output.files import write_durably
from abm.output.new_folder import check_encoding
from abm.output.stored import Damaged, Shape, read_object
from abm.scenario.rules import rules_of
from abm.sweeps.store.contents import PARTS_LAYOUT, Layout, is_folder, remove
from abm.sweeps.store.lock import held
from abm.sweeps.store.parts import PARTS
from abm.version import MODEL_VERSION

WORKING, MARK, LOCK, NEW = "working", "calibration-folder", "lock", "new"
SPECIFICATION, ABOUT = "specification.toml", "calibration.json"
FILES = (
    "calibrated.toml", "estimates.csv", "fit.csv", "identification.csv", "points.parquet", "outcomes.parquet",
    "report.html", SPECIFICATION, ABOUT,
)  # fmt: skip
_TOKEN = "calibration-[0-9a-f]{16}"  # pattern of the sign's name
_WORKING_LAYOUT = Layout(
    rf"{MARK}|{LOCK}|certificate\.pem|{_TOKEN}", {PARTS: PARTS_LAYOUT, NEW: Layout("|".join(map(re.escape, FILES)))}
)


class AboutShape(Shape):
    """What `calibration.json` has."""

    specification: str
    versions: dict[str, str]
    facts: dict


def token_of(spec: Specification) -> str:
    """The name of the sign of a specification: equal for equal runs, targets and searches."""
    digest = hashlib.blake2b(digest_size=8)
    parts = [MODEL_VERSION, spec.text, spec.scenario.to_toml(), repr(spec.targets)]
    parts += [rule.identity for rule in (*rules_of(spec.scenario), *spec.measures.values())]
    parts += [] if spec.panel is None else [repr(spec.panel.steps.tolist())]
    for part in parts:
        digest.update(part.encode())
        digest.update(b"\0")
    return f"calibration-{digest.hexdigest()}"


class CalibrationFolder:
    """A folder that a calibration is written into.

    Parameters
    ----------
    out : path
    """

    def __init__(self, out: str | os.PathLike) -> None:
        self.folder = Path(os.path.realpath(out))
        check_encoding(self.folder)
        self.working = self.folder / WORKING
        self._shown = str(out)

    def about(self) -> dict[str, Any] | None:
        """What a finished calibration says of itself, or None.

        Raises
        ------
        InputError
            If it is damaged.
        """
        try:
            return read_object(self.folder / ABOUT, AboutShape, "; --overwrite makes all anew")
        except FileNotFoundError:
            return None

    def check(self, spec: Specification, *, overwrite: bool) -> bool:
        """Whether the folder holds this very calibration, finished; refuses one that is in the way.

        Raises
        ------
        InputError
        """
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return False
        except NotADirectoryError:
            raise InputError(f"{self._shown}: is not a directory") from None
        if not names:
            return False
        marked = (self.working / MARK).is_file() and not self.working.is_symlink()
        if not marked and ABOUT not in names:
            raise InputError(f"{self._shown}: is not empty and holds no calibration; name a new directory")
        if WORKING in names and not marked:
            raise InputError(f"{self._shown}: holds {WORKING!r}, which no calibration wrote; move it away first")
        for name in names:
            path = self.folder / name
            if name in FILES and (path.is_symlink() or not path.is_file()):
                raise InputError(f"{self._shown}: holds {name!r}, which no calibration wrote; move it away first")
        try:
            about = self.about()
        except Damaged:
            if not overwrite:
                raise
            return False
        if overwrite:
            return False
        token = token_of(spec)
        signs = [path.name for path in self.working.iterdir() if re.fullmatch(_TOKEN, path.name)] if marked else []
        there = [about["specification"]] if about is not None else signs
        if any(each != token for each in there):
            raise InputError(
                f"{self._shown}: holds a calibration of another specification; --overwrite replaces it, another --out "
                "keeps both"
            )
        return about is not None

    @contextmanager
    def at_work(
        self, spec: Specification, report: Callable[[], dict], *, overwrite: bool
    ) -> Iterator[Callable[[], None]]:
        """Work on the folder for the time of a block; yields what raises once another process has taken it over."""
        new = [each for each in (self.folder, *self.folder.parents) if not each.exists()]
        try:
            (self.working / PARTS).mkdir(parents=True, exist_ok=True)
            if not (self.working / MARK).exists():
                write_durably(self.working / MARK, b"")
        except OSError as problem:
            if problem.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise InputError(f"{self._shown}: cannot be written: {problem.strerror}") from None
        try:
            with held(self.working / LOCK, report, "calibration") as lock:
                if overwrite:
                    self._clear()
                    (self.working / PARTS).mkdir(exist_ok=True)
                write_durably(self.working / token_of(spec), b"")
                try:
                    yield lock.check
                except UnmeetableTargets:  # as the runs have shown: nothing of them is kept
                    self._clear_working()
                    raise
        finally:
            self.tidy()
            for each in new:
                if each.is_dir() and not os.listdir(each):
                    each.rmdir()

    def _clear(self) -> None:
        """Remove what a calibration has written: first what says that it is finished."""
        for name in reversed(FILES):
            (self.folder / name).unlink(missing_ok=True)
        self._clear_working()

    def _clear_working(self) -> None:
        remove(self.working, _WORKING_LAYOUT, keep=f"{MARK}|{LOCK}")

    def write(self, files: dict[str, bytes], check: Callable[[], None]) -> None:
        """Have files take their places, all of them before the one that says that the calibration is finished."""
        new = self.working / NEW
        new.mkdir(exist_ok=True)
        for name, data in files.items():
            write_durably(new / name, data)
        check()
        for name in FILES:
            if name in files:
                (new / name).rename(self.folder / name)
        self._clear_working()

    def tidy(self) -> None:
        """Remove the working folder where nothing but its mark is left in it."""
        if not is_folder(self.working):
            return
        for name in (PARTS, NEW):
            if (self.working / name).is_dir() and not os.listdir(self.working / name):
                (self.working / name).rmdir()
        if set(os.listdir(self.working)) <= {MARK}:
            remove(self.working, _WORKING_LAYOUT)
