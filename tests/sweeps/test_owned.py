"""A user's own files: none is removed, no link is followed, and no name becomes a command of a script."""

import json
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from abm import InputError
from abm.cli import main
from abm.sweeps.job_array import array_script
from abm.sweeps.status import status
from abm.sweeps.store import contents as store_contents
from abm.sweeps.store import lock
from abm.sweeps.store.contents import MARK, WORKING
from abm.sweeps.store.owned import holds_a_sweep, refuse_foreign
from abm.sweeps.store.writing import SweepWriter
from abm.sweeps.work.job_options import JobOptions
from tests.run_directories import SMALL, contents, run
from tests.sweep_folders import DESIGN, finished, refused  # noqa: F401
from tests.sweeping import InProcess, StopsAfter, make, make_shard, tables_of

FOREIGN = {
    "a text": lambda working: (working / "notes.txt").write_text("mine"),
    "a text of a name that a sweep has": lambda working: (working / "keys.parquet").write_text("mine"),
    "a lock of something else": lambda working: (working / "lock").write_text('{"pid": 1}'),
    "a lock as a folder": lambda working: (working / "lock-x").mkdir(),
    "a folder of parts": lambda working: filled(working / "parts" / "part.txt"),
    "a part of a name that a sweep has": lambda working: filled(working / "parts" / f"{'0' * 24}.part"),
    "tables": lambda working: filled(working / "merged" / "outcomes.parquet"),
    "a temporary folder": lambda working: filled(working / "plan.tmp-0123abcd" / "mine.txt"),
}


