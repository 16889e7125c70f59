"""Scenarios: reading, refusing, changing and writing."""

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.scenario.fields import Sector, Strategy
from abm.scenario.parameters import MARKET, PARAMETERS, SECTOR, STRATEGY
from abm.scenario.scenario import Scenario
from tests.scenario_texts import refusal, sector, strategy

TWO_SECTORS = """
[[sectors]]
name = "retail"
demand_share = 1

[[sectors]]
name = "enterprise"
demand_share = 3
"""


# --- defaults -----------------------------------------------------------------------------------------


def test_an_empty_scenario_has_the_defaults_of_the_table():
    scenario = Scenario()
    for name, parameter in MARKET.items():
        if not parameter.follows:
            assert getattr(scenario, name) == parameter.default
    assert (scenario.initial_firms, scenario.market_size) == (400, 400.0)
    assert type(scenario.market_size) is float
    assert scenario.name == "scenario"
    assert scenario.sectors == (Sector(name="market", demand_share=1),)
    assert scenario.strategies == (Strategy(name="balanced", technology_weight=0.5),)
    assert scenario == Scenario.from_toml("")


def test_members_have_the_defaults_of_the_table():
    only_sector, only_strategy = Scenario().sectors[0], Scenario().strategies[0]
    for member, table in ((only_sector, SECTOR), (only_strategy, STRATEGY)):
        for name, parameter in table.items():
            if parameter.default is not None:
                assert getattr(member, name) == parameter.default


def test_market_size_follows_the_initial_firms_and_those_follow_the_capacity():
    assert Scenario(capacity=50).initial_firms == 50
    assert Scenario(capacity=50).market_size == 50.0
    assert Scenario(capacity=50, initial_firms=7).market_size == 7.0
    assert Scenario(capacity=50, market_size=9).initial_firms == 50


def test_only_what_was_given_counts_as_set():
    scenario = Scenario(capacity=50, sectors=[sector()])
    assert [name for name in (*MARKET, "name", "sectors", "strategies") if scenario.is_set(name)] == [
        "capacity",
        "sectors",
    ]
    assert Scenario(market_size=400).is_set("market_size")
    assert "did you mean 'market_size'" in refusal(scenario.is_set, "market_sise")


def test_every_parameter_shows_in_the_repr_and_among_the_attributes():
    scenario = Scenario()
    for name in MARKET:
        assert f"{name}={getattr(scenario, name)!r}" in repr(scenario)
        assert name in dir(scenario)


def test_a_scenario_is_frozen_hashable_and_survives_pickle_and_copy():
    scenario = Scenario.load("four-sectors")
    with pytest.raises(ValueError):
        scenario.steps = 3
    with pytest.raises(ValueError):
        scenario.sectors[0].demand_share = 3
    for twin in (
        pickle.loads(pickle.dumps(scenario)),
        copy.deepcopy(scenario),
        Scenario.load("four-sectors"),
    ):
        assert twin == scenario and hash(twin) == hash(scenario)
        assert twin.is_set("capacity") and not twin.is_set("market_size")
    assert scenario != scenario.replace(k1=0.8)


# --- refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MARKET)
def test_every_market_parameter_is_checked_by_its_row_of_the_table(name):
    assert f"{name} = -5 is " in refusal(Scenario, **{name: -5})
    assert f"{name} = nan is " in refusal(Scenario, **{name: math.nan})
    assert f"{name} = True is " in refusal(Scenario, **{name: True})
    assert f"my.toml: {name} = -5 is " in refusal(Scenario.from_toml, f"{name} = -5", "my.toml")


@pytest.mark.parametrize("name", SECTOR)
def test_every_sector_parameter_is_checked_with_the_sector_named(name):
    message = refusal(Scenario, sectors=[sector("a"), sector("b", **{name: -5})])
    assert message == f'sectors[1] "b": {name} = -5 is outside {SECTOR[name].allowed}'


@pytest.mark.parametrize("name", STRATEGY)
def test_every_strategy_parameter_is_checked_with_the_strategy_named(name):
    message = refusal(Scenario, strategies=[strategy("a"), strategy("b", **{name: -5})])
    assert message.startswith(f'strategies[1] "b": {name} = -5 is ')


