"""Sweeps on a real Slurm of one node, started for these tests: the tables are the same after every fault."""

import json
import math
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from abm import Scenario, simulate_many
from tests.cluster.slurm import (
    abm,
    call,
    ended,
    free_port,
    jobs,
    of_array,
    on_path,
    parts,
    queue,
    start,
    submit,
    tables,
    wait_until,
)
from tests.faults.strangers import listening, what_a_stranger_reaches

HERE = Path(__file__).parent
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
SEARCHED = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
MISSING = [program for program in PROGRAMS if shutil.which(program, path=SEARCHED) is None]

pytestmark = [
    pytest.mark.slow,
    # The tests start a real Slurm of their own, which is a package of the system and not to be had by pip. Where there
    # is none they are skipped, and what is written for Slurm and read of it is tested in `test_batch_systems` and
    # `test_queues`. `.ci/run` installs slurm-wlm and munge before it runs them.
    pytest.mark.skipif(bool(MISSING), reason=f"no Slurm here: {', '.join(MISSING)} not found"),
]

BY_JOBS = ("--cluster", "slurm", "--interface", "lo")
ALL_TABLES = """\
scenario = "four-sectors"
[set]
steps = 200
capacity = 400
[factors]
network_effect = [0.0, 0.5, 0.9]
[replications]
count = 300
[collect]
steps = 50
lives = true
firms = true
"""
LIGHT = """\
scenario = "four-sectors"
[set]
steps = 1000
capacity = 400
[factors]
network_effect = [0.0, 0.5, 0.9]
[replications]
count = {count}
"""


# A rule, an intervention and a measure of the user's own, whose files stand beside the design alone.
OWN = """\
scenario = "own.toml"
[factors]
churn = [0.1, 0.3]
[replications]
count = 6
[collect]
measures = "own.py:share_of_young"
[intervention]
function = "own.py:close_the_first"
"""
OWN_SCENARIO = """\
steps = 40
capacity = 60
[[strategies]]
name = "mine"
technology_weight = 0.5
policy = "own.py:greedy"
[[strategies]]
name = "balanced"
technology_weight = 0.5
"""
OWN_FUNCTIONS = """\
def greedy(firm, sector, draw):
    return firm.theta + 0.01 * (draw - 0.5), firm.omega, firm.memory + 1.0

def share_of_young(firms):
    return (firms.age < 8).mean()

def close_the_first(model):
    if model.steps_done == 20:
        model.close(list(model.agents)[:3])
"""


class Sweep(NamedTuple):
    """A design, and the tables of it that processes of this machine have made."""

    design: Path
    tables: dict[str, bytes]


