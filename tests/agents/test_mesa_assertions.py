"""The assertions of Mesa 3.3.1's own tests, put to a market and its firms: one test for each test of Mesa's.

Each line below that begins with `assert`, `with pytest.raises` or `with pytest.warns` stands for one assertion of
Mesa's. It holds as in Mesa, or is marked "differs", for a reason that abm/docs/mesa.md gives; the last test compares
the numbers with that document. Not taken over are assertions in which neither a model nor an agent takes part: on
input widgets by themselves, on drawings of empty spaces, on styles.
"""

import inspect
import pickle
import re
from importlib.resources import files
from random import Random

import mesa
import numpy as np
import pytest
from mesa.batchrunner import _make_model_kwargs, batch_run

from abm import InputError, MarketModel, Scenario
from abm.agents.adapter import AgentSet
from abm.agents.firm import Firm

REFUSED = (InputError, AttributeError)
TEN = Scenario(name="ten", capacity=10, initial_firms=10, steps=60, runway=float("inf"))


def ten_firms(**arguments) -> MarketModel:
    return MarketModel(TEN, rng=3, **arguments)


def by_id(firm):
    return firm.unique_id


def is_late(firm):
    return firm.unique_id > 4


def mean(values):
    return sum(values) / len(values)


class Observer(mesa.Agent):
    """An agent of a user's own."""

    def __init__(self, model, limit=0.0, note=None):
        super().__init__(model)
        self.limit, self.note = limit, note
        self.age = 0

    def step(self):
        self.age += 1
        self.limit += 1.0


class Auditor(Observer):
    """Another, whose class is below the first one's."""


class Broker(Observer):
    """A third."""


@pytest.fixture
def model() -> MarketModel:
    return ten_firms()


# ----------------------------------------------------------------------------------------------- test_agent.py


class TestAgent:
    def test_agent_removal(self, model):
        firm = model.agents[0]
        assert firm in model.agents
        with pytest.raises(REFUSED, match="none can be added or removed by hand"):  # differs
            firm.remove()

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
        low, high = (
            list(firms.select(lambda firm, theta=theta: firm.theta == theta).get("T")) for theta in (0.25, 0.75)
        )
        assert groups.agg("T", sum)[0.25] == sum(low)
        assert groups.agg("T", sum)[0.75] == sum(high)
        assert groups.agg("T", max)[0.25] == max(low)
        assert groups.agg("T", max)[0.75] == max(high)
        assert groups.agg("T", min)[0.25] == min(low)
        assert groups.agg("T", min)[0.75] == min(high)
        assert groups.agg("T", mean)[0.25] == mean(low)
        assert groups.agg("T", mean)[0.75] == mean(high)


# ----------------------------------------------------------------------------------------------- test_model.py


class TestModel:
    def test_model_set_up(self, model):
        assert model.running is True
        assert model.steps == 0
        model.step()
        assert model.steps == 1

    def test_running(self):
        class Stopping(MarketModel):
            def step(self):
                super().step()
                if self.steps == 10:
                    self.running = False

        stopping = Stopping(TEN, rng=3)
        stopping.run_model()
        assert stopping.steps == 10

    def test_seed(self):
        one, other = MarketModel(TEN, seed=23), MarketModel(TEN, seed=24)
        assert one.seed == 23
        assert other.seed == 24
        assert one.seed == 23
        one, other = MarketModel(TEN, seed=42), MarketModel(TEN, seed=42)
        assert one.random.random() == other.random.random()
        assert np.all(one.rng.random(10) == other.rng.random(10))

    @pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
    def test_reset_randomizer(self, model):
        model.reset_randomizer()
        assert model.seed == 3
        model.reset_randomizer(seed=42)
        assert model.random.random() == Random(42).random()

    def test_reset_rng(self, model):
        before = model.rng
        model.reset_rng(rng=6)
        assert model.rng is not before
        before = model.rng.bit_generator.state
        model.reset_rng(rng=7)
        assert model.rng.bit_generator.state != before

    def test_agent_types(self, model):
        observer = Observer(model)
        assert observer not in model.agents  # differs: the firms alone
        assert Observer in model.agent_types

    def test_agents_by_type(self, model):
        auditor, broker = Auditor(model), Broker(model)
        assert model.agents_by_type[Auditor] == AgentSet([auditor], model.random)
        assert model.agents_by_type[Broker] == AgentSet([broker], model.random)
        assert len(model.agents_by_type) == 1 + 2

    def test_agent_remove(self, model):
        assert len(model.agents) == 10
        with pytest.raises(REFUSED, match="none can be added or removed by hand"):  # differs
            model.remove_all_agents()


