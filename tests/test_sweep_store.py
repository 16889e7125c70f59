"""A sweep's folder: what is refused, what is found damaged, and what an end at any moment leaves behind."""

import errno
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from abm import InputError, load_sweep
from abm.sweeps import chunks, drive, manifest, merge, parts, plan, work
from abm.sweeps.finish import finish_sweep
from abm.sweeps.inspect import failures, status
from abm.sweeps.run import SweepRun
from abm.sweeps.store import Store
from tests.sweeping import Here, design_of, make, make_shard, tables_of

DESIGN = """
scenario = "four-sectors"
[set]
steps = 6
capacity = 8
[factors]
network_effect = [0.0, 0.5]
policy = ["fixed", "imitate"]
[replications]
count = 2
"""


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(text: str, out: Path, inside: Path | str = ".", **options) -> str:
    """The message of a refusal, which must leave the folder as it is."""
    before = contents(out)
    with pytest.raises(InputError) as refusal:
        make(design_of(text, inside), out, **options)
    assert contents(out) == before
    message = str(refusal.value)
    assert "\n" not in message
    return message.removeprefix(f"{out}: ")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "out"
    assert make(DESIGN, out) == 8
    return out


@pytest.fixture
def expected(finished) -> dict[str, bytes]:
    return tables_of(finished)


# --- what is in the folder ----------------------------------------------------------------------------


def test_a_finished_sweep_is_a_handful_of_files(finished):
    assert sorted(path.name for path in finished.iterdir()) == [
        "design.toml",
        "failures.parquet",
        "keys.parquet",
        "manifest.json",
        "outcomes.parquet",
        "points.parquet",
        "runs.parquet",
        "scenario.toml",
        "summary.json",
    ]
    assert (finished / "design.toml").read_text() == DESIGN
    manifest, summary = (json.loads((finished / f"{name}.json").read_text()) for name in ("manifest", "summary"))
    assert (manifest["points"], manifest["runs"]) == (4, 8)
    assert manifest["scenario"]["capacity"] == 8
    assert {"abm", "numpy", "numba", "python"} <= set(manifest["versions"])
    assert len(manifest["design_hash"]) == 64
    assert (summary["done"], summary["failed"], summary["cores"]) == (8, 0, 1)
    assert summary["rows"] == {"outcomes": 8, "failures": 0}
    assert summary["seconds_a_run"] > 0 and summary["wall_seconds"] > 0


def test_nothing_pickled_is_in_it(finished, tmp_path):
    make_shard(DESIGN, tmp_path / "out", 1, 2)
    for folder in (finished, tmp_path / "out"):
        for name, data in contents(folder).items():
            kind = name.rpartition(".")[2]
            if kind == "parquet":
                assert data[:4] == data[-4:] == b"PAR1"
            elif kind == "part":
                assert data[:2] == b"PK"
            elif kind in ("json", "toml"):
                assert data.decode()
            else:
                assert "sweep-" in name and data == b""


# --- refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("steps = 6", "steps = 7", "steps was 6, is 7"),
        ("capacity = 8", "capacity = 8\nchurn = 0.5", "churn was 0.2, is 0.5"),
        ("capacity = 8", "capacity = 8\nrunway = inf", "runway was 8.0, is 'inf'"),
        (
            "capacity = 8",
            'capacity = 8\n"sectors.smart_hardware.quality_elasticity" = 3.0',
            "sectors.smart_hardware.quality_elasticity was ",
        ),
        ('scenario = "four-sectors"', 'scenario = "one-market"', "sectors was 'nlp_vision, "),
        ("count = 2", "count = 2\nseed = 5", "replications.seed was 0, is 5"),
        ("count = 2", "count = 2\ncommon = false", "replications.common was True, is False"),
        ("count = 2", "count = 2\n[collect]\nsteps = 3", "collect.steps was 'none', is 3"),
        ("count = 2", "count = 2\n[collect]\nlives = true", "collect.lives was False, is True"),
        ("count = 2", 'count = 2\n[collect]\nlevel = "full"', "collect.level was 'light', is 'full'"),
    ],
)
def test_what_would_change_finished_runs_is_refused_by_name_with_the_way_out(finished, before, after, said):
    assert before in DESIGN
    message = refused(DESIGN.replace(before, after), finished)
    assert message.startswith("holds runs of another sweep: ")
    assert said in message
    assert message.endswith("(--overwrite makes all runs anew; another --out keeps both)")


