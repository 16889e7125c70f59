"""The same bytes of a sweep's tables, however the runs were made."""

import random
import subprocess
import sys

import pandas as pd
import pyarrow.parquet as pq
import pytest

from abm import load_sweep, sweep
from abm.sweeps.design.plan import DRAWS
from abm.sweeps.finish import finish_sweep
from abm.sweeps.store import merge, sorted_runs
from abm.sweeps.store.folder import SweepFolder
from abm.sweeps.store.manifest import plan_digest
from abm.sweeps.store.sorted_runs import SortedRuns
from abm.sweeps.work import chunks, worker
from abm.sweeps.work import driver as drive
from abm.sweeps.work.worker import make_chunk
from tests.sweep_folders import small
from tests.sweeping import EVERYTHING, TABLES, InProcess, design_of, make, make_shard, tables_of

KEYS = ["point", "replication", "seed"]


@pytest.fixture
def failing_sometimes(monkeypatch):
    """Makes runs of every fifth seed fail."""
    make_run = worker.make_run

    def fails(job, changes, seed):
        if seed % 5 == 0:
            raise ValueError(f"seed {seed}")
        return make_run(job, changes, seed)

    monkeypatch.setattr(worker, "make_run", fails)


def made_as_one(text: str, folder, inside=".") -> dict[str, bytes]:
    make(design_of(text, inside), folder / "as-one")
    return tables_of(folder / "as-one")


@pytest.mark.parametrize(
    ("settings", "workers", "expected"),
    [
        ({"MOST_RUNS": 1}, 1, 8 * [1]),
        ({"MOST_RUNS": 3}, 7, None),
        ({"FIRST": 60.0, "TARGET": 60.0, "LEAST": 0.0, "HANDING_OUT": 0.0}, 1, [4, 2, 1, 1]),
    ],
)
def test_chunks_and_workers_leave_no_trace(whole, tmp_path, monkeypatch, settings, workers, expected):
    for name, value in settings.items():
        monkeypatch.setattr(chunks, name, value)
    executor = InProcess(workers)
    assert make(EVERYTHING, tmp_path / "out", executor) == 8
    assert executor.chunks[: len(expected or [])] == (expected or [])
    assert tables_of(tmp_path / "out") == tables_of(whole)


def test_shards_leave_no_trace(whole, tmp_path):
    out = tmp_path / "out"
    assert [make_shard(EVERYTHING, out, number, 3) for number in (3, 1, 2)] == [2, 3, 3]
    assert make_shard(EVERYTHING, out, 2, 3) == 0
    assert make_shard(EVERYTHING, out, 1, 5) == 0
    finish_sweep(out)
    assert tables_of(out) == tables_of(whole)
    assert not (out / "working").exists()
    assert make_shard(EVERYTHING, out, 1, 4) == 0
    assert not (out / "working").exists()


def test_shards_and_a_whole_sweep_go_on_from_each_other(whole, tmp_path):
    assert make_shard(EVERYTHING, tmp_path / "out", 2, 3) == 3
    assert make(EVERYTHING, tmp_path / "out") == 5
    assert tables_of(tmp_path / "out") == tables_of(whole)


def test_runs_are_dealt_to_shards_by_their_number(tmp_path):
    text = small("churn = [0.1, 0.2]", 3)
    make_shard(text, tmp_path / "out", 2, 4)
    found = [source.runs.to_pandas() for source in SweepFolder(tmp_path / "out").sources()]
    found = set(pd.concat(found)[["key", "seed"]].itertuples(index=False, name=None))
    design = design_of(text)
    wanted = [(point, replication) for point in range(2) for replication in range(3)][1::4]
    make(design, tmp_path / "whole")
    runs = pd.read_parquet(tmp_path / "whole" / "runs.parquet").set_index(["point", "replication"]).loc[wanted]
    assert len(runs) == 2 and found == set(zip(runs["key"], runs["seed"], strict=True))


def test_parts_in_any_order_give_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(chunks, "MOST_RUNS", 1)
    text = small("churn = [0.1, 0.2, 0.9]", 2)
    make_shard(text, tmp_path / "out", 1, 1)
    store = SweepFolder(tmp_path / "out")
    plan, sources = store.plan(), store.sources()
    assert len(sources) == 6
    written = []
    for seed in range(4):
        folder = tmp_path / str(seed)
        folder.mkdir()
        random.Random(seed).shuffle(sources)
        tables = ["outcomes", "steps", "sectors", "lives", "failures"]
        merge.merge(SortedRuns(plan, sources, tables, folder), tables, folder)
        written.append(tables_of(folder))
    assert set(written[0]) == {"outcomes", "steps", "sectors", "lives"}
    assert all(each == written[0] for each in written)


