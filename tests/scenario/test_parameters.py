"""The table of parameters against a second copy of the specification's table, and its checks."""

import math
import re

import numpy as np
import pytest

from abm.errors import InputError, nearest
from abm.scenario.listing import listing_rows, markdown
from abm.scenario.parameters import FIRM_COLUMNS, MARKET, PARAMETERS, SECTOR, STRATEGY

INF = math.inf
NONE = None

# name: (kind, lowest allowed, highest allowed, lowest itself is refused, highest itself is refused,
#        default, neutral). Written from the specification, not from the code under test.
MARKET_NUMBERS = {
    "steps": (int, 1, 10_000_000, False, False, 400, NONE),
    "capacity": (int, 1, 1_000_000_000, False, False, 400, NONE),
    "initial_firms": (int, 1, 1_000_000_000, False, False, "capacity", NONE),
    "review_interval": (int, 1, 1_000_000, False, False, 8, NONE),
    "market_size": (float, 0, 1e12, True, False, "initial_firms", NONE),
    "network_effect": (float, 0, 2, False, False, 0.5, 0),
    "churn": (float, 0, 1, True, False, 0.2, 1),
    "variable_cost_share": (float, 0, 1, False, False, 0.5, 1),
    "technology_cost": (float, 0, 1e6, False, False, 0.1, 0),
    "innovation_drag": (float, 0, 1e6, False, False, 0.3, 0),
    "stress_response": (float, 0, 1, False, False, 0.5, 0),
    "technology_ceiling": (float, 0, INF, True, False, 8, INF),
    "competitiveness_ceiling": (float, 0, INF, True, False, 1, INF),
    "return_ceiling": (float, 0, INF, True, False, 5, INF),
    "runway": (float, 0, INF, True, False, 8, INF),
    "funds_cap": (float, 1, INF, False, False, 4, NONE),
    "outside_capital": (float, 0, 1e6, False, False, 0.5, 0),
    "spillover": (float, 0, 1, False, False, 0.01, 0),
    "entrant_catch_up": (float, 0, 1, False, False, 0.5, 0),
    "entry_rate": (float, 0, 1e9, False, False, 0.01, 0),
    "entrant_base": (float, 0, 1e6, True, False, 0.5, NONE),
    "technology_noise": (float, 0, 1, False, False, 0.01, 0),
    "competitiveness_noise": (float, 0, 1, False, False, 0.03, 0),
    "technology_speed": (float, 0, 1, True, False, 0.1, 1),
    "competitiveness_speed": (float, 0, 1, True, False, 0.3, 1),
    "return_speed": (float, 0, 1, True, False, 0.5, 1),
    "optimisation_speed": (float, 0, 1, True, False, 0.3, 1),
    "quality_decay": (float, 0, 1, False, True, 0.03, 0),
    "learning_step": (float, 0, 0.9, False, False, 0.05, 0),
    "T0": (float, 1e-6, 1e6, False, False, 1, NONE),
    "C0": (float, 1e-6, 1e6, False, False, 1, NONE),
    "R0": (float, 1e-6, 1e6, False, False, 1, NONE),
    "k1": (float, 0, 1e6, False, False, 0.9, NONE),
    "k2": (float, 0, 1e6, False, False, 0.9, NONE),
    "k3": (float, 0, 1e6, False, False, 0.9, NONE),
    "heterogeneity": (float, 0, 2, False, False, 0.2, 0),
    "initial_momentum": (float, -1, 10, True, False, 0, 0),
}
SECTOR_NUMBERS = {
    "demand_share": (float, 0, 1e9, False, False, NONE, NONE),
    "competitiveness_elasticity": (float, 0, 10, False, False, 1, NONE),
    "quality_elasticity": (float, 0, 10, False, False, 1, NONE),
    "demand_growth": (float, -1, 1, True, False, 0, 0),
    "monetisation": (float, 0, 1e3, True, False, 1, 1),
}
STRATEGY_NUMBERS = {
    "technology_weight": (float, 0.05, 0.95, False, False, NONE, 0.5),
    "optimisation_weight": (float, 0.05, 0.95, False, False, 0.5, 0.5),
    "weight": (float, 0, 1e9, False, False, 1, NONE),
}
CHOICES = {
    "reading": (("literal", "rate", "increment"), "literal", NONE),
    "policy": (("fixed", "adaptive", "imitate"), "fixed", "fixed"),
}
NUMBERS = MARKET_NUMBERS | SECTOR_NUMBERS | STRATEGY_NUMBERS
# A firm table's columns: (lowest, highest), both allowed themselves.
FIRM_RANGES = (
    dict.fromkeys(("T0", "C0", "R0"), (1e-06, 1000000.0))
    | dict.fromkeys(("k1", "k2", "k3"), (0, 1000000.0))
    | dict.fromkeys(("theta", "omega"), (0.05, 0.95))
    | dict.fromkeys(("T", "C", "Q"), (1e-06, 1000000000.0))
    | {"P": (0, 1e9), "R": (0, 1e21), "B": (0, 1e12), "F": (0, INF), "direction": (-1, 1)}
    | {"age": (0, 10**9), "R_smoothed": (0, 1e21), "R_reviewed": (0, 1e21)}
)
TABLE = {parameter.name: parameter for parameter in PARAMETERS}


