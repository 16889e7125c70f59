"""The command line `abm sweep`: runs a design, or one of the commands that concern a sweep's folder.

Each command imports what it needs itself, so that `--help` does not wait for the numerical libraries.
"""

import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import typer.core

from abm.errors import InputError, Stopped, nearest
from abm.output.interruption import interruption_first
from abm.output.options import whole
from abm.sweeps.options import (
    PATIENCE,
    Account,
    BatchKind,
    Certificate,
    Cores,
    Directive,
    Interface,
    Jobs,
    Memory,
    Patience,
    Queue,
    Scheduler,
    Walltime,
    Workers,
    executor_of,
    job_options,
    refuse_without,
    same_command,
    seconds_of,
)
from abm.sweeps.work.batch.systems import SLURM, SYSTEMS
from abm.sweeps.work.job_options import JobOptions

if TYPE_CHECKING:
    from abm.sweeps.detach import ClientJob

ArrayKind = StrEnum("ArrayKind", [*SYSTEMS, "kubernetes"])
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


DesignName = Annotated[
    str, typer.Argument(metavar="DESIGN", help="A bundled design's name or the path of a TOML file.")
]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A sweep's directory.")]


@app.command(name=_DESIGN)
def run(
    context: typer.Context,
    design: DesignName,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The sweep's directory; the runs in it are kept.")
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    tls_ca: Certificate = None,
    tls_cert: Certificate = None,
    tls_key: Certificate = None,
    cluster: BatchKind = None,
    jobs: Jobs = JobOptions.jobs,
    cores: Cores = JobOptions.cores,
    memory: Memory = JobOptions.memory,
    walltime: Walltime = JobOptions.walltime,
    queue: Queue = JobOptions.queue,
    account: Account = JobOptions.account,
    directive: Directive = None,
    interface: Interface = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Submit the sweep itself as a job too, and print that job's number.")
    ] = False,
    client_walltime: Annotated[
        str, typer.Option(metavar="TIME", help="Walltime of that job, which has one core, the memory and the queue.")
    ] = "1-00:00:00",
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Make part I of N of the runs; abm sweep finish DIR makes the tables. In a job array auto/N.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, without doing it.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the sweep in DIR.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Make failed runs again.")] = False,
    run_timeout: Annotated[
        float | None, typer.Option(metavar="S", parser=seconds_of, help="Seconds after which a run counts as failed.")
    ] = None,
    patience: Patience = PATIENCE,
) -> int:
    """Run a design."""
    executor = executor_of(context)
    if not cluster:
        refuse_without(context, "--cluster", ("detach",))
    if not detach:
        refuse_without(context, "--detach", ("client_walltime",))
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
    from abm.sweeps.design.functions import check_functions
    from abm.sweeps.results import load_sweep
    from abm.sweeps.run import SweepRun
    from abm.sweeps.shard import ALL_RUNS, Shard
    from abm.sweeps.store.writing import SweepWriter
    from abm.sweeps.sure import run_until_sure
    from abm.sweeps.terminal import print_end, shown_progress

    loaded = Design.load(design)
    part = None if shard is None else Shard.parse(shard)
    if part and loaded.replications.until:
        raise InputError("--shard goes with a count of replications, not with until, which looks at the runs of all")
    check_functions(loaded)
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
        if detach:
            print(_client(context).script(), end="")
        return 0
    if detach:
        client = _client(context)
        job = client.submit(
            SweepRun(loaded, SweepWriter(out), executor), overwrite=overwrite, retry_failed=retry_failed
        )
        if job is not None:
            print(job)
            print(f"abm: job {job} makes the sweep; abm sweep status {out} follows it", file=sys.stderr)
            return 0
        results = load_sweep(out)
        print_end(results, errors)
        return _end(results.summary["failed"], out)
    with shown_progress(errors) as watch:
        work = SweepRun(loaded, SweepWriter(out), executor, run_timeout=run_timeout, patience=patience, watch=watch)
        try:
            with interruption_first():
                if part:
                    work.run_shard(part, retry_failed=retry_failed)
                else:
                    told = run_until_sure(work, overwrite=overwrite, retry_failed=retry_failed)
        except (KeyboardInterrupt, Stopped, OSError):
            if work.store.working.exists():
                print(f"abm: finished runs are kept in {out}; the same command goes on from there", file=sys.stderr)
            raise
    if part:
        progress = work.progress
        print(f"shard {part.number}/{part.count}: {progress.done:,} runs done, {progress.failed:,} failed")
        return _end(progress.failed, out)
    if told:
        print(f"abm: {told}", file=sys.stderr)
    results = load_sweep(out)
    print_end(results, Console())
    return _end(results.summary["failed"], out)


