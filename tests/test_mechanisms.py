"""Every mechanism by itself: direction and size against a calculation by hand, and nothing left of it when neutral.

All else is neutral, firms come from a table and one step is made. Values are sums of few powers of two wherever a
formula allows it, so that what is compared exactly is exact by hand as well.
"""

import math

import numpy as np
import pandas as pd
import pytest

from abm import Scenario, simulate
from tests.markets import Draws

INF = math.inf

# One firm, above all its baselines. With everything neutral its step is, by hand:
# T' = 1    + 0.5·1.75·(1.75 - 1.25) = 1    + 0.4375  = 1.4375
# C' = 1.25 + 0.25·1.25·(1.25 - 0.75) = 1.25 + 0.15625 = 1.40625
# P' = 0.75 + 0.75·1.5·(1.5 - 1)      = 0.75 + 0.5625  = 1.3125, and R' = P'; Q' = T = 1.5
BASE = {
    "sector": "market", "strategy": "balanced", "T0": 1.0, "C0": 1.25, "R0": 0.75, "k1": 0.5, "k2": 0.25, "k3": 0.75,
    "T": 1.5, "C": 1.75, "P": 1.0, "R": 1.25, "Q": 1.25, "B": 1.0,
}  # fmt: skip
# The same firm below all its baselines: C - C0 = -0.25, R - R0 = -0.25, T - T0 = -0.25.
LOSING = BASE | {"T": 0.75, "C": 1.0, "R": 0.5}
LOSSES = {"T": -0.5 * 1.0 * 0.25, "C": -0.25 * 0.5 * 0.25, "P": -0.75 * 0.75 * 0.25}
# A firm whose targets are its baselines: T' = T0, C' = C0, P' = R0.
STILL = BASE | {"k1": 0.0, "k2": 0.0, "k3": 0.0}


def run(*rows, seed=0, steps=1, **changes):
    """A run of firms from a table, all neutral but the changes."""
    given = [BASE | {"theta": 0.5, "omega": 0.5} | row for row in rows]
    firms = pd.DataFrame([{"R_smoothed": row["R"], "R_reviewed": row["R"]} | row for row in given])
    scenario = Scenario().neutral().replace(**({"capacity": len(rows), "steps": steps} | changes))
    return simulate(scenario, seed, firms=firms)


def after(*rows, seed=0, **changes):
    """The firms after one step, as records."""
    return run(*rows, seed=seed, **changes).firms.to_dict("records")


def near(value):
    return pytest.approx(value, rel=1e-12, abs=0.0)


def within_4_se(estimate, expected, se):
    return abs(estimate - expected) < 4.0 * se


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


# ------------------------------------------------------------------------------------------ demand


@pytest.mark.parametrize(
    ("beta", "shares"), [(1.0, (0.75, 0.25)), (2.0, (0.9, 0.1)), (0.5, (0.633974596215561, 0.366025403784439))]
)
def test_network_effect_draws_customers_to_the_larger_base(beta, shares):
    # B of 3 and 1 weigh 3^β to 1; √3/(√3 + 1) = 0.6339746
    first, second = after({"B": 3.0}, {"B": 1.0}, network_effect=beta, market_size=8.0)
    assert (first["B"], second["B"]) == (near(8.0 * shares[0]), near(8.0 * shares[1]))


def test_without_network_effect_equal_firms_share_demand_equally():
    first, second = after({"B": 3.0}, {"B": 1.0}, market_size=8.0)
    assert first["B"] == second["B"] == near(4.0)


def test_churn_is_the_share_of_customers_that_choose_anew():
    # equal appeal: fair is 2 each, a quarter of the gap is closed
    first, second = after({"B": 3.0}, {"B": 1.0}, churn=0.25, market_size=4.0)
    assert (first["B"], second["B"]) == (near(3.0 + 0.25 * (2.0 - 3.0)), near(1.0 + 0.25 * (2.0 - 1.0)))


