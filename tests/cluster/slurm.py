"""Commands of abm and of Slurm that end as they should, and what they leave behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PATIENCE = 600.0  # seconds for anything that is waited for: many times what it takes


def on_path(folder: Path, monkeypatch: pytest.MonkeyPatch, command: str, text: str) -> None:
    """Put a script before a command of Slurm, which it knows as `$REAL`."""
    folder.mkdir()
    script = folder / command
    script.write_text(f"#!/bin/bash\nREAL={shutil.which(command)}\n{text}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def abm(*arguments: str | Path, cwd: Path, code: int = 0) -> subprocess.CompletedProcess:
    """A command of abm, with the exit code that it should have."""
    told = subprocess.run(
        [sys.executable, "-m", "abm", *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert told.returncode == code, told.stderr
    return told


def start(*arguments: str | Path, cwd: Path) -> subprocess.Popen:
    """A command of abm in the background, which writes to `client.txt`."""
    with (cwd / "client.txt").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "abm", *arguments],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Tests that are run in the background of a script ignore Ctrl-C, and so would what they start.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


def ended(process: subprocess.Popen) -> int:
    return process.wait(timeout=PATIENCE)


def submit(script: str, cwd: Path) -> str:
    """The number of a job of which this is the script."""
    return call("sbatch", "--parsable", text=script, cwd=cwd)


def queue() -> list[str]:
    return call("squeue", "--noheader", "--format=%A %j %T").splitlines()


def jobs(name: str) -> dict[str, dict[str, str]]:
    """The state of all jobs whose name begins so, also of those that have ended."""
    lines = call("scontrol", "show", "job", "--oneliner").splitlines()
    found = [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]
    return {job["JobId"]: job for job in found if job.get("JobName", "").startswith(name)}


def of_array(job: str) -> list[dict[str, str]]:
    return [facts for facts in jobs("abm-sweep").values() if facts.get("ArrayJobId") == job]


def parts(out: Path) -> set[str]:
    return {path.name for path in (out / "working" / "parts").glob("*.part")}


def tables(out: Path) -> dict[str, bytes]:
    """The tables that must be equal; `runs.parquet` differs, because it has the time of each run."""
    return {path.name: path.read_bytes() for path in out.glob("*.parquet") if path.name != "runs.parquet"}


def call(*command: str, text: str = "", cwd: Path | None = None) -> str:
    """What a command prints; it may not fail."""
    told = subprocess.run(command, input=text, cwd=cwd, capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, (command, told.stderr)
    return told.stdout.strip()


def wait_until(condition: Callable[[], object], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(0.2)


def free_port() -> int:
    """A port that is free, as is the one after it; below those that the system gives out for connections."""
    for port in range(16917, 17917, 2):
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise AssertionError("no two free ports")
