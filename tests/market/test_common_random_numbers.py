"""Draws belong to seed, process, sector, place and step: what else changes shifts nobody's draws."""

import math

import numpy as np
import pandas as pd
import pytest

from abm import Scenario, simulate

TRAITS = ["T0", "C0", "R0", "k1", "k2", "k3"]
SECTORS = [{"name": "a", "demand_share": 0.5}, {"name": "b", "demand_share": 0.5}]
# Firms that differ and never fail.
PLAIN = Scenario(capacity=40, steps=1, runway=math.inf, sectors=SECTORS).replace(demand_growth=0.0)
# Firms whose targets are their baselines: T' = T0·(1 + s_T·ε1) and C' = C0·(1 + s_C·ε2), so the panel shows the draws.
SHOCKED = PLAIN.neutral().replace(
    k1=0.0, k2=0.0, k3=0.0, technology_noise=0.01, competitiveness_noise=0.01, steps=6
)  # fmt: skip


def by_place(frame, scenario, columns, key="slot"):
    """Rows by (sector, place within the sector's slots)."""
    shares = np.array([sector.demand_share for sector in scenario.sectors])
    slots = np.floor(shares / shares.sum() * scenario.capacity + 1e-9).astype(int)  # the test's capacities split evenly
    assert slots.sum() == scenario.capacity
    first = dict(zip([sector.name for sector in scenario.sectors], np.cumsum(slots) - slots, strict=True))
    places = frame["slot"] - frame["sector"].map(first)
    return frame.set_index([frame["sector"], places.rename("place")])[columns]


def traits(scenario, seed=3, columns=TRAITS):
    return by_place(simulate(scenario, seed).firms, scenario, columns)


def shocks(scenario, seed=3, firms=None):
    """T and C of every firm at every step, by id."""
    panel = simulate(scenario, seed, firms=firms, panel=1).panel
    return panel.set_index(["step", "id"])[["T", "C"]]


def assert_common_rows_equal(one, other):
    common = one.index.intersection(other.index)
    assert len(common) >= min(len(one), len(other))  # the smaller one is a part of the larger one
    pd.testing.assert_frame_equal(one.loc[common], other.loc[common], check_exact=True)


# Parameters that act on no draw and, in SHOCKED, on neither T nor C.
OTHERS = {
    "network_effect": 1.0, "churn": 0.3, "variable_cost_share": 0.2, "technology_cost": 3.0,
    "innovation_drag": 2.0, "stress_response": 1.0, "outside_capital": 4.0, "optimisation_speed": 0.2,
    "quality_decay": 0.5, "return_speed": 0.3, "learning_step": 0.2, "review_interval": 2, "market_size": 7.0,
    "demand_growth": 0.1, "monetisation": 3.0, "competitiveness_elasticity": 4.0, "quality_elasticity": 4.0,
    "funds_cap": 2.0, "technology_ceiling": 2.0, "optimisation_weight": 0.9, "technology_weight": 0.9,
    "policy": "imitate", "entrant_base": 3.0,
}  # fmt: skip


@pytest.mark.parametrize("parameter", OTHERS)
def test_a_parameter_that_acts_on_no_draw_shifts_none(parameter):
    changed = {parameter: OTHERS[parameter]}
    pd.testing.assert_frame_equal(shocks(SHOCKED), shocks(SHOCKED.replace(**changed)), check_exact=True)
    columns = [trait for trait in TRAITS if (trait, parameter) != ("k3", "monetisation")]
    pd.testing.assert_frame_equal(
        traits(PLAIN, columns=columns), traits(PLAIN.replace(**changed), columns=columns), check_exact=True
    )


def test_draws_differ_between_firms_sectors_steps_processes_and_seeds():
    shown = shocks(SHOCKED).loc[1:] - 1.0
    values = shown.to_numpy().ravel() / 0.01
    assert len(set(values)) == len(values) == 40 * 6 * 2
    assert abs(values.mean()) < 4.0 / math.sqrt(len(values))
    drawn = np.log(traits(PLAIN.replace(k3=1.0, k2=1.0, k1=1.0)).to_numpy().ravel()) / 0.2
    assert len(set(drawn)) == len(drawn) == 40 * 6
    assert not set(values) & set(drawn)
    assert not set(values) & set((shocks(SHOCKED, seed=4).loc[1:].to_numpy().ravel() - 1.0) / 0.01)


