"""What a user of Mesa can rely on: each row of the table in abm/docs/mesa.md is a test here, run with every Mesa.

The questions are those of Mesa's own tests of AgentSet, Model, DataCollector, batch_run and its page.
"""

import copy
import inspect
import pickle
import re
import sys
from importlib.resources import files

import mesa
import numpy as np
import pandas as pd
import pytest
from mesa.batchrunner import batch_run
from mesa.space import ContinuousSpace, MultiGrid, NetworkGrid, SingleGrid

import abm
from abm import InputError, MarketModel, Scenario, simulate
from abm.agents.adapter import AgentSet, UnknownMesa, check_version
from abm.agents.firm import Firm
from tests.mesa_view import BUSY, moved_on

HAS_RNG = "rng" in inspect.signature(batch_run).parameters


def number_of_firms(model):
    return len(model.agents)


def times(firm, factor):
    return factor * firm.T


class Regulator(mesa.Agent):
    """An agent of a user's own."""

    def __init__(self, model, limit=0.1):
        super().__init__(model)
        self.limit = limit
        self.seen = []

    def step(self):
        self.seen.append(self.model.top_share)


class Regulated(MarketModel):
    """A model of a user's own."""

    def __init__(self, scenario=BUSY, limit=0.1, **kwargs):
        super().__init__(scenario, **kwargs)
        self.limit = limit
        Regulator(self, limit)
        self.datacollector = mesa.DataCollector(
            {"hhi": "hhi", "entries": "entries", "limit": "limit", "firms": number_of_firms},
            {"T": "T", "twice": [times, [2]]},
            {Regulator: {"limit": "limit"}},
            {"notes": ["step", "note"]},
        )

    def step(self):
        super().step()
        self.agents_by_type[Regulator].do("step")
        self.datacollector.collect(self)


@pytest.fixture
def model() -> MarketModel:
    return moved_on(3)


# ------------------------------------------------------------------------------------------------- AgentSet


def test_sets_of_firms_are_sets_and_sequences(model):
    agents = model.agents
    first, last = agents[0], agents[-1]
    assert isinstance(agents, AgentSet)
    assert first in agents
    assert len(agents) == len(list(agents)) == len(model.firms)
    assert agents[1:4] == list(agents)[1:4]
    some, others = agents.select(at_most=3), agents.select(lambda firm: firm.unique_id > 1)
    assert len(some & others) + len(some | others) == len(some) + len(others)
    some.discard(last)
    some.add(last)
    some.remove(first)
    assert some.to_list() == [agents[1], agents[2], last]
    with pytest.raises(KeyError):
        some.remove(first)
    with pytest.raises(IndexError):
        agents[len(agents)]


@pytest.mark.parametrize("item", [None, [1, 2], (1, 2), 1.0, "T", np.array([0, 1]), np.array([True, False]), ...])
def test_only_a_place_or_a_slice_is_an_index(model, item):
    with pytest.raises(TypeError, match="neither a place nor a slice"):
        model.agents[item]


def test_a_firm_is_one_object_as_long_as_it_lives(model):
    assert model.agents[0] is model.agents[0] is model.agents.select(at_most=1)[0] is next(iter(model.agents))
    kept = AgentSet(model.agents, random=model.random)
    assert list(kept) == list(model.agents)
    for _ in range(40):
        model.step()
    assert 0 < len(kept) < 90
    assert set(kept) <= set(model.agents)


@pytest.mark.parametrize(
    ("at_most", "number"), [(-3, 0), (-0.5, 0), (0, 0), (0.09, 8), (1.0, 90), (1, 1), (1.5, 2), (2.0, 2), (500, 90)]
)
def test_select_stops_where_mesas_does(at_most, number):
    model = moved_on(0)
    mesas = AgentSet(model.agents, random=model.random)
    assert len(mesas) == 90
    for firms in (mesas, model.agents):
        assert len(firms.select(at_most=at_most)) == number
        assert len(firms.select(lambda firm: True, at_most=at_most)) == number


