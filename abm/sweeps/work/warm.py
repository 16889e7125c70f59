"""Loaded by the process that workers are forked from: imports what they need and loads the kernels."""

import sys
from types import TracebackType

import abm.sweeps.work.worker  # noqa: F401 - what workers need
from abm.simulation.warmup import warm_up


def _tell(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Show an error of a worker's start, but not that the sweep has ended meanwhile and taken its semaphores along."""
    if not issubclass(kind, FileNotFoundError):
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = _tell
warm_up()