def _client(context: typer.Context) -> "ClientJob":
    """The job that runs a command, by whose options it is submitted."""
    from abm.sweeps.detach import ClientJob
    from abm.sweeps.work.job_options import seconds

    walltime = context.params["client_walltime"]
    seconds(walltime, "--client-walltime")
    options = replace(job_options(context, 1), cores=1, walltime=walltime)
    command = ["sweep", *same_command(context, {"detach", "client_walltime", "overwrite", "dry_run"})]
    return ClientJob(command, options, SYSTEMS[context.params["cluster"]])


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
    scheduler_kind: Annotated[
        ArrayKind | None,
        typer.Option(help="Print what submits the array and, after it, the job that makes the tables."),
    ] = None,
    cores: Cores = JobOptions.cores,
    memory: Memory = JobOptions.memory,
    walltime: Walltime = JobOptions.walltime,
    queue: Queue = JobOptions.queue,
    account: Account = JobOptions.account,
    directive: Directive = None,
    max_array_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole(2, 1_000_000),
            help="What the system allows: Slurm's MaxArraySize, elsewhere the most tasks. Default: its usual one.",
        ),
    ] = None,
    image: Annotated[str | None, typer.Option(metavar="NAME", help="Image with abm, for kubernetes.")] = None,
    claim: Annotated[
        str | None, typer.Option(metavar="NAME", help="PersistentVolumeClaim to mount on DIR, for kubernetes.")
    ] = None,
) -> None:
    """Print a script for a Slurm job array that makes the runs of a design.

    With --scheduler-kind, a script that submits all to that system, or the manifest of a Kubernetes job.
    """
    from abm.sweeps.design.design import Design
    from abm.sweeps.design.functions import check_functions
    from abm.sweeps.design.plan import plan_of
    from abm.sweeps.job_array import array_script, submission_script
    from abm.sweeps.kubernetes import manifest

    options = job_options(context, shards)
    by_kubernetes = scheduler_kind == ArrayKind.kubernetes
    if not by_kubernetes:
        refuse_without(context, "--scheduler-kind kubernetes", ("image", "claim"))
    if by_kubernetes or scheduler_kind is None:
        refuse_without(context, "--scheduler-kind of a batch system", ("max_array_size",))
    if by_kubernetes and (image is None or claim is None):
        raise InputError("--scheduler-kind kubernetes needs --image and --claim")
    loaded = Design.load(design)  # so that a bad design is refused here and not by each task
    plan_of(loaded)
    check_functions(loaded)
    if scheduler_kind is None:
        text = array_script(design, out, options)
    elif by_kubernetes:
        text = manifest(design, str(out), options, image=image, claim=claim)
    else:
        system = SYSTEMS[scheduler_kind]
        # Slurm's setting is the first number that a task cannot have.
        largest = max_array_size and max_array_size - (system is SLURM)
        text = submission_script(design, out, options, system, largest)
    print(text, end="")


def _end(failed: int, folder: Path) -> int:
    """The exit code of a sweep; where runs failed, a line on standard error."""
    if not failed:
        return 0
    runs = "1 run" if failed == 1 else f"{failed:,} runs"
    print(f"abm: {runs} failed; abm sweep failures {folder} shows them", file=sys.stderr)
    return FAILED