def test_select_picks_by_function_type_and_mask(model):
    agents = model.agents
    assert list(agents.select(lambda firm: firm.T > 1)) == list(agents.select(agents.get("T") > 1))
    assert len(agents.select(agent_type=Firm)) == len(agents)
    assert len(agents.select(agent_type=Regulator)) == 0
    for wrong in (float("nan"), "3", None):
        with pytest.raises(TypeError, match="at_most"):
            agents.select(at_most=wrong)


def test_sort_and_shuffle_order_as_mesas_do(model):
    mesas, ours = AgentSet(model.agents, random=model.random), model.agents
    for ascending in (True, False):
        assert list(ours.sort("T", ascending=ascending)) == list(mesas.sort("T", ascending=ascending))
        assert list(ours.sort(lambda firm: firm.C, ascending)) == list(mesas.sort(lambda firm: firm.C, ascending))
    model.random.seed(1)
    shuffled = list(ours.shuffle())
    model.random.seed(1)
    assert shuffled == list(mesas.shuffle())
    assert sorted(firm.unique_id for firm in shuffled) == ours.get("unique_id").tolist()


def test_do_map_and_shuffle_do_call_each_firm_once(model):
    seen = []
    assert model.agents.do("step").do(seen.append) is model.agents
    model.agents.shuffle_do(seen.append)
    assert sorted(firm.unique_id for firm in seen) == sorted(2 * model.agents.map(lambda firm: firm.unique_id))
    with pytest.raises(AttributeError):
        model.agents.do("non_existing_method")


def test_get_gives_arrays_of_what_mesa_gives_as_lists(model):
    agents, mesas = model.agents, AgentSet(model.agents, random=model.random)
    assert isinstance(agents.get("T"), np.ndarray)
    default = {"handle_missing": "default", "default_value": "none"}
    for names in ("T", "sector", "alive", "pos", ["T", "sector"], ("T",), []):
        assert agents.get(names).tolist() == mesas.get(names), names
    for names in ("x", ("T", "x"), ["sector", "x"], ["age", "x"], ["x", "y"]):
        assert agents.get(names, **default).tolist() == mesas.get(names, **default), names
    for value in (True, None, (1, 2), 0.5):
        ours = agents.get(["T", "x"], "default", value).tolist()
        assert ours == mesas.get(["T", "x"], "default", value)
        assert type(ours[0][1]) is type(value)
    with pytest.raises(AttributeError, match="no attribute 'x'"):
        agents.get("x")
    with pytest.raises(ValueError, match="handle_missing"):
        agents.get("x", "nonsense")


def test_set_agg_and_groupby_agree_with_mesas(model):
    agents, mesas = model.agents, AgentSet(model.agents, random=model.random)
    assert agents.set("T", 2.0).set("theta", 0.3) is agents
    assert set(agents.get("T")) == {2.0}
    assert agents.agg("C", [min, max]) == mesas.agg("C", [min, max])
    ours, theirs = agents.groupby("sector"), mesas.groupby("sector")
    assert ours.count() == theirs.count()
    assert ours.agg("C", max) == theirs.agg("C", max)
    assert ours.map(len) == theirs.map(len)
    assert ours.do("do", "step") is ours


def test_firms_are_not_added_removed_or_given_other_attributes(model):
    firm = model.agents[0]
    for refused in (
        lambda: model.agents.add(firm),
        lambda: model.agents.discard(firm),
        lambda: model.agents.shuffle(inplace=True),
        lambda: firm.remove(),
        lambda: model.register_agent(firm),
        lambda: model.deregister_agent(firm),
        lambda: model.remove_all_agents(),
        lambda: Firm.create_agents(model, 3),
        lambda: Firm(model),
    ):
        with pytest.raises(InputError, match="none can be added or removed by hand"):
            refused()
    with pytest.raises(AttributeError, match="no attribute 'wealth'"):
        firm.wealth = 1
    with pytest.raises(AttributeError, match="no attribute 'wealth'"):
        model.agents.set("wealth", 1)


