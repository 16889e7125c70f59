"""Scenarios read from TOML, refused by source and place, and written so that they read back equal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.scenario.parameters import MARKET, SECTOR, STRATEGY
from abm.scenario.scenario import Scenario
from tests.scenario_texts import TWO_SECTORS, refusal


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps = \n", "line 1"),
        ("steps = 1\nsteps = 2\n", "line 2"),
        ("steps = 1\nchurn = .5\n", "line 2"),
        ("sectors = 3", "sectors = 3 is not a list of tables"),
        ("[sectors]\nname = 'a'", "is not a list of tables ([[sectors]] in a file)"),
        ("churn = 2024-01-01", "churn = datetime.date(2024, 1, 1) is not a number"),
        ("churn = nan", "churn = nan is not a number; allowed is (0, 1]"),
        ("churn = inf", "churn = inf is outside (0, 1]"),
        ("steps = 4.0", "steps = 4.0 is not an integer; allowed is [1, 1e7]"),
        ("network_effect = true", "network_effect = True is not a number"),
        (f"steps = {'1' * 5000}", "my.toml: "),
        (f"sectors = {'[' * 100_000}", "my.toml: "),
    ],
)
def test_a_bad_text_is_refused_with_its_source_and_the_place(text, message):
    told = refusal(Scenario.from_toml, text, "my.toml")
    assert told.startswith("my.toml: ") and message in told


def test_the_message_of_a_file_names_file_sector_key_value_and_range(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text(f"{TWO_SECTORS}quality_elasticity = -1\n")
    expected = f'{path}: sectors[1] "enterprise": quality_elasticity = -1 is outside [0, 10]'
    assert refusal(Scenario.load, path) == expected


def numbers(parameter):
    if parameter.kind == "choice":
        return st.sampled_from(parameter.choices)
    if parameter.kind == "int":
        return st.integers(int(parameter.low), int(parameter.high))
    return st.floats(
        parameter.low,
        parameter.high,
        exclude_min=parameter.low_open,
        exclude_max=parameter.high_open,
        allow_nan=False,
    )


def members(table, positive):
    names = st.text("abcXYZ019_-", min_size=1, max_size=8)
    required = {"name": names} | {name: numbers(p) for name, p in table.items() if p.default is None}
    optional = {name: numbers(p) for name, p in table.items() if p.default is not None}
    lists = st.lists(
        st.fixed_dictionaries(required, optional=optional),
        min_size=1,
        max_size=4,
        unique_by=lambda m: m["name"],
    )
    return lists.filter(lambda made: any(member.get(positive, 1) for member in made))


SCENARIOS = (
    st.fixed_dictionaries(
        {},
        optional={name: numbers(parameter) for name, parameter in MARKET.items()}
        | {
            "name": st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1).filter(str.strip),
            "sectors": members(SECTOR, "demand_share"),
            "strategies": members(STRATEGY, "weight"),
        },
    )
    .filter(lambda made: made.get("initial_firms", 1) <= made.get("capacity", 400))
    .map(lambda made: Scenario(**made))
)


@given(SCENARIOS)
def test_a_scenario_written_as_toml_reads_back_equal(scenario):
    again = Scenario.from_toml(scenario.to_toml())
    assert again == scenario
    assert repr(again) == repr(scenario)  # the last bit and the type of every number
    for name in ("initial_firms", "market_size"):
        assert again.is_set(name) == scenario.is_set(name)


@given(SCENARIOS)
def test_a_scenario_reads_back_from_its_plain_dictionary(scenario):
    plain = scenario.to_dict()
    assert Scenario(**plain) == scenario
    allowed = (int, float, str)
    assert all(type(value) in allowed for key, value in plain.items() if key not in ("sectors", "strategies"))
    assert all(type(value) in allowed for key in ("sectors", "strategies") for m in plain[key] for value in m.values())


@pytest.mark.parametrize("name", ["plain", 'quo"te', "back\\slash", "大模型", "a # b", "'"])
def test_a_name_with_special_characters_survives_a_file(name, tmp_path):
    path = tmp_path / "file.toml"
    path.write_text(Scenario(name=name).to_toml(), "utf-8")
    assert Scenario.load(path).name == name