@pytest.fixture(scope="module", autouse=True)
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Slurm of one node for the tests of this file."""
    folder = tmp_path_factory.mktemp("slurm")
    started = subprocess.run(
        ["bash", HERE / "slurm_up.sh", folder, str(free_port())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # no pipe, which the daemons would keep open
        stderr=(folder / "up.txt").open("w"),
        timeout=120,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        patch.setenv("PATH", SEARCHED)
        try:
            assert started.returncode == 0, (folder / "up.txt").read_text()
            yield
        finally:
            subprocess.run(["bash", HERE / "slurm_down.sh", folder], timeout=120)


@pytest.fixture(autouse=True)
def no_jobs_of_another_test(slurm: None) -> Iterator[None]:
    yield
    if queue():
        call("scancel", f"--user={os.getuid()}")
        wait_until(lambda: not queue(), "the jobs of a failed test to end")


@pytest.fixture(scope="module")
def complete(slurm: None, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """A sweep with many tables, of 15 s or so, made by one process."""
    return made_here(tmp_path_factory.mktemp("complete"), ALL_TABLES, workers=1)


@pytest.fixture(scope="module")
def long(slurm: None, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """A sweep that takes one process about a minute on this machine, however fast it is."""
    folder = tmp_path_factory.mktemp("long")
    one = Scenario.load("four-sectors").replace(steps=1000, capacity=400)
    simulate_many([one], range(2), every=0)  # loads the kernels
    before = time.process_time()  # of the processor, whatever else it is busy with
    simulate_many([one], range(200), every=0)
    seconds = (time.process_time() - before) / 200
    return made_here(folder, LIGHT.format(count=math.ceil(60.0 / seconds / 3)), workers=2)


def made_here(folder: Path, design: str, workers: int) -> Sweep:
    path = folder / "a design.toml"
    path.write_text(design)
    abm("sweep", path, "--out", folder / "local", "--workers", str(workers), cwd=folder)
    return Sweep(path, tables(folder / "local"))


def test_slurm_jobs_give_the_bytes_of_one_local_worker_and_leave_no_job_and_no_other_file(complete, tmp_path):
    place = tmp_path / "a place"
    place.mkdir()
    abm("sweep", complete.design, "--out", "by jobs", *BY_JOBS, "--jobs", "2", cwd=place)
    assert tables(place / "by jobs") == complete.tables
    assert queue() == []
    assert len(jobs("abm-work-")) == 2
    assert os.listdir(place) == ["by jobs"]
    assert set(os.listdir(place / "by jobs")) == set(os.listdir(complete.design.parent / "local"))


def test_functions_of_the_users_own_travel_to_jobs_and_shards(tmp_path):
    files, place = tmp_path / "files", tmp_path / "place"
    files.mkdir()
    place.mkdir()
    (files / "own.toml").write_text(OWN_SCENARIO)
    (files / "own.py").write_text(OWN_FUNCTIONS)
    made = made_here(files, OWN, workers=1)
    abm("sweep", made.design, "--out", "by jobs", *BY_JOBS, "--jobs", "1", cwd=place)
    assert tables(place / "by jobs") == made.tables
    submit(abm("sweep", "script", made.design, "--shards", "2", "--out", "by shards", cwd=place).stdout, place)
    wait_until(lambda: not queue(), "the array to end")
    abm("sweep", "finish", "by shards", cwd=place)
    assert tables(place / "by shards") == made.tables


def test_a_job_that_is_cancelled_is_replaced_with_all_its_workers(complete, tmp_path):
    before = set(jobs("abm-work-"))
    client = start("sweep", complete.design, "--out", "out", *BY_JOBS, "--jobs", "1", "--cores", "2", cwd=tmp_path)
    try:
        wait_until(lambda: parts(tmp_path / "out") or client.poll() is not None, "a first part")
        (first,) = set(jobs("abm-work-")) - before
        call("scancel", first)
        assert ended(client) == 0
    finally:
        client.kill()
    after = set(jobs("abm-work-")) - before
    assert len(after) == 2
    assert tables(tmp_path / "out") == complete.tables
    assert queue() == []


def test_workers_whose_lifetime_is_shorter_than_the_sweep_retire_and_are_replaced(long, tmp_path):
    before = set(jobs("abm-work-"))
    abm("sweep", long.design, "--out", "out", *BY_JOBS, "--jobs", "1", "--walltime", "00:01:00", cwd=tmp_path)
    mine = {job: facts for job, facts in jobs("abm-work-").items() if job not in before}
    states = [facts["JobState"] for facts in mine.values()]
    assert len(mine) >= 2
    assert "COMPLETED" in states, "no worker left of its own accord"
    assert "TIMEOUT" not in states, "a worker stayed until its walltime"
    assert tables(tmp_path / "out") == long.tables
    assert queue() == []


def test_shards_of_an_array_and_finish_give_the_same_bytes(complete, tmp_path):
    place = tmp_path / "a place"
    place.mkdir()
    script = abm("sweep", "script", complete.design, "--shards", "3", "--out", "by shards", cwd=place).stdout
    submit(script, place)
    wait_until(lambda: not queue(), "the array to end")
    assert not (place / "by shards" / "outcomes.parquet").exists()
    abm("sweep", "finish", "by shards", cwd=place)
    assert tables(place / "by shards") == complete.tables


def test_the_printed_script_submits_two_arrays_and_the_job_that_makes_the_tables_of_both(complete, tmp_path):
    options = ("--shards", "3", "--out", "by shards", "--scheduler-kind", "slurm", "--max-array-size", "3")
    script = abm("sweep", "script", complete.design, *options, cwd=tmp_path).stdout
    assert call("bash", text=script, cwd=tmp_path).endswith("the last makes the tables")
    wait_until(lambda: not queue(), "all jobs to end")
    assert tables(tmp_path / "by shards") == complete.tables


def test_a_detached_sweep_is_a_job_that_status_follows_and_leaves_the_same_tables(complete, tmp_path):
    command = ("sweep", complete.design, "--out", "out", *BY_JOBS, "--jobs", "1", "--detach")
    job = abm(*command, cwd=tmp_path).stdout.strip()
    wait_until(lambda: parts(tmp_path / "out") or not queue(), "a first part")
    told = abm("sweep", "status", "out", cwd=tmp_path).stdout
    log = (tmp_path / f"slurm-{job}.out").read_text()
    assert f"job {job} of Slurm runs" in told and "running" in told, (told, log)
    assert "for this sweep already" in abm(*command, cwd=tmp_path, code=2).stderr
    wait_until(lambda: not queue(), "all jobs to end")
    assert jobs("abm-sweep-")[job]["JobState"] == "COMPLETED", log
    assert tables(tmp_path / "out") == complete.tables
    assert set(os.listdir(tmp_path / "out")) == set(os.listdir(complete.design.parent / "local"))


def test_a_detached_sweep_that_is_cancelled_leaves_no_job_and_keeps_its_runs(complete, tmp_path):
    command = ("sweep", complete.design, "--out", "out", *BY_JOBS, "--jobs", "1")
    job = abm(*command, "--detach", cwd=tmp_path).stdout.strip()
    wait_until(lambda: parts(tmp_path / "out") or not queue(), "a first part")
    call("scancel", job)
    wait_until(lambda: not queue(), "all jobs to end")
    assert parts(tmp_path / "out")
    told = abm("sweep", "status", "out", cwd=tmp_path).stdout
    assert "its job of Slurm has ended" in told and "interrupted; the same command goes on" in told


def test_an_array_task_that_its_walltime_ends_keeps_its_parts_and_the_script_goes_on_from_them(long, tmp_path):
    script = ("sweep", "script", long.design, "--shards", "1", "--out", "out", "--walltime", "1")
    # Slurm looks each half minute for what comes before the next look: the signal is sent 15 to 45 s after the start.
    job = submit(abm(*script, "--directive=--signal=B:TERM@15", cwd=tmp_path).stdout, tmp_path)
    wait_until(lambda: not queue(), "the task to be ended")
    (task,) = of_array(job)
    log = (tmp_path / f"slurm-{job}_1.out").read_text()
    assert task["ExitCode"] == "130:0", (task, log)
    assert "interrupted" in log
    kept = parts(tmp_path / "out")
    assert kept
    assert "interrupted" in abm("sweep", "status", "out", cwd=tmp_path).stdout
    unfinished = abm("sweep", "finish", "out", cwd=tmp_path, code=1)
    assert "are missing" in unfinished.stderr

    submit(abm(*script[:-1], "10", "--cores", "2", cwd=tmp_path).stdout, tmp_path)
    wait_until(lambda: not queue(), "the second task to end")
    assert kept < parts(tmp_path / "out"), "parts were made again"
    abm("sweep", "finish", "out", cwd=tmp_path)
    assert tables(tmp_path / "out") == long.tables


def test_a_task_that_slurm_requeues_goes_on_from_its_parts(complete, tmp_path):
    script = abm("sweep", "script", complete.design, "--shards", "1", "--out", "out", cwd=tmp_path).stdout
    job = submit(script, tmp_path)
    wait_until(lambda: len(parts(tmp_path / "out")) > 1 or not queue(), "two parts")
    kept = parts(tmp_path / "out")
    call("scontrol", "requeue", f"{job}_1")
    wait_until(lambda: of_array(job)[0]["JobState"] == "PENDING", "the task to be in the queue again")
    call("scontrol", "update", f"JobId={job}_1", "StartTime=now")  # Slurm would wait two minutes
    wait_until(lambda: not queue(), "the task to end")
    (task,) = of_array(job)
    assert (task["Restarts"], task["JobState"]) == ("1", "COMPLETED")
    assert kept < parts(tmp_path / "out")
    abm("sweep", "finish", "out", cwd=tmp_path)
    assert tables(tmp_path / "out") == complete.tables


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_a_client_that_is_ended_leaves_no_job_and_the_same_command_goes_on(complete, tmp_path, number):
    command = ("sweep", complete.design, "--out", "out", *BY_JOBS, "--jobs", "2")
    client = start(*command, cwd=tmp_path)
    try:
        wait_until(lambda: parts(tmp_path / "out") or client.poll() is not None, "a first part")
        client.send_signal(number)
        code = ended(client)
    finally:
        client.kill()
    log = (tmp_path / "client.txt").read_text()
    assert code == (-number if number == signal.SIGKILL else 130), log
    if number != signal.SIGKILL:
        assert queue() == [], "the client has left its jobs"
        assert "the same command goes on" in log
    wait_until(lambda: not queue(), "the jobs to end")
    kept = parts(tmp_path / "out")
    assert kept
    assert not (tmp_path / "out" / "outcomes.parquet").exists()
    abm(*command, cwd=tmp_path)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["runs_made_by_this_call"] < summary["done"]
    assert tables(tmp_path / "out") == complete.tables
    assert queue() == []


def test_a_dry_run_prints_the_script_of_a_job_and_submits_nothing(complete, tmp_path):
    before = jobs("abm-work-")
    options = ("--jobs", "7", "--cores", "3", "--memory", "1.5GB", "--walltime", "02:00:00", "--queue", "main")
    told = abm("sweep", complete.design, "--dry-run", *BY_JOBS, *options, "--directive=--comment=mine", cwd=tmp_path)
    script = told.stdout[told.stdout.index("#!") :]
    assert set(jobs("abm-work-")) <= set(before)  # Slurm forgets old ones meanwhile
    assert os.listdir(tmp_path) == []
    # Slurm itself says whether it would take it.
    call("sbatch", "--test-only", text=script)
    directives = [line.removeprefix("#SBATCH ") for line in script.splitlines() if line.startswith("#SBATCH")]
    for each in ("--cpus-per-task=3", "--mem=1536M", "-t 02:00:00", "-p main", "--comment=mine"):
        assert each in directives


def test_what_slurm_refuses_is_refused_in_its_words(complete, tmp_path):
    refused = abm("sweep", complete.design, "--out", "out", *BY_JOBS, "--queue", "nowhere", cwd=tmp_path, code=2)
    assert "nowhere" in refused.stderr and "partition" in refused.stderr.lower()
    assert "Traceback" not in refused.stderr
    assert queue() == []


def test_jobs_that_end_before_a_worker_comes_stop_the_sweep_instead_of_being_submitted_for_ever(complete, tmp_path):
    unable = "--directive=--export=PATH=/nowhere"  # finds no shell
    stopped = abm("sweep", complete.design, "--out", "out", *BY_JOBS, "--jobs", "1", unable, cwd=tmp_path, code=1)
    assert "3 jobs in a row" in stopped.stderr
    assert queue() == []


def test_the_scheduler_and_the_workers_of_jobs_take_nobody_without_the_certificate(complete, tmp_path):
    client = start("sweep", complete.design, "--out", "out", *BY_JOBS, "--jobs", "1", cwd=tmp_path)
    try:
        wait_until(lambda: parts(tmp_path / "out") or client.poll() is not None, "a first part")
        file = tmp_path / "out" / "working" / "certificate.pem"
        assert file.stat().st_mode & 0o777 == 0o600
        own = psutil.Process(client.pid)
        # A process that has just ended has no command line any more.
        workers = [
            each for each in psutil.process_iter(["cmdline"]) if str(file) in " ".join(each.info["cmdline"] or [])
        ]
        ports = listening([own, *own.children(recursive=True), *workers])
        reached = what_a_stranger_reaches(ports)
        assert ended(client) == 0
    finally:
        client.kill()
    assert workers and len(ports) >= 3
    assert reached == f"tried {len(ports)}\n"
    assert tables(tmp_path / "out") == complete.tables


def test_jobs_that_slurm_refuses_are_said_in_a_line_and_cost_no_table(complete, tmp_path, monkeypatch):
    on_path(tmp_path / "bin", monkeypatch, "sbatch", LIMIT)
    monkeypatch.setenv("COUNT", str(tmp_path / "count"))
    told = abm("sweep", complete.design, "--out", "out", *BY_JOBS, "--jobs", "4", cwd=tmp_path)
    notes = [line for line in told.stderr.splitlines() if "runs" not in line]
    assert notes == [
        "note: --cluster slurm: sbatch: error: QOSMaxSubmitJobPerUserLimit (2 of 4 jobs are refused; they are "
        "submitted again later)"
    ]
    assert tables(tmp_path / "out") == complete.tables
    assert queue() == []


def test_a_look_at_the_queue_that_is_under_way_at_the_end_costs_no_table(complete, tmp_path, monkeypatch):
    on_path(tmp_path / "bin", monkeypatch, "squeue", 'sleep 7; exec "$REAL" "$@"')
    told = abm("sweep", complete.design, "--out", "out", *BY_JOBS, "--jobs", "2", cwd=tmp_path)
    assert [line for line in told.stderr.splitlines() if "runs" not in line] == []
    assert tables(tmp_path / "out") == complete.tables


# Lets two jobs through, and has none to refuse when it is only asked.
LIMIT = """\
case " $* " in *" --test-only "*) exec "$REAL" "$@" ;; esac
echo >> "$COUNT"
if [ "$(wc -l < "$COUNT")" -gt 2 ]; then echo "sbatch: error: QOSMaxSubmitJobPerUserLimit" >&2; exit 1; fi
exec "$REAL" "$@"
"""
