"""A directory that is there whole or not at all, with the rights it was prepared with, and what killed runs leave."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from abm import InputError, Scenario, cli, simulate
from abm.output.new_folder import new_folder
from abm.output.run_folder import FILES
from tests.run_directories import ROOT, SMALL, run

# Begins to write a folder, and is killed where it is told.
KILLED = """
import os, signal, sys
from pathlib import Path
from abm.output import new_folder
out, where = sys.argv[1:]
if where == "between":
    rename = Path.rename
    def once(self, target):
        if self.name.endswith("run"):
            rename(self, target)
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(self, target)
    Path.rename = once
with new_folder.new_folder(out, kind="run", files=("steps.parquet", "run.json"), overwrite=True) as folder:
    (folder / "run.json").write_text('{"versions": {"abm": "new"}}')
    if where == "within":
        os.kill(os.getpid(), signal.SIGKILL)
"""


def kill(out: Path, where: str) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, str(out), where], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL


def make(out: Path, text: str = "later") -> None:
    with new_folder(out, kind="run", files=("steps.parquet", "run.json"), overwrite=True) as folder:
        (folder / "run.json").write_text(json.dumps({"versions": {"abm": text}}))


def test_the_next_run_takes_away_what_a_killed_one_left(tmp_path):
    kill(tmp_path / "run", "within")
    assert len(os.listdir(tmp_path)) == 1
    make(tmp_path / "run")
    assert os.listdir(tmp_path) == ["run"]


def test_a_run_killed_while_it_replaced_another_loses_neither(tmp_path):
    make(tmp_path / "run", "first")
    kill(tmp_path / "run", "between")
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match="holds a run already"), new_folder(tmp_path / "run", kind="run", files=FILES):
        pass
    assert json.loads((tmp_path / "run/run.json").read_text()) == {"versions": {"abm": "first"}}
    assert os.listdir(tmp_path) == ["run"]


def test_what_another_process_is_still_writing_stays(tmp_path):
    with new_folder(tmp_path / "run", kind="run", files=FILES) as unfinished:
        (unfinished / "run.json").write_text('{"versions": {"abm": "slower"}}')
        make(tmp_path / "run")
        assert (unfinished / "run.json").exists()
        (tmp_path / "run/run.json").unlink()
        (tmp_path / "run").rmdir()
    assert "slower" in (tmp_path / "run/run.json").read_text()


def test_what_somebody_else_has_put_into_a_leftover_stays(tmp_path):
    kill(tmp_path / "run", "within")
    (leftover,) = tmp_path.iterdir()
    (leftover / "mine.txt").write_text("mine")
    make(tmp_path / "run")
    assert (leftover / "mine.txt").read_text() == "mine"


def test_a_folder_of_another_name_is_no_leftover(tmp_path):
    names = [".run.tmp-notes", ".run.tmp-0123456", ".runs.tmp-01234567", ".run.tmp-01234567-later"]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text("{}")
    make(tmp_path / "run")
    assert sorted(os.listdir(tmp_path)) == sorted([*names, "run"])
    assert all((tmp_path / name / "run.json").exists() for name in names)


@pytest.mark.parametrize("mode", [0o2775, 0o700, 0o1777])
def test_a_prepared_directory_keeps_its_mode(mode, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(mode)
    make(tmp_path / "run")
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == mode
    make(tmp_path / "run")
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == mode


# Whoever is not root can give a directory to nobody. Where CI is root, as in a container, this is tested.
@pytest.mark.skipif(os.geteuid() != 0, reason="gives a directory to another group")
def test_a_prepared_directory_keeps_owner_and_group_and_files_get_the_group(tmp_path):
    (tmp_path / "run").mkdir()
    os.chown(tmp_path / "run", 12345, 54321)
    (tmp_path / "run").chmod(0o2775)
    make(tmp_path / "run")
    about = (tmp_path / "run").stat()
    assert (about.st_uid, about.st_gid) == (12345, 54321)
    assert (tmp_path / "run/run.json").stat().st_gid == 54321


def test_a_result_saved_from_python_is_what_the_command_writes(tmp_path):
    assert run(tmp_path / "command", *SMALL, "--seed", "3", "--panel", "2") == 0
    scenario = Scenario.load("four-sectors").replace(capacity=20, steps=3)
    simulate(scenario, 3, panel=2).save(tmp_path / "python", picture=False)
    names = sorted(os.listdir(tmp_path / "command"))
    assert names == sorted(os.listdir(tmp_path / "python"))
    about = [json.loads((tmp_path / kind / "run.json").read_text()) for kind in ("command", "python")]
    for each in about:
        assert each.pop("started")
        assert each.pop("wall_seconds") > 0
    assert about[0] == about[1]
    for name in set(names) - {"run.json"}:
        assert (tmp_path / "command" / name).read_bytes() == (tmp_path / "python" / name).read_bytes(), name


def test_saving_over_a_run_needs_to_be_asked_for(tmp_path):
    result = simulate(Scenario(capacity=5, steps=2))
    result.save(tmp_path / "run", picture=False)
    with pytest.raises(InputError, match="holds a run already"):
        result.save(tmp_path / "run", picture=False)
    result.save(tmp_path / "run", overwrite=True, picture=False)


@pytest.mark.parametrize(
    "command",
    [
        ["run", "four-sectors", *SMALL, "--out"],
        ["sweep", "network-effect", "--out"],
        ["compare", "nothing", "--out"],
    ],
)
def test_a_directory_whose_name_is_not_text_is_refused_before_anything_is_computed(
    command, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("abm.simulation.simulate.simulate", lambda *_, **__: pytest.fail("computed"))
    for name in (b"caf\xe9", b"caf\xe9/inside"):
        assert cli.main([*command, os.fsdecode(os.path.join(os.fsencode(tmp_path), name))]) == 2
        message = capsys.readouterr().err
        assert "is not UTF-8" in message
        assert message.count("\n") == 1
    assert os.listdir(tmp_path) == []
