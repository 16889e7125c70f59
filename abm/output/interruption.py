"""Signals that end a command: Ctrl-C, SIGTERM and a closed terminal raise KeyboardInterrupt."""

import _thread
import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130  # the exit code
_PATIENCE = 0.05  # seconds after which a signal is tried again that has come while code was compiled
_told_to_end = threading.Event()


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """In the block a signal to end raises KeyboardInterrupt, and a second one ends the process at once."""
    _told_to_end.clear()

    def stop(number: int, frame: FrameType | None) -> None:
        if _told_to_end.is_set():
            _quit()
        if _in_compiler(frame):
            later = threading.Timer(_PATIENCE, _thread.interrupt_main, (number,))
            later.daemon = True
            later.start()
            return
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


def _in_compiler(frame: FrameType | None) -> bool:
    """Whether a signal has come while code is compiled or loaded, which must not end half-way."""
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] in ("numba", "llvmlite"):
            return True
        frame = frame.f_back
    return False


def _quit() -> NoReturn:
    from abm.output.new_folder import discard_unfinished

    discard_unfinished()
    os._exit(INTERRUPTED)
