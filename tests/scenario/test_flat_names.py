"""A scenario's values by flat names: all of them, each as `replace` takes it."""

import math

import pytest

from abm import Scenario
from abm.errors import InputError
from abm.scenario.flat_names import flat_with_common
from abm.scenario.parameters import MARKET, SECTOR_OWN


def test_every_name_of_a_scenario_can_be_replaced_by_its_own_value():
    scenario = Scenario.load("four-sectors")
    values = scenario.flat()
    alone = {name for name in scenario.settable() if "." not in name and name not in MARKET}
    unset = {f"sectors.{sector.name}.{name}" for sector in scenario.sectors for name in SECTOR_OWN}
    assert set(values) == set(scenario.settable()) - alone - unset
    assert scenario.replace(**values).to_dict() == scenario.to_dict()
    assert all(scenario.get(name) == value for name, value in values.items())


def test_a_name_that_was_replaced_reads_as_the_new_value():
    name = "sectors.enterprise.quality_elasticity"
    assert Scenario.load("four-sectors").replace(**{name: 3}).get(name) == 3.0


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(InputError, match=r"unknown parameter 'sectors\.market\.weigth'"):
        Scenario().get("sectors.market.weigth")
    with pytest.raises(
        InputError, match=r"'strategies\.balanced\.wieght' \(did you mean 'strategies\.balanced\.weight'"
    ):
        Scenario().get("strategies.balanced.wieght")


def test_a_key_alone_is_there_where_all_members_agree():
    sectors = [{"name": "a", "demand_share": 1.0, "monetisation": 2.0}, {"name": "b", "demand_share": 3.0}]
    values = flat_with_common({"runway": "inf", "sectors": [each | {"k": "inf"} for each in sectors]})
    assert values["runway"] == values["k"] == values["sectors.a.k"] == math.inf
    assert "demand_share" not in values and "monetisation" not in values
