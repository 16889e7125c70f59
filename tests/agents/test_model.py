"""The Mesa view: the engine's bits, Mesa's interface, and what is refused."""

import copy
import gc
import inspect
import pickle
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import mesa
import numpy as np
import pandas as pd
import psutil
import pytest
from mesa.batchrunner import batch_run

from abm import InputError, MarketModel, Scenario, simulate
from tests.mesa_view import BUSY, LEVELS, assert_equals_engine, assert_same_frame, history, moved_on

# ------------------------------------------------------------------------------------- equal to the engine


@pytest.mark.parametrize(("level", "seed"), list(product(LEVELS, (0, 1, 2**63 - 1))))
def test_a_model_equals_simulate_to_the_last_bit(level, seed):
    result = simulate(BUSY, seed, collect=level)
    assert result.steps["entries"].sum() > 10
    assert result.steps["exits"].sum() > 10
    assert_equals_engine(moved_on(BUSY.steps, rng=seed, collect=level), result)


@pytest.mark.parametrize("level", LEVELS)
def test_a_model_of_the_bundled_scenario_equals_simulate_to_the_last_bit(level):
    result = simulate("four-sectors", 1, collect=level)
    assert_equals_engine(moved_on(400, scenario="four-sectors", rng=1, collect=level), result)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 8, 41])
def test_outcomes_on_the_way_are_those_of_a_run_that_ends_there(level, steps):
    short = simulate(BUSY.replace(steps=steps), 3, collect=level)
    outcomes = moved_on(steps, collect=level).outcomes()
    pd.testing.assert_series_equal(outcomes, short.outcomes, check_exact=True)


def test_outcomes_do_not_depend_on_the_steps_that_are_shown():
    pd.testing.assert_series_equal(moved_on(60, every=7).outcomes(), moved_on(60).outcomes(), check_exact=True)


def test_outcomes_before_the_first_step_are_those_of_the_start():
    model = moved_on(0)
    outcomes = model.outcomes()
    assert outcomes["mean_T"] == model.firms["T"].mean()
    assert (outcomes["peak_firms"], outcomes["peak_step"], outcomes["survival"]) == (90, 0, 1.0)


def test_a_model_goes_on_beyond_the_scenarios_steps():
    model = moved_on(BUSY.steps + 10)
    assert model.running
    assert_equals_engine(model, simulate(BUSY.replace(steps=BUSY.steps + 10), 3))


def test_run_model_ends_at_the_scenarios_steps():
    model = moved_on(7)
    model.run_model()
    assert model.steps_done == BUSY.steps
    assert model.running


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_any_number_of_threads_gives_the_same_bits(threads):
    wide = BUSY.replace(capacity=2500, initial_firms=2000, steps=12)  # several blocks a sector
    one = simulate(wide, 3, threads=1)
    assert_equals_engine(moved_on(12, scenario=wide, threads=threads), one)
    assert_same_frame(simulate(wide, 3, threads=threads).steps, one.steps)


def test_two_models_in_two_threads_do_not_disturb_each_other():
    def run(seed):
        return history(moved_on(200, rng=seed))

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(run, range(8)))
    for seed, frame in enumerate(together):
        assert_same_frame(frame, run(seed))


def test_parameters_are_taken_as_keywords_and_override_the_scenario():
    model = moved_on(20, network_effect=0.9, **{"sectors.enterprise.quality_elasticity": 2.5})
    changed = BUSY.replace(network_effect=0.9, **{"sectors.enterprise.quality_elasticity": 2.5}, steps=20)
    assert model.scenario.network_effect == 0.9
    assert_same_frame(history(model).loc[1:], simulate(changed, 3).steps)


def test_a_run_with_fresh_entropy_can_be_repeated():
    model, other = moved_on(9, rng=None), moved_on(9, rng=None)
    assert 0 <= model.seed < 2**63
    assert model.seed != other.seed
    assert_same_frame(history(moved_on(9, rng=model.seed)), history(model))


def test_the_users_generators_do_not_touch_the_simulation():
    model = MarketModel(BUSY, rng=3)
    for _ in range(BUSY.steps):
        model.agents.shuffle()
        model.random.random()
        model.rng.random()
        model.step()
    assert_same_frame(history(model), history(moved_on(BUSY.steps)))


# --------------------------------------------------------------------------------------- what is collected


