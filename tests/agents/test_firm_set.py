"""The firms of the Mesa view as agents: what is read of them, chosen among them, and changed by hand."""

import copy

import mesa
import numpy as np
import pandas as pd
import pytest
from mesa.agent import Agent

from abm import InputError, MarketModel, Scenario, simulate
from abm.agents.adapter import AgentSet
from abm.agents.firm import ROWS, Firm
from abm.agents.firm_set import FirmSet
from tests import twin
from tests.markets import Draws, plain
from tests.mesa_view import BUSY, LEVELS, assert_equals_engine, assert_same_frame, history, moved_on

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
    assert isinstance(model.agents, AgentSet)
    assert isinstance(model.agents[0], mesa.Agent)


def test_no_method_of_mesas_agent_set_reaches_for_agents_that_are_not_there():
    mine = set(vars(FirmSet))
    reaching = {
        name for kind in AgentSet.__mro__ for name, method in vars(kind).items()
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
    assert not model.changes.pending


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
    assert model.changes.pending
    assert model.firms["share"].iloc[0] == expected
    firm.B = 25.0
    assert model.firms["share"].iloc[0] == pytest.approx(25 / (25 + others), rel=1e-12)


# ------------------------------------------------------------------------------------------- changes by hand


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
