"""Markets at the edge of being one: one firm, no firm, no demand, no slots, one step, no bounds."""

import math

import numpy as np
import pandas as pd
import pytest

from abm import Scenario, simulate, simulate_many

INF = math.inf
COUNTS = ["firms", "entries", "exits", "diverged", "leader_changed", "best_quality_changed"]
THREE = [{"name": name, "demand_share": share} for name, share in (("a", 0.5), ("b", 0.3), ("c", 0.2))]
TWO = [{"name": "wanted", "demand_share": 1.0}, {"name": "unwanted", "demand_share": 0.0}]
# Firms that earn nothing and start with 2.5 steps of spending: all fail at step 3.
DOOMED = Scenario(
    capacity=6, steps=9, R0=1e-6, k3=0.0, runway=2.5, outside_capital=0.0, entry_rate=0.0, heterogeneity=0.0
)  # fmt: skip


def assert_empty(rows):
    """Rows of a market, or of a sector, in which no firm lives."""
    still = rows[[*COUNTS, *(name for name in rows if name.startswith("firms_"))]]
    assert (still[["firms", "leader_changed", "best_quality_changed"]] == 0).all(axis=None)
    assert (still.filter(like="firms_") == 0).all(axis=None)
    numbers = rows.drop(columns=[*still, "instability", *({"demand", "step", "sector"} & set(rows))])
    assert numbers.isna().all(axis=None)
    assert np.isfinite(rows["instability"]).all()


def test_one_firm_in_one_slot_has_the_whole_market():
    result = simulate(Scenario(capacity=1, steps=20, runway=INF), 1)
    steps = result.steps
    assert (steps["firms"] == 1).all()
    assert (steps["hhi"] == 1e4).all()
    assert (steps[["cr4", "top_share"]] == 1.0).all(axis=None)
    assert (steps[["gini", "instability", "leader_changed"]] == 0).all(axis=None)
    assert np.allclose(steps["entropy"], 0.0, atol=1e-12)
    assert (steps[[f"sd_{x}" for x in "TCRQ"]] == 0.0).all(axis=None)
    for x in "TCRQ":
        assert steps[f"mean_{x}"].tolist() == steps[f"q10_{x}"].tolist() == steps[f"q90_{x}"].tolist()
    assert result.firms["B"].tolist() == [1.0]  # all demand, from the first step on
    assert result.lives["peak_share"].tolist() == [1.0]
    assert result.outcomes["structure"] == "monopoly"
    assert result.outcomes["survival"] == 1.0


def test_one_slot_holds_at_most_one_firm_at_a_time():
    result = simulate(Scenario(capacity=1, steps=60, R0=0.3, runway=1.5, entry_rate=1e9), 2)
    assert set(result.steps["firms"]) == {0, 1}
    assert result.steps["entries"].sum() > 3
    left = result.lives.dropna(subset="exit_step")
    assert (result.lives["entry_step"].iloc[1:].to_numpy() == left["exit_step"].iloc[: len(result.lives) - 1] + 1).all()
    assert (result.steps["leader_changed"] == 0).all()  # no step has a leader where the one before has another


def test_a_run_of_one_step_is_a_whole_run():
    result = simulate(Scenario.load("four-sectors").replace(steps=1), 1)
    assert result.steps.index.tolist() == [1]
    assert len(result.sectors) == 4
    assert (result.firms["age"] == 1).sum() == (result.firms["id"] < 400).sum()
    for name in ("hhi", "mean_T", "firms", "gini"):
        assert result.outcomes[name] == result.steps[name].iloc[0]
    assert result.steps["leader_changed"].tolist() == [0]


