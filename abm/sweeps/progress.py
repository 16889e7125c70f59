"""How far a sweep has come."""

import time
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

_RECENT = 180.0  # seconds whose rate says how long the rest will take


@dataclass
class Progress:
    """How far a sweep has come, for whoever shows it.

    Attributes
    ----------
    total : int
        Runs of the sweep, or of the shard.
    done, failed : int
        Of these.
    fresh : int
        Made by this process.
    missing : str
        Which workers are gone or have not come yet; empty if none.
    notes : list of str
        What the user should know, in the order in which it was found.
    """

    total: int = 0
    done: int = 0
    failed: int = 0
    fresh: int = 0
    missing: str = ""
    notes: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    _points: list[tuple[float, int]] = field(default_factory=lambda: [(time.monotonic(), 0)], repr=False)

    def start(self) -> None:
        """Count what is made, and the time, from here on."""
        self.started, self.fresh = time.monotonic(), 0
        self._points = [(self.started, 0)]  # how many were made by when

    def made(self, runs: int, failed: int) -> None:
        """Take note of runs that this process has made."""
        self.done += runs - failed
        self.failed += failed
        self.fresh += runs
        now, points = time.monotonic(), self._points
        # A new list, for another thread reads the old one: a point a second, and one from before the last minutes.
        first = max(bisect_left(points, (now - _RECENT,)) - 1, 0)
        last = len(points) - (len(points) > 1 and points[-1][0] - points[-2][0] < 1.0)
        self._points = [*points[first:last], (now, self.fresh)]

    def rate(self) -> float:
        """Runs a second in the last minutes."""
        now = time.monotonic()
        points = self._points
        since, before = points[bisect_left(points, (now - _RECENT,), lo=1) - 1]
        return (self.fresh - before) / max(min(now - since, _RECENT), 1e-9)

    def left(self) -> float:
        """Seconds that the rest will take, or NaN while nothing is known."""
        rate = self.rate()
        return (self.total - self.done - self.failed) / rate if rate else float("nan")

    def report(self) -> dict[str, Any]:
        """For `abm sweep status`, which reads it from another process."""
        left = self.left()
        return {
            "total": self.total,
            "done": self.done,
            "failed": self.failed,
            "rate": round(self.rate(), 3),
            "left": None if left != left else round(left, 1),
            "missing": self.missing,
        }
