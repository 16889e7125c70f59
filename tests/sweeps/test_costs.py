"""What the calls of a sweep read and compute again, counted."""

import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abm import InputError, load_sweep
from abm.sweeps.estimate import estimate
from abm.sweeps.finish import finish_sweep
from abm.sweeps.status import failures, status
from abm.sweeps.store import folder as stored
from abm.sweeps.store import merge
from abm.sweeps.store.folder import SweepFolder
from abm.sweeps.store.parts import DamagedPart, check_hash, write_part
from abm.sweeps.work import chunks
from tests.sweep_folders import DESIGN
from tests.sweeping import InProcess, StopsAfter, design_of, make, make_shard, tables_of


def bytes_read(function, *arguments) -> int:
    """Bytes that this process reads from files while it calls a function."""

    def so_far() -> int:
        return int(Path("/proc/self/io").read_text().split()[1])

    overhead = -so_far() + so_far()
    before = so_far()
    function(*arguments)
    return so_far() - before - overhead


@pytest.fixture
def no_fsync(monkeypatch):
    """Leaves the writing of a thousand parts to the operating system."""
    monkeypatch.setattr("abm.output.files.os.fsync", lambda handle: None)


def write_parts(text: str, out: Path) -> int:
    """Begin a sweep, and write a part with made-up steps for each run; returns the bytes of all parts."""
    with pytest.raises(KeyboardInterrupt):
        make(text, out, StopsAfter(0))
    plan = SweepFolder(out).plan()
    rows = pa.table({"hhi": np.random.default_rng(1).random(40_000)})
    outcomes = pa.table({"hhi": [0.5]})
    counts = {"outcomes": [1], "steps": [rows.num_rows], "sectors": [0], "failures": [0]}
    for run in range(plan.runs):
        point, replication = divmod(run, plan.replications.count)
        about = {"key": [plan.keys[point]], "seed": [plan.seeds[point][replication]], "failed": [False]}
        about |= {"seconds": [0.1]} | counts
        write_part(out / "working" / "parts", {"runs": pa.table(about), "outcomes": outcomes, "steps": rows})
    return sum(path.stat().st_size for path in (out / "working" / "parts").iterdir())


@pytest.mark.parametrize(("parts", "share"), [(40, 50), pytest.param(1000, 100, marks=pytest.mark.slow)])
def test_status_failures_and_shards_read_a_hundredth_of_the_parts_at_most(tmp_path, no_fsync, parts, share):
    out = tmp_path / "out"
    text = DESIGN.replace("count = 2", f"count = {parts // 4}") + '[collect]\nsteps = "all"\n'
    size = write_parts(text, out)
    assert size > 250_000 * parts
    assert status(out)["done"] == f"{parts:,} of {parts:,}"
    # What is called first imports what it needs, which is read from files too.
    failures(out)
    make_shard(text, out, 1, 3)
    assert 0 < bytes_read(status, out) < size / share
    assert 0 < bytes_read(failures, out) < size / share
    assert 0 < bytes_read(make_shard, text, out, 2, 3) < size / share


