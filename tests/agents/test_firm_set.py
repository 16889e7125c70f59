"""The set of the firms of the Mesa view: what is read of them, and chosen among them."""

import copy

import mesa
import numpy as np
import pandas as pd
import pytest
from mesa.agent import Agent

from abm import InputError, MarketModel, Scenario, simulate
from abm.agents.adapter import AgentSet
from abm.agents.firm import ROWS, Firm
from abm.agents.firm_set import FirmSet
from tests.mesa_view import BUSY, LEVELS, assert_equals_engine, moved_on


@pytest.fixture
def model() -> MarketModel:
    return moved_on(20)


def test_agents_are_the_living_firms_by_id(model):
    table = model.firms
    assert len(model.agents) == len(table)
    assert [firm.unique_id for firm in model.agents] == table["id"].tolist()
    assert table["id"].max() >= 90  # entrants are among them
    for name in (*ROWS, "slot", "name", "sector", "strategy", "share"):
        assert model.agents.get(name).tolist() == table[name].tolist(), name
        assert [getattr(firm, name) for firm in model.agents[:3]] == table[name].tolist()[:3], name


def test_get_takes_several_names_and_defaults(model):
    table = model.firms
    assert np.array_equal(model.agents.get(["T", "C"]), table[["T", "C"]].to_numpy())
    assert model.agents.get(["sector", "age"]).tolist() == table[["sector", "age"]].to_numpy().tolist()
    assert set(model.agents.get("wealth", "default", 7)) == {7}
    with pytest.raises(AttributeError, match="no attribute 'thetta' \\(did you mean 'theta'"):
        model.agents.get("thetta")


def test_names_of_a_firm_table_are_the_firms_names():
    table = pd.DataFrame({"name": ["Ada", "Bo"], "sector": "enterprise", "strategy": "balanced", "T": [1.0, 2]})
    model = MarketModel(BUSY, rng=1, firms=table, entry_rate=1.0)
    for _ in range(5):
        model.step()
    assert len(model.agents) > 2
    assert model.agents.get("name").tolist() == model.firms["name"].tolist()
    assert "Bo" in model.agents.get("name")
    assert model.agents[-1].name == ""


def test_select_by_mask_by_function_and_by_number_agree_with_pandas(model):
    table, agents = model.firms, model.agents
    wanted = table.loc[table["T"] > 1.2, "id"].tolist()
    assert 0 < len(wanted) < len(table)
    by_mask = agents.select(agents.get("T") > 1.2)
    assert by_mask.get("unique_id").tolist() == wanted
    assert agents.select(lambda firm: firm.T > 1.2).get("unique_id").tolist() == wanted
    assert agents.select(table["T"] > 1.2, at_most=2).get("unique_id").tolist() == wanted[:2]
    assert agents.select(lambda firm: firm.T > 1.2, at_most=2).get("unique_id").tolist() == wanted[:2]
    assert len(agents.select(at_most=0.5)) == len(agents) // 2
    assert len(agents.select(at_most=1)) == 1
    assert agents.select(agent_type=Firm) == agents == agents.select(agent_type=Agent)
    assert len(agents.select(agent_type=mesa.Model)) == 0
    masked_again = by_mask.select(by_mask.get("C") > 1.0)
    assert masked_again.get("unique_id").tolist() == table.query("T > 1.2 and C > 1")["id"].tolist()
    asked = []
    assert len(agents.select(lambda firm: not asked.append(firm), at_most=2)) == len(asked) == 2
    with pytest.raises(InputError, match="is not a bool for each of"):
        agents.select(agents.get("T"))
    with pytest.raises(InputError, match="is not a bool for each of"):
        by_mask.select(agents.get("T") > 1.2)


def test_sort_orders_as_pandas_does_and_keeps_ties_in_order(model):
    agents = model.agents
    for ascending in (True, False):
        for key in ("T", "age"):
            expected = model.firms.sort_values(key, ascending=ascending, kind="stable")["id"].tolist()
            assert agents.sort(key, ascending=ascending).get("unique_id").tolist() == expected
            by_function = agents.sort(lambda firm, key=key: getattr(firm, key), ascending=ascending)
            assert by_function.get("unique_id").tolist() == expected


def test_groups_and_aggregates_agree_with_pandas(model):
    table = model.firms
    groups = model.agents.groupby("sector")
    assert groups.count() == table["sector"].value_counts().to_dict()
    assert groups.agg("T", max) == table.groupby("sector")["T"].max().to_dict()
    assert model.agents.groupby(lambda firm: firm.strategy).count() == table["strategy"].value_counts().to_dict()
    lists = model.agents.groupby("sector", result_type="list").groups
    assert all(isinstance(firms, list) for firms in lists.values())
    assert model.agents.agg("T", [np.min, np.sum]) == [table["T"].min(), np.sum(table["T"].to_numpy())]


