"""Options of the commands that make runs, named once, and the executor that they ask for."""

import os
import re
from collections.abc import Collection
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from abm.errors import InputError
from abm.output.options import whole
from abm.sweeps.work.batch.systems import SYSTEMS
from abm.sweeps.work.job_options import JobOptions

if TYPE_CHECKING:
    from abm.sweeps.work.executors import Executor

Cluster = StrEnum("Cluster", list(SYSTEMS))


def seconds_of(text: str) -> float:
    """A number of seconds above 0."""
    given = str(text)
    if not re.fullmatch(r"[0-9]+(\.[0-9]*)?", given) or float(given) <= 0.0:
        raise typer.BadParameter(f"{given[:60]!r} is not a number of seconds above 0")
    return float(given)


Workers = Annotated[
    int | None,
    typer.Option(metavar="N", parser=whole(1, 4096), help="Processes on this machine. Default: all cores."),
]
Scheduler = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Use a running Dask cluster, by its scheduler.")]
Certificate = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A PEM file for a --scheduler that asks for certificates."),
]
BatchKind = Annotated[Cluster | None, typer.Option(help="Submit jobs to a batch system as workers.")]
Jobs = Annotated[int, typer.Option(metavar="N", parser=whole(1, 100_000), help="Number of jobs.")]
Cores = Annotated[int, typer.Option(metavar="N", parser=whole(1, 4096), help="Cores of a job.")]
Memory = Annotated[str, typer.Option(metavar="SIZE", help="Memory of a job, such as 4GB.")]
Walltime = Annotated[str, typer.Option(metavar="TIME", help="Walltime of a job, such as 01:00:00.")]
Queue = Annotated[str | None, typer.Option(metavar="NAME", help="Queue or partition of the jobs.")]
Account = Annotated[str | None, typer.Option(metavar="NAME", help="Account, project or accounting group of the jobs.")]
Directive = Annotated[
    list[str] | None,
    typer.Option(
        "--directive",
        metavar="TEXT",
        help="A further line for the batch system, without #SBATCH or the like before it; may be repeated.",
    ),
]
Interface = Annotated[
    str | None, typer.Option(metavar="NAME", help="Network interface of this machine that jobs connect to.")
]
Patience = Annotated[
    float, typer.Option(metavar="S", parser=seconds_of, help="Seconds to wait while there is no worker.")
]
PATIENCE = 600.0

_JOB_OPTIONS = (*(field.name for field in fields(JobOptions)), "interface")
_SCHEDULER_OPTIONS = ("tls_ca", "tls_cert", "tls_key")


def is_given(context: typer.Context, name: str) -> bool:
    """Whether a command's option is on its command line."""
    return context.get_parameter_source(name).name == "COMMANDLINE"


def refuse_without(context: typer.Context, needed: str, names: tuple[str, ...]) -> None:
    """Refuse options that are given although the one that they belong to is missing."""
    for name in names:
        if is_given(context, name):
            raise InputError(f"--{name.replace('_', '-')} is an option of {needed}, which is missing")


def executor_of(context: typer.Context) -> "Executor":
    """The executor that the options of a command ask for, which are named as the types above."""
    given = context.params
    workers, scheduler, cluster = (given[name] for name in ("workers", "scheduler", "cluster"))
    if sum(each is not None for each in (workers, scheduler, cluster)) > 1:
        raise InputError("give only one of --workers, --scheduler and --cluster")
    if cluster is None:
        refuse_without(context, "--cluster", _JOB_OPTIONS)
    if scheduler is None:
        refuse_without(context, "--scheduler", _SCHEDULER_OPTIONS)
    from abm.sweeps.work.executors.existing import ExistingCluster
    from abm.sweeps.work.executors.jobs import BatchJobs
    from abm.sweeps.work.executors.local import LocalProcesses

    if scheduler is not None:
        return ExistingCluster(scheduler, ca=given["tls_ca"], cert=given["tls_cert"], key=given["tls_key"])
    if cluster:
        # Where the sweep itself is a job, it is that job's machine that has the interface.
        interface = None if given.get("detach") else given["interface"]
        return BatchJobs(job_options(context, given["jobs"]), SYSTEMS[cluster], interface=interface)
    return LocalProcesses(workers) if workers else LocalProcesses()


def job_options(context: typer.Context, jobs: int) -> JobOptions:
    """The options of so many jobs, from a command's parameters, which have the names of the fields of JobOptions."""
    given = {field.name: context.params[field.name] for field in fields(JobOptions) if field.name != "jobs"}
    return JobOptions(**given | {"jobs": jobs, "directive": tuple(given["directive"] or ())})


def same_command(context: typer.Context, left_out: Collection[str]) -> list[str]:
    """The words of a command's line, with absolute paths and without some options."""
    from abm.sweeps.design.design import Design

    words = []
    for option in context.command.params:
        if option.name in left_out or not is_given(context, option.name):
            continue
        value = context.params[option.name]
        if option.name == "design":
            words.append(value if value in Design.bundled() else os.path.abspath(value))
        elif value is True:
            words.append(option.opts[0])
        else:
            values = value if isinstance(value, list) else [value]
            words += [f"{option.opts[0]}={os.path.abspath(v) if isinstance(v, Path) else v}" for v in values]
    return words
