"""Things to time, each once a round and in turn."""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Candidate:
    """Something to time: `make` builds it outside the clock, `go` is timed and does `work`.

    Attributes
    ----------
    name : str
    work : float
        In firm-steps, runs or whatever the costs are to be counted in.
    make, go : callable
        `go` gets what `make` gives.
    clock : callable
        The processor's time for what one thread does, which others on the machine change less than the wall's; that of
        the process where `go` has another one do it.
    seconds : list of float
        One for each round.
    """

    name: str
    work: float
    make: Callable[[], Any]
    go: Callable[[Any], Any]
    clock: Callable[[], float] = time.perf_counter
    seconds: list[float] = field(default_factory=list)

    @property
    def rates(self) -> np.ndarray:
        """Work a second in each round."""
        return self.work / np.array(self.seconds)

    @property
    def costs(self) -> np.ndarray:
        """Nanoseconds a unit of work in each round."""
        return 1e9 / self.rates


def take_turns(candidates: Sequence[Candidate], rounds: int) -> None:
    """Time every candidate once a round, in turn; the first round warms up and does not count."""
    for turn in range(rounds + 1):
        for candidate in candidates:
            subject = candidate.make()
            gc.collect()
            started = candidate.clock()
            candidate.go(subject)
            taken = candidate.clock() - started
            if turn:
                candidate.seconds.append(taken)
