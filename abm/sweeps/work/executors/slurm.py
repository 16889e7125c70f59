"""The executor that starts workers in jobs of a Slurm cluster, a worker for each core of a job.

The scheduler is in this process. A thread looks at Slurm's queue every few seconds and replaces each job that has
ended, because its workers have reached their lifetime, it was cancelled or its node has failed. dask-jobqueue writes
the jobs' scripts. Its cluster object is not used: it does not notice jobs that end before their workers come, and it
raises errors when Slurm refuses a job or answers slowly.
"""

import asyncio
import contextlib
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from abm.errors import InputError, Stopped, one_line, shown
from abm.sweeps.work.executors import loop_without_terminal_signals, own_settings, quiet_dask, without_terminal_signals
from abm.sweeps.work.executors.certificate import CERTIFICATE, shared_security
from abm.sweeps.work.job_options import JobOptions

if TYPE_CHECKING:
    from dask_jobqueue.slurm import SLURMJob
    from distributed import Client, Security
    from tornado.ioloop import IOLoop

_RETIRE = 120  # seconds before the walltime at which all workers of a job have ended: time for several chunks
_ATTEMPTS = 3  # how often each job may end before it brought a worker
_LOOK = 10.0  # seconds between two looks at Slurm's queue
_CLOSE_TIMEOUT = 10.0  # seconds to wait for the scheduler to close
_TLS_OPTIONS = ("--tls-ca-file", "--tls-cert", "--tls-key")
_ANY_NAME = '"$SLURM_JOB_ID"'  # of a job's workers, because Dask wants each name only once
_PROLOGUE = [
    "export OMP_NUM_THREADS=1",
    # Dask's web servers ask for no certificate, so they get no pages; other users must not write to Dask's folder.
    "export DASK_DISTRIBUTED__WORKER__HTTP__ROUTES='[]'",
    "export DASK_TEMPORARY_DIRECTORY=$(mktemp -d)",
    "trap 'rm -rf \"$DASK_TEMPORARY_DIRECTORY\"' EXIT",
]


