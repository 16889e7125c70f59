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
from mesa.agent import Agent
from mesa.batchrunner import batch_run

from abm import InputError, MarketModel, Scenario, simulate
from abm.firms import ROWS, Firm
from abm.firmset import FirmSet
from tests import twin
from tests.markets import Draws, plain

# Every mechanism at work: entries, exits, reviews of three policies, sectors that differ.
BUSY = Scenario.load("four-sectors").replace(
    capacity=120, initial_firms=90, steps=60, entry_rate=0.1, review_interval=3
)
LEVELS = ("light", "full")


def moved_on(steps: int, **arguments) -> MarketModel:
    model = MarketModel(arguments.pop("scenario", BUSY), rng=arguments.pop("rng", 3), **arguments)
    for _ in range(steps):
        model.step()
    return model


def history(model: MarketModel) -> pd.DataFrame:
    return model.datacollector.get_model_vars_dataframe()


def assert_same_frame(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def assert_equals_engine(model: MarketModel, result) -> None:
    assert_same_frame(history(model).loc[1:], result.steps)
    assert_same_frame(model.firms, result.firms)
    assert_same_frame(model.lives, result.lives)
    pd.testing.assert_series_equal(model.outcomes(), result.outcomes, check_exact=True)


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


# ------------------------------------------------------------------------------------------------ the agents


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
        lambda: first.remove(),
        lambda: model.register_agent(first),
        lambda: model.deregister_agent(first),
        lambda: model.remove_all_agents(),
    ):
        with pytest.raises(InputError, match="can be added or removed by hand"):
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
    assert isinstance(model.agents, mesa.agent.AgentSet)
    assert isinstance(model.agents[0], mesa.Agent)


def test_no_method_of_mesas_agent_set_reaches_for_agents_that_are_not_there():
    mine = set(vars(FirmSet))
    reaching = {
        name for name, method in vars(mesa.agent.AgentSet).items()
        if callable(method) and "_agents" in getattr(method, "__code__", compile("0", "", "eval")).co_names
    }  # fmt: skip
    assert reaching - mine == {"_update"}  # which select, sort and __setstate__ alone call


# ------------------------------------------------------------------------------------------- firms one by one


def test_a_view_says_that_its_firm_has_left():
    model = moved_on(0)
    views = list(model.agents)
    while model.lives["reason"].isna().all():
        model.step()
    left = model.lives.query("reason.notna()")["id"].iloc[0]
    view = views[left]
    assert not view.alive
    assert view not in model.agents
    for touch in (lambda: view.T, lambda: view.sector, lambda: setattr(view, "T", 2.0)):
        with pytest.raises(InputError, match=f"^firm {left} has left the market$"):
            touch()
    assert view.unique_id == left
    model_of_entrants = moved_on(40)
    entrant = next(firm for firm in model_of_entrants.agents if firm.unique_id >= 90)
    assert Firm(model_of_entrants, entrant.slot, 0).alive is False  # the slot is another firm's now


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("T", 0, r"T = 0 is outside \[1e-6, 1e9\]"),
        ("C", float("nan"), "C = nan is not a number"),
        ("theta", 0.96, r"theta = 0.96 is outside \[0.05, 0.95\]"),
        ("direction", 0, "direction = 0 is outside -1 or 1"),
        ("age", 1.5, "age = 1.5 is not an integer"),
        ("Q", "high", "Q = 'high' is not a number"),
        ("P", True, "P = True is not a number"),
        ("F", float("inf"), "F = inf: inf is allowed where the runway is"),
    ],
)
def test_setting_outside_the_range_is_refused_and_changes_nothing(model, name, value, message):
    before = model.firms
    with pytest.raises(InputError, match=message):
        setattr(model.agents[1], name, value)
    with pytest.raises(InputError, match=message):
        model.agents.select(at_most=2).set(name, [getattr(model.agents[0], name), value])
    assert_same_frame(model.firms, before)
    assert not model.changed


def test_unknown_and_read_only_attributes_of_a_firm_are_refused(model):
    firm = model.agents[0]
    with pytest.raises(AttributeError, match=r"no attribute 'tetha' \(did you mean 'theta'"):
        firm.tetha = 0.5
    for name in ("share", "sector", "strategy", "unique_id", "slot", "name"):
        with pytest.raises(AttributeError, match=f"no attribute '{name}' that can be set"):
            setattr(firm, name, 1)
    with pytest.raises(AttributeError):
        _ = firm.wealth
    with pytest.raises(InputError, match="3 values for"):
        model.agents.set("T", [1.0, 2.0, 3.0])
    assert firm.pos is None


def test_a_customer_base_of_nothing_is_floored_and_keeps_the_firm(model):
    number, firm = len(model.agents), model.agents[0]
    firm.B = 0
    assert firm.B == 1e-9
    assert len(model.agents) == number


def test_shares_follow_a_change_by_hand_at_once(model):
    firm, table = model.agents[0], model.firms
    firm.B = 50.0
    others = table.query("sector == @firm.sector and id != @firm.unique_id")["B"].sum()
    expected = pytest.approx(50 / (50 + others), rel=1e-12)
    assert firm.share == expected
    firm.B = 50.0
    assert model.changed
    assert model.firms["share"].iloc[0] == expected
    firm.B = 25.0
    assert model.firms["share"].iloc[0] == pytest.approx(25 / (25 + others), rel=1e-12)


# ------------------------------------------------------------------------------------------- changes by hand


def test_setting_a_value_to_itself_does_not_change_a_bit():
    model = MarketModel(BUSY, rng=3)
    for _ in range(BUSY.steps):
        for name in ROWS:
            model.agents.set(name, model.agents.get(name))
        assert model.changed
        model.step()
    assert_equals_engine(model, simulate(BUSY, 3))


CHANGES = {"T": 2.5, "C": 0.7, "P": 3.0, "Q": 1.7, "B": 9.0, "F": 1.0, "theta": 0.9, "omega": 0.1, "k1": 2.0}


def test_changed_firms_go_on_as_the_same_firms_from_a_table():
    scenario = BUSY.replace(initial_firms=BUSY.capacity)  # no vacant slot, so that a table has the same slots
    model, table = MarketModel(scenario, rng=3), MarketModel(scenario, rng=3).firms
    for row, (name, value) in enumerate(CHANGES.items()):
        setattr(model.agents[10 * row], name, value)
        table.loc[10 * row, name] = value
    from_table = MarketModel(scenario, rng=3, firms=table)
    for _ in range(scenario.steps):
        model.step()
        from_table.step()
    assert_same_frame(history(model).loc[1:], history(from_table).loc[1:])
    assert_same_frame(model.firms, from_table.firms)
    assert not history(model).equals(history(moved_on(scenario.steps, scenario=scenario)))


def test_changes_in_mid_run_are_those_that_the_plain_twin_makes():
    draws, model = Draws(3), moved_on(11)
    other = twin.start(*plain(BUSY), draws)
    for _ in range(11):
        twin.step(other, draws)
    by_id = {firm.id: firm for slots in other.slots for firm in slots if firm}
    for row, (name, value) in enumerate(CHANGES.items()):
        setattr(model.agents[5 * row], name, value)
        setattr(by_id[model.agents[5 * row].unique_id], name, value)
    twin.remember(other)
    for _ in range(9):
        model.step()
        expected, _ = twin.step(other, draws)
        ours = history(model).iloc[-1]
        for name, value in expected.items():
            assert ours[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


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
    assert not any(isinstance(model, MarketModel) for model in Agent._ids)


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
        ({"seed": 3}, r"^seed = 3: a MarketModel takes its seed as rng="),
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