def test_only_what_has_changed_is_named(finished):
    message = refused(DESIGN.replace("steps = 6", "steps = 7"), finished)
    assert message.count(" was ") == 1


def test_another_version_of_the_model_is_refused(finished, monkeypatch):
    for module in (plan, manifest, work):
        monkeypatch.setattr(module, "MODEL_VERSION", "9.9")
    assert "the model's version has changed" in refused(DESIGN, finished)


def test_another_firm_table_is_refused(tmp_path):
    text = f'firms = "firms.csv"\n{DESIGN}'
    table, out = tmp_path / "firms.csv", tmp_path / "out"
    table.write_text("sector,strategy\nenterprise,balanced\n")
    assert make(design_of(text, tmp_path), out) == 8
    assert (out / "firm_table.csv").read_bytes() == table.read_bytes()
    table.write_text("sector,strategy\nenterprise,adaptive\n")
    assert "the firm table has changed" in refused(text, out, tmp_path)
    assert "the firm table has changed" in refused(DESIGN, out)
    assert make(DESIGN, out, overwrite=True) == 8
    assert not (out / "firm_table.csv").exists()


def test_a_parameter_may_move_between_set_and_factors(tmp_path):
    alone = DESIGN.replace("steps = 6", "steps = 6\nchurn = 0.1")
    varied = DESIGN.replace("[factors]", "[factors]\nchurn = [0.1, 0.3]")
    assert make(alone, tmp_path / "out") == 8
    assert make(varied, tmp_path / "out") == 8
    assert make(varied, tmp_path / "whole") == 16
    assert tables_of(tmp_path / "out") == tables_of(tmp_path / "whole")
    assert make(alone, tmp_path / "out") == 0


@pytest.mark.parametrize("method", ["latin", "morris"])
def test_latin_and_morris_designs_grow_in_replications_only(tmp_path, method):
    text = 'scenario = "one-market"\nset = {steps = 3, capacity = 4}\nreplications = {count = 1}\n[design]\n'
    text += f'method = "{method}"\npoints = 4\nseed = 0\n[factors]\nchurn = {{low = 0.1, high = 0.9}}\n'
    make(text, tmp_path / "out")
    assert f"points of a {method} design was 4, is 8" in refused(text.replace("4\nseed", "8\nseed"), tmp_path / "out")
    assert f"seed of a {method} design was 0, is 1" in refused(text.replace("seed = 0", "seed = 1"), tmp_path / "out")
    message = refused(text.replace("0.9", "0.8"), tmp_path / "out")
    assert f"factors of a {method} design was " in message and "grows in replications only" in message
    assert make(text.replace("count = 1", "count = 2"), tmp_path / "out") > 0


def test_a_name_or_a_comment_may_change(finished):
    assert make(f"# a comment\n{DESIGN}", finished) == 0


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert refused(DESIGN, tmp_path) == "is not empty and holds no sweep; name a new directory"
    assert "is not empty" in refused(DESIGN, tmp_path, overwrite=True)
    with pytest.raises(InputError, match="is not a directory"):
        make(DESIGN, tmp_path / "notes.txt")
    with pytest.raises(InputError, match="is not a directory"):
        make(DESIGN, tmp_path / "notes.txt" / "inside")
    (tmp_path / "working").mkdir()
    assert "is not empty" in refused(DESIGN, tmp_path)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_manifest_of_something_else_is_refused(tmp_path, overwrite):
    (tmp_path / "manifest.json").write_text('{"name": "of a web page"}')
    assert "its manifest.json is something else's" in refused(DESIGN, tmp_path, overwrite=overwrite)


def test_a_folder_that_is_there_and_empty_is_used(tmp_path):
    (tmp_path / "out").mkdir()
    assert make(DESIGN, tmp_path / "out") == 8


