"""`abm sweep`: its arguments, messages and exit codes; the runs are made in this process."""

import json
import re
import time
from pathlib import Path

import pytest

from abm import load_sweep
from abm.sweeps import commands, options
from abm.sweeps.design.design import Design
from abm.sweeps.store import lock
from tests.sweeping import make
from tests.sweeps.commanded import DESIGN, refusal

pytestmark = pytest.mark.usefixtures("here")

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


# --- options and files --------------------------------------------------------------------------------


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
