"""Jobs of a Slurm cluster, through dask-jobqueue; each holds a worker a core.

A job that has ended is replaced: its workers have retired, or it was cancelled, or its node has failed. What counts is
Slurm's queue. Dask's own `adapt` would miss jobs that end before their workers came, and those of several workers.
"""

import contextlib
import itertools
import math
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil

from abm.errors import InputError, Stopped, shown
from abm.sweeps.executors import SCHEDULER_SETTINGS

if TYPE_CHECKING:
    from dask_jobqueue import SLURMCluster
    from distributed import Client

_RETIRE = 120  # seconds before the walltime at which all workers of a job have left: more than a few chunks
_ATTEMPTS = 3  # at a job that ends without a worker
_LOOK = 10.0  # seconds between two looks at Slurm's queue
_NO_DASHBOARD = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}  # without one it takes a port that others use
_SETTINGS = SCHEDULER_SETTINGS | {"distributed.deploy.lost-worker-timeout": "60s"}  # a nanny restarts it sooner


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
    _keeper: "_Keeper | None" = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        megabytes(self.memory), seconds(self.walltime)
        if self.interface is not None and self.interface not in psutil.net_if_addrs():
            allowed = ", ".join(sorted(psutil.net_if_addrs()))
            raise InputError(f"--interface {shown(self.interface)} is not one of this machine: {allowed}")

    @property
    def waits(self) -> bool:
        """Whether a job is still waiting for its turn.

        Raises
        ------
        Stopped
            If jobs came and went, and none brought a worker.
        """
        if self._keeper and self._keeper.in_vain >= _ATTEMPTS * self.jobs:
            what = f"{self._keeper.in_vain} jobs in a row ended before a worker came of one"
            raise Stopped(f"{what}; --directive=--output=FILE keeps what they print")
        try:
            return bool(_call("squeue", "--me", "--noheader", f"--name={self.name}", "--states=PENDING"))
        except InputError:
            return False

    def cores(self) -> int:
        """Those of all jobs."""
        return self.jobs * self.cores_a_job

    def script(self) -> str:
        """The script of a job; nothing is submitted or started."""
        return _cluster_class().job_cls("tcp://SCHEDULER:PORT", name="NAME", **self._of_a_job()).job_script()

    def check(self) -> None:
        """Ask Slurm whether it would take a job; it refuses in its own words."""
        _call("sbatch", "--test-only", text=self.script())

    @contextlib.contextmanager
    def client(self) -> "Iterator[Client]":
        """Submit the jobs, replace those that end, and cancel all after the block."""
        import dask
        from distributed import Client

        try:
            with (
                dask.config.set(_SETTINGS),
                _cluster_class()(
                    **self._of_a_job(),
                    scheduler_options=_NO_DASHBOARD,
                    silence_logs=60,  # above critical: what was lost is said by the sweep itself
                ) as cluster,
                self._kept_in_queue(cluster),
                Client(cluster, set_as_default=False) as client,
            ):
                yield client
        finally:
            # Also a job whose number never came back, as when Ctrl-C in a terminal ends sbatch too.
            with contextlib.suppress(InputError):
                _call("scancel", f"--user={os.getuid()}", f"--name={self.name}")

    @contextlib.contextmanager
    def _kept_in_queue(self, cluster: "SLURMCluster") -> Iterator[None]:
        """Submit the jobs, and for the time of the block replace those that end."""
        from tornado.ioloop import PeriodicCallback

        keeper = self._keeper = _Keeper(cluster, self.jobs)
        again = PeriodicCallback(keeper.look, _LOOK * 1000)
        cluster.sync(keeper.look)
        cluster.loop.add_callback(again.start)
        try:
            yield
        finally:
            keeper.over = True
            cluster.loop.add_callback(again.stop)

    def _of_a_job(self) -> dict[str, Any]:
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
            "worker_extra_args": [
                *("--lifetime", f"{latest - stagger}s", "--lifetime-stagger", f"{stagger}s"),
                *("--no-dashboard", "--dashboard-address", "127.0.0.1:0"),
            ],
            "job_script_prologue": ["export OMP_NUM_THREADS=1"],
        }


class _Keeper:
    """Keeps a number of jobs in Slurm's queue."""

    def __init__(self, cluster: "SLURMCluster", jobs: int) -> None:
        self._cluster, self._jobs = cluster, jobs
        self._names = (f"worker-{number}" for number in itertools.count())  # never one again: the old may be known yet
        self.over = False
        self.in_vain = 0  # jobs that have ended since there was a worker

    async def look(self) -> None:
        """Submit what is missing: jobs that have ended, or that Slurm would not take when they were submitted."""
        cluster = self._cluster
        with contextlib.suppress(RuntimeError, OSError):  # Slurm does not answer, or refuses: the next look may help
            known = dict(cluster.workers)
            if known:
                queue = (await cluster.job_cls._call(["squeue", "--me", "--noheader", "--format=%A"])).split()
                ended = {name: job.job_id for name, job in known.items() if job.job_id not in queue}
                at_work = bool(cluster.scheduler_info["workers"])
                self.in_vain = 0 if at_work else self.in_vain + sum(number is not None for number in ended.values())
                for name in ended:
                    cluster.workers.pop(name, None)
                    cluster.worker_spec.pop(name, None)
            if self.over:
                return
            while len(cluster.worker_spec) < self._jobs:
                cluster.worker_spec[next(self._names)] = cluster.new_spec
            await cluster


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


def _cluster_class() -> "type[SLURMCluster]":
    before = signal.getsignal(signal.SIGINT)
    try:
        from dask_jobqueue import SLURMCluster
    except ModuleNotFoundError:
        raise InputError("--cluster slurm needs dask-jobqueue: pip install 'abm[cluster]'") from None
    if signal.getsignal(signal.SIGINT) is not before:  # its import has Ctrl-C end this process, and as if all was well
        signal.signal(signal.SIGINT, before)
    return SLURMCluster


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
