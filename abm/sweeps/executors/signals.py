"""Loaded by each local worker as it starts: Ctrl-C in a terminal reaches workers too, which the sweep ends itself."""

import signal
from typing import Any


def dask_setup(worker: Any) -> None:
    """Have the worker's process ignore interruptions."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
