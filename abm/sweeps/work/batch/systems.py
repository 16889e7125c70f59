"""What differs between batch systems: a `BatchSystem` for each, and nothing elsewhere."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

from abm.errors import InputError, shown
from abm.sweeps.work.batch import directives, queues
from abm.sweeps.work.batch.directives import condor_text, condor_word, descriptions, words_of
from abm.sweeps.work.job_options import JobOptions


@dataclass(frozen=True)
class BatchSystem:
    """A batch system.

    Attributes
    ----------
    kind, title : str
        Its name as an option, and as its users write it.
    job_class : str
        The class of dask-jobqueue that writes its scripts of workers.
    settings : callable
        What that class takes, of options and the jobs' name, beside what all take.
    header : callable
        The directives of a script of abm's own, of options, a name and a number of tasks (0: no array).
    prefix : str
        What begins a line with directives; empty where a script is a description instead, as in HTCondor.
    submit : tuple of str
        The command that submits the script that it reads.
    job_number : str
        The pattern of the line with a job's number in the answer to that, for Python and for sed.
    after : str
        Options of that command, in bash, for a job that waits until those of the numbers `jobs` have ended, whatever
        their exit codes.
    queue : callable
        The jobs of a name that wait or run: by number, whether they wait.
    cancel : tuple of str
        The command that ends all jobs of the name `{name}` of `{user}`, or those whose numbers follow.
    output_hint : str
        The option by which a job keeps what it prints.
    job_variable : str
        A text in a script that becomes the number of its job.
    array_variable : str
        The variable with the number of a task of an array, the first of which is 1.
    largest_array : int
        Tasks of the largest array that the system takes unless it is set otherwise.
    test : tuple of str
        The command that says whether a script that it reads would be accepted, where there is one.
    inline : bool
        Whether the submission takes directives as options and the script as its last argument.
    """

    kind: str
    title: str
    _: KW_ONLY
    job_class: str
    settings: Callable[[JobOptions, str], dict[str, Any]]
    header: Callable[[JobOptions, str, int], list[str]]
    prefix: str
    submit: tuple[str, ...]
    job_number: str
    after: str
    queue: Callable[[str], dict[str, bool]]
    cancel: tuple[str, ...]
    output_hint: str
    job_variable: str
    array_variable: str
    largest_array: int
    test: tuple[str, ...] = ()
    inline: bool = False

    def check(self, options: JobOptions) -> None:
        """Raise InputError if the system cannot be asked for what the options say."""
        if self.inline:
            for line in options.directive:
                words_of("--directive", line)
        elif not self.prefix:
            descriptions(options)
            if options.queue is not None:
                raise InputError(f"--queue {shown(options.queue)}: {self.title} has no queues; --account names a group")

    def script(self, options: JobOptions, name: str, commands: Sequence[str], tasks: int = 0) -> str:
        """A script of abm's own that runs commands of the shell, the last of which should be by `exec`."""
        header = self.header(options, name, tasks)
        if self.prefix:
            lines = [*(f"{self.prefix} {line}" for line in (*header, *options.directive)), *commands]
            return "\n".join(["#!/bin/bash", *lines]) + "\n"
        own = [f"{key} = {value}" for key, value in descriptions(options).items()]
        shell = "; ".join(line for line in commands if not line.startswith("#"))
        words = f'arguments = "-c {condor_word(shell)}"'
        return "\n".join([*header, *own, "executable = /bin/bash", words, "queue"]) + "\n"

    def until_walltime(self, options: JobOptions) -> str:
        """What goes before a command to end it by a signal before its job's walltime; Slurm does that by itself."""
        limit = max(options.seconds - directives.WARNING, options.seconds // 2)
        return "" if self is SLURM else f"timeout --preserve-status --signal=TERM {limit} "

    def shell_text(self, text: str) -> str:
        """A text of the shell as dask-jobqueue should write it into a script."""
        return text if self.prefix else condor_text(text)

    def submission(self, script: str) -> tuple[list[str], str]:
        """The command that submits a script, and what it reads."""
        if not self.inline:
            return list(self.submit), script
        lines = script.splitlines()
        options = [line.removeprefix(self.prefix) for line in lines if line.startswith(f"{self.prefix} ")]
        text = "\n".join(line for line in lines if not line.startswith("#"))
        words = [word for line in options for word in words_of("a directive", line)]
        return [*self.submit, *words, text], ""

    def submitted(self, script: str) -> str:
        """Submit a script; the number of its job."""
        command, text = self.submission(script)
        answer = queues.call(self.kind, command, text)
        found = re.search(self.job_number, answer, re.MULTILINE)
        if not found:
            raise InputError(f"--cluster {self.kind}: {command[0]} names no job: {shown(answer)}")
        return found[1]

    def cancel_all(self, name: str, known: Callable[[], list[str]]) -> None:
        """End all jobs of a name; where that cannot be said, those whose numbers are known."""
        command = [word.format(name=name, user=os.getuid()) for word in self.cancel]
        jobs = [] if command != list(self.cancel) else known()
        if jobs or command != list(self.cancel):
            queues.call(self.kind, [*command, *jobs])


SLURM = BatchSystem(
    "slurm",
    "Slurm",
    job_class="SLURMJob",
    settings=directives.slurm_settings,
    header=directives.slurm_header,
    prefix="#SBATCH",
    submit=("sbatch", "--parsable"),
    job_number="^([0-9]+)",
    after='"--dependency=afterany:$(IFS=:; echo "${jobs[*]}")"',
    queue=queues.slurm,
    cancel=("scancel", "--user={user}", "--name={name}"),
    output_hint="--directive=--output=FILE",
    job_variable='"$SLURM_JOB_ID"',
    array_variable="SLURM_ARRAY_TASK_ID",
    largest_array=1000,
    test=("sbatch", "--test-only"),
)
PBS = BatchSystem(
    "pbs",
    "PBS",
    job_class="PBSJob",
    settings=directives.pbs_settings,
    header=directives.pbs_header,
    prefix="#PBS",
    submit=("qsub",),
    job_number="^([0-9][^ ]*)",
    after='-W "depend=afterany:$(IFS=:; echo "${jobs[*]}")"',
    queue=queues.pbs,
    cancel=("qdel",),
    output_hint="--directive='-o FILE'",
    job_variable='"$PBS_JOBID"',
    array_variable="PBS_ARRAY_INDEX",
    largest_array=10_000,
)
SGE = BatchSystem(
    "sge",
    "Grid Engine",
    job_class="SGEJob",
    settings=directives.sge_settings,
    header=directives.sge_header,
    prefix="#$",
    submit=("qsub", "-terse"),
    job_number="^([0-9]+)",
    after='-hold_jid "$(IFS=,; echo "${jobs[*]}")"',
    queue=queues.sge,
    cancel=("qdel",),
    output_hint="--directive='-o FILE'",
    job_variable='"$JOB_ID"',
    array_variable="SGE_TASK_ID",
    largest_array=75_000,
)
LSF = BatchSystem(
    "lsf",
    "LSF",
    job_class="LSFJob",
    settings=directives.lsf_settings,
    header=directives.lsf_header,
    prefix="#BSUB",
    submit=("bsub",),
    job_number="^Job <([0-9]+)>",
    after="""-w "$(printf 'ended(%s) && ' "${jobs[@]}" | sed 's/ && $//')" """,
    queue=queues.lsf,
    cancel=("bkill", "-J", "{name}", "0"),
    output_hint="--directive='-o FILE'",
    job_variable='"$LSB_JOBID"',
    array_variable="LSB_JOBINDEX",
    largest_array=1000,
)
HTCONDOR = BatchSystem(
    "htcondor",
    "HTCondor",
    job_class="HTCondorJob",
    settings=directives.condor_settings,
    header=directives.condor_header,
    prefix="",
    submit=("condor_submit", "-terse"),
    job_number=r"^([0-9]+\.[0-9]+)",
    after="",
    queue=queues.htcondor,
    cancel=("condor_rm", "-constraint", 'JobBatchName == "{name}"'),
    output_hint="--directive='error = FILE'",
    job_variable="$(ClusterId).$(ProcId)",
    array_variable="",
    largest_array=10_000,
)
OAR = BatchSystem(
    "oar",
    "OAR",
    job_class="OARJob",
    settings=directives.oar_settings,
    header=directives.oar_header,
    prefix="#OAR",
    submit=("oarsub",),
    job_number="^OAR_JOB_ID=([0-9]+)",
    after='"${jobs[@]/#/--anterior=}"',
    queue=queues.oar,
    cancel=("oardel",),
    output_hint="--directive='-E FILE'",
    job_variable='"$OAR_JOB_ID"',
    array_variable="OAR_ARRAY_INDEX",
    largest_array=10_000,
    inline=True,
)
SYSTEMS: Mapping[str, BatchSystem] = {each.kind: each for each in (SLURM, PBS, SGE, LSF, HTCONDOR, OAR)}
