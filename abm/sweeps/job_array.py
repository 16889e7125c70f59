"""The script of a Slurm job array, each task a shard of a sweep."""

import os
import shlex
import sys
from pathlib import Path

from abm.errors import one_line
from abm.sweeps.design.design import Design
from abm.sweeps.work.executors.slurm import megabytes, seconds

_WARNING = 30  # seconds before the walltime at which a task is told to end


def array_script(
    design: str,
    out: Path,
    shards: int,
    cores: int,
    memory: str,
    walltime: str,
    queue: str | None,
    account: str | None,
    directives: tuple[str, ...],
) -> str:
    """A script for `sbatch`.

    Parameters
    ----------
    design : str
        Name or path.
    out : Path
        The sweep's folder.
    shards : int
        Tasks of the array.
    cores : int
        Of a task.
    memory, walltime : str
        As Slurm takes them.
    queue, account : str or None
    directives : tuple of str
        Further lines for `#SBATCH`.
    """
    seconds(walltime)  # refused if it is no time
    given = {"DESIGN": design, "--out": str(out), "--queue": queue, "--account": account}
    for name, text in [*given.items(), *(("--directive", text) for text in directives)]:
        one_line(name, text)
    one_line("the working directory", os.getcwd())
    options = [
        "job-name=abm-sweep",
        f"array=1-{shards}",
        f"cpus-per-task={cores}",
        f"mem={megabytes(memory)}M",
        f"time={walltime}",
        f"signal=B:TERM@{_WARNING}",
        "requeue",
        "open-mode=append",
        *([f"partition={queue}"] if queue else []),
        *([f"account={account}"] if account else []),
    ]
    place = shlex.quote(design if design in Design.bundled() else os.path.abspath(design))
    folder, python = shlex.quote(os.path.abspath(out)), shlex.quote(sys.executable)
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH --{option}" for option in options),
        *(f"#SBATCH {directive}" for directive in directives),
        "# Once before: a task compiles the kernels if nothing has; abm compile does it for all.",
        f"# When all tasks are done: abm sweep finish {folder}",
        "# A task that its walltime ends keeps what it has finished; submitting this script again goes on from there.",
        "export OMP_NUM_THREADS=1",
        # exec, so that the signal before the walltime reaches Python and not the shell
        f"exec {python} -m abm sweep {place} --out {folder} --workers {cores} \\",
        f"    --shard $SLURM_ARRAY_TASK_ID/{shards}",
    ]
    return "\n".join(lines) + "\n"
