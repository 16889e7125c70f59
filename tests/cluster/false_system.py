# ruff: noqa: T201 - printing is what commands do
"""The commands of false batch systems: false_system.py KIND COMMAND OPTIONS…

A submitted script is started at once as a process. In the folder FALSE_SYSTEM there are, for each job, the files
N.name, N.log and, until it is ended, N.pid. The commands read and print what those of the real systems do.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

STATE = Path(os.environ.get("FALSE_SYSTEM", "."))
VARIABLES = {"pbs": "PBS_JOBID", "sge": "JOB_ID", "lsf": "LSB_JOBID", "oar": "OAR_JOB_ID", "htcondor": "_CONDOR_JOB"}
NAME = {
    "pbs": r"^#PBS -N (\S+)",
    "sge": r"^#\$ -N (\S+)",
    "lsf": r"^#BSUB -J (\S+)",
    "htcondor": r"^batch_name = (\S+)",
}


def submit(kind: str, options: list[str]) -> None:
    """Start a job, and print its number as the system does."""
    number = str(len(list(STATE.glob("*.name"))) + 1)
    text = options[-1] if kind == "oar" else sys.stdin.read()
    found = options[options.index("-n") + 1] if kind == "oar" else re.search(NAME[kind], text, re.MULTILINE)[1]
    if kind == "htcondor":
        text = shell_of(text, number)
    (STATE / f"{number}.name").write_text(found)
    # Most systems start a job in an environment of its own.
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR") if key in os.environ}
    with (STATE / f"{number}.log").open("w") as log:
        started = subprocess.Popen(
            ["bash"], stdin=subprocess.PIPE, stdout=log, stderr=log, cwd="/", text=True, start_new_session=True,
            env=kept | {VARIABLES[kind]: number},
        )  # fmt: skip
        started.stdin.write(text)
        started.stdin.close()
    (STATE / f"{number}.pid").write_text(str(started.pid))
    print({
        "pbs": f"{number}.head",
        "sge": number,
        "lsf": f"Job <{number}> is submitted to default queue <normal>.",
        "htcondor": f"{number}.0 - {number}.0",
        "oar": f"[ADMISSION RULE] Set default walltime\nOAR_JOB_ID={number}",
    }[kind])  # fmt: skip


def shell_of(description: str, number: str) -> str:
    """The commands that a description of HTCondor's gives to a shell."""
    text = re.search(r'^arguments = "-c \'(.*)\'"$', description, re.MULTILINE | re.IGNORECASE)[1]
    text = text.replace("$(ClusterId)", number).replace("$(ProcId)", "0")
    assert not re.search(r"\$\((?!DOLLAR\))", text), "a macro that HTCondor does not know"
    return text.replace("$(DOLLAR)", "$").replace("''", "'").replace('""', '"')


def alive(name: str) -> list[str]:
    """The jobs of a name that run."""
    found = []
    for path in sorted(STATE.glob("*.pid")):
        try:
            running = Path(f"/proc/{path.read_text()}/stat").read_text().split()[2] != "Z"
        except FileNotFoundError:
            running = False
        if running and path.with_suffix(".name").read_text() == name:
            found.append(path.stem)
    return found


def listed(kind: str, options: list[str]) -> None:
    """Print the jobs of a name."""
    if kind == "pbs":
        jobs = alive(options[options.index("-N") + 1]) if "R" in options[-1] else []
        print("\n".join(f"{job}.head" for job in jobs))
    elif kind == "lsf":
        jobs = alive(options[options.index("-J") + 1])
        if not jobs:
            sys.exit("Job <abm> is not found")
        print("\n".join(f"{job} RUN" for job in jobs))
    elif kind == "htcondor":
        jobs = alive(re.fullmatch('JobBatchName == "(.*)"', options[options.index("-constraint") + 1])[1])
        print("\n".join(f"{job}.0 2" for job in jobs))
    else:
        names = {path.read_text() for path in STATE.glob("*.name")}
        jobs = [(job, name) for name in names for job in alive(name)]
        if kind == "oar":
            print(json.dumps({job: {"name": name, "state": "Running"} for job, name in jobs}) if jobs else "")
        else:
            rows = "".join(
                f'<job_list state="running"><JB_job_number>{job}</JB_job_number><JB_name>{name}</JB_name>'
                "<state>r</state></job_list>"
                for job, name in jobs
            )
            print(f"<?xml version='1.0'?><job_info><queue_info>{rows}</queue_info><job_info/></job_info>")


def cancel(kind: str, options: list[str]) -> None:
    """End jobs, by their numbers or by a name."""
    if kind == "lsf":
        jobs = alive(options[options.index("-J") + 1])
    elif kind == "htcondor":
        jobs = alive(re.fullmatch('JobBatchName == "(.*)"', options[options.index("-constraint") + 1])[1])
    else:
        jobs = [job.partition(".")[0] for job in options]
    for job in jobs:
        path = STATE / f"{job}.pid"
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int(path.read_text()), signal.SIGKILL)
        path.unlink()


if __name__ == "__main__":
    kind, command, *options = sys.argv[1:]
    if command.endswith(("sub", "submit")):
        submit(kind, options)
    elif command.endswith(("del", "kill", "rm")):
        cancel(kind, options)
    else:
        listed(kind, options)
