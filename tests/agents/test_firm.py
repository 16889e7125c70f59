"""A firm of the Mesa view by itself: what is read of it and set, and what it says when it has left."""

import pytest

from abm import InputError, MarketModel
from abm.agents.firm import Firm
from tests.mesa_view import assert_same_frame, moved_on


@pytest.fixture
def model() -> MarketModel:
    return moved_on(20)


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
    for name in ("share", "sector", "unique_id", "slot", "name"):
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