def test_row_0_is_the_start_without_flows():
    model = moved_on(5)
    start, frame = history(model).loc[0], history(moved_on(0))
    assert_same_frame(frame, history(model).loc[[0]])
    assert start["firms"] == 90
    assert start[["entries", "exits", "diverged", "instability", "leader_changed"]].eq(0).all()
    assert start["mean_T"] == pytest.approx(moved_on(0).firms["T"].mean(), rel=1e-14)
    assert history(model).index.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(("every", "kept"), [(1, range(23)), (5, range(0, 23, 5)), (50, [0]), (0, [0])])
def test_every_keeps_each_nth_step(every, kept):
    frame = history(moved_on(22, every=every))
    assert_same_frame(frame, history(moved_on(22)).loc[list(kept)].set_index(frame.index))
    assert frame.index.tolist() == list(kept)


def test_rows_are_kept_beyond_the_room_of_the_start():
    assert_same_frame(history(moved_on(300)).loc[1:], simulate(BUSY.replace(steps=300), 3).steps)


def test_a_step_is_collected_once_whoever_asks():
    model = moved_on(3, panel=3)
    model.datacollector.collect(model)
    assert len(history(model)) == 4
    assert not model.datacollector.get_agent_vars_dataframe().index.has_duplicates


def test_what_batch_run_reads_follows_the_model():
    model = moved_on(1, panel=1)
    for steps in (1, 2):
        assert model.datacollector.model_vars["hhi"] == history(model)["hhi"].tolist()
        assert list(model.datacollector._agent_records) == list(range(steps + 1))
        model.step()


def test_a_panel_is_the_engines_in_mesas_shape():
    frame = moved_on(BUSY.steps, panel=25).datacollector.get_agent_vars_dataframe()
    assert frame.index.names == ["Step", "AgentID"]
    panel = simulate(BUSY, 3, panel=25).panel
    assert panel["step"].unique().tolist() == [0, 25, 50]
    assert_same_frame(frame.reset_index().set_axis(panel.columns, axis=1), panel)


def test_without_a_panel_the_agents_frame_is_empty():
    frame = moved_on(3).datacollector.get_agent_vars_dataframe()
    assert frame.empty
    assert frame.index.names == ["Step", "AgentID"]


def test_a_users_own_collector_works_beside_the_models():
    own = mesa.DataCollector({"firms": lambda model: len(model.agents)}, {"T": "T", "sector": "sector"})
    model = MarketModel(BUSY, rng=3)
    for _ in range(4):
        model.step()
        own.collect(model)
    assert own.get_model_vars_dataframe()["firms"].tolist() == history(model)["firms"].tolist()[1:]
    last = own.get_agent_vars_dataframe().loc[4]
    assert last["T"].tolist() == model.firms["T"].tolist()
    assert last["sector"].tolist() == model.firms["sector"].tolist()


# --------------------------------------------------------------------------------------- batch_run, SolaraViz


def batch(processes: int, **changes) -> pd.DataFrame:
    parameters = {"scenario": "one-market", "capacity": 30, "network_effect": [0, 0.5], "rng": [1, 2, 3]}
    rows = batch_run(
        MarketModel,
        parameters | changes,
        number_processes=processes,
        max_steps=20,
        data_collection_period=5,
        display_progress=False,
    )
    return pd.DataFrame(rows)


def test_batch_run_gives_the_engines_numbers():
    frame = batch(1)
    assert frame["Step"].unique().tolist() == [0, 5, 10, 15, 20]
    for (effect, seed), rows in frame.groupby(["network_effect", "rng"]):
        scenario = Scenario.load("one-market").replace(capacity=30, network_effect=effect, steps=20)
        steps = simulate(scenario, seed).steps
        assert rows["hhi"].tolist()[1:] == steps.loc[[5, 10, 15, 20], "hhi"].tolist()
        assert rows["firms"].tolist()[0] == 30


def test_batch_run_in_two_processes_equals_one():
    in_one = batch(1).sort_values(["RunId", "Step"], ignore_index=True)
    assert_same_frame(batch(2).sort_values(["RunId", "Step"], ignore_index=True), in_one)


