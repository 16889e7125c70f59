"""`abm sweep --dry-run` and `abm sweep script`: what would be done is told, and nothing is done."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sweeps.commanded import DESIGN, refusal

pytestmark = pytest.mark.usefixtures("here")


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


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "network_effect = [0.0, 0.5]",
            'policy = ["fixed", "own.py:two"]',
            "policy = 'own.py:two': it returns 2 numbers",
        ),
        ("steps = 6", 'steps = 6\npolicy = "own.py:two"', "policy = 'own.py:two': it returns 2 numbers"),
        ("count = 3", 'count = 3\n[collect]\nmeasures = "own.py:array"', "measure array: it returns"),
        (
            "count = 3",
            'count = 3\n[intervention]\nfunction = "own.py:gone"',
            "own.py:gone: at the end of its file gone is",
        ),
    ],
)
def test_a_function_that_no_run_could_call_is_refused_before_anything_is_written(said, here, old, new, message):
    Path("own.py").write_text(
        "def two(firm, sector, draw):\n    return 0.5, 0.5\n"
        "def array(firms):\n    return firms.T\n"
        "def gone(model):\n    pass\ngone = 3\n"
    )
    Path("my.toml").write_text(DESIGN.replace(old, new))
    script = ["script", "my.toml", "--out", "out", "--shards", "2"]
    cluster = ["--cluster", "slurm", "--jobs", "2", "--interface", "lo"]
    for words in ((), ("--dry-run",), ("--shard", "1/2"), cluster, (*cluster, "--detach")):
        told = refusal(said, "my.toml", "--out", "out", *words)
        assert told.startswith(f"my.toml: {message}"), words
    assert message in refusal(said, *script)
    assert here.runs == 0


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
