"""Of `test_model.py` and `test_batch_run.py`."""

from random import Random

import numpy as np
import pytest
from mesa.batchrunner import _make_model_kwargs, batch_run

from abm import MarketModel
from abm.agents.adapter import AgentSet
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
        model.remove_all_agents()
        assert len(model.agents) == 0


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