def test_a_bad_point_is_refused_before_anything_is_made_or_removed(finished, tmp_path):
    bad = DESIGN.replace("network_effect = [0.0, 0.5]", "capacity = [8, 4]\ninitial_firms = [3, 6]").replace(
        "capacity = 8\n", ""
    )
    for out in (finished, tmp_path / "out"):
        message = refused(bad, out, overwrite=True)
        assert message.startswith("my.toml: point 6 (capacity = 4, initial_firms = 6, policy = 'fixed'): ")
    assert not (tmp_path / "out").exists()


def test_overwrite_replaces_a_sweep_and_nothing_else(tmp_path):
    out = tmp_path / "out"
    make(DESIGN.replace("steps = 6", "steps = 5"), out)
    (out / "notes.txt").write_text("mine")
    assert "holds 'notes.txt', which no sweep wrote" in refused(DESIGN, out, overwrite=True)
    (out / "notes.txt").unlink()
    assert make(DESIGN, out, overwrite=True) == 8
    assert json.loads((out / "manifest.json").read_text())["scenario"]["steps"] == 6


class Refusing(Here):
    """An executor that cannot work."""

    def check(self) -> None:
        raise InputError("no scheduler answers there")


def test_an_executor_that_cannot_work_is_refused_before_anything_is_removed_or_written(finished, tmp_path):
    assert refused(DESIGN, finished, executor=Refusing(), overwrite=True) == "no scheduler answers there"
    refused(DESIGN, tmp_path / "out", executor=Refusing())
    assert not (tmp_path / "out").exists()
    assert make(DESIGN, finished, Refusing()) == 0  # nothing is left to do


