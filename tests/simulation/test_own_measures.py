"""Measures of the user's own beside the built-in ones: in steps, outcomes and the Mesa view."""

import numpy as np
import pandas as pd
import pytest

from abm import MarketModel, Scenario, simulate, simulate_many
from abm.errors import StepError
from abm.scenario.rules import UserFunction
from abm.simulation.own_measures import read_measures
from tests.mesa_view import BUSY, assert_equals_engine, assert_same_frame, history
from tests.scenario_texts import refusal


def share_of_young(firms):
    return (firms.age < 8).mean()


def everything(firms):
    total = firms.T.sum() + firms.C.sum() + firms.P.sum() + firms.R.sum() + firms.Q.sum() + firms.B.sum()
    total += firms.F.sum() + firms.theta.sum() + firms.omega.sum() + firms.R_smoothed.sum() + firms.R_reviewed.sum()
    total += firms.T0.sum() + firms.C0.sum() + firms.R0.sum() + firms.k1.sum() + firms.k2.sum() + firms.k3.sum()
    return total + firms.memory.sum() + firms.strategy.sum() + firms.id.sum() + 100.0 * firms.sector.sum()


def third_sector_only(firms):
    return firms.B[firms.sector == 2.0].sum()


def raises(firms):
    if firms.age.max() > 12.0:
        raise ValueError("old")
    return 1.0


OWN = {"share_of_young": share_of_young, "everything": everything, "third": third_sector_only}


def test_a_measure_is_what_pandas_makes_of_the_firms_that_live():
    result = simulate(BUSY, 3, measures=OWN, panel=1)
    firms, row = result.firms, result.steps.iloc[-1]
    assert row["share_of_young"] == pytest.approx((firms["age"] < 8).mean())
    names = [
        *"TCPRQBF",
        "theta",
        "omega",
        "R_smoothed",
        "R_reviewed",
        "T0",
        "C0",
        "R0",
        "k1",
        "k2",
        "k3",
        "direction",
        "id",
    ]
    sectors = [sector.name for sector in BUSY.sectors]
    strategies = [strategy.name for strategy in BUSY.strategies]
    expected = firms[names].sum().sum() + firms["strategy"].map(strategies.index).sum()
    assert row["everything"] == pytest.approx(expected + 100.0 * firms["sector"].map(sectors.index).sum(), rel=1e-12)
    by_step = result.panel[result.panel["sector"] == sectors[2]].groupby("step")["B"].sum()
    assert result.steps["third"].tolist() == pytest.approx(by_step.loc[1:].tolist())
    window = result.steps.tail(15)
    for name in OWN:
        assert result.outcomes[name] == pytest.approx(window[name].mean())
    assert not set(OWN) & set(result.sectors)


@pytest.mark.parametrize("level", ["light", "full"])
def test_measures_change_nothing_else_and_are_the_same_on_every_path(level):
    with_own, without = simulate(BUSY, 3, collect=level, measures=OWN), simulate(BUSY, 3, collect=level)
    assert_same_frame(with_own.steps.drop(columns=list(OWN)), without.steps)
    assert_same_frame(with_own.sectors, without.sectors)
    pd.testing.assert_series_equal(with_own.outcomes.drop(list(OWN)), without.outcomes, check_exact=True)
    model = MarketModel(BUSY, rng=3, collect=level, measures=OWN)
    assert model.share_of_young == history(model)["share_of_young"].iloc[0] == 1.0
    model.run_model()
    assert_equals_engine(model, with_own)
    assert model.third == with_own.steps["third"].iloc[-1]
    many = simulate_many([BUSY], [2, 3], collect=level, every=7, measures=OWN)
    assert_same_frame(many.steps.loc[0, 3], with_own.steps.loc[7::7])
    assert many.outcomes.loc[(0, 3), "third"] == with_own.outcomes["third"]
    assert_same_frame(simulate(BUSY, 3, collect=level, measures=OWN, threads=2).steps, with_own.steps)


