"""Signals that end a command: Ctrl-C, SIGTERM and a closed terminal raise KeyboardInterrupt."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130  # the exit code
_told_to_end = threading.Event()


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """In the block a signal to end raises KeyboardInterrupt, and a second one ends the process at once."""
    _told_to_end.clear()

    def stop(number: int, frame: FrameType | None) -> None:
        if _told_to_end.is_set():
            _quit()
        _told_to_end.set()
        raise KeyboardInterrupt

    names = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows lacks the last
    earlier = {}
    if threading.current_thread() is threading.main_thread():  # Python lets no other thread set a handler
        for number in (getattr(signal, name) for name in names if hasattr(signal, name)):
            if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup, or in the background of a script
                earlier[number] = signal.signal(number, stop)
    try:
        with interruption_first():
            yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def interruption_first() -> Iterator[None]:
    """In the block an error after a signal to end is raised as KeyboardInterrupt.

    A library may have turned the interruption into an error of its own.
    """
    try:
        yield
    except Exception:  # whatever it is: it goes on, unless there was a signal
        check_interruption()
        raise


def check_interruption() -> None:
    """Raise KeyboardInterrupt if a signal has come: Python drops one that is raised in a call-back of the compiler."""
    if _told_to_end.is_set():
        raise KeyboardInterrupt from None


def _quit() -> NoReturn:
    from abm.output.new_folder import discard_unfinished

    discard_unfinished()
    os._exit(INTERRUPTED)
