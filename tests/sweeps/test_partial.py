"""A sweep is read while it runs: the runs that are there, and how many they are."""

import shutil

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from abm import InputError, analyse, compare, load_sweep
from abm.sweeps.store import stored_runs
from abm.sweeps.store.parts import read_table
from abm.sweeps.store.writing import SweepWriter
from abm.sweeps.sweep_results import Coverage
from abm.sweeps.work import chunks
from tests.run_directories import contents
from tests.sweeping import EVERYTHING, StopsAfter, make, make_shard, tables_of

TEXT = EVERYTHING.replace("count = 2", "count = 3")  # 4 points
TABLES = ("outcomes", "steps", "sectors", "lives", "firms", "panel")
OWN = ["point", "replication", "seed"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    make(TEXT, out)
    return out


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
    """Seven runs of twelve: the first replication of all points and more."""
    out = tmp_path_factory.mktemp("cut") / "out"
    stop(TEXT, out, 7)
    return out


def stop(text, out, runs, **options):
    """Begin a sweep and end it after some runs; a chunk that was submitted may still be counted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "MOST_RUNS", 1)
        with pytest.raises(KeyboardInterrupt):
            make(text, out, StopsAfter(runs), **options)


def rows_of(frame, runs):
    """The rows of some runs, by point and replication."""
    wanted = pd.MultiIndex.from_frame(frame[["point", "replication"]]).isin(runs)
    return frame[wanted].reset_index(drop=True)


def runs_in(results):
    return list(zip(results.outcomes["point"], results.outcomes["replication"], strict=True))


def test_what_is_there_is_what_the_finished_sweep_has_of_these_runs(whole, cut):
    before, full, part = contents(cut), load_sweep(whole), load_sweep(cut, partial=True)
    runs = runs_in(part)
    assert 5 <= len(runs) <= 7
    assert part.points.equals(full.points)
    assert part.factors == full.factors
    assert part.tables == full.tables
    for name in TABLES:
        assert_frame_equal(getattr(part, name), rows_of(getattr(full, name), runs))
    assert_frame_equal(part.read("steps", ["hhi"]), rows_of(full.read("steps", ["hhi"]), runs))
    assert part.failures.empty
    assert list(part.failures) == list(full.failures)
    with pytest.raises(InputError, match="has no column 'hi'"):
        part.read("steps", ["hi"])
    assert contents(cut) == before  # nothing was written


def test_replications_are_made_one_after_the_other_over_all_points(cut):
    part = load_sweep(cut, partial=True)
    made = part.outcomes.groupby("point").size()
    assert len(made) == 4
    assert made.max() - made.min() <= 2  # runs are so short that the second round is two replications
    points = int((made == 3).sum())
    assert part.coverage == Coverage(len(part.outcomes), 12, points, 4, 1, 3)
    assert str(part.coverage) == (
        f"{len(part.outcomes)} of 12 runs, {points} of 4 points complete, 1 of 3 replications complete"
    )


def test_a_finished_sweep_is_read_as_ever(whole):
    part = load_sweep(whole, partial=True)
    assert_frame_equal(part.outcomes, load_sweep(whole).outcomes)
    assert part.coverage == Coverage(12, 12, 4, 4, 3, 3)
    assert part.complete_replications() is part


def test_without_partial_an_unfinished_sweep_is_refused_by_the_option_that_reads_it(cut, tmp_path):
    for read in (load_sweep, lambda out: compare(out, by="policy"), analyse):
        with pytest.raises(InputError, match=r"not finished; .*--partial, load_sweep with partial=True"):
            read(cut)


def test_a_sweep_without_a_run_is_refused(tmp_path):
    stop(TEXT, tmp_path / "out", 0)
    with pytest.raises(InputError, match="no run is finished yet"):
        load_sweep(tmp_path / "out", partial=True)
    with pytest.raises(InputError, match="holds no sweep"):
        load_sweep(tmp_path, partial=True)


def test_failed_runs_are_made_runs(tmp_path, monkeypatch):
    from abm.sweeps.work import worker

    made = worker.make_run

    def fails_once(job, changes, seed):
        if changes["network_effect"] == 0.9 and changes["policy"] == "fixed":
            raise ValueError("a fault")
        return made(job, changes, seed)

    monkeypatch.setattr(worker, "make_run", fails_once)
    stop(TEXT, tmp_path / "out", 6)
    part = load_sweep(tmp_path / "out", partial=True)
    assert part.coverage.seeds == 1
    assert part.failures["error"].unique().tolist() == ["ValueError: a fault"]
    assert part.failures["network_effect"].unique().tolist() == [0.9]
    assert part.coverage.runs == len(part.outcomes) + len(part.failures)


def test_a_design_that_has_grown_is_read_with_its_finished_runs(whole, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    longer = TEXT.replace("count = 3", "count = 5").replace("[0.0, 0.9]", "[0.0, 0.5, 0.9]")
    stop(longer, out, 3)
    with pytest.raises(InputError, match="not finished"):
        load_sweep(out)
    part = load_sweep(out, partial=True)
    assert part.coverage.all_runs == 30
    assert 13 <= part.coverage.runs <= 15
    full = load_sweep(whole).outcomes
    old = part.outcomes[part.outcomes["network_effect"] != 0.5]
    old = old[old["replication"] < 3].sort_values(OWN[1:]).reset_index(drop=True)
    expected = full.sort_values(OWN[1:]).reset_index(drop=True)
    assert_frame_equal(old.drop(columns="point"), expected.drop(columns="point"))
    make(longer, out)
    expected = load_sweep(out)
    assert_frame_equal(part.lives, rows_of(expected.lives, runs_in(part)))  # read now from the tables
    assert part.coverage.runs < 30


def test_runs_that_are_merged_after_loading_are_read_from_the_tables(cut, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(cut, out)
    part, before = load_sweep(out, partial=True), load_sweep(cut, partial=True)
    make(TEXT, out)
    assert not (out / "working").exists()
    for name in TABLES:
        assert_frame_equal(getattr(part, name), getattr(before, name))


def test_parts_that_vanish_while_they_are_read_are_found_in_the_tables(cut, tmp_path, monkeypatch):
    """The merge takes place between the list of the parts and the reading of the third."""
    out, read = tmp_path / "out", []
    shutil.copytree(cut, out)

    def merged_meanwhile(path, name):
        read.append(path)
        if len(read) == 3:
            monkeypatch.undo()
            make(TEXT, out)
        return read_table(path, name)

    monkeypatch.setattr(stored_runs, "read_table", merged_meanwhile)
    part = load_sweep(out, partial=True)
    assert len(read) == 3
    assert part.coverage.runs == 12
    assert len(part.outcomes) == 12


def test_tables_on_their_way_to_their_places_are_read(whole, cut, tmp_path, monkeypatch):
    """The process that merges is ended after any number of files has been moved."""
    expected = load_sweep(whole).outcomes
    for moved in range(0, 12, 2):
        out = tmp_path / f"out-{moved}"
        shutil.copytree(cut, out)
        with monkeypatch.context() as patch:
            ended_after(patch, moved)
            with pytest.raises(KeyboardInterrupt):
                make(TEXT, out)
        assert (out / "working" / "merged").exists()
        assert_frame_equal(load_sweep(out, partial=True).outcomes, expected)
        make(TEXT, out)
        assert tables_of(out) == tables_of(whole)


def ended_after(patch, count):
    """End this process, as it were, when so many merged files are in their places."""
    finish = SweepWriter.finish_commit

    def half(store):
        merged = store.working / "merged"
        if not merged.exists():
            return finish(store)
        for file in sorted(merged.glob("*.*"))[:count]:
            file.rename(store.folder / file.name)
        raise KeyboardInterrupt

    patch.setattr(SweepWriter, "finish_commit", half)


def test_a_folder_that_is_overwritten_meanwhile_is_refused(cut, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(cut, out)
    part = load_sweep(out, partial=True)
    make(TEXT.replace("steps = 12", "steps = 9"), out, overwrite=True)
    with pytest.raises(InputError, match="some of its runs were removed after it was loaded; load it again"):
        _ = part.outcomes


def test_a_damaged_part_is_left_out(cut, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(cut, out)
    path = sorted((out / "working" / "parts").iterdir())[0]
    path.write_bytes(path.read_bytes()[:-200])
    before = load_sweep(cut, partial=True).coverage.runs
    assert load_sweep(out, partial=True).coverage.runs == before - 1
    assert path.exists()


def test_a_comparison_of_an_unfinished_sweep_is_that_of_a_smaller_sweep(cut, tmp_path):
    """Pairs need complete replications; the sweep of so many replications gives the same numbers."""
    make(TEXT.replace("count = 3", "count = 1"), tmp_path / "out")
    part = compare(cut, by="policy", partial=True)
    smaller = compare(tmp_path / "out", by="policy")
    assert_frame_equal(part.comparison, smaller.comparison)
    assert_frame_equal(part.trajectories, smaller.trajectories)
    assert_frame_equal(part.survival, smaller.survival)
    made = load_sweep(cut, partial=True).coverage
    assert part.notes[0] == f"out is not finished: {made}. Only complete replications are compared."
    assert "--partial" in part.method["command"]


def test_without_pairs_all_runs_that_are_there_are_compared(cut):
    part = load_sweep(cut, partial=True)
    found = compare(cut, by="policy", partial=True, paired=False)
    assert len(found.runs.frame) == len(part.outcomes)
    of_frame = compare(part.outcomes, by="policy", paired=False)
    outcomes = found.comparison.set_index(["outcome", "group"])["mean"]
    assert np.allclose(outcomes, of_frame.comparison.set_index(["outcome", "group"])["mean"], equal_nan=True)
    assert found.notes[0].endswith("All runs that are there are compared.")


def test_without_a_complete_replication_there_are_no_pairs(tmp_path):
    stop(TEXT, tmp_path / "out", 3)
    with pytest.raises(InputError, match="Pairs need a replication that every point has; --unpaired compares all"):
        compare(tmp_path / "out", by="network_effect", partial=True)
    assert len(compare(tmp_path / "out", by="network_effect", partial=True, paired=False).runs.frame) in (2, 3)


SAMPLED = """
scenario = "one-market"
[set]
steps = 5
capacity = 20
[factors]
churn = {low = 0.1, high = 0.9}
network_effect = {low = 0.0, high = 0.9}
[design]
method = "saltelli"
points = 8
[replications]
count = 2
"""


def test_an_analysis_of_an_unfinished_sweep_is_that_of_a_smaller_sweep(tmp_path):
    points = 8 * 4
    make(SAMPLED.replace("count = 2", "count = 1"), tmp_path / "smaller")
    stop(SAMPLED, tmp_path / "part", points + 5)
    part = analyse(tmp_path / "part", outcomes="sector_hhi", partial=True)
    assert_frame_equal(part.indices, analyse(tmp_path / "smaller", outcomes="sector_hhi").indices)
    assert part.notes[0].startswith("The sweep is not finished: ")
    stop(SAMPLED, tmp_path / "few", points - 5)
    with pytest.raises(InputError, match="no replication has the runs of all points yet"):
        analyse(tmp_path / "few", partial=True)


def test_shards_are_read_as_they_are(tmp_path):
    make_shard(TEXT, tmp_path / "out", 2, 3)
    part = load_sweep(tmp_path / "out", partial=True)
    assert part.coverage.runs == 4
    assert {point * 3 + replication for point, replication in runs_in(part)} == {1, 4, 7, 10}
