"""Firm tables: what is filled in, where the firms are put, and the size of their market."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.agents.model import MarketModel
from abm.market.arrays import allocate
from abm.market.entrants import draw_population
from abm.market.firms import FIRM, FIRM_ROWS
from abm.market.setup import layout_for, layout_of, parameters_of
from abm.scenario.parameters import FIRM_COLUMNS
from abm.scenario.scenario import Scenario
from abm.simulation.firm_table import place_table, read_firm_table, scenario_for
from abm.simulation.simulate import simulate
from abm.simulation.simulate_many import simulate_many
from abm.sweeps.design.design import Design
from tests.firm_tables import ROWS, SCENARIO, file, frame, read, refusal

# --- what is filled in --------------------------------------------------------------------------------


def test_what_a_table_leaves_out_is_what_a_draw_without_noise_would_give():
    table = read(pd.DataFrame({"sector": ["retail", "enterprise", "retail"], "strategy": ["bold", "calm", "calm"]}))
    assert (table.sectors.tolist(), table.sectors.dtype) == ([0, 1, 0], np.int64)
    assert (table.values.shape, table.values.dtype) == ((FIRM_ROWS, 3), np.float64)
    expected = {
        "T0": [2, 2, 2], "C0": [3, 3, 3], "R0": [1.5, 1.5, 1.5],
        "k1": [0.4, 0.4, 0.4], "k2": [0.6, 0.6, 0.6], "k3": [0.4, 1.6, 0.4],
        "theta": [0.8, 0.3, 0.3], "omega": [0.6, 0.5, 0.5],
        "T": [2.5, 2.5, 2.5], "C": [3.75, 3.75, 3.75], "P": [1.875, 1.875, 1.875], "R": [1.875, 1.875, 1.875],
        "Q": [2.5, 2.5, 2.5], "B": [1.125, 0.75, 1.125], "F": [6, 6, 6], "direction": [1, 1, 1],
        "age": [0, 0, 0], "R_smoothed": [1.875, 1.875, 1.875], "R_reviewed": [1.875, 1.875, 1.875],
    }  # fmt: skip
    assert {name: table.values[row].tolist() for name, row in ROWS.items()} == expected
    assert table.values[FIRM.strategy].tolist() == [0, 1, 1]
    assert table.values[FIRM.id].tolist() == [0, 1, 2]
    assert table.values[FIRM.theta_entry].tolist() == [0.8, 0.3, 0.3]
    assert table.values[FIRM.omega_entry].tolist() == [0.6, 0.5, 0.5]
    assert not table.values[FIRM.id + 1 : FIRM.theta_entry].any()
    assert table.names == ["", "", ""]


def test_a_bare_table_starts_as_a_draw_without_noise_does():
    # The strategies have equal weight, so the draw deals one of each to a sector's two firms.
    scenario = SCENARIO.replace(heterogeneity=0, initial_firms=4, demand_share=1, capacity=4)
    layout = layout_of(scenario)
    drawn = allocate(layout, sums=0, lives=0)
    draw_population(drawn, parameters_of(scenario), layout, 1)
    strategies = [scenario.strategies[int(place)].name for place in drawn.firms[FIRM.strategy]]
    table = read(pd.DataFrame({"sector": ["retail"] * 2 + ["enterprise"] * 2, "strategy": strategies}), scenario)
    same = [row for row in range(FIRM_ROWS) if row != FIRM.direction]  # either direction with equal odds
    assert np.array_equal(drawn.firms[same], table.values[same])


@pytest.mark.parametrize(
    ("given", "follows"),
    [
        ({"T0": 4.0}, {"T": 5.0, "Q": 5.0}),
        ({"T": 7.0}, {"Q": 7.0, "T0": 2.0}),
        ({"T": 7.0, "Q": 6.0}, {"Q": 6.0}),
        ({"C0": 0.4}, {"C": 0.5}),
        ({"R0": 2.0}, {"R": 2.5, "P": 2.5, "R_smoothed": 2.5, "R_reviewed": 2.5}),
        ({"R": 4.0}, {"P": 4.0, "R_smoothed": 4.0, "R_reviewed": 4.0, "R0": 1.5}),
        ({"P": 4.0}, {"R": 1.875, "R_smoothed": 1.875}),
        ({"R_smoothed": 4.0}, {"R": 1.875, "R_reviewed": 1.875}),
        ({"k3": 0.7}, {"k3": 0.7}),
        ({"B": 0.0}, {"B": 1e-9}),
        ({"F": 1e300}, {"F": 1e300}),
    ],
)
def test_what_is_given_is_taken_as_it_is_and_defaults_follow_from_it(given, follows):
    table = read({name: [value] * 2 for name, value in given.items()})
    assert {name: table.values[ROWS[name], 1] for name in follows} == follows


@pytest.mark.parametrize("name", FIRM_COLUMNS)
def test_a_column_goes_to_its_row(name):
    values = {"age": [3, 8], "direction": [-1, 1]}.get(name, [0.25, 0.5])
    assert read({name: values}).values[ROWS[name]].tolist() == values


def test_a_market_size_that_is_set_makes_the_fair_share():
    table = read({"rows": 3}, SCENARIO.replace(market_size=80))
    assert table.values[FIRM.B].tolist() == [20.0] * 3


@pytest.mark.parametrize(("size", "base"), [(1e12, 5e11), (1e-12, 1e-9)])
def test_a_fair_share_is_held_within_the_bounds_of_customer_base_and_demand(size, base):
    scenario = Scenario(market_size=size)
    firms = pd.DataFrame({"sector": ["market"] * 2, "strategy": "balanced"})
    assert read_firm_table(firms, scenario).values[FIRM.B].tolist() == [base] * 2


def test_with_an_infinite_runway_the_funds_of_a_table_are_ignored():
    endless = SCENARIO.replace(runway=float("inf"))
    tables = [read(columns, endless) for columns in ({}, {"F": [1.0, 2.0]}, {"F": [np.inf, 0.0]})]
    assert all(np.isinf(table.values[FIRM.F]).all() for table in tables)
    assert tables[0].digest == tables[1].digest == tables[2].digest


def test_a_minus_zero_becomes_a_plain_zero():
    assert read({"k1": [-0.0, 0.0]}).digest == read({"k1": [0.0, 0.0]}).digest


# --- where the firms are put --------------------------------------------------------------------------


def placed(table, scenario: Scenario):
    scenario = scenario_for(scenario, table)
    layout = layout_for(np.bincount(table.sectors, minlength=len(scenario.sectors)), scenario)
    state = allocate(layout, sums=0, lives=0)
    state.firms[:], state.counters[:] = 99.0, (99,) * len(state.counters.dtype)  # of a market that was there before
    place_table(state, parameters_of(scenario), table, layout.slots)
    return state, layout


def test_firms_take_the_first_slots_of_their_sectors_in_order_of_id():
    table = read(frame(5, sector=["enterprise", "retail", "enterprise", "retail", "enterprise"], T=[1.0, 2, 3, 4, 5]))
    state, layout = placed(table, SCENARIO.replace(capacity=10))
    assert layout.slots.tolist() == [7, 3]
    assert state.firms[FIRM.id].tolist() == [1, 3, -1, -1, -1, -1, -1, 0, 2, 4]
    assert state.firms[FIRM.T].tolist() == [2, 4, 0, 0, 0, 0, 0, 1, 3, 5]
    assert (state.firms[FIRM.B] > 0).tolist() == [True] * 2 + [False] * 5 + [True] * 3
    assert state.sectors["demand"].tolist() == [3.75, 1.25]
    counters = {name: state.counters[name].tolist() for name in state.counters.dtype.names}
    seed = counters.pop("seed")  # is the market's, and not known here
    assert counters == {name: [5 if name in ("next_id", "initial_firms") else 0] for name in counters}
    assert seed == [99]


def test_vacant_slots_are_as_those_of_an_emptied_market():
    state, _ = placed(read({"rows": 1}), SCENARIO)
    vacant = state.firms[:, 1]
    expected = np.zeros(FIRM_ROWS)
    expected[FIRM.T0 : FIRM.R0 + 1], expected[FIRM.id] = 1.0, -1.0
    assert np.array_equal(vacant, expected)


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(1, 60))
def test_every_firm_has_one_slot_in_its_sector(sectors, capacity):
    scenario = Scenario(
        capacity=capacity, sectors=[{"name": f"s{place}", "demand_share": place + 1} for place in range(4)]
    )
    table = read_firm_table(
        pd.DataFrame({"sector": [f"s{place}" for place in sectors], "strategy": "balanced"}), scenario
    )
    state, layout = placed(table, scenario)
    ids = state.firms[FIRM.id]
    starts = np.cumsum(layout.slots) - layout.slots
    for sector, (start, slots) in enumerate(zip(starts, layout.slots, strict=True)):
        own = [float(number) for number, place in enumerate(sectors) if place == sector]
        assert ids[start : start + slots].tolist() == own + [-1.0] * (slots - len(own))
    assert np.array_equal(state.firms[:, ids >= 0], table.values[:, ids[ids >= 0].astype(int)])


@pytest.mark.parametrize(
    ("scenario", "rows", "expected"),
    [
        (Scenario(capacity=10), 3, (3, 10, 3.0)),
        (Scenario(capacity=2), 3, (3, 3, 3.0)),
        (Scenario(capacity=10, initial_firms=8), 3, (3, 10, 3.0)),
        (Scenario(capacity=10, market_size=70), 3, (3, 10, 70.0)),
        (Scenario(capacity=10, market_size=10), 3, (3, 10, 10.0)),
    ],
)
def test_a_scenario_makes_room_for_the_firms_of_a_table(scenario, rows, expected):
    table = read_firm_table(pd.DataFrame({"sector": ["market"] * rows, "strategy": "balanced"}), scenario)
    changed = scenario_for(scenario, table)
    assert (changed.initial_firms, changed.capacity, changed.market_size) == expected
    assert changed.is_set("market_size") == scenario.is_set("market_size")
    assert scenario_for(changed, table) == changed
    assert read_firm_table(frame(rows).assign(sector="market", strategy="balanced"), changed).digest == table.digest


# --- the size of its market ---------------------------------------------------------------------------


def test_bases_make_a_market_of_their_sum_unless_the_scenario_sets_one():
    bases = {"B": [30.0, 60.0]}
    assert scenario_for(SCENARIO, read(bases)).market_size == 90.0
    assert scenario_for(SCENARIO, read({})).market_size == 2.0
    sized = SCENARIO.replace(market_size=7)
    assert scenario_for(sized, read(bases, sized)).market_size == 7.0
    state, _ = placed(read(bases), SCENARIO)
    assert state.sectors["demand"].tolist() == [67.5, 22.5]


def test_every_way_to_start_from_a_table_meets_the_demand_of_its_bases(tmp_path):
    scenario = Scenario(capacity=4, steps=1)
    firms = pd.DataFrame({"sector": ["market"] * 2, "strategy": "balanced", "B": [30.0, 60.0]})
    path = file(tmp_path / "firms.csv", firms.to_csv(index=False))
    many = simulate_many([scenario], [0], firms=path)
    model = MarketModel(scenario, rng=0, firms=firms)
    model.step()
    text = 'scenario = "one.toml"\nfirms = "firms.csv"'
    (tmp_path / "one.toml").write_text(scenario.to_toml())
    design = Design.from_toml(text, folder=tmp_path)
    assert scenario_for(design.scenario, design.firms).market_size == 90.0
    for found in (simulate(scenario, firms=firms).outcomes, many.outcomes.iloc[0], model.outcomes()):
        assert found["mean_R"] == simulate(scenario.replace(market_size=90), firms=firms).outcomes["mean_R"]


def test_the_sum_of_the_bases_is_held_in_the_range_of_market_sizes():
    assert scenario_for(SCENARIO, read({"B": [1e12, 1e12]})).market_size == 1e12
    assert scenario_for(SCENARIO, read({"B": [0.0, 0.0]})).market_size == 1e-9


def test_a_share_is_a_part_of_the_demand_of_its_sector():
    firms = frame(3, sector=["retail", "retail", "enterprise"], share=[0.25, 0.5, 1.0])
    sized = SCENARIO.replace(market_size=80)
    assert read(firms, sized).values[FIRM.B].tolist() == [15.0, 30.0, 20.0]
    assert read(firms).values[FIRM.B].tolist() == [0.5625, 1.125, 0.75]
    assert read(firms.assign(B=1.0), sized).values[FIRM.B].tolist() == [1.0] * 3  # as in a run's own table


@pytest.mark.parametrize(
    ("share", "message"),
    [
        ([0.7, 0.4], "the shares in sector 'retail' sum to 1.1, above 1"),
        ([30, 60], "row 1: share = 30.0 is outside [0, 1]"),
        ([0.5, None], "row 2: share is missing or nan; allowed is [0, 1]"),
    ],
)
def test_shares_that_are_none_are_refused(share, message):
    assert refusal(frame(share=share)) == f"firm table: {message}"
