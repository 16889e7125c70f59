"""The table of parameters against the document that lists it, and its checks."""

import math
import re

import numpy as np
import pytest

from abm.errors import InputError, nearest
from abm.scenario.listing import listing_rows, markdown
from abm.scenario.parameters import CHANGE, FIRM_COLUMNS, LISTED, MARKET, PARAMETERS, SECTOR, STRATEGY
from tests.parameter_table import documented, interval

INF = math.inf

TABLE = {parameter.name: parameter for parameter in PARAMETERS}
ROWS = documented()
CHOICES = {
    name: row["allowed"].replace(" or ", ", ").split(", ")
    for name, row in ROWS.items()
    if "[" not in row["allowed"] and "(" not in row["allowed"]
}
NUMBERS = {name: row for name, row in ROWS.items() if name not in CHOICES}


def kind_of(name):
    return {"int": int, "float": float}[TABLE[name].kind]


def value_in(cell, name):
    """A default or a neutral value as the document writes it; "–" is none, and a name is another parameter."""
    return None if cell == "–" else cell if cell in ROWS else kind_of(name)(float(cell))


# What the specification of the model says of each parameter but the policy, of which users add their own: allowed;
# neutral; default. It was written by hand, so that a change of the package's table, from which the document is made,
# is not one of the test as well.
SPECIFIED = """\
steps: [1, 1e7]; –; 400
capacity: [1, 1e9]; –; 400
initial_firms: [1, 1e9]; –; capacity
review_interval: [1, 1e6]; –; 8
market_size: (0, 1e12]; –; initial_firms
reading: literal, rate or increment; –; literal
network_effect: [0, 2]; 0; 0.5
churn: (0, 1]; 1; 0.2
variable_cost_share: [0, 1]; 1; 0.5
technology_cost: [0, 1e6]; 0; 0.1
innovation_drag: [0, 1e6]; 0; 0.3
stress_response: [0, 1]; 0; 0.5
technology_ceiling: (0, inf]; inf; 8
competitiveness_ceiling: (0, inf]; inf; 1
return_ceiling: (0, inf]; inf; 5
runway: (0, inf]; inf; 8
funds_cap: [1, inf]; –; 4
outside_capital: [0, 1e6]; 0; 0.5
spillover: [0, 1]; 0; 0.01
entrant_catch_up: [0, 1]; 0; 0.5
entry_rate: [0, 1e9]; 0; 0.01
entrant_base: (0, 1e6]; –; 0.5
technology_noise: [0, 1]; 0; 0.01
competitiveness_noise: [0, 1]; 0; 0.03
technology_speed: (0, 1]; 1; 0.1
competitiveness_speed: (0, 1]; 1; 0.3
return_speed: (0, 1]; 1; 0.5
optimisation_speed: (0, 1]; 1; 0.3
quality_decay: [0, 1); 0; 0.03
learning_step: [0, 0.9]; 0; 0.05
T0: [1e-6, 1e6]; –; 1
C0: [1e-6, 1e6]; –; 1
R0: [1e-6, 1e6]; –; 1
k1: [0, 1e6]; –; 0.9
k2: [0, 1e6]; –; 0.9
k3: [0, 1e6]; –; 0.9
heterogeneity: [0, 2]; 0; 0.2
initial_momentum: (-1, 10]; 0; 0
demand_share: [0, 1e9]; –; –
competitiveness_elasticity: [0, 10]; –; 1
quality_elasticity: [0, 10]; –; 1
demand_growth: (-1, 1]; 0; 0
monetisation: (0, 1e3]; 1; 1
technology_weight: [0.05, 0.95]; 0.5; –
optimisation_weight: [0.05, 0.95]; 0.5; 0.5
weight: [0, 1e9]; –; 1
"""