def filled(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("mine")


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("what", FOREIGN)
def test_a_users_own_working_folder_is_left(tmp_path, what, overwrite):
    (tmp_path / "working").mkdir()
    FOREIGN[what](tmp_path / "working")
    assert "holds" in refused(DESIGN, tmp_path, overwrite=overwrite)
    with pytest.raises(InputError):
        make_shard(DESIGN, tmp_path, 1, 2)


@pytest.mark.parametrize("what", FOREIGN)
def test_a_users_own_working_folder_beside_a_finished_sweep_is_left(finished, tmp_path, what):  # noqa: F811
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    (out / "working").mkdir()
    FOREIGN[what](out / "working")
    assert "working" in refused(DESIGN, out, overwrite=True)
    assert "working" in refused(DESIGN.replace("count = 2", "count = 3"), out)


@pytest.mark.parametrize("inside", ["", "parts", "lost", "merged"])
def test_no_link_in_the_folder_is_followed(tmp_path, inside):
    elsewhere, out = tmp_path / "elsewhere", tmp_path / "out"
    filled(elsewhere / "parts" / f"{'0' * 24}.part")
    filled(elsewhere / "lock-1-of-2" / "mine.txt")
    (elsewhere / "sweep-folder").write_text("")
    before = contents(elsewhere)
    if inside:
        with pytest.raises(KeyboardInterrupt):
            make(DESIGN, out, StopsAfter(0))
        shutil.rmtree(out / "working" / inside, ignore_errors=True)
    else:
        out.mkdir()
    (out / "working" / inside).symlink_to(elsewhere)
    for overwrite in (False, True):
        assert "holds" in refused(DESIGN, out, overwrite=overwrite)
    assert contents(elsewhere) == before


def test_a_link_of_a_tables_name_is_left(finished, tmp_path):  # noqa: F811
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    (out / "outcomes.parquet").rename(tmp_path / "mine")
    (out / "outcomes.parquet").symlink_to(tmp_path / "mine")
    assert "'outcomes.parquet', which no sweep wrote" in refused(DESIGN, out)
    assert "'outcomes.parquet', which no sweep wrote" in refused(DESIGN, out, overwrite=True)


def test_what_a_user_puts_into_a_folder_at_work_stays(tmp_path):
    out = tmp_path / "out"
    make_shard(DESIGN, out, 1, 2)
    (out / "working" / "notes.txt").write_text("mine")
    for overwrite in (False, True):
        assert "'working/notes.txt', which no sweep wrote" in refused(DESIGN, out, overwrite=overwrite)
    (out / "working" / "notes.txt").rename(out / "notes.txt")
    assert make(DESIGN, out) == 4
    assert (out / "notes.txt").read_text() == "mine"
    assert not (out / "working").exists()


def test_of_two_that_overwrite_at_once_one_is_refused_and_removes_nothing(finished, tmp_path):  # noqa: F811
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    seen = []

    class Second(InProcess):
        def client(self, *arguments):
            with pytest.raises(InputError, match="is at work on this sweep"):
                make(DESIGN, out, overwrite=True)
            seen.append(sorted(path.name for path in (out / "working").iterdir()))
            return super().client(*arguments)

    assert make(DESIGN, out, Second(), overwrite=True) == 8
    assert len(seen) == 1 and {"lock", "keys.parquet"} <= set(seen[0])
    assert tables_of(out) == tables_of(finished)


# --- runs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["somebody else's run.json", "a folder of a run's name", "a link of a run's name"])
def test_overwriting_a_run_leaves_what_no_run_wrote(tmp_path, capsys, kind):
    out = tmp_path / "out"
    if kind == "somebody else's run.json":
        out.mkdir()
        (out / "run.json").write_text('{"distance_km": 10}')
    else:
        assert run(out, *SMALL) == 0
        (out / "firms.parquet").unlink()
        if kind == "a folder of a run's name":
            filled(out / "firms.parquet" / "mine.txt")
        else:
            filled(tmp_path / "mine" / "firms.parquet")
            (out / "firms.parquet").symlink_to(tmp_path / "mine" / "firms.parquet")
    before = contents(tmp_path)
    assert run(out, *SMALL, "--overwrite") == 2
    assert contents(tmp_path) == before
    assert len(capsys.readouterr().err.splitlines()) == 1


# --- names in scripts, and clocks ---------------------------------------------------------------------


@pytest.mark.parametrize("options", [("--out", "a\ntouch b"), ("--queue", "a\nb"), ("--directive=--x\nb",)])
def test_a_name_that_would_be_a_line_of_a_job_script_is_refused(capsys, options):
    given = [*options] if "--out" in options else [*options, "--out", "there"]
    assert main(["sweep", "script", "network-effect", "--shards", "2", *given]) == 2
    said = capsys.readouterr()
    assert "holds a control character" in said.err and said.out == ""


def test_a_name_with_signs_of_the_shell_is_quoted_in_a_job_script(tmp_path):
    name = 'it\'s $(touch x) `y`; "z" & *'
    text = array_script("network-effect", tmp_path / name, JobOptions(jobs=2))
    last = text[text.index("exec ") :].replace("exec ", "printf '%s\\n' ")
    printed = subprocess.run(["bash", "-c", last], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert str(tmp_path / name) in printed.splitlines()
    assert not list(tmp_path.iterdir())


def test_a_sweep_at_work_on_a_machine_with_another_clock_is_seen_by_its_beats(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "PATIENCE", 3.0)
    out = tmp_path / "out"
    make_shard(DESIGN, out, 1, 2)
    content = {"token": "elsewhere", "time": 0.0, "host": "node7", "pid": 42, "machine": "another"}
    over = threading.Event()

    def beat() -> None:
        for count in range(1000):
            (out / "working" / "lock").write_text(json.dumps(content | {"beat": count}))
            if over.wait(0.3):
                return

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        assert status(out)["state"] == "running"
    finally:
        over.set()
        thread.join()
    assert status(out)["state"].startswith("interrupted")


def test_libraries_that_change_between_calls_are_recorded_and_said(tmp_path, monkeypatch):
    out = tmp_path / "out"
    make_shard(DESIGN, out, 1, 2)
    then = SweepWriter(out).manifest()
    monkeypatch.setattr("abm.sweeps.store.writing.versions", lambda: then["versions"] | {"pandas": "9.9"})
    from abm.sweeps.run import SweepRun
    from tests.sweeping import design_of

    work = SweepRun(design_of(DESIGN), SweepWriter(out), InProcess())
    work.run()
    told = (
        f"earlier runs of this sweep were made with pandas {then['versions']['pandas']}, further ones are made with 9.9"
    )
    assert work.progress.notes == [told]
    now = SweepWriter(out).manifest()
    assert now["earlier_versions"] == [then["versions"]] and now["versions"]["pandas"] == "9.9"
    assert now["begun"] == then["begun"]


def test_a_folder_in_which_another_shard_is_about_to_begin_a_sweep_is_waited_for(tmp_path):
    working = tmp_path / WORKING
    working.mkdir()
    half = working / "lock"  # not whole yet
    half.write_bytes(b"")
    threading.Timer(0.5, lambda: (half.unlink(), (working / MARK).write_bytes(b""))).start()
    assert not holds_a_sweep(tmp_path)  # and does not refuse it


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", [f".{MARK}-8503a083", "lock", "plan.tmp-516c08d0"])
def test_what_another_shard_takes_away_while_a_folder_is_looked_at_is_not_foreign(tmp_path, monkeypatch, name, when):
    make_shard(DESIGN, tmp_path / "out", 1, 2)
    place = tmp_path / "out" / WORKING / name
    if name.startswith("plan"):
        place.mkdir()
    else:
        place.touch()

    def taken_away(look):
        def at(path: Path) -> bool:
            found = look(path)
            if path == place and place.exists():
                place.rename(tmp_path / "elsewhere")
                return found if when == "after" else look(path)
            return found

        return at

    for look in (store_contents.is_file, store_contents.is_folder):
        monkeypatch.setattr(store_contents, look.__name__, taken_away(look))
    refuse_foreign(tmp_path / "out")
    assert not place.exists()
