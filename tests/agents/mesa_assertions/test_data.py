"""Of `test_datacollector.py` and `test_lifespan.py`: what is collected, and agents that come and go."""

import mesa
import pytest

from abm import MarketModel
from abm.agents.firm import Firm
from tests.agents.mesa_assertions.firms import (
    TEN,
    Auditor,
    Broker,
    Observer,
    ten_firms,
)  # fmt: skip


@pytest.fixture
def model() -> MarketModel:
    return ten_firms()


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
