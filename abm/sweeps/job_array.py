"""Scripts of job arrays, in which each task makes a shard of a sweep, and of the job that makes the tables then."""

import os
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from abm.errors import InputError, one_line
from abm.sweeps.design.design import Design
from abm.sweeps.work.batch.environment import exports
from abm.sweeps.work.batch.systems import HTCONDOR, SLURM, BatchSystem
from abm.sweeps.work.job_options import JobOptions

_NAME, _FINISH = "abm-sweep", "abm-finish"
_END = "END_OF_SCRIPT"
_MACRO = "SHARD"


def array_script(design: str, out: Path, options: JobOptions) -> str:
    """A script for Slurm's `sbatch` that makes the runs of a design, by name or path, in the folder `out`.

    Raises
    ------
    InputError
        If a text does not fit into a line of the script.
    """
    made = _Commands(design, out, options, SLURM)
    commands = [
        "# A task compiles the kernels if they are not compiled yet; abm compile does it before, for all tasks.",
        f"# When all tasks are done: abm sweep finish {made.folder}",
        "# A task that reaches its walltime keeps its finished runs; submit this script again to make the others.",
        "export OMP_NUM_THREADS=1",
        # exec, so that the signal before the walltime reaches Python and not the shell
        f"{made.start} \\\n    --shard $SLURM_ARRAY_TASK_ID/{options.jobs}",
    ]
    return SLURM.script(options, _NAME, commands, tasks=options.jobs)


def submission_script(
    design: str, out: Path, options: JobOptions, system: BatchSystem, largest: int | None = None
) -> str:
    """A script for bash that submits all shards of a sweep, and the job that makes the tables when they have ended.

    Parameters
    ----------
    design : str
        By name or path.
    out : path
        The sweep's folder.
    options : JobOptions
        Of a task; `jobs` is the number of shards.
    system : BatchSystem
    largest : int, optional
        The most tasks of an array: more shards are several arrays. By default what the system takes by itself.

    Raises
    ------
    InputError
        If a text does not fit into a line of the script, or the system cannot be asked for what the options say.
    """
    system.check(options)
    commands = _Commands(design, out, options, system)
    lines = [
        "#!/bin/bash",
        f"# For bash, on a machine of the cluster: submits {options.jobs} shards of a sweep to {system.title}, and",
        "# the job that makes the tables when all shards have ended, whatever their exit codes. A shard with failed",
        "# runs ends with 3, one that reached its walltime with 130. Submitted again, it makes the missing runs.",
        "set -euo pipefail",
    ]
    if system is HTCONDOR:
        return "\n".join([*lines, *_graph(commands, options)]) + "\n"
    lines += ["jobs=()", *_submit_function(system)]
    limit = largest or system.largest_array
    for first in range(0, options.jobs, limit):
        tasks = min(limit, options.jobs - first)
        script = system.script(options, _NAME, commands.shard(first, tasks), tasks if tasks > 1 else 0)
        shards = f"shards {first + 1} to {first + tasks}" if tasks > 1 else f"shard {first + 1}"
        lines += ["", f"# {shards}", *_submitted(system, script)]
    finish = system.script(replace(options, jobs=1, cores=1), _FINISH, commands.finish())
    lines += ["", *_submitted(system, finish, system.after)]
    return "\n".join([*lines, 'echo "submitted: ${jobs[*]}; the last makes the tables"']) + "\n"


@dataclass
class _Commands:
    """The commands of jobs, with everything quoted for the shell."""

    design: str
    out: Path
    options: JobOptions
    system: BatchSystem

    def __post_init__(self) -> None:
        for name, text in {"DESIGN": self.design, "--out": str(self.out), "the working directory": os.getcwd()}.items():
            one_line(name, text)
        source = self.design if self.design in Design.bundled() else os.path.abspath(self.design)
        self.folder, self._python = shlex.quote(os.path.abspath(self.out)), shlex.quote(sys.executable)
        own = f"{self._python} -m abm sweep {shlex.quote(source)} --out {self.folder} --workers {self.options.cores}"
        self.start = f"exec {self.system.until_walltime(self.options)}{own}"

    def shard(self, first: int, tasks: int, number: str = "") -> list[str]:
        """Those of a task of an array for the shards after the first so many."""
        variable = self.system.array_variable
        own = number or (str(first + 1) if tasks == 1 else f"$(({variable} + {first}))" if first else f"${variable}")
        return self._with_environment(f"{self.start} --shard {own}/{self.options.jobs}")

    def finish(self) -> list[str]:
        """Those of the job that makes the tables."""
        return self._with_environment(f"exec {self._python} -m abm sweep finish {self.folder}")

    def _with_environment(self, command: str) -> list[str]:
        return ["export OMP_NUM_THREADS=1", *exports(), command]


def _submit_function(system: BatchSystem) -> list[str]:
    """A function of the shell that keeps the numbers of jobs in a submission's answer."""
    return [
        "keep_number() {",
        f"    mapfile -t found < <(sed -nE 's/{system.job_number}.*/\\1/p' <<< \"$1\")",
        '    [ ${#found[@]} -gt 0 ] || { echo "no job was submitted: $1" >&2; exit 1; }',
        '    jobs+=("${found[@]}")',
        "}",
    ]


def _submitted(system: BatchSystem, script: str, further: str = "") -> list[str]:
    """Lines of the shell that submit a script."""
    command, text = system.submission(script)
    if not text:
        words = f"{shlex.join(command[:-1])} {further}".rstrip()
        return [f"answer=$({words} {shlex.quote(command[-1])})", 'keep_number "$answer"']
    if _END in text.splitlines():
        raise InputError(f"a line of the script is {_END}, at which the shell would end it")
    words = f"{shlex.join(command)} {further}".rstrip()
    return [f"script() {{ cat << '{_END}'", text + _END, "}", f"answer=$(script | {words})", 'keep_number "$answer"']


def _graph(commands: _Commands, options: JobOptions) -> list[str]:
    """Lines of the shell that submit shards to HTCondor, each a node of a graph whose final node makes the tables."""
    shard = HTCONDOR.script(options, _NAME, commands.shard(0, 0, _MACRO))
    shard = "$(shard)".join(shard.rsplit(_MACRO, 1))  # the shard's number is the last that its command has
    finish = HTCONDOR.script(replace(options, jobs=1, cores=1), _FINISH, commands.finish())
    files = {"shard.sub": shard, "finish.sub": finish}
    lines = ['folder=$(mktemp -d "$PWD/abm-sweep.XXXXXX")', 'cd "$folder"']
    for name, text in files.items():
        lines += [f"cat > {name} << '{_END}'", text + _END]
    return [
        *lines,
        f"for shard in $(seq {options.jobs}); do",
        '    printf \'JOB shard%d shard.sub\\nVARS shard%d shard="%d"\\n\' "$shard" "$shard" "$shard"',
        "done > sweep.dag",
        "echo 'FINAL finish finish.sub' >> sweep.dag",
        "condor_submit_dag sweep.dag",
    ]