def test_batch_run_sees_every_step_and_the_panel_even_if_few_are_shown():
    shown = batch(1, every=10, panel=5, rng=1, network_effect=0.5)
    firms = shown.groupby("Step")["AgentID"].nunique()
    assert firms.tolist() == shown.groupby("Step")["firms"].first().tolist()
    scenario = Scenario.load("one-market").replace(capacity=30, steps=20)
    panel = simulate(scenario, 1, panel=5).panel
    assert shown["T"].tolist() == panel["T"].tolist()


def test_the_signature_is_one_that_solara_viz_takes():
    parameters = inspect.signature(MarketModel).parameters.values()
    assert all(each.default is not each.empty or each.kind is each.VAR_KEYWORD for each in parameters)
    assert all(each.kind is not each.VAR_POSITIONAL for each in parameters)
    assert [each.name for each in parameters if each.kind is each.VAR_KEYWORD] == ["kwargs"]


def test_importing_the_package_and_simulating_does_not_import_mesa():
    code = "import sys, abm; abm.Scenario, abm.simulate, abm.simulate_many; sys.exit('mesa' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --------------------------------------------------------------------------------------- copies and memory


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copied_model_goes_on_by_itself_as_the_original_would(copied):
    model = moved_on(10, panel=5)
    model.agents[0].T = 2.0
    subset = copied(model).agents.select(at_most=1)
    other = copied(model)
    expected = history(model)
    for _ in range(10):
        other.step()
    assert_same_frame(history(model), expected)
    assert model.steps == 10
    for _ in range(10):
        model.step()
    assert_same_frame(history(other), history(model))
    assert_same_frame(other.datacollector.get_agent_vars_dataframe(), model.datacollector.get_agent_vars_dataframe())
    assert other.agents.model is other
    assert other.agents[0] != model.agents[0]
    assert len(pickle.loads(pickle.dumps(subset))) == 1
    assert pickle.loads(pickle.dumps({subset[0]})).pop().unique_id == 0


def test_a_thousand_models_leave_nothing_behind():
    scenario = Scenario(capacity=20, steps=5)
    alive = weakref.WeakSet()

    def make(count: int) -> int:
        for seed in range(count):
            model = MarketModel(scenario, rng=seed)
            model.step()
            model.agents.do(lambda firm: firm.T)
            model.agents[0].T = 2.0
            model.outcomes()
            alive.add(model)
        del model
        gc.collect()
        return psutil.Process().memory_info().rss

    before = make(100)
    assert make(1000) - before < 20e6  # one model is about 0.1 MB
    assert len(alive) == 0


# ------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rng": "a"}, r"^rng = 'a' is not an integer"),
        ({"rng": 1.5}, r"^rng = 1.5 is not an integer"),
        ({"rng": True}, r"^rng = True is not an integer"),
        ({"rng": -1}, r"^rng = -1 is outside \[0, 2\^63\)"),
        ({"rng": 2**63}, r"^rng = 9223372036854775808 is outside \[0, 2\^63\)"),
        ({"rng": np.random.default_rng(1)}, r"^rng = Generator.* is not an integer"),
        ({"seed": "a"}, r"^seed = 'a' is not an integer"),
        ({"seed": 3, "rng": 3}, r"^rng = 3 and seed = 3 are two names of one seed; give one of them"),
        ({"netwrok_effect": 0.5}, r"unknown parameter 'netwrok_effect' \(did you mean 'network_effect'\?\)"),
        ({"churn": 2}, r"churn = 2 is outside \(0, 1\]"),
        ({"collect": "ful"}, r"^collect = 'ful' is not light or full \(did you mean 'full'\?\)"),
        ({"every": -1}, r"^every = -1 is not an integer of at least 0"),
        ({"panel": 1.5}, r"^panel = 1.5 is not an integer of at least 0"),
        ({"threads": 0}, r"^threads = 0 is not an integer of at least 1"),
        ({"scenario": "four-sector"}, r"unknown scenario 'four-sector' \(did you mean 'four-sectors'\?\)"),
        ({"scenario": 4}, r"^scenario = 4 is not a Scenario, a bare name or a path"),
        ({"firms": 4}, r"^firms = 4 is neither a path nor a DataFrame"),
    ],
)
def test_a_bad_argument_is_refused_by_name(arguments, message):
    with pytest.raises(InputError, match=message):
        MarketModel(**arguments)


def test_numpy_integers_are_seeds():
    assert MarketModel(BUSY, rng=np.int64(3)).seed == 3