def inside_and_outside(kind, low, high, low_open, high_open):
    """The values nearest to the ends of a range on either side of them."""
    below, above = (-1, 1) if kind is int else (-INF, INF)
    step = (lambda x, toward: x + toward) if kind is int else math.nextafter
    inside = [step(low, above) if low_open else low, step(high, below) if high_open else high]
    outside = [low if low_open else step(low, below), high if high_open else step(high, above)]
    return inside, [value for value in outside if value != INF]


def test_the_table_holds_exactly_the_specified_parameters_and_levels():
    assert set(MARKET) == {*MARKET_NUMBERS, "reading"}
    assert set(SECTOR) == set(SECTOR_NUMBERS)
    assert set(STRATEGY) == {*STRATEGY_NUMBERS, "policy"}
    assert set(FIRM_COLUMNS) == set(FIRM_RANGES)
    assert len(TABLE) == len(PARAMETERS) == len(MARKET) + len(SECTOR) + len(STRATEGY)


def test_the_market_parameters_stand_in_the_order_of_the_specification():
    assert [name for name in MARKET if name != "reading"] == list(MARKET_NUMBERS)


@pytest.mark.parametrize("name", NUMBERS)
def test_defaults_and_neutral_values_are_those_of_the_specification(name):
    kind, *_, default, neutral = NUMBERS[name]
    parameter = TABLE[name]
    assert parameter.kind == kind.__name__
    assert (parameter.default, parameter.neutral) == (default, neutral)
    assert parameter.follows == (default if isinstance(default, str) else None)
    for value in (parameter.default, parameter.neutral):
        assert value is None or isinstance(value, str) or type(value) is kind


@pytest.mark.parametrize("name", CHOICES)
def test_choices_are_those_of_the_specification(name):
    choices, default, neutral = CHOICES[name]
    parameter = TABLE[name]
    assert (parameter.choices, parameter.default, parameter.neutral) == (choices, default, neutral)
    assert [parameter.check(choice) for choice in choices] == list(choices)
    for wrong in ("", "Literal", 1, None, True):
        with pytest.raises(InputError, match=name):
            parameter.check(wrong)


@pytest.mark.parametrize("name", NUMBERS)
def test_values_just_inside_a_range_are_accepted_and_just_outside_refused(name):
    kind, low, high, low_open, high_open, *_ = NUMBERS[name]
    inside, outside = inside_and_outside(kind, low, high, low_open, high_open)
    for value in inside:
        checked = TABLE[name].check(value)
        assert checked == value and type(checked) is kind
    for value in outside:
        with pytest.raises(InputError) as refusal:
            TABLE[name].check(value, "a place")
        assert str(refusal.value) == f"a place: {name} = {value!r} is outside {TABLE[name].allowed}"
    for value in (-INF, -1e300) if kind is float else (-(10**30), 10**30):
        with pytest.raises(InputError, match="is outside"):
            TABLE[name].check(value)


@pytest.mark.parametrize("name", FIRM_RANGES)
def test_the_columns_of_a_firm_table_have_the_specified_ranges(name):
    low, high = FIRM_RANGES[name]
    column = FIRM_COLUMNS[name]
    assert column.level == "firm"
    kind = int if name == "age" else float
    inside, outside = inside_and_outside(kind, low, high, False, False)
    assert all(column.check(value) == value for value in inside)
    for value in outside:
        with pytest.raises(InputError, match=name):
            column.check(value)


def test_a_direction_is_minus_one_or_one_and_nothing_between():
    direction = FIRM_COLUMNS["direction"]
    assert direction.allowed == "-1 or 1"
    with pytest.raises(InputError, match=r"direction = 0 is outside -1 or 1"):
        direction.check(0)


@pytest.mark.parametrize("column", FIRM_COLUMNS.values(), ids=lambda column: column.name)
def test_a_whole_array_is_admitted_as_its_values_are_one_by_one(column):
    values = np.array([-2, -1, -0.5, 0, 1e-7, 0.05, 0.5, 0.96, 1, 3, 1e7, 1e13, 1e22, INF, np.nan])
    assert column.admits(values).tolist() == [column.admits(float(value)) for value in values]
    assert not column.admits(np.nan)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [True, False, None, "1", [1], 1j, math.nan, np.bool_(True), np.nan])
