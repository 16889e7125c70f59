"""Writing a sweep's folder: processes that end at any moment, and a full disk."""

import errno
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from abm import InputError, load_sweep
from abm.output import files
from abm.sweeps.finish import finish_sweep
from abm.sweeps.run import SweepRun
from abm.sweeps.status import status
from abm.sweeps.store import merge, sorted_runs
from abm.sweeps.store.writing import SweepWriter
from abm.sweeps.work import chunks
from abm.sweeps.work import worker as work
from tests.sweep_folders import DESIGN, refused
from tests.sweeping import InProcess, StopsAfter, design_of, make, make_shard, tables_of

# --- ends in the middle -------------------------------------------------------------------------------


@pytest.fixture
def one_run_a_chunk(monkeypatch):
    monkeypatch.setattr(chunks, "MOST_RUNS", 1)


@pytest.fixture
def interrupted(tmp_path, one_run_a_chunk) -> Path:
    """The folder of a sweep that was ended after five of its eight runs."""
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        make(DESIGN, out, StopsAfter(5))
    return out


def parts_of(out: Path) -> list[Path]:
    return sorted((out / "working" / "parts").glob("*.part"))


def test_an_interrupted_sweep_goes_on_from_its_parts(interrupted, expected):
    assert len(parts_of(interrupted)) >= 4  # of two chunks in flight one may not have been looked at
    made = len(parts_of(interrupted))
    with pytest.raises(InputError, match="the sweep is not finished; run its command again"):
        load_sweep(interrupted)
    assert "steps was 6, is 7" in refused(DESIGN.replace("steps = 6", "steps = 7"), interrupted)
    assert make(DESIGN, interrupted) == 8 - made
    assert tables_of(interrupted) == expected


def test_results_of_a_sweep_that_is_being_extended_are_not_taken_for_the_extended_ones(tmp_path, one_run_a_chunk):
    out = tmp_path / "out"
    make(DESIGN, out)
    longer = DESIGN.replace("count = 2", "count = 3")
    with pytest.raises(KeyboardInterrupt):
        make(longer, out, StopsAfter(1))
    with pytest.raises(InputError, match="the sweep is not finished"):
        load_sweep(out)
    assert make(DESIGN, out) == 0  # gives the extension up, and keeps its run
    assert len(load_sweep(out).outcomes) == 8
    assert make(longer, out) == 3


