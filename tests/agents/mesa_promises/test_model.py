"""The model beside Mesa's, the names of the package and the versions of Mesa."""

import copy
import pickle
import re

import numpy as np
import pytest

import abm
from abm import InputError, MarketModel, Scenario
from abm.agents.adapter import UnknownMesa, check_version
from abm.agents.firm import Firm
from tests.agents.mesa_promises.regulated import Regulated, Regulator
from tests.mesa_view import BUSY, moved_on


@pytest.fixture
def model() -> MarketModel:
    return moved_on(3)


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


SETTABLE = ("network_effect", "churn", "seed")


@pytest.mark.parametrize(
    ("name", "value"),
    [("network_effect", 1.2), ("churn", 0.9), ("capacity", 9), ("sectors", ()), ("scenario", Scenario()), ("seed", 4)],
)
def test_what_a_model_was_made_with_cannot_be_set(model, name, value):
    before = getattr(model, name)
    call = rf"model\.set\({name}=.*\) changes it from the next step on" if name in SETTABLE else "a model keeps what it"
    with pytest.raises(InputError, match=rf"^{name} = .*{call}.*; MarketModel\(…, (rng|{name})=…\) makes another one$"):
        setattr(model, name, value)
    assert getattr(model, name) == before
    setattr(model, name, before)  # which changes nothing, and says nothing else
    with pytest.raises(InputError, match=r"^hhi = 3: hhi is a measure of the market"):
        model.hhi = 3
    model.note = "an attribute of the user's own"
    assert not hasattr(model, "netwrok_effect")


def test_the_package_shows_its_public_names():
    assert set(abm.__all__) <= set(dir(abm))


def test_a_mesa_that_is_not_known_is_said_in_a_line():
    for known in ("3.3.0", "3.3.1", "3.4.2", "3.5.1"):
        check_version(known)
    for unknown in ("2.4.0", "3.2.0", "4.0.0", "4.0.0a1", "10.1"):
        with pytest.raises(UnknownMesa, match=rf"^Mesa {re.escape(unknown)} is installed; abm works with Mesa 3.3 to"):
            check_version(unknown)
    with pytest.warns(UserWarning, match="Mesa 3.9.1 is newer than those that abm was tested with"):
        check_version("3.9.1")