def test_a_run_that_was_made_twice_counts_once(whole, tmp_path):
    out = tmp_path / "out"
    make_shard(EVERYTHING, out, 1, 3)
    copied = {path.name: path.read_bytes() for path in (out / "working" / "parts").iterdir()}
    assert make(EVERYTHING, out) == 5
    # Parts that another process has left behind after the tables were made, and a design that has grown.
    (out / "working" / "parts").mkdir(parents=True)
    for name, data in copied.items():
        (out / "working" / "parts" / name).write_bytes(data)
    assert make(EVERYTHING.replace("count = 2", "count = 3"), out) == 4
    assert make(EVERYTHING, out) == 0
    assert tables_of(out) == tables_of(whole)


GROWTH = {
    "replications": (small("churn = [0.1, 0.9]", 2), small("churn = [0.1, 0.9]", 5), 6),
    "levels": (small("churn = [0.1, 0.9]"), small("churn = [0.05, 0.1, 0.5, 0.9]"), 6),
    "a factor": (
        small("network_effect = [0.0, 0.9]"),
        small("heterogeneity = [0.2, 0.4]\nnetwork_effect = [0.0, 0.9]"),
        6,
    ),
    "sobol": (
        small("churn = {low = 0.1, high = 0.9}\npolicy = ['fixed', 'imitate']", 2, "method = 'sobol'\npoints = 4"),
        small("churn = {low = 0.1, high = 0.9}\npolicy = ['fixed', 'imitate']", 2, "method = 'sobol'\npoints = 8"),
        8,
    ),
    "saltelli": (
        small("churn = {low = 0.1, high = 0.9}", 1, "method = 'saltelli'\npoints = 2"),
        small("churn = {low = 0.1, high = 0.9}", 1, "method = 'saltelli'\npoints = 4"),
        4,  # with a single factor two of the three points of a base sample are equal
    ),
    "latin in replications": (
        small("churn = {low = 0.1, high = 0.9}", 1, "method = 'latin'\npoints = 4"),
        small("churn = {low = 0.1, high = 0.9}", 2, "method = 'latin'\npoints = 4"),
        4,
    ),
    "independent seeds": (
        small("churn = [0.1, 0.9]", 2).replace("count = 2", "count = 2\ncommon = false"),
        small("churn = [0.9, 0.2, 0.1]", 3).replace("count = 3", "count = 3\ncommon = false"),
        5,
    ),
}


@pytest.mark.parametrize("what", GROWTH)
def test_a_design_that_grows_or_shrinks_keeps_what_is_finished_and_leaves_no_trace(tmp_path, what):
    less, more, missing = GROWTH[what]
    out = tmp_path / "out"
    of_more = made_as_one(more, tmp_path)
    make(less, out)
    of_less = tables_of(out)
    assert of_less["outcomes"] != of_more["outcomes"]
    assert make(more, out) == missing
    assert tables_of(out) == of_more
    assert make(less, out) == 0
    assert tables_of(out) == of_less
    assert make(more, out) == 0  # also what the smaller design did not have
    assert tables_of(out) == of_more
    assert not (out / "working").exists()


def test_a_list_grows_by_rows_anywhere(tmp_path):
    text = small("", 2, 'method = "list"\nfile = "points.csv"')
    points = tmp_path / "points.csv"
    points.write_text("churn,policy\n0.5,fixed\n0.25,imitate\n")
    assert make(design_of(text, tmp_path), tmp_path / "out") == 4
    points.write_text("churn,policy\n0.9,imitate\n0.25,imitate\n0.5,fixed\n0.9,imitate\n")
    assert make(design_of(text, tmp_path), tmp_path / "out") == 2
    assert tables_of(tmp_path / "out") == made_as_one(text, tmp_path, tmp_path)


def test_a_long_list_whose_columns_change_their_names_has_another_plan(tmp_path):
    text = small("", 2, 'method = "list"\nfile = "points.csv"')
    rows = "\n".join(f"0.{100 + place},0.{900 - place}" for place in range(150))
    digests = []
    for names in ("churn,network_effect", "network_effect,churn"):
        (tmp_path / "points.csv").write_text(f"{names}\n{rows}\n")
        digests.append(plan_digest(design_of(text, tmp_path), DRAWS))
    assert digests[0] != digests[1]