def test_map_do_and_shuffles_reach_every_firm_once(model):
    agents, seen = model.agents, []
    assert agents.map(lambda firm, plus: firm.T + plus, plus=1) == (model.firms["T"] + 1).tolist()
    assert agents.map("__hash__") == [hash(firm) for firm in agents]
    assert agents.do(lambda firm: seen.append(firm.unique_id)) is agents
    assert seen == model.firms["id"].tolist()
    seen.clear()
    agents.shuffle_do(lambda firm: seen.append(firm.unique_id))
    assert seen != sorted(seen) == model.firms["id"].tolist()
    shuffled = agents.shuffle().get("unique_id").tolist()
    assert shuffled != sorted(shuffled) == model.firms["id"].tolist()
    assert agents.do("step") is agents  # Mesa's own empty method


def test_sets_behave_as_sets_and_as_sequences(model):
    agents = model.agents
    ahead, rich = agents.select(agents.get("T") > 1.2), agents.select(agents.get("F") > 8)
    first = agents[0]
    assert first in agents
    assert first == agents[0]
    assert len({first, agents[0]}) == 1
    assert agents.index(agents[2]) == 2
    assert agents.count(first) == 1
    assert next(reversed(agents)) == agents[-1]
    assert agents[1:3] == [agents[1], agents[2]] == agents.to_list()[1:3]
    with pytest.raises(IndexError):
        agents[len(agents)]
    ids = set(ahead.get("unique_id")), set(rich.get("unique_id"))
    assert set((ahead & rich).get("unique_id")) == ids[0] & ids[1]
    assert set((ahead | rich).get("unique_id")) == ids[0] | ids[1]
    assert len(ahead | rich) == len(ids[0] | ids[1])
    assert set((ahead - rich).get("unique_id")) == ids[0] - ids[1]
    assert set((ahead ^ rich).get("unique_id")) == ids[0] ^ ids[1]
    assert ahead <= agents
    assert len(ahead & (agents - ahead)) == 0
    assert first not in moved_on(20).agents
    assert "T" not in agents


def test_subsets_can_be_changed_and_the_live_set_cannot(model):
    agents, first = model.agents, model.agents[0]
    subset = agents.select(at_most=3)
    assert subset.sort("T", inplace=True) is subset
    assert subset.get("T").tolist() == sorted(subset.get("T"), reverse=True)
    subset.discard(first)
    subset.add(agents[-1])
    subset.add(agents[-1])
    assert first not in subset
    assert len(subset) == 3
    with pytest.raises(KeyError):
        subset.remove(first)
    with pytest.raises(InputError, match="is not a living firm of this model"):
        subset.add(moved_on(20).agents[0])
    for change in (
        lambda: agents.select(at_most=2, inplace=True),
        lambda: agents.shuffle(inplace=True),
        lambda: agents.sort("T", inplace=True),
        lambda: agents.add(first),
        lambda: agents.remove(first),
        lambda: agents.discard(first),
        lambda: model.register_agent(first),
        lambda: model.deregister_agent(first),
    ):
        with pytest.raises(InputError, match="firms enter by model"):
            change()
    assert len(agents) == len(model.firms)


def test_a_copy_of_the_live_set_stays_as_it_was_while_the_live_set_follows(model):
    fixed, agents = copy.copy(model.agents), model.agents
    before = fixed.get("unique_id").tolist()
    for _ in range(20):
        model.step()
    assert model.agents is agents
    assert agents.get("unique_id").tolist() == model.firms["id"].tolist()
    left = set(model.lives.query("exit_step > 20")["id"])
    assert left & set(before)
    assert fixed.get("unique_id").tolist() == [each for each in before if each not in left]


@pytest.mark.parametrize("level", LEVELS)
def test_a_market_that_dies_goes_on_with_no_agents(level):
    dying = Scenario(capacity=8, steps=80, R0=0.2, k3=0.0, entry_rate=0.0)
    model = moved_on(80, scenario=dying, collect=level, panel=80)
    assert_equals_engine(model, simulate(dying, 3, collect=level))
    assert model.outcomes()["structure"] == "collapsed"
    assert (len(model.agents), model.agents.to_list(), len(model.firms)) == (0, [], 0)
    assert model.agents.get(["T", "sector"]).shape == (0, 2)
    assert len(model.agents.select(model.agents.get("T") > 1)) == len(model.agents.sort("T")) == 0
    assert model.datacollector.get_agent_vars_dataframe().index.unique("Step").tolist() == [0]


def test_types_of_agents_are_one(model):
    assert model.agent_types == [Firm]
    assert model.agents_by_type == {Firm: model.agents}
    assert isinstance(model.agents, AgentSet)
    assert isinstance(model.agents[0], mesa.Agent)


def test_no_method_of_mesas_agent_set_reaches_for_agents_that_are_not_there():
    mine = set(vars(FirmSet))
    reaching = {
        name for kind in AgentSet.__mro__ for name, method in vars(kind).items()
        if callable(method) and "_agents" in getattr(method, "__code__", compile("0", "", "eval")).co_names
    }  # fmt: skip
    assert reaching - mine == {"_update"}  # which select, sort and __setstate__ alone call