def test_lost_customers_of_a_sector_return_at_the_rate_of_churn():
    (firm,) = after({"B": 1.0}, churn=0.25, market_size=5.0)
    assert firm["B"] == near(1.0 + 0.25 * (5.0 - 1.0))


@pytest.mark.parametrize(
    ("elasticity", "column", "value", "odds"),
    [("competitiveness_elasticity", "C", 3.5, 4.0), ("quality_elasticity", "Q", 2.5, 8.0)],
)
def test_customers_heed_competitiveness_and_quality_by_their_elasticities(elasticity, column, value, odds):
    # twice the C to the power of 2 is fourfold appeal, twice the Q to the power of 3 eightfold
    power = {4.0: 2.0, 8.0: 3.0}[odds]
    off = {"competitiveness_elasticity": 0.0, "quality_elasticity": 0.0}
    first, second = after({column: value}, {}, market_size=1.0, **(off | {elasticity: power}))
    assert (first["B"], second["B"]) == (near(odds / (odds + 1.0)), near(1.0 / (odds + 1.0)))
    first, second = after({column: value}, {}, market_size=1.0, **off)
    assert first["B"] == second["B"] == 0.5


def test_competitiveness_quality_and_customers_multiply_to_appeal():
    # 2^2 · 2^-3 · 4^0.5 = 1: appeal is even again
    first, second = after(
        {"C": 3.5, "Q": 1.0, "B": 4.0}, {"C": 1.75, "Q": 2.0, "B": 1.0},
        competitiveness_elasticity=2.0, quality_elasticity=3.0, network_effect=0.5, market_size=1.0,
    )  # fmt: skip
    assert first["B"] == near(second["B"]) == near(0.5)


def test_customers_choose_by_the_state_of_the_step_before():
    # C' of the first is far larger, C at the start is equal
    first, second = after({"k2": 50.0}, {}, market_size=1.0)
    assert first["C"] > 10.0 * second["C"]
    assert first["B"] == second["B"] == 0.5


def test_customers_do_not_cross_sectors():
    sectors = [{"name": "market", "demand_share": 0.75}, {"name": "other", "demand_share": 0.25}]
    first, second = after({"C": 99.0}, {"sector": "other"}, sectors=sectors, market_size=4.0)
    assert (first["B"], second["B"]) == (3.0, 1.0)


def test_a_customer_base_does_not_fall_below_its_floor():
    tiny, _ = after(STILL | {"C": 1e-6}, STILL | {"C": 1e6}, competitiveness_elasticity=10.0)
    assert tiny["B"] == 1e-9
    (given,) = after({"B": 0.0, "C": 1e-6}, steps=1, churn=1e-9, market_size=1e-3)
    assert 1e-9 < given["B"] < 1.1e-9  # 0 in the table is put to the floor: 1e-9 + 1e-9·1e-3


@pytest.mark.parametrize(
    ("w", "rho", "d"),
    [
        (0.5, 2.0, 4.0 / 3.0),
        (0.5, 0.5, 2.0 / 3.0),
        (0.0, 2.0, 2.0),
        (0.25, 4.0, 16.0 / 7.0),
        (1.0, 2.0, 1.0),
        (0.5, 1.0, 1.0),
    ],
)
def test_variable_cost_share_tempers_what_sales_do_to_the_return(w, rho, d):
    # d = ρ/(1 - w + w·ρ) with the new customer base as ρ
    (firm,) = after({}, variable_cost_share=w, market_size=rho)
    assert firm["P"] == 1.3125
    assert firm["R"] == near(d * 1.3125)


def test_all_costs_variable_give_the_potential_return_at_any_size():
    for size in (0.001, 1.0, 7.3, 1e6):
        (firm,) = after({}, market_size=size)
        assert firm["R"] == firm["P"] == 1.3125


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


# ------------------------------------------------------------------------------------------ learning


def learned(row, **changes):
    settings = {"policy": "adaptive", "learning_step": 0.125, "review_interval": 1}
    (firm,) = after(STILL | row, **(settings | changes))
    return firm["theta"], firm["direction"], firm["R_smoothed"], firm["R_reviewed"]