def test_the_bytes_of_every_part_are_hashed_once_before_the_tables_are_made(tmp_path, monkeypatch):
    monkeypatch.setattr(chunks, "MOST_RUNS", 1)
    checked = []

    def counted(path):
        checked.append(path.name)
        return check_hash(path)

    monkeypatch.setattr(stored, "check_hash", counted)
    for number in (1, 2, 3):
        make_shard(DESIGN, tmp_path / "out", number, 3)
        status(tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out" / "working" / "parts").iterdir())
    assert not checked and len(names) == 8
    finish_sweep(tmp_path / "out")
    assert checked == names
    checked.clear()
    make(DESIGN, tmp_path / "other")
    assert len(checked) == len(set(checked)) == 8


def test_a_damaged_part_is_refused_by_name_where_its_failures_are_listed(tmp_path):
    part = write_part(tmp_path, {"failures": pa.table({"error": ["a" * 1000]})})
    data = bytearray(part.read_bytes())
    data[len(data) // 3] ^= 1
    part.write_bytes(data)
    from abm.sweeps.store.parts import read_table

    with pytest.raises(DamagedPart, match=r"is damaged: .*; the same command, given again, makes its runs anew$"):
        read_table(part, "failures")


# --- the plan -----------------------------------------------------------------------------------------


@pytest.fixture
def planned(monkeypatch) -> list:
    """The designs that have been planned anew."""
    found = []
    plan_of = stored.plan_of

    def counted(design, draws):
        found.append(design)
        return plan_of(design, draws)

    monkeypatch.setattr(stored, "plan_of", counted)
    return found


def test_a_plan_is_made_once_and_read_by_every_later_call(tmp_path, planned):
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        make(DESIGN, out, StopsAfter(1))
    assert len(planned) == 1
    estimate(design_of(DESIGN), InProcess(), store=SweepFolder(out))
    make_shard(DESIGN, out, 2, 3)
    status(out)
    make(DESIGN, out)
    make(DESIGN, out)  # finished
    estimate(design_of(DESIGN), InProcess(), store=SweepFolder(out))
    assert len(planned) == 1
    make(DESIGN, tmp_path / "other")
    assert tables_of(out) == tables_of(tmp_path / "other")


@pytest.mark.parametrize("is_finished", [False, True])
def test_a_stored_plan_of_another_design_is_not_believed(tmp_path, planned, is_finished):
    text = DESIGN.replace('policy = ["fixed", "imitate"]', "").replace("[factors]", "[factors]\nchurn = [0.1, 0.2]")
    out = tmp_path / "out"
    make(text, out) if is_finished else make_shard(text, out, 1, 2)
    for other in (text.replace("0.2", "0.3"), text.replace("count = 2", "count = 3"), text + "# a remark\n"):
        planned.clear()
        assert SweepFolder(out).plan_for(design_of(other)).keys.shape == (4,)
        assert len(planned) == 1
    make(text.replace("0.2", "0.3"), out)
    make(text.replace("0.2", "0.3"), tmp_path / "other")
    assert tables_of(out) == tables_of(tmp_path / "other")


def test_a_stored_plan_is_not_believed_where_the_file_of_its_points_or_the_release_has_changed(
    tmp_path, planned, monkeypatch
):
    points = tmp_path / "points.csv"
    text = DESIGN.replace('network_effect = [0.0, 0.5]\npolicy = ["fixed", "imitate"]\n', "")
    text += '[design]\nmethod = "list"\nfile = "points.csv"\n'
    points.write_text("churn,policy\n0.5,fixed\n0.25,imitate\n")
    out = tmp_path / "out"
    make(design_of(text, tmp_path), out)
    make(design_of(text, tmp_path), out)
    assert len(planned) == 1
    for changed in ("churn,policy\n0.5,fixed\n0.26,imitate\n", "churn,policy\n0.25,imitate\n0.5,fixed\n"):
        points.write_text(changed)
        planned.clear()
        found = SweepFolder(out).plan_for(design_of(text, tmp_path))
        assert (
            len(planned) == 1 and found.points["churn"].tolist() == design_of(text, tmp_path).values()["churn"].tolist()
        )
    points.write_text("churn,policy\n0.5,fixed\n0.25,imitate\n")
    planned.clear()
    monkeypatch.setattr("abm.sweeps.store.manifest.__version__", "0.0.1")
    SweepFolder(out).plan_for(design_of(text, tmp_path))
    assert len(planned) == 1


@pytest.mark.parametrize("is_finished", [False, True])
@pytest.mark.parametrize("name", ["points.parquet", "keys.parquet", "manifest.json"])
def test_a_damaged_plan_is_made_anew(tmp_path, planned, name, is_finished):
    out = tmp_path / "out"
    make(DESIGN, out) if is_finished else make_shard(DESIGN, out, 1, 2)
    path = out / name if is_finished or name == "manifest.json" else out / "working" / name
    expected = tables_of(out) if is_finished else {}
    whole = path.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 9)):
        data = bytearray(whole)
        data[place] ^= 4
        path.write_bytes(data)
        planned.clear()
        plan = SweepFolder(out).plan_for(design_of(DESIGN))
        assert len(planned) == 1 and plan.keys.tolist() == stored.plan_of(design_of(DESIGN), 2).keys.tolist()
    path.unlink()
    make(DESIGN, out)
    assert not expected or tables_of(out) == expected
    planned.clear()
    make(DESIGN, out)
    assert not planned


def test_a_sweep_of_a_release_that_stored_no_digest_of_its_plan_goes_on(tmp_path, planned):
    out = tmp_path / "out"
    make_shard(DESIGN, out, 1, 2)
    path = out / "manifest.json"
    manifest = json.loads(path.read_text())
    for key in ("plan", "format", "digest"):
        del manifest[key]
    path.write_text(json.dumps(manifest))
    planned.clear()
    assert make(DESIGN, out) == 4
    assert len(planned) == 1
    make(DESIGN, tmp_path / "other")
    assert tables_of(out) == tables_of(tmp_path / "other")
    shutil.rmtree(tmp_path / "other")


# --- a part of a table --------------------------------------------------------------------------------


