"""Commands of abm and Dask as processes that tests can kill, freeze and interrupt, and that end after the test."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from abm.sweeps.design.design import Design
from abm.sweeps.design.plan import run_seed
from tests.sweeping import TABLES

INJECTION = Path(__file__).parent
PATIENCE = 180.0  # seconds that any process of a test may take for anything, on a machine that is busy otherwise
SEED = 1
COUNT = 10
DESIGN = f"""
scenario = "four-sectors"
[set]
steps = 12
capacity = 20
[factors]
network_effect = [0.0, 0.5, 0.9]
churn = [0.1, 0.3]
[replications]
count = {COUNT}
seed = {SEED}
[collect]
level = "full"
steps = 3
lives = true
firms = true
panel = 5
"""
RUNS = 6 * COUNT
SLOW = {"runs": [{"does": "slow", "seconds": 0.05}], "settings": {"abm.sweeps.work.chunks.MOST_RUNS": 4}}


def seed_of(replication: int) -> int:
    return run_seed(SEED, replication)


def write_design(folder: Path, text: str = DESIGN) -> Path:
    """The design as a file, checked."""
    path = folder / "design.toml"
    path.write_text(text)
    Design.load(path)
    return path


def faults(*runs: dict, **others) -> dict:
    """Slow runs in small chunks, so that there is time for a fault, and faults of some runs."""
    return {"settings": SLOW["settings"] | others.pop("settings", {}), "runs": [*runs, *SLOW["runs"]]} | others


class Command:
    """A process with all that it starts, in a session of their own.

    Parameters
    ----------
    arguments : str or Path
        Of Python.
    faults : dict
        As `sitecustomize` takes them.
    environment : dict of str to str
        Further variables.
    """

    def __init__(self, *arguments: str | Path, faults: dict | None = None, environment: dict | None = None) -> None:
        own = {"PYTHONPATH": str(INJECTION), "FAULTS": json.dumps(faults or {}), "COLUMNS": "200"}
        self.process = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | own | (environment or {}),
            start_new_session=True,
            cwd=INJECTION,  # where there is no `abm`, which Python would import before any other
        )
        self.pid = self.process.pid

    def end(self) -> tuple[int, str, str]:
        """Wait for the end: exit code, output and errors, without the lines on progress that a slow machine sees.

        Nor with the one that a scheduler of a test is open.
        """
        output, errors = self.process.communicate(timeout=PATIENCE)
        usual = r"^(\d+ of \d+ runs|note: the scheduler .* is open:).*\n"
        return self.process.returncode, output, re.sub(usual, "", errors, flags=re.MULTILINE)

    def members(self) -> list[psutil.Process]:
        """The processes of the session that live."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                if os.getsid(process.pid) == self.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def workers(self) -> list[psutil.Process]:
        """The processes that make runs, local ones or under a nanny of Dask's command."""

        def says(process: psutil.Process | None, word: str) -> bool:
            return process is not None and any(word in each for each in process.cmdline())

        found = []
        for process in self.members():
            with contextlib.suppress(psutil.Error):
                # A local one is forked, and keeps the command line of the process that it is forked from.
                if says(process, "spawn_main") or says(process.parent(), "forkserver"):
                    found.append(process)
        return found

    def fork_server(self) -> psutil.Process | None:
        """The process from which the local workers are forked."""
        for process in psutil.Process(self.pid).children():
            with contextlib.suppress(psutil.Error):
                if any("forkserver" in each for each in process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE:
                    return process
        return None

    def send(self, number: signal.Signals) -> None:
        """To the process alone."""
        os.kill(self.pid, number)

    def send_all(self, number: signal.Signals) -> None:
        """To the whole group, as a terminal does."""
        os.killpg(self.pid, number)

    def leaves_nothing(self) -> bool:
        """Whether the processes of the session end by themselves."""
        wait_until(lambda: not self.members(), "all processes have ended", 30.0)
        return True

    def close(self) -> None:
        for process in self.members():
            with contextlib.suppress(psutil.Error):
                process.kill()
        self.process.communicate(timeout=PATIENCE)


@contextlib.contextmanager
def python(*arguments: str | Path, **options) -> Iterator[Command]:
    """A process that is gone after the block, whatever happens."""
    command = Command(*arguments, **options)
    try:
        yield command
    finally:
        command.close()


def sweep(design: Path, out: Path, *options: str, faults: dict | None = None):
    """`abm sweep`, by default on one local worker."""
    where = () if {"--scheduler", "--workers"} & {*options} else ("--workers", "1")
    return python("-m", "abm", "sweep", design, "--out", out, *where, *options, faults=faults)


def run_sweep(design: Path, out: Path, *options: str, faults: dict | None = None) -> tuple[int, str, str]:
    """`abm sweep` to its end."""
    with sweep(design, out, *options, faults=faults) as command:
        return command.end()


def wait_until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Wait for something that must come, and return it."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
    return found


def parts(out: Path) -> int:
    """How many parts a sweep has finished."""
    return len(list((out / "working" / "parts").glob("*.part")))


def wait_for_parts(out: Path, count: int = 2) -> None:
    wait_until(lambda: parts(out) >= count, f"{count} parts")


def says_how_to_go_on(errors: str, out: Path) -> bool:
    """Whether all lines are messages of this program, and one says how to go on."""
    lines = errors.splitlines()
    return all(line.startswith("abm: ") for line in lines) and any(
        str(out) in line and "the same command goes on" in line for line in lines
    )


def tables(out: Path) -> dict[str, bytes]:
    """What must be equal byte for byte however it was made."""
    return {name: (out / f"{name}.parquet").read_bytes() for name in TABLES}


class DaskCluster:
    """A scheduler and workers as `dask scheduler` and `dask worker` start them, each a process of its own."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self.address = ""
        self.scheduler: Command | None = None

    def start(self, options: tuple[str | Path, ...] = (), **settings: str) -> "DaskCluster":
        """Start the scheduler, with settings of Dask by their variables' names."""
        file = self._folder / "scheduler.json"
        options = ("--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0", *options)
        environment = {f"DASK_DISTRIBUTED__{name}": value for name, value in settings.items()}
        self.scheduler = self._stack.enter_context(
            python("-m", "distributed.cli.dask_scheduler", *options, "--scheduler-file", file, environment=environment)
        )
        wait_until(lambda: file.exists() and file.read_text().endswith("}"), "the scheduler has started")
        self.address = json.loads(file.read_text())["address"]
        return self

    def add(self, count: int = 1, options: tuple[str | Path, ...] = (), **of_command) -> list[Command]:
        """Start workers, each under a nanny."""
        options = ("--host", "127.0.0.1", "--nthreads", "1", "--memory-limit", "0", "--no-dashboard", *options)
        options += ("--local-directory", self._folder, "--death-timeout", "20")
        module = "distributed.cli.dask_worker"
        commands = [python("-m", module, self.address, *options, **of_command) for _ in range(count)]
        return [self._stack.enter_context(command) for command in commands]
