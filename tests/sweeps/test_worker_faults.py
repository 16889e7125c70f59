"""Runs that raise, crash their process or never end: they alone are recorded as failed."""

import pandas as pd
import pytest

from tests.faults.commands import (
    COUNT,
    DESIGN,
    RUNS,
    TABLES,
    faults,
    python,
    run_sweep,
    seed_of,
    tables,
    write_design,
)

pytestmark = pytest.mark.slow

POINTS = {(effect, churn): 2 * i + j for i, effect in enumerate((0.0, 0.5, 0.9)) for j, churn in enumerate((0.1, 0.3))}
# Without firms, the runs of a point in a chunk are made together.
LIGHT = DESIGN[: DESIGN.index("[collect]")] + "[collect]\nsteps = 3\n"


def befalls(what: str, effect: float, churn: float, replication: int) -> dict:
    where = {"network_effect": effect, "churn": churn}
    return {"does": what, "where": where, "seed": seed_of(replication)}


def failures(out) -> dict[tuple[int, int], str]:
    """The error of each failed run, by point and replication."""
    table = pd.read_parquet(out / "failures.parquet")
    return {(row.point, row.replication): row.error for row in table.itertuples()}


def frames(out, names=TABLES) -> dict[str, pd.DataFrame]:
    return {name: pd.read_parquet(out / f"{name}.parquet") for name in names}


def without(frame: pd.DataFrame, runs: set[tuple[int, int]]) -> pd.DataFrame:
    if "replication" not in frame:  # points
        return frame
    pairs = list(zip(frame["point"], frame["replication"], strict=True))
    return frame[[pair not in runs for pair in pairs]].reset_index(drop=True)


def assert_only(failed: set, out, undisturbed_out, names=TABLES) -> None:
    """All runs except the failed ones are there and equal to those without faults."""
    for name, table in frames(out, names).items():
        expected = without(pd.read_parquet(undisturbed_out / f"{name}.parquet"), failed)
        pd.testing.assert_frame_equal(table, expected, check_exact=True, obj=name)


def test_runs_that_fail_in_all_ways_are_recorded_and_no_other_is(design, undisturbed_sweep, tmp_path):
    undisturbed_out, _ = undisturbed_sweep
    out = tmp_path / "out"
    injected = faults(
        befalls("raise", 0.0, 0.1, 0),
        befalls("segfault", 0.0, 0.3, 4),
        befalls("kill", 0.5, 0.3, 9),
        befalls("hang", 0.9, 0.1, 5),
        befalls("hang", 0.9, 0.1, 6),
    )
    code, output, errors = run_sweep(design, out, "--workers", "2", "--run-timeout", "3", faults=injected)
    assert code == 3
    assert errors == f"abm: 5 runs failed; abm sweep failures {out} shows them\n"
    died = "the process that made it died more than once: out of memory, or a crash"
    late = "took longer than 3 s"
    assert failures(out) == {
        (POINTS[0.0, 0.1], 0): "ArithmeticError: a fault of this run",
        (POINTS[0.0, 0.3], 4): died,
        (POINTS[0.5, 0.3], 9): died,
        (POINTS[0.9, 0.1], 5): late,
        (POINTS[0.9, 0.1], 6): late,
    }
    assert_only({*failures(out)}, out, undisturbed_out)
    table = pd.read_parquet(out / "failures.parquet")
    assert "Traceback" in table["traceback"][0] and "_befall" in table["traceback"][0]
    assert not (out / "working").exists()

    with python("-m", "abm", "sweep", "failures", out) as command:
        code, output, _ = command.end()
    assert code == 0
    assert "1 x ArithmeticError: a fault of this run" in output and f"2 x {late}" in output and f"2 x {died}" in output
    assert f"point {POINTS[0.5, 0.3]}, replication 9, network_effect = 0.5, churn = 0.3" in output

    before = (out / "summary.json").read_bytes()
    code, _, errors = run_sweep(design, out)
    assert code == 3 and errors.startswith("abm: 5 runs failed"), "failures are final"
    assert (out / "summary.json").read_bytes() == before

    code, _, errors = run_sweep(design, out, "--retry-failed")
    assert (code, errors) == (0, "")
    assert failures(out) == {}
    assert tables(out) == tables(undisturbed_out)


def test_among_runs_that_are_made_together_the_one_that_kills_is_found(tmp_path):
    design = write_design(tmp_path, LIGHT)
    undisturbed_out, out = tmp_path / "undisturbed", tmp_path / "out"
    assert run_sweep(design, undisturbed_out)[0] == 0
    injected = {"runs": [befalls("segfault", 0.5, 0.1, 7), befalls("raise", 0.5, 0.1, 6)]}
    injected["settings"] = {"abm.sweeps.work.chunks.MOST_RUNS": 6}
    code, _, _ = run_sweep(design, out, faults=injected)
    assert code == 3
    killer, raiser = (POINTS[0.5, 0.1], 7), (POINTS[0.5, 0.1], 6)
    assert {*failures(out)} == {killer, raiser} and "died more than once" in failures(out)[killer]
    assert_only({killer, raiser}, out, undisturbed_out, ("points", "outcomes", "steps", "sectors"))


def test_on_an_existing_cluster_the_run_that_kills_is_found(design, undisturbed_sweep, tmp_path, dask):
    undisturbed_out, _ = undisturbed_sweep
    out = tmp_path / "out"
    dask.start().add(2, faults=faults(befalls("segfault", 0.5, 0.1, 2)))
    code, _, errors = run_sweep(design, out, "--scheduler", dask.address, faults=faults())
    killer = (POINTS[0.5, 0.1], 2)
    assert code == 3 and {*failures(out)} == {killer}
    assert errors == f"abm: 1 run failed; abm sweep failures {out} shows them\n"
    assert_only({killer}, out, undisturbed_out)


def test_a_sweep_all_of_whose_runs_fail_ends(tmp_path):
    design = write_design(tmp_path)
    out = tmp_path / "out"
    code, _, errors = run_sweep(design, out, faults={"runs": [{"does": "raise"}]})
    assert code == 3 and f"{RUNS} runs failed" in errors
    assert len(failures(out)) == RUNS == 6 * COUNT
    assert len(pd.read_parquet(out / "outcomes.parquet")) == 0


def test_resuming_does_not_make_failed_runs_again_before_the_tables_are_made(design, undisturbed_sweep, tmp_path):
    undisturbed_out, _ = undisturbed_sweep
    out = tmp_path / "out"
    injected = faults(befalls("raise", 0.9, 0.3, 1))
    code, _, _ = run_sweep(design, out, faults=injected | {"dies_at": "abm.sweeps.run.finish"})
    assert code == -9 and not (out / "summary.json").exists()
    assert run_sweep(design, out)[0] == 3
    failed = (POINTS[0.9, 0.3], 1)
    assert {*failures(out)} == {failed}
    assert_only({failed}, out, undisturbed_out)