@pytest.fixture
def with_steps(tmp_path, monkeypatch) -> Path:
    """A finished sweep of 40 points with a row group for each eight runs."""
    monkeypatch.setattr(merge, "BLOCK", 1600)
    text = DESIGN.replace("[0.0, 0.5]", str([each / 20 for each in range(20)])).replace("steps = 6", "steps = 200")
    make(text + '[collect]\nsteps = "all"\n', tmp_path / "out")
    return tmp_path / "out"


def test_row_groups_follow_the_points_and_tell_which_they_hold(with_steps):
    for name in ("steps", "sectors"):
        about = pq.read_metadata(with_steps / f"{name}.parquet")
        column = about.schema.names.index("point")
        bounds = [about.row_group(each).column(column).statistics for each in range(about.num_row_groups)]
        assert about.num_row_groups >= 10
        assert all(one.max <= other.min for one, other in itertools.pairwise(bounds))


@pytest.mark.parametrize("points", [[7], [39, 0], (3, 3, 4), range(2), []])
def test_some_points_are_read_from_their_part_of_the_file(with_steps, points):
    results = load_sweep(with_steps)
    everything = results.read("steps", ["hhi", "step"])
    size = (with_steps / "steps.parquet").stat().st_size
    others = load_sweep(with_steps)
    others.read("steps", ["hhi"], points=[0])  # the factors of the points, and imports
    found = []
    read = bytes_read(lambda: found.append(others.read("steps", ["hhi", "step"], points=points)))
    expected = everything[everything["point"].isin(list(points))].reset_index(drop=True)
    pd.testing.assert_frame_equal(found[0], expected, check_exact=True)
    about = pq.read_metadata(with_steps / "steps.parquet").serialized_size
    assert read < size * len(set(points)) / 9 + 8 * about + 50_000


def test_damage_is_found_in_the_part_that_is_read(with_steps):
    path = with_steps / "steps.parquet"
    data = bytearray(path.read_bytes())
    data[60] ^= 1  # in the first row group
    path.write_bytes(data)
    results = load_sweep(with_steps)
    assert len(results.read("steps", points=[30])) == 400
    for points in ([0], [30, 0], None):
        with pytest.raises(InputError, match=r"steps.parquet: is damaged: it is not as it was written"):
            results.read("steps", points=points)
    data[60] ^= 1
    data[-20] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"steps.parquet: is damaged"):
        load_sweep(with_steps).read("steps", points=[30])


@pytest.mark.parametrize("point", [40, -1, "x", None])
def test_a_point_that_the_design_does_not_have_is_refused(with_steps, point):
    with pytest.raises(InputError, match=r"point .* is not one of 0 to 39$"):
        load_sweep(with_steps).read("steps", points=[3, point])


def test_some_points_of_an_unfinished_sweep_are_read_too(tmp_path):
    make_shard(DESIGN, tmp_path / "out", 1, 2)
    results = load_sweep(tmp_path / "out", partial=True)
    every = results.read("outcomes")
    some = results.read("outcomes", points=[1, 2])
    assert len(some) and some.equals(every[every["point"].isin([1, 2])].reset_index(drop=True))


# --- the memory of the merge --------------------------------------------------------------------------

FINISH = """
import resource, sys
from abm.sweeps.finish import finish_sweep
print(finish_sweep(sys.argv[1]).summary["done"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_of_finish(out: Path, runs: int) -> float:
    """MB of memory that a process takes at most which makes the tables of so many made-up runs."""
    text = DESIGN.replace("count = 2", f"count = {runs // 4}")
    with pytest.raises(KeyboardInterrupt):
        make(text, out, StopsAfter(0))
    plan = SweepFolder(out).plan()
    draws = np.random.default_rng(1)
    for begin in range(0, plan.runs, 5_000):
        point, replication = np.divmod(np.arange(begin, begin + 5_000), plan.replications.count)
        about = {"key": plan.keys[point], "seed": plan.seeds[point, replication]}
        about |= {"failed": np.zeros(5_000, dtype=bool), "seconds": draws.random(5_000)}
        about |= {"outcomes": np.ones(5_000, dtype=np.int64), "failures": np.zeros(5_000, dtype=np.int64)}
        outcomes = {f"outcome_{number}": draws.random(5_000) for number in range(20)}
        write_part(out / "working" / "parts", {"runs": pa.table(about), "outcomes": pa.table(outcomes)})
    command = [sys.executable, "-c", FINISH, str(out)]
    done, peak = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout.split()
    assert int(done) == runs
    shutil.rmtree(out)
    return int(peak) / 1e3


@pytest.mark.slow
def test_the_memory_of_the_merge_does_not_grow_with_the_runs(tmp_path, no_fsync):
    few, many = (peak_of_finish(tmp_path / str(runs), runs) for runs in (100_000, 1_000_000))
    assert many < few + 75.0, (few, many)  # before, the index alone took 200 MB more
