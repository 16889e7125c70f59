"""The limit of `--run-timeout` on the time that a run may take."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self


class TimeLimit:
    """A context in which a run that takes too long ends this process, because nothing else can stop a kernel.

    Before that it writes a file named after the run. Whoever makes the chunk again finds the file and records the run
    as failed.

    Parameters
    ----------
    timed_out : Path
        The folder of these files.
    seconds : float or None
        The limit of a run, if there is one.
    """

    def __init__(self, timed_out: Path, seconds: float | None) -> None:
        self.seconds, self._timed_out = seconds, timed_out
        self._run: tuple[str, float] | None = None  # its name, and when it began
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

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
        """Apply the limit to the block, which makes the run of this name."""
        self._run = run, time.monotonic()
        try:
            yield
        finally:
            self._run = None

    def _watch(self) -> None:
        while not self._over.wait(min(self.seconds / 10.0, 0.5)):
            run = self._run
            if run and time.monotonic() - run[1] > self.seconds:
                try:
                    (self._timed_out / run[0]).write_text(f"took longer than {self.seconds:g} s", encoding="utf-8")
                finally:
                    os._exit(1)
