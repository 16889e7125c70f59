"""Imported by the process from which local workers are forked: loads what they need, the kernels too."""

import sys
from types import TracebackType

import abm.sweeps.work.worker  # noqa: F401 - so that it is loaded before workers are forked
from abm.simulation.warmup import warm_up


def _show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Show an error of a worker's start, except that the sweep has ended meanwhile and removed its semaphores."""
    if not issubclass(kind, FileNotFoundError):
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = _show
warm_up()
