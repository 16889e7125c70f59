"""The command `abm calibrate`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from abm.errors import InputError, Stopped
from abm.output.interruption import interruption_first
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
)
from abm.sweeps.work.job_options import JobOptions


def calibrate(
    context: typer.Context,
    spec: Annotated[
        str, typer.Argument(metavar="SPEC", help="A bundled specification's name or the path of a TOML file.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Directory to write; the same command goes on in it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as one JSON object.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a calibration that DIR holds.")] = False,
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
    patience: Patience = PATIENCE,
) -> None:
    """Find the parameters that reproduce given figures.

    With their standard errors, and what the figures cannot tell apart.
    """
    executor = executor_of(context)
    if "\0" in str(out):
        raise InputError("a directory's name cannot have a null character")
    from rich.console import Console

    from abm.calibration.calibration import calibrate as made
    from abm.calibration.files import facts_of
    from abm.calibration.folder import MARK, WORKING
    from abm.calibration.report.terminal import print_calibration
    from abm.sweeps.terminal import shown_progress

    with shown_progress(Console(stderr=True)) as watch:
        try:
            with interruption_first():
                found = made(spec, out, executor=executor, overwrite=overwrite, patience=patience, watch=watch)
        except (KeyboardInterrupt, Stopped, OSError):
            if (out / WORKING / MARK).exists():
                print(f"abm: finished runs are kept in {out}; the same command goes on from there", file=sys.stderr)
            raise
    if as_json:
        print(json.dumps(facts_of(found), indent=2, ensure_ascii=False, allow_nan=False))
        return
    print_calibration(found, Console())
    print(f"{out}: report.html, calibrated.toml and tables")
