"""Mechanisms of a firm by hand, in direction and size, and nothing left of them when neutral.

All else is neutral, firms come from a table and one step is made. Values are sums of few powers of two wherever a
formula allows it, so that what is compared exactly is exact by hand as well.
"""

import math

import numpy as np
import pandas as pd
import pytest

from abm import Scenario, simulate
from tests.one_step import BASE, INF, LOSING, LOSSES, STILL, after, near, run, within_4_se

# ------------------------------------------------------------------------------------------ all neutral


def test_with_everything_neutral_one_step_is_the_article_by_hand():
    (firm,) = after({})
    assert (firm["T"], firm["C"], firm["P"], firm["R"], firm["Q"]) == (1.4375, 1.40625, 1.3125, 1.3125, 1.5)
    assert (firm["B"], firm["F"], firm["age"], firm["share"]) == (1.0, INF, 1, 1.0)
    assert firm["R_smoothed"] == 1.25 + 0.25 * (1.3125 - 1.25)


def test_with_everything_neutral_losses_are_the_article_by_hand():
    (firm,) = after(LOSING)
    assert (firm["T"], firm["C"], firm["P"]) == (1.0 + LOSSES["T"], 1.25 + LOSSES["C"], 0.75 + LOSSES["P"])


def test_with_everything_neutral_each_of_many_firms_follows_the_article_alone():
    random = np.random.default_rng(5)
    names = ("T0", "C0", "R0", "T", "C", "R")
    rows = [
        dict(zip(names, values, strict=True)) | dict(zip(("k1", "k2", "k3"), ks, strict=True))
        for values, ks in zip(random.uniform(0.7, 1.3, (50, 6)), random.uniform(0.1, 0.8, (50, 3)), strict=True)
    ]
    table = pd.DataFrame(rows)
    T, C, R = (table[name].to_numpy() for name in "TCR")
    T0, C0, R0, k1, k2, k3 = (table[name].to_numpy() for name in ("T0", "C0", "R0", "k1", "k2", "k3"))
    for _ in range(4):
        T, C, R = T0 + k1 * C * (C - C0), C0 + k2 * R * (R - R0), R0 + k3 * T * (T - T0)
    firms = run(*rows, steps=4).firms
    for name, values in (("T", T), ("C", C), ("R", R)):
        np.testing.assert_allclose(firms[name], values, rtol=1e-12)


