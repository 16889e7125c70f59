"""What changes on the way: the same bits on every way there, a common past, and values by the rule of the model."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abm import MarketModel, Scenario, simulate, simulate_many
from abm.simulation import simulate_many as many_runs
from abm.simulation.market import Market
from tests.markets import changing

CHANGES = [
    {"name": "open_weights", "step": 9, "until": 21, "ramp": 5, "spillover": 0.2, "network_effect": 0.1},
    {"name": "taste", "step": 11, "ramp": 3, "quality_elasticity": 2.0, "sectors.enterprise.demand_growth": 0.03},
    {"name": "shock", "step": 14, "demand_factor": 0.6, "sectors.enterprise.demand_factor": 1.5},
    {"name": "strategies", "step": 15, "until": 30, "weight": 2.0, "strategies.balanced.weight": 0.0, "T0": 1.5},
    {"name": "dice", "step": 18, "seed": 12, "technology_noise": 0.05, "review_interval": 2},
    {"name": "money", "step": 20, "until": 25, "runway": 4.0, "funds_cap": math.inf, "spillover": 0.05},
]
PLAIN = Scenario.load("four-sectors").replace(
    capacity=300, initial_firms=220, steps=36, runway=2.0, funds_cap=4.0, entry_rate=0.2, review_interval=3
)
LIVELY = PLAIN.replace(changes=CHANGES)
TABLES = ("steps", "sectors", "firms", "lives")


def assert_same(one, other, tables=TABLES):
    for name in tables:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True, obj=name)
    pd.testing.assert_series_equal(one.outcomes, other.outcomes, check_exact=True)


def without_first(frame, steps):
    return frame[frame["step"] < steps] if "step" in frame else frame.loc[: steps - 1]


def assert_same_before(one, other, step):
    """Two results agree to the last bit before a step, and differ from it on."""
    for name in ("steps", "sectors"):
        mine, theirs = getattr(one, name), getattr(other, name)
        pd.testing.assert_frame_equal(without_first(mine, step), without_first(theirs, step), check_exact=True)
    assert not one.steps.equals(other.steps)


@pytest.fixture(scope="module")
def lively():
    result = simulate(LIVELY, 3)
    assert result.steps["entries"].sum() and result.steps["exits"].sum()
    return result


# ------------------------------------------------------------------------------------------ the same bits


@pytest.mark.parametrize("threads", [2, 3])
def test_any_number_of_threads_gives_the_bits_of_one(lively, threads):
    assert_same(lively, simulate(LIVELY, 3, threads=threads))


def test_a_model_of_mesa_has_the_bits_of_the_engine(lively):
    model = MarketModel(LIVELY, rng=3)
    model.run_model()
    pd.testing.assert_series_equal(model.outcomes(), lively.outcomes, check_exact=True)
    pd.testing.assert_frame_equal(model.firms, lively.firms, check_exact=True)
    pd.testing.assert_frame_equal(model.lives, lively.lives, check_exact=True)


def test_each_of_many_runs_has_the_bits_of_its_single_run(lively, monkeypatch):
    monkeypatch.setattr(many_runs, "_SLOT_STEPS_A_CALL", 2 * LIVELY.capacity * LIVELY.steps)  # a market is used again
    seeds, listed = (5, 3, 2**63 - 1, 0, 8), (LIVELY, PLAIN)
    many = simulate_many(listed, seeds, collect="full", threads=1)
    for position, scenario in enumerate(listed):
        for seed in seeds:
            single = simulate(scenario, seed)
            found = many.outcomes.loc[(position, seed)][single.outcomes.index]
            pd.testing.assert_series_equal(found, single.outcomes, check_exact=True, check_names=False)
            steps = many.steps.sort_index().loc[(position, seed)][list(single.steps)]
            pd.testing.assert_frame_equal(steps, single.steps, check_exact=True)


def test_many_runs_of_a_firm_table_have_the_bits_of_single_ones():
    table = simulate(PLAIN.replace(steps=3), 5).firms
    many = simulate_many([LIVELY], (1, 2), firms=table)
    for seed in (1, 2):
        single = simulate(LIVELY, seed, firms=table, collect="light").outcomes
        found = many.outcomes.loc[(0, seed)][single.index]
        pd.testing.assert_series_equal(found, single, check_exact=True, check_names=False)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=changing(), seed=st.integers(0, 2**63 - 1))
def test_random_changes_give_the_same_bits_on_every_way(scenario, seed):
    single = simulate(scenario, seed)
    assert_same(single, simulate(scenario, seed, threads=2))
    many = simulate_many([scenario], [seed], collect="full").outcomes.iloc[0][single.outcomes.index]
    pd.testing.assert_series_equal(many, single.outcomes, check_exact=True, check_names=False)


# ------------------------------------------------------------------------------------------ a common past


@pytest.mark.parametrize("change", CHANGES[:5], ids=lambda change: change["name"])
def test_two_scenarios_that_differ_in_a_change_share_the_bits_before_it(change):
    assert_same_before(simulate(PLAIN, 3), simulate(PLAIN.replace(changes=[change]), 3), change["step"])


def test_changes_that_begin_after_the_last_step_or_change_nothing_leave_the_bits_as_they_are():
    shorter = PLAIN.replace(steps=8)
    assert_same(simulate(shorter, 3), simulate(LIVELY.replace(steps=8), 3))
    same = {key: PLAIN.get(key) for key in ("network_effect", "spillover", "runway", "review_interval")}
    same |= {f"strategies.{each.name}.weight": each.weight for each in PLAIN.strategies}
    same |= {f"sectors.{each.name}.quality_elasticity": each.quality_elasticity for each in PLAIN.sectors}
    nothing = {"name": "nothing", "step": 5, "until": 9, "demand_factor": 1.0, "seed": 3, **same}
    assert_same(simulate(PLAIN, 3), simulate(PLAIN.replace(changes=[nothing]), 3))


def test_a_run_is_the_beginning_of_a_longer_one(lively):
    longer = simulate(LIVELY.replace(steps=2 * LIVELY.steps), 3)
    pd.testing.assert_frame_equal(longer.steps.loc[: LIVELY.steps], lively.steps, check_exact=True)


def test_a_model_goes_on_beyond_the_last_step_as_a_longer_run(lively):
    model = MarketModel(LIVELY, rng=3)
    for _ in range(2 * LIVELY.steps):
        model.step()
    longer = simulate(LIVELY.replace(steps=2 * LIVELY.steps), 3)
    pd.testing.assert_frame_equal(model.firms, longer.firms, check_exact=True)


def test_a_seed_of_its_own_makes_another_future_of_the_same_past():
    base, futures = simulate(PLAIN, 3), {}
    for seed in (4, 5):
        change = {"name": "future", "step": 20, "seed": seed}
        futures[seed] = simulate(PLAIN.replace(changes=[change]), 3)
        assert_same_before(base, futures[seed], 20)
    assert not futures[4].steps.loc[20:].equals(futures[5].steps.loc[20:])
    back = [{"name": "away", "step": 1, "seed": 4}, {"name": "again", "step": 2, "seed": 3}]
    only_first = simulate(PLAIN.replace(changes=back), 3)
    assert not only_first.steps.loc[1:1].equals(base.steps.loc[1:1])


# ------------------------------------------------------------------------------------------ values


def test_values_follow_the_rule_of_the_model_at_each_step():
    market, seen = Market(LIVELY, 3, steps=LIVELY.steps), []
    for step in range(1, LIVELY.steps + 1):
        market.advance(step)
        seen.append(float(market.parameters.market["spillover"][0]))
    ramp = [0.01 + (0.2 - 0.01) * part / 5 for part in (1, 2, 3, 4)]
    expected = [0.01] * 8 + ramp + [0.2] * 7 + [0.05] * 5 + [0.01] * 12
    assert seen == pytest.approx(expected, rel=1e-15)
    assert seen[12] == 0.2 and seen[35] == 0.01


def test_demand_is_multiplied_once_and_a_dotted_name_goes_before_a_key_alone():
    scenario = PLAIN.replace(changes=[CHANGES[2] | {"until": 16}])
    demand = simulate(scenario, 3).sectors.pivot(index="step", columns="sector", values="demand")
    before, after = demand.loc[13], demand.loc[14]
    factors = {"nlp_vision": 0.6, "smart_hardware": 0.6, "enterprise": 1.5, "health_finance": 0.6}
    assert (after / before).to_dict() == pytest.approx(factors)
    assert (demand.loc[14:] == after).all(axis=None)


def test_demand_stays_within_its_bounds():
    changes = [{"name": "none", "step": 2, "demand_factor": 0.0}, {"name": "all", "step": 3, "demand_factor": 1e9}]
    demand = simulate(PLAIN.replace(changes=changes, steps=4, market_size=1e12), 3).sectors.set_index("step")["demand"]
    assert (demand.loc[2] == 1e-9).all()
    assert demand.loc[3].to_numpy() == pytest.approx(1.0)


def test_entrants_are_drawn_with_the_values_and_the_seed_of_their_step():
    change = {"name": "wave", "step": 10, "until": 11, "entry_rate": 1e9, "T0": 3.0, "heterogeneity": 0.0, "seed": 1}
    change |= {"strategies.adaptive.technology_weight": 0.9, "entrant_catch_up": 0.0, "initial_momentum": 0.5}
    change |= {f"strategies.{each.name}.weight": 0.0 for each in PLAIN.strategies if each.name != "adaptive"}
    result = simulate(PLAIN.replace(changes=[change], entry_rate=0.0, steps=12), 3, panel=1)
    wave = result.lives[result.lives["entry_step"] == 10]
    assert len(wave) == result.steps.loc[10, "entries"] == PLAIN.capacity - result.steps.loc[9, "firms"]
    assert set(wave["strategy"]) == {"adaptive"} and set(wave["T0"]) == {3.0} and set(wave["theta_entry"]) == {0.9}
    at_entry = result.panel[(result.panel["step"] == 10) & result.panel["id"].isin(wave["id"])]
    assert set(at_entry["T"]) == {4.5}


def test_runways_of_any_size_leave_the_bits_before_them():
    change = {"name": "endless", "step": 20, "until": 25, "runway": 1e300}
    base, rich = simulate(PLAIN, 3), simulate(PLAIN.replace(changes=[change]), 3)
    assert_same_before(base, rich, 20)
    assert np.isfinite(rich.steps.loc[20:, ["mean_F", "sd_F"]]).all(axis=None)
