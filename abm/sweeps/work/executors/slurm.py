"""Jobs of a Slurm cluster; each holds a worker a core.

The scheduler is in this process. What is in Slurm's queue is looked at now and then, and a job that has ended is
replaced: its workers have retired, or it was cancelled, or its node has failed. dask-jobqueue writes the jobs' scripts;
its cluster object is not used, for it misses jobs that end before their workers came, and takes a refusal by Slurm, or
a slow answer, for an error of the program.
"""

import asyncio
import contextlib
import math
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from abm.errors import InputError, Stopped, one_line, shown
from abm.sweeps.work.executors import own_settings, quiet, undisturbed, undisturbed_loop
from abm.sweeps.work.executors.certificate import CERTIFICATE, shared_security

if TYPE_CHECKING:
    from dask_jobqueue.slurm import SLURMJob
    from distributed import Client, Security
    from tornado.ioloop import IOLoop

_RETIRE = 120  # seconds before the walltime at which all workers of a job have left: more than a few chunks
_ATTEMPTS = 3  # at a job that ends without a worker
_LOOK = 10.0  # seconds between two looks at Slurm's queue
_GOODBYE = 10.0  # seconds that the scheduler has to close
_OF_TLS = ("--tls-ca-file", "--tls-cert", "--tls-key")
_ANY_NAME = '"$SLURM_JOB_ID"'  # of a job's workers; Dask wants each name once
_PROLOGUE = [
    "export OMP_NUM_THREADS=1",
    # Dask's web servers ask for no certificate, and its files may not lie where other users can put some.
    "export DASK_DISTRIBUTED__WORKER__HTTP__ROUTES='[]'",
    "export DASK_TEMPORARY_DIRECTORY=$(mktemp -d)",
    "trap 'rm -rf \"$DASK_TEMPORARY_DIRECTORY\"' EXIT",
]


