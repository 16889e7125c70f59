"""Scenarios with other values: by replacing, by settings as of the command line, and all neutral."""

import math

import numpy as np
import pytest

from abm.scenario.parameters import MARKET, PARAMETERS, SECTOR, STRATEGY
from abm.scenario.scenario import Scenario
from tests.scenario_texts import refusal, sector


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
