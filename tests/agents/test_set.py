"""Parameters of the market that are set between two steps of the Mesa view."""

import pytest

from abm import InputError, MarketModel, simulate
from tests.mesa_view import BUSY, assert_equals_engine, history, moved_on


def run_to(model: MarketModel, step: int) -> None:
    while model.steps_done < step:
        model.step()


def test_a_run_with_parameters_set_on_the_way_is_that_of_its_scenario_to_the_last_bit():
    model = moved_on(9)
    model.set(network_effect=0.1, churn=0.9)
    run_to(model, 20)
    model.set(**{"sectors.enterprise.quality_elasticity": 3.0, "demand_factor": 1.5, "weight": 2.0})
    model.set(demand_factor=1.5)
    run_to(model, 30)
    model.set(seed=7, churn=0.2, review_interval=5)
    run_to(model, BUSY.steps)
    assert [change.step for change in model.scenario.changes] == [10, 21, 21, 31]
    assert_equals_engine(model, simulate(model.scenario, 3))
    before, without = history(model), history(moved_on(30))
    assert before.loc[:9].equals(without.loc[:9])
    assert before.loc[10, "hhi"] != without.loc[10, "hhi"]


def test_a_value_that_is_set_is_seen_at_once_and_holds_over_changes_of_the_scenario():
    planned = [{"name": "planned", "step": 5, "until": 15, "churn": 0.6, "ramp": 4}]
    model = moved_on(0, scenario=BUSY.replace(changes=planned))
    assert model.churn == BUSY.churn
    run_to(model, 5)
    assert model.churn == pytest.approx(BUSY.churn + (0.6 - BUSY.churn) / 2)  # the second step of the ramp
    run_to(model, 10)
    assert model.churn == 0.6
    model.set(churn=0.3)
    assert (model.churn, model.network_effect) == (0.3, BUSY.network_effect)
    run_to(model, 20)
    assert model.churn == 0.3
    run_to(model, BUSY.steps)
    assert_equals_engine(model, simulate(model.scenario, 3))


def test_parameters_can_be_set_beyond_the_scenarios_last_step():
    model = moved_on(12, scenario=BUSY.replace(steps=10))
    model.set(churn=0.9)
    model.step()
    assert model.scenario.steps == 13
    assert_equals_engine(model, simulate(model.scenario, 3))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"chrun": 0.3}, r"unknown key 'chrun' \(did you mean 'churn'\?\)"),
        ({"churn": 0.0}, r"churn = 0.0 is outside \(0, 1\]"),
        ({"capacity": 9}, "capacity cannot change on the way"),
        ({"runway": float("inf")}, "it goes neither to nor from inf"),
        ({"sectors.nlp.churn": 0.3}, "unknown key 'sectors.nlp.churn'"),
        ({"step": 3, "churn": 0.3}, r"set\(step=3\): values are set from the next step on"),
        ({}, "nothing changes; give at least one parameter"),
    ],
)
def test_what_cannot_be_set_is_refused_and_changes_nothing(given, message):
    model = moved_on(3)
    with pytest.raises(InputError, match=message):
        model.set(**given)
    assert model.scenario == BUSY


def test_a_function_before_each_step_may_set_parameters():
    def rule(model):
        if model.steps_done and model.sector_hhi > 700 and model.churn < 0.9:
            model.set(churn=0.9)

    result = simulate(BUSY, 3, each_step=rule)
    assert len(result.scenario.changes) == 1
    assert simulate(result.scenario, 3).steps.equals(result.steps)


@pytest.mark.parametrize(
    "name",
    ["quality_elasticity", "demand_growth", "monetisation", "technology_weight", "weight", "demand_share", "policy"],
)
def test_parameters_of_sectors_and_strategies_are_no_attributes_to_set(name):
    model = moved_on(3)
    fixed = name in ("demand_share", "policy")
    call = (
        "a model keeps what it was made with"
        if fixed
        else rf"model\.set\({name}=0\.9\) changes it from the next step on"
    )
    with pytest.raises(InputError, match=rf"^{name} = 0\.9: {call}; MarketModel\(…, {name}=…\) makes another one$"):
        setattr(model, name, 0.9)
    assert not hasattr(model, name)


def test_a_factor_of_demand_is_set_by_its_call():
    model = moved_on(3)
    with pytest.raises(
        InputError, match=r"^demand_factor = 2: model\.set\(demand_factor=2\) changes it from the next step on$"
    ):
        model.demand_factor = 2


@pytest.mark.parametrize("name", ["market", "changes", "views", "_living", "_collector"])
def test_what_a_model_rests_on_is_kept(name):
    model = moved_on(3)
    with pytest.raises(InputError, match=rf"^{name} = \[\]: a model keeps its own "):
        setattr(model, name, [])
    model.step()
    assert model.hhi == moved_on(4).hhi