@dataclass
class SlurmJobs:
    """Workers in jobs of a Slurm queue.

    Attributes
    ----------
    jobs : int
    cores_a_job : int
        Each with a worker of its own.
    memory : str
        Of a job, as in `4GB`.
    walltime : str
        As in `01:00:00`.
    queue, account : str or None
    directives : tuple of str
        Further lines for `#SBATCH`.
    interface : str or None
        The network interface by which jobs reach the scheduler, which is in this process: `lo` on a single node. By
        default the one by which this machine reaches the rest of the world.
    name : str
        Of the jobs in Slurm, by which they are known for those of this object.
    """

    jobs: int
    cores_a_job: int = 1
    memory: str = "2GB"
    walltime: str = "01:00:00"
    queue: str | None = None
    account: str | None = None
    directives: tuple[str, ...] = ()
    interface: str | None = None
    name: str = field(default_factory=lambda: f"abm-worker-{secrets.token_hex(4)}")
    _queue: "_Queue | None" = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        megabytes(self.memory), seconds(self.walltime)
        given = {"--queue": self.queue, "--account": self.account, "the working directory": os.getcwd()}
        for name, text in [*given.items(), *(("--directive", text) for text in self.directives)]:
            one_line(name, text)
        if self.interface is not None and self.interface not in psutil.net_if_addrs():
            allowed = ", ".join(sorted(psutil.net_if_addrs()))
            raise InputError(f"--interface {shown(self.interface)} is not one of this machine: {allowed}")

    def waits(self) -> bool:
        """Whether a job is still waiting for its turn.

        Raises
        ------
        Stopped
            If jobs came and went, and none brought a worker.
        """
        queue = self._queue
        if queue is None:
            return False
        if queue.in_vain >= _ATTEMPTS * self.jobs:
            what = f"{queue.in_vain} jobs in a row ended before a worker came of one"
            raise Stopped(f"{what}; --directive=--output=FILE keeps what they print")
        return queue.pending > 0

    def missing(self, workers: int) -> str:
        """How many there are, and the jobs that wait or that Slurm does not take."""
        queue = self._queue
        if queue is None:
            return ""
        if workers:
            queue.in_vain = 0
        if workers >= self.cores():
            return ""
        told = [f"{workers} of {self.cores()} workers"]
        told += [f"{queue.pending} of {self.jobs} jobs wait in the queue"] if queue.pending else []
        told += [f"{queue.refused} of {self.jobs} jobs refused by Slurm"] if queue.refused else []
        return ", ".join(told)

    def cores(self) -> int:
        """Those of all jobs."""
        return self.jobs * self.cores_a_job

    def script(self, address: str = "tls://SCHEDULER:PORT", certificate: str = f"DIR/working/{CERTIFICATE}") -> str:
        """The script of a job; nothing is submitted or started."""
        return _job_class()(address, name=_ANY_NAME, **self._of_a_job(certificate)).job_script()

    def check(self) -> None:
        """Ask Slurm whether it would take a job; it refuses in its own words."""
        _call("sbatch", "--test-only", text=self.script())

    @contextlib.contextmanager
    def client(self, folder: Path, say: Callable[[str], None]) -> "Iterator[Client]":
        """Submit the jobs, replace those that end, and cancel all after the block."""
        from distributed import Client

        try:
            with (
                shared_security(folder) as security,
                own_settings({}),
                quiet(),
                undisturbed_loop() as loop,
                self._scheduler(loop, security) as address,
                self._kept_in_queue(self.script(address, security.tls_worker_cert), say),
                Client(address, loop=loop, security=security, set_as_default=False) as client,
            ):
                yield client
        finally:
            # Also a job whose number never came back, as when a signal ends sbatch.
            with contextlib.suppress(InputError):
                _call("scancel", f"--user={os.getuid()}", f"--name={self.name}")

    @contextlib.contextmanager
    def _scheduler(self, loop: "IOLoop", security: "Security") -> Iterator[str]:
        """A scheduler in this process for the time of the block; yields its address."""
        from distributed import Scheduler

        async def start() -> Scheduler:
            return await Scheduler(
                protocol="tls://",
                security=security,
                interface=self.interface,
                dashboard=False,
                dashboard_address="127.0.0.1:0",  # without one it takes a port that others use
            )

        scheduler = asyncio.run_coroutine_threadsafe(start(), loop.asyncio_loop).result()
        try:
            yield scheduler.address
        finally:
            closing = asyncio.run_coroutine_threadsafe(scheduler.close(), loop.asyncio_loop)
            with contextlib.suppress(TimeoutError, OSError):
                closing.result(_GOODBYE)

    @contextlib.contextmanager
    def _kept_in_queue(self, script: str, say: Callable[[str], None]) -> Iterator[None]:
        """Submit the jobs, and for the time of the block replace those that end."""
        queue = self._queue = _Queue(self.name, self.jobs, script, say)
        with undisturbed():
            threading.Thread(target=queue.keep, daemon=True).start()
        try:
            yield
        finally:
            queue.close()

    def _of_a_job(self, certificate: str) -> dict[str, Any]:
        latest = max(seconds(self.walltime) - _RETIRE, seconds(self.walltime) // 2)
        stagger = latest // 10  # workers leave within this much before or after their lifetime
        return {
            "cores": self.cores_a_job,
            "processes": self.cores_a_job,
            "memory": f"{megabytes(self.memory)}MiB",
            "job_mem": f"{megabytes(self.memory)}M",
            "walltime": self.walltime,
            "queue": self.queue,
            "account": self.account,
            "job_name": self.name,
            # No slurm-N.out wherever this was started; a directive of the user's comes later and counts.
            "job_extra_directives": ["--output=/dev/null", *self.directives],
            "python": shlex.quote(sys.executable),
            "interface": self.interface,
            "protocol": "tls://",
            "worker_extra_args": [
                *(word for option in _OF_TLS for word in (option, shlex.quote(certificate))),
                *("--lifetime", f"{latest - stagger}s", "--lifetime-stagger", f"{stagger}s"),
                *("--no-dashboard", "--dashboard-address", "127.0.0.1:0"),
            ],
            "job_script_prologue": _PROLOGUE,
        }


class _Queue:
    """Keeps a number of jobs in Slurm's queue, in a thread of its own: Slurm may take a minute to answer.

    Attributes
    ----------
    pending, refused : int
        Jobs that wait for their turn, and that Slurm would not take at the last look.
    in_vain : int
        Jobs that have ended since there was a worker.
    """

    def __init__(self, name: str, jobs: int, script: str, say: Callable[[str], None]) -> None:
        self._name, self._jobs, self._script, self._say = name, jobs, script, say
        self.pending = self.refused = self.in_vain = 0
        self._submitted: set[str] = set()
        self._said: set[str] = set()
        self._over = threading.Event()
        self._submitting = threading.Lock()

    def keep(self) -> None:
        """Look at the queue now and then, until it is closed."""
        while not self._over.is_set():
            try:
                self._look()
            except (InputError, OSError) as problem:  # Slurm does not answer; the next look may help
                self._say_once(str(problem))
            self._over.wait(_LOOK)

    def close(self) -> None:
        """Submit no more; a look that is under way is not waited for, a submission is."""
        self._over.set()
        with self._submitting:
            pass

    def _look(self) -> None:
        told = _call("squeue", "--me", "--noheader", f"--name={self._name}", "--format=%A %T")
        states = {job: state for job, _, state in (line.partition(" ") for line in told.splitlines())}
        self.in_vain += len(self._submitted - set(states))
        self._submitted &= set(states)
        self.pending = sum(state == "PENDING" for state in states.values())
        for left in range(self._jobs - len(states), 0, -1):
            with self._submitting:
                if self._over.is_set():
                    return
                try:
                    self._submitted.add(_call("sbatch", "--parsable", text=self._script).partition(";")[0])
                except InputError as problem:
                    self.refused = left
                    self._say_once(f"{problem} ({left} of {self._jobs} jobs are not taken; tried again now and then)")
                    return
        self.refused = 0

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text)