def test_a_firm_that_has_left_lacks_its_attributes():
    model = moved_on(0)
    firms = list(model.agents)
    for _ in range(40):
        model.step()
    dead = next(firm for firm in firms if not firm.alive)
    assert not any(hasattr(dead, name) for name in ("T", "sector", "share", "pos"))
    assert getattr(dead, "T", None) is None
    assert dead.unique_id in model.lives["id"].tolist()
    with pytest.raises(InputError, match=f"^firm {dead.unique_id} has left the market$"):
        dead.T = 2.0
    assert dead not in model.agents
    assert dead.unique_id not in model.views


# --------------------------------------------------------------------------------------------------- Model


def test_a_model_steps_runs_and_stops_as_mesas():
    model = MarketModel(BUSY.replace(steps=5), rng=1)
    assert (model.running, model.steps) == (True, 0)
    model.step()
    assert model.steps == model.steps_done == 1
    model.run_model()
    assert model.steps == 5
    model.running = False
    model.run_model()
    assert model.steps == 5


def test_random_and_rng_are_the_users_and_follow_the_seed():
    one, other = MarketModel(BUSY, rng=7), MarketModel(BUSY, seed=7)
    assert one.seed == other.seed == 7
    assert one.random.random() == other.random.random()
    assert one.rng.random() == other.rng.random()
    assert one.agents[0].random is one.random
    one.reset_rng(3)
    one.rng = np.random.default_rng(4)
    one.step()
    other.step()
    assert one.hhi == other.hhi


def test_agents_of_ones_own_live_in_the_model_as_in_mesa():
    model = Regulated(rng=1)
    regulator = model.agents_by_type[Regulator][0]
    assert model.agent_types == [Firm, Regulator]
    assert model.agents_by_type[Firm] is model.agents
    assert regulator not in model.agents
    other = Regulator(model)
    model.step()
    assert regulator.seen == other.seen == [model.top_share]
    assert list(model.own_agents) == list(model.agents.select(agent_type=Regulator)) == [regulator, other]
    assert list(model.agents.select(lambda agent: agent is other, agent_type=Regulator)) == [other]
    other.remove()
    assert list(model.agents_by_type[Regulator]) == [regulator]
    own, model.datacollector = model.datacollector, None  # Mesa's cannot be pickled where it names attributes
    copies = copy.deepcopy(model), pickle.loads(pickle.dumps(model))
    for copied in copies:
        copied.datacollector = own
        copied.step()
        assert len(copied.agents_by_type[Regulator][0].seen) == 2
        assert len(regulator.seen) == 1
    plain = MarketModel(BUSY, rng=1)
    plain.step()
    assert plain.hhi == model.hhi


@pytest.mark.parametrize(
    ("name", "value"),
    [("network_effect", 1.2), ("churn", 0.9), ("capacity", 9), ("sectors", ()), ("scenario", Scenario()), ("seed", 4)],
)
def test_what_a_model_was_made_with_cannot_be_set(model, name, value):
    before = getattr(model, name)
    with pytest.raises(InputError, match=rf"^{name} = .* make another one with MarketModel\(…, (rng|{name})=…\)$"):
        setattr(model, name, value)
    assert getattr(model, name) == before
    setattr(model, name, before)  # which changes nothing, and says nothing else
    with pytest.raises(InputError, match=r"^hhi = 3: hhi is a measure of the market"):
        model.hhi = 3
    model.note = "an attribute of the user's own"
    assert not hasattr(model, "netwrok_effect")


def test_the_package_shows_its_public_names():
    assert set(abm.__all__) <= set(dir(abm))


# ----------------------------------------------------------------------------------------------- DataCollector


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


# ---------------------------------------------------------------------------------------------------- batch_run


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


# Mesa 3.3, which pip serves for the oldest Python, has no such argument; its own way to seed is tested above.
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


# ------------------------------------------------------------------------------------------ spaces and networks