def test_an_unknown_key_is_refused_with_the_nearest_name():
    assert refusal(Scenario, netwrok_effect=1) == ("unknown key 'netwrok_effect' (did you mean 'network_effect'?)")
    assert refusal(Scenario, zzz=1) == "unknown key 'zzz'"
    assert "(did you mean 'sectors'?)" in refusal(Scenario.from_toml, "[[sector]]\nname = 'a'")


def test_a_misspelt_required_key_is_reported_as_unknown_rather_than_missing():
    message = refusal(Scenario, sectors=[{"name": "a", "demand_shar": 1}])
    assert message == "sectors[0] \"a\": unknown key 'demand_shar' (did you mean 'demand_share'?)"


def test_a_key_in_the_wrong_table_is_told_where_it_belongs():
    assert "'demand_share' (it belongs in [[sectors]])" in refusal(Scenario, demand_share=1)
    assert "'policy' (it belongs in [[strategies]])" in refusal(Scenario, sectors=[sector(policy="fixed")])
    assert "'steps' (it belongs at the top level" in refusal(Scenario.from_toml, f"{TWO_SECTORS}steps = 4")


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"sectors": [{"name": "a"}]}, 'sectors[0] "a": demand_share is missing'),
        ({"sectors": [{"demand_share": 1}]}, "sectors[0]: name is missing"),
        ({"strategies": [{"name": "a"}]}, 'strategies[0] "a": technology_weight is missing'),
        ({"sectors": []}, "sectors is an empty list"),
        ({"strategies": ()}, "strategies is an empty list"),
        ({"sectors": None}, "sectors = None is not a list"),
        ({"sectors": "retail"}, "sectors = 'retail' is not a list"),
        ({"sectors": sector()}, "is not a list of tables"),
        ({"sectors": [3]}, "sectors[0] = 3 is not a table of a sector's values"),
        ({"sectors": [{1: 2}]}, "sectors[0]: unknown key '1'"),
        ({"sectors": [Strategy(name="a", technology_weight=0.5)]}, "is not a table of a sector's values"),
        (
            {"sectors": [sector("a"), sector("b"), sector("a")]},
            'sectors[2] "a": the name is taken by sectors[0]',
        ),
        ({"strategies": [strategy(), strategy()]}, 'strategies[1] "bold": the name is taken'),
        ({"sectors": [sector(demand_share=0), sector("b", demand_share=0.0)]}, "demand_share is 0 for all"),
        ({"strategies": [strategy(weight=0)]}, "weight is 0 for all"),
        ({"capacity": 10, "initial_firms": 11}, "initial_firms = 11 is above capacity = 10"),
        ({"initial_firms": 401}, "initial_firms = 401 is above capacity = 400"),
        ({"name": ""}, "name = ''"),
        ({"name": "  "}, "name = '  '"),
        ({"name": 3}, "name = 3"),
        ({"name": "a\nb"}, "control character"),
        ({"name": "a\x7f"}, "control character"),
        ({"name": "\ud800"}, "control character"),
        ({"steps": 400.0}, "steps = 400.0 is not an integer"),
        ({"steps": "400"}, "steps = '400' is not a number"),
        ({"network_effect": None}, "network_effect = None is not a number"),
        ({"churn": 10**400}, "is outside (0, 1]"),
        ({"reading": "litral"}, "(did you mean 'literal'?)"),
    ],
)
def test_bad_keywords_are_refused_with_the_reason(keywords, message):
    assert message in refusal(Scenario, **keywords)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *[(name, "is not a non-empty text") for name in ("", " ", 3, None, True)],
        *[(name, "no dot, slash or '='") for name in ("a.b", "a/b", "a\\b", "a=b")],
        *[(name, "begins or ends with a blank") for name in (" a", "a ", "a\n")],
        *[(name, "a control character") for name in ("a\nb", "a\0b", "a\x7fb", "a\u2028b", "a\ud800")],
    ],
)
def test_a_member_needs_a_name_that_breaks_neither_files_nor_settings(name, why):
    assert why in refusal(Sector, name=name, demand_share=1)
    assert why in refusal(Scenario, strategies=[strategy(name)])


