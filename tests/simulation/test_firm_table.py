"""Firm tables: what is read, what is filled in, and where the firms are put."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.agents.model import MarketModel
from abm.market.arrays import FIRM, FIRM_ROWS, allocate
from abm.market.entrants import draw_population
from abm.market.setup import layout_for, layout_of, parameters_of
from abm.scenario.parameters import FIRM_COLUMNS
from abm.scenario.scenario import Scenario
from abm.simulation.firm_table import COLUMNS, place_table, read_firm_table, scenario_for
from abm.simulation.simulate import simulate
from abm.simulation.simulate_many import simulate_many
from abm.sweeps.design.design import Design
from tests.firm_tables import ROWS, SCENARIO, file, frame, read, refusal


def equal(one, other) -> bool:
    return (
        np.array_equal(one.sectors, other.sectors)
        and np.array_equal(one.values, other.values)
        and (one.names, one.digest) == (other.names, other.digest)
    )


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


# --- what is read -------------------------------------------------------------------------------------

PLAIN = 'sector,strategy,name,T,direction\nretail,bold,"Acme, Inc",1.5,1\nenterprise,calm,,2e-3,-1\n'


def numbered(head: str, first: int) -> str:
    """The table with a column that counts its rows."""
    header, *rows = PLAIN.splitlines()
    return "\n".join([f"{head},{header}", *(f"{first + place},{row}" for place, row in enumerate(rows))])


def separated(mark: str, number: str, small: str) -> str:
    rows = [["sector", "strategy", "name", "T", "direction"]]
    rows += [["retail", "bold", "Acme, Inc", number, "1"], ["enterprise", "calm", "", small, "-1"]]
    return "".join(mark.join(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.rstrip("\n"),
        PLAIN + "\n\n  \n",
        "\n" + PLAIN.replace("\n", "\n\n"),
        PLAIN.replace("\n", "\r\n") + "\r\n",
        PLAIN.replace("\n", "\r"),
        "\ufeff" + PLAIN,
        "\ufeff" + PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("retail,bold,", " retail , bold,"),
        PLAIN.replace("1.5,1", " 1.5 ,+1"),
        PLAIN.replace("sector,", '"sector",'),
        PLAIN.encode("utf-16"),
        PLAIN.replace("1.5", "+1_.5".replace("_", "")),
        PLAIN.replace("\n", ",\n"),
        PLAIN.replace("\n", ",,\n"),
        PLAIN + ",,,,\n,,,,\n",
        *[numbered(head, first) for head, first in (("", 1), ('""', 0), ("Unnamed: 0", 0))],
        *[
            separated(mark, number, small)
            for mark in (";", "\t", "|")
            for number, small in (("1.5", "2e-3"), ("1,5", "2e-3"), ("1,50", ",002"))
        ],
        "sep=;\n" + separated(";", "1,5", ",002"),
        separated("\t", "1.5", ".2e-2").replace("\n", "\r\n").encode("utf-16"),
    ],
)
def test_a_csv_may_be_written_in_many_ways(tmp_path, content):
    table = read_firm_table(file(tmp_path / "firms.csv", content), SCENARIO)
    assert table.names == ["Acme, Inc", ""]
    assert equal(table, read_firm_table(file(tmp_path / "plain.txt", PLAIN), SCENARIO))
    assert table.values[FIRM.T].tolist() == [1.5, 0.002]
    assert table.values[FIRM.direction].tolist() == [1, -1]


def test_names_may_hold_quotes_line_ends_and_any_letters(tmp_path):
    content = 'name,sector,strategy\n"say ""hi""",retail,bold\n"two\nlines",retail,bold\n5" 华为,retail,bold\n'
    table = read_firm_table(file(tmp_path / "firms.csv", content), SCENARIO)
    assert table.names == ['say "hi"', "two\nlines", '5" 华为']


def test_names_that_are_numbers_stay_as_they_are_written(tmp_path):
    table = read_firm_table(file(tmp_path / "f.csv", "name,sector,strategy\n007,retail,bold\nNA,retail,bold"), SCENARIO)
    assert table.names == ["007", "NA"]


def test_csv_parquet_and_dataframe_of_the_same_content_are_equal(tmp_path):
    random = np.random.default_rng(1)
    firms = pd.DataFrame(
        {
            "name": ["Acme, Inc", "", "中", *map(str, range(197))],
            "sector": random.choice(["retail", "enterprise"], 200),
            "strategy": random.choice(["bold", "calm"], 200),
            "age": random.integers(0, 99, 200),
            "direction": random.choice([-1, 1], 200),
            **{name: random.lognormal(0, 3, 200) for name in ("T", "C", "P", "R", "Q", "B", "F", "k1", "T0")},
        }
    )
    firms.to_csv(tmp_path / "firms.csv", index=False)
    firms.to_parquet(tmp_path / "firms.parquet")
    firms.to_parquet(tmp_path / "firms.PQ", index=True)
    table = read(firms)
    assert table.values[FIRM.T].tolist() == firms["T"].tolist()
    for name in ("firms.csv", "firms.parquet", "firms.PQ"):
        assert equal(table, read_firm_table(tmp_path / name, SCENARIO))
    assert equal(table, read_firm_table(str(tmp_path / "firms.csv"), SCENARIO))


