"""Mesa's DataCollector and batch_run on the model."""

import inspect

import mesa
import numpy as np
import pandas as pd
import pytest
from mesa.batchrunner import batch_run

from abm import MarketModel, Scenario, simulate
from tests.agents.mesa_promises.regulated import Regulated, Regulator
from tests.mesa_view import BUSY, moved_on

HAS_RNG = "rng" in inspect.signature(batch_run).parameters


@pytest.fixture
def model() -> MarketModel:
    return moved_on(3)


def test_a_collector_of_ones_own_names_measures_and_firms_attributes():
    model = Regulated(rng=1)
    for _ in range(4):
        model.step()
    collected = model.datacollector.get_model_vars_dataframe()
    steps = simulate(BUSY.replace(steps=4), 1).steps
    for name in ("hhi", "entries", "firms"):
        assert collected[name].tolist() == steps[name].tolist()
    assert isinstance(model.entries, int)
    firms = model.datacollector.get_agent_vars_dataframe().loc[4]
    assert firms["T"].tolist() == model.firms["T"].tolist()
    assert firms["twice"].tolist() == (2 * model.firms["T"]).tolist()
    assert len(model.datacollector.get_agenttype_vars_dataframe(Regulator)) == 4
    model.datacollector.add_table_row("notes", {"step": 4, "note": "end"})
    assert model.datacollector.get_table_dataframe("notes")["note"].tolist() == ["end"]
    with pytest.raises(AttributeError):
        mesa.DataCollector({"x": "nothing"}).collect(model)


def test_measures_of_ones_own_are_collected():
    def young(firms):
        return (firms.age < 4).mean()

    model = MarketModel(BUSY, rng=1, measures={"young": young})
    for _ in range(6):
        model.step()
    collected = model.datacollector.get_model_vars_dataframe()["young"]
    assert collected.iloc[0] == 1.0
    assert model.young == collected.iloc[-1] == (model.agents.get("age") < 4).mean()


@pytest.mark.parametrize("level", ["light", "full"])
def test_every_measure_that_is_collected_is_an_attribute(level):
    model = moved_on(5, collect=level)
    row = model.datacollector.get_model_vars_dataframe().iloc[-1]
    for name in set(row.index) - {"firms"}:
        assert getattr(model, name) == row[name] or np.isnan(row[name]), name
    assert hasattr(model, "gini") == (level == "full")


def test_lists_of_measures_grow_by_the_new_rows_alone(model):
    lists = model.datacollector.model_vars
    hhi = lists["hhi"]
    model.step()
    assert model.datacollector.model_vars["hhi"] is hhi
    assert hhi == model.datacollector.get_model_vars_dataframe()["hhi"].tolist()
    assert [type(value) for value in lists["entries"]] == [int] * 5


def rows_of(model_class, parameters, **options) -> pd.DataFrame:
    return pd.DataFrame(batch_run(model_class, parameters, display_progress=False, **options))


def test_batch_run_takes_seeds_among_its_parameters():
    parameters = {"scenario": "four-sectors", "network_effect": [0, 0.5], "rng": [1, 2, 3]}
    rows = rows_of(MarketModel, parameters, max_steps=4)
    assert sorted(zip(rows["network_effect"], rows["rng"])) == [(e, seed) for e in (0, 0.5) for seed in (1, 2, 3)]
    assert rows["Step"].unique().tolist() == [4]
    for row in rows.itertuples():
        scenario = Scenario.load("four-sectors").replace(network_effect=row.network_effect, steps=4)
        assert row.hhi == simulate(scenario, row.rng).steps["hhi"].iloc[-1]


# Mesa 3.3, which pip serves for Python 3.11, has no such argument; its own way to seed is tested above. `.ci/pythons`
# runs this test on every later Python that it finds, with Mesa 3.5.
@pytest.mark.skipif(not HAS_RNG, reason="from Mesa 3.4 on")
def test_batch_run_takes_seeds_as_its_own_argument():
    for rows in (
        rows_of(MarketModel, {"scenario": [BUSY]}, max_steps=4, rng=[1, 2]),
        rows_of(Regulated, {"limit": [0.2]}, max_steps=4, rng=[1, 2]).drop_duplicates("RunId"),
    ):
        assert rows["hhi"].tolist() == [simulate(BUSY.replace(steps=4), seed).steps["hhi"].iloc[-1] for seed in (1, 2)]


def test_batch_run_takes_scenarios():
    rows = rows_of(MarketModel, {"scenario": BUSY, "seed": [1]}, max_steps=2)
    assert rows["scenario"].tolist() == [BUSY]
    both = [BUSY, BUSY.replace(churn=0.5)]
    assert rows_of(MarketModel, {"scenario": both, "rng": 1}, max_steps=2)["scenario"].tolist() == both
    for table in (BUSY, BUSY.sectors[0]):
        with pytest.raises(TypeError, match="not iterable"):
            iter(table)


def test_batch_run_gives_panels_and_each_nth_step():
    rows = rows_of(MarketModel, {"scenario": [BUSY], "rng": 1, "panel": 2}, max_steps=4, data_collection_period=2)
    firms = simulate(BUSY.replace(steps=4), 1, panel=2).panel
    assert rows["Step"].tolist() == firms["step"].tolist()
    assert rows["T"].tolist() == firms["T"].tolist()
    assert rows["AgentID"].tolist() == firms["id"].tolist()
