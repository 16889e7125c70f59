"""Replications until the mean of an outcome is known well enough at every point."""

import dataclasses

import numpy as np
import pytest

from abm.cli import main
from abm.sweeps import Design, load_sweep
from abm.sweeps.run import SweepRun
from abm.sweeps.store.writing import SweepWriter
from abm.sweeps.sure import looks, run_until_sure, widest
from tests.scenario_texts import refusal
from tests.sweeping import InProcess

DESIGN = """
scenario = "one-market"
[set]
steps = 12
capacity = 20
[factors]
churn = [0.1, 0.9]
[replications]
seed = 3
until = {outcome = "mean_T", half_width = %g}
least = 4
most = 30
"""


def made(width: float, out) -> tuple[str, InProcess]:
    executor = InProcess()
    work = SweepRun(Design.from_toml(DESIGN % width, "my.toml"), SweepWriter(out), executor)
    return run_until_sure(work), executor


def half_widths(outcomes, count: int) -> np.ndarray:
    """Each point's half-width by hand, Student's quantile by bisection of a simulated one being too coarse."""
    from scipy.stats import t

    values = [each["mean_T"].to_numpy() for _, each in outcomes.groupby("point")]
    return np.array([t.isf(0.025 / count, len(x) - 1) * x.std(ddof=1) / len(x) ** 0.5 for x in values])


def test_batches_of_common_seeds_are_added_until_every_point_is_known_well_enough(tmp_path):
    first, _ = made(1e9, tmp_path / "first")
    outcomes = load_sweep(tmp_path / "first").outcomes
    assert "is reached with 4 replications" in first
    planned = looks(Design.from_toml(DESIGN % 1, "my.toml").replications)
    assert planned == [4, 6, 9, 14, 21, 30]
    assert widest(outcomes, "mean_T", 6) == pytest.approx(half_widths(outcomes, 6).max())
    wanted = 0.6 * widest(outcomes, "mean_T", 6)
    told, executor = made(wanted, tmp_path / "out")
    results = load_sweep(tmp_path / "out")
    count = results.summary["replications"]
    assert count in planned[1:]
    assert f"is reached with {count} replications" in told
    assert executor.runs == 2 * count  # none is made twice
    assert half_widths(results.outcomes, 6).max() <= wanted
    seeds = [each["seed"].tolist() for _, each in results.outcomes.groupby("point")]
    assert seeds[0] == seeds[1]
    before = results.outcomes.groupby("point").head(planned[planned.index(count) - 1])
    assert half_widths(before, 6).max() > wanted
    again, executor = made(wanted, tmp_path / "out")
    assert (again, executor.runs) == (told, 0)


def test_a_sweep_that_cannot_be_sure_ends_with_the_most_and_says_so(tmp_path):
    told, executor = made(1e-9, tmp_path / "out")
    assert "is not reached with 30 replications" in told
    assert executor.runs == 60


def test_a_sweep_until_it_is_sure_is_that_of_a_design_with_its_count(tmp_path):
    made(1e9, tmp_path / "until")
    plain = (DESIGN % 1).partition("until")[0] + "count = 4\n"
    SweepRun(Design.from_toml(plain, "my.toml"), SweepWriter(tmp_path / "plain"), InProcess()).run()
    ours, theirs = (load_sweep(tmp_path / name).outcomes for name in ("until", "plain"))
    assert ours.equals(theirs)


def test_points_whose_values_are_missing_are_not_sure():
    import pandas as pd

    frame = pd.DataFrame({"point": [0, 0, 1, 1], "hill": [1.0, 1.0, np.nan, 2.0]})
    assert widest(frame, "hill", 1) == np.inf


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mean_T", "mean_t", "[replications] until: unknown outcome 'mean_t' (did you mean 'mean_T'?)"),
        ("mean_T", "gini", "[replications] until: unknown outcome 'gini'"),  # of the level full
        ("mean_T", "winner", "[replications] until: winner is a word"),
        ("half_width = 1", "half_width = 0", "[replications] until: half_width = 0 is not a number above 0"),
        ("half_width", "width", "[replications] until: unknown key 'width'"),
        ("least = 4", "count = 4", "[replications] count = 4 beside until: give least and most instead"),
        ("least = 4", "least = 1", "[replications] least = 1 is not an integer of at least 2"),
        ("most = 30", "most = 3", "[replications] most = 3 is below least = 4"),
        ('until = {outcome = "mean_T", half_width = 1}', "", "[replications] least = 4 is for until only"),
    ],
)
def test_what_is_no_condition_is_refused(old, new, message):
    assert message in refusal(Design.from_toml, (DESIGN % 1).replace(old, new), "my.toml")


def test_a_shard_looks_at_its_own_runs_only_and_takes_no_condition(tmp_path, capsys):
    (tmp_path / "my.toml").write_text(DESIGN % 1)
    assert main(["sweep", str(tmp_path / "my.toml"), "--shard", "1/2", "--out", str(tmp_path / "out")]) == 2
    assert "--shard goes with a count of replications, not with until" in capsys.readouterr().err


def test_a_design_with_another_count_is_the_same_otherwise():
    design = Design.from_toml(DESIGN % 1, "my.toml")
    other = design.with_replications(9)
    assert (design.replications.count, other.replications.count) == (4, 9)
    assert dataclasses.replace(other, replications=design.replications).values().equals(design.values())
