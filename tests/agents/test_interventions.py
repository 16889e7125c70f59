"""Firms founded, closed and merged by hand in a market of the Mesa view."""

import pickle

import numpy as np
import pytest

from abm import InputError, MarketModel, Scenario
from tests.mesa_view import BUSY, assert_same_frame, history, moved_on


@pytest.fixture
def model() -> MarketModel:
    return moved_on(20)


def test_a_founded_firm_lives_at_once_and_counts_as_an_entry_of_the_next_step(model):
    number = model.market.state.counters["next_id"][0]
    ids = model.agents.get("unique_id").tolist()
    firm = model.found("nlp_vision", "adaptive", T=3.0, theta=0.9)
    assert (firm.unique_id, firm.strategy, firm.age) == (number, "adaptive", 0)
    assert (firm.T, firm.Q, firm.theta) == (3.0, 3.0, 0.9)
    assert model.agents.get("unique_id").tolist() == [*ids, number]
    assert model.firms["share"].groupby(model.firms["sector"]).sum().tolist() == pytest.approx([1.0] * 4)
    before = len(ids)
    model.step()
    row = history(model).iloc[-1]
    assert before + row["entries"] - row["exits"] == row["firms"]
    assert row["entries"] == (model.lives["entry_step"] == 21).sum()
    life = model.lives.set_index("id").loc[number]
    assert (life["entry_step"], life["strategy"], life["sector"]) == (21, "adaptive", "nlp_vision")
    assert model.lives["id"].tolist() == list(range(len(model.lives)))
    assert model.lives.query("entry_step == 0").shape[0] == BUSY.initial_firms


def test_a_founded_firm_is_an_entrant_without_noise(model):
    table = model.firms.query("sector == 'health_finance'")
    mean_T, n = table["T"].mean(), len(table)
    demand = model.market.state.sectors["demand"][3]
    firm = model.found("health_finance", "market_first")
    scenario = model.scenario
    learned = (1 - scenario.entrant_catch_up) * scenario.T0 + scenario.entrant_catch_up * mean_T
    customers = scenario.entrant_base * demand / n
    start = (firm.T0, firm.B)
    assert start == pytest.approx((learned, customers), rel=1e-12)
    assert (firm.T, firm.Q) == (firm.T0, firm.T0)
    assert (firm.C, firm.P, firm.R) == (scenario.C0, scenario.R0, scenario.R0)
    assert (firm.F, firm.theta, firm.k1, firm.direction) == (scenario.runway, 0.2, scenario.k1, 1)


def test_a_full_sector_takes_no_firm_until_one_is_closed():
    model = MarketModel(Scenario(capacity=5, initial_firms=5), rng=1)
    with pytest.raises(InputError, match=r"^sector 'market' has no vacant slot for a firm: all 5 hold one; give"):
        model.found("market", model.market.strategy_names[0])
    model.agents[2].remove()
    firm = model.found("market", model.market.strategy_names[0])
    assert (firm.slot, firm.unique_id) == (2, 5)


def test_what_cannot_be_founded_closed_or_merged_is_refused_and_changes_nothing(model):
    before, firms = model.firms, model.agents
    gone = firms[3]
    other = moved_on(3).agents[0]
    for refused, message in (
        (lambda: model.found("nlp_vison", "adaptive"), r"sector = 'nlp_vison' is not .* \(did you mean 'nlp_vision'"),
        (lambda: model.found("nlp_vision", "adaptve"), r"strategy = 'adaptve' is not .* \(did you mean 'adaptive'"),
        (lambda: model.found("nlp_vision", "adaptive", T=-1), r"T = -1 is outside \[1e-6, 1e9\]"),
        (lambda: model.close([firms[0], other]), "is not a firm of this model"),
        (lambda: model.close(3), "is neither a firm nor some firms"),
        (lambda: model.close([firms[0], 3]), "3 is not a firm of this model"),
        (lambda: model.merge(firms[0], firms[0]), "cannot take over itself"),
        (lambda: setattr(firms[0], "strategy", "adaptve"), "did you mean 'adaptive'"),
    ):
        with pytest.raises(InputError, match=message):
            refused()
    with pytest.raises(AttributeError, match="no attribute 'wealth'"):
        model.found("nlp_vision", "adaptive", wealth=3)
    assert_same_frame(model.firms, before)
    gone.remove()
    for refused in (gone.remove, lambda: model.merge(firms[0], gone), lambda: model.close(gone)):
        with pytest.raises(InputError, match=f"^firm {gone.unique_id} has left the market$"):
            refused()


