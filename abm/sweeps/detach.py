"""Submit and go: a sweep whose own process, the client of its workers, runs as a job of the batch system too."""

import contextlib
import os
import secrets
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from abm.errors import InputError, one_line
from abm.output.files import write_json
from abm.output.stored import Damaged, Shape, read_object, sealed
from abm.sweeps.run import SweepRun
from abm.sweeps.store.contents import CLIENT
from abm.sweeps.work.batch import queues
from abm.sweeps.work.batch.environment import exports
from abm.sweeps.work.batch.systems import SYSTEMS, BatchSystem
from abm.sweeps.work.job_options import JobOptions


class _ClientShape(Shape):
    """The file that names the job of a sweep's client."""

    kind: str
    name: str


@dataclass(frozen=True)
class Client:
    """The job of a sweep's client.

    Attributes
    ----------
    number : str
        Its number; empty if it is not in the queue.
    text : str
        What it does, for the user.
    """

    number: str
    text: str


def client_of(working: Path) -> Client | None:
    """The job that was submitted as the client of the sweep with this folder `working`, or None if none was."""
    try:
        kept = read_object(working / CLIENT, _ClientShape)
    except (FileNotFoundError, Damaged):  # damaged: a sweep does not depend on it
        return None
    system = SYSTEMS.get(kept["kind"])
    if system is None:
        return None
    try:
        jobs = system.queue(kept["name"])
    except InputError as problem:
        return Client("", f"a job of {system.title}, which cannot be asked here: {problem}")
    for number, waits in jobs.items():
        return Client(number, f"job {number} of {system.title} {'waits in the queue' if waits else 'runs'}")
    return Client("", f"its job of {system.title} has ended")


@dataclass(frozen=True)
class ClientJob:
    """A job that runs a command of abm, by which the missing runs of a sweep are made.

    Attributes
    ----------
    command : sequence of str
        What follows `abm`; it replaces no sweep, because that is done before.
    options : JobOptions
        Of the job.
    system : BatchSystem
    name : str
        Which no other job has; PBS takes 15 letters.
    """

    command: Sequence[str]
    options: JobOptions
    system: BatchSystem
    name: str = field(default_factory=lambda: f"abm-sweep-{secrets.token_hex(2)}")

    def script(self) -> str:
        """The job's script, in which the command is told to end before the walltime."""
        for word in self.command:
            one_line("the command", word)
        one_line("the working directory", os.getcwd())
        shell = shlex.join([sys.executable, "-m", "abm", *self.command])
        # In the folder where it was submitted, from which a user's modules may be imported.
        run = f"exec {self.system.until_walltime(self.options)}{shell}"
        commands = [f"cd {shlex.quote(os.getcwd())}", *exports(), run]
        return self.system.script(self.options, self.name, commands)

    def submit(self, work: SweepRun, *, overwrite: bool, retry_failed: bool) -> str | None:
        """Write the plan of a sweep into its folder and submit the job.

        Parameters
        ----------
        work : SweepRun
        overwrite, retry_failed : bool
            Replace a sweep that is in the folder; make failed runs again.

        Returns
        -------
        str or None
            The job's number; None if all runs are made already.

        Raises
        ------
        InputError
            If the sweep, its folder or the job is refused, or a job is at work on the sweep already.
        """
        working = work.store.working
        before = client_of(working)
        if before and before.number:
            raise InputError(f"{work.store.folder}: {before.text} for this sweep already")
        script = self.script()
        if self.system.test:  # before the folder is changed
            queues.call(self.system.kind, self.system.test, script)
        if not work.begin(overwrite=overwrite, retry_failed=retry_failed):
            return None
        # Written before the job is submitted, which may begin at once and, when it is done, removes the file.
        write_json(sealed({"kind": self.system.kind, "name": self.name}), working / CLIENT)
        try:
            return self.system.submitted(script)
        except InputError:
            with contextlib.suppress(FileNotFoundError):
                (working / CLIENT).unlink()
            raise