# ------------------------------------------------------------------------------------------- test_batch_run.py


def rows_of(parameters: dict, **options) -> list[dict]:
    return batch_run(MarketModel, parameters, max_steps=4, display_progress=False, **options)


class TestBatchRun:
    def test_make_model_kwargs(self):
        one = {"scenario": TEN, "churn": 0.2}
        assert _make_model_kwargs(one) == [one]
        seeds = [{"churn": 0.2, "rng": seed} for seed in range(3)]
        assert _make_model_kwargs({"churn": 0.2, "rng": range(3)}) == seeds
        both = [{"panel": panel, "rng": seed} for panel in range(2) for seed in range(2)]
        assert _make_model_kwargs({"panel": range(2), "rng": range(2)}) == both
        assert _make_model_kwargs({"scenario": "one-market"}) == [{"scenario": "one-market"}]

    @pytest.mark.parametrize("churn", [0.2])
    def test_batch_run_with_params_with_empty_content(self, churn):
        with pytest.raises(ValueError, match="contains an empty iterable"):
            rows_of({"churn": churn, "rng": []})
        with pytest.raises(ValueError, match="contains an empty iterable"):
            rows_of({"churn": [churn, 0.3], "rng": []})

    def test_batch_run(self):
        rows = rows_of({"scenario": [TEN], "rng": 1, "panel": 4})
        assert [(row["RunId"], row["Step"], row["firms"], row["AgentID"]) for row in rows] == [
            (0, 4, 10, each) for each in range(10)
        ]

    def test_batch_run_no_agent_reporters(self):
        rows = rows_of({"scenario": [TEN], "rng": 1})
        assert [(row["RunId"], row["Step"], row["firms"], "AgentID" in row) for row in rows] == [(0, 4, 10, False)]

    def test_batch_run_unhashable_param(self):
        rows = rows_of({"scenario": [TEN], "rng": [1], "threads": [1]}, iterations=2)
        assert [(row["RunId"], row["iteration"], row["scenario"]) for row in rows] == [(0, 0, TEN), (1, 1, TEN)]


# ---------------------------------------------------------------------- test_datacollector.py, test_lifespan.py


def scaled(firm, factor, plus):
    return factor * firm.T + plus


def twice(observer, factor):
    return factor * observer.limit


class Collecting(MarketModel):
    """Ten firms, and collectors of a user's own."""

    def __init__(self, **kwargs):
        super().__init__(TEN, rng=3, **kwargs)
        self.value = 100
        self.datacollector = mesa.DataCollector(
            {
                "total": lambda model: len(model.agents),
                "value": "value",
                "quotient": [self.quotient, [3, 4]],
                "none": [self.quotient, [12, 0]],
            },
            {"T": lambda firm: firm.T, "C": "C", "repr": Firm.__repr__, "scaled": [scaled, [2, 3]]},
            tables={"end": ["firm", "T"]},
        )
        self.datacollector.collect(self)

    def quotient(self, one, other):
        return self.value * one / other if other > 0 else None

    def step(self):
        super().step()
        self.datacollector.collect(self)


class Watched(MarketModel):
    """Ten firms, and agents of a user's own in two types."""

    def __init__(self, reporters=None):
        super().__init__(TEN, rng=3)
        for i in range(10):
            (Auditor if i % 2 else Broker)(self, limit=float(i))
        reporters = reporters or {Auditor: {"double": lambda each: 2 * each.limit}, Broker: {"limit": "limit"}}
        self.datacollector = mesa.DataCollector({}, {"T": "T"}, reporters)

    def step(self):
        super().step()
        for kind in (Auditor, Broker):
            self.agents_by_type[kind].do("step")
        self.datacollector.collect(self)


def moved(model, steps=5):
    for _ in range(steps):
        model.step()
    return model


