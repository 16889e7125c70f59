"""The scripts of workers for each batch system against recorded ones, and sweeps on false commands of each.

The recorded directives are written by hand from the manuals of the systems.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from abm.cli import main
from abm.errors import InputError
from abm.sweeps.work.batch.systems import SYSTEMS
from abm.sweeps.work.executors.jobs import BatchJobs
from abm.sweeps.work.job_options import JobOptions
from tests.sweeping import tables_of

HERE = Path(__file__).parent
RECORDED = {
    "slurm": """\
#SBATCH -J abm-work-1a2b3c
#SBATCH -p long
#SBATCH -A eco
#SBATCH -n 1
#SBATCH --cpus-per-task=2
#SBATCH --mem=3072M
#SBATCH -t 1-00:20:00
#SBATCH --output=/dev/null
#SBATCH --nice
""",
    "pbs": """\
#PBS -N abm-work-1a2b3c
#PBS -q long
#PBS -A eco
#PBS -l select=1:ncpus=2:mem=3072MB
#PBS -l walltime=24:20:00
#PBS -j oe
#PBS -o /dev/null
#PBS --nice
""",
    "sge": """\
#$ -N abm-work-1a2b3c
#$ -q long
#$ -P eco
#$ -l mem_free=3072M
#$ -l h_rt=24:20:00
#$ -cwd
#$ -j y
#$ -o /dev/null
#$ -S /bin/bash
#$ -pe smp 2
#$ --nice
""",
    "lsf": """\
#BSUB -J abm-work-1a2b3c
#BSUB -q long
#BSUB -P "eco"
#BSUB -n 2
#BSUB -R "span[hosts=1]"
#BSUB -M 3222
#BSUB -W 24:20
#BSUB -o /dev/null
#BSUB --nice
""",
    "htcondor": """\
MY.DaskWorkerName = "htcondor--$F(MY.JobId)--"
batch_name = abm-work-1a2b3c
RequestCpus = MY.DaskWorkerCores
RequestMemory = floor(MY.DaskWorkerMemory / 1048576)
RequestDisk = floor(MY.DaskWorkerDisk / 1024)
MY.JobId = "$(ClusterId).$(ProcId)"
MY.DaskWorkerCores = 2
MY.DaskWorkerMemory = 3221225472
MY.DaskWorkerDisk = 1073741824
periodic_remove = JobStatus == 5 || (JobStatus == 2 && time() - EnteredCurrentStatus > 87600)
accounting_group = eco
+Nice = True
""",
    "oar": """\
#OAR -n abm-work-1a2b3c
#OAR -q long
#OAR --project eco
#OAR -l /nodes=1/core=2,walltime=24:20:00
#OAR -O /dev/null
#OAR -E /dev/null
#OAR --nice
""",
}
PROLOGUE = """\
export OMP_NUM_THREADS=1
export DASK_DISTRIBUTED__WORKER__HTTP__ROUTES='[]'
export DASK_TEMPORARY_DIRECTORY=$(mktemp -d)
trap 'rm -rf "$DASK_TEMPORARY_DIRECTORY"' EXIT
"""
WORKER = (
    "PYTHON -m distributed.cli.dask_worker tls://head:8786 --name NAME --nthreads 1 --memory-limit 1.50GiB "
    "--nworkers 2 --nanny --death-timeout 60 --tls-ca-file c.pem --tls-cert c.pem --tls-key c.pem "
    "--lifetime 78732s --lifetime-stagger 8748s --no-dashboard --dashboard-address 127.0.0.1:0 --protocol tls://\n"
)
NAMES = {
    "slurm": '"$SLURM_JOB_ID"',
    "pbs": '"$PBS_JOBID"',
    "sge": '"$JOB_ID"',
    "lsf": '"$LSB_JOBID"',
    "oar": '"$OAR_JOB_ID"',
}
CONDOR = f"""\
Arguments = "-c '{PROLOGUE.rstrip()}; {WORKER.rstrip()}'"
Executable = /bin/sh

Queue
"""


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """No variables that a job would be given, and LSF's unit of memory."""
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "PYTHONPATH", "LD_LIBRARY_PATH"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "lsf.conf").write_text("LSF_UNIT_FOR_LIMITS=MB\n")
    monkeypatch.setenv("LSF_ENVDIR", str(tmp_path))


def job(kind: str, **further: object) -> BatchJobs:
    """An executor with all options."""
    own = {"queue": None, "directive": ("+Nice = True",)} if kind == "htcondor" else {}
    options = {"cores": 2, "memory": "3GB", "walltime": "1-00:20:00", "queue": "long", "account": "eco"}
    options |= {"directive": ("--nice",)} | own | further
    return BatchJobs(JobOptions(**options), SYSTEMS[kind], name="abm-work-1a2b3c")


@pytest.mark.parametrize("kind", [kind for kind in SYSTEMS if kind != "htcondor"])
def test_the_script_of_a_job_is_the_recorded_one(kind, bare):
    worker = WORKER.replace("PYTHON", sys.executable).replace("NAME", NAMES[kind])
    recorded = f"#!/usr/bin/env bash\n\n{RECORDED[kind]}{PROLOGUE}{worker}"
    if kind == "slurm":  # whose times the option has
        assert "-t 1-00:20:00" in recorded
    assert job(kind).script("tls://head:8786", "c.pem").rstrip() == recorded.rstrip()


