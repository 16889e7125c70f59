"""Of `test_agent.py`: agents and sets of them."""

import pickle

import numpy as np
import pytest

from abm import MarketModel
from abm.agents.adapter import AgentSet
from abm.agents.firm import Firm
from tests.agents.mesa_assertions.firms import (
    REFUSED,
    Observer,
    by_id,
    is_late,
    mean,
    ten_firms,
)  # fmt: skip


@pytest.fixture
def model() -> MarketModel:
    return ten_firms()


class TestAgent:
    def test_agent_removal(self, model):
        firm = model.agents[0]
        assert firm in model.agents
        firm.remove()
        assert firm not in model.agents

    def test_agentset(self, model):
        firms, some = list(model.agents), model.agents.select()
        assert firms[0] in some
        assert len(some) == len(firms)
        assert some[0:5] == firms[0:5]
        assert all(ours == theirs for ours, theirs in zip(some, firms, strict=True))
        assert len(some.select(at_most=0.2)) == 2
        assert len(some.select(at_most=0.549)) == 5
        assert len(some.select(at_most=0.09)) == 0
        assert len(some.select(at_most=1.0)) == 10
        assert len(some.select(at_most=1)) == 1
        assert len(some.select(is_late)) == 5
        assert len(some.select(is_late, at_most=2)) == 2
        assert len(model.agents.select().select(is_late, inplace=True)) == 5
        assert some.select(inplace=True) == some
        assert list(some.select()) == list(some)
        assert list(some.select(at_most=5)) == some[:5]
        assert len(some.shuffle(inplace=False).select(at_most=5)) == 5
        assert list(some.sort(by_id, ascending=False)) == some[::-1]
        assert list(some.sort("unique_id", ascending=False)) == some[::-1]
        assert all(number == firm.unique_id for number, firm in zip(some.get("unique_id"), some, strict=True))
        assert some == some.do("step")
        some.discard(firms[0])
        assert firms[0] not in some
        some.discard(firms[0])
        with pytest.raises(KeyError):
            some.remove(firms[0])
        some.add(firms[0])
        assert firms[0] in some
        copies, copied = pickle.loads(pickle.dumps([firms, model.agents.select()]))
        assert [firm.unique_id for firm in copies] == [firm.unique_id for firm in copied]
        assert len(copied) == len(copies)

    def test_agentset_initialization(self, model):
        assert len(AgentSet(model.agents.select(at_most=0), random=model.random)) == 0
        assert len(AgentSet(list(model.agents))) == 10

    def test_agentset_initialization_w_random(self, model):
        none = model.agents.select(at_most=0)
        assert len(none) == 0
        assert none.random is model.random
        assert len(AgentSet(model.agents)) == 10
        assert AgentSet(model.agents).random is model.random

    def test_agentset_serialization(self, model):
        copied = pickle.loads(pickle.dumps(model.agents))
        assert [firm.unique_id for firm in copied] == [firm.unique_id for firm in model.agents]

    def test_agent_membership(self, model):
        assert model.agents[0] in model.agents.select()
        assert Observer(model) not in model.agents.select()

    def test_agent_rng(self, model):
        assert model.agents[0].random is model.random
        assert model.agents[0].rng is model.rng

    def test_agent_create(self, model):
        limits, notes = model.rng.random(6), tuple(model.random.random() for _ in range(6))
        Observer.create_agents(model, 6, limits, note=notes)
        observers = model.agents_by_type[Observer]
        assert observers.get("limit") == list(limits)
        assert observers.get("note") == list(notes)
        assert observers.get("age") == [0] * 6
        assert len(observers) == 6

    def test_agent_add_remove_discard(self, model):
        firm, some = model.agents[0], model.agents.select(at_most=0)
        some.add(firm)
        assert firm in some
        some.remove(firm)
        assert firm not in some
        some.add(firm)
        some.discard(firm)
        assert firm not in some
        with pytest.raises(KeyError):
            some.remove(firm)

    def test_agentset_get_item(self, model):
        firms = list(model.agents)
        assert model.agents[0] == firms[0]
        assert model.agents[-1] == firms[-1]
        assert model.agents[1:3] == firms[1:3]
        with pytest.raises(IndexError):
            model.agents[20]

    def test_agentset_do_str(self, model):
        with pytest.raises(AttributeError):
            model.agents.do("non_existing_method")
        observers = model.agents_by_type.get(Observer) or AgentSet([Observer(model) for _ in range(5)])
        observers.do(lambda observer: observers.add(Observer(model)))
        kept = model.agents_by_type[Observer]
        assert len(observers) == len(kept) == 10
        kept.do("remove")
        assert len(kept) == 0

    def test_agentset_do_callable(self, model):
        with pytest.raises(AttributeError):
            model.agents.do(lambda firm: firm.non_existing_method())
        firms = list(model.agents)

        def add(firm):
            some.add(firms[firm.unique_id + 5])

        def remove(firm):
            some.remove(firm)

        some = model.agents.select(at_most=5)
        some.do(lambda firm: add(firm))
        assert len(some) == 10
        some.do(lambda firm: remove(firm))
        assert len(some) == 0
        some = model.agents.select(at_most=5)
        some.do(add)
        assert len(some) == 10
        some.do(remove)
        assert len(some) == 0

    def test_agentset_get(self, model):
        firms = model.agents.set("T", 5).set("C", 6)
        assert all((T == 5) & (C == 6) for T, C in firms.get(["T", "C"]))
        with pytest.raises(AttributeError):
            firms.get("unknown_attribute")
        assert all(firms.get("unknown_attribute", handle_missing="default", default_value=True))
        values = firms.get(["T", "unknown_attribute"], handle_missing="default", default_value=True)
        assert all((T == 5) & (unknown is True) for T, unknown in values)
        with pytest.raises(ValueError, match="nonsense"):
            firms.get("unknown_attribute", handle_missing="some nonsense value")
        values = firms.get(["T", "C", "unknown_attribute"], handle_missing="default", default_value=0)
        assert all((T == 5) & (C == 6) & (unknown == 0) for T, C, unknown in values)
        with pytest.raises(REFUSED, match="no attribute 'c'"):  # differs
            firms.select(at_most=0.5).set("c", 8)

    def test_agentset_agg(self, model):
        firms = model.agents.set("T", list(range(1, 11))).set("C", [10 * i for i in range(1, 11)])
        assert firms.agg("T", min) == 1
        assert firms.agg("T", max) == 10
        assert firms.agg("T", sum) == sum(range(1, 11))
        assert firms.agg("C", np.mean) == 55.0
        assert firms.agg("T", mean) == 5.5
        assert firms.agg("T", [min, max]) == [1, 10]
        assert list(firms.agg("T", (min, max, sum))) == [1, 10, 55]
        assert firms.agg("C", [min, max, np.mean, mean]) == [10, 100, 55.0, 55.0]

    def test_agentset_set_method(self, model):
        with pytest.raises(REFUSED, match="no attribute 'health'"):  # differs
            model.agents.set("health", 100)
        with pytest.raises(REFUSED, match="no attribute 'health'"):  # differs
            model.agents[0].health = 100
        model.agents.set("age", 50)
        assert all(hasattr(firm, "age") for firm in model.agents)
        assert all(firm.age == 50 for firm in model.agents)
        with pytest.raises(REFUSED, match="no attribute 'status'"):  # differs
            model.agents.set("status", "active")
        with pytest.raises(REFUSED, match="no attribute 'status'"):  # differs
            model.agents[0].status = "active"

    def test_agentset_map_str(self, model):
        with pytest.raises(AttributeError):
            model.agents.map("non_existing_method")
        assert model.agents.map("__repr__") == [f"Firm({i})" for i in range(10)]

    def test_agentset_map_callable(self, model):
        with pytest.raises(AttributeError):
            model.agents.map(lambda firm: firm.non_existing_method())
        assert model.agents.map(by_id) == list(range(10))

    def test_agentset_shuffle_do(self, model):
        model.agents.shuffle_do("__setattr__", "T", 3.0)
        assert all(firm.T == 3.0 for firm in model.agents)
        model.agents.shuffle_do(lambda firm: setattr(firm, "T", 2.0))
        assert all(firm.T == 2.0 for firm in model.agents)
        order = []
        model.agents.shuffle_do(order.append)
        assert order != list(model.agents)

    def test_agentset_get_attribute(self, model):
        assert isinstance(model.agents.get("unique_id"), np.ndarray)  # differs: no list
        with pytest.raises(AttributeError):
            model.agents.get("non_existing_attribute")
        values = model.agents.get(["unique_id", "T"])
        assert all(number == firm.unique_id for (number, _), firm in zip(values, model.agents, strict=True))
        assert all(T == firm.T for (_, T), firm in zip(values, model.agents, strict=True))

    def test_agentset_select_by_type(self, model):
        observers = [Observer(model) for _ in range(6)]
        mixed = AgentSet([*model.agents, *observers], random=model.random)
        firms, others = mixed.select(agent_type=Firm), mixed.select(agent_type=Observer)
        assert len(firms) == len(model.agents)
        assert all(isinstance(firm, Firm) for firm in firms)
        assert len(firms) == 10
        assert list(others) == observers == list(model.agents.select(agent_type=Observer))
        assert all(isinstance(observer, Observer) for observer in others)
        assert len(others) == 6
        assert len(mixed.select()) == 16

    def test_agentset_shuffle(self, model):
        assert list(model.agents.shuffle()) != list(model.agents)
        some = model.agents.select()
        some.shuffle(inplace=True)
        assert list(some) != list(model.agents)

    def test_agentset_groupby(self, model):
        firms = model.agents.set("theta", [0.25, 0.75] * 5)
        groups = firms.groupby("theta")
        assert len(groups.groups[0.25]) == 5
        assert len(groups.groups[0.75]) == 5
        groups = firms.groupby(lambda firm: firm.unique_id % 2 == 0)
        assert len(groups.groups[True]) == 5
        assert len(groups.groups[False]) == 5
        assert len(groups) == 2
        assert all(len(group) == 5 for _, group in groups)
        assert {name for name, _ in groups} == {True, False}
        assert firms.groupby("theta", result_type="list").map(len) == {0.25: 5, 0.75: 5}
        got = firms.groupby("theta", result_type="agentset").map("get", "theta")
        assert all(set(values) == {name} for name, values in got.items())
        groups = firms.groupby("theta", result_type="agentset")
        assert groups.do("do", "step") == groups
        assert groups.do(lambda group: group.do("step")) == groups
        groups = firms.groupby("theta")
        assert groups.count() == {0.25: 5, 0.75: 5}
        low, high = ([firm.T for firm in firms if firm.theta == theta] for theta in (0.25, 0.75))
        assert groups.agg("T", sum)[0.25] == sum(low)
        assert groups.agg("T", sum)[0.75] == sum(high)
        assert groups.agg("T", max)[0.25] == max(low)
        assert groups.agg("T", max)[0.75] == max(high)
        assert groups.agg("T", min)[0.25] == min(low)
        assert groups.agg("T", min)[0.75] == min(high)
        assert groups.agg("T", mean)[0.25] == mean(low)
        assert groups.agg("T", mean)[0.75] == mean(high)
