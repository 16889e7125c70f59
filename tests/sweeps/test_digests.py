"""Damage to a finished sweep: it is found, reported in one line, and repaired by the sweep's command."""

import json
import os
import random
import shutil
from pathlib import Path

import pytest

from abm import InputError, compare, load_sweep
from abm.sweeps.finish import finish_sweep
from abm.sweeps.run import SweepRun
from abm.sweeps.status import status
from abm.sweeps.store import merge
from abm.sweeps.store.reader import REPAIR_HINT
from abm.sweeps.store.writing import SweepWriter
from tests.compared import without_format
from tests.run_directories import contents
from tests.sweep_folders import DESIGN
from tests.sweeping import EVERYTHING, TABLES, InProcess, design_of, make, tables_of


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A sweep with every table, in row groups of two runs."""
    out = tmp_path_factory.mktemp("whole") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "BLOCK", 2)
        assert make(EVERYTHING, out) == 8
    return out


@pytest.fixture
def out(whole, tmp_path) -> Path:
    shutil.copytree(whole, tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def small_groups(monkeypatch):
    monkeypatch.setattr(merge, "BLOCK", 2)


def read_all(out: Path) -> None:
    """Read all that can be read of a finished sweep."""
    results = load_sweep(out)
    assert len(results.points) == 4
    for table in results.tables:
        results.read(table)


def flip(path: Path, byte: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[byte] ^= 1 << bit
    path.write_bytes(data)


def test_any_flipped_bit_is_found_when_a_sweep_is_read_and_said_in_one_line(whole, out):
    read_all(out)
    draws = random.Random(1)
    names = sorted(path.name for path in whole.iterdir())
    assert len(names) == 14
    for name in names:
        size = (whole / name).stat().st_size
        for _ in range(4):
            flip(out / name, draws.randrange(size), draws.randrange(8))
            with pytest.raises(InputError) as refusal:
                read_all(out)
            assert str(refusal.value).startswith(f"{out / name}: ") and "\n" not in str(refusal.value)
            state = status_or_refusal(out)
            assert (name in state and "same command" in state) or "given again" in state
            shutil.copy(whole / name, out / name)
    read_all(out)


def status_or_refusal(out: Path) -> str:
    try:
        return str(status(out))
    except InputError as problem:
        return str(problem)


@pytest.mark.parametrize("damage", ["flipped", "truncated", "missing"])
@pytest.mark.parametrize(
    "name", ["points.parquet", "keys.parquet", "runs.parquet", "summary.json", "manifest.json", "design.toml"]
)
def test_what_follows_from_the_design_or_the_tables_is_made_again_without_a_run(whole, out, small_groups, name, damage):
    path = out / name
    if name == "design.toml" or damage == "flipped":
        flip(path, path.stat().st_size // 2, 0)
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        path.unlink()
    with pytest.raises(InputError, match=REPAIR_HINT):
        load_sweep(out)
    assert "not begun" not in status_or_refusal(out)
    work = SweepRun(design_of(EVERYTHING), SweepWriter(out), InProcess())
    work.run()
    assert work.executor.runs == 0
    assert len(work.progress.notes) == 1 and str(path) in work.progress.notes[0]
    assert tables_of(out) == tables_of(whole)
    assert (out / "runs.parquet").exists() and status(out)["state"] == "finished"
    assert load_sweep(out).summary["run_seconds"] == pytest.approx(load_sweep(whole).summary["run_seconds"])
    read_all(out)


@pytest.mark.parametrize("name", [name for name in TABLES if name != "points"])
def test_a_damaged_table_makes_anew_the_runs_that_it_lacks(whole, out, small_groups, name):
    flip(out / f"{name}.parquet", 60, 3)  # in its first row group, which has a run or two
    with pytest.raises(InputError, match=rf"{name}.parquet: is damaged: .*{REPAIR_HINT}"):
        load_sweep(out).read(name)
    assert status(out)["state"] == "damaged; the same command repairs it"
    assert 1 <= make(EVERYTHING, out) <= 2
    assert tables_of(out) == tables_of(whole)


@pytest.mark.parametrize("name", ["outcomes", "lives"])
def test_a_table_that_is_gone_makes_all_runs_anew_and_one_of_failures_none(whole, out, small_groups, name):
    (out / "failures.parquet").unlink()
    assert make(EVERYTHING, out) == 0
    path = out / f"{name}.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    assert make(EVERYTHING, out) == 8
    assert tables_of(out) == tables_of(whole)


def test_damage_is_made_good_while_a_sweep_is_extended(out, small_groups, tmp_path):
    longer = EVERYTHING.replace("count = 2", "count = 3")
    flip(out / "outcomes.parquet", 60, 3)
    flip(out / "points.parquet", 60, 3)
    assert 4 < make(longer, out) <= 6
    make(longer, tmp_path / "whole")
    assert tables_of(out) == tables_of(tmp_path / "whole")


def test_a_damaged_manifest_is_not_made_again_by_another_design(out):
    (out / "manifest.json").write_text("{")
    before = contents(out)
    with pytest.raises(InputError, match=r"manifest.json: is damaged"):
        make(EVERYTHING.replace("count = 2", "count = 3"), out)
    assert contents(out) == before
    assert make(EVERYTHING, out) == 0


# --- a folder of a release before there were formats --------------------------------------------------


def test_a_folder_without_a_format_is_read_extended_and_mended(whole, out, tmp_path):
    without_format(out)
    read_all(out)
    assert status(out)["state"] == "finished"
    assert make(EVERYTHING, out) == 0
    assert "format" not in json.loads((out / "summary.json").read_text())
    flip(out / "outcomes.parquet", 60, 3)
    assert 1 <= make(EVERYTHING, out) <= 2
    assert json.loads((out / "summary.json").read_text())["format"] == 1
    without_format(out)
    assert make(EVERYTHING.replace("count = 2", "count = 3"), out) == 4
    read_all(out)


# --- another shape ------------------------------------------------------------------------------------

FEW = (..., None, 7)  # missing, or another value
MANY = (*FEW, "text", -1, 0.5, True, [], {}, [{}], {"a": None})


def places(value, at=()):
    """The path to each key and each item, at every depth."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield (*at, key)
        yield from places(each, (*at, key))