@pytest.mark.parametrize(
    "change",
    [
        {"T": [1.0, 2.1]},
        {"sector": ["retail", "enterprise"]},
        {"strategy": ["bold", "calm"]},
        {"name": ["a", "c"]},
    ],
)
def test_the_digest_tells_contents_apart(change):
    content = {"T": [1.0, 2.0], "name": ["a", "b"]}
    assert read(content).digest == read(content).digest
    assert read(content).digest != read(content | change).digest


def test_the_digest_tells_where_one_name_ends():
    assert read({"name": ["a,b", "c"]}).digest != read({"name": ["a", "b,c"]}).digest


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=5))
def test_a_number_of_a_csv_is_the_float_nearest_to_what_is_written(tmp_path_factory, numbers):
    texts = [f"{number!r}" for number in numbers] + [f"{number:.30f}" for number in numbers]
    content = "sector,strategy,F\n" + "".join(f"retail,bold,{text}\n" for text in texts)
    table = read_firm_table(file(tmp_path_factory.mktemp("csv") / "f.csv", content), SCENARIO)
    assert table.values[FIRM.F].tolist() == [float(text) for text in texts]


@pytest.mark.parametrize(
    "column",
    [
        [1, 2],
        np.array([1, 2], dtype=np.uint8),
        np.array([1, 2], dtype=np.float32),
        pd.array([1, 2], dtype="Int64"),
        pd.array([1, 2], dtype=pd.ArrowDtype(pa.float64())),
        pd.Categorical([1, 2]),
        pd.Series([1, Fraction(2)], dtype=object),
    ],
)
def test_numbers_of_a_dataframe_may_be_of_any_numeric_type(column):
    assert read({"T": column}).values[FIRM.T].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, "", " "])
def test_a_firm_may_go_without_a_name(missing):
    assert read({"name": [missing, " Acme "]}).names == ["", "Acme"]
    assert read({"name": [missing, missing]}).names == ["", ""]


def test_sectors_and_strategies_may_be_categories():
    firms = frame(sector=["retail", "enterprise"]).astype("category")
    assert read(firms).sectors.tolist() == [0, 1]


def test_the_final_state_of_a_run_is_a_table_and_what_belongs_to_the_run_is_ignored(tmp_path):
    state = {name: [0.5, 0.75] for name in FIRM_COLUMNS} | {"age": [3, 40], "direction": [-1.0, 1.0]}
    firms = frame(id=[7, 9], slot=[3, 3], share=[np.nan, 2.0], name=["Acme", ""], **state)
    firms.to_parquet(tmp_path / "firms.parquet")
    table = read_firm_table(tmp_path / "firms.parquet", SCENARIO)
    assert set(firms) == set(COLUMNS)
    assert {name: table.values[row].tolist() for name, row in ROWS.items()} == state
    assert table.values[FIRM.id].tolist() == [0, 1]
    firms = firms.set_index("id")
    firms.to_parquet(tmp_path / "indexed.parquet")
    assert equal(table, read(firms))
    assert equal(table, read_firm_table(tmp_path / "indexed.parquet", SCENARIO))


def test_a_named_index_counts_as_a_column_and_no_other_index_does():
    firms = frame(name=["a", "b"], T=[1.0, 2.0])
    assert equal(read(firms), read(firms.set_index("name")))
    assert equal(read(firms), read(firms.set_index(["name", "T"])))
    assert equal(read(firms), read(firms.set_axis([5, 5])))


def test_reading_leaves_a_dataframe_as_it_was():
    firms = frame(name=pd.Series([None, "b"], dtype=object), T=pd.Series([1, 2], dtype=object))
    before = firms.copy(deep=True)
    read(firms)
    pd.testing.assert_frame_equal(firms, before)


def test_importing_the_module_leaves_pandas_and_pyarrow_alone():
    code = "import sys, abm.simulation.firm_table; print({'pandas', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# --- where the firms are put --------------------------------------------------------------------------


def placed(table, scenario: Scenario):
    scenario = scenario_for(scenario, table)
    layout = layout_for(np.bincount(table.sectors, minlength=len(scenario.sectors)), scenario)
    state = allocate(layout, sums=0, lives=0)
    state.firms[:], state.counters[:] = 99.0, (99,) * 5  # of a market that was there before
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
    assert state.counters.tolist() == [(0, 5, 0, 0, 5)]


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
