"""Parameters and firm tables anywhere in their ranges, the ends above all: nothing overflows, nothing is silently NaN.

Everything but capacity and the number of steps, which only cost memory and time, is drawn from the whole of its range.
"""

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from abm import Scenario, simulate
from abm.scenario.parameters import FIRM_COLUMNS, MARKET, SECTOR, SECTOR_OWN, STRATEGY

MOST_SLOTS, MOST_STEPS = 30, 15
PLAIN_ENOUGH = {"steps", "capacity", "initial_firms"}
LARGEST = 1.7976931348623157e308
COUNTS = {"firms", "entries", "exits", "diverged", "leader_changed", "best_quality_changed"}
ALWAYS = COUNTS | {"instability", "demand", "step", "sector"}  # numbers where no firm lives, too
# outcomes that need more firms, values or steps than there may be
MORE_FIRMS = {"hill", "subbotin", "size_variance_slope", "rank_tau", "leader_hazard", "take_off_step"}
FROM_MEANS = {
    "n_eff": "hhi",
    "hhi_normalised": "hhi",
    "consumer_surplus": "hhi",
    "turnover_rate": "hhi",
    "frontier_gap": "q90_T",
}


def ends(parameter):
    """The lowest and the highest value that are allowed."""
    low = math.nextafter(parameter.low, math.inf) if parameter.low_open else parameter.low
    return low, math.nextafter(parameter.high, -math.inf) if parameter.high_open else parameter.high


def corners(parameter):
    """Values of a parameter: its ends, its neutral value and default, and anything between, on a log scale as well."""
    if parameter.choices:
        return st.sampled_from(parameter.choices)
    low, high = ends(parameter)
    if parameter.kind == "int":
        return st.one_of(st.sampled_from([int(low), int(high)]), st.integers(int(low), min(int(high), MOST_STEPS)))
    marked = {low, high, *(v for v in (parameter.neutral, parameter.default) if isinstance(v, float))}
    small, large = max(low, 1e-9), min(high, 1e12)
    scaled = st.floats(math.log10(small), math.log10(large)).map(lambda power: min(max(10.0**power, small), large))
    between = st.floats(low, min(high, LARGEST), allow_nan=False)
    return st.one_of(st.sampled_from(sorted(marked)), scaled, between)


OF_SECTOR = SECTOR | SECTOR_OWN
VALUES = {id(each): corners(each) for table in (MARKET, OF_SECTOR, STRATEGY, FIRM_COLUMNS) for each in table.values()}


@st.composite
def corner_scenarios(draw):
    """Scenarios with every parameter anywhere in its range."""
    capacity = draw(st.integers(1, MOST_SLOTS))
    values = {name: draw(VALUES[id(each)]) for name, each in MARKET.items() if name not in PLAIN_ENOUGH}
    values |= {"steps": draw(st.integers(1, MOST_STEPS)), "capacity": capacity}
    values["initial_firms"] = draw(st.integers(1, capacity))
    for key, table, weight in (("sectors", OF_SECTOR, "demand_share"), ("strategies", STRATEGY, "weight")):
        values[key] = [
            {"name": f"{key}_{place}"} | {name: draw(VALUES[id(each)]) for name, each in table.items()}
            for place in range(draw(st.integers(1, 3)))
        ]
        if not any(member[weight] for member in values[key]):
            values[key][-1][weight] = 1.0
    return Scenario(**values)


@st.composite
def corner_tables(draw, scenario):
    """Firm tables with some of the columns, every value anywhere in its range."""
    rows = draw(st.integers(1, 8))
    names = draw(st.lists(st.sampled_from(list(FIRM_COLUMNS)), unique=True))
    columns = {}
    for key, members in (("sector", scenario.sectors), ("strategy", scenario.strategies)):
        choices = st.sampled_from([member.name for member in members])
        columns[key] = draw(st.lists(choices, min_size=rows, max_size=rows))
    for name in names:
        values = VALUES[id(FIRM_COLUMNS[name])]
        if name == "F" and math.isfinite(scenario.runway):
            values = values.map(lambda funds: min(funds, LARGEST))
        columns[name] = draw(st.lists(values, min_size=rows, max_size=rows))
    return pd.DataFrame(columns)