class TestDataCollector:
    def test_model_vars(self):
        collected = moved(Collecting(), 7).datacollector.model_vars
        assert "total" in collected
        assert "value" in collected
        assert "quotient" in collected
        assert "none" in collected
        assert len(collected["total"]) == 8
        assert len(collected["value"]) == 8
        assert len(collected["quotient"]) == 8
        assert collected["total"][:4] == [10] * 4
        assert collected["total"][4:] == [10] * 4
        assert collected["value"] == [100] * 8
        assert collected["quotient"] == [75] * 8
        assert collected["none"] == [None] * 8

    def test_agent_records(self):
        model = moved(Collecting(), 7)
        table, records = model.datacollector.get_agent_vars_dataframe(), model.datacollector._agent_records
        assert "repr" in table
        assert "scaled" in table
        assert all(text == f"Firm({firm})" for (_, firm), text in table["repr"].items())
        assert table["scaled"].tolist() == (2 * table["T"] + 3).tolist()
        assert len(records) == 8
        assert all(len(records[step]) == 10 for step in range(5))
        assert all(len(records[step]) == 10 for step in range(5, 8))
        assert all(len(values) == 6 for rows in records.values() for values in rows)
        assert "T" in table
        assert "C" in table
        assert "R" not in table
        with pytest.raises(KeyError):
            records[8]

    def test_table_rows(self):
        collector = moved(Collecting(), 1).datacollector
        for i in range(9):
            collector.add_table_row("end", {"firm": i, "T": 1.0})
        assert len(collector.tables["end"]) == 2
        assert "firm" in collector.tables["end"]
        assert "T" in collector.tables["end"]
        assert all(len(column) == 9 for column in collector.tables["end"].values())
        with pytest.raises(Exception, match="does not exist"):
            collector.add_table_row("error_table", {})
        with pytest.raises(Exception, match="missing column"):
            collector.add_table_row("end", {"T": 10})

    def test_exports(self):
        collector = moved(Collecting(), 7).datacollector
        collector.add_table_row("end", {"firm": 1, "T": 1.0})
        assert collector.get_model_vars_dataframe().shape == (8, 4)
        assert collector.get_agent_vars_dataframe().shape == (80, 4)
        assert collector.get_table_dataframe("end").shape == (1, 2)
        with pytest.raises(Exception, match="No such table"):
            collector.get_table_dataframe("not a real table")

    def test_agenttype_vars(self):
        collector = moved(Watched()).datacollector
        auditors, brokers = (collector.get_agenttype_vars_dataframe(kind) for kind in (Auditor, Broker))
        assert "double" in auditors
        assert len(auditors) == 25
        assert all(value == 2 * (each - 1 + step) for (step, each), value in auditors["double"].items())
        assert "limit" in brokers
        assert len(brokers) == 25
        assert all(value == each - 1 + step for (step, each), value in brokers["limit"].items())

    def test_agenttype_and_agent_vars(self):
        collector = moved(Watched()).datacollector
        auditors, brokers = (collector.get_agenttype_vars_dataframe(kind) for kind in (Auditor, Broker))
        assert "T" in collector.get_agent_vars_dataframe()
        assert "double" in auditors
        assert "double" not in brokers
        assert "limit" in brokers
        assert "limit" not in auditors

    def test_nonexistent_agenttype(self):
        collector = moved(Watched(), 1).datacollector
        with pytest.warns(UserWarning, match="Observer"):
            none = collector.get_agenttype_vars_dataframe(Observer)
        assert none.empty

    def test_agenttype_reporter_string_attribute(self):
        auditors = moved(Watched({Auditor: {"limit": "limit"}})).datacollector.get_agenttype_vars_dataframe(Auditor)
        assert "limit" in auditors
        assert all(value == each - 1 + step for (step, each), value in auditors["limit"].items())

    def test_agenttype_reporter_function_with_params(self):
        brokers = moved(Watched({Broker: {"f": [twice, [2]]}})).datacollector.get_agenttype_vars_dataframe(Broker)
        assert "f" in brokers
        assert all(value == 2 * (each - 1 + step) for (step, each), value in brokers["f"].items())

    def test_agenttype_reporter_multiple_types(self):
        collector = moved(Watched({Auditor: {"a": "limit"}, Broker: {"b": "limit"}}), 1).datacollector
        auditors, brokers = (collector.get_agenttype_vars_dataframe(kind) for kind in (Auditor, Broker))
        assert "a" in auditors
        assert "b" in brokers
        assert "b" not in auditors
        assert "a" not in brokers

    def test_agenttype_superclass_reporter(self):
        reporters = {Observer: {"kind": lambda each: type(each)}, mesa.Agent: {"kind": lambda each: type(each)}}
        collector = moved(Watched(reporters), 3).datacollector
        observers, agents = (collector.get_agenttype_vars_dataframe(kind) for kind in (Observer, mesa.Agent))
        assert "kind" in observers
        assert "kind" in agents
        assert observers["kind"].isna().all()  # differs: Mesa asks model.agents, the firms alone
        assert len(agents) == 30  # differs: the ten firms alone
        assert set(agents["kind"]) == {Firm}  # differs

    def test_lambda_error(self, model):
        with pytest.raises((RuntimeError, AttributeError)):
            mesa.DataCollector({"x": lambda model: model.nonexistent}).collect(model)

    def test_method_error(self, model):
        def bad(model):
            raise RuntimeError("This method is not valid.")

        with pytest.raises(RuntimeError):
            mesa.DataCollector({"x": bad}).collect(model)

    def test_attribute_error(self, model):
        with pytest.raises(AttributeError):
            mesa.DataCollector({"x": "nonexistent"}).collect(model)

    def test_function_error(self, model):
        with pytest.raises(ValueError, match="x"):
            mesa.DataCollector({"x": ["not_callable", [1, 2]]}).collect(model)


