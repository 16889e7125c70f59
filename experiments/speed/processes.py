"""What whole processes take: commands from their start to their end, and memory at its peak."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from experiments.speed.turns import Candidate

SLOTS = 10_000_000
RUNS = 1_000_000
# The peak that Linux keeps for a program: what `resource` reports includes that of the process it was started from.
_PEAK = """
import json
from pathlib import Path

def peak():
    (line,) = (each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM"))
    return 1024 * int(line.split()[1])
"""
_LARGE = f"""
{_PEAK}
from abm import Scenario, simulate
simulate(Scenario.load("four-sectors").replace(capacity={SLOTS}, steps=3), collect="light", every=0)
print(json.dumps(peak()))
"""
_MANY = f"""
{_PEAK}
from abm import Scenario, simulate_many
small = Scenario(capacity=4, steps=2)
simulate_many([small], range(1000), every=0)
before = peak()
many = simulate_many([small], range({RUNS}), every=0)
print(json.dumps(peak() - before - int(many.outcomes.memory_usage(deep=True).sum())))
"""


def _python(*arguments: str, cache: Path | None = None) -> str:
    own = os.environ | ({} if cache is None else {"XDG_CACHE_HOME": str(cache)})
    own.pop("PYTHONDONTWRITEBYTECODE", None)  # a start without it is what users have, whatever this shell sets
    done = subprocess.run(
        [sys.executable, *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=own, text=True
    )
    return done.stdout


def bare_imports() -> Candidate:
    """Python with the two libraries that no run can do without."""
    return Candidate("imports", 1, lambda: None, lambda _: _python("-c", "import numpy, numba"))


def help_command() -> Candidate:
    """`abm --help`."""
    return Candidate("abm --help", 1, lambda: None, lambda _: _python("-m", "abm", "--help"))


def run_command() -> Candidate:
    """`abm run four-sectors` with its picture."""

    def go(_: None) -> None:
        with tempfile.TemporaryDirectory() as folder:
            _python("-m", "abm", "run", "four-sectors", "--out", f"{folder}/run")

    return Candidate("abm run", 1, lambda: None, go)


def cold_start() -> float:
    """Seconds of the first `abm run four-sectors` after installing, when nothing is compiled."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        _python("-m", "abm", "run", "four-sectors", "--out", f"{folder}/run", cache=Path(folder))
        return time.perf_counter() - started


def bytes_a_slot() -> float:
    """Memory at its peak of a process that runs a market of ten million slots, by slot."""
    return json.loads(_python("-c", _LARGE)) / SLOTS


def bytes_over_table() -> float:
    """Memory at its peak of a million runs, less what the process had before and what their table takes."""
    return float(json.loads(_python("-c", _MANY)))