def test_the_size_of_noise_scales_the_same_draws():
    small, large = shocks(SHOCKED).loc[1:] - 1.0, shocks(SHOCKED.replace(technology_noise=0.02)).loc[1:] - 1.0
    np.testing.assert_allclose(large["T"], 2.0 * small["T"], rtol=1e-9)
    assert large["C"].tolist() == small["C"].tolist()


def test_heterogeneity_scales_the_same_draws():
    small, large = (
        np.log(traits(PLAIN) / traits(PLAIN.replace(heterogeneity=0.0))),
        traits(PLAIN.replace(heterogeneity=0.4)),
    )
    np.testing.assert_allclose(np.log(large / traits(PLAIN.replace(heterogeneity=0.0))), 2.0 * small, rtol=1e-9)


@pytest.mark.parametrize("capacity", [42, 60, 2000])
def test_another_capacity_shifts_no_firms_draws(capacity):
    roomy = PLAIN.replace(capacity=capacity)
    assert_common_rows_equal(
        traits(PLAIN, columns=TRAITS + ["direction"]), traits(roomy, columns=TRAITS + ["direction"])
    )
    few = PLAIN.replace(initial_firms=40, capacity=capacity)  # the same firms in more slots
    assert_common_rows_equal(traits(PLAIN), traits(few))
    pd.testing.assert_frame_equal(
        shocks(SHOCKED), shocks(SHOCKED.replace(capacity=capacity, initial_firms=40)), check_exact=True
    )


def test_another_sectors_size_shifts_no_firms_draws():
    # sector a keeps its 20 slots while b grows to 60: places in b go on, ids of b as well
    grown = PLAIN.replace(capacity=80, **{"sectors.a.demand_share": 0.25, "sectors.b.demand_share": 0.75})
    assert_common_rows_equal(traits(PLAIN), traits(grown))
    larger = SHOCKED.replace(capacity=80, **{"sectors.a.demand_share": 0.25, "sectors.b.demand_share": 0.75})
    assert_common_rows_equal(shocks(SHOCKED), shocks(larger))


def test_the_size_of_an_earlier_sector_shifts_no_firms_draws():
    # b keeps its 20 slots but all of them move: a grows to 60
    grown = PLAIN.replace(capacity=80, **{"sectors.a.demand_share": 0.75, "sectors.b.demand_share": 0.25})
    assert_common_rows_equal(traits(PLAIN), traits(grown))
    larger = SHOCKED.replace(capacity=80, **{"sectors.a.demand_share": 0.75, "sectors.b.demand_share": 0.25})
    in_b, moved = shocks(SHOCKED), shocks(larger)
    for step in range(1, 7):
        assert in_b.loc[step].iloc[20:].to_numpy().tolist() == moved.loc[step].iloc[60:].to_numpy().tolist()
        assert in_b.loc[step].iloc[:20].to_numpy().tolist() == moved.loc[step].iloc[:20].to_numpy().tolist()


def test_a_further_sector_shifts_no_firms_draws():
    third = PLAIN.replace(capacity=60, sectors=[*PLAIN.sectors, {"name": "c", "demand_share": 0.5}])
    assert_common_rows_equal(traits(PLAIN), traits(third))


def test_strategies_are_dealt_to_the_same_places_whatever_happens_in_other_sectors():
    strategies = [{"name": name, "technology_weight": 0.5} for name in ("one", "two", "three")]
    dealt = PLAIN.replace(strategies=strategies)
    grown = dealt.replace(capacity=80, **{"sectors.a.demand_share": 0.25, "sectors.b.demand_share": 0.75})
    one, other = traits(dealt, columns=["strategy"]), traits(grown, columns=["strategy"])
    pd.testing.assert_frame_equal(one.loc[["a"]], other.loc[["a"]])
    assert one.loc["a"]["strategy"].tolist() != sorted(one.loc["a"]["strategy"])  # shuffled


def test_entries_shift_no_draws_of_firms_that_are_there():
    quiet = SHOCKED.replace(initial_firms=20)
    lively = quiet.replace(entry_rate=0.3)
    result = simulate(lively, 3)
    assert result.steps["entries"].sum() > 10
    alone, among = shocks(quiet), shocks(lively)
    pd.testing.assert_frame_equal(alone, among[among.index.get_level_values("id") < 20], check_exact=True)


def _incumbents(failing):
    """Thirty firms from a table, some of which fail at the first step."""
    row = {"sector": "a", "strategy": "balanced", "k1": 0.0, "k2": 0.0, "k3": 0.0, "R0": 1.0, "F": 9.0}
    return pd.DataFrame([row | ({"F": 0.0, "R0": 0.5} if place in failing else {}) for place in range(30)])