def test_an_adaptive_firm_goes_on_while_its_smoothed_return_does_not_fall():
    # R' = R0 = 0.75: R̄ = 0.25 + 0.25·0.5 = 0.375, above the 0.25 of the last review
    assert learned({"R_smoothed": 0.25, "R_reviewed": 0.25}) == (0.625, 1, 0.375, 0.375)
    assert learned({"R_smoothed": 0.25, "R_reviewed": 0.25, "direction": -1}) == (0.375, -1, 0.375, 0.375)
    assert learned({"R_smoothed": 0.25, "R_reviewed": 0.375}) == (0.625, 1, 0.375, 0.375)  # as good as before


def test_an_adaptive_firm_turns_round_when_its_smoothed_return_fell():
    assert learned({"R_smoothed": 0.25, "R_reviewed": 0.5}) == (0.375, -1, 0.375, 0.375)
    assert learned({"R_smoothed": 0.25, "R_reviewed": 0.5, "direction": -1}) == (0.625, 1, 0.375, 0.375)


def test_technology_weights_stay_within_their_bounds():
    assert learned({"theta": 0.9, "R_reviewed": 0.25})[0] == 0.95
    assert learned({"theta": 0.1, "R_reviewed": 0.25, "direction": -1})[0] == 0.05


def test_a_learning_step_of_zero_moves_no_weight_but_the_review_is_kept():
    assert learned({"R_smoothed": 0.25, "R_reviewed": 0.5}, learning_step=0.0) == (0.5, -1, 0.375, 0.375)


@pytest.mark.parametrize(
    ("age", "interval", "due"), [(0, 2, False), (1, 2, True), (7, 8, True), (8, 8, False), (0, 1, True)]
)
def test_a_firm_reviews_when_its_new_age_is_a_multiple_of_the_interval(age, interval, due):
    theta, direction, smoothed, reviewed = learned(
        {"age": age, "R_smoothed": 0.25, "R_reviewed": 0.25}, review_interval=interval
    )
    assert (theta, reviewed) == ((0.625, 0.375) if due else (0.5, 0.25))
    assert (direction, smoothed) == (1, 0.375)


def test_a_fixed_strategy_never_changes():
    firms = run(
        STILL | {"theta": 0.3, "omega": 0.7, "R_reviewed": 9.0}, {}, steps=6, learning_step=0.5, review_interval=1
    ).firms
    assert firms["theta"].tolist() == [0.3, 0.5]
    assert firms["omega"].tolist() == [0.7, 0.5]
    assert firms["R_reviewed"].tolist() == [9.0, 1.25]


def looked_at(seed, place, slots, step=1):
    return int(Draws(seed).uniforms("imitation", 0, place, step)[0] * slots)


@pytest.mark.parametrize("seed", range(8))
def test_an_imitator_moves_half_way_towards_a_better_firm_that_it_looks_at(seed):
    poor = STILL | {"theta": 0.25, "omega": 0.375, "R_smoothed": 0.25}
    better = STILL | {"theta": 0.75, "omega": 0.625, "R_smoothed": 2.0}
    first, second = after(poor, better, seed=seed, policy="imitate", review_interval=1)
    moved = looked_at(seed, 0, 2) == 1
    assert (first["theta"], first["omega"]) == ((0.5, 0.5) if moved else (0.25, 0.375))
    assert (second["theta"], second["omega"]) == (0.75, 0.625)  # nobody is better


def test_an_imitator_looks_at_every_slot_of_its_sector_alike():
    # 3,000 better firms, 3,000 imitators, 6,000 vacant slots: a quarter of the imitators moves
    n = 3_000
    poor = STILL | {"theta": 0.25, "R_smoothed": 0.25, "strategy": "imitator"}
    better = STILL | {"theta": 0.75, "R_smoothed": 2.0}
    strategies = [
        {"name": "balanced", "technology_weight": 0.5},
        {"name": "imitator", "technology_weight": 0.5, "policy": "imitate"},
    ]
    scenario = Scenario().neutral().replace(capacity=4 * n, steps=1, review_interval=1, strategies=strategies)
    firms = simulate(scenario, 11, firms=pd.DataFrame([better, poor] * n)).firms
    moved = firms["theta"][firms.strategy == "imitator"] == 0.5
    assert within_4_se(moved.mean(), 0.25, math.sqrt(0.25 * 0.75 / n))
    assert set(firms["theta"][firms.strategy == "imitator"]) == {0.25, 0.5}
    assert set(firms["theta"][firms.strategy == "balanced"]) == {0.75}


