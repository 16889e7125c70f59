"""What each batch system is asked for, as the directives of scripts.

For each there are two functions of the same options: `…_settings` has what the class of dask-jobqueue that writes the
scripts of workers takes beside what all take, and `…_header` the directives of abm's own scripts, of a name and a
number of tasks (0: no array).
"""

import re
import shlex
from typing import Any

from abm.errors import InputError, shown
from abm.sweeps.work.job_options import JobOptions

WARNING = 30  # seconds before its walltime at which a job is told to end


def words_of(name: str, line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as problem:
        raise InputError(f"{name} {shown(line)}: {problem}") from None


def descriptions(options: JobOptions) -> dict[str, str]:
    """The further lines of a description of HTCondor's."""
    found = {}
    for line in options.directive:
        key, equals, value = (part.strip() for part in line.partition("="))
        if not (equals and re.fullmatch(r"\+?[A-Za-z_][\w.]*", key, re.ASCII) and value):
            raise InputError(f"--directive {shown(line)} is not of the form NAME = VALUE, as in a description")
        found[key] = value
    return found


def condor_word(text: str) -> str:
    """A text as one argument within the double quotes of HTCondor's arguments."""
    quoted = text.replace("'", "''").replace('"', '""')
    return f"'{condor_text(quoted)}'"


def condor_text(text: str) -> str:
    """A text in which HTCondor does not replace what looks like its macros."""
    return text.replace("$", "$(DOLLAR)")


def _given(**options: str | None) -> list[str]:
    """Options of one letter or, with a longer name, of two dashes, as far as they have a value."""
    dashed = {("-" if len(name) == 1 else "--") + name: value for name, value in options.items()}
    return [f"{name} {value}" for name, value in dashed.items() if value]


def slurm_settings(options: JobOptions, name: str) -> dict[str, Any]:
    return {
        "job_mem": f"{options.megabytes}M",
        "walltime": options.walltime,
        "queue": options.queue,
        "account": options.account,
        # No file slurm-N.out in the working directory; a later directive of the user's replaces this one.
        "job_extra_directives": ["--output=/dev/null", *options.directive],
    }


def slurm_header(options: JobOptions, name: str, tasks: int) -> list[str]:
    return [
        f"--job-name={name}",
        *([f"--array=1-{tasks}"] if tasks else []),
        f"--cpus-per-task={options.cores}",
        f"--mem={options.megabytes}M",
        f"--time={options.walltime}",
        f"--signal=B:TERM@{WARNING}",
        "--requeue",
        "--open-mode=append",
        *([f"--partition={options.queue}"] if options.queue else []),
        *([f"--account={options.account}"] if options.account else []),
    ]


def pbs_settings(options: JobOptions, name: str) -> dict[str, Any]:
    return {
        "resource_spec": _pbs_resources(options),
        "walltime": options.clock,
        "queue": options.queue,
        "account": options.account,
        "job_extra_directives": ["-j oe", "-o /dev/null", *options.directive],
    }


def pbs_header(options: JobOptions, name: str, tasks: int) -> list[str]:
    return [
        f"-N {name}",
        *([f"-J 1-{tasks}"] if tasks else []),
        f"-l {_pbs_resources(options)}",
        f"-l walltime={options.clock}",
        "-j oe",
        "-r y",
        *_given(q=options.queue, A=options.account),
    ]


def _pbs_resources(options: JobOptions) -> str:
    return f"select=1:ncpus={options.cores}:mem={options.megabytes}MB"


def sge_settings(options: JobOptions, name: str) -> dict[str, Any]:
    further = ["-o /dev/null", *_sge_shell(options), *options.directive]
    return {
        "resource_spec": f"mem_free={options.megabytes}M",
        "walltime": options.clock,
        "queue": options.queue,
        "project": options.account,
        "job_extra_directives": further,
    }


def sge_header(options: JobOptions, name: str, tasks: int) -> list[str]:
    return [
        f"-N {name}",
        *([f"-t 1-{tasks}"] if tasks else []),
        f"-l mem_free={options.megabytes}M",
        f"-l h_rt={options.clock}",
        "-cwd",
        "-j y",
        "-r y",
        *_sge_shell(options),
        *_given(q=options.queue, P=options.account),
    ]


def _sge_shell(options: JobOptions) -> list[str]:
    # A queue may run scripts by the C shell, whatever their first line says.
    return ["-S /bin/bash", *([f"-pe smp {options.cores}"] if options.cores > 1 else [])]


def lsf_settings(options: JobOptions, name: str) -> dict[str, Any]:
    return {
        "walltime": options.hours_and_minutes,
        "queue": options.queue,
        "project": options.account,
        "job_extra_directives": ["-o /dev/null", *options.directive],
    }


def lsf_header(options: JobOptions, name: str, tasks: int) -> list[str]:
    return [
        f'-J "{name}[1-{tasks}]"' if tasks else f"-J {name}",
        f"-n {options.cores}",
        *(['-R "span[hosts=1]"'] if options.cores > 1 else []),
        f"-M {options.megabytes}MB",
        f"-W {options.hours_and_minutes}",
        f"-o {name}-%J{'-%I' if tasks else ''}.txt",
        "-r",
        *_given(q=options.queue, P=options.account),
    ]


def condor_settings(options: JobOptions, name: str) -> dict[str, Any]:
    return {
        "disk": "1GiB",
        "job_extra_directives": {
            "batch_name": name,
            # A job that is held, as one that took too much memory, would stay in the queue and keep no worker.
            "periodic_remove": _condor_end(options),
            **({"accounting_group": options.account} if options.account else {}),
            **descriptions(options),
        },
    }


def condor_header(options: JobOptions, name: str, tasks: int) -> list[str]:
    return [
        "universe = vanilla",
        f"batch_name = {name}",
        f"request_cpus = {options.cores}",
        f"request_memory = {options.megabytes}MB",
        "request_disk = 1GB",
        f"periodic_remove = {_condor_end(options)}",
        f"output = {name}-$(ClusterId).txt",
        f"error = {name}-$(ClusterId).txt",
        *([f"accounting_group = {options.account}"] if options.account else []),
    ]


def _condor_end(options: JobOptions) -> str:
    return f"JobStatus == 5 || (JobStatus == 2 && time() - EnteredCurrentStatus > {options.seconds})"


def oar_settings(options: JobOptions, name: str) -> dict[str, Any]:
    return {
        "walltime": options.clock,
        "queue": options.queue,
        "project": options.account,
        # The property with a node's memory has another name at each site; a directive can ask for it.
        "memory_per_core_property_name": "not_applicable",
        "job_extra_directives": ["-O /dev/null", "-E /dev/null", *options.directive],
    }


def oar_header(options: JobOptions, name: str, tasks: int) -> list[str]:
    return [
        f"-n {name}",
        *([f"--array {tasks}"] if tasks else []),
        f"-l /nodes=1/core={options.cores},walltime={options.clock}",
        *_given(q=options.queue, project=options.account),
    ]
