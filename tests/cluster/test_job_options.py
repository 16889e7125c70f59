"""Options of jobs and the scripts made of them, without a Slurm; a shell runs the script of an array."""

import dataclasses
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from abm.calibration.commands import calibrate
from abm.cli import main
from abm.errors import InputError
from abm.sweeps import Design, commands, sweep
from abm.sweeps.job_array import array_script
from abm.sweeps.work.executors.jobs import BatchJobs
from abm.sweeps.work.job_options import JobOptions, megabytes, seconds

DESIGN = """\
scenario = "four-sectors"
[set]
steps = 20
capacity = 40
[factors]
network_effect = [0.0, 0.5]
[replications]
count = 5
"""


@pytest.mark.parametrize(
    ("walltime", "length"), [("1", 60), ("00:02:00", 120), ("5:00", 300), ("01:00:00", 3600), ("2-00:00:00", 172800)]
)
def test_the_last_worker_of_a_job_leaves_well_before_the_walltime(walltime, length):
    script = BatchJobs(JobOptions(walltime=walltime)).script()
    lifetime, stagger = (int(re.search(rf"--{name} (\d+)s", script)[1]) for name in ("lifetime", "lifetime-stagger"))
    assert lifetime - stagger > 0
    # A chunk takes 5 s; a worker's life begins some seconds after that of its job.
    assert lifetime + stagger <= length - 30
    assert lifetime >= 0.4 * length


def test_a_job_has_a_worker_of_one_thread_for_each_core_and_shares_its_memory():
    script = BatchJobs(JobOptions(jobs=3, cores=4, memory="8GB")).script()
    assert "#SBATCH --cpus-per-task=4\n" in script and "#SBATCH --mem=8192M\n" in script
    for option in ("--nworkers 4", "--nthreads 1", "--memory-limit 2.00GiB", "--nanny", "--no-dashboard"):
        assert option in script


def test_a_job_writes_nothing_where_it_was_submitted_unless_it_is_told_to():
    assert "#SBATCH --output=/dev/null\n" in BatchJobs().script()
    lines = BatchJobs(JobOptions(directive=("--output=mine-%j.txt",))).script().splitlines()
    assert lines.index("#SBATCH --output=mine-%j.txt") > lines.index("#SBATCH --output=/dev/null")  # the later counts


def test_the_interpreter_of_the_client_makes_the_workers_also_where_its_path_has_a_blank(monkeypatch, tmp_path):
    python = tmp_path / "a place" / "python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    told = subprocess.run(["bash"], input=BatchJobs().script(), capture_output=True, text=True, timeout=30)
    assert told.stdout.startswith("-m distributed.cli.dask_worker tls://"), told.stderr


def test_ctrl_c_stays_with_the_command_line_when_the_library_of_the_jobs_is_loaded():
    code = """
import signal
from abm.sweeps.work.executors.jobs import BatchJobs
before = signal.getsignal(signal.SIGINT)
BatchJobs().script()
assert signal.getsignal(signal.SIGINT) is before
"""
    subprocess.run([sys.executable, "-c", code], timeout=120, check=True)


@pytest.mark.parametrize("text", ["", "0", "0:59", "00:00:00", "abc", "1:2:3:4", "-1", "UNLIMITED", "1h", "٣"])
def test_a_walltime_that_is_none_is_refused_with_its_value(text):
    with pytest.raises(InputError, match=f"--walltime {re.escape(repr(text))}"):
        seconds(text)


@pytest.mark.parametrize("text", ["", "4096", "4 GB of it", "-1G", "0GB", "4PB", "nan", "1e3M"])
def test_a_memory_that_is_none_is_refused_with_its_value(text):
    with pytest.raises(InputError, match=f"--memory {re.escape(repr(text))}"):
        megabytes(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jobs": 0}, "--jobs 0 is not an integer of at least 1"),
        ({"cores": True}, "--cores True is not an integer of at least 1"),
        ({"memory": "much"}, "--memory 'much' is not a size"),
        ({"walltime": "soon"}, "--walltime 'soon' is not a time"),
        ({"queue": "a\nb"}, "--queue 'a.*b' holds a control character"),
        ({"account": "a\nb"}, "--account 'a.*b' holds a control character"),
        ({"directive": ("--x", "a\nb")}, "--directive 'a.*b' holds a control character"),
    ],
)
def test_an_option_of_jobs_is_refused_by_name_and_value(options, message):
    with pytest.raises(InputError, match=message):
        JobOptions(**options)


