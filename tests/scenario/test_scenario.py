"""Scenarios: their defaults, what follows what, and what counts as set."""

import copy
import pickle

import pytest

from abm.scenario.fields import Sector, Strategy
from abm.scenario.parameters import MARKET, SECTOR, STRATEGY
from abm.scenario.scenario import Scenario
from tests.scenario_texts import refusal, sector


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