class Mortal(Observer):
    """An agent of a user's own that is replaced after two steps."""

    def step(self):
        super().step()
        if self.age > 1:
            self.remove()
            Mortal(self.model)


class TestLifespan:
    @pytest.fixture
    def rows(self, model):
        for _ in range(10):
            Mortal(model)
        collector = mesa.DataCollector(agenttype_reporters={Mortal: {"age": "age"}})
        for _ in range(20):
            collector.collect(model)
            model.step()
            model.agents_by_type[Mortal].shuffle_do("step")
        return collector.get_agenttype_vars_dataframe(Mortal).reset_index()

    def test_ticks_seen(self, rows):
        assert rows["age"].max() == 1

    def test_agent_lifetime(self, rows):
        assert rows.groupby("AgentID").size().max() == 2


# ------------------------------------------ test_solara_viz.py, test_solara_viz_updated.py, test_backends.py


def shown_widget(parameter: dict, widget: str):
    """The widget that Mesa's page shows for `panel`, a parameter of our model."""
    solara = pytest.importorskip("solara")
    vuetify = pytest.importorskip("ipyvuetify")
    from mesa.visualization.solara_viz import ModelCreator

    creator = ModelCreator(solara.reactive(ten_firms()), user_params={"panel": parameter})
    _, context = solara.render(creator, handle_error=False)
    return context.find(getattr(vuetify, widget)).widget


def portrayal(agent):
    return {"size": 5, "color": "red", "marker": "o"}


