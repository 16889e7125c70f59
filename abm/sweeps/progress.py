"""How far a sweep has come."""

import time
from dataclasses import dataclass, field
from typing import Any


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
    """

    total: int = 0
    done: int = 0
    failed: int = 0
    fresh: int = 0
    started: float = field(default_factory=time.monotonic)

    def rate(self) -> float:
        """Runs a second since this process started to make them."""
        return self.fresh / max(time.monotonic() - self.started, 1e-9)

    def left(self) -> float:
        """Seconds that the rest will take, or NaN while nothing is known."""
        return (self.total - self.done - self.failed) / self.rate() if self.fresh else float("nan")

    def report(self) -> dict[str, Any]:
        """For `abm sweep status`, which reads it from another process."""
        left = self.left()
        return {
            "total": self.total,
            "done": self.done,
            "failed": self.failed,
            "rate": round(self.rate(), 3),
            "left": None if left != left else round(left, 1),
        }
