"""The command line `abm sweep`: runs a design, or one of the commands that concern a sweep's folder.

Each command imports what it needs itself, so that `--help` does not wait for the numerical libraries.
"""

import re
import sys
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import typer.core

from abm.errors import InputError, Stopped, nearest
from abm.output.interruption import interruption_first
from abm.output.options import whole
from abm.sweeps.work.job_options import JobOptions

if TYPE_CHECKING:
    from abm.sweeps.work.executors import Executor

FAILED = 3  # exit code of a sweep that finished with failed runs
_DESIGN = "DESIGN"  # the name, in the help, of the command that runs a design


class _DesignOrCommand(typer.core.TyperGroup):
    """A group of commands whose first argument is a design where it is none of the commands."""

    def parse_args(self, ctx, args):
        args = args or ["--help"]
        if args[0] not in self.commands and args[0] not in ("-h", "--help"):
            names = [name for name in self.commands if name != _DESIGN]
            if args[0].replace("-", "").isalpha() and not Path(args[0]).exists() and (hint := nearest(args[0], names)):
                ctx.fail(f"{args[0]!r} is neither a command nor a design{hint}")
            args = [_DESIGN, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="sweep",
    cls=_DesignOrCommand,
    help="Run a design: abm sweep DESIGN --out DIR. The same command goes on after an interruption, and after the "
    "design has been extended it makes only the new runs. abm sweep DESIGN --help lists the options.",
    add_completion=False,
    rich_markup_mode=None,
)


class Cluster(StrEnum):
    """Batch systems whose jobs can be workers."""

    slurm = "slurm"


DesignName = Annotated[
    str, typer.Argument(metavar="DESIGN", help="A bundled design's name or the path of a TOML file.")
]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A sweep's directory.")]
Memory = Annotated[str, typer.Option(metavar="SIZE", help="Memory of a job, such as 4GB.")]
Walltime = Annotated[str, typer.Option(metavar="TIME", help="Walltime of a job, such as 01:00:00.")]
Queue = Annotated[str | None, typer.Option(metavar="NAME", help="Queue or partition of the jobs.")]
Account = Annotated[str | None, typer.Option(metavar="NAME", help="Account of the jobs.")]
Directive = Annotated[
    list[str] | None, typer.Option("--directive", metavar="TEXT", help="A further #SBATCH line; may be repeated.")
]
Jobs = Annotated[int, typer.Option(metavar="N", parser=whole(1, 100_000), help="Number of jobs.")]
Cores = Annotated[int, typer.Option(metavar="N", parser=whole(1, 4096), help="Cores of a job.")]
Certificate = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A PEM file for a --scheduler that asks for certificates."),
]


_JOB_OPTIONS = (*(field.name for field in fields(JobOptions)), "interface")
_SCHEDULER_OPTIONS = ("tls_ca", "tls_cert", "tls_key")


def seconds_of(text: str) -> float:
    given = str(text)
    if not re.fullmatch(r"[0-9]+(\.[0-9]*)?", given) or float(given) <= 0.0:
        raise typer.BadParameter(f"{given[:60]!r} is not a number of seconds above 0")
    return float(given)


def executor_of(context: typer.Context) -> "Executor":
    """The executor that the options of a command ask for, which are named as those of `run`."""
    given = context.params
    workers, scheduler, cluster = (given[name] for name in ("workers", "scheduler", "cluster"))
    if sum(each is not None for each in (workers, scheduler, cluster)) > 1:
        raise InputError("give only one of --workers, --scheduler and --cluster")
    for names, needed, is_given in (
        (_JOB_OPTIONS, "--cluster", cluster is not None),
        (_SCHEDULER_OPTIONS, "--scheduler", scheduler is not None),
    ):
        for name in () if is_given else names:
            if context.get_parameter_source(name).name == "COMMANDLINE":
                raise InputError(f"--{name.replace('_', '-')} is an option of {needed}, which is missing")
    from abm.sweeps.work.executors.existing import ExistingCluster
    from abm.sweeps.work.executors.local import LocalProcesses
    from abm.sweeps.work.executors.slurm import SlurmJobs

    if scheduler is not None:
        return ExistingCluster(scheduler, ca=given["tls_ca"], cert=given["tls_cert"], key=given["tls_key"])
    if cluster:
        return SlurmJobs(_job_options(context, given["jobs"]), interface=given["interface"])
    return LocalProcesses(workers) if workers else LocalProcesses()