@pytest.mark.filterwarnings("ignore:Returning a dict:DeprecationWarning")
class TestSolaraViz:
    @pytest.fixture
    def check_parameters(self):
        pytest.importorskip("solara")
        from mesa.visualization.solara_viz import _check_model_params

        return _check_model_params

    def test_unsupported_type(self):
        solara = pytest.importorskip("solara")
        from mesa.visualization.solara_viz import UserInputs

        with pytest.raises(ValueError, match="not a supported input type"):
            solara.render(UserInputs({"panel": {"type": "bogus"}}), handle_error=False)
        with pytest.raises(ValueError, match="not a supported input type"):
            solara.render(UserInputs({"panel": {}}), handle_error=False)

    def test_slider_int(self):
        slider = shown_widget(
            {"type": "SliderInt", "value": 4, "label": "keep", "min": 0, "max": 9, "step": 1}, "Slider"
        )
        assert slider.v_model == 4
        assert slider.label == "keep"
        assert slider.min == 0
        assert slider.max == 9
        assert slider.step == 1

    def test_label_fallback(self):
        slider = shown_widget({"type": "SliderInt", "value": 4}, "Slider")
        assert slider.v_model == 4
        assert slider.label == "panel"
        assert slider.min is None
        assert slider.max is None
        assert slider.step is None

    def test_model_param_checks(self, check_parameters):
        start = MarketModel.__init__
        check_parameters(start, {"scenario": "one-market"})
        check_parameters(start, {"scenario": "one-market", "network_effect": 0.5})
        check_parameters(start, {})
        with pytest.raises(InputError, match="unknown parameter 'invalid_param'"):  # **kwargs: the model says it
            MarketModel(invalid_param=2)
        with pytest.raises(InputError, match="unknown parameter 'extra'"):
            MarketModel("one-market", extra=3)

    def test_model_creator(self):
        slider = shown_widget({"type": "SliderFloat", "value": 10.0, "min": 0.0, "max": 60.0, "step": 0.5}, "Slider")
        assert slider.v_model == 10.0

    def test_call_space_drawer(self, model):  # not with altair, which Mesa cannot draw agents with under pandas 3
        solara = pytest.importorskip("solara")
        from mesa.visualization import SolaraViz
        from mesa.visualization.space_renderer import SpaceRenderer

        seen = []
        model.grid = mesa.discrete_space.OrthogonalMooreGrid((5, 5), random=model.random)
        model.agents[0].cell = model.grid[(1, 2)]
        renderer = SpaceRenderer(model, backend="matplotlib")
        renderer.draw_agents(lambda firm: seen.append(firm) or portrayal(firm))
        assert renderer.backend == "matplotlib"
        assert type(renderer.backend_renderer).__name__ == "MatplotlibBackend"
        assert seen == [model.agents[0]]
        models = []
        solara.render(SolaraViz(model, components=[lambda model: models.append(model)]), handle_error=False)
        assert models[0] is model


@pytest.mark.filterwarnings("ignore:Returning a dict:DeprecationWarning")
class TestBackends:
    @pytest.mark.parametrize("kind", ["MatplotlibBackend", "AltairBackend"])
    def test_backend_collects_agent_data(self, model, kind):
        backends = pytest.importorskip("mesa.visualization.backends")
        from mesa.visualization.components import AgentPortrayalStyle

        space = mesa.discrete_space.OrthogonalMooreGrid((5, 5), random=model.random)
        model.agents[0].cell = space[(1, 2)]
        backend = getattr(backends, kind)(space_drawer=None)
        style = AgentPortrayalStyle(x=1, y=2, size=5, color="red", marker="o", zorder=1, alpha=1.0)
        assert backend.collect_agent_data(space, lambda firm: style)["loc"].tolist() == [[1, 2]]
        assert backend.collect_agent_data(space, portrayal)["loc"].tolist() == [[1, 2]]

    def test_backend_get_agent_pos(self, model):
        backends = pytest.importorskip("mesa.visualization.backends")
        backend = backends.MatplotlibBackend(space_drawer=None)
        first, second = model.agents[0], model.agents[1]
        mesa.space.MultiGrid(5, 5, False).place_agent(first, (1, 2))
        second.cell = mesa.discrete_space.OrthogonalMooreGrid((5, 5), random=model.random)[(3, 4)]
        assert backend._get_agent_pos(first, None) == (1, 2)
        assert backend._get_agent_pos(second, None) == (3, 4)


def test_the_documents_numbers_are_those_of_the_assertions_here():
    counted = {}
    for name, block in globals().items():
        if name.startswith("Test"):
            found = re.findall(
                r"^ +(?:assert|with pytest\.(?:raises|warns)).*$", inspect.getsource(block), flags=re.MULTILINE
            )
            other = sum("# differs" in line for line in found)
            counted[name] = (len(found), len(found) - other, other)
    text = files("abm").joinpath("docs/mesa.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .* \| (\d+) \| (\d+) \| (\d+) \| `(\w+)` \|$", text, flags=re.MULTILINE)
    assert {name: tuple(map(int, numbers)) for *numbers, name in rows} == counted
    total = re.search(r"(\d+) assertions.*?(\d+) hold.*?(\d+) do not", text, flags=re.DOTALL)
    assert tuple(map(int, total.groups())) == tuple(sum(column) for column in zip(*counted.values(), strict=True))