# Each mechanism: a value that is not neutral, two worlds that differ only in what the mechanism reads, and where to
# look. Neutral, the worlds give the same bits; not neutral, they differ.
DEAR_RIVAL, CHEAP_RIVAL = BASE | {"T": 7.5}, BASE | {"T": 2.5}
LEADING = BASE | {"T0": 9.0, "T": 9.0}
ALIKE = {"competitiveness_elasticity": 0.0, "quality_elasticity": 0.0}  # each firm attracts as many customers
OFF = {
    "network_effect": (1.0, {"rows": [{"B": 3.0}, {"B": 1.0}]}, {"rows": [{"B": 1.0}, {"B": 3.0}]}, "B"),
    "churn": (0.5, {"rows": [{"B": 3.0}, {"B": 1.0}]}, {"rows": [{"B": 1.0}, {"B": 3.0}]}, "B"),
    "variable_cost_share": (0.5, {"market_size": 1.0}, {"market_size": 3.0}, "R"),
    "technology_cost": (0.1, {"rows": [{"k3": 0.0}]}, {"rows": [{"k3": 0.0, "T0": 0.5}]}, "R"),
    "innovation_drag": (0.3, {}, {"rows": [{"T0": 0.5}]}, "CQ"),
    "stress_response": (0.5, {"rows": [{"F": 2.0}], "runway": 8.0}, {"rows": [{"F": 7.0}], "runway": 8.0}, "TC"),
    "runway": (8.0, {"rows": [{"F": 2.0}]}, {"rows": [{"F": 7.0}]}, "F"),
    "outside_capital": (
        0.5,
        {"rows": [LEADING, DEAR_RIVAL], "runway": 8.0},
        {"rows": [LEADING, CHEAP_RIVAL], "runway": 8.0},
        "F",
    ),
    "spillover": (0.25, {"rows": [{}, DEAR_RIVAL]}, {"rows": [{}, CHEAP_RIVAL]}, "T"),
    "technology_noise": (0.1, {"seed": 1}, {"seed": 2}, "T"),
    "competitiveness_noise": (0.1, {"seed": 1}, {"seed": 2}, "C"),
    "technology_speed": (0.5, {}, {"rows": [{"T": 2.5}]}, "T"),
    "competitiveness_speed": (0.5, {}, {"rows": [{"C": 3.0}]}, "C"),
    "return_speed": (0.5, {}, {"rows": [{"P": 2.0}]}, "PR"),
    "optimisation_speed": (0.5, {}, {"rows": [{"Q": 1.0}]}, "Q"),
    "demand_noise": (0.5, {"seed": 1, "demand_noise_odds": 1.0}, {"seed": 2, "demand_noise_odds": 1.0}, "B"),
    "size_dependence": (
        0.5,
        {"rows": [{}, {"B": 1.0}], "market_size": 2.0, "demand_noise": 0.5, "demand_noise_odds": 1.0},
        {"rows": [{}, {"B": 3.0}], "market_size": 2.0, "demand_noise": 0.5, "demand_noise_odds": 1.0},
        "B",
    ),
    "frontier_cost": (
        1.0,
        {"rows": [{}, DEAR_RIVAL], "steps": 2, "variable_cost_share": 0.5, **ALIKE},
        {"rows": [{}, CHEAP_RIVAL], "steps": 2, "variable_cost_share": 0.5, **ALIKE},
        "R",
    ),
    "return_noise": (0.5, {"seed": 1}, {"seed": 2}, "R"),
    "release_odds": (0.5, {"seed": 1}, {"seed": 3}, "Q"),
    "learning_step": (
        0.125,
        {"rows": [{"direction": 1}], "policy": "adaptive", "review_interval": 1},
        {"rows": [{"direction": -1}], "policy": "adaptive", "review_interval": 1},
        ["theta"],
    ),
}


@pytest.mark.parametrize("mechanism", OFF)
def test_a_neutral_mechanism_does_not_see_what_it_acts_on(mechanism):
    on, first, second, columns = OFF[mechanism]

    def seen(world, **changes):
        world = {"rows": [{}]} | world
        firm = after(*world["rows"], **{k: v for k, v in world.items() if k != "rows"}, **changes)[0]
        return [firm[column] for column in columns]

    assert seen(first) == seen(second)
    changed = {mechanism: on}
    differences = [a != b for a, b in zip(seen(first, **changed), seen(second, **changed), strict=True)]
    assert all(differences), "the two worlds would not show this mechanism"


# Settings that nothing reads while the mechanism they belong to is neutral.
IDLE = {
    "an infinite runway": {"stress_response": 1.0, "outside_capital": 3.0, "funds_cap": 1.0},
    "no lumps": {"demand_noise_odds": 0.01, "size_dependence": 0.5},
    "fixed strategies": {"learning_step": 0.9, "review_interval": 1},
    "no entry": {"entrant_catch_up": 1.0, "entrant_base": 7.0, "initial_momentum": 3.0, "heterogeneity": 2.0},
    "a table with all columns": {"T0": 5.0, "C0": 6.0, "R0": 7.0, "k1": 0.1, "k2": 0.2, "k3": 0.3, "monetisation": 4.0},
    "one firm a sector": {
        "network_effect": 2.0, "competitiveness_elasticity": 9.0, "quality_elasticity": 9.0, "outside_capital": 0.5,
    },
}  # fmt: skip


@pytest.mark.parametrize("reason", IDLE)
def test_settings_of_a_neutral_mechanism_change_no_bit(reason):
    plain, idle = run({}, steps=5), run({}, steps=5, **IDLE[reason])
    pd.testing.assert_frame_equal(plain.firms, idle.firms, check_exact=True)
    pd.testing.assert_frame_equal(plain.steps, idle.steps, check_exact=True)
    pd.testing.assert_frame_equal(plain.sectors, idle.sectors, check_exact=True)


# ------------------------------------------------------------------------------------------ the three readings