@pytest.mark.parametrize(
    "name", ["医疗", "health care", "ä", "здоровье", "صحة", "R&D (\"x\", 'y')", "a,b;c|d", "$x$", "NA", "#1", "[x]"]
)
def test_names_of_any_script_go_through_settings_and_files(name):
    scenario = Scenario(sectors=[sector(name), sector("b")], strategies=[strategy(name)])
    changed = scenario.with_settings([f"sectors.{name}.demand_share=3", f"strategies.{name}.weight=.5"])
    assert (changed.sectors[0].demand_share, changed.strategies[0].weight) == (3.0, 0.5)
    assert Scenario.from_toml(changed.to_toml()) == changed


def test_a_letter_and_its_accent_are_one_name_however_they_are_typed():
    scenario = Scenario(sectors=[sector("sante\u0301")])
    assert scenario.sectors[0].name == "sant\u00e9"
    for typed in ("sante\u0301", "sant\u00e9"):
        assert scenario.replace(**{f"sectors.{typed}.quality_elasticity": 2}).sectors[0].quality_elasticity == 2
        assert scenario.with_settings([f"sectors.{typed}.quality_elasticity=2"]).sectors[0].quality_elasticity == 2


def test_one_demand_share_above_zero_is_enough():
    assert len(Scenario(sectors=[sector("a", demand_share=0), sector("b")]).sectors) == 2


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


# --- changes ------------------------------------------------------------------------------------------


def test_replacing_the_capacity_lets_what_follows_it_follow():
    changed = Scenario(capacity=100).replace(capacity=800)
    assert (changed.initial_firms, changed.market_size) == (800, 800.0)
    held = Scenario(capacity=100, market_size=50).replace(capacity=800)
    assert (held.initial_firms, held.market_size) == (800, 50.0)
    assert "initial_firms = 100 is above capacity = 8" in refusal(Scenario(initial_firms=100).replace, capacity=8)


def test_replacing_leaves_the_original_and_everything_else_as_it_was():
    base = Scenario.load("four-sectors")
    changed = base.replace(network_effect=0.9, name="other")
    assert (base.network_effect, changed.network_effect) == (0.5, 0.9)
    assert base.to_dict() | {"network_effect": 0.9, "name": "other"} == changed.to_dict()
    assert base.replace() == base


@pytest.mark.parametrize("name", [parameter.name for parameter in PARAMETERS])
def test_every_parameter_can_be_replaced_by_its_name(name):
    parameter = next(each for each in PARAMETERS if each.name == name)
    value = parameter.choices[-1] if parameter.choices else 3 if parameter.kind == "int" else 0.25
    value = {"capacity": 500, "funds_cap": 2.0}.get(name, value)  # at least as many slots as firms; a cap from 1 on
    changed = Scenario().replace(**{name: value})
    values = changed.to_dict() | changed.to_dict()["sectors"][0] | changed.to_dict()["strategies"][0]
    assert values[name] == value


def test_a_dotted_name_changes_one_member_and_a_key_alone_all_of_them():
    base = Scenario.load("four-sectors")
    one = base.replace(**{"sectors.enterprise.quality_elasticity": 5})
    assert [each.quality_elasticity for each in one.sectors] == [1.0, 0.3, 5.0, 2.5]
    every = base.replace(quality_elasticity=5, policy="imitate")
    assert [each.quality_elasticity for each in every.sectors] == [5.0] * 4
    assert [each.policy for each in every.strategies] == ["imitate"] * 5
    both = base.replace(**{"sectors.enterprise.quality_elasticity": 5, "quality_elasticity": 4})
    assert [each.quality_elasticity for each in both.sectors] == [4.0, 4.0, 5.0, 4.0]
    learning = base.replace(**{"strategies.balanced.policy": "adaptive"})
    assert learning.strategies[2].policy == "adaptive"


def test_a_dotted_name_reaches_into_the_sectors_given_with_it():
    changed = Scenario().replace(sectors=[sector("a")], **{"sectors.a.monetisation": 2})
    assert changed.sectors[0].monetisation == 2.0


def test_a_name_that_begins_like_another_is_not_mistaken_for_it():
    base = Scenario(sectors=[sector("a"), sector("a-b"), sector("ab")])
    for place, name in enumerate(("a", "a-b", "ab")):
        changed = base.replace(**{f"sectors.{name}.monetisation": 2})
        assert [each.monetisation for each in changed.sectors] == [1.0 + (place == n) for n in range(3)]


