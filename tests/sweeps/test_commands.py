"""`abm sweep`: its arguments, messages and exit codes; the runs are made in this process."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from abm import load_sweep, simulate
from abm.cli import main
from abm.sweeps import commands, options
from abm.sweeps.design.design import Design
from abm.sweeps.store import lock
from abm.sweeps.work import chunk_tables, chunks
from abm.sweeps.work import worker as work
from tests.sweeping import InProcess, make

DESIGN = """
scenario = "four-sectors"
[set]
steps = 6
capacity = 8
[factors]
network_effect = [0.0, 0.5]
[replications]
count = 3
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> InProcess:
    """An executor in this process, in a folder with a design."""
    executor = InProcess(2)
    monkeypatch.setattr("abm.sweeps.work.executors.local.LocalProcesses", lambda workers=2: executor)
    monkeypatch.chdir(tmp_path)
    Path("my.toml").write_text(DESIGN)
    return executor


@pytest.fixture
def said(capsys):
    """A function that runs a command and returns its exit code, stdout and stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["sweep", *words])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out, printed.err

    return run


def refusal(said, *words: str) -> str:
    """The message of a refusal, in one line; the folder must be unchanged."""
    before = sorted(Path.cwd().rglob("*"))
    code, out, err = said(*words)
    assert (code, out) == (2, "")
    assert sorted(Path.cwd().rglob("*")) == before
    assert re.fullmatch(r"abm: error: [^\n]*\n", err), err
    return err.removeprefix("abm: error: ").strip()


# --- words --------------------------------------------------------------------------------------------


def test_without_a_word_it_says_what_there_is(said):
    code, out, err = said()
    assert (code, err) == (0, "")
    assert out == said("--help")[1]
    for word in ("status", "failures", "finish", "run-one", "script", "abm sweep DESIGN --out DIR"):
        assert word in out


@pytest.mark.parametrize("design", ["my.toml", "network-effect", "DESIGN", "no-such-design"])
def test_a_designs_help_lists_the_options(said, design):
    code, out, _ = said(design, "--help")
    assert code == 0
    options = "out workers scheduler cluster jobs cores memory walltime queue account directive shard"
    for option in [*options.split(), "dry-run", "overwrite", "retry-failed", "run-timeout", "patience"]:
        assert re.search(rf"^  --{option}\b", out, re.MULTILINE), option


def test_whatever_is_no_word_is_a_design(said, here):
    Path("statuses").write_text(DESIGN)
    assert said("statuses", "--out", "a")[0] == 0
    assert said("--out", "b", "my.toml")[0] == 0
    Path("status.toml").write_text(DESIGN)
    assert said("status.toml", "--out", "c")[0] == 0
    assert here.runs == 18
    assert "'statsu' is neither a command nor a design (did you mean 'status'?)" in refusal(
        said, "statsu", "--out", "d"
    )


def test_a_sweep_says_what_it_has_made(said, here):
    code, out, err = said("my.toml", "--out", "out")
    assert (code, err, here.runs) == (0, "", 6)
    assert "out: 6 runs done (2 points, 3 replications)" in out
    assert "tables: points.parquet, outcomes.parquet (6 rows)" in out
    assert said("my.toml", "--out", "out")[:2] == (0, out)
    assert here.runs == 6


def test_a_bundled_design_is_run_by_its_name(said, tmp_path):
    for name in Design.bundled():
        assert "runs" in said(name, "--dry-run")[1]
    assert sorted(tmp_path.iterdir()) == [tmp_path / "my.toml"]


def test_notes_are_printed_and_no_refusal(said):
    Path("latin.toml").write_text(
        'scenario = "one-market"\n[set]\nsteps = 2\ncapacity = 4\n[factors]\nchurn = {low = 0.1, high = 0.9}\n'
        '[design]\nmethod = "latin"\npoints = 3\n[replications]\ncount = 1\n'
    )
    code, out, err = said("latin.toml", "--out", "out")
    assert code == 0 and "3 runs done" in out
    assert err == "note: A Latin hypercube of more points is another sample: the design grows in replications only.\n"


# --- refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["my.toml"], "--out DIR is missing"),
        (["nowhere.toml", "--out", "out"], "nowhere.toml: No such file or directory"),
        (["netwrok-effect", "--out", "out"], "unknown design 'netwrok-effect' (did you mean 'network-effect'?)"),
        (
            ["my.toml", "--out", "out", "--workers", "2", "--scheduler", "tcp://127.0.0.1:1"],
            "give only one of --workers",
        ),
        (
            ["my.toml", "--out", "out", "--workers", "2", "--cluster", "slurm"],
            "give only one of --workers",
        ),
        (
            ["my.toml", "--out", "out", "--scheduler", "", "--cluster", "slurm"],
            "give only one of --workers",
        ),
        (["my.toml", "--out", "out", "--shard", "1/2", "--scheduler", "tcp://127.0.0.1:1"], "--workers only"),
        (["my.toml", "--out", "out", "--shard", "1/2", "--cluster", "slurm"], "--shard goes with --workers only"),
        (["my.toml", "--out", "out", "--shard", "1/2", "--overwrite"], "--shard cannot be given with --overwrite"),
        (["my.toml", "--out", "out", "--scheduler", "nonsense"], "'nonsense' is not an address as HOST:PORT"),
        (["my.toml", "--out", "out", "--scheduler", ""], "--scheduler '' is not an address as HOST:PORT"),
        (["my.toml", "--out", "out", "--scheduler", "http://here:1"], "'http://here:1' is not an address"),
        (["my.toml", "--out", "out", "--cluster", "moab"], "'moab'"),
        (["my.toml", "--out", "out", "--jobs", "4"], "--jobs is an option of --cluster, which is missing"),
        (["my.toml", "--out", "out", "--walltime", "02:00:00"], "--walltime is an option of --cluster"),
        (["my.toml", "--out", "out", "--workers", "0"], "--workers"),
        (["my.toml", "--out", "out", "--workers", "two"], "'two'"),
        (["my.toml", "--out", "out", "--run-timeout", "0"], "'0' is not a number of seconds above 0"),
        (["my.toml", "--out", "out", "--run-timeout", "nan"], "'nan' is not a number of seconds above 0"),
        (["my.toml", "--out", "out", "--patience", "-1"], "--patience"),
        (["my.toml", "--out", "out", "--wrokers", "2"], "--wrokers"),
        (["status", "nowhere"], "nowhere: holds no sweep"),
        (["failures", "nowhere"], "nowhere: holds no sweep"),
        (["finish", "nowhere"], "nowhere: holds no sweep"),
        (["run-one", "nowhere", "0", "0"], "nowhere: holds no sweep"),
        (["run-one", "nowhere", "-1", "0"], "-1"),
        (["run-one", "nowhere", "x", "0"], "'x'"),
        (["script", "my.toml", "--out", "out"], "--shards"),
        (["script", "nowhere.toml", "--shards", "2", "--out", "out"], "nowhere.toml: No such file"),
        (["script", "my.toml", "--shards", "2", "--out", "out", "--walltime", "soon"], "'soon' is not a time"),
        (["status"], "DIR"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line_and_nothing_is_written(said, words, message):
    assert message in refusal(said, *words)


@pytest.mark.parametrize("shard", ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "1.0/2", "1/", "/2", "1 / 2"])
def test_a_shard_is_of_the_form_i_of_n(said, shard):
    assert f"shard {shard!r} is not of the form I/N with I from 1 to N" in refusal(
        said, "my.toml", "--out", "out", "--shard", shard
    )


def test_a_bad_design_is_refused_by_file_section_and_key(said):
    Path("my.toml").write_text(DESIGN.replace("network_effect", "netwrok_effect"))
    assert refusal(said, "my.toml", "--out", "out").startswith(
        "my.toml: [factors] unknown parameter 'netwrok_effect' (did you mean 'network_effect'?)"
    )
    Path("my.toml").write_text(DESIGN.replace("network_effect = [0.0, 0.5]", "initial_firms = [8, 9]"))
    for words in (["my.toml"], ["my.toml", "--dry-run"], ["script", "my.toml", "--shards", "2"]):
        assert "my.toml: point 1 (initial_firms = 9): " in refusal(said, *words, "--out", "out")


def test_another_design_is_refused_until_it_shall_replace_the_first(said, here):
    assert said("my.toml", "--out", "out")[0] == 0
    Path("my.toml").write_text(DESIGN.replace("steps = 6", "steps = 7"))
    message = refusal(said, "my.toml", "--out", "out")
    assert "out: holds runs of another sweep: steps was 6, is 7 (--overwrite makes all runs anew" in message
    assert "steps was 6" in refusal(said, "my.toml", "--out", "out", "--shard", "1/2")
    assert here.runs == 6
    assert said("my.toml", "--out", "out", "--overwrite")[0] == 0
    assert load_sweep("out").manifest["scenario"]["steps"] == 7


# --- dry run and script -------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_be_done_and_does_nothing(said, here, tmp_path):
    code, out, err = said("my.toml", "--dry-run", "--out", "out")
    assert (code, err, here.runs) == (0, "", 0)
    facts = {line.split("  ")[0]: line.split("  ", 1)[1].strip() for line in out.splitlines()}
    assert facts["design"] == "my.toml, grid: network_effect"
    assert (facts["points"], facts["runs"], facts["chunks"]) == ("2", "6", "about 4")
    assert re.fullmatch(r"about .* of work, .* on 2 cores", facts["time"])
    assert re.fullmatch(r"at most about \d.* [kM]?B", facts["disk"])
    assert sorted(tmp_path.iterdir()) == [tmp_path / "my.toml"]


def test_a_dry_run_counts_what_is_left_to_make(said, here):
    assert "to make" not in said("my.toml", "--dry-run")[1]
    assert re.search(r"to make +3 of them", said("my.toml", "--dry-run", "--shard", "2/2")[1])
    said("my.toml", "--out", "out", "--shard", "1/2")
    assert re.search(r"to make +3 of them\n", said("my.toml", "--dry-run", "--out", "out")[1])
    said("my.toml", "--out", "out")
    finished = said("my.toml", "--dry-run", "--out", "out")[1]
    assert re.search(r"to make +0 of them\n", finished) and "time" not in finished
    assert "to make" not in said("my.toml", "--dry-run", "--out", "out", "--overwrite")[1]
    Path("my.toml").write_text(DESIGN.replace("steps = 6", "steps = 7"))
    assert "steps was 6, is 7" in refusal(said, "my.toml", "--dry-run", "--out", "out")
    assert here.runs == 6


def test_a_dry_run_counts_equal_points(said):
    Path("points.csv").write_text("churn\n0.5\n0.25\n0.5\n")
    text = DESIGN.replace("[factors]\nnetwork_effect = [0.0, 0.5]", '[design]\nmethod = "list"\nfile = "points.csv"')
    Path("my.toml").write_text(text)
    out = said("my.toml", "--dry-run")[1]
    assert re.search(r"points +3, 1 of them repeat others", out)
    assert re.search(r"runs +6 *\n", out)


def test_a_dry_run_of_jobs_prints_their_script(said, tmp_path):
    words = ["my.toml", "--dry-run", "--cluster", "slurm", "--jobs", "3", "--walltime", "00:30:00", "--queue", "short"]
    code, out, _ = said(*words, "--interface", "lo", "--directive=--nice=7")
    assert code == 0
    for line in ("#SBATCH -p short", "#SBATCH -t 00:30:00", "#SBATCH --nice=7"):
        assert line in out
    assert "on 3 cores" in out
    assert sorted(tmp_path.iterdir()) == [tmp_path / "my.toml"]


def test_a_script_is_one_that_a_shell_can_read_and_makes_every_shard(said, tmp_path):
    code, out, _ = said("script", "my.toml", "--shards", "8", "--out", "my out", "--account", "me", "--memory", "1GB")
    assert code == 0
    assert out.startswith("#!/bin/bash\n#SBATCH ")
    for line in ("#SBATCH --array=1-8\n", "#SBATCH --account=me\n"):
        assert line in out
    assert re.search(r"^exec ", out, re.MULTILINE)
    # The arguments as a task of the array gets them.
    echo = out.replace("exec ", "printf '%s\\n' ", 1)
    told = subprocess.run(
        ["bash"], input=echo, env={"SLURM_ARRAY_TASK_ID": "3"}, capture_output=True, text=True, timeout=20
    )
    words = told.stdout.splitlines()
    assert words[:4] == [sys.executable, "-m", "abm", "sweep"]
    assert words[4:7] == [str(tmp_path / "my.toml"), "--out", str(tmp_path / "my out")]
    assert words[words.index("--shard") + 1] == "3/8"
    assert sorted(tmp_path.iterdir()) == [tmp_path / "my.toml"]


# --- shards, status, finish ---------------------------------------------------------------------------


def test_shards_are_made_looked_at_and_finished(said, here):
    code, out, _ = said("my.toml", "--out", "out", "--shard", "2/2")
    assert (code, out) == (0, "shard 2/2: 3 runs done, 0 failed\n")
    code, out, _ = said("status", "out")
    assert code == 0
    facts = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in out.splitlines())
    assert (facts["done"], facts["failed"], facts["missing"]) == ("3 of 6", "0", "3")
    assert facts["state"].startswith("interrupted")
    code, out, err = said("finish", "out")
    assert (code, out) == (1, "")
    assert (
        err == "abm: stopped: 3 of 6 runs are missing; make them by the command of their shard, or all by the "
        "sweep's without --shard\n"
    )
    assert said("my.toml", "--out", "out", "--shard", "1/2")[0] == 0
    assert "all runs are made; abm sweep finish out makes the tables" in said("status", "out")[1]
    code, out, _ = said("finish", "out")
    assert code == 0 and "6 runs done" in out
    assert said("finish", "out")[:2] == (0, out)
    facts = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in said("status", "out")[1].splitlines())
    assert (facts["state"], facts["done"], facts["failed"], facts["missing"]) == ("finished", "6", "0", "0")
    assert said("my.toml", "--out", "out", "--shard", "1/2")[1] == "shard 1/2: 3 runs done, 0 failed\n"
    assert here.runs == 6


def test_the_lock_of_a_killed_shard_says_nothing_and_goes_with_the_sweep(said):
    said("my.toml", "--out", "out", "--shard", "1/2")
    # As an ended process leaves it: just written, and no longer locked by the system.
    about = {"token": "of-a-killed-one", "beat": 3, "time": time.time(), "host": "here", "pid": 1}
    Path("out/working/lock-1-of-2").write_text(json.dumps(about | {"machine": lock._machine()}))
    out = said("status", "out")[1]
    assert "interrupted" in out and "running" not in out
    assert said("my.toml", "--out", "out")[0] == 0
    assert not Path("out/working").exists()


def test_status_knows_a_sweep_that_has_not_begun(said):
    make(DESIGN, Path("out"))
    Path("begun").mkdir()
    Path("begun/manifest.json").write_bytes(Path("out/manifest.json").read_bytes())
    code, out, _ = said("status", "begun")
    assert code == 0 and "not begun" in out


# --- failures -----------------------------------------------------------------------------------------


@pytest.fixture
def failing(monkeypatch):
    """Make the runs of a point fail; returns a function that makes them succeed again."""

    def fails(scenario, seed, **options):
        if scenario.network_effect == 0.5:
            raise RuntimeError(f"[no] luck with {seed}")
        return simulate(scenario, seed, **options)

    monkeypatch.setattr(work, "simulate", fails)
    monkeypatch.setattr("abm.simulation.simulate.simulate", fails)
    monkeypatch.setattr(work, "Batch", lambda *arguments, **options: 1 / 0)

    def mend() -> None:
        monkeypatch.setattr(work, "simulate", simulate)
        monkeypatch.setattr("abm.simulation.simulate.simulate", simulate)

    return mend


LINE = "abm: 3 runs failed; abm sweep failures out shows them\n"


def test_a_sweep_with_failed_runs_ends_with_3_and_says_how_to_see_them(said, here, failing, capsys):
    code, out, err = said("my.toml", "--out", "out")
    assert (code, err) == (3, LINE)
    assert "3 runs done" in out and "failures.parquet (3 rows)" in out
    assert said("my.toml", "--out", "out") == (3, out, LINE)
    assert said("finish", "out")[::2] == (3, LINE)
    assert here.runs == 6
    assert re.search(r"failed +3\b", said("status", "out")[1])
    code, out, err = said("failures", "out")
    assert (code, err) == (0, "")
    for replication in range(3):
        assert f"point 1, replication {replication}, network_effect = 0.5" in out
    assert "RuntimeError: [no] luck with " in out
    assert "Traceback" in out and "in fails" in out
    # Again, with success.
    failing()
    code, out, err = said("my.toml", "--out", "out", "--retry-failed")
    assert (code, err, here.runs) == (0, "", 9)
    assert "6 runs done" in out
    assert said("failures", "out")[1] == "no run failed\n"


def test_a_shard_with_failed_runs_ends_with_3_each_time(said, here, failing):
    for _ in range(2):
        code, out, err = said("my.toml", "--out", "out", "--shard", "2/2")
        assert (code, out) == (3, "shard 2/2: 1 runs done, 2 failed\n")
        assert err == "abm: 2 runs failed; abm sweep failures out shows them\n"
    assert here.runs == 3
    assert said("my.toml", "--out", "out", "--shard", "1/2")[0] == 3
    assert said("finish", "out")[::2] == (3, LINE)
    assert said("my.toml", "--out", "out", "--shard", "2/2")[0] == 3
    failing()
    code, out, err = said("my.toml", "--out", "out", "--shard", "2/2", "--retry-failed")
    assert (code, out, err) == (0, "shard 2/2: 3 runs done, 0 failed\n", "")
    assert said("finish", "out")[::2] == (3, "abm: 1 run failed; abm sweep failures out shows them\n")


def test_one_run_is_made_again_with_its_traceback(failing, capsys, said):
    assert said("my.toml", "--out", "out")[0] == 3
    assert main(["sweep", "run-one", "out", "0", "2"]) == 0
    assert "firms" in capsys.readouterr().out
    assert main(["sweep", "run-one", "out", "1", "2"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("Traceback") and "in fails" in told
    assert re.search(r"\nabm: stopped: the run raised RuntimeError: \[no\] luck with \d+\n$", told)
    assert main(["sweep", "run-one", "out", "2", "0"]) == 2
    assert "point = 2 is not one of 0 to 1" in capsys.readouterr().err


# --- ends from outside --------------------------------------------------------------------------------


def test_a_full_disk_ends_a_sweep_with_1_and_says_that_it_goes_on(said, monkeypatch, here):
    monkeypatch.setattr(chunks, "MOST_RUNS", 1)
    write = work.write_part
    calls = []

    def full(folder, tables):
        calls.append(folder)
        if len(calls) > 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / "a.part"))
        return write(folder, tables)

    monkeypatch.setattr(work, "write_part", full)
    code, out, err = said("my.toml", "--out", "out")
    assert (code, out) == (1, "")
    kept, stopped = err.splitlines()
    assert kept == "abm: finished runs are kept in out; the same command goes on from there"
    assert re.fullmatch(r"abm: stopped: .*/out/working/parts/a.part: No space left on device", stopped)
    made = len(list(Path("out/working/parts").iterdir()))
    assert made == 3
    monkeypatch.setattr(work, "write_part", write)
    before = here.runs
    assert said("my.toml", "--out", "out")[0] == 0
    assert here.runs - before == 3


def test_an_interruption_before_anything_is_finished_ends_with_130(said, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(chunk_tables, "failure_rows", interrupted)
    code, out, err = said("my.toml", "--out", "out")
    assert (code, out) == (130, "")
    assert err == ("abm: finished runs are kept in out; the same command goes on from there\nabm: interrupted\n")


def interrupted_library():
    """A library that takes the interruption for an error of its own."""
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5.0)  # until the signal comes
    except KeyboardInterrupt:
        raise RuntimeError("lost a future") from None


def interrupted_at_once():
    raise KeyboardInterrupt


@pytest.mark.parametrize("interrupt", [interrupted_at_once, interrupted_library])
def test_an_interruption_ends_with_130_and_says_that_it_goes_on(said, monkeypatch, here, interrupt):
    monkeypatch.setattr(chunks, "MOST_RUNS", 1)
    submit = here._client.submit

    def interrupted(*arguments, **options):
        if here.runs == 2:
            interrupt()
        return submit(*arguments, **options)

    monkeypatch.setattr(here._client, "submit", interrupted)
    code, out, err = said("my.toml", "--out", "out")
    assert (code, out) == (130, "")
    assert err == ("abm: finished runs are kept in out; the same command goes on from there\nabm: interrupted\n")
    monkeypatch.setattr(here._client, "submit", submit)
    assert said("my.toml", "--out", "out")[0] == 0
    assert here.runs == 6


def test_no_option_of_jobs_is_forgotten():
    """The options that need --cluster are those of `abm sweep script`, and two more."""
    import inspect

    shared = set(inspect.signature(commands.run).parameters) & set(inspect.signature(commands.script).parameters)
    assert set(options._JOB_OPTIONS) == shared - {"context", "design", "out"} | {"jobs", "interface"}


def test_the_manifest_is_strict_json(said):
    Path("my.toml").write_text(DESIGN.replace("network_effect = [0.0, 0.5]", "runway = [2.0, inf]"))
    assert said("my.toml", "--out", "out")[0] == 0

    def refuse(word: str):
        raise AssertionError(f"{word} is not JSON")

    for name in ("manifest", "summary"):
        assert json.loads(Path(f"out/{name}.json").read_text(), parse_constant=refuse)
