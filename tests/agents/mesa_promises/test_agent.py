"""Firms and sets of firms, beside Mesa's agents and AgentSet."""

import numpy as np
import pytest

from abm import InputError, MarketModel
from abm.agents.adapter import AgentSet
from abm.agents.firm import Firm
from tests.agents.mesa_promises.regulated import Regulator
from tests.mesa_view import moved_on


@pytest.fixture
def model() -> MarketModel:
    return moved_on(3)


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


def test_firms_are_removed_as_agents_are(model):
    firm, firms = model.agents[0], list(model.agents)
    firm.remove()
    assert (firm.alive, firm in model.agents, len(model.agents)) == (False, False, len(firms) - 1)
    regulator = Regulator(model)
    model.remove_all_agents()
    assert (len(model.agents), regulator in model.own_agents) == (0, False)
    assert set(model.lives["reason"].dropna()) >= {"closed"}


def test_firms_are_not_added_or_given_other_attributes(model):
    firm = model.agents[0]
    for refused in (
        lambda: model.agents.add(firm),
        lambda: model.agents.discard(firm),
        lambda: model.agents.shuffle(inplace=True),
        lambda: model.register_agent(firm),
        lambda: model.deregister_agent(firm),
        lambda: Firm.create_agents(model, 3),
        lambda: Firm(model),
    ):
        with pytest.raises(InputError, match="firms enter by model"):
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