def test_a_bad_change_is_refused_with_the_nearest_name():
    base = Scenario.load("four-sectors")
    assert "(did you mean 'network_effect'?)" in refusal(base.replace, netwok_effect=1)
    assert "(did you mean 'quality_elasticity'?)" in refusal(base.replace, quality_elasticty=1)
    for wrong in ("sectors.enterprize.monetisation", "sectors.enterprise.monetization"):
        assert "(did you mean 'sectors.enterprise.monetisation'?)" in refusal(base.replace, **{wrong: 1})
    for wrong in ("sectors.enterprise", "sectors.enterprise.policy", "sectors.enterprise.name", "sectors."):
        assert "unknown parameter" in refusal(base.replace, **{wrong: 1})
    message = refusal(base.replace, **{"sectors.enterprise.monetisation": -1})
    assert message == 'sectors[2] "enterprise": monetisation = -1 is outside (0, 1e3]'
    assert "demand_share is 0 for all" in refusal(base.replace, demand_share=0)


def test_numpy_numbers_are_taken_from_a_design():
    changed = Scenario().replace(churn=np.float64(0.5), steps=np.int64(7), k1=np.float32(0.5))
    assert changed == Scenario(churn=0.5, steps=7, k1=0.5)
    assert all(type(value) in (int, float) for value in (changed.churn, changed.steps, changed.k1))


def test_settings_are_read_as_toml_values():
    changed = Scenario.load("four-sectors").with_settings(
        [
            "network_effect=0.9",
            "sectors.nlp_vision.quality_elasticity=2",
            "technology_ceiling = inf",
            "steps=1e3",
            "reading=rate",
            'strategies.balanced.policy="imitate"',
            "entry_rate=1_0",
        ]
    )
    assert (changed.network_effect, changed.technology_ceiling) == (0.9, math.inf)
    assert (changed.steps, changed.reading, changed.entry_rate) == (1000, "rate", 10.0)
    assert type(changed.steps) is int
    assert changed.sectors[0].quality_elasticity == 2.0
    assert changed.strategies[2].policy == "imitate"


def test_no_settings_change_nothing():
    base = Scenario.load("four-sectors")
    assert base.with_settings([]) == base


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["x"], "setting 'x' is not of the form NAME=VALUE"),
        (["=3"], "setting '=3' is not of the form NAME=VALUE"),
        (["x="], "setting 'x=' is not of the form NAME=VALUE"),
        ([""], "setting '' is not of the form NAME=VALUE"),
        (["chrun=1"], "(did you mean 'churn'?)"),
        (["name=x"], "unknown parameter 'name'"),
        (["sectors=[]"], "unknown parameter 'sectors'"),
        (["churn=2"], "setting 'churn=2': churn = 2 is outside (0, 1]"),
        (["churn=nan"], "churn = nan is not a number"),
        (["churn=much"], "churn = 'much' is not a number"),
        (["churn=true"], "churn = True is not a number"),
        (["churn=0.1\nk1=2"], "is not a number"),
        (["steps=1.5"], "steps = 1.5 is not an integer"),
        (["steps=inf"], "steps = inf is not an integer"),
        (["reading=litral"], "(did you mean 'literal'?)"),
        (["churn=0.1", "churn=0.1"], "churn is set twice"),
        (["initial_firms=500"], "initial_firms = 500 is above capacity = 400"),
    ],
)
def test_a_bad_setting_is_refused_and_named(settings, message):
    assert message in refusal(Scenario.load("four-sectors").with_settings, settings)


def test_the_neutral_scenario_turns_every_mechanism_off_and_changes_nothing_else():
    base = Scenario.load("four-sectors").replace(monetisation=2, demand_growth=0.1, initial_momentum=0.1)
    neutral = base.neutral()
    tables = [(MARKET, base, neutral)]
    tables += [(SECTOR, *pair) for pair in zip(base.sectors, neutral.sectors, strict=True)]
    tables += [(STRATEGY, *pair) for pair in zip(base.strategies, neutral.strategies, strict=True)]
    for table, before, after in tables:
        assert after.name == before.name
        for name, parameter in table.items():
            unchanged = parameter.neutral is None
            assert getattr(after, name) == (getattr(before, name) if unchanged else parameter.neutral)
    assert neutral.neutral() == neutral
    assert not neutral.is_set("market_size")


# --- writing ------------------------------------------------------------------------------------------


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