def _seed_where(condition):
    return next(seed for seed in range(1000) if condition(seed))


def test_an_imitator_of_an_equal_firm_or_a_vacant_slot_stays():
    seed = _seed_where(lambda seed: looked_at(seed, 0, 2) == 1)
    equal = [STILL | {"theta": 0.25}, STILL | {"theta": 0.75}]
    assert [firm["theta"] for firm in after(*equal, seed=seed, policy="imitate", review_interval=1)] == [0.25, 0.75]
    (alone,) = after(STILL | {"theta": 0.25}, seed=seed, policy="imitate", review_interval=1, capacity=2)
    assert alone["theta"] == 0.25


def test_imitators_read_weights_as_they_stand_before_any_review():
    # the first looks at the second and the second at the third in the same step, and the other way round
    rows = [STILL | {"theta": theta, "R_smoothed": r} for theta, r in ((0.125, 1.0), (0.375, 2.0), (0.875, 3.0))]
    for order in ([0, 1, 2], [2, 1, 0]):
        low, middle, high = (order.index(rank) for rank in range(3))
        seed = next(
            seed for seed in range(1000) if looked_at(seed, low, 3) == middle and looked_at(seed, middle, 3) == high
        )
        firms = after(*(rows[rank] for rank in order), seed=seed, policy="imitate", review_interval=1)
        assert firms[low]["theta"] == 0.25
        assert firms[middle]["theta"] == 0.625
        assert firms[high]["theta"] == 0.875


def test_an_imitator_reads_a_firm_that_is_about_to_leave():
    seed = _seed_where(lambda seed: looked_at(seed, 0, 2) == 1)
    leaving = STILL | {"theta": 0.75, "R_smoothed": 2.0, "F": 0.0}
    result = run(STILL | {"theta": 0.25, "F": 4.0}, leaving, seed=seed, policy="imitate", review_interval=1, runway=4.0)
    assert result.firms["theta"].tolist() == [0.5]
    assert result.steps["exits"].tolist() == [1]


def test_imitators_do_not_look_into_other_sectors():
    sectors = [{"name": "market", "demand_share": 1}, {"name": "other", "demand_share": 1}]
    rows = [STILL | {"theta": 0.25}, STILL | {"theta": 0.75, "R_smoothed": 9.0, "sector": "other"}]
    for seed in range(6):
        firms = after(*rows, seed=seed, policy="imitate", review_interval=1, sectors=sectors)
        assert [firm["theta"] for firm in firms] == [0.25, 0.75]


# ------------------------------------------------------------------------------------------ turnover

SLOTS = 10_000


def entrants(row=STILL, seed=4, **changes):
    """The firms that enter beside one firm into a market of many slots, in one step."""
    result = run(row, seed=seed, **({"capacity": SLOTS + 1} | changes))
    assert result.steps["entries"].tolist() == [len(result.firms[result.firms.id > 0])]
    return result.firms[result.firms.id > 0]


@pytest.mark.parametrize(
    ("entry_rate", "mean_return", "probability"), [(0.125, 1.0, 0.125), (0.125, 2.0, 0.25), (0.5, 0.5, 0.25)]
)
def test_a_vacant_slot_fills_with_entry_rate_times_the_sectors_mean_return_of_the_start(
    entry_rate, mean_return, probability
):
    found = entrants(STILL | {"R": mean_return}, entry_rate=entry_rate)
    assert within_4_se(len(found) / SLOTS, probability, math.sqrt(probability * (1.0 - probability) / SLOTS))