@pytest.mark.parametrize("common", ["true", "false"])
@pytest.mark.parametrize("size", [1, 3])
def test_runs_that_are_sorted_in_many_files_are_merged_into_the_same_tables(
    tmp_path, monkeypatch, failing_sometimes, size, common
):
    """Also where points repeat others, runs fail, parts hold a run twice, and some runs belong to another design."""
    monkeypatch.setattr(chunks, "MOST_RUNS", 2)
    (tmp_path / "points.csv").write_text("churn\n0.5\n0.25\n0.5\n0.75\n0.25\n")
    text = small("", 4, 'method = "list"\nfile = "points.csv"').replace("count = 4", f"count = 4\ncommon = {common}")
    expected = made_as_one(text, tmp_path, tmp_path)
    monkeypatch.setattr(sorted_runs, "SIZE", size)
    monkeypatch.setattr(merge, "BLOCK", 1)
    more = text.replace("count = 4", "count = 5")
    for number in (1, 3):
        make_shard(design_of(more, tmp_path), tmp_path / "out", number, 3)
    make(design_of(text, tmp_path), tmp_path / "out")
    for name in ("outcomes", "steps", "sectors", "lives", "failures"):
        one, many = (pd.read_parquet(tmp_path / each / f"{name}.parquet") for each in ("as-one", "out"))
        one, many = (each.drop(columns="traceback", errors="ignore") for each in (one, many))
        assert len(one) and one.equals(many), name
    monkeypatch.setattr(sorted_runs, "SIZE", 100_000)
    monkeypatch.setattr(merge, "BLOCK", 50_000)
    assert load_sweep(tmp_path / "out").summary["run_seconds"] > 0.0
    assert make(design_of(text, tmp_path), tmp_path / "out") == 0
    make(design_of(more, tmp_path), tmp_path / "out")
    make(design_of(text, tmp_path), tmp_path / "out")
    assert tables_of(tmp_path / "out") == expected


def test_a_finished_sweep_is_left_alone(whole):
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in whole.iterdir()}
    assert make(EVERYTHING, whole) == 0
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in whole.iterdir()} == before


def test_blocks_of_rows_change_no_row(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(merge, "BLOCK", 7)
    make(EVERYTHING, tmp_path / "out")
    for name in TABLES:
        mine, theirs = (pq.ParquetFile(folder / f"{name}.parquet") for folder in (tmp_path / "out", whole))
        pd.testing.assert_frame_equal(mine.read().to_pandas(), theirs.read().to_pandas(), check_exact=True)
        if name in ("steps", "lives"):
            assert mine.num_row_groups > 1 == theirs.num_row_groups
    # Finished tables with blocks of another size can be read, too.
    monkeypatch.undo()
    assert make(EVERYTHING.replace("count = 2", "count = 1"), tmp_path / "out") == 0
    assert make(EVERYTHING, tmp_path / "out") == 0
    assert tables_of(tmp_path / "out") == tables_of(whole)


@pytest.mark.slow
def test_processes_leave_no_trace(whole, tmp_path):
    results = sweep(design_of(EVERYTHING), tmp_path / "out", workers=2)
    assert (results.summary["done"], results.summary["cores"]) == (8, 2)
    assert tables_of(tmp_path / "out") == tables_of(whole)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_the_command_leaves_no_trace_of_its_processes(whole, tmp_path, workers):
    (tmp_path / "my.toml").write_text(EVERYTHING)
    command = [sys.executable, "-m", "abm", "sweep", "my.toml", "--out", "out", "--workers", str(workers)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "8 runs done (4 points, 2 replications)" in done.stdout
    assert tables_of(tmp_path / "out") == tables_of(whole)


def test_chunks_that_two_workers_have_made_change_nothing(whole, tmp_path, monkeypatch):
    def twice(job, chunk):
        make_chunk(job, chunk)  # by a worker that was taken for dead
        return make_chunk(job, chunk)

    monkeypatch.setattr(drive.Driver.__init__, "__defaults__", (twice,))
    make(EVERYTHING, tmp_path / "out")
    assert tables_of(tmp_path / "out") == tables_of(whole)


def test_runs_that_nobody_leaves_and_runs_that_somebody_leaves_share_a_chunk(tmp_path):
    text = 'scenario = "four-sectors"\nset = {capacity = 20, steps = 4}\n[factors]\nrunway = [inf, 0.1]\n'
    make(design_of(text + "[replications]\ncount = 2\n[collect]\nlives = true", tmp_path), tmp_path / "out")
    lives = load_sweep(tmp_path / "out").lives
    assert lives[lives["runway"] == float("inf")]["reason"].isna().all()
    assert (lives[lives["runway"] == 0.1]["reason"] == "failed").any()
