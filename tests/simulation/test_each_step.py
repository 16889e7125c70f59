"""A function of the user's that sees, and may change, the market before each step of a run."""

import contextlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abm import InputError, MarketModel, simulate
from tests.market.test_invariants import assert_row_follows, names_of, rows_of
from tests.markets import scenarios
from tests.mesa_view import BUSY, assert_equals_engine, assert_same_frame


def meddle(model: MarketModel) -> None:
    """Found, close, merge and change some firms, and set parameters, as the model's own generator says."""
    random, firms = model.random, model.agents
    if random.random() < 0.3:
        return
    if len(firms) > 1 and random.random() < 0.5:
        a, b = random.sample(list(firms), 2)
        model.merge(a, b)
    if len(firms) and random.random() < 0.5:
        model.close(random.sample(list(firms), min(len(firms), random.randint(1, 3))))
    for _ in range(random.randint(0, 3)):
        sector, strategy = random.choice(model.market.sector_names), random.choice(model.market.strategy_names)
        with contextlib.suppress(InputError):  # no vacant slot
            model.found(sector, strategy, C=random.uniform(0.1, 3.0)).theta = random.uniform(0.05, 0.95)
    if len(firms) and random.random() < 0.5:
        firm = random.choice(list(firms))
        firm.B, firm.T = random.uniform(0.0, 5.0), random.uniform(0.5, 2.0)
        firm.strategy = random.choice(model.market.strategy_names)
    if random.random() < 0.1:
        model.close(firms)
    if random.random() < 0.2:
        model.set(churn=random.uniform(0.05, 1.0), network_effect=random.uniform(0.0, 1.0), entry_rate=random.random())


def test_a_function_that_does_nothing_changes_no_bit():
    assert_same_run(simulate(BUSY, 3, each_step=lambda model: None), simulate(BUSY, 3))


def assert_same_run(ours, theirs):
    for name in ("steps", "sectors", "firms", "lives"):
        assert_same_frame(getattr(ours, name), getattr(theirs, name))
    pd.testing.assert_series_equal(ours.outcomes, theirs.outcomes, check_exact=True)


def test_a_run_with_a_function_is_that_of_a_model_between_whose_steps_it_is_called():
    model = MarketModel(BUSY, rng=3)
    for _ in range(BUSY.steps):
        meddle(model)
        model.step()
    assert_equals_engine(model, simulate(BUSY, 3, each_step=meddle))
    assert_same_run(simulate(BUSY, 3, each_step=meddle, threads=2), simulate(BUSY, 3, each_step=meddle))


def test_what_is_kept_of_the_steps_does_not_change_the_outcomes():
    every = simulate(BUSY, 3, each_step=meddle)
    for kept in (0, 7):
        some = simulate(BUSY, 3, each_step=meddle, every=kept)
        pd.testing.assert_series_equal(some.outcomes, every.outcomes, check_exact=True)
        if kept:
            assert_same_frame(some.steps, every.steps.loc[kept::kept].set_axis(some.steps.index))


def test_the_function_reads_the_measures_of_the_last_step():
    seen = []
    steps = simulate(BUSY, 3, every=50, each_step=lambda model: seen.append((model.steps_done, model.hhi))).steps
    whole = simulate(BUSY, 3).steps
    assert [step for step, _ in seen] == list(range(BUSY.steps))
    assert [hhi for _, hhi in seen[1:]] == whole["hhi"].tolist()[:-1]
    assert steps.index.tolist() == [50]


def test_what_a_function_cannot_do_is_refused():
    for function, message in (
        (lambda model: model.step(), "the run makes the steps"),
        (lambda model: model.outcomes(), "when it is over"),
        (lambda model: setattr(model, "churn", 0.3), "churn = 0.3"),
    ):
        with pytest.raises(InputError, match=message):
            simulate(BUSY, 3, each_step=function)
    with pytest.raises(InputError, match="each_step = 3 is not a function of the model"):
        simulate(BUSY, 3, each_step=3)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=scenarios(), seed=st.integers(0, 2**63 - 1))
def test_random_interventions_keep_the_identities_of_a_market(scenario, seed):
    result = simulate(scenario, seed, panel=1, each_step=meddle)
    firms, lives, steps = result.firms, result.lives, result.steps
    start = result.panel[result.panel.step == 0]
    before = [scenario.initial_firms] + [(start.sector == sector.name).sum() for sector in scenario.sectors]
    for first, rows in zip(before, rows_of(result), strict=True):
        assert (rows["firms"].shift(1, fill_value=first) + rows["entries"] - rows["exits"] == rows["firms"]).all()
        shares = rows[[f"share_{name}" for name in names_of(scenario)]][rows["firms"] > 0]
        np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-9)
        assert rows["instability"].between(0.0, 1.0 + 1e-9).all()
        assert rows["leader_changed"].isin([0, 1]).all()
    # lives
    assert lives["id"].tolist() == list(range(len(lives)))
    left = lives[lives.exit_step.notna()]
    assert left.groupby("exit_step").size().reindex(steps.index, fill_value=0).tolist() == steps["exits"].tolist()
    entered = lives[lives.entry_step > 0].groupby("entry_step").size()
    assert entered.reindex(steps.index, fill_value=0).tolist() == steps["entries"].tolist()
    diverged = left[left.reason == "diverged"].groupby("exit_step").size().reindex(steps.index, fill_value=0)
    assert diverged.tolist() == steps["diverged"].tolist()
    assert (lives["entry_step"] == 0).sum() == scenario.initial_firms
    living = lives[lives.exit_step.isna()]
    assert living["id"].tolist() == firms["id"].tolist()
    assert living["strategy"].tolist() == firms["strategy"].tolist()
    assert left["reason"].isin(["failed", "diverged", "closed", "acquired"]).all()
    assert (left["exit_step"] >= left["entry_step"]).all()
    panel = result.panel
    share = panel["B"] / panel.groupby(["step", "sector"])["B"].transform("sum")
    peak = share.groupby(panel["id"]).max()
    np.testing.assert_allclose(lives.set_index("id")["peak_share"].loc[peak.index], peak, rtol=1e-9, atol=1e-9)
    # outcomes
    initial = lives[lives.entry_step == 0]
    assert result.outcomes["survival"] == pytest.approx(initial["exit_step"].isna().mean())
    window = steps.tail(-(-scenario.steps // 4))
    for name in steps:
        assert result.outcomes[name] == pytest.approx(window[name].mean(), rel=1e-9, abs=1e-9, nan_ok=True), name
    # measures from the firms that live
    assert_row_follows(steps.iloc[-1], firms, scenario)
    last = result.sectors[result.sectors.step == scenario.steps].set_index("sector")
    for sector in scenario.sectors:
        assert_row_follows(last.loc[sector.name], firms[firms.sector == sector.name], scenario)
    # shares of the panel by slot
    slots = lives.set_index("id")["sector"]
    assert (panel["sector"] == slots.loc[panel["id"]].to_numpy()).all()