def spaces(model):
    yield SingleGrid(40, 40, False), lambda i: (i % 40, i // 40)
    yield MultiGrid(5, 5, True), lambda i: (i % 5, i % 3)
    yield ContinuousSpace(10, 10, True), lambda i: (i % 10, i % 7)
    networkx = pytest.importorskip("networkx")
    yield NetworkGrid(networkx.path_graph(5)), lambda i: i % 5


@pytest.mark.parametrize("which", range(4))
def test_spaces_take_firms_and_agents_of_ones_own(which):
    model = Regulated(rng=3)
    space, place = list(spaces(model))[which]
    firms = list(model.agents)
    for firm in firms:
        space.place_agent(firm, place(firm.unique_id))
    space.place_agent(model.agents_by_type[Regulator][0], (39, 39) if which == 0 else place(1))
    assert model.agents.get("pos").tolist() == [place(firm.unique_id) for firm in firms]
    for _ in range(40):
        model.step()
    left = [firm for firm in firms if not firm.alive]
    assert left
    for firm in left:
        assert firm.pos == place(firm.unique_id)
        space.remove_agent(firm)
        assert not hasattr(firm, "pos")
        with pytest.raises(AttributeError, match="has left the market"):
            space.place_agent(firm, place(firm.unique_id))
    inside = {agent for agent in space.agents if isinstance(agent, Firm)}
    assert inside == {firm for firm in firms if firm.alive}
    assert model.agents[-1].pos is None  # an entrant is nowhere yet


def test_cells_let_go_of_firms_that_leave():
    grid = mesa.discrete_space.OrthogonalMooreGrid((3, 3), random=moved_on(0).random)
    model = moved_on(0)
    cell = grid[(1, 1)]
    for firm in model.agents:
        firm.cell = cell
    model.agents[0].move_to(grid[(0, 0)])
    for _ in range(40):
        model.step()
    first = set(range(90)) & set(model.agents.get("unique_id"))
    assert {firm.unique_id for firm in cell.agents} | {0} == first | {0}
    model.agents.set("cell", None)
    assert len(cell.agents) == 0


# ------------------------------------------------------------------------------------------------------- the page


@pytest.mark.parametrize("backend", ["matplotlib", "altair"])
def test_solara_viz_shows_and_resets_a_model(backend):
    solara = pytest.importorskip("solara")
    from mesa.visualization import SolaraViz, make_plot_component

    shown = make_plot_component("hhi", backend=backend)
    parameters = {"scenario": "one-market", "network_effect": 0.3, "rng": 5}
    model = MarketModel(**parameters)
    model.step()
    _, context = solara.render(SolaraViz(model, components=[shown], model_params=parameters), handle_error=False)
    context.close()
    page = sys.modules["mesa.visualization.solara_viz"]
    if hasattr(page, "_build_model_init_kwargs"):
        build = page._build_model_init_kwargs
        options = {"add_scenario_when_empty": True, "require_model_accepts_scenario": True}
        assert build(model, parameters, **options) == parameters
        assert "scenario" in build(mesa.Model(), {}, **options)  # other models as ever


# ---------------------------------------------------------------------------------------------- versions, the table


def test_a_mesa_that_is_not_known_is_said_in_a_line():
    for known in ("3.3.0", "3.3.1", "3.4.2", "3.5.1"):
        check_version(known)
    for unknown in ("2.4.0", "3.2.0", "4.0.0", "4.0.0a1", "10.1"):
        with pytest.raises(UnknownMesa, match=rf"^Mesa {re.escape(unknown)} is installed; abm works with Mesa 3.3 to"):
            check_version(unknown)
    with pytest.warns(UserWarning, match="Mesa 3.9.1 is newer than those that abm was tested with"):
        check_version("3.9.1")


def test_every_row_of_the_table_names_its_test_and_every_test_its_row():
    text = files("abm").joinpath("docs/mesa.md").read_text(encoding="utf-8")
    named = re.findall(r"^\|.*\| `(test_\w+)` \|$", text, flags=re.MULTILINE)
    assert sorted(named) == sorted(name for name in globals() if name.startswith("test_"))
