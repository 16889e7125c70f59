"""The same markets by the release before and by narrower instructions, in processes that take turns with this one."""

import os
import subprocess
import sys
from pathlib import Path

import abm
from experiments.speed import worker
from experiments.speed.turns import Candidate

NARROW = {"NUMBA_CPU_NAME": "x86-64-v3", "NUMBA_CPU_FEATURES": ""}  # AVX2 and fused multiply-add


class Elsewhere:
    """A process that makes and times markets when asked.

    Parameters
    ----------
    name : str
        What its candidates are called.
    checkout : Path, optional
        Of the package; default: this one.
    environment : dict, optional
        Variables of the process's own.
    """

    def __init__(self, name: str, checkout: Path | None = None, environment: dict[str, str] | None = None) -> None:
        self.name, place = name, checkout or Path(abm.__file__).parents[1]
        self._process = subprocess.Popen(
            [sys.executable, worker.__file__],
            env=os.environ | {"PYTHONPATH": os.fspath(Path(place).resolve())} | (environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, order: str, market: str) -> float:
        """Have a market made, or gone on with; returns the seconds that the process has worked by then."""
        print(order, market, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name}: its process has ended")
        return float(answer)

    def candidate(self, market: str) -> Candidate:
        """One of the worker's markets, to take turns with others."""
        return Candidate(
            self.name,
            worker.SLOT_STEPS[market],
            lambda: self.ask("make", market),
            lambda _: self.ask("go", market),
            lambda: self.ask("clock", market),
        )

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()