def test_a_sweep_without_a_finished_run_is_replaced_by_another(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        make(DESIGN, tmp_path / "out", StopsAfter(0))
    assert make(DESIGN.replace("steps = 6", "steps = 7"), tmp_path / "out") == 8


# --- ends in the middle -------------------------------------------------------------------------------


class StopsAfter(Here):
    """Made for a Ctrl-C after a number of chunks."""

    def __init__(self, number: int) -> None:
        super().__init__()
        submit, self._left = self._client.submit, number

        def counted(*arguments, **options):
            if not self._left:
                raise KeyboardInterrupt
            self._left -= 1
            return submit(*arguments, **options)

        self._client.submit = counted


@pytest.fixture
def one_run_a_chunk(monkeypatch):
    monkeypatch.setattr(chunks, "MOST_RUNS", 1)


@pytest.fixture
def interrupted(tmp_path, one_run_a_chunk) -> Path:
    """The folder of a sweep that was ended after five of its eight runs, and never finished one before."""
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
    assert status(interrupted)["missing"] == str(8 - made + 1)
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


@pytest.mark.parametrize("name", ["outcomes", "runs"])
@pytest.mark.parametrize("damage", ["truncated", "with a bit flipped in the middle"])
def test_a_damaged_table_is_found_when_a_sweep_is_extended(finished, tmp_path, name, damage):
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    table = out / f"{name}.parquet"
    # In the pages of a column, behind the four bytes that begin the file.
    data = table.read_bytes()
    table.write_bytes(flipped(data, 300) if "bit" in damage else DAMAGE[damage](data))
    with pytest.raises(InputError, match=rf"{name}.parquet: is damaged: .*--overwrite makes all runs anew"):
        make(DESIGN.replace("count = 2", "count = 3"), out)
    assert make(DESIGN, out, overwrite=True) == 8


@pytest.mark.parametrize("name", ["outcomes", "failures", "runs", "points", "keys"])
def test_a_damaged_table_of_a_finished_sweep_is_found_by_the_same_command_and_left(finished, tmp_path, name):
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    table = out / f"{name}.parquet"
    whole = table.read_bytes()
    table.write_bytes(whole[: len(whole) // 2])
    for text in (DESIGN, DESIGN.replace("count = 2", "count = 3")):
        assert refused(text, out).startswith(f"{table}: is damaged: ")
    table.unlink()
    assert "No such file or directory (--overwrite makes all runs anew)" in refused(DESIGN, out)
    table.write_bytes(whole)
    assert make(DESIGN, out) == 0


class Crash(BaseException):
    """The end of the process: nothing that changes the disk is done after it."""


@contextmanager
def crash_at(number: int, owner, name: str):
    """Crash at the Nth change of the disk inside a method; yields what counts them."""
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
        with crash_at(number, Store, "prepare") as state:
            try:
                SweepRun(design_of(DESIGN), Store(out), Here()).run()
            except Crash:
                pass
            else:
                break
        if number % 3 == 0:  # the rest is looked at without the runs
            assert make(DESIGN, out) == 8
            assert tables_of(out) == expected
        else:
            assert not Store(out).holds_runs()
            Store(out).check(design_of(DESIGN))
        number += 1
    assert number == state["count"] > 8
    assert tables_of(out) == expected


def test_an_end_while_the_tables_take_their_places_is_made_good(tmp_path, expected):
    """At each change of the disk: the same command goes on without a run, and so does another design."""
    longer = DESIGN.replace("count = 2", "count = 3").replace("[0.0, 0.5]", "[0.5, 0.9]")
    begun = tmp_path / "begun"
    make(longer, begun)
    with crash_at(0, Store, "finish_commit"), pytest.raises(Crash):
        make(DESIGN, begun)
    assert (begun / "working" / "merged").exists()
    number = 0
    while True:
        out = tmp_path / str(number)
        shutil.copytree(begun, out)
        with crash_at(number, Store, "finish_commit") as state:
            try:
                Store(out).finish_commit()
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
    assert make(DESIGN, out) == 4
    assert tables_of(out) == expected
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]
    (out / ".summary.json-0123abcd").write_text("{")
    assert make(DESIGN, out, overwrite=True) == 8


# --- a full disk --------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["preparation", "a part", "the tables"])
def test_a_full_disk_stops_a_sweep_that_goes_on_when_there_is_room(tmp_path, expected, where):
    out = tmp_path / "out"
    write_table = merge.pq.ParquetWriter.write_table

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "somewhere")

    def full_for_tables(writer, *arguments, **options):
        (full if "tables.tmp-" in str(writer.where) else write_table)(writer, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        place, name, function = {
            "preparation": (parts.os, "fsync", full),
            "a part": (work, "write_part", full),
            "the tables": (merge.pq.ParquetWriter, "write_table", full_for_tables),
        }[where]
        patch.setattr(place, name, function)
        with pytest.raises(OSError, match="No space left"):
            make(DESIGN, out)
        if where == "the tables":
            assert not list((out / "working").glob("*.tmp-*")) and not (out / "working" / "merged").exists()
    assert make(DESIGN, out) == (0 if where == "the tables" else 8)
    assert tables_of(out) == expected


# --- runs that fail -----------------------------------------------------------------------------------


def failing(monkeypatch, which) -> list:
    """Have runs fail for which `which(scenario, seed)` is true; returns the list of those that have."""
    failed, simulate = [], work.simulate

    def fails(scenario, seed, **options):
        if which(scenario, seed):
            failed.append((scenario, seed))
            raise ZeroDivisionError(f"of seed {seed}\nand more")
        return simulate(scenario, seed, **options)

    def no_batch(*arguments):
        raise ZeroDivisionError("a batch")

    monkeypatch.setattr(work, "simulate", fails)
    monkeypatch.setattr(work, "Batch", no_batch)
    return failed


def test_a_run_that_raises_is_recorded_and_the_rest_goes_on(finished, tmp_path, monkeypatch, expected):
    out = tmp_path / "out"
    seed = int(load_sweep(finished).outcomes["seed"].iloc[1])
    with pytest.MonkeyPatch.context() as patch:
        failed = failing(patch, lambda scenario, each: scenario.network_effect == 0.5 and each == seed)
        assert make(DESIGN, out) == 8
        assert len(failed) == 2
    results = load_sweep(out)
    assert (results.summary["done"], results.summary["failed"]) == (6, 2)
    assert results.failures[["point", "replication", "seed"]].values.tolist() == [[2, 1, seed], [3, 1, seed]]
    assert results.failures["network_effect"].tolist() == [0.5, 0.5]
    assert results.failures["policy"].tolist() == ["fixed", "imitate"]
    assert results.failures["error"].tolist() == 2 * [f"ZeroDivisionError: of seed {seed}"]
    for trace in results.failures["traceback"]:
        assert trace.startswith("Traceback") and "in fails" in trace and "and more" in trace
    theirs = load_sweep(finished).outcomes.drop([5, 7]).reset_index(drop=True)
    assert results.outcomes.equals(theirs)
    # Final, until it is asked for again.
    assert make(DESIGN, out) == 0
    assert make(DESIGN.replace("count = 2", "count = 3"), out) == 4
    assert load_sweep(out).summary["failed"] == 2
    assert make(DESIGN, out, retry_failed=True) == 2
    assert tables_of(out) == expected
    assert load_sweep(out).failures.empty
    assert make(DESIGN, out, retry_failed=True) == 0


def test_a_run_may_fail_again(tmp_path, monkeypatch):
    failing(monkeypatch, lambda scenario, seed: scenario.network_effect == 0.5)
    assert make(DESIGN, tmp_path / "out") == 8
    assert make(DESIGN, tmp_path / "out", retry_failed=True) == 4
    assert load_sweep(tmp_path / "out").summary["failed"] == len(load_sweep(tmp_path / "out").failures) == 4


def test_all_runs_may_fail(tmp_path, monkeypatch):
    with pytest.MonkeyPatch.context() as patch:
        failing(patch, lambda scenario, seed: True)
        assert make(DESIGN, tmp_path / "out") == 8
    results = load_sweep(tmp_path / "out")
    assert (len(results.failures), len(results.outcomes)) == (8, 0)
    assert make(DESIGN, tmp_path / "out", retry_failed=True) == 8
    assert len(load_sweep(tmp_path / "out").outcomes) == 8


def test_failures_are_seen_while_a_sweep_is_under_way(tmp_path, monkeypatch):
    failing(monkeypatch, lambda scenario, seed: scenario.network_effect == 0.5)
    out = tmp_path / "out"
    assert [make_shard(DESIGN, out, 2, 3), make_shard(DESIGN, out, 3, 3)] == [3, 2]
    facts = status(out)
    assert (facts["done"], facts["failed"], facts["missing"]) == ("2 of 8", "3", "3")
    seen = failures(out)
    assert seen[["point", "replication"]].values.tolist() == [[2, 0], [2, 1], [3, 1]]
    assert seen["policy"].tolist() == ["fixed", "fixed", "imitate"]
    assert seen["error"].tolist() == [f"ZeroDivisionError: of seed {seed}" for seed in seen["seed"]]
    make_shard(DESIGN, out, 1, 3)
    finish_sweep(out)
    assert failures(out)["error"].tolist()[:2] == seen["error"].tolist()[:2]


def test_a_run_that_does_not_fit_the_memory_fails_alone(tmp_path, monkeypatch):
    class Memory:
        available = 10**9

    monkeypatch.setattr("abm.engine.psutil.virtual_memory", Memory)
    text = DESIGN.replace("capacity = 8\n", "").replace("network_effect = [0.0, 0.5]", "capacity = [8, 1_000_000_000]")
    make(text, tmp_path / "out")
    results = load_sweep(tmp_path / "out")
    assert results.outcomes["capacity"].tolist() == 4 * [8]
    assert results.failures["capacity"].tolist() == 4 * [1_000_000_000]
    assert set(results.failures["error"].str.slice(0, 38)) == {"capacity = 1000000000 slots and 0 kept"}
    assert results.failures["traceback"].str.contains("check_memory").all()


def test_a_version_that_is_another_in_a_worker_is_refused_before_a_run(tmp_path, monkeypatch):
    monkeypatch.setattr(drive, "own_versions", lambda: {**work.own_versions(), "numba": "0.1"})
    with pytest.raises(InputError, match=r"worker here has numba 0\.1, this process has"):
        make(DESIGN, tmp_path / "out")
    assert not Store(tmp_path / "out").holds_runs()