def test_the_rate_reading_adds_the_pull_to_where_the_firm_stands():
    (firm,) = after({}, reading="rate")
    assert (firm["T"], firm["C"], firm["P"]) == (1.5 + 0.4375, 1.75 + 0.15625, 1.0 + 0.5625)


def test_the_increment_reading_adds_k_times_the_driver():
    (firm,) = after({}, reading="increment")
    assert (firm["T"], firm["C"], firm["P"]) == (1.5 + 0.5 * 1.75, 1.75 + 0.25 * 1.25, 1.0 + 0.75 * 1.5)


# ------------------------------------------------------------------------------------------ cost and innovation speed


def test_technology_cost_falls_on_the_lead_by_the_technology_weight():
    # lead 0.5, θ = 0.75: c = 1 + 0.5·1.5·0.5 = 1.375
    (firm,) = after({"theta": 0.75}, technology_cost=0.5)
    assert firm["R"] == near(1.3125 / 1.375)
    assert firm["P"] == 1.3125


def test_technology_below_its_baseline_costs_nothing():
    (firm,) = after(LOSING, technology_cost=1e6, innovation_drag=1e6)
    (free,) = after(LOSING)
    assert firm == free


def test_innovation_drag_slows_what_competitiveness_and_quality_gain():
    # lead 0.5, φ = 2: V = 1/2
    (firm,) = after({}, innovation_drag=2.0)
    assert firm["C"] == 1.25 + 0.15625 / 2.0
    assert firm["Q"] == 1.25 + (1.5 - 1.25) / 2.0
    assert (firm["T"], firm["P"]) == (1.4375, 1.3125)


def test_innovation_drag_leaves_losses_of_competitiveness_alone():
    (firm,) = after({"R": 0.5}, innovation_drag=2.0)
    assert firm["C"] == 1.25 - 0.25 * 0.5 * 0.25


# ------------------------------------------------------------------------------------------ stress and funds


def test_stress_cuts_gains():
    # H = 1 - 2/8 = 0.75, χ = 0.5: gains shrink to 1 - 0.375 of themselves
    (firm,) = after({"F": 2.0}, runway=8.0, stress_response=0.5)
    assert (firm["T"], firm["C"]) == (1.0 + 0.625 * 0.4375, 1.25 + 0.625 * 0.15625)
    assert (firm["P"], firm["Q"]) == (1.3125, 1.5)


def test_stress_deepens_losses():
    (firm,) = after(LOSING | {"F": 2.0}, runway=8.0, stress_response=0.5)
    assert (firm["T"], firm["C"]) == (1.0 + 1.375 * LOSSES["T"], 1.25 + 1.375 * LOSSES["C"])
    assert firm["P"] == 0.75 + LOSSES["P"]


def test_stress_grows_with_the_response_and_ends_at_the_runway():
    gains = [after({"F": 2.0}, runway=8.0, stress_response=chi)[0]["T"] for chi in (0.0, 0.25, 0.5, 1.0)]
    assert gains == [1.4375, 1.0 + 0.8125 * 0.4375, 1.0 + 0.625 * 0.4375, 1.0 + 0.25 * 0.4375]
    for funds in (8.0, 9.0, 30.0):  # H is clipped at 0: more than the runway does not help
        assert after({"F": funds}, runway=8.0, stress_response=1.0)[0]["T"] == 1.4375


def test_stress_of_a_firm_without_funds_is_whole():
    (firm,) = after({"F": 0.0}, runway=8.0, stress_response=1.0)
    assert (firm["T"], firm["C"]) == (1.0, 1.25)


def test_funds_grow_by_the_realised_return_less_cost():
    (firm,) = after({"F": 2.0}, runway=8.0)
    assert firm["F"] == 2.0 + 1.3125 - 1.0
    (firm,) = after({"F": 2.0}, runway=8.0, technology_cost=2.0)  # c = 1 + 2·1·0.5 = 2
    assert firm["F"] == 2.0 + 1.3125 / 2.0 - 1.0
    (firm,) = after({}, runway=8.0)  # a table without funds starts with the runway
    assert firm["F"] == 8.0 + 1.3125 - 1.0


