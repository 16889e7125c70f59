"""Mechanisms of the market by hand, as in `test_mechanisms`: customers, entry and exit, sectors and starts."""

import math

import numpy as np
import pytest

from abm import Scenario, simulate
from tests.one_step import STILL, after, near, run, within_4_se

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
