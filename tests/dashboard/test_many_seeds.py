"""Two runs over many seeds: the differences, their intervals, the design that is taken away."""

import time

import numpy as np
import pytest
from scipy import stats

from abm import simulate
from abm.dashboard import many_seeds
from abm.dashboard.many_seeds import (
    SEEDS,
    ManySeeds,
    compared_pair,
    comparison_in_words,
    design_scenario,
    design_toml,
    differences,
)
from abm.dashboard.views import PAIRED, compared_measures, pair_view
from abm.sweeps.design.design import Design
from tests.watching import market_of


@pytest.fixture(scope="module")
def compared():
    market = market_of(made=5, capacity=30, steps=24, changed=("network_effect", 0.9))
    market.move("churn", churn=0.4)
    market.move("network_effect", network_effect=1.2)  # in the run on screen alone
    seeds = ManySeeds(market, lambda: None)
    seeds.thread.join()
    return market, seeds


def test_the_means_are_those_of_the_runs_one_by_one_with_moves_in_both(compared):
    market, seeds = compared
    view = seeds.view
    rows = np.frombuffer(view.news(seeds.rows)["rows"], "<f4").reshape(-1, len(view.columns))
    got = dict(zip(view.columns, rows.T, strict=True))
    one, other = (
        np.array(
            [simulate(each, seed=seed, collect="light").steps[[*PAIRED, "share_balanced"]] for seed in range(SEEDS)]
        )
        for each in (market.given.replace(changes=[*market.other.scenario.changes]), market.other.scenario)
    )
    assert [change.values for change in market.other.scenario.changes] == [{"churn": 0.4}]
    assert seeds.finished == 2 * SEEDS and got["step"].tolist() == list(range(1, 25))
    for place, name in enumerate([*PAIRED, "share_balanced"]):
        pairs = (other - one)[:, :, place] * (100.0 if name == "share_balanced" else 1.0)  # percentage points
        np.testing.assert_allclose(got[f"{name}/mean"], pairs.mean(axis=0), rtol=1e-5, atol=1e-6)
        assert (got[f"{name}/low"] <= got[f"{name}/mean"]).all() and (got[f"{name}/mean"] <= got[f"{name}/high"]).all()
    assert {f"{name}/mean" for name in compared_measures(market)} < set(view.columns)
    assert len(compared_measures(market)) == len(PAIRED) + len(market.market.strategy_names)
    ours, beside = (
        {panel.title.split(":")[0]: panel.y for panel in panels} for panels in (view.panels, pair_view(market))
    )
    assert ours == beside and ours["Share of balanced"] == "difference (percentage points)"
    assert "difference (HHI)" in ours.values()


def test_intervals_are_near_student_s_for_numbers_that_are_normal():
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=(2, 40, 6))
    mean, low, high = differences(one, other, 1)
    half = stats.t.ppf(0.975, 39) * (other - one).std(axis=0, ddof=1) / np.sqrt(40)
    np.testing.assert_allclose(mean, (other - one).mean(axis=0))
    np.testing.assert_allclose([mean - low, high - mean], [half, half], rtol=0.15)


def test_runs_over_seeds_end_when_cancelled_when_the_page_is_closed_and_when_a_run_is_moved():
    for end in (
        lambda market, seeds: setattr(seeds, "cancelled", True),
        lambda market, seeds: market.close(),
        lambda market, seeds: market.move("churn", churn=0.4),
        lambda market, seeds: market.compare_with(None),
    ):
        market = market_of(made=1, capacity=400, steps=4000, changed=("network_effect", 0.9))
        seeds = ManySeeds(market, lambda: None)
        time.sleep(0.2)
        end(market, seeds)
        market.step()  # the page goes on meanwhile
        seeds.thread.join(timeout=30)
        assert not seeds.thread.is_alive() and seeds.view is None and seeds.finished < 2 * SEEDS


def test_a_second_run_in_which_more_than_one_parameter_would_differ_is_refused():
    with pytest.raises(many_seeds.InputError, match="initial_firms = 90 is above capacity = 60"):
        market_of(capacity=60, changed=("initial_firms", 90))


def test_what_does_not_fit_is_said(monkeypatch):
    def refuse(*arguments, **named):
        raise many_seeds.InputError("no memory")

    monkeypatch.setattr(many_seeds, "simulate_many", refuse)
    seeds = ManySeeds(market_of(capacity=20, changed=("churn", 0.5)), lambda: None)
    seeds.thread.join()
    assert seeds.refusal == "no memory" and seeds.view is None


@pytest.mark.parametrize(
    "changed",
    [
        ("network_effect", 0.9),
        ("sectors.enterprise.churn", 0.7),
        ("reading", "rate"),
        ("technology_ceiling", float("inf")),
    ],
    ids=str,
)
def test_the_design_has_both_runs(changed, tmp_path):
    market = market_of(made=5, capacity=30, steps=24, changed=changed)
    market.move("k1", k1=0.8)
    if changed[0] == "network_effect":
        assert comparison_in_words(market) == "network_effect = 0.9 with 0.5, each from the first step on"
        market.move("network_effect", network_effect=1.2)
        assert comparison_in_words(market).endswith(", without the moves of network_effect in this run")
    (tmp_path / "design.toml").write_text(design_toml(market))
    (tmp_path / "design-scenario.toml").write_text(design_scenario(market))
    design = Design.load(tmp_path / "design.toml")
    assert design.replications.count == 100
    points = design.values()
    both = [design.scenario_at(points.iloc[row]) for row in range(len(points))]
    own = {changed[0]: market.given.get(changed[0])}  # a sector's own, now said
    first = market.given.replace(**own, changes=[*market.other.scenario.changes])
    assert [each.to_dict() for each in both] == [first.to_dict(), market.other.scenario.to_dict()]
    assert both == [*compared_pair(market)]