def test_entry_probability_is_at_most_one_and_zero_without_profit_or_rate():
    assert len(entrants(entry_rate=1e9)) == SLOTS
    assert len(entrants(STILL | {"R": 0.0}, entry_rate=1e9)) == 0
    assert len(entrants(entry_rate=0.0)) == 0


def test_an_empty_sector_draws_entry_as_if_it_broke_even():
    sectors = [{"name": "market", "demand_share": 1}, {"name": "empty", "demand_share": 1}]
    result = run(STILL | {"R": 3.0}, seed=4, capacity=2 * SLOTS, entry_rate=0.125, sectors=sectors)
    entries = result.sectors.set_index("sector")["entries"]
    for sector, slots, p in (("market", SLOTS - 1, 0.375), ("empty", SLOTS, 0.125)):
        assert within_4_se(entries[sector] / slots, p, math.sqrt(p * (1.0 - p) / slots))


def test_a_slot_that_is_vacated_fills_from_the_next_step_on():
    result = run(STILL | {"F": 0.0}, steps=2, runway=8.0, entry_rate=1e9)
    assert result.steps[["firms", "entries", "exits"]].to_numpy().tolist() == [[0, 0, 1], [1, 1, 0]]
    assert result.firms["id"].tolist() == [1]


def test_entrants_start_at_the_medians_with_momentum_and_whole_funds():
    settings = {"T0": 2.0, "C0": 3.0, "R0": 1.5, "k1": 0.25, "k2": 0.5, "k3": 0.75, "monetisation": 2.0}
    found = entrants(entry_rate=1e9, runway=8.0, initial_momentum=0.5, **settings)
    expected = settings | {"k3": 1.5, "T": 3.0, "C": 4.5, "P": 2.25, "R": 2.25, "Q": 3.0, "F": 8.0}
    expected |= {"R_smoothed": 2.25, "R_reviewed": 2.25, "theta": 0.5, "omega": 0.5, "age": 0}
    for name, value in expected.items():
        if name != "monetisation":
            assert (found[name] == value).all(), name


def test_entrants_catch_up_with_the_sectors_mean_technology_of_the_start():
    # T0 = (1 - ι)·1 + ι·5 with ι = 0.25; the incumbent's T' is 1
    found = entrants(STILL | {"T": 5.0}, entry_rate=1e9, entrant_catch_up=0.25, initial_momentum=0.5)
    assert (found["T0"] == 2.0).all()
    assert (found["T"] == 3.0).all()
    assert (found["C0"] == 1.0).all()
    assert (entrants(STILL | {"T": 5.0}, entry_rate=1e9)["T0"] == 1.0).all()


def test_entrants_of_an_empty_sector_have_nothing_to_catch_up_with():
    sectors = [{"name": "market", "demand_share": 1}, {"name": "empty", "demand_share": 1}]
    firms = run(STILL | {"T": 5.0}, capacity=20, entry_rate=1e9, entrant_catch_up=1.0, sectors=sectors).firms
    assert set(firms["T0"][firms.sector == "empty"]) == {1.0}
    assert set(firms["T0"][(firms.sector == "market") & (firms.id > 0)]) == {5.0}


def test_catch_up_weighs_the_draw_against_the_mean():
    settings = {"entry_rate": 1e9, "heterogeneity": 0.5}
    drawn, mixed = entrants(**settings), entrants(STILL | {"T": 5.0}, entrant_catch_up=0.25, **settings)
    np.testing.assert_allclose(mixed["T0"], 0.75 * drawn["T0"] + 0.25 * 5.0, rtol=1e-12)
    for name in ("C0", "R0", "k1", "k2", "k3"):
        assert mixed[name].tolist() == drawn[name].tolist()


@pytest.mark.parametrize(("base", "firms", "customers"), [(0.5, 1, 4.0), (2.0, 1, 16.0), (0.5, 2, 2.0)])
def test_entrants_bring_a_multiple_of_the_demand_per_firm(base, firms, customers):
    result = run(*[STILL] * firms, capacity=5, entry_rate=1e9, entrant_base=base, market_size=8.0)
    assert set(result.firms["B"][result.firms.id >= firms]) == {customers}


