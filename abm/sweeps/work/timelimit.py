"""A limit on the time that a run may take."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self


class TimeLimit:
    """In its block this process ends when a run takes too long, for nothing else stops a kernel.

    A mark, a file named after the run, says which one it was; whoever makes the chunk again passes over it.

    Parameters
    ----------
    marks : Path
        The folder of marks.
    seconds : float or None
        The limit of a run, if there is one.
    """

    def __init__(self, marks: Path, seconds: float | None) -> None:
        self.seconds, self._marks = seconds, marks
        self._run: tuple[str, float] | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        if self.seconds is not None:
            self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        if self.seconds is not None:
            self._over.set()
            self._thread.join()

    @contextlib.contextmanager
    def of(self, run: str) -> Iterator[None]:
        """The block is this run."""
        self._run = run, time.monotonic()
        try:
            yield
        finally:
            self._run = None

    def _look(self) -> None:
        while not self._over.wait(min(self.seconds / 10.0, 0.5)):
            run = self._run
            if run and time.monotonic() - run[1] > self.seconds:
                try:
                    (self._marks / run[0]).write_text(f"took longer than {self.seconds:g} s", encoding="utf-8")
                finally:
                    os._exit(1)