def test_the_script_of_a_job_and_that_of_an_array_ask_for_the_same():
    options = JobOptions(jobs=3, cores=2, memory="3GB", walltime="00:20:00", queue="q", account="a", directive=("--x",))
    scripts = [BatchJobs(options).script(), array_script("network-effect", Path("out"), options)]
    asked = [
        re.compile(f"^#SBATCH {each}$", re.MULTILINE) for each in ("(-p|--partition[ =]?) ?q", "(-A|--account[ =]?) ?a")
    ]
    asked += [
        re.compile(f"^#SBATCH .*{each}", re.MULTILINE) for each in ("cpus-per-task=2", "mem=3072M", "00:20:00", "--x")
    ]
    for script in scripts:
        assert all(each.search(script) for each in asked), script


def test_the_command_has_the_defaults_of_the_options_that_jobs_share():
    for function, left_out in ((commands.run, set()), (commands.script, {"jobs"})):
        given = inspect.signature(function).parameters
        for field in dataclasses.fields(JobOptions):
            if field.name not in left_out | {"directive"}:
                assert given[field.name].default == field.default


def test_options_that_sweeps_and_calibrations_share_are_the_same_ones():
    mine, theirs = (inspect.signature(each).parameters for each in (commands.run, calibrate))
    shared = (set(mine) & set(theirs)) - {"context", "out", "overwrite"}
    assert {"workers", "scheduler", "tls_ca", "cluster", "jobs", "directive", "interface", "patience"} <= shared
    for name in shared:
        assert mine[name].annotation is theirs[name].annotation, name
        assert mine[name].default == theirs[name].default


def test_an_interface_that_this_machine_lacks_is_refused_with_those_that_it_has():
    with pytest.raises(InputError, match=r"--interface 'ib99' is not one of this machine: .*\blo\b"):
        BatchJobs(interface="ib99")


def test_without_slurm_a_sweep_on_it_is_refused_and_a_dry_run_is_not(monkeypatch, tmp_path, capsys):
    (tmp_path / "design.toml").write_text(DESIGN)
    monkeypatch.setenv("PATH", str(tmp_path))
    command = ["sweep", str(tmp_path / "design.toml"), "--out", str(tmp_path / "out"), "--cluster", "slurm"]
    assert main(command) == 2
    assert "no command sbatch" in capsys.readouterr().err
    assert main([*command, "--dry-run"]) == 0
    assert "#SBATCH" in capsys.readouterr().out


def test_the_script_of_an_array_asks_for_what_it_was_told_and_takes_a_bundled_design_by_its_name(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "screening").mkdir()  # is not the design
    options = ["--cores", "3", "--memory", "1.5GB", "--walltime", "00:30:00", "--queue", "q", "--account", "a"]
    assert main(["sweep", "script", "screening", "--shards", "7", "--out", "o", *options, "--directive=--nice"]) == 0
    script = capsys.readouterr().out
    directives = re.findall("^#SBATCH (.*)$", script, re.MULTILINE)
    expected = ["array=1-7", "cpus-per-task=3", "mem=1536M", "time=00:30:00", "partition=q", "account=a", "nice"]
    assert {f"--{each}" for each in [*expected, "requeue", "open-mode=append"]} <= set(directives)
    assert " -m abm sweep screening --out " in script
    assert [path.name for path in tmp_path.iterdir()] == ["screening"]


@pytest.mark.slow
def test_the_shell_makes_of_an_array_script_the_tables_of_a_whole_sweep(tmp_path, monkeypatch, capsys):
    place = tmp_path / "it's a place"
    place.mkdir()
    (place / "a design.toml").write_text(DESIGN)
    monkeypatch.chdir(place)
    assert main(["sweep", "script", "a design.toml", "--shards", "2", "--out", "by $HOME shards"]) == 0
    script = capsys.readouterr().out
    for task in ("1", "2"):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", task)
        # As a compute node has it: from another folder.
        subprocess.run([shutil.which("bash")], input=script, cwd="/", text=True, timeout=300, check=True)
    assert main(["sweep", "finish", "by $HOME shards"]) == 0
    whole = sweep(Design.load(place / "a design.toml"), tmp_path / "whole", workers=1).folder
    for name in ("points", "outcomes", "failures"):
        made = Path("by $HOME shards", f"{name}.parquet").read_bytes()
        assert made == (Path(whole) / f"{name}.parquet").read_bytes()
