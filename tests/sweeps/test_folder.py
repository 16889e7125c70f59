"""A sweep's folder: what is in it, what is refused, and how runs that fail are kept."""

import json

import pytest

from abm import InputError, load_sweep
from abm.sweeps.design import plan
from abm.sweeps.finish import finish_sweep
from abm.sweeps.status import failures, status
from abm.sweeps.store import manifest
from abm.sweeps.store.folder import SweepFolder
from abm.sweeps.work import driver as drive
from abm.sweeps.work import worker as work
from tests.run_directories import contents
from tests.sweep_folders import DESIGN, refused
from tests.sweeping import InProcess, StopsAfter, design_of, make, make_shard, tables_of

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
    assert "its manifest.json is of another program" in refused(DESIGN, tmp_path, overwrite=overwrite)


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


class Refusing(InProcess):
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


# --- runs that fail -----------------------------------------------------------------------------------


def failing(monkeypatch, which) -> list:
    """Make runs fail for which `which(scenario, seed)` is true; returns the list of those that failed."""
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
    # A failed run is not made again unless the command asks for it.
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

    monkeypatch.setattr("abm.simulation.market.psutil.virtual_memory", Memory)
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
    assert not SweepFolder(tmp_path / "out").holds_runs()
