"""The executor that starts workers in jobs of a batch system, a worker for each core of a job.

The scheduler is in this process. A thread looks at the system's queue every few seconds and replaces each job that has
ended, because its workers have reached their lifetime, it was cancelled or its node has failed. dask-jobqueue writes
the jobs' scripts. Its cluster object is not used: it does not notice jobs that end before their workers come, and it
raises errors when the system refuses a job or answers slowly.
"""

import asyncio
import contextlib
import importlib
import os
import secrets
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from abm.errors import InputError, Stopped, one_line, shown
from abm.sweeps.work.batch import queues
from abm.sweeps.work.batch.environment import exports
from abm.sweeps.work.batch.keeper import JobKeeper
from abm.sweeps.work.batch.systems import SLURM, BatchSystem
from abm.sweeps.work.executors import (
    connected,
    loop_without_terminal_signals,
    own_settings,
    quiet_dask,
    without_terminal_signals,
)
from abm.sweeps.work.executors.certificate import CERTIFICATE, shared_security
from abm.sweeps.work.job_options import JobOptions

if TYPE_CHECKING:
    from dask_jobqueue.core import Job
    from distributed import Client, Security
    from tornado.ioloop import IOLoop

_RETIRE = 120  # seconds before the walltime at which all workers of a job have ended: time for several chunks
_ATTEMPTS = 3  # how often each job may end before it brought a worker
_CLOSE_TIMEOUT = 10.0  # seconds to wait for the scheduler to close
_TLS_OPTIONS = ("--tls-ca-file", "--tls-cert", "--tls-key")
_PROLOGUE = [
    "export OMP_NUM_THREADS=1",
    # Dask's web servers ask for no certificate, so they get no pages; other users must not write to Dask's folder.
    "export DASK_DISTRIBUTED__WORKER__HTTP__ROUTES='[]'",
    "export DASK_TEMPORARY_DIRECTORY=$(mktemp -d)",
    "trap 'rm -rf \"$DASK_TEMPORARY_DIRECTORY\"' EXIT",
]


@dataclass
class BatchJobs:
    """Workers in jobs of a batch system's queue.

    Attributes
    ----------
    options : JobOptions
        What each job asks for, and how many jobs there are; each core has a worker of its own.
    system : BatchSystem
        Slurm by default.
    interface : str or None
        The network interface by which jobs reach the scheduler, which is in this process: `lo` on a single node. By
        default the one by which this machine reaches the rest of the world.
    name : str
        The jobs' name in the queue, which no other jobs have.

    Raises
    ------
    InputError
        If this machine has no such interface, or the system cannot be asked for what the options say.
    """

    options: JobOptions = field(default_factory=JobOptions)
    system: BatchSystem = SLURM
    _: KW_ONLY
    interface: str | None = None
    name: str = field(default_factory=lambda: f"abm-work-{secrets.token_hex(3)}")  # PBS takes no longer one
    _keeper: JobKeeper | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        one_line("the working directory", os.getcwd())
        self.system.check(self.options)
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
        keeper = self._keeper
        if keeper is None:
            return False
        if keeper.ended_early >= _ATTEMPTS * self.options.jobs:
            what = f"{keeper.ended_early} jobs in a row ended before a worker came of one"
            raise Stopped(f"{what}; {self.system.output_hint} keeps what they print")
        return keeper.pending > 0

    def missing_workers(self, workers: int) -> str:
        """How many workers there are of all, and how many jobs wait, are refused or were lost."""
        keeper = self._keeper
        if keeper is None:
            return ""
        if workers:
            keeper.ended_early = 0
        if workers >= self.cores():
            return ""
        jobs = self.options.jobs
        texts = [f"{workers} of {self.cores()} workers"]
        texts += [f"{keeper.pending} of {jobs} jobs wait in the queue"] if keeper.pending else []
        texts += [f"{keeper.refused} of {jobs} jobs refused by {self.system.title}"] if keeper.refused else []
        texts += [f"{keeper.lost} lost and replaced"] if keeper.lost else []
        return ", ".join(texts)

    def cores(self) -> int:
        """The cores of all jobs."""
        return self.options.jobs * self.options.cores

    def script(self, address: str = "tls://SCHEDULER:PORT", certificate: str = f"DIR/working/{CERTIFICATE}") -> str:
        """The script of a job; nothing is submitted or started."""
        made = _job_class(self.system)
        return made(address, name=self.system.job_variable, **self._job_settings(certificate)).job_script()

    def check(self) -> None:
        """Ask the system whether it would accept a job or, where it cannot be asked, for its queue.

        Raises
        ------
        InputError
            With the system's answer.
        """
        script = self.script()
        if self.system.test:
            queues.call(self.system.kind, self.system.test, script)
        else:
            self.system.queue(self.name)

    @contextlib.contextmanager
    def client(self, folder: Path, note: Callable[[str], None]) -> "Iterator[Client]":
        """Submit the jobs, replace those that end, and cancel all after the block."""
        with (
            shared_security(folder) as security,
            own_settings({}),
            quiet_dask(),
            loop_without_terminal_signals() as loop,
            self._scheduler(loop, security) as address,
            self._jobs_kept_running(self.script(address, security.tls_worker_cert), note),
            connected(address, loop=loop, security=security) as client,
        ):
            yield client

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
        """Submit the jobs, replace those that end during the block, and cancel all after it."""
        keeper = self._keeper = JobKeeper(self.system, self.name, self.options.jobs, script, self._lifetime()[0], note)
        with without_terminal_signals():
            threading.Thread(target=keeper.keep, daemon=True).start()
        try:
            yield
        finally:
            keeper.close()
            with contextlib.suppress(InputError, OSError):
                self.system.cancel_all(self.name, keeper.jobs)

    def _lifetime(self) -> tuple[int, int]:
        """Seconds after which the first and the last worker of a job may end of their own accord."""
        options = self.options
        latest = max(options.seconds - _RETIRE, options.seconds // 2)
        return latest - 2 * (latest // 10), latest

    def _job_settings(self, certificate: str) -> dict[str, Any]:
        first, latest = self._lifetime()
        stagger = (latest - first) // 2  # seconds by which a worker may end before or after its lifetime
        options, text = self.options, self.system.shell_text
        return {
            "cores": options.cores,
            "processes": options.cores,
            "memory": f"{options.megabytes}MiB",
            "job_name": self.name,
            "python": text(shlex.quote(sys.executable)),
            "interface": self.interface,
            "protocol": "tls://",
            "worker_extra_args": [
                *(word for option in _TLS_OPTIONS for word in (option, text(shlex.quote(certificate)))),
                *("--lifetime", f"{latest - stagger}s", "--lifetime-stagger", f"{stagger}s"),
                *("--no-dashboard", "--dashboard-address", "127.0.0.1:0"),
            ],
            "job_script_prologue": [text(line) for line in (*exports(), *_PROLOGUE)],
            **self.system.settings(options, self.name),
        }


def _job_class(system: BatchSystem) -> "type[Job]":
    handler = signal.getsignal(signal.SIGINT)
    try:
        made = importlib.import_module(f"dask_jobqueue.{system.kind}")
    except ModuleNotFoundError:
        needed = f"--cluster {system.kind} needs dask-jobqueue"
        raise InputError(f"{needed}: pip install -e '.[cluster]' in a clone of abm") from None
    if signal.getsignal(signal.SIGINT) is not handler:  # its import makes Ctrl-C end this process with exit code 0
        signal.signal(signal.SIGINT, handler)
    return getattr(made, system.job_class)