def test_a_measure_cannot_write_to_what_other_measures_see():
    source = "def own(firms):\n    firms.{}\n    return firms.T.mean()\n"
    for change in ("T[:] = 100.0", "T[0] += 1.0", "B.sort()", "T[firms.T > 1.0] = 1.0"):
        told = refusal(simulate, BUSY, 3, measures={"own": UserFunction("m.py:own", source.format(change))})
        assert "cannot be compiled: Cannot modify readonly array" in told, change
        assert told.endswith("(m.py, line 2)")


def test_an_empty_market_has_no_measure():
    scenario = Scenario(capacity=5, steps=40, runway=0.01, entry_rate=0.0, R0=0.1)
    steps = simulate(scenario, 1, measures={"young": share_of_young}).steps
    assert steps["firms"].iloc[-1] == 0
    assert np.isnan(steps["young"].iloc[-1])


def test_a_measure_that_raises_ends_the_run_with_the_step():
    for run in (
        lambda: simulate(BUSY, 3, measures={"broken": raises}),
        lambda: simulate(BUSY, 3, measures={"broken": raises}, threads=2),
        lambda: simulate_many([BUSY], [3], measures={"broken": raises}),
    ):
        with pytest.raises(StepError, match=r"^measure broken: it raised an error at step \d+$"):
            run()


@pytest.mark.parametrize(
    ("measures", "message"),
    [
        ({"hhi": share_of_young}, "measures: hhi is the name of a column or an outcome that there is already"),
        ({"survival": share_of_young}, "survival is the name of a column or an outcome"),
        ({"churn": share_of_young}, "measures: churn is the name of a parameter"),
        ({"quality_elasticity": share_of_young}, "measures: quality_elasticity is the name of a parameter"),
        ({"lives": share_of_young}, "measures: lives is a name that MarketModel, whose attributes measures are, has"),
        ({"my share": share_of_young}, "measures: 'my share' is not a name of letters, digits and _"),
        ({"young": 3}, "measure young: 3 is not a function of (firms) made by def or lambda"),
        ({"young": lambda firms: firms.ages.mean()}, "Unknown attribute 'ages'"),
        (
            {"young": lambda firms: firms.age},
            "measure young: it returns readonly array(float64, 1d, C); due is a number",
        ),
        ([share_of_young], "is not functions by name"),
    ],
)
def test_what_is_no_measure_is_refused(measures, message):
    assert message in refusal(simulate, BUSY, 3, measures=measures)


def test_no_attribute_of_a_model_is_hidden_by_a_measure():
    model = MarketModel(BUSY, rng=3, measures={"own": share_of_young})
    names = {name for name in (*dir(model), *vars(model)) if not name.startswith("_")} - {"own"}
    assert {"agents", "changes", "outcomes", "scenario", "step"} <= names
    for name in sorted(names):
        assert refusal(MarketModel, BUSY, rng=3, measures={name: share_of_young}).startswith(f"measures: {name} is ")
    assert not hasattr(model, "agent")


MINE = """
def young(firms):
    return (firms.age < 8).mean()

def large(firms):
    return firms.B.max()

names = {"share_of_young": young, "largest": large}
twice = {"young": young, "young": large}
unnamed = {"young": lambda firms: 1.0}
"""


def test_measures_are_named_one_by_one_or_by_a_dictionary_of_a_file(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    one, both = read_measures("mine.py:young", tmp_path, []), read_measures("mine.py:young, large", tmp_path, [])
    assert (list(one), list(both)) == (["young"], ["young", "large"])
    assert {name: each.name for name, each in read_measures("mine.py:names", tmp_path, []).items()} == {
        "share_of_young": "young",
        "largest": "large",
    }
    assert simulate(BUSY, 3, measures=both).outcomes["young"] > 0
    for text, message in (
        ("mine.py:yuong", "defines no function 'yuong' (did you mean 'young'?)"),
        ("none.py:young", "No such file"),
        ("mine.py", "is not of the form FILE.py:NAMES"),
        ("mine.py:young,large, young", "young is there twice"),
        ("mine.py:twice", "measures = 'mine.py:twice': 'young' is there twice"),
        ("mine.py:unnamed", "line 10 is not a text with the name of a function"),
    ):
        assert message in refusal(read_measures, text, tmp_path, [])
