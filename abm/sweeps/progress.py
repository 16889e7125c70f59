"""How far a sweep has come."""

import time
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

_RECENT = 180.0  # seconds from whose rate the time left is computed


@dataclass
class Progress:
    """How far a sweep has come.

    Attributes
    ----------
    total : int
        Runs of the sweep, or of the shard.
    done, failed : int
        Those of them that are finished without and with an error.
    fresh : int
        Those that this process has made.
    missing : str
        Which workers are missing, as the executor describes it; empty if none.
    notes : list of str
        What the user should know, oldest first.
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
        """Start to measure time and runs of this process."""
        self.started, self.fresh = time.monotonic(), 0
        self._points = [(self.started, 0)]  # time, and runs made until then

    def made(self, runs: int, failed: int) -> None:
        """Add runs that this process has made."""
        self.done += runs - failed
        self.failed += failed
        self.fresh += runs
        now, points = time.monotonic(), self._points
        # At most a point a second, and one from before the last minutes. A new list, because another thread reads it.
        first = max(bisect_left(points, (now - _RECENT,)) - 1, 0)
        last = len(points) - (len(points) > 1 and points[-1][0] - points[-2][0] < 1.0)
        self._points = [*points[first:last], (now, self.fresh)]

    def rate(self) -> float:
        """Runs a second in the last minutes."""
        now = time.monotonic()
        points = self._points
        since, before = points[bisect_left(points, (now - _RECENT,), lo=1) - 1]
        return (self.fresh - before) / max(min(now - since, _RECENT), 1e-9)

    def seconds_left(self) -> float:
        """Seconds that the remaining runs will take, or NaN while no rate is known."""
        rate = self.rate()
        return (self.total - self.done - self.failed) / rate if rate else float("nan")

    def report(self) -> dict[str, Any]:
        """The content of the lock file, from which `abm sweep status` in another process reads it."""
        left = self.seconds_left()
        return {
            "total": self.total,
            "done": self.done,
            "failed": self.failed,
            "rate": round(self.rate(), 3),
            "left": None if left != left else round(left, 1),
            "missing": self.missing,
        }