def changed(text: str, place: tuple, new: object = ...) -> str:
    found = inside = json.loads(text)
    for key in place[:-1]:
        inside = inside[key]
    if new is ...:
        del inside[place[-1]]
    else:
        inside[place[-1]] = new
    return json.dumps(found)


def one_line(function, *arguments, **options) -> str:
    """The message of an InputError, or nothing; any other error fails the test."""
    said = ""
    try:
        function(*arguments, **options)
    except InputError as problem:
        said = str(problem)
    assert "\n" not in said
    return said


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "out"
    make(DESIGN, out)
    return out


@pytest.mark.parametrize("others", [FEW, pytest.param(MANY, marks=pytest.mark.slow)], ids=["few", "many"])
@pytest.mark.parametrize("has_format", [True, False])
@pytest.mark.parametrize("name", ["manifest.json", "summary.json"])
def test_a_missing_key_or_one_of_another_type_is_refused_by_file_and_key(finished, tmp_path, name, has_format, others):
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    if not has_format:
        without_format(out)
    text = (out / name).read_text()
    tried = 0
    for place in places(json.loads(text)):
        for new in others:
            (out / name).write_text(changed(text, place, new))
            said = one_line(lambda: load_sweep(out).outcomes)
            if said:
                assert said.startswith(f"{out / name}: ") or said.startswith(f"{out}"), (place, new)
            elif has_format and place != ("format",):
                assert json.loads((out / name).read_text()) == json.loads(text), (place, new)
            one_line(status, out)
            one_line(finish_sweep, out)
            tried += 1
    assert tried > 40


def test_a_changed_key_is_named(finished, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    for name, key, new, said in (
        ("manifest.json", "collect", ..., "key 'collect' is missing"),
        ("manifest.json", "versions", 5, "key 'versions' = 5: input should be an object"),
        ("manifest.json", "format", 2, "is of format 2, written by a later release; this one reads up to 1"),
        ("summary.json", "tables", ["../../x"], "key 'tables.0' = '../../x': input should be 'outcomes'"),
        ("summary.json", "done", 9, "was changed: its key 'digest' is that of another content"),
    ):
        text = (out / name).read_text()
        (out / name).write_text(changed(text, (key,), new))
        for read in (load_sweep, status, compare, finish_sweep):
            assert said in one_line(read, out)
        (out / name).write_text(text)


def test_the_same_command_mends_or_refuses_whatever_key_is_changed(finished, tmp_path):
    out = tmp_path / "out"
    for name in ("manifest.json", "summary.json"):
        text = (finished / name).read_text()
        for place in places(json.loads(text)):
            if place[:1] in (("scenario",), ("versions",), ("files",)) and len(place) > 1:
                continue  # what is deeper is looked at as it is read
            shutil.copytree(finished, out)
            (out / name).write_text(changed(text, place))
            assert one_line(make, DESIGN, out) == "", place
            assert tables_of(out) == tables_of(finished)
            read_all(out)
            shutil.rmtree(out)


def test_nothing_outside_the_folder_is_read_for_its_manifest(tmp_path):
    (tmp_path / "firms.csv").write_text("sector,strategy,T\nenterprise,balanced,2\nenterprise,adaptive,3\n")
    (tmp_path / "secret.txt").write_text("the secret\n")
    out = tmp_path / "out"
    make(design_of(f'firms = "firms.csv"\n{DESIGN}', tmp_path), out)
    from abm.sweeps.status import run_again

    without_format(out)
    text = (out / "manifest.json").read_text()
    for elsewhere in ("../secret.txt", str(tmp_path / "secret.txt"), "design.toml"):
        (out / "manifest.json").write_text(changed(text, ("firms_file",), elsewhere))
        said = one_line(run_again, out, 0, 0)
        assert "key 'firms_file' = " in said and "the secret" not in said
    (out / "manifest.json").write_text(text)
    for name in ("firm_table.csv", "scenario.toml"):
        (out / name).rename(tmp_path / name)
        os.symlink(tmp_path / "secret.txt", out / name)
        said = one_line(run_again, out, 0, 0)
        assert f"{name!r}, which no sweep wrote" in said and "the secret" not in said
        (out / name).unlink()
        (tmp_path / name).rename(out / name)
    run_again(out, 0, 0)