def seconds(walltime: str) -> int:
    """Seconds of a Slurm time: minutes, MM:SS, HH:MM:SS or with days before a dash; a minute at least.

    Examples
    --------
    >>> seconds("01:30:00"), seconds("90"), seconds("1-00:00:00"), seconds("1-12"), seconds("02:30")
    (5400, 5400, 86400, 129600, 150)
    """
    match = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", walltime.strip(), re.ASCII)
    if not match:
        raise InputError(f"--walltime {shown(walltime)} is not a time as HH:MM:SS or D-HH:MM:SS")
    days, first, second, third = (None if each is None else int(each) for each in match.groups())
    if days is not None:
        total = ((days * 24 + first) * 60 + (second or 0)) * 60 + (third or 0)
    elif third is not None:
        total = (first * 60 + second) * 60 + third
    else:
        total = first * 60 + (second or 0)
    if total < 60:
        raise InputError(f"--walltime {shown(walltime)} is less than a minute, which is the least that Slurm counts in")
    return total


def megabytes(memory: str) -> int:
    """Of a size as in `4GB` or `500M`, in Slurm's megabytes: each unit 1024 of the one before.

    Examples
    --------
    >>> megabytes("4GB"), megabytes("1.5 G"), megabytes("500MiB"), megabytes("100K")
    (4096, 1536, 500, 1)
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?([KMGT])(?:i?B)?", memory.strip(), re.ASCII | re.IGNORECASE)
    size = float(match[1]) * 1024.0 ** "KMGT".index(match[2].upper()) / 1024.0 if match else 0.0
    if size <= 0.0:
        raise InputError(f"--memory {shown(memory)} is not a size as 500MB or 4GB")
    return math.ceil(size)


def _job_class() -> "type[SLURMJob]":
    before = signal.getsignal(signal.SIGINT)
    try:
        from dask_jobqueue.slurm import SLURMJob
    except ModuleNotFoundError:
        raise InputError("--cluster slurm needs dask-jobqueue: pip install 'abm[cluster]'") from None
    if signal.getsignal(signal.SIGINT) is not before:  # its import has Ctrl-C end this process, and as if all was well
        signal.signal(signal.SIGINT, before)
    return SLURMJob


def _call(command: str, *options: str, text: str = "") -> str:
    """What a command of Slurm prints."""
    if not shutil.which(command):
        raise InputError(f"--cluster slurm: there is no command {command} here; is this a Slurm cluster's machine?")
    try:
        told = subprocess.run([command, *options], input=text, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        raise InputError(f"--cluster slurm: {command} did not answer for a minute") from None
    if told.returncode:
        raise InputError(f"--cluster slurm: {' '.join(told.stderr.split()) or f'{command} failed'}")
    return told.stdout.strip()
