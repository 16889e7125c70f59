"""Keeps a number of jobs in a batch system's queue.

It looks from a thread of its own, because the system may take a minute to answer.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from abm.errors import InputError
from abm.sweeps.work.batch.systems import BatchSystem

_LOOK = 10.0  # seconds between two looks at the queue
_LONGEST = 300.0  # and the most, while the system refuses jobs or is slow
_SLOW = 20.0  # seconds that a look takes of a slow system
_AT_ONCE = 20  # jobs that are submitted after a look
_BETWEEN = 1.0  # seconds to the next look while more are to be submitted
_LISTED = 8.0  # seconds after which a submitted job is in the queue unless it has ended


@dataclass
class _Seen:
    """When a job was seen first and seen to run first, and whether it has been in the queue."""

    first: float
    running: float | None = None
    listed: bool = False


class JobKeeper:
    """Submits a few jobs at a time, replaces those that end, and waits longer while the system refuses or is slow.

    Parameters
    ----------
    system : BatchSystem
    name : str
        The jobs' name, which no other jobs have.
    jobs : int
        How many there should be.
    script : str
        The script of each.
    life : float
        Seconds after which a job's workers may end of their own accord.
    note : callable
        Called with what the user should know.

    Attributes
    ----------
    pending, refused : int
        Jobs that waited, and that the system refused, at the last look.
    lost : int
        Jobs that have ended before the life of their workers.
    ended_early : int
        Jobs that have ended since the last time that there was a worker.
    pause : float
        Seconds until the next look.
    """

    def __init__(
        self, system: BatchSystem, name: str, jobs: int, script: str, life: float, note: Callable[[str], None]
    ) -> None:
        self._system, self._name, self._jobs, self._script = system, name, jobs, script
        self._life, self._note = life, note
        self.pending = self.refused = self.lost = self.ended_early = 0
        self.pause = _LOOK
        self._known: dict[str, _Seen] = {}
        self._noted: set[str] = set()
        self._over = threading.Event()
        self._submitting = threading.Lock()

    def keep(self) -> None:
        """Look at the queue now and then until `close` is called."""
        while not self._over.is_set():
            self.look()
            self._over.wait(self.pause)

    def close(self) -> None:
        """Submit no more jobs; returns when a submission that is under way has ended."""
        self._over.set()
        with self._submitting:
            pass

    def jobs(self) -> list[str]:
        """The numbers of jobs that may still be in the queue."""
        known = set(self._known)
        try:
            return sorted(known | set(self._system.queue(self._name)))
        except (InputError, OSError):  # the system does not answer
            return sorted(known)

    def look(self) -> None:
        """Look at the queue once, and submit some of the jobs that are missing."""
        started = time.monotonic()
        try:
            left = self._submit_some(self._missing())
            in_order = not self.refused
        except (InputError, OSError) as problem:  # the system does not answer; it is asked again at the next look
            self._note_once(str(problem))
            left, in_order = 0, False
        if not in_order or time.monotonic() - started > _SLOW:
            self.pause = min(2.0 * max(self.pause, _LOOK), _LONGEST)
        else:
            self.pause = _BETWEEN if left else _LOOK

    def _missing(self) -> int:
        """Look at the queue; how many jobs are missing in it."""
        states = self._system.queue(self._name)
        now = time.monotonic()
        expected = 0
        for job in set(self._known) - set(states):
            seen = self._known[job]
            if not seen.listed and now - seen.first < _LISTED:
                expected += 1
                continue
            del self._known[job]
            self.ended_early += 1
            ran = 0.0 if seen.running is None else now - seen.running
            self.lost += ran + self.pause < self._life
        for job, waits in states.items():
            seen = self._known.setdefault(job, _Seen(now))
            seen.listed = True
            if seen.running is None and not waits:
                seen.running = now
        self.pending = sum(states.values()) + expected
        return self._jobs - len(states) - expected

    def _submit_some(self, missing: int) -> int:
        """Submit some of the missing jobs; how many are still missing."""
        for left in range(missing, max(missing - _AT_ONCE, 0), -1):
            with self._submitting:
                if self._over.is_set():
                    return 0
                try:
                    self._known[self._system.submitted(self._script)] = _Seen(time.monotonic())
                except InputError as problem:
                    self.refused = left
                    repeated = f"{left} of {self._jobs} jobs are refused; they are submitted again later"
                    self._note_once(f"{problem} ({repeated})")
                    return left
        self.refused = 0
        return max(missing - _AT_ONCE, 0)

    def _note_once(self, text: str) -> None:
        if text not in self._noted:
            self._noted.add(text)
            self._note(text)
