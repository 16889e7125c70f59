"""A sweep that is submitted as a job itself, by false commands of PBS that only record."""

import os
import re
import shlex
from pathlib import Path

import pytest

from abm.cli import main
from abm.sweeps.detach import client_of
from abm.sweeps.status import status
from tests.run_directories import contents

DESIGN = """\
scenario = "one-market"
[set]
steps = 5
capacity = 20
[factors]
churn = [0.1, 0.9]
[replications]
count = 3
"""
COMMANDS = {
    "qsub": 'cat > "$STATE/script"; [ -e "$STATE/refuses" ] && { echo "qsub: Unknown queue" >&2; exit 1; }; '
    'grep -oE "abm-sweep-[0-9a-f]+" "$STATE/script" | head -1 > "$STATE/name"; echo R > "$STATE/state"; echo 12.head',
    # qselect -u USER -N NAME -s STATES
    "qselect": '[ -e "$STATE/state" ] && [ "$4" = "$(cat "$STATE/name")" ] && case "$6" in '
    '*"$(cat "$STATE/state")"*) echo 12.head ;; esac; exit 0',
    "qdel": "exit 1",
}
SUBMIT = ("--cluster", "pbs", "--detach")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a design, in which the test runs; the false PBS keeps its state in the folder `pbs`."""
    (tmp_path / "pbs").mkdir()
    for name, text in COMMANDS.items():
        (tmp_path / "pbs" / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / "pbs" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'pbs'}:{os.environ['PATH']}")
    monkeypatch.setenv("STATE", str(tmp_path / "pbs"))
    monkeypatch.chdir(tmp_path)
    Path("a design.toml").write_text(DESIGN)
    return tmp_path


def submitted(place: Path) -> list[str]:
    """The words that follow `abm` in the command of the submitted script."""
    (line,) = re.findall("^exec (.*)$", (place / "pbs" / "script").read_text(), re.MULTILINE)
    words = shlex.split(line)
    return words[words.index("abm") + 1 :]


def test_a_detached_sweep_prints_its_job_and_status_follows_it_until_the_tables(place, capsys):
    options = ["--jobs", "3", "--cores", "2", "--queue", "long", "--directive=-l x=1", "--directive=-l y=2"]
    further = ["--interface", "ib99", "--client-walltime", "2-00:00:00", "--patience", "30"]
    assert main(["sweep", "a design.toml", "--out", "my out", *SUBMIT, *options, *further]) == 0
    said = capsys.readouterr()
    assert said.out == "12.head\n" and "abm sweep status my out follows it" in said.err
    script = (place / "pbs" / "script").read_text()
    for line in ("-l select=1:ncpus=1:mem=2048MB", "-l walltime=48:00:00", "-q long", "-l x=1"):
        assert f"#PBS {line}\n" in script
    assert "exec timeout --preserve-status --signal=TERM 172770 " in script
    assert submitted(place) == [
        *("sweep", str(place / "a design.toml"), f"--out={place / 'my out'}", "--cluster=pbs", "--jobs=3", "--cores=2"),
        *("--queue=long", "--directive=-l x=1", "--directive=-l y=2", "--interface=ib99", "--patience=30.0"),
    ]
    (place / "pbs" / "state").write_text("Q")
    facts = status("my out")
    assert (facts["done"], facts["state"]) == ("0 of 6", "submitted")
    assert facts["client"] == "job 12.head of PBS waits in the queue"
    (place / "pbs" / "state").write_text("R")
    assert status("my out")["client"] == "job 12.head of PBS runs"
    assert main(["sweep", "a design.toml", "--out", "my out", *SUBMIT]) == 2
    assert "my out: job 12.head of PBS runs for this sweep already" in capsys.readouterr().err
    (place / "pbs" / "state").unlink()
    facts = status("my out")
    assert facts["client"] == "its job of PBS has ended" and facts["state"].startswith("interrupted")
    assert main(["sweep", "a design.toml", "--out", "my out", "--workers", "1"]) == 0
    assert not (place / "my out" / "working").exists()
    assert main(["sweep", "a design.toml", "--out", "my out", *SUBMIT]) == 0
    said = capsys.readouterr()
    assert "6 runs done" in said.err and "12.head" not in said.out  # nothing is submitted for a finished sweep


def test_a_sweep_that_is_replaced_is_replaced_when_it_is_submitted_and_not_by_each_start_of_its_job(place, capsys):
    assert main(["sweep", "a design.toml", "--out", "out", "--workers", "1"]) == 0
    assert main(["sweep", "a design.toml", "--out", "out", *SUBMIT, "--overwrite"]) == 0
    assert "--overwrite" not in submitted(place)
    assert not Path("out/outcomes.parquet").exists() and status("out")["done"] == "0 of 6"


def test_a_job_that_is_refused_is_refused_in_the_systems_words_and_the_folder_names_none(place, capsys):
    (place / "pbs" / "refuses").touch()
    assert main(["sweep", "a design.toml", "--out", "out", *SUBMIT]) == 2
    assert "--cluster pbs: qsub: Unknown queue" in capsys.readouterr().err
    assert client_of(Path("out/working")) is None


@pytest.mark.parametrize(
    ("further", "message"),
    [
        (("--detach",), "--detach is an option of --cluster, which is missing"),
        (("--cluster", "pbs", "--client-walltime", "1"), "--client-walltime is an option of --detach"),
        ((*SUBMIT, "--client-walltime", "soon"), "--client-walltime 'soon' is not a time"),
        ((*SUBMIT, "--walltime", "soon"), "--walltime 'soon' is not a time"),
        ((*SUBMIT, "--directive", "a\nb"), "--directive 'a\\nb' holds a control character"),
        ((*SUBMIT, "--run-timeout", "never"), "'never' is not a number of seconds"),
    ],
)
def test_what_cannot_be_submitted_is_refused_before_anything_is_written(further, message, place, capsys):
    before = contents(place)
    assert main(["sweep", "a design.toml", "--out", "out", *further]) == 2
    assert message in capsys.readouterr().err
    assert contents(place) == before
