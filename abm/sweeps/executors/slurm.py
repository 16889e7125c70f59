"""Jobs of a Slurm cluster, each a worker, through dask-jobqueue."""

import contextlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abm.errors import InputError
from abm.sweeps.executors import SCHEDULER_SETTINGS

if TYPE_CHECKING:
    from distributed import Client

_RETIRE = 120  # seconds before the walltime at which a worker leaves: more than a few chunks


@dataclass(frozen=True)
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
        The network interface by which jobs reach the scheduler, `lo` on a single node.
    """

    jobs: int
    cores_a_job: int = 1
    memory: str = "2GB"
    walltime: str = "01:00:00"
    queue: str | None = None
    account: str | None = None
    directives: tuple[str, ...] = ()
    interface: str | None = None
    waits = True

    def cores(self) -> int:
        """Those of all jobs."""
        return self.jobs * self.cores_a_job

    def script(self) -> str:
        """The script of a job, nothing submitted."""
        with _quiet(), self._cluster() as cluster:
            return cluster.job_script()

    @contextlib.contextmanager
    def client(self) -> "Iterator[Client]":
        """Submit the jobs, replace those that end, and cancel all after the block."""
        from distributed import Client

        with _quiet(), self._cluster() as cluster:
            # adapt() rather than scale(), which does not replace workers that have retired.
            cluster.adapt(minimum_jobs=self.jobs, maximum_jobs=self.jobs, interval="2s", wait_count=3)
            with Client(cluster, set_as_default=False) as client:
                yield client

    def _cluster(self):
        try:
            from dask_jobqueue import SLURMCluster
        except ModuleNotFoundError:
            raise InputError("--cluster slurm needs dask-jobqueue: pip install 'abm[cluster]'") from None
        retire = max(seconds(self.walltime) - _RETIRE, seconds(self.walltime) // 2)
        return SLURMCluster(
            cores=self.cores_a_job,
            processes=self.cores_a_job,
            memory=self.memory,
            walltime=self.walltime,
            queue=self.queue,
            account=self.account,
            job_name="abm-sweep",
            job_extra_directives=list(self.directives),
            python=sys.executable,
            interface=self.interface,
            scheduler_options={"dashboard_address": None},
            worker_extra_args=["--lifetime", f"{retire}s", "--lifetime-stagger", f"{max(1, retire // 10)}s"],
            job_script_prologue=["export OMP_NUM_THREADS=1"],
            log_directory=None,
        )


def seconds(walltime: str) -> int:
    """Seconds of a Slurm time: minutes, MM:SS, HH:MM:SS or with days before a dash.

    Examples
    --------
    >>> seconds("01:30:00"), seconds("90"), seconds("1-00:00:00"), seconds("02:30")
    (5400, 5400, 86400, 150)
    """
    match = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", walltime.strip())
    if not match:
        raise InputError(f"--walltime {walltime!r} is not a time as HH:MM:SS or D-HH:MM:SS")
    days, *rest = (None if each is None else int(each) for each in match.groups())
    first, second, third = rest
    if days is not None:
        return ((days * 24 + first) * 60 + (second or 0)) * 60 + (third or 0)
    if third is not None:
        return (first * 60 + second) * 60 + third
    return first * 60 if second is None else first * 60 + second


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    import dask

    with dask.config.set(SCHEDULER_SETTINGS):
        yield
