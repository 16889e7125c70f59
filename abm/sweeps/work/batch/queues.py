"""How the commands of batch systems are called, and how each tells which jobs of a name are in its queue.

A queue is given as a dict: by the number of each job that waits or runs, whether it still waits.
"""

import getpass
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from xml.etree import ElementTree

from abm.errors import InputError

_PATIENCE = 60.0  # seconds that a command has to answer
_OAR_WAITING = {"Waiting", "Hold", "toLaunch", "toAckReservation", "Launching"}
_OAR_ENDED = {"Terminated", "Error", "toError"}


def call(kind: str, command: Sequence[str], text: str = "", none: str = "") -> str:
    """The output of a command of a batch system that reads a text.

    A command that fails with words of the pattern `none` has found no job, which is no error.

    Raises
    ------
    InputError
        If there is no such command, it fails or does not answer.
    """
    if not shutil.which(command[0]):
        raise InputError(f"--cluster {kind}: there is no command {command[0]} here; is this a machine of the cluster?")
    try:
        told = subprocess.run(
            command, input=text, capture_output=True, encoding="utf-8", errors="replace", timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"--cluster {kind}: {command[0]} did not answer for a minute") from None
    if told.returncode and not (none and re.search(none, told.stderr + told.stdout)):
        reason = " ".join(told.stderr.split()) or " ".join(told.stdout.split()) or f"{command[0]} failed"
        raise InputError(f"--cluster {kind}: {reason}")
    return told.stdout.strip()


def slurm(name: str) -> dict[str, bool]:
    """By `squeue`."""
    lines = call("slurm", ["squeue", "--me", "--noheader", f"--name={name}", "--format=%A %T"]).splitlines()
    return {job: state == "PENDING" for job, _, state in (line.partition(" ") for line in lines)}


def pbs(name: str) -> dict[str, bool]:
    """By `qselect`, once for all jobs that have not ended and once for those that wait."""
    mine = ["qselect", "-u", getpass.getuser(), "-N", name, "-s"]
    jobs = call("pbs", [*mine, "EHQRSTW"]).split()
    waiting = set(call("pbs", [*mine, "HQTW"]).split()) if jobs else set()
    return {job: job in waiting for job in jobs}


def sge(name: str) -> dict[str, bool]:
    """By `qstat` in XML, whose other forms cut names; a job in an error state (E) will not run and does not count."""
    answer = call("sge", ["qstat", "-u", getpass.getuser(), "-xml"])
    try:
        root = ElementTree.fromstring(answer)
    except ElementTree.ParseError:
        raise InputError("--cluster sge: qstat -xml does not answer with XML") from None
    found = {}
    for job in root.iter("job_list"):
        state = job.findtext("state", "")
        if job.findtext("JB_name") == name and "E" not in state:
            found[job.findtext("JB_job_number", "")] = "q" in state
    return found


def lsf(name: str) -> dict[str, bool]:
    """By `bjobs`, which fails where there is no such job."""
    command = ["bjobs", "-J", name, "-noheader", "-o", "jobid stat"]
    lines = call("lsf", command, none="not found|No unfinished job").splitlines()
    return {words[0]: words[1] in ("PEND", "PSUSP") for words in map(str.split, lines) if len(words) == 2}


def htcondor(name: str) -> dict[str, bool]:
    """By `condor_q`; its states 3, 4 and 5 are removed, completed and held, after which no job of ours runs again."""
    command = ["condor_q", "-constraint", f'JobBatchName == "{name}"', "-af:j", "JobStatus"]
    lines = call("htcondor", command).splitlines()
    states = [words for words in map(str.split, lines) if len(words) == 2]
    return {job: state == "1" for job, state in states if state not in ("3", "4", "5")}


def oar(name: str) -> dict[str, bool]:
    """By `oarstat` in JSON, which is empty where there is no job."""
    answer = call("oar", ["oarstat", "-J", "-u", getpass.getuser()])
    try:
        jobs = json.loads(answer or "{}")
        mine = {job: facts["state"] for job, facts in jobs.items() if facts["name"] == name}
    except (ValueError, KeyError, AttributeError, TypeError):
        raise InputError("--cluster oar: oarstat -J does not answer with jobs in JSON") from None
    return {job: state in _OAR_WAITING for job, state in mine.items() if state not in _OAR_ENDED}