def test_what_is_no_number_is_refused_and_named(name, value):
    with pytest.raises(InputError) as refusal:
        TABLE[name].check(value)
    assert f"{name} = {value!r} is not a number" in str(refusal.value)
    assert TABLE[name].allowed in str(refusal.value)


@pytest.mark.parametrize("value", [8.0, np.float64(8), np.float32(8), 8.5])
def test_a_float_is_no_integer_unless_whole_floats_are_taken(value):
    steps = TABLE["steps"]
    with pytest.raises(InputError, match=r"steps = 8\.. is not an integer"):
        steps.check(value)
    if value == 8:
        checked = steps.check(value, whole_floats=True)
        assert checked == 8 and type(checked) is int
    else:
        with pytest.raises(InputError, match="is not an integer"):
            steps.check(value, whole_floats=True)


@pytest.mark.parametrize("value", [INF, -INF])
def test_infinity_is_no_integer_even_where_whole_floats_are_taken(value):
    with pytest.raises(InputError, match="inf is not an integer"):
        TABLE["steps"].check(value, whole_floats=True)


@pytest.mark.parametrize("value", [1, 1.0, np.int8(1), np.uint64(1), np.float32(1), np.float64(1)])
def test_numbers_of_every_make_become_plain_floats(value):
    checked = TABLE["network_effect"].check(value)
    assert checked == 1 and type(checked) is float


def test_numpy_values_are_shown_as_plain_numbers():
    with pytest.raises(InputError, match=r"churn = 1\.5 is outside"):
        TABLE["churn"].check(np.float64(1.5))
    with pytest.raises(InputError, match=r"churn = 2 is outside"):
        TABLE["churn"].check(np.int64(2))


def test_a_numpy_text_becomes_a_plain_one():
    assert type(TABLE["reading"].check(np.str_("rate"))) is str


def test_an_integer_beyond_every_float_is_refused_even_where_infinity_is_allowed():
    with pytest.raises(InputError, match=r"runway = 1000.* is outside \(0, inf\]"):
        TABLE["runway"].check(10**400)


def test_a_negative_zero_becomes_a_plain_zero():
    assert math.copysign(1, TABLE["network_effect"].check(-0.0)) == 1


def test_a_misspelt_choice_is_refused_with_the_nearest():
    with pytest.raises(InputError) as refusal:
        TABLE["reading"].check("litral")
    expected = "reading = 'litral' is not literal, rate or increment (did you mean 'literal'?)"
    assert str(refusal.value) == expected


def test_a_long_value_is_cut_in_the_message():
    with pytest.raises(InputError) as refusal:
        TABLE["reading"].check("x" * 10_000)
    assert len(str(refusal.value)) < 200


def test_the_nearest_name_ignores_case_and_unlikely_names_give_no_hint():
    assert nearest("t0", ["T0", "C0"]) == " (did you mean 'T0'?)"
    assert nearest("zebra", ["T0", "C0"]) == ""
    assert nearest(5, ["T0"]) == ""


def test_every_parameter_has_a_unit_a_section_and_a_sentence():
    for parameter in (*PARAMETERS, *FIRM_COLUMNS.values()):
        assert parameter.unit and parameter.symbol
        assert re.fullmatch(r"–|§\d(\.\d)*", parameter.section), parameter.name
        assert parameter.meaning[0].isupper() and parameter.meaning.endswith("."), parameter.name


def test_neutral_values_and_defaults_are_in_their_own_ranges():
    for parameter in PARAMETERS:
        for value in (parameter.default, parameter.neutral):
            if value is not None and value != parameter.follows:
                assert parameter.check(value) == value


def test_the_listing_has_a_row_a_parameter_with_text_in_every_cell():
    rows = listing_rows()
    assert [row["parameter"] for row in rows] == [parameter.name for parameter in PARAMETERS]
    assert all(isinstance(cell, str) and cell for row in rows for cell in row.values())
    by_name = {row["parameter"]: row for row in rows}
    assert by_name["technology_ceiling"]["neutral"] == "inf"
    assert by_name["initial_firms"]["default"] == "capacity"
    assert by_name["demand_share"]["default"] == "–"
    assert by_name["quality_decay"]["allowed"] == "[0, 1)"


def test_the_markdown_table_has_as_many_cells_in_every_line():
    lines = markdown().splitlines()
    assert len(lines) == len(PARAMETERS) + 2
    assert {line.count("|") for line in lines} == {10}