def test_entrants_of_an_empty_sector_bring_their_multiple_of_its_demand():
    sectors = [{"name": "market", "demand_share": 0.75}, {"name": "empty", "demand_share": 0.25}]
    firms = run(STILL, capacity=8, entry_rate=1e9, entrant_base=0.5, market_size=8.0, sectors=sectors).firms
    assert set(firms["B"][firms.sector == "empty"]) == {1.0}


def test_entrants_choose_strategies_by_weight_and_directions_by_even_odds():
    strategies = [
        {"name": "balanced", "technology_weight": 0.5, "weight": 1.0},
        {"name": "never", "technology_weight": 0.5, "weight": 0.0},
        {"name": "often", "technology_weight": 0.75, "optimisation_weight": 0.25, "weight": 3.0},
    ]
    found = entrants(entry_rate=1e9, strategies=strategies)
    often = found.strategy == "often"
    assert within_4_se(often.mean(), 0.75, math.sqrt(0.75 * 0.25 / SLOTS))
    assert "never" not in set(found.strategy)
    assert set(found["theta"][often]) == {0.75}
    assert set(found["omega"][often]) == {0.25}
    assert within_4_se(found["direction"].mean(), 0.0, 1.0 / math.sqrt(SLOTS))
    assert set(found["direction"]) == {-1, 1}
    assert within_4_se(np.corrcoef(often, found["direction"])[0, 1], 0.0, 1.0 / math.sqrt(SLOTS))
    few = entrants(entry_rate=0.25, strategies=strategies)  # who enters tells nothing of strategy and direction
    assert within_4_se(few["direction"].mean(), 0.0, 1.0 / math.sqrt(len(few)))
    assert within_4_se((few.strategy == "often").mean(), 0.75, math.sqrt(0.75 * 0.25 / len(few)))


def test_entrants_act_from_the_step_after_their_entry():
    result = run(STILL, steps=2, capacity=2, entry_rate=1e9, initial_momentum=0.5)
    entrant = result.firms.iloc[1]
    # k3 = 0.9, T = 1.5: P' = 1 + 0.9·1.5·0.5
    assert (entrant["age"], entrant["P"]) == (1, near(1.675))


@pytest.mark.parametrize(
    ("row", "lives"),
    [
        # in `increment` T' = T + k1·C and so on; 1e9 itself is still within
        ({"T": 1e9, "k1": 0.0}, True),
        ({"T": 1e9, "k1": 0.5}, False),
        ({"C": 1e9, "k1": 0.0, "k2": 0.0}, True),
        ({"C": 1e9, "k1": 0.0, "k2": 0.5}, False),
        ({"P": 1e9, "k3": 0.0}, True),
        ({"P": 1e9, "k3": 0.5}, False),
        ({"Q": 1e9}, True),
    ],
)
def test_a_firm_diverges_beyond_a_billion(row, lives):
    result = run(row, reading="increment")
    assert result.steps[["firms", "exits", "diverged"]].to_numpy().tolist() == [[lives, not lives, not lives]]
    assert result.lives["reason"].tolist() == [None if lives else "diverged"]


def test_a_firm_that_fails_and_diverges_has_diverged():
    result = run(STILL | {"C": 1e5, "k1": 1.0, "F": 0.0}, runway=8.0)
    assert result.steps[["firms", "exits", "diverged"]].to_numpy().tolist() == [[0, 1, 1]]
    assert result.lives["reason"].tolist() == ["diverged"]


def test_a_large_realised_return_alone_does_not_diverge():
    (firm,) = after(STILL | {"R0": 1e5}, variable_cost_share=0.0, market_size=1e6)
    assert firm["R"] == 1e11


# ------------------------------------------------------------------------------------------ sectors and starts


def demands(steps, **changes):
    return run({}, steps=steps, **changes).sectors["demand"].tolist()