@pytest.mark.parametrize(("funds", "lives"), [(0.25, True), (0.25 - 2**-40, False), (0.5, True), (0.0, False)])
def test_a_firm_fails_when_its_funds_are_below_zero(funds, lives):
    # R' = P' = R0 = 0.75: a quarter is lost in the step; 0 left is still enough
    result = run(STILL | {"F": funds}, runway=8.0)
    assert len(result.firms) == lives
    assert result.steps.exits.tolist() == [not lives]
    assert result.steps.diverged.tolist() == [0]
    life = result.lives.iloc[0]
    assert (life["reason"] is None) if lives else (life["reason"] == "failed" and life["exit_step"] == 1)


def test_with_an_infinite_runway_nobody_runs_out():
    result = run(STILL | {"R0": 1e-6, "P": 0.0, "R": 0.0, "F": 0.0}, steps=50, stress_response=1.0)
    assert len(result.firms) == 1
    assert result.firms["F"].tolist() == [INF]
    assert (result.steps["mean_stress"] == 0.0).all()


def test_funds_are_capped_at_a_multiple_of_the_runway():
    rich = STILL | {"R0": 4.0, "F": 31.0}
    assert after(rich, runway=8.0, funds_cap=4.0)[0]["F"] == 32.0
    assert after(rich, runway=8.0, funds_cap=5.0)[0]["F"] == 34.0
    assert after(rich, runway=8.0, funds_cap=INF)[0]["F"] == 34.0
    assert after(rich, runway=8.0, funds_cap=1.0)[0]["F"] == 8.0


def test_outside_capital_follows_new_technology_above_the_sectors_mean_of_the_start():
    # T' = T0: 3 and 1; the mean of the start is 2, so the first gets ψ·(3/2 - 1); R' - 1 = -0.25
    rows = [STILL | {"T0": 3.0, "T": 2.5, "F": 4.0}, STILL | {"T0": 1.0, "T": 1.5, "F": 4.0}]
    first, second = after(*rows, runway=8.0, outside_capital=0.5)
    assert (first["F"], second["F"]) == (4.0 - 0.25 + 0.25, 4.0 - 0.25)
    first, second = after(*rows, runway=8.0)
    assert first["F"] == second["F"] == 3.75


# ------------------------------------------------------------------------------------------ ceilings, speeds, weights


@pytest.mark.parametrize(
    ("ceiling", "column", "anchor", "gain"),
    [
        ("technology_ceiling", "T", 1.0, 0.4375),
        ("competitiveness_ceiling", "C", 1.25, 0.15625),
        ("return_ceiling", "P", 0.75, 0.5625),
    ],
)
def test_a_ceiling_saturates_gains_and_losses_of_its_own_state(ceiling, column, anchor, gain):
    free = after({})[0]
    # S(x; x) = x/2; S(x; 3x) = x/(1 + 1/3) = 3x/4
    for K, part in ((gain, 0.5), (3.0 * gain, 0.75), (INF, 1.0)):
        (firm,) = after({}, **{ceiling: K})
        assert firm[column] == near(anchor + part * gain)
        assert all(firm[other] == free[other] for other in "TCP" if other != column)
    (firm,) = after(LOSING, **{ceiling: -LOSSES[column]})
    assert firm[column] == near(anchor + LOSSES[column] / 2.0)


def test_a_ceiling_bounds_the_gain_of_one_step_in_the_other_readings():
    (firm,) = after({"k1": 1e6}, reading="rate", technology_ceiling=2.0)
    assert firm["T"] == pytest.approx(1.5 + 2.0, rel=1e-5)


def test_the_weights_apply_before_the_ceiling():
    # 1.5·0.4375 = 0.65625 with K = 0.65625 is halved
    (firm,) = after({"theta": 0.75}, technology_ceiling=0.65625)
    assert firm["T"] == near(1.0 + 0.65625 / 2.0)


