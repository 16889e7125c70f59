"""Changes by hand in a market of the Mesa view: seen in the next step, and nowhere else."""

import pytest

from abm import MarketModel, simulate
from abm.agents.firm import ROWS
from tests import twin
from tests.markets import Draws, plain
from tests.mesa_view import BUSY, assert_equals_engine, assert_same_frame, history, moved_on


def test_setting_a_value_to_itself_does_not_change_a_bit():
    model = MarketModel(BUSY, rng=3)
    for _ in range(BUSY.steps):
        for name in ROWS:
            model.agents.set(name, model.agents.get(name))
        assert model.changes.pending
        model.step()
    assert_equals_engine(model, simulate(BUSY, 3))


def test_an_age_set_by_hand_leaves_lives_and_rank_correlations_as_they_were():
    model, untouched = moved_on(20), moved_on(20)
    for age in (0, 10_000):
        model.agents.set("age", age)
        assert_same_frame(model.lives, untouched.lives)
    never = BUSY.replace(review_interval=10_000)  # the one thing that a firm's age matters for
    model, untouched = moved_on(20, scenario=never), moved_on(20, scenario=never)
    model.agents.set("age", 1)
    for each in (model, untouched):
        for _ in range(30):
            each.step()
    assert model.agents.get("age").max() < untouched.agents.get("age").max()
    assert_same_frame(model.lives, untouched.lives)
    assert model.outcomes()["rank_tau"] == untouched.outcomes()["rank_tau"]


def test_a_merger_by_hand_is_seen_in_the_next_row():
    model, untouched = moved_on(20), moved_on(21)
    before = model.firms.set_index("id")["B"]
    by_size = model.agents.sort("B")
    buyer, bought = by_size[1], by_size.select(lambda firm: firm in by_size[2:12])
    buyer.B += bought.get("B").sum()
    bought.set("B", 0.0)
    assert buyer.share > 0.0  # which must not make the row before another
    model.step()
    now = model.firms.set_index("id")["B"]
    moved = (now / now.sum()).sub(before / before.sum(), fill_value=0.0).abs().sum() / 2
    row, other = history(model).iloc[-1], history(untouched).iloc[-1]
    assert row["instability"] == pytest.approx(moved, rel=1e-12)
    assert row["instability"] > other["instability"]
    assert (row["leader_changed"], other["leader_changed"]) == (1, 0)
    model.step()
    assert history(model)["instability"].iloc[-1] < moved / 2


def test_share_sums_no_more_than_the_blocks_that_were_changed(monkeypatch):
    model = moved_on(2, scenario=BUSY.replace(capacity=2500, initial_firms=2000))
    monkeypatch.setattr("abm.agents.by_hand.recompute_sums", lambda *_: pytest.fail("the whole market was summed"))
    for firm in model.agents[:600:7]:
        before = firm.share
        firm.B = 2 * firm.B
        assert firm.share > before
    monkeypatch.undo()
    shares = model.agents.get("share")
    model.recompute_sums()
    assert model.agents.get("share").tolist() == shares.tolist()  # to the last bit
    assert shares.tolist() == model.firms["share"].tolist()


CHANGES = {"T": 2.5, "C": 0.7, "P": 3.0, "Q": 1.7, "B": 9.0, "F": 1.0, "theta": 0.9, "omega": 0.1, "k1": 2.0}


def test_changed_firms_go_on_as_the_same_firms_from_a_table():
    # No vacant slot, so that a table has the same slots; a market size that is set does not follow the table's bases.
    scenario = BUSY.replace(initial_firms=BUSY.capacity, market_size=BUSY.capacity)
    model, table = MarketModel(scenario, rng=3), MarketModel(scenario, rng=3).firms
    for row, (name, value) in enumerate(CHANGES.items()):
        setattr(model.agents[10 * row], name, value)
        table.loc[10 * row, name] = value
    from_table = MarketModel(scenario, rng=3, firms=table)
    for _ in range(scenario.steps):
        model.step()
        from_table.step()
    ours, theirs = history(model).loc[1:], history(from_table).loc[1:]
    assert ours.loc[1, "instability"] > theirs.loc[1, "instability"]  # it tells of the changes, too
    ours.loc[1, "instability"] = theirs.loc[1, "instability"]
    assert_same_frame(ours, theirs)
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
    for _ in range(9):
        model.step()
        expected, _ = twin.step(other, draws)
        ours = history(model).iloc[-1]
        for name, value in expected.items():
            assert ours[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name