def test_demand_grows_after_each_step():
    assert demands(3, demand_growth=0.25, market_size=16.0) == [16.0, 20.0, 25.0]
    assert demands(3, demand_growth=-0.5, market_size=16.0) == [16.0, 8.0, 4.0]
    assert demands(3, market_size=0.3) == [0.3, 0.3, 0.3]


def test_customers_choose_by_the_demand_of_their_step():
    result = run({}, steps=3, demand_growth=0.25, market_size=16.0)
    assert result.firms["B"].tolist() == [25.0]


def test_demand_is_held_between_its_bounds():
    assert demands(3, demand_growth=1.0, market_size=4e11) == [4e11, 8e11, 1e12]
    assert demands(3, demand_growth=-0.999, market_size=1e-5) == [1e-5, near(1e-8), 1e-9]


def test_demand_is_held_between_its_bounds_at_the_start():
    sectors = [{"name": "market", "demand_share": 1.0}, {"name": "unwanted", "demand_share": 0.0}]
    assert demands(1, sectors=sectors, market_size=1e12) == [1e12, 1e-9]


def test_demand_shares_are_weights():
    sectors = [{"name": "market", "demand_share": 30.0}, {"name": "other", "demand_share": 10.0}]
    assert demands(1, sectors=sectors, market_size=8.0) == [6.0, 2.0]


def test_monetisation_multiplies_what_technology_returns():
    # the scenario's k3 = 0.5 becomes 1: P' = 1 + 1·1.5·0.5
    scenario = Scenario().neutral().replace(capacity=3, steps=1, k3=0.5, monetisation=2.0, initial_momentum=0.5)
    firms = simulate(scenario).firms
    assert set(firms["k3"]) == {1.0}
    assert set(firms["P"]) == {1.75}
    firms = simulate(scenario.replace(monetisation=1.0)).firms
    assert set(firms["k3"]) == {0.5}
    assert set(firms["P"]) == {1.375}


def test_monetisation_is_the_firms_own_sectors():
    sectors = [
        {"name": "a", "demand_share": 1, "monetisation": 2.0},
        {"name": "b", "demand_share": 1, "monetisation": 0.5},
    ]
    firms = simulate(Scenario(capacity=4, steps=1, k3=1.0, sectors=sectors).replace(heterogeneity=0.0)).firms
    assert dict(zip(firms.sector, firms.k3, strict=True)) == {"a": 2.0, "b": 0.5}


def test_initial_momentum_starts_firms_above_their_baselines():
    scenario = Scenario(T0=2.0, C0=4.0, R0=0.5, capacity=3, steps=1).neutral()
    for momentum in (0.0, 0.25, -0.5):
        start = simulate(scenario.replace(initial_momentum=momentum), panel=1).panel
        start = start[start.step == 0]
        for name, baseline in (("T", 2.0), ("C", 4.0), ("R", 0.5)):
            assert set(start[name]) == {baseline * (1.0 + momentum)}


def test_heterogeneity_is_the_spread_of_the_logarithms_of_all_traits():
    n = 10_000
    medians = {"T0": 2.0, "C0": 4.0, "R0": 0.5, "k1": 0.1, "k2": 0.2, "k3": 0.3}
    scenario = Scenario(capacity=n, steps=1, **medians).neutral()
    firms = simulate(scenario.replace(heterogeneity=0.25), 6).firms
    logs = np.log(firms[list(medians)].to_numpy() / np.array(list(medians.values())))
    assert all(within_4_se(mean, 0.0, 0.25 / math.sqrt(n)) for mean in logs.mean(axis=0))
    assert all(within_4_se(sd, 0.25, 0.25 / math.sqrt(2 * n)) for sd in logs.std(axis=0))
    correlations = np.corrcoef(logs, rowvar=False)[np.triu_indices(6, 1)]
    assert all(within_4_se(correlation, 0.0, 1.0 / math.sqrt(n)) for correlation in correlations)
    firms = simulate(scenario, 6).firms
    for name, median in medians.items():
        assert set(firms[name]) == {median}