@pytest.mark.parametrize(
    ("speed", "column", "before", "target"),
    [
        ("technology_speed", "T", 1.5, 1.4375),
        ("competitiveness_speed", "C", 1.75, 1.40625),
        ("return_speed", "P", 1.0, 1.3125),
        ("optimisation_speed", "Q", 1.25, 1.5),
    ],
)
def test_a_speed_is_the_share_of_the_gap_that_its_state_closes(speed, column, before, target):
    free = after({})[0]
    for v in (0.25, 0.5, 1.0):
        (firm,) = after({}, **{speed: v})
        assert firm[column] == before + v * (target - before)
        assert all(firm[other] == free[other] for other in "TCPQ" if other != column)


def test_the_technology_weight_shares_gains_between_technology_and_market():
    # θ = 0.75: technology gains 1.5 times, competitiveness half
    (firm,) = after({"theta": 0.75})
    assert (firm["T"], firm["C"]) == (1.0 + 1.5 * 0.4375, 1.25 + 0.5 * 0.15625)
    assert (firm["P"], firm["Q"]) == (1.3125, 1.5)


def test_the_optimisation_weight_shares_market_effort_between_iteration_and_shipping():
    # ω = 0.25: competitiveness gains 2·0.75 = 1.5 times, half the gap to T is shipped
    (firm,) = after({"omega": 0.25})
    assert firm["C"] == 1.25 + 1.5 * 0.15625
    assert firm["Q"] == 1.25 + 0.5 * 0.25
    assert (firm["T"], firm["P"]) == (1.4375, 1.3125)
    (firm,) = after({"omega": 0.75})  # 2ω = 1.5 would overshoot: the gap is closed, no more
    assert firm["C"] == 1.25 + 0.5 * 0.15625
    assert firm["Q"] == 1.5


def test_the_weights_multiply():
    (firm,) = after({"theta": 0.25, "omega": 0.25})  # 2·0.75·2·0.75
    assert (firm["T"], firm["C"]) == (1.0 + 0.5 * 0.4375, 1.25 + 2.25 * 0.15625)


def test_losses_are_not_shared_out():
    (firm,) = after(LOSING | {"theta": 0.25, "omega": 0.25})
    assert (firm["T"], firm["C"]) == (1.0 + LOSSES["T"], 1.25 + LOSSES["C"])


def test_optimisation_ships_no_faster_than_its_speed_weight_and_innovation_allow():
    # 2ω·V·v_Q = 1.5·0.5·0.5 = 0.375 of the gap
    (firm,) = after({"omega": 0.75}, innovation_drag=2.0, optimisation_speed=0.5)
    assert firm["Q"] == 1.25 + 0.375 * 0.25


def test_quality_follows_technology_of_the_steps_start_down_too():
    (firm,) = after({"Q": 3.5}, optimisation_speed=0.5)
    assert firm["Q"] == 3.5 + 0.5 * (1.5 - 3.5)


def test_quality_decays_and_without_decay_stays():
    assert after({"Q": 1.5}, quality_decay=0.25)[0]["Q"] == 1.5 - 0.25 * 1.5
    assert after({"Q": 1.25}, quality_decay=0.25)[0]["Q"] == 1.25 + 0.25 - 0.25 * 1.25
    assert after({"Q": 1.5})[0]["Q"] == 1.5


def test_state_does_not_fall_below_its_floors():
    # T* = 1 - 0.5·8·0.5 < 0; C* = 1.25 - 9·0.5·0.5 < 0; P* = 0.75 - 9·0.75·0.25 < 0
    low = {"T": 0.75, "C": 0.75, "R": 0.25, "k1": 9.0, "k2": 99.0, "k3": 9.0}
    (firm,) = after(low | {"Q": 1e-6, "T": 1e-6, "k3": 9.0}, quality_decay=0.5, optimisation_speed=0.25)
    assert (firm["T"], firm["C"], firm["Q"]) == (1e-6, 1e-6, 1e-6)
    (firm,) = after(low)
    assert (firm["P"], firm["R"]) == (0.0, 0.0)


# ------------------------------------------------------------------------------------------ spillover and noise


def test_spillover_closes_part_of_the_gap_to_the_sectors_mean_for_those_below():
    # T' = T0 = 1 and 3, the mean of the start is 2
    rows = [STILL | {"T0": 1.0, "T": 1.0}, STILL | {"T0": 3.0, "T": 3.0}]
    first, second = after(*rows, spillover=0.25)
    assert (first["T"], second["T"]) == (1.25, 3.0)
    first, second = after(*rows)
    assert (first["T"], second["T"]) == (1.0, 3.0)