# A firm table's columns: (lowest, highest), both allowed themselves.
FIRM_RANGES = (
    dict.fromkeys(("T0", "C0", "R0"), (1e-06, 1000000.0))
    | dict.fromkeys(("k1", "k2", "k3"), (0, 1000000.0))
    | dict.fromkeys(("theta", "omega"), (0.05, 0.95))
    | dict.fromkeys(("T", "C", "Q"), (1e-06, 1000000000.0))
    | {"P": (0, 1e9), "R": (0, 1e21), "B": (0, 1e12), "F": (0, INF), "direction": (-1, 1)}
    | {"age": (0, 10**9), "R_smoothed": (0, 1e21), "R_reviewed": (0, 1e21)}
)


def inside_and_outside(kind, low, high, low_open, high_open):
    """The values nearest to the ends of a range on either side of them."""
    below, above = (-1, 1) if kind is int else (-INF, INF)
    step = (lambda x, toward: x + toward) if kind is int else math.nextafter
    inside = [step(low, above) if low_open else low, step(high, below) if high_open else high]
    outside = [low if low_open else step(low, below), high if high_open else step(high, above)]
    return inside, [value for value in outside if value != INF]


def test_the_table_holds_exactly_the_documented_parameters_and_levels():
    for level, table in (("market", MARKET), ("sector", SECTOR), ("strategy", STRATEGY)):
        assert list(table) == [name for name, row in ROWS.items() if row["level"] == level]
    assert set(FIRM_COLUMNS) == set(FIRM_RANGES)
    assert len(TABLE) == len(PARAMETERS) == len(ROWS)
    assert list(CHANGE) == list(documented(changes=True)) == [each.name for each in LISTED[len(PARAMETERS) :]]


@pytest.mark.parametrize("line", SPECIFIED.splitlines())
def test_ranges_neutral_values_and_defaults_are_the_specified_ones(line):
    name, _, cells = line.partition(": ")
    assert "; ".join(ROWS[name][column] for column in ("allowed", "neutral", "default")) == cells


@pytest.mark.parametrize("name", NUMBERS)
def test_defaults_and_neutral_values_are_the_documented_ones(name):
    kind, parameter = kind_of(name), TABLE[name]
    default, neutral = (value_in(NUMBERS[name][column], name) for column in ("default", "neutral"))
    assert (parameter.default, parameter.neutral) == (default, neutral)
    assert parameter.follows == (default if isinstance(default, str) else None)
    for value in (parameter.default, parameter.neutral):
        assert value is None or isinstance(value, str) or type(value) is kind


@pytest.mark.parametrize("name", CHOICES)
def test_choices_are_the_documented_ones(name):
    parameter, choices = TABLE[name], CHOICES[name]
    assert list(parameter.choices) == choices
    assert parameter.default == ROWS[name]["default"]
    assert (parameter.neutral or "–") == ROWS[name]["neutral"]
    assert [parameter.check(choice) for choice in choices] == choices
    for wrong in ("", "Literal", 1, None, True):
        with pytest.raises(InputError, match=name):
            parameter.check(wrong)


@pytest.mark.parametrize("name", NUMBERS)
def test_values_just_inside_a_range_are_accepted_and_just_outside_refused(name):
    kind = kind_of(name)
    low, high, low_open, high_open = interval(NUMBERS[name]["allowed"])
    if kind is int:
        low, high = int(low), int(high)
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
    for parameter in (*LISTED, *FIRM_COLUMNS.values()):
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
    assert [row["parameter"] for row in rows] == [parameter.name for parameter in LISTED]
    assert all(isinstance(cell, str) and cell for row in rows for cell in row.values())
    by_name = {row["parameter"]: row for row in rows}
    assert by_name["technology_ceiling"]["neutral"] == "inf"
    assert by_name["initial_firms"]["default"] == "capacity"
    assert by_name["demand_share"]["default"] == "–"
    assert by_name["quality_decay"]["allowed"] == "[0, 1)"


def test_the_markdown_table_has_as_many_cells_in_every_line():
    lines = markdown().splitlines()
    assert len(lines) == len(LISTED) + 2
    assert {line.count("|") for line in lines} == {10}