def test_closed_firms_leave_with_their_record_and_count_as_exits_of_the_next_step(model):
    few = model.agents.select(at_most=3)
    views, before = list(few), model.firms.set_index("id")
    model.close(few)
    assert not any(view.alive for view in views)
    assert len(few) == 0
    assert not set(model.views) & {view.unique_id for view in views}
    lives = model.lives.set_index("id")
    for view in views:
        life = lives.loc[view.unique_id]
        assert (life["exit_step"], life["reason"]) == (21, "closed")
        for name in ("T", "C", "P", "R", "Q", "B", "F", "theta", "T0", "k3"):
            assert life[name] == before.loc[view.unique_id, name]
    model.step()
    row = history(model).iloc[-1]
    assert len(before) + row["entries"] - row["exits"] == row["firms"]
    assert (model.lives["exit_step"] == 21).sum() == row["exits"] >= 3
    assert model.lives["id"].is_unique


def test_a_merger_joins_customers_and_funds_and_keeps_the_better_technology(model):
    first, second = model.agents.select(model.agents.get("sector") == "nlp_vision")[:2]
    before = model.firms.set_index("id").loc[[first.unique_id, second.unique_id]]
    model.merge(first, second)
    after = {name: getattr(first, name) for name in ("B", "F", "T", "Q", "C", "theta")}
    kept = before.iloc[0]
    joined = before[["B", "F"]].sum().to_dict() | before[["T", "Q"]].max().to_dict()
    assert after == joined | {"C": kept["C"], "theta": kept["theta"]}
    life = model.lives.set_index("id").loc[second.unique_id]
    assert (life["reason"], life["exit_step"], life["B"]) == ("acquired", 21, before.iloc[1]["B"])
    model.step()
    assert not second.alive


def test_a_firm_goes_on_by_the_policy_of_its_new_strategy():
    never = BUSY.replace(review_interval=1, competitiveness_noise=0.0)
    model = moved_on(3, scenario=never)
    fixed = model.agents.select(model.agents.get("strategy") == "balanced")
    half = fixed.select(at_most=0.5)
    half.set("strategy", "adaptive")
    assert set(half.get("strategy")) == {"adaptive"}
    counts = model.firms["strategy"].value_counts()
    model.step()
    assert (np.abs(half.get("theta") - 0.5) > 0.04).all()
    others = [firm for firm in fixed if firm.strategy == "balanced"]
    assert {firm.theta for firm in others} == {0.5}
    assert abs(model.firms_adaptive - counts["adaptive"]) <= model.entries + model.exits


def test_shares_and_the_leader_of_the_next_row_tell_of_what_was_done(model):
    leader = model.agents.sort("B")[0]
    table = model.firms
    before = table["B"] / table["B"].sum()
    before.index = table["slot"]
    model.close(leader)
    model.found("nlp_vision", "balanced")
    model.step()
    table = model.firms
    now = table["B"] / table["B"].sum()
    now.index = table["slot"]
    row = history(model).iloc[-1]
    assert row["leader_changed"] == 1
    assert row["instability"] == pytest.approx(now.sub(before, fill_value=0.0).abs().sum() / 2, rel=1e-12)


def test_a_new_firm_takes_a_slot_that_held_none_at_the_last_row(model):
    slots = model.market.layout.slots[0]
    vacant = set(range(slots)) - set(model.agents.get("slot"))
    first = model.agents[0]
    assert first.slot < min(vacant)
    model.close(first)
    for _ in range(len(vacant)):
        assert model.found("nlp_vision", "balanced").slot in vacant
    assert model.found("nlp_vision", "balanced").slot == first.slot


def test_all_firms_can_be_closed_and_the_market_goes_on(model):
    model.close(model.agents)
    assert len(model.agents) == 0
    for _ in range(5):
        model.step()
    assert model.steps_done == 25
    assert len(model.agents) == history(model)["firms"].iloc[-1] > 0  # entry refills it
    assert history(model)["exits"].iloc[21] == history(model)["firms"].iloc[20]


def test_a_model_with_changes_by_hand_can_be_copied_and_pickled(model):
    model.agents[0].remove()
    model.found("nlp_vision", "balanced")
    copied = pickle.loads(pickle.dumps(model))
    for each in (model, copied):
        each.step()
    assert_same_frame(history(model), history(copied))
    assert_same_frame(model.lives, copied.lives)