def test_spillover_is_added_whole_at_any_speed():
    rows = [STILL | {"T0": 2.0, "T": 1.0}, STILL | {"T0": 3.0, "T": 3.0}]
    first, _ = after(*rows, spillover=0.25, technology_speed=0.5)
    assert first["T"] == 1.0 + 0.5 * (2.0 - 1.0) + 0.25 * (2.0 - 1.0)


def test_spillover_and_outside_capital_read_their_own_sector_alone():
    sectors = [{"name": "market", "demand_share": 1}, {"name": "other", "demand_share": 1}]
    first, second = after(
        STILL | {"F": 4.0}, STILL | {"sector": "other", "T": 100.0, "T0": 100.0, "F": 4.0},
        sectors=sectors, spillover=1.0, outside_capital=9.0, runway=8.0,
    )  # fmt: skip
    assert (first["T"], second["T"]) == (1.0 + 0.0, 100.0)
    assert first["F"] == second["F"] == 3.75


def _shocked(seed=3, **changes):
    """Relative shocks to T and C of 10,000 firms whose targets are their baselines, in two steps."""
    n = 10_000
    firms = pd.DataFrame([STILL] * n)
    scenario = Scenario().neutral().replace(**({"capacity": n, "steps": 2} | changes))
    panel = simulate(scenario, seed, firms=firms, panel=1, every=0).panel
    first, second = panel[panel.step == 1], panel[panel.step == 2]
    return (first["T"].to_numpy() - 1.0, first["C"].to_numpy() / 1.25 - 1.0, second["T"].to_numpy() - 1.0)


def test_noise_is_relative_with_mean_zero_and_the_given_spread():
    n = 10_000
    t1, c1, t2 = _shocked(technology_noise=0.05, competitiveness_noise=0.125)
    for shocks, sd in ((t1, 0.05), (t2, 0.05), (c1, 0.125)):
        assert within_4_se(shocks.mean(), 0.0, sd / math.sqrt(n))
        assert within_4_se(shocks.std(), sd, sd / math.sqrt(2 * n))
        kurtosis = ((shocks / shocks.std()) ** 4).mean()
        assert within_4_se(kurtosis, 3.0, math.sqrt(24 / n))  # normal
    for one, other in ((t1, c1), (t1, t2), (t1[1:], t1[:-1]), (c1[1:], t1[:-1])):
        assert within_4_se(np.corrcoef(one, other)[0, 1], 0.0, 1.0 / math.sqrt(n))


def test_noise_of_one_kind_leaves_the_other_state_alone():
    t1, c1, _ = _shocked(technology_noise=0.05)
    assert t1.std() > 0.0
    assert (c1 == 0.0).all()
    t1, c1, _ = _shocked(competitiveness_noise=0.05)
    assert (t1 == 0.0).all()
    assert c1.std() > 0.0


def test_a_shock_below_minus_one_puts_the_state_to_its_floor():
    n = 10_000
    t1, _, _ = _shocked(technology_noise=1.0)
    below = math.erfc(1.0 / math.sqrt(2.0)) / 2.0  # P(ε < -1) = 0.1587
    assert t1.min() == 1e-6 - 1.0
    assert within_4_se((t1 == t1.min()).mean(), below, math.sqrt(below * (1.0 - below) / n))


def test_the_floor_of_state_comes_after_the_shock():
    # half of all shocks to 1e-6 are downward, and none shows
    n = 2_000
    firms = pd.DataFrame([STILL | {"T0": 1e-6, "T": 1e-6, "C0": 1e-6, "C": 1e-6}] * n)
    scenario = Scenario(capacity=n, steps=1).neutral().replace(technology_noise=0.5, competitiveness_noise=0.5)
    result = simulate(scenario, 1, firms=firms).firms
    for column in "TC":
        assert result[column].min() == 1e-6
        assert within_4_se((result[column] == 1e-6).mean(), 0.5, 0.5 / math.sqrt(n))