def run_without_warnings(scenario, seed, firms=None):
    """A run, all its tables made, in which a warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = simulate(scenario, seed, firms=firms, panel=scenario.steps)
        for name in ("steps", "sectors", "firms", "lives", "panel", "outcomes"):
            getattr(result, name)
    return result


def assert_no_infinity(frame, but=()):
    numbers = frame.select_dtypes("number").drop(columns=list(but))
    infinite = np.isinf(numbers.to_numpy(dtype=float)).any(axis=0)
    assert not infinite.any(), f"infinite: {list(numbers.columns[infinite])}"


def assert_nan_only_where_no_firm_lives(rows, no_funds):
    living = rows["firms"].to_numpy() > 0
    always = rows.columns.isin(ALWAYS) | rows.columns.str.startswith("firms_")
    unknown = rows.columns.isin([f"{kind}_F" for kind in ("mean", "sd", "q10", "q50", "q90")]) & no_funds
    expected = (~living[:, None] | unknown) & ~always
    wrong = (rows.isna().to_numpy() != expected).any(axis=0)
    assert not wrong.any(), list(rows.columns[wrong])
    counts = rows.columns.str.startswith("firms") | rows.columns.isin(["leader_changed", "best_quality_changed"])
    assert (rows.to_numpy(dtype=object)[~living][:, counts] == 0).all()


def assert_sound(result):
    """All that has to hold of a run at any corner."""
    scenario, steps = result.scenario, result.steps
    no_funds = math.isinf(scenario.runway)
    for rows in (steps, result.sectors):
        assert_no_infinity(rows)
        assert_nan_only_where_no_firm_lives(rows, no_funds)
    for firms in (result.firms, result.panel):
        numbers = firms.select_dtypes("number")
        assert numbers.notna().all(axis=None)
        assert_no_infinity(firms, but=["F"] if no_funds else [])
        assert (firms["F"] >= 0.0).all()
        assert (firms["B"] >= 1e-9).all()
    assert result.firms["share"].between(0.0, 1.0 + 1e-12).all()
    assert_no_infinity(result.lives, but=["F"] if no_funds else [])
    assert result.lives["peak_share"].between(0.0, 1.0 + 1e-12, inclusive="right").all()
    # whoever has made a step beyond the limit has left, and is reported
    assert result.firms[["T", "C", "P", "Q"]][result.firms["age"] > 0].to_numpy().max(initial=0.0) <= 1e9
    assert (result.lives["reason"] == "diverged").sum() == steps["diverged"].sum()
    assert result.lives["exit_step"].notna().sum() == steps["exits"].sum()
    before = steps["firms"].shift(1, fill_value=(result.panel.step == 0).sum())
    assert (before + steps["entries"] - steps["exits"] == steps["firms"]).all()
    assert_outcomes_sound(result)


def assert_outcomes_sound(result):
    outcomes, steps = result.outcomes, result.steps
    window = steps.tail(math.ceil(len(steps) / 4))
    empty = (window["firms"] == 0).all()
    for name, value in outcomes.items():
        if name in ("winner", "growth"):
            assert (value is None) == empty
        elif name == "structure":
            assert (value == "collapsed") == (steps["firms"].iloc[-1] == 0)
        elif name in MORE_FIRMS:
            assert not math.isinf(value)
        else:
            assert not math.isinf(value), name
            of = FROM_MEANS.get(name, name)
            assert math.isnan(value) == (of in window and window[of].isna().all()), name
    if len(result.firms) < 100:
        assert math.isnan(outcomes["hill"])


# Only the slow tests look for the simplest scenario that fails, which takes minutes.
without_shrinking = [Phase.explicit, Phase.reuse, Phase.generate]
quick = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), phases=without_shrinking)
thorough = settings(quick, max_examples=1_000, phases=list(Phase))
any_seed = st.integers(0, 2**63 - 1)


def any_drawn_start(scenario, seed):
    assert_sound(run_without_warnings(scenario, seed))


def any_table(data):
    scenario = data.draw(corner_scenarios())
    assert_sound(run_without_warnings(scenario, data.draw(any_seed), firms=data.draw(corner_tables(scenario))))


@quick
@given(scenario=corner_scenarios(), seed=any_seed)
def test_any_scenario_within_the_ranges_runs_soundly(scenario, seed):
    any_drawn_start(scenario, seed)


@quick
@given(data=st.data())
def test_any_firm_table_within_the_ranges_runs_soundly(data):
    any_table(data)


@pytest.mark.slow
@thorough
@given(scenario=corner_scenarios(), seed=any_seed)
def test_a_thousand_scenarios_within_the_ranges_run_soundly(scenario, seed):
    any_drawn_start(scenario, seed)


@pytest.mark.slow
@thorough
@given(data=st.data())
def test_a_thousand_firm_tables_within_the_ranges_run_soundly(data):
    any_table(data)


SIDES = {"lowest": 0, "highest": 1}


@pytest.mark.parametrize("reading", ["literal", "rate", "increment"])
@pytest.mark.parametrize("side", SIDES)
def test_all_parameters_at_one_end_run_soundly(side, reading):
    def at_end(table):
        return {name: ends(each)[SIDES[side]] for name, each in table.items() if not each.choices}

    market = {name: value for name, value in at_end(MARKET).items() if name not in PLAIN_ENOUGH | {"review_interval"}}
    sector, strategy = at_end(OF_SECTOR), at_end(STRATEGY)
    for policy in STRATEGY["policy"].choices:
        scenario = Scenario(
            steps=MOST_STEPS, capacity=MOST_SLOTS, initial_firms=10, review_interval=1, reading=reading, **market,
            sectors=[{"name": name} | sector | {"demand_share": 1.0} for name in ("a", "b")],
            strategies=[{"name": "only"} | strategy | {"policy": policy, "weight": 1.0}],
        )  # fmt: skip
        for seed in range(5):
            assert_sound(run_without_warnings(scenario, seed))


MIDDLE = Scenario(
    steps=10, capacity=20, initial_firms=12, entry_rate=0.3, runway=2.0, review_interval=2,
    sectors=[{"name": "a", "demand_share": 1}, {"name": "b", "demand_share": 1}],
)  # fmt: skip
EACH = [each for table in (MARKET, SECTOR, STRATEGY) for each in table.values() if not each.choices]
EACH = [each for each in EACH if each.name not in PLAIN_ENOUGH | {"weight", "demand_share"}]


@pytest.mark.parametrize("parameter", EACH, ids=lambda each: each.name)
def test_each_parameter_at_its_ends_alone_runs_soundly(parameter):
    for value in ends(parameter):
        value = int(value) if parameter.kind == "int" else value
        assert_sound(run_without_warnings(MIDDLE.replace(**{parameter.name: value}), 3))


@pytest.mark.parametrize("column", FIRM_COLUMNS)
@pytest.mark.parametrize("all_alike", [True, False])
def test_each_column_of_a_firm_table_at_its_ends_alone_runs_soundly(column, all_alike):
    low, high = (-1, 1) if column == "direction" else ends(FIRM_COLUMNS[column])
    if column == "F":
        high = LARGEST
    for lower, upper in ((low, low), (high, high)) if all_alike else ((low, high),):
        table = pd.DataFrame(
            {"sector": ["a", "b"] * 4, "strategy": "balanced", column: [lower, lower, upper, upper] * 2}
        )
        assert_sound(run_without_warnings(MIDDLE, 3, firms=table))


# ------------------------------------------------------------------------------------------ far corners, one by one


@pytest.mark.parametrize("runway", [1e150, 1e200, 1e307, LARGEST])
def test_funds_of_any_finite_runway_have_a_mean_and_a_spread(runway):
    assert_sound(run_without_warnings(MIDDLE.replace(runway=runway, funds_cap=1.0), 3))


def test_funds_of_a_firm_table_have_a_mean_and_a_spread():
    funds = [0.5, 1e10, 1e200, LARGEST]
    table = pd.DataFrame({"sector": ["a", "b"] * 2, "strategy": "balanced", "F": funds})
    assert_sound(run_without_warnings(MIDDLE.replace(funds_cap=math.inf), 3, firms=table))


@pytest.mark.parametrize(("momentum", "catch_up"), [(10.0, 1.0), (1.5, 0.5), (0.0, 1.0)])
def test_entrants_that_catch_up_with_diverging_firms_do_not_overflow(momentum, catch_up):
    # each generation starts (1 + x0)·ι times where the one before started
    scenario = MIDDLE.replace(
        T0=1e6, initial_momentum=momentum, entrant_catch_up=catch_up, entry_rate=1e9, reading="increment", steps=1500
    )  # fmt: skip
    assert_sound(run_without_warnings(scenario, 3))


def test_state_below_its_floor_at_the_start_is_lifted_to_it():
    # T0·(1 + x0) and C0·(1 + x0) near 1e-22 would make appeal underflow; on the floor all firms are as good
    firms = pd.DataFrame({"sector": "a", "strategy": "balanced", "C0": [3e-6, 1e-6], "T0": [1e-6, 1e-6]})
    scenario = MIDDLE.replace(
        initial_momentum=math.nextafter(-1.0, 0.0), competitiveness_elasticity=10.0, quality_elasticity=10.0,
        network_effect=0.0, churn=1.0, runway=math.inf, entry_rate=0.0, steps=1, capacity=2, initial_firms=2,
    )  # fmt: skip
    result = run_without_warnings(scenario, 3, firms=firms)
    assert result.firms["share"].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(("least", "many", "customers", "size"), [(1e-6, 3e-6, 1e-9, 1.0), (2e8, 1e9, 1e12, 1e12)])
def test_appeal_keeps_its_ratios_at_the_ends_of_the_state(least, many, customers, size):
    # appeal is as small and as large as a firm table can make it; C of 3:1 to the power of 10 is 59049:1
    firms = pd.DataFrame({"sector": "a", "strategy": "balanced", "C": [many, least], "Q": least, "B": customers})
    scenario = MIDDLE.replace(
        competitiveness_elasticity=10.0, quality_elasticity=10.0, network_effect=2.0, churn=1.0, runway=math.inf,
        k1=0.0, k2=0.0, k3=0.0, entry_rate=0.0, steps=1, capacity=2, initial_firms=2, market_size=size,
    )  # fmt: skip
    result = run_without_warnings(scenario, 3, firms=firms)
    first, second = result.firms["B"]
    assert first / second == pytest.approx((many / least) ** 10, rel=1e-7)