def test_exits_shift_no_draws_of_firms_that_stay():
    scenario = SHOCKED.replace(runway=9.0)
    without, with_exits = (shocks(scenario, firms=_incumbents(failing)) for failing in ((), (3, 4, 17)))
    assert len(with_exits.loc[6]) == 27
    assert_common_rows_equal(without, with_exits)


def _entrants(scenario, seed=3):
    """Traits of entrants by (sector, place, step of entry); R stays 1, so a vacant slot fills with the entry rate."""
    firms = simulate(scenario, seed).firms
    entered = by_place(firms, scenario, TRAITS + ["direction", "strategy"]).assign(
        step=(scenario.steps - firms["age"]).to_numpy()
    )
    return entered[(firms["age"] < scenario.steps).to_numpy()].set_index("step", append=True)


ENTERED = PLAIN.replace(
    k3=0.0, R0=1.0, variable_cost_share=1.0, technology_cost=0.0, initial_firms=2, entry_rate=0.1, steps=12,
    heterogeneity=0.0, entrant_catch_up=0.0,
    strategies=[{"name": "one", "technology_weight": 0.5}, {"name": "two", "technology_weight": 0.5}],
)  # fmt: skip


def test_entrants_come_to_the_same_slots_at_the_same_steps_whatever_else_changes():
    entered = _entrants(ENTERED)
    assert len(entered) > 20
    for changes in (
        {"churn": 0.9},
        {"network_effect": 0.0},
        {"technology_noise": 0.2},
        {"entrant_base": 2.0},
        {"k1": 0.1},
    ):
        other = _entrants(ENTERED.replace(**changes))
        assert entered.index.equals(other.index)
        columns = [column for column in entered if column not in changes]
        pd.testing.assert_frame_equal(entered[columns], other[columns], check_exact=True)


def test_entrants_do_not_depend_on_capacity_or_on_another_sectors_size():
    entered = _entrants(ENTERED)
    assert_common_rows_equal(entered, _entrants(ENTERED.replace(capacity=60)))
    grown = ENTERED.replace(
        capacity=80, initial_firms=4, **{"sectors.a.demand_share": 0.25, "sectors.b.demand_share": 0.75}
    )
    assert_common_rows_equal(entered.loc[["a"]], _entrants(grown).loc[["a"]])


def test_an_entrants_traits_do_not_depend_on_who_else_has_entered():
    # fewer enter at a lower rate; who enters the same slot at the same step is the same firm
    many = ENTERED.replace(entry_rate=0.1, R0=1.0, heterogeneity=0.0)
    few = many.replace(entry_rate=0.05)
    one, other = _entrants(many.replace(heterogeneity=0.2)), _entrants(few.replace(heterogeneity=0.2))
    common = one.index.intersection(other.index)
    assert 3 < len(common) < len(one)
    pd.testing.assert_frame_equal(one.loc[common], other.loc[common], check_exact=True)
    assert one["T0"].nunique() == len(one)


def test_the_draws_of_an_entrant_are_those_of_its_slot():
    # at step 2 and later the entrants of a roomy market are shocked as the initial firms of a full one are
    full = SHOCKED
    refilled = SHOCKED.replace(initial_firms=2, entry_rate=1e9)
    full_firms, late_firms = simulate(full, 3).firms, simulate(refilled, 3).firms
    one, other = by_place(full_firms, full, ["T", "C"]), by_place(late_firms, refilled, ["T", "C"])
    pd.testing.assert_frame_equal(one.sort_index(), other.sort_index(), check_exact=True)


def test_imitators_look_at_the_same_places_whatever_another_sectors_size():
    imitating = PLAIN.replace(policy="imitate", review_interval=1, steps=1, network_effect=0.0, variable_cost_share=1.0)
    imitating = imitating.replace(
        strategies=[
            {"name": "low", "technology_weight": 0.25, "policy": "imitate"},
            {"name": "high", "technology_weight": 0.75, "policy": "imitate"},
        ]
    )
    for same, share in (("a", 0.25), ("b", 0.75)):  # the other sector grows to 60 slots, behind it or before it
        shares = {"sectors.a.demand_share": share, "sectors.b.demand_share": 1.0 - share}
        grown = imitating.replace(capacity=80, **shares)
        one, other = traits(imitating, columns=["theta"]).loc[same], traits(grown, columns=["theta"]).loc[same]
        pd.testing.assert_frame_equal(one, other, check_exact=True)
        assert one["theta"].nunique() == 3