DAMAGE = {
    "truncated": lambda data: data[: len(data) // 2],
    "without its last byte": lambda data: data[:-1],
    "empty": lambda data: b"",
    "with a bit flipped in the middle": lambda data: flipped(data, len(data) // 2),
    "with a bit flipped at the end": lambda data: flipped(data, len(data) - 1),
    "of something else": lambda data: b"not a part",
}


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_part_is_found_and_its_runs_are_made_again(interrupted, expected, damage):
    made = len(parts_of(interrupted))
    victim = parts_of(interrupted)[1]
    victim.write_bytes(DAMAGE[damage](victim.read_bytes()))
    # The bytes of its tables are checked where they are merged; to look at the runs is to read their list alone.
    assert status(interrupted)["missing"] == str(8 - made + ("bit flipped" not in damage))
    assert victim.exists()  # to look is not to remove
    assert make(DESIGN, interrupted) == 8 - made + 1
    assert tables_of(interrupted) == expected


def test_finish_names_how_many_runs_a_damaged_part_took_with_it(tmp_path, one_run_a_chunk, expected):
    for number in (1, 2):
        make_shard(DESIGN, tmp_path / "out", number, 2)
    victim = parts_of(tmp_path / "out")[3]
    victim.write_bytes(flipped(victim.read_bytes(), 100))
    with pytest.raises(Exception, match="1 of 8 runs are missing"):
        finish_sweep(tmp_path / "out")
    assert sum(make_shard(DESIGN, tmp_path / "out", number, 2) for number in (1, 2)) == 1
    finish_sweep(tmp_path / "out")
    assert tables_of(tmp_path / "out") == expected


class Crash(BaseException):
    """The end of the process, after which nothing changes the disk."""


@contextmanager
def crash_at(number: int, owner, name: str):
    """Crash at the Nth change of the disk inside a method; yields the count of changes."""
    patch = pytest.MonkeyPatch()
    state = {"inside": False, "count": 0, "dead": False}
    method = getattr(owner, name)

    def guarded(function):
        def call(*arguments, **options):
            if state["inside"]:
                if state["dead"] or state["count"] == number:
                    state["dead"] = True
                    raise Crash
                state["count"] += 1
            return function(*arguments, **options)

        return call

    def entered(*arguments, **options):
        state["inside"] = True
        try:
            return method(*arguments, **options)
        finally:
            state["inside"] = False

    patch.setattr(owner, name, entered)
    for place, operation in ((Path, "rename"), (Path, "unlink"), (Path, "mkdir"), (shutil, "rmtree")):
        patch.setattr(place, operation, guarded(getattr(place, operation)))
    try:
        yield state
    finally:
        patch.undo()


def test_an_end_at_any_moment_of_the_first_preparation_does_no_harm(tmp_path, expected):
    number = 0
    while True:
        out = tmp_path / str(number)
        with crash_at(number, SweepWriter, "prepare") as state:
            try:
                SweepRun(design_of(DESIGN), SweepWriter(out), InProcess()).run()
            except Crash:
                pass
            else:
                break
        if number % 3 == 0:  # the rest is looked at without the runs
            assert make(DESIGN, out) == 8
            assert tables_of(out) == expected
        else:
            assert not SweepWriter(out).holds_runs()
            SweepWriter(out).check(design_of(DESIGN))
        number += 1
    assert number == state["count"] > 8
    assert tables_of(out) == expected


def test_an_end_while_the_tables_take_their_places_is_made_good(tmp_path, expected):
    """After an end at each change of the disk, the same command makes no run, and an extended design only new ones."""
    longer = DESIGN.replace("count = 2", "count = 3").replace("[0.0, 0.5]", "[0.5, 0.9]")
    begun = tmp_path / "begun"
    make(longer, begun)
    with crash_at(0, SweepWriter, "finish_commit"), pytest.raises(Crash):
        make(DESIGN, begun)
    assert (begun / "working" / "merged").exists()
    number = 0
    while True:
        out = tmp_path / str(number)
        shutil.copytree(begun, out)
        with crash_at(number, SweepWriter, "finish_commit") as state:
            try:
                SweepWriter(out).finish_commit()
            except Crash:
                pass
            else:
                break
        with pytest.raises(InputError, match="not finished"):
            load_sweep(out)
        assert status(out)["missing"] == "0"
        assert make(DESIGN, out) == 0
        assert tables_of(out) == expected
        if number % 4 == 0:
            assert make(longer, out) == 0  # the runs that DESIGN does not have are still there
        number += 1
    assert number == state["count"] > 10
    assert make(DESIGN, out) == 0
    assert tables_of(out) == expected


def test_files_that_were_half_written_are_removed_at_the_end(tmp_path, expected):
    out = tmp_path / "out"
    make_shard(DESIGN, out, 1, 2)
    (out / ".manifest.json-0123abcd").write_text("{")
    (out / "working" / "parts" / ".0123.part-0123abcd").write_bytes(b"PK")
    (out / "working" / "sorting.tmp-0123abcd").mkdir()
    (out / "working" / "sorting.tmp-0123abcd" / "0.arrow").write_bytes(b"ARROW1")
    assert make(DESIGN, out) == 4
    assert tables_of(out) == expected
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]
    (out / ".summary.json-0123abcd").write_text("{")
    assert make(DESIGN, out, overwrite=True) == 8


# --- a full disk --------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["preparation", "a part", "sorting", "the tables"])
def test_a_full_disk_stops_a_sweep_that_goes_on_when_there_is_room(tmp_path, expected, where):
    out = tmp_path / "out"
    write_table = merge.pq.ParquetWriter.write_table

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "somewhere")

    def full_for_tables(writer, *arguments, **options):
        (full if "tables.tmp-" in str(writer.where) else write_table)(writer, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        place, name, function = {
            "preparation": (files.os, "fsync", full),
            "a part": (work, "write_part", full),
            "sorting": (sorted_runs.pa.ipc, "new_file", full),
            "the tables": (merge.pq.ParquetWriter, "write_table", full_for_tables),
        }[where]
        patch.setattr(place, name, function)
        with pytest.raises(OSError, match="No space left"):
            make(DESIGN, out)
        if where in ("sorting", "the tables"):
            assert not list((out / "working").glob("*.tmp-*")) and not (out / "working" / "merged").exists()
    assert make(DESIGN, out) == (0 if where in ("sorting", "the tables") else 8)
    assert tables_of(out) == expected