def test_all_firms_fail_and_nobody_enters():
    result = simulate(DOOMED, 1)
    assert result.steps["firms"].tolist() == [6, 6, 0, 0, 0, 0, 0, 0, 0]
    assert result.steps["exits"].tolist() == [0, 0, 6, 0, 0, 0, 0, 0, 0]
    assert_empty(result.steps.loc[3:])
    assert_empty(result.sectors[result.sectors.step >= 3])
    # from all shares to none at step 3, then nothing moves
    assert result.steps["instability"].loc[3:].tolist() == [pytest.approx(0.5), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert (result.sectors["demand"] == 6.0).all()
    assert len(result.firms) == 0
    assert result.lives[["exit_step", "reason"]].drop_duplicates().to_numpy().tolist() == [[3, "failed"]]
    outcomes = result.outcomes
    assert (outcomes["structure"], outcomes["growth"], outcomes["winner"]) == ("collapsed", None, None)
    assert (outcomes["survival"], outcomes["firms"], outcomes["peak_firms"], outcomes["peak_step"]) == (0.0, 0.0, 6, 0)
    assert math.isnan(outcomes["hhi"])


def test_an_empty_market_refills_by_entry_at_the_odds_of_breaking_even():
    # an empty sector counts as R̂ = 1, and every vacant slot fills at the step after
    result = simulate(DOOMED.replace(entry_rate=1.0), 1)
    assert result.steps["firms"].tolist() == [6, 6, 0, 6, 6, 6, 0, 6, 6]
    assert result.steps["entries"].tolist() == [0, 0, 0, 6, 0, 0, 0, 6, 0]
    assert result.lives["id"].tolist() == list(range(18))
    assert result.lives["entry_step"].tolist() == [0] * 6 + [4] * 6 + [8] * 6
    assert_empty(result.steps.loc[[3, 7]])
    assert result.outcomes["firms"] == 4.0  # of the steps 7, 8 and 9: 0, 6, 6
    assert result.outcomes["hhi"] == pytest.approx(1e4 / 6)


def test_many_runs_of_markets_that_die_equal_single_ones():
    many = simulate_many([DOOMED, DOOMED.replace(entry_rate=1.0)], [1], collect="full", every=1)
    assert many.outcomes["structure"].tolist() == [
        "collapsed",
        simulate(DOOMED.replace(entry_rate=1.0), 1).outcomes["structure"],
    ]
    assert many.steps.loc[(0, 1)]["firms"].tolist() == [6, 6, 0, 0, 0, 0, 0, 0, 0]


def test_capacity_far_above_the_firms_only_leaves_room():
    scenario = Scenario(capacity=5_000, initial_firms=3, steps=5, entry_rate=0.0)
    result, tight = simulate(scenario, 1), simulate(scenario.replace(capacity=3), 1)
    pd.testing.assert_frame_equal(result.firms, tight.firms, rtol=1e-12)
    pd.testing.assert_frame_equal(result.steps, tight.steps, rtol=1e-12)


@pytest.mark.parametrize("capacity", [1, 2, 7])
def test_a_sector_without_demand_has_no_slot_and_stays_empty(capacity):
    result = simulate(Scenario(capacity=capacity, steps=8, sectors=TWO, entry_rate=1e9), 1)
    unwanted = result.sectors[result.sectors.sector == "unwanted"]
    assert_empty(unwanted)
    assert (unwanted[["entries", "exits"]] == 0).all(axis=None)
    assert (unwanted["demand"] == 1e-9).all()  # the floor of demand
    wanted = result.sectors[result.sectors.sector == "wanted"].set_index("step")
    assert result.steps["sector_hhi"].tolist() == pytest.approx(wanted["hhi"].tolist())


def test_firms_of_a_table_in_a_sector_without_demand_share_next_to_nothing():
    firms = pd.DataFrame({"sector": ["wanted", "unwanted", "unwanted"], "strategy": "balanced"})
    result = simulate(Scenario(capacity=3, steps=4, sectors=TWO, churn=1.0, runway=INF), 1, firms=firms)
    assert (result.firms["B"].iloc[1:] == 1e-9).all()
    assert result.firms["B"].iloc[0] == pytest.approx(3.0)
    assert result.firms["share"].tolist() == pytest.approx([1.0, 0.5, 0.5])
    assert (result.firms["R"].iloc[1:] < 1e-8).all()  # d = ρ/(1 - w + w·ρ)


def test_sectors_without_slots_are_there_and_empty():
    # one slot goes to the largest of three sectors
    result = simulate(Scenario(capacity=1, steps=5, sectors=THREE, runway=INF), 1)
    assert result.firms["sector"].tolist() == ["a"]
    for name in ("b", "c"):
        assert_empty(result.sectors[result.sectors.sector == name])
    assert result.sectors["demand"].tolist() == [0.5, 0.3, 0.2] * 5
    assert (result.steps["sector_hhi"] == 1e4).all()
    two = simulate(Scenario(capacity=2, steps=2, sectors=THREE, entry_rate=1e9, runway=INF), 1)
    assert two.firms["sector"].tolist() == ["a", "b"]


def test_firms_beyond_a_sectors_slots_go_where_room_is():
    # quotas of 2 slots are 1, 0.6, 0.4: a and b have one; of 2 firms the same. With one firm only a has one
    result = simulate(Scenario(capacity=2, initial_firms=1, steps=1, sectors=THREE, entry_rate=0.0), 1)
    assert result.firms["sector"].tolist() == ["a"]
    # shares 0.4, 0.3, 0.3 of 5 slots: 2, 1.5, 1.5 → 2, 2, 1; of 4 firms: 1.6, 1.2, 1.2 → 2, 1, 1
    shares = [{"name": name, "demand_share": share} for name, share in (("a", 0.4), ("b", 0.3), ("c", 0.3))]
    result = simulate(Scenario(capacity=5, initial_firms=4, steps=1, sectors=shares, runway=INF, entry_rate=0.0), 1)
    assert result.firms["sector"].tolist() == ["a", "a", "b", "c"]
    assert result.firms["slot"].tolist() == [0, 1, 2, 4]


def test_infinite_ceilings_bound_nothing():
    # p_T = 0.5·4·(4 - 1) = 6 whole, at full speed
    scenario = Scenario(capacity=1, steps=1).neutral()
    firms = pd.DataFrame({"sector": ["market"], "strategy": "balanced", "C": [4.0], "k1": [0.5]})
    assert simulate(scenario, firms=firms).firms["T"].tolist() == [7.0]
    assert simulate(scenario.replace(technology_ceiling=6.0), firms=firms).firms["T"].tolist() == [4.0]


@pytest.mark.parametrize("reading", ["literal", "rate", "increment"])
def test_a_market_that_diverges_is_reported_as_diverged(reading):
    scenario = Scenario(capacity=9, steps=40, k1=3.0, k2=3.0, k3=3.0, heterogeneity=0.0, initial_momentum=0.5)
    scenario = scenario.neutral().replace(reading=reading, initial_momentum=0.5)
    result = simulate(scenario, 1)
    assert len(result.firms) == 0
    assert result.steps["diverged"].sum() == 9
    assert set(result.lives["reason"]) == {"diverged"}
    numbers = result.steps.drop(columns=[name for name in result.steps if name.endswith("_F")])
    assert not np.isinf(numbers.to_numpy(float)).any()
    assert numbers[numbers.firms > 0].notna().all(axis=None)
    assert result.outcomes["structure"] == "collapsed"


def test_with_an_infinite_runway_there_are_no_funds_to_speak_of():
    result = simulate(Scenario(capacity=30, steps=30, runway=INF, R0=0.2, entry_rate=0.0), 1)
    assert (result.steps["firms"] == 30).all()
    assert result.steps[[f"{kind}_F" for kind in ("mean", "sd", "q10", "q50", "q90")]].isna().all(axis=None)
    assert (result.steps["mean_stress"] == 0.0).all()
    assert (result.firms["F"] == INF).all()
    assert math.isnan(result.outcomes["mean_F"])
    light = simulate(Scenario(capacity=30, steps=3, runway=INF), 1, collect="light").steps
    assert light[["mean_F", "sd_F"]].isna().all(axis=None)


def test_a_strategy_of_weight_zero_is_never_followed():
    strategies = [
        {"name": "first", "technology_weight": 0.2, "weight": 0.0},
        {"name": "second", "technology_weight": 0.5, "weight": 2.0},
        {"name": "last", "technology_weight": 0.8, "weight": 0.0},
    ]
    scenario = Scenario(capacity=200, initial_firms=20, steps=12, entry_rate=0.2, strategies=strategies)
    result = simulate(scenario, 1)
    assert len(result.lives) > 100
    assert set(result.lives["strategy"]) == {"second"}
    assert (result.steps[["firms_first", "firms_last", "share_first", "share_last"]] == 0.0).all(axis=None)
    assert np.allclose(result.steps["share_second"], 1.0)
    assert result.outcomes["winner"] == "second"


def test_equal_firms_stay_equal_for_ever():
    scenario = Scenario(capacity=16, steps=100, heterogeneity=0.0, technology_noise=0.0, competitiveness_noise=0.0)
    steps = simulate(scenario.replace(initial_momentum=0.1, runway=INF), 1).steps
    assert np.allclose(steps["hhi"], 1e4 / 16)
    assert np.allclose(steps[["gini", "instability"]], 0.0, atol=1e-12)
    assert np.allclose(steps[[f"sd_{x}" for x in "TCRQ"]], 0.0, atol=1e-9)
    assert (steps["leader_changed"] == 0).all()


def test_a_market_at_its_baseline_stays_there():
    scenario = Scenario(capacity=4, steps=50, T0=2.0, C0=3.0, R0=1.0, k3=0.5).neutral()
    firms = simulate(scenario, 1).firms
    assert set(firms["T"]) == {2.0}
    assert set(firms["C"]) == {3.0}
    assert set(firms["P"]) == set(firms["R"]) == {1.0}


def test_as_many_sectors_as_firms_make_as_many_monopolies():
    sectors = [{"name": f"s{place}", "demand_share": 1.0} for place in range(10)]
    result = simulate(Scenario(capacity=10, steps=6, sectors=sectors, runway=INF), 1)
    assert (result.sectors["firms"] == 1).all()
    assert (result.sectors["hhi"] == 1e4).all()
    assert np.allclose(result.steps["sector_hhi"], 1e4)
    assert np.allclose(result.steps["hhi"], 1e3, rtol=1e-6)
    assert result.outcomes["structure"] == "monopoly"
    assert math.isnan(result.outcomes["subbotin"])  # no sector has two firms


def test_all_firms_leave_at_once_and_the_numbering_goes_on():
    result = simulate(DOOMED.replace(entry_rate=0.5, steps=40, capacity=12), 3)
    lives = result.lives
    assert lives["id"].tolist() == list(range(len(lives)))
    assert (result.steps["firms"] == 0).any()
    assert result.steps["entries"].sum() == len(lives) - 12