def test_the_description_of_a_job_of_htcondor_is_the_recorded_one(bare):
    made = job("htcondor").script("tls://head:8786", "c.pem")
    shell = f"{PROLOGUE}{WORKER}".replace("PYTHON", sys.executable).rstrip()
    shell = shell.replace("\n", "; ").replace("'", "''").replace('"', '""').replace("$", "$(DOLLAR)")
    shell = shell.replace("--name NAME", "--name $(ClusterId).$(ProcId)")
    recorded = f"""\
#!/usr/bin/env condor_submit

{RECORDED["htcondor"]}
Arguments = "-c '{shell}'"
Executable = /bin/sh

Queue
"""
    assert made.rstrip() == recorded.rstrip()


@pytest.mark.parametrize("kind", SYSTEMS)
def test_jobs_of_each_system_have_certificates_and_what_libraries_are_found_by(kind, bare, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/a place/of $mine")
    script = job(kind).script(certificate="/a place/c.pem")
    assert script.count("a place/c.pem") == 3
    quoted = "''/a place/of $(DOLLAR)mine''" if kind == "htcondor" else "'/a place/of $mine'"
    assert f"export NUMBA_CACHE_DIR={quoted}" in script
    assert "--protocol tls://" in script and "--no-dashboard" in script


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("htcondor", {"queue": "long"}, "--queue 'long': HTCondor has no queues"),
        ("htcondor", {"directive": ("--nice",)}, "--directive '--nice' is not of the form NAME = VALUE"),
        ("oar", {"directive": ("-p 'memory",)}, '--directive "-p \'memory": No closing quotation'),
        ("pbs", {"queue": "a b"}, "--queue 'a b' has a blank or a sign of the shell"),
        ("lsf", {"account": 'a"b'}, "--account 'a\"b' has a blank or a sign of the shell"),
    ],
)
def test_what_a_system_cannot_be_asked_for_is_refused(kind, options, message):
    with pytest.raises(InputError, match=re.escape(message)):
        job(kind, **options)


@pytest.mark.parametrize("kind", SYSTEMS)
def test_without_its_commands_a_system_is_refused_and_its_script_is_printed(kind, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=f"--cluster {kind}: there is no command "):
        job(kind).check()
    assert "distributed.cli.dask_worker" in job(kind).script()


def test_a_dry_run_prints_the_scripts_of_the_jobs_and_of_the_client(monkeypatch, tmp_path, capsys):
    (tmp_path / "design.toml").write_text(DESIGN)
    monkeypatch.setenv("PATH", str(tmp_path))
    command = ["sweep", str(tmp_path / "design.toml"), "--out", str(tmp_path / "out"), "--cluster", "pbs", "--detach"]
    assert main([*command, "--dry-run"]) == 0
    worker, client = capsys.readouterr().out.split("#!/bin/bash\n")
    assert "distributed.cli.dask_worker" in worker and "#PBS -l walltime=01:00:00\n" in worker
    assert "#PBS -l walltime=24:00:00\n" in client and " -m abm sweep " in client
    assert not (tmp_path / "out").exists()


DESIGN = """\
scenario = "one-market"
[set]
steps = 20
capacity = 40
[factors]
churn = [0.1, 0.9]
[replications]
count = 5
"""
COMMANDS = {
    "pbs": ("qsub", "qselect", "qdel"),
    "sge": ("qsub", "qstat", "qdel"),
    "lsf": ("bsub", "bjobs", "bkill"),
    "htcondor": ("condor_submit", "condor_q", "condor_rm"),
    "oar": ("oarsub", "oarstat", "oardel"),
}


@pytest.fixture
def false_system(monkeypatch, tmp_path):
    """Puts false commands of a system on the path, which keep its state in a folder; gives that folder."""

    def of(kind: str) -> Path:
        for name in COMMANDS[kind]:
            command = tmp_path / "bin" / name
            command.parent.mkdir(exist_ok=True)
            command.write_text(f'#!/bin/sh\nexec {sys.executable} {HERE / "false_system.py"} {kind} {name} "$@"\n')
            command.chmod(0o755)
        state = tmp_path / "state"
        state.mkdir()
        monkeypatch.setenv("FALSE_SYSTEM", str(state))
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        return state

    return of


@pytest.mark.slow
@pytest.mark.parametrize("kind", COMMANDS)
def test_a_sweep_by_the_commands_of_each_system_has_the_bytes_of_a_local_one_and_leaves_no_job(
    kind, false_system, tmp_path, monkeypatch
):
    state = false_system(kind)
    place = tmp_path / "it's a place"
    place.mkdir()
    (place / "design.toml").write_text(DESIGN)
    monkeypatch.chdir(place)
    assert main(["sweep", "design.toml", "--out", "local", "--workers", "1"]) == 0
    command = [sys.executable, "-m", "abm", "sweep", "design.toml", "--out", "by $HOME jobs"]
    command += ["--cluster", kind, "--jobs", "2", "--interface", "lo"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert told.returncode == 0, (told.stderr, [path.read_text() for path in state.glob("*.log")])
    assert tables_of(place / "by $HOME jobs") == tables_of(place / "local")
    assert len(list(state.glob("*.name"))) == 2, "so many jobs were submitted"
    assert not list(state.glob("*.pid")), "a job is left"
    assert sorted(path.name for path in place.iterdir()) == ["by $HOME jobs", "design.toml", "local"]


def test_the_false_commands_of_each_system_are_found_by_their_names():
    assert shutil.which("python3") or sys.executable
    assert set(COMMANDS) == set(SYSTEMS) - {"slurm"}