@dataclass
class SlurmJobs:
    """Workers in jobs of a Slurm queue.

    Attributes
    ----------
    options : JobOptions
        What each job asks for, and how many jobs there are; each core has a worker of its own.
    interface : str or None
        The network interface by which jobs reach the scheduler, which is in this process: `lo` on a single node. By
        default the one by which this machine reaches the rest of the world.
    name : str
        The jobs' name in Slurm, which no other jobs have.

    Raises
    ------
    InputError
        If this machine has no such interface.
    """

    options: JobOptions = field(default_factory=JobOptions)
    _: KW_ONLY
    interface: str | None = None
    name: str = field(default_factory=lambda: f"abm-worker-{secrets.token_hex(4)}")
    _queue: "_Queue | None" = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        one_line("the working directory", os.getcwd())
        if self.interface is not None and self.interface not in psutil.net_if_addrs():
            allowed = ", ".join(sorted(psutil.net_if_addrs()))
            raise InputError(f"--interface {shown(self.interface)} is not one of this machine: {allowed}")

    def expects_workers(self) -> bool:
        """Whether a job is still pending in the queue.

        Raises
        ------
        Stopped
            If jobs end again and again before one of them brought a worker.
        """
        queue = self._queue
        if queue is None:
            return False
        if queue.ended_early >= _ATTEMPTS * self.options.jobs:
            what = f"{queue.ended_early} jobs in a row ended before a worker came of one"
            raise Stopped(f"{what}; --directive=--output=FILE keeps what they print")
        return queue.pending > 0

    def missing_workers(self, workers: int) -> str:
        """How many workers there are of all, and how many jobs are pending or refused by Slurm."""
        queue = self._queue
        if queue is None:
            return ""
        if workers:
            queue.ended_early = 0
        if workers >= self.cores():
            return ""
        jobs = self.options.jobs
        texts = [f"{workers} of {self.cores()} workers"]
        texts += [f"{queue.pending} of {jobs} jobs wait in the queue"] if queue.pending else []
        texts += [f"{queue.refused} of {jobs} jobs refused by Slurm"] if queue.refused else []
        return ", ".join(texts)

    def cores(self) -> int:
        """The cores of all jobs."""
        return self.options.jobs * self.options.cores

    def script(self, address: str = "tls://SCHEDULER:PORT", certificate: str = f"DIR/working/{CERTIFICATE}") -> str:
        """The script of a job; nothing is submitted or started."""
        return _job_class()(address, name=_ANY_NAME, **self._job_settings(certificate)).job_script()

    def check(self) -> None:
        """Ask Slurm whether it would accept a job, and raise InputError with its answer if not."""
        _call("sbatch", "--test-only", text=self.script())

    @contextlib.contextmanager
    def client(self, folder: Path, note: Callable[[str], None]) -> "Iterator[Client]":
        """Submit the jobs, replace those that end, and cancel all after the block."""
        from distributed import Client

        try:
            with (
                shared_security(folder) as security,
                own_settings({}),
                quiet_dask(),
                loop_without_terminal_signals() as loop,
                self._scheduler(loop, security) as address,
                self._jobs_kept_running(self.script(address, security.tls_worker_cert), note),
                Client(address, loop=loop, security=security, set_as_default=False) as client,
            ):
                yield client
        finally:
            # By name, because the number of a job is not known where a signal ended sbatch.
            with contextlib.suppress(InputError):
                _call("scancel", f"--user={os.getuid()}", f"--name={self.name}")

    @contextlib.contextmanager
    def _scheduler(self, loop: "IOLoop", security: "Security") -> Iterator[str]:
        """Start a scheduler in this process for the time of the block; yields its address."""
        from distributed import Scheduler

        async def start() -> Scheduler:
            return await Scheduler(
                protocol="tls://",
                security=security,
                interface=self.interface,
                dashboard=False,
                dashboard_address="127.0.0.1:0",  # any free port, because the usual one may be in use
            )

        scheduler = asyncio.run_coroutine_threadsafe(start(), loop.asyncio_loop).result()
        try:
            yield scheduler.address
        finally:
            closing = asyncio.run_coroutine_threadsafe(scheduler.close(), loop.asyncio_loop)
            with contextlib.suppress(TimeoutError, OSError):
                closing.result(_CLOSE_TIMEOUT)

    @contextlib.contextmanager
    def _jobs_kept_running(self, script: str, note: Callable[[str], None]) -> Iterator[None]:
        """Submit the jobs, and replace those that end during the block."""
        queue = self._queue = _Queue(self.name, self.options.jobs, script, note)
        with without_terminal_signals():
            threading.Thread(target=queue.keep, daemon=True).start()
        try:
            yield
        finally:
            queue.close()

    def _job_settings(self, certificate: str) -> dict[str, Any]:
        options = self.options
        latest = max(options.seconds - _RETIRE, options.seconds // 2)
        stagger = latest // 10  # seconds by which a worker may end before or after its lifetime
        return {
            "cores": options.cores,
            "processes": options.cores,
            "memory": f"{options.megabytes}MiB",
            "job_mem": f"{options.megabytes}M",
            "walltime": options.walltime,
            "queue": options.queue,
            "account": options.account,
            "job_name": self.name,
            # No file slurm-N.out in the working directory; a later directive of the user's replaces this one.
            "job_extra_directives": ["--output=/dev/null", *options.directive],
            "python": shlex.quote(sys.executable),
            "interface": self.interface,
            "protocol": "tls://",
            "worker_extra_args": [
                *(word for option in _TLS_OPTIONS for word in (option, shlex.quote(certificate))),
                *("--lifetime", f"{latest - stagger}s", "--lifetime-stagger", f"{stagger}s"),
                *("--no-dashboard", "--dashboard-address", "127.0.0.1:0"),
            ],
            "job_script_prologue": _PROLOGUE,
        }


class _Queue:
    """Keeps a number of jobs in Slurm's queue, from a thread of its own because Slurm may take a minute to answer.

    Attributes
    ----------
    pending, refused : int
        Jobs that were pending, and that Slurm refused, at the last look.
    ended_early : int
        Jobs that have ended since the last time that there was a worker.
    """

    def __init__(self, name: str, jobs: int, script: str, note: Callable[[str], None]) -> None:
        self._name, self._jobs, self._script, self._note = name, jobs, script, note
        self.pending = self.refused = self.ended_early = 0
        self._submitted: set[str] = set()
        self._noted: set[str] = set()
        self._over = threading.Event()
        self._submitting = threading.Lock()

    def keep(self) -> None:
        """Look at the queue every few seconds until `close` is called."""
        while not self._over.is_set():
            try:
                self._look()
            except (InputError, OSError) as problem:  # Slurm does not answer; it is asked again at the next look
                self._note_once(str(problem))
            self._over.wait(_LOOK)

    def close(self) -> None:
        """Submit no more jobs; returns when a submission that is under way has ended."""
        self._over.set()
        with self._submitting:
            pass

    def _look(self) -> None:
        answer = _call("squeue", "--me", "--noheader", f"--name={self._name}", "--format=%A %T")
        states = {job: state for job, _, state in (line.partition(" ") for line in answer.splitlines())}
        self.ended_early += len(self._submitted - set(states))
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
                    repeated = f"{left} of {self._jobs} jobs are refused; they are submitted again every few seconds"
                    self._note_once(f"{problem} ({repeated})")
                    return
        self.refused = 0

    def _note_once(self, text: str) -> None:
        if text not in self._noted:
            self._noted.add(text)
            self._note(text)


def _job_class() -> "type[SLURMJob]":
    handler = signal.getsignal(signal.SIGINT)
    try:
        from dask_jobqueue.slurm import SLURMJob
    except ModuleNotFoundError:
        raise InputError("--cluster slurm needs dask-jobqueue: pip install -e '.[cluster]' in a clone of abm") from None
    if signal.getsignal(signal.SIGINT) is not handler:  # its import makes Ctrl-C end this process with exit code 0
        signal.signal(signal.SIGINT, handler)
    return SLURMJob


def _call(command: str, *options: str, text: str = "") -> str:
    """The output of a command of Slurm's."""
    if not shutil.which(command):
        raise InputError(f"--cluster slurm: there is no command {command} here; is this a Slurm cluster's machine?")
    try:
        told = subprocess.run([command, *options], input=text, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        raise InputError(f"--cluster slurm: {command} did not answer for a minute") from None
    if told.returncode:
        raise InputError(f"--cluster slurm: {' '.join(told.stderr.split()) or f'{command} failed'}")
    return told.stdout.strip()
