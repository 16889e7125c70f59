"""The first firms of a market and its entrants: what new firms are like, and where they come."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abm import Scenario, simulate
from abm.numerics import randomness
from abm.numerics.randomness import normals, uniforms
from tests.quotas import closest_split, sectors_of

TRAITS = {"T0": 1.5, "C0": 0.8, "R0": 1.2, "k1": 0.6, "k2": 0.9, "k3": 0.4}
POLICIES = [("first", 0.8, 5.0), ("second", 0.2, 2.0), ("third", 0.5, 0.0), ("fourth", 0.4, 3.0)]
STRATEGIES = [{"name": name, "technology_weight": theta, "weight": weight} for name, theta, weight in POLICIES]


# ------------------------------------------------------------------------------------------------- the start


def population(firms=20_000, seed=11, **changes):
    """The firms of a start by draws."""
    values = {"capacity": firms, "steps": 1, "heterogeneity": 0.3, "strategies": STRATEGIES} | TRAITS
    result = simulate(Scenario(**(values | changes)), seed, panel=1, collect="light")
    return result, result.panel[result.panel["step"] == 0]


@pytest.fixture(scope="module")
def drawn():
    """The traits of 20,000 first firms that have not failed at the end of step 1, which is all of them."""
    result, _ = population()
    assert len(result.firms) == 20_000
    return result.firms


@pytest.mark.parametrize("trait", TRAITS)
def test_traits_are_lognormal_about_their_medians(drawn, trait):
    z = np.log(drawn[trait] / TRAITS[trait]) / 0.3
    assert stats.kstest(z, "norm").pvalue > 1e-3
    assert abs(np.median(z)) < 4 * math.sqrt(math.pi / 2) / math.sqrt(len(z))
    assert abs(z.std() - 1) < 4 / math.sqrt(2 * len(z))


def test_traits_are_independent_of_each_other_and_of_the_neighbours(drawn):
    z = np.log(drawn[list(TRAITS)])
    bound = 4 / math.sqrt(len(z))
    for one, other in itertools.combinations(TRAITS, 2):
        assert abs(np.corrcoef(z[one], z[other])[0, 1]) < bound
    for trait in TRAITS:
        assert abs(np.corrcoef(z[trait][1:], z[trait][:-1])[0, 1]) < bound


def test_directions_have_equal_odds(drawn):
    assert set(drawn["direction"]) == {-1, 1}
    assert stats.binomtest(int((drawn["direction"] == 1).sum()), len(drawn)).pvalue > 1e-3


def test_without_heterogeneity_all_firms_are_the_median_and_monetisation_scales_k3():
    sectors = [sector | {"monetisation": 1.0 + m} for m, sector in enumerate(sectors_of([1, 1]))]
    result, _ = population(40, heterogeneity=0.0, sectors=sectors)
    for trait, median in TRAITS.items():
        expected = [median * (1 if trait != "k3" or sector == "sector_0" else 2) for sector in result.firms["sector"]]
        np.testing.assert_allclose(result.firms[trait], expected, rtol=1e-15)


def test_monetisation_leaves_the_spread_of_k3_as_it_is():
    result, _ = population(10_000, sectors=sectors_of([1], monetisation=0.25))
    z = np.log(result.firms["k3"] / (0.25 * TRAITS["k3"])) / 0.3
    assert stats.kstest(z, "norm").pvalue > 1e-3


def test_strategies_are_dealt_by_exact_counts_in_shuffled_order():
    _, firms = population(1001)
    strategies = firms["strategy"].to_numpy()
    counts = {name: int((strategies == name).sum()) for name, _, _ in POLICIES}
    assert tuple(counts.values()) == closest_split([5, 2, 0, 3], 1001)
    places = np.unique(strategies, return_inverse=True)[1]
    # As many changes from a slot to the next as in a random order, not the two of a sorted one.
    odds = np.array([count for count in counts.values() if count]) / 1001
    expected = 1000 * (1 - np.sum(odds**2))
    assert abs(np.sum(np.diff(places) != 0) - expected) < 4 * math.sqrt(expected)
    # Each strategy's slots are spread evenly.
    for name, count in counts.items():
        if count:
            slots = np.flatnonzero(strategies == name)
            assert abs(slots.mean() - 500) < 4 * 1001 / math.sqrt(12 * count)
    _, other = population(1001, seed=12)
    assert (other["strategy"].to_numpy() != strategies).any()


def test_every_order_of_a_small_deal_is_about_as_frequent():
    members = [{"name": name, "technology_weight": 0.5, "weight": 1} for name in "abc"]
    scenario = Scenario(capacity=3, steps=1, strategies=members)
    orders = ["".join(simulate(scenario, seed, collect="light").firms["strategy"]) for seed in range(1200)]
    counts = pd.Series(orders).value_counts()
    assert len(counts) == 6
    assert stats.chisquare(counts).pvalue > 1e-3


def test_first_firms_take_the_first_slots_of_their_sector_and_are_numbered_in_slot_order():
    scenario = Scenario(
        capacity=50, initial_firms=31, steps=1, entry_rate=0.0, runway=math.inf, sectors=sectors_of([2, 5, 3])
    )
    firms = simulate(scenario, 3).firms
    slots, homes = closest_split([2, 5, 3], 50), closest_split([2, 5, 3], 31)
    starts = [0, slots[0], slots[0] + slots[1]]
    expected = [(start + i, f"sector_{m}") for m, start in enumerate(starts) for i in range(homes[m])]
    assert firms["id"].tolist() == list(range(31))
    assert list(zip(firms["slot"], firms["sector"], strict=True)) == expected


def test_a_first_firm_starts_with_momentum_a_fair_part_of_demand_and_a_full_purse():
    sectors = sectors_of([1, 3])
    scenario = Scenario(
        steps=1, capacity=40, market_size=100.0, initial_momentum=0.25, runway=6.0, sectors=sectors, **TRAITS
    )
    result = simulate(scenario, 8, panel=1)
    start = result.panel[result.panel["step"] == 0].set_index("id")
    traits = result.firms.set_index("id")
    for x, x0 in (("T", "T0"), ("C", "C0"), ("R", "R0")):
        np.testing.assert_allclose(start[x], 1.25 * traits[x0], rtol=1e-14)
    assert (start["F"] == 6.0).all()
    np.testing.assert_allclose(start.loc[start["sector"] == "sector_0", "B"], 100.0 * 0.25 / 10, rtol=1e-14)
    np.testing.assert_allclose(start.loc[start["sector"] == "sector_1", "B"], 100.0 * 0.75 / 30, rtol=1e-14)
    assert (start["theta"] == 0.5).all()


def test_traits_are_the_keyed_draws_of_the_firms_place():
    result, _ = population(30, seed=77, heterogeneity=0.5, sectors=sectors_of([1, 2]))
    for firm in result.firms.itertuples():
        sector = int(firm.sector[-1])
        place = firm.slot - 10 * sector
        processes = (randomness.BASELINES, randomness.RETURN_AND_K1, randomness.K2_AND_K3)
        z = [number for process in processes for number in normals(77, process, sector, place, 0)]
        for (trait, median), noise in zip(TRAITS.items(), z, strict=True):
            assert getattr(firm, trait) == pytest.approx(median * math.exp(0.5 * noise), rel=1e-14)
        direction = -1 if uniforms(77, randomness.DIRECTION, sector, place, 0)[0] < 0.5 else 1
        assert firm.direction == direction


# ------------------------------------------------------------------------------------------------- entrants


def test_entrants_are_as_worked_out_by_hand():
    seed, share, h = 5, (0.25, 0.75), 0.4
    scenario = Scenario(
        steps=1,
        capacity=40,
        initial_firms=12,
        market_size=80.0,
        entry_rate=1e9,
        entrant_base=0.3,
        entrant_catch_up=0.6,
        heterogeneity=h,
        initial_momentum=0.2,
        runway=9.0,
        sectors=sectors_of(share, monetisation=1.5),
        strategies=STRATEGIES,
        **TRAITS,
    )
    result = simulate(scenario, seed, panel=1)
    start = result.panel[result.panel["step"] == 0]
    entrants = result.firms[result.firms["id"] >= 12]
    assert entrants["id"].tolist() == list(range(12, 40))
    assert entrants["slot"].is_monotonic_increasing
    theta_of = {name: theta for name, theta, _ in POLICIES}
    for firm in entrants.itertuples():
        m = int(firm.sector[-1])
        place, residents = firm.slot - 10 * m, start[start["sector"] == firm.sector]
        z = [
            number
            for process in (randomness.BASELINES, randomness.RETURN_AND_K1, randomness.K2_AND_K3)
            for number in normals(seed, process, m, place, 1)
        ]
        draws = {name: TRAITS[name] * math.exp(h * noise) for name, noise in zip(TRAITS, z, strict=True)}
        T0 = 0.4 * draws["T0"] + 0.6 * residents["T"].mean()
        assert pytest.approx(T0, rel=1e-13) == firm.T0
        for name in ("C0", "R0", "k1", "k2"):
            assert getattr(firm, name) == pytest.approx(draws[name], rel=1e-13)
        assert firm.k3 == pytest.approx(1.5 * draws["k3"], rel=1e-13)
        assert pytest.approx(1.2 * T0, rel=1e-13) == firm.T == firm.Q
        assert pytest.approx(1.2 * firm.C0, rel=1e-14) == firm.C
        assert pytest.approx(1.2 * firm.R0, rel=1e-14) == firm.P
        assert firm.P == firm.R == firm.R_smoothed == firm.R_reviewed
        assert pytest.approx(0.3 * 80.0 * share[m] / len(residents), rel=1e-14) == firm.B
        assert (firm.F, firm.age, firm.theta, firm.omega) == (9.0, 0, theta_of[firm.strategy], 0.5)
        # The second number of the entry's pair falls into the strategies' weights 5, 2, 0, 3.
        u = 10 * uniforms(seed, randomness.ENTRY, m, place, 1)[1]
        assert firm.strategy == ("first" if u < 5 else "second" if u < 7 else "fourth")


def test_entrants_of_an_empty_sector_learn_from_nobody_and_share_its_demand_with_nobody():
    scenario = Scenario(
        steps=1,
        capacity=20,
        initial_firms=1,
        market_size=50.0,
        entry_rate=1.0,
        entrant_base=0.5,
        heterogeneity=0.0,
        entrant_catch_up=1.0,
        sectors=sectors_of([3, 2]),
        **TRAITS,
    )
    firms = simulate(scenario, 2).firms
    empty = firms[firms["sector"] == "sector_1"]
    assert len(empty) == 8  # an empty sector counts as a return of 1, so all slots fill
    assert (empty["T0"] == TRAITS["T0"]).all()
    assert empty["B"].tolist() == [0.5 * 50.0 * 0.4] * 8


def test_entrants_follow_strategies_by_their_weights():
    scenario = Scenario(
        steps=1, capacity=20_001, initial_firms=1, entry_rate=1e9, strategies=STRATEGIES, runway=math.inf
    )
    firms = simulate(scenario, 9, collect="light").firms
    counts = firms.loc[firms["id"] > 0, "strategy"].value_counts()
    assert counts.sum() == 20_000
    assert "third" not in counts
    observed = [counts[name] for name in ("first", "second", "fourth")]
    assert stats.chisquare(observed, [10_000, 4_000, 6_000]).pvalue > 1e-3


def test_vacant_slots_fill_at_the_entry_rate_times_the_sectors_mean_return():
    scenario = Scenario(
        steps=1, capacity=20_000, initial_firms=10, entry_rate=0.2, R0=1.5, heterogeneity=0.0, runway=math.inf
    )
    entries = int(simulate(scenario, 10, collect="light").steps["entries"].iloc[0])
    assert stats.binomtest(entries, 19_990, 0.2 * 1.5).pvalue > 1e-3
