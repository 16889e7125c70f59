"""Crashes of a sweep at each of its file operations: python crash.py DESIGN PREPARED FOLDER.

PREPARED holds a sweep that lacks nothing but its tables. It is copied into FOLDER and finished by a process that is
killed at its first file operation, copied and finished by one that is killed at its second, and so on, until one
survives. The number of copies is printed. Each process is a fork of this one, which has loaded the package.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

import abm.sweeps.results
import abm.sweeps.store.merge
import abm.sweeps.work.worker  # noqa: F401
from abm.sweeps.design.design import Design
from abm.sweeps.run import SweepRun
from abm.sweeps.store.writing import SweepWriter
from abm.sweeps.work.executors.local import LocalProcesses

CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate"}


def finish(design: Path, out: Path) -> None:
    SweepRun(Design.load(str(design)), SweepWriter(out), LocalProcesses(1)).run()


def finish_until(design: Path, out: Path, last: int) -> None:
    """Finish a sweep in a process that is killed at its Nth file operation."""
    done = 0

    def count(event: str, arguments: tuple) -> None:
        nonlocal done
        is_written = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if event in CHANGES or is_written:
            done += 1
            if done == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    finish(design, out)


def main(design: Path, prepared: Path, folder: Path) -> None:
    number = 0
    while True:
        number += 1
        out = folder / str(number)
        shutil.copytree(prepared, out)
        child = os.fork()
        if not child:
            code = 1
            try:
                finish_until(design, out, number)
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            sys.stdout.write(str(number))
            sys.exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
