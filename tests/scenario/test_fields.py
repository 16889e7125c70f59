"""Scenarios, sectors and strategies that are refused, with key, value and what is allowed; names of any script."""

import math

import pytest

from abm.scenario.fields import Sector, Strategy
from abm.scenario.parameters import MARKET, SECTOR, STRATEGY
from abm.scenario.scenario import Scenario
from tests.scenario_texts import TWO_SECTORS, refusal, sector, strategy


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
        *[(name, "no dot, slash, backslash or '='") for name in ("a.b", "a/b", "a\\b", "a=b")],
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