@app.command(name=_DESIGN)
def run(
    context: typer.Context,
    design: DesignName,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The sweep's directory; the runs in it are kept.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", parser=whole(1, 4096), help="Processes on this machine. Default: all cores."),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Use a running Dask cluster, by its scheduler.")
    ] = None,
    tls_ca: Certificate = None,
    tls_cert: Certificate = None,
    tls_key: Certificate = None,
    cluster: Annotated[Cluster | None, typer.Option(help="Submit jobs to a batch system as workers.")] = None,
    jobs: Jobs = JobOptions.jobs,
    cores: Cores = JobOptions.cores,
    memory: Memory = JobOptions.memory,
    walltime: Walltime = JobOptions.walltime,
    queue: Queue = JobOptions.queue,
    account: Account = JobOptions.account,
    directive: Directive = None,
    interface: Annotated[
        str | None, typer.Option(metavar="NAME", help="Network interface of this machine that jobs connect to.")
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Make part I of N of the runs; abm sweep finish DIR makes the tables."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, without doing it.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the sweep in DIR.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Make failed runs again.")] = False,
    run_timeout: Annotated[
        float | None, typer.Option(metavar="S", parser=seconds_of, help="Seconds after which a run counts as failed.")
    ] = None,
    patience: Annotated[
        float, typer.Option(metavar="S", parser=seconds_of, help="Seconds to wait while there is no worker.")
    ] = 600.0,
) -> int:
    """Run a design."""
    executor = executor_of(context)
    if shard is not None and (scheduler is not None or cluster):
        raise InputError(
            "--shard goes with --workers only; --scheduler and --cluster divide the runs among workers themselves"
        )
    if shard is not None and overwrite:
        raise InputError("--shard cannot be given with --overwrite: one shard would remove the runs of another")
    if out is None and not dry_run:
        raise InputError("--out DIR is missing")
    from rich.console import Console

    from abm.sweeps.design.design import Design
    from abm.sweeps.results import load_sweep
    from abm.sweeps.run import ALL_RUNS, Shard, SweepRun
    from abm.sweeps.store.writing import SweepWriter
    from abm.sweeps.terminal import print_end, shown_progress

    loaded = Design.load(design)
    part = None if shard is None else Shard.parse(shard)
    errors = Console(stderr=True)
    for note in loaded.notes():
        errors.print(f"note: {note}", soft_wrap=True, markup=False, highlight=False)
    if dry_run:
        from abm.sweeps.estimate import estimate
        from abm.sweeps.terminal import print_status

        kept = None if out is None or overwrite else SweepWriter(out)
        print_status(estimate(loaded, executor, store=kept, shard=part or ALL_RUNS), Console())
        if cluster:
            print(executor.script())
        return 0
    with shown_progress(errors) as watch:
        work = SweepRun(loaded, SweepWriter(out), executor, run_timeout=run_timeout, patience=patience, watch=watch)
        try:
            with interruption_first():
                if part:
                    work.run_shard(part, retry_failed=retry_failed)
                else:
                    work.run(overwrite=overwrite, retry_failed=retry_failed)
        except (KeyboardInterrupt, Stopped, OSError):
            if work.store.working.exists():
                print(f"abm: finished runs are kept in {out}; the same command goes on from there", file=sys.stderr)
            raise
    if part:
        progress = work.progress
        print(f"shard {part.number}/{part.count}: {progress.done:,} runs done, {progress.failed:,} failed")
        return _end(progress.failed, out)
    results = load_sweep(out)
    print_end(results, Console())
    return _end(results.summary["failed"], out)


@app.command()
def status(folder: Folder) -> None:
    """Show how far a sweep is, also while it runs."""
    from rich.console import Console

    from abm.sweeps.status import status as facts
    from abm.sweeps.terminal import print_status

    print_status(facts(folder), Console())


@app.command()
def failures(folder: Folder) -> None:
    """List failed runs with their errors."""
    from rich.console import Console

    from abm.sweeps.status import failures as failed
    from abm.sweeps.terminal import print_failures

    table = failed(folder)
    if table.empty:
        print("no run failed")
    else:
        print_failures(table, Console())


@app.command()
def finish(folder: Folder) -> int:
    """Make the tables of a sweep whose shards are all done."""
    from rich.console import Console

    from abm.sweeps.finish import finish_sweep
    from abm.sweeps.terminal import print_end

    results = finish_sweep(folder)
    print_end(results, Console())
    return _end(results.summary["failed"], folder)


@app.command(name="run-one")
def run_one(
    folder: Folder,
    point: Annotated[int, typer.Argument(metavar="POINT", parser=whole(0, 10**9))],
    replication: Annotated[int, typer.Argument(metavar="REPLICATION", parser=whole(0, 10**9))],
) -> None:
    """Make one run of a sweep again in this process, to see its error."""
    import traceback

    from rich.console import Console

    from abm.output.terminal import print_summary
    from abm.sweeps.status import run_again

    try:
        result = run_again(folder, point, replication)
    except InputError:
        raise
    except Exception as problem:  # noqa: BLE001 - the command is there to show any error of a run
        traceback.print_exc()
        raise Stopped(f"the run raised {type(problem).__name__}: {problem}") from None
    print_summary(result, [], Console())


@app.command()
def script(
    context: typer.Context,
    design: DesignName,
    shards: Annotated[int, typer.Option(metavar="N", parser=whole(1, 1_000_000), help="Number of tasks of the array.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The sweep's directory.")],
    cores: Cores = JobOptions.cores,
    memory: Memory = JobOptions.memory,
    walltime: Walltime = JobOptions.walltime,
    queue: Queue = JobOptions.queue,
    account: Account = JobOptions.account,
    directive: Directive = None,
) -> None:
    """Print a script for a Slurm job array that makes the runs of a design."""
    from abm.sweeps.design.design import Design
    from abm.sweeps.design.plan import plan_of
    from abm.sweeps.job_array import array_script

    options = _job_options(context, shards)
    plan_of(Design.load(design))  # so that a bad design is refused here and not by each task
    print(array_script(design, out, options), end="")


def _job_options(context: typer.Context, jobs: int) -> JobOptions:
    """The options of so many jobs, from a command's parameters, which have the names of the fields of JobOptions."""
    given = {field.name: context.params[field.name] for field in fields(JobOptions) if field.name != "jobs"}
    return JobOptions(**given | {"jobs": jobs, "directive": tuple(given["directive"] or ())})


def _end(failed: int, folder: Path) -> int:
    """The exit code of a sweep; where runs failed, a line on standard error."""
    if not failed:
        return 0
    runs = "1 run" if failed == 1 else f"{failed:,} runs"
    print(f"abm: {runs} failed; abm sweep failures {folder} shows them", file=sys.stderr)
    return FAILED
