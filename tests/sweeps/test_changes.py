"""Sweeps over changes on the way, and futures of one past: the bits of single runs, and designs that are refused."""

import pandas as pd
import pytest

from abm import Scenario, load_sweep, simulate
from abm.sweeps.design.design import Design
from abm.sweeps.design.plan import run_seed
from abm.sweeps.status import run_again
from tests.design_texts import refused
from tests.sweeping import make

SET = """
[set]
steps = 24
capacity = 40
[[set.changes]]
name = "open_weights"
step = 9
ramp = 3
spillover = 0.01
"""
OVER_A_CHANGE = f"""
scenario = "four-sectors"
{SET}
[factors]
"changes.open_weights.spillover" = [0.01, 0.2]
"changes.open_weights.step" = [9, 15]
[replications]
count = 3
[collect]
steps = "all"
"""
FUTURES = f"""
scenario = "four-sectors"
{SET}
[factors]
churn = [0.2, 0.4]
[replications]
count = 3
seed = 5
from_step = 12
[collect]
steps = "all"
"""
BASE = Scenario.load("four-sectors").replace(
    steps=24, capacity=40, changes=[{"name": "open_weights", "step": 9, "ramp": 3, "spillover": 0.01}]
)


def swept(text, out):
    make(text, out)
    return load_sweep(out)


def steps_of(results, point, replication):
    rows = results.read("steps").query("point == @point and replication == @replication")
    return rows.set_index("step")


def assert_rows(rows, result):
    shown = [name for name in result.steps if name in rows]
    pd.testing.assert_frame_equal(rows[shown], result.steps[shown], check_exact=True, check_index_type=False)


def test_a_sweep_over_a_change_has_the_bits_of_single_runs(tmp_path):
    results = swept(OVER_A_CHANGE, tmp_path / "out")
    points = pd.read_parquet(tmp_path / "out" / "points.parquet")
    names = ["changes.open_weights.spillover", "changes.open_weights.step"]
    assert points[names].to_numpy().tolist() == [[0.01, 9], [0.01, 15], [0.2, 9], [0.2, 15]]
    for point in (0, 3):
        scenario = BASE.replace(**points[names].iloc[point].to_dict() | {names[1]: int(points[names[1]].iloc[point])})
        for replication in range(3):
            single = simulate(scenario, run_seed(0, replication), collect="light")
            assert_rows(steps_of(results, point, replication), single)
    # Before the earlier of two steps all points share their bits.
    before = results.read("steps").query("step < 9").drop(columns=["point", *names])
    groups = [rows.reset_index(drop=True) for _, rows in before.groupby(results.read("steps")["point"])]
    assert all(rows.equals(groups[0]) for rows in groups)


def test_futures_share_their_past_and_differ_from_the_step_on(tmp_path):
    results = swept(FUTURES, tmp_path / "out")
    for point, churn in enumerate((0.2, 0.4)):
        runs = [steps_of(results, point, replication) for replication in range(3)]
        past = simulate(BASE.replace(churn=churn), 5, collect="light")
        measures = [name for name in past.steps if name in runs[0]]
        for replication, rows in enumerate(runs):
            seed = run_seed(5, replication)
            assert set(rows["seed"]) == {seed}
            pd.testing.assert_frame_equal(
                rows.loc[:11, measures], past.steps.loc[:11, measures], check_exact=True, check_index_type=False
            )
            changes = [*BASE.changes, {"name": "future", "step": 12, "seed": seed}]
            single = simulate(BASE.replace(churn=churn, changes=changes), 5, collect="light")
            assert_rows(rows, single)
            assert run_again(tmp_path / "out", point, replication).outcomes.equals(single.outcomes)
        assert not runs[0].loc[12:, measures].equals(runs[1].loc[12:, measures])


def test_futures_are_other_runs_than_those_of_independent_replications(tmp_path):
    swept(FUTURES, tmp_path / "out")
    again = load_sweep(tmp_path / "out")
    assert again.manifest["replications"] == {"count": 3, "seed": 5, "common": True, "from_step": 12}
    without = Design.from_toml(FUTURES.replace("from_step = 12", ""))
    assert "from_step" not in Design.from_toml(FUTURES.replace("from_step = 12", "")).replications.model_dump(
        exclude_none=True
    )
    assert without.scenario.to_dict() != again.manifest["scenario"]


@pytest.mark.parametrize("collect", ["lives = true", "panel = 4"])
def test_runs_made_one_by_one_have_the_bits_of_those_in_a_batch(collect, tmp_path):
    together, alone = swept(FUTURES, tmp_path / "a"), swept(f"{FUTURES}{collect}\n", tmp_path / "b")
    pd.testing.assert_frame_equal(together.outcomes, alone.outcomes, check_exact=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[replications]\nfrom_step = 401", "[replications] from_step = 401 is outside [1, 400], the steps of the run"),
        ("[replications]\nfrom_step = 0", "[replications] from_step = 0 is not an integer of at least 1"),
        ("[replications]\nfrom_step = 1.5", "[replications] from_step = 1.5 is not an integer of at least 1"),
        (
            '[[set.changes]]\nname = "future"\nstep = 3\nchurn = 0.3\n[replications]\nfrom_step = 5',
            "[replications] the scenario has a change 'future', which is the name of the one that from_step makes",
        ),
        ('[set]\n"changes.x.churn" = 0.3', "[set] unknown parameter 'changes.x.churn'"),
        ('[factors]\n"changes.x.churn" = [0.3]', "[factors] unknown parameter"),
        ('[factors]\n"changes.x.capacity" = [9]', "[factors] changes.x.capacity: capacity cannot change on the way"),
        ('[[set.changes]]\nname = "x"\nstep = 3', '[set] changes[0] "x": nothing changes'),
    ],
)
def test_a_design_of_changes_that_is_not_allowed_is_refused(text, message):
    assert refused(text).startswith(message)


def test_a_point_that_ends_before_its_futures_begin_is_refused():
    from abm.errors import InputError
    from abm.sweeps.design.plan import plan_of

    design = Design.from_toml(FUTURES.replace("steps = 24\n", "").replace("churn = [0.2, 0.4]", "steps = [24, 8]"))
    with pytest.raises(InputError, match=r"point 1 \(steps = 8\): \[replications\] from_step is after the last of 8"):
        plan_of(design)


def test_a_key_of_all_sectors_is_no_overwritten_key_of_a_change():
    text = f'scenario = "four-sectors"\n{SET}[factors]\nspillover = [0.0, 0.1]\n'
    assert Design.from_toml(text.replace("[set]", '[set]\n"changes.open_weights.ramp" = 2', 1)) is not None
