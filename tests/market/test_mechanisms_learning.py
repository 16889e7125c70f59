"""Mechanisms of learning by hand, as in `test_mechanisms`: adaptive firms and imitators."""

import math

import pandas as pd
import pytest

from abm import Scenario, simulate
from tests.markets import Draws
from tests.one_step import STILL, after, run, within_4_se

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
