"""The script of a Slurm job array, in which each task makes a shard of a sweep."""

import os
import shlex
import sys
from pathlib import Path

from abm.errors import one_line
from abm.sweeps.design.design import Design
from abm.sweeps.work.job_options import JobOptions

_WARNING = 30  # seconds before the walltime at which Slurm tells a task to end


def array_script(design: str, out: Path, options: JobOptions) -> str:
    """A script for `sbatch` that makes the runs of a design, by name or path, in the folder `out`.

    Raises
    ------
    InputError
        If a text does not fit into a line of the script.
    """
    for name, text in {"DESIGN": design, "--out": str(out), "the working directory": os.getcwd()}.items():
        one_line(name, text)
    lines = [
        "job-name=abm-sweep",
        f"array=1-{options.jobs}",
        f"cpus-per-task={options.cores}",
        f"mem={options.megabytes}M",
        f"time={options.walltime}",
        f"signal=B:TERM@{_WARNING}",
        "requeue",
        "open-mode=append",
        *([f"partition={options.queue}"] if options.queue else []),
        *([f"account={options.account}"] if options.account else []),
    ]
    source = shlex.quote(design if design in Design.bundled() else os.path.abspath(design))
    folder, python = shlex.quote(os.path.abspath(out)), shlex.quote(sys.executable)
    script = [
        "#!/bin/bash",
        *(f"#SBATCH --{line}" for line in lines),
        *(f"#SBATCH {line}" for line in options.directive),
        "# A task compiles the kernels if they are not compiled yet; abm compile does it before, for all tasks.",
        f"# When all tasks are done: abm sweep finish {folder}",
        "# A task that reaches its walltime keeps its finished runs; submit this script again to make the others.",
        "export OMP_NUM_THREADS=1",
        # exec, so that the signal before the walltime reaches Python and not the shell
        f"exec {python} -m abm sweep {source} --out {folder} --workers {options.cores} \\",
        f"    --shard $SLURM_ARRAY_TASK_ID/{options.jobs}",
    ]
    return "\n".join(script) + "\n"
