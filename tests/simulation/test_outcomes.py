"""Outcomes of a run: words at their thresholds, and windows by hand."""

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abm import Scenario, simulate
from abm.market.measures import measure_names
from abm.market.outcome_numbers import FIRST_GROWTH, numbers_of
from abm.simulation.outcomes import outcome_table
from tests.simulation.windows import window_of


def table_of(strategies=("a", "b"), full=True, **means):
    """Outcomes of one run whose window means are as given; the rest is NaN."""
    names = measure_names(strategies)
    numbers = np.full(numbers_of(len(names)), np.nan)
    numbers[len(names) + FIRST_GROWTH :] = 0.0
    alive = means.pop("alive", 10.0)
    numbers[len(names) : len(names) + FIRST_GROWTH] = 1.0, 10.0, 0.0, math.nan, alive, 0.0, math.nan, 1.0
    filled = {"share_a": 0.5, "share_b": 0.5, "sector_hhi": 500.0, "virtuous_share": 0.0, "weighted_R": 1.0}
    for name, value in (filled | means).items():
        numbers[names.index(name)] = value
    return {name: values[0] for name, values in outcome_table(numbers[np.newaxis], strategies, full).items()}


# ------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("hhi", "word"),
    [
        (10_000.0, "monopoly"),
        (6400.0, "monopoly"),
        (6399.9, "oligopoly"),
        (1800.0, "oligopoly"),
        (1799.9, "moderate"),
        (1000.0, "moderate"),
        (999.9, "fragmented"),
        (1.0, "fragmented"),
    ],
)
def test_structure_follows_its_thresholds(hhi, word):
    assert table_of(sector_hhi=hhi)["structure"] == word
    assert table_of(sector_hhi=hhi, alive=0.0)["structure"] == "collapsed"


def test_about_one_firm_with_80_percent_is_what_the_threshold_of_monopoly_means():
    bases = [80.0] + [1.0] * 20
    firms = pd.DataFrame({"B": bases}).assign(sector="market", strategy="balanced")
    result = simulate(Scenario(steps=1, churn=1e-16, entry_rate=0.0, capacity=21), firms=firms)
    assert result.outcomes["sector_hhi"] == pytest.approx(80.0**2 + 20 * 1.0**2, rel=1e-9)
    assert result.outcomes["structure"] == "monopoly"


@pytest.mark.parametrize(
    ("virtuous_share", "weighted_R", "word"),
    [
        (0.51, 2.0, "virtuous"),
        (0.51, 0.5, "virtuous"),
        (0.5, 0.99, "vicious"),
        (0.0, 0.5, "vicious"),
        (0.5, 1.0, "stagnant"),
        (0.2, 3.0, "stagnant"),
    ],
)
def test_growth_follows_its_thresholds(virtuous_share, weighted_R, word):
    assert table_of(virtuous_share=virtuous_share, weighted_R=weighted_R)["growth"] == word


def test_the_winner_has_the_largest_mean_share_and_a_tie_goes_to_the_earlier():
    assert table_of(share_a=0.4, share_b=0.6)["winner"] == "b"
    assert table_of(share_a=0.6, share_b=0.4)["winner"] == "a"
    assert table_of(share_a=0.5, share_b=0.5)["winner"] == "a"
    assert table_of(("z", "a", "b"), share_z=0.2, share_a=0.4, share_b=0.4)["winner"] == "a"


def test_a_market_that_was_empty_throughout_the_window_has_neither_winner_nor_growth():
    empty = dict.fromkeys(("share_a", "share_b", "sector_hhi", "virtuous_share", "weighted_R"), math.nan)
    table = table_of(alive=0.0, **empty)
    assert (table["structure"], table["winner"], table["growth"]) == ("collapsed", None, None)
    # Refilled at the very end of a window it would have both: emptiness is that of the window.
    assert table_of(alive=0.0)["winner"] == "a"


# ------------------------------------------------------------------------------------------------- windows


@pytest.mark.parametrize("steps", range(1, 14))
def test_outcomes_are_means_over_the_last_quarter_of_the_steps_rounded_up(steps):
    result = simulate(Scenario(steps=steps, capacity=15, technology_noise=0.2), 5)
    length = {1: 1, 2: 1, 3: 1, 4: 1, 5: 2, 6: 2, 7: 2, 8: 2, 9: 3, 10: 3, 11: 3, 12: 3, 13: 4}[steps]
    for name in ("mean_T", "hhi", "firms", "instability", "entries"):
        expected = result.steps[name].to_numpy()[-length:].mean()
        assert result.outcomes[name] == pytest.approx(expected, rel=1e-9, abs=1e-12), name


def test_every_column_of_the_steps_has_its_window_mean_under_its_name(result):
    window = window_of(result.steps)
    expected = window.mean(skipna=True)
    for name in window.columns:
        assert result.outcomes[name] == pytest.approx(expected[name], rel=1e-9, abs=1e-9, nan_ok=True), name


def test_survival_is_the_share_of_initial_firms_alive_at_the_end(result):
    initial = result.scenario.initial_firms
    assert result.outcomes["survival"] == pytest.approx((result.firms["id"] < initial).sum() / initial, rel=1e-12)
    first = result.lives[result.lives["entry_step"] == 0]
    assert len(first) == initial
    assert result.outcomes["survival"] == pytest.approx(first["exit_step"].isna().mean(), rel=1e-12)


def test_the_peak_is_the_largest_number_of_firms_and_the_first_step_that_has_it(result):
    counts = [result.scenario.initial_firms, *result.steps["firms"]]
    assert result.outcomes["peak_firms"] == max(counts)
    assert result.outcomes["peak_step"] == counts.index(max(counts))


def test_the_peak_counts_the_start():
    falling = simulate(Scenario(steps=30, capacity=60, entry_rate=0.0, R0=0.6), 1)
    assert falling.steps["firms"].max() <= 60
    assert (falling.outcomes["peak_firms"], falling.outcomes["peak_step"]) == (60, 0)
    rising = simulate(Scenario(steps=3, capacity=60, initial_firms=10, entry_rate=1e9, runway=math.inf), 1)
    assert (rising.outcomes["peak_firms"], rising.outcomes["peak_step"]) == (60, 1)


def test_hill_of_a_run_is_that_of_its_final_firms(result):
    bases = np.sort(result.firms["B"])[::-1]
    if len(bases) < 100:
        assert math.isnan(result.outcomes["hill"])
        return
    k = len(bases) // 10
    assert result.outcomes["hill"] == pytest.approx(1 / np.log(bases[:k] / bases[k]).mean(), rel=1e-9)


def test_words_of_a_run_are_those_of_its_window(result):
    window = window_of(result.steps).mean()
    shares = window[[name for name in window.index if name.startswith("share_")]]
    assert result.outcomes["winner"] == shares.idxmax().removeprefix("share_")
    bands = pd.cut([window["sector_hhi"]], [0, 1000, 1800, 6400, 10_001], right=False)
    assert result.outcomes["structure"] == ("fragmented", "moderate", "oligopoly", "monopoly")[bands.codes[0]]
    if window["virtuous_share"] > 0.5:
        assert result.outcomes["growth"] == "virtuous"
    else:
        assert result.outcomes["growth"] == ("vicious" if window["weighted_R"] < 1 else "stagnant")


def doomed(steps):
    """Firms that earn half of what they spend and have funds for three steps: all fail at step 7."""
    scenario = Scenario(
        steps=steps, capacity=3, heterogeneity=0.0, R0=0.5, entry_rate=0.0, runway=3.0, stress_response=0.0
    )
    still = {"technology_noise": 0.0, "competitiveness_noise": 0.0, "funds_cap": 1.0}
    return simulate(scenario.replace(**still), collect="full")


def test_a_market_that_empties_within_the_window_keeps_the_means_of_the_steps_that_had_firms():
    # Funds after step n are 3 − n/2; below 0 first at step 7. The window of eight steps is 7 and 8, of 16 it is 13 on.
    assert doomed(8).steps["firms"].tolist() == [3] * 6 + [0, 0]
    late = doomed(24)
    assert late.steps["firms"].tolist() == [3] * 6 + [0] * 18
    for steps in (8, 24):
        outcomes = doomed(steps).outcomes
        assert (outcomes["structure"], outcomes["winner"], outcomes["growth"]) == ("collapsed", None, None)
        assert outcomes["firms"] == 0.0
        assert math.isnan(outcomes["hhi"])
    window = doomed(7).outcomes  # steps 6 and 7: firms only in the first
    assert window["firms"] == 1.5
    assert window["exits"] == 1.5
    assert window["hhi"] == pytest.approx(1e4 / 3, rel=1e-12)
    assert window["mean_R"] == pytest.approx(0.5, rel=1e-12)
    assert window["mean_F"] == pytest.approx(0.0, abs=1e-12)
    assert (window["structure"], window["winner"], window["growth"]) == ("collapsed", "balanced", "vicious")
    assert (window["survival"], window["peak_firms"], window["peak_step"]) == (0.0, 3, 0)


def test_the_light_level_leaves_out_order_statistics_and_changes_nothing_else():
    scenario = Scenario.load("four-sectors").replace(capacity=120, steps=20)
    full, light = (simulate(scenario, 6, collect=level).outcomes for level in ("full", "light"))
    missing = {"gini", "size_variance_slope", "frontier_gap"} | {
        f"{q}_{x}" for q in ("q10", "q50", "q90") for x in "TCRQF"
    }
    assert set(full.index) - set(light.index) == missing
    for name in light.index:
        assert light[name] == full[name] or (math.isnan(light[name]) and math.isnan(full[name])), name


def test_ranks_are_compared_between_the_ends_of_quarters(result):
    steps = result.scenario.steps
    ends = [math.ceil(quarter * steps / 4) for quarter in range(1, 5)]
    at = {step: frame.set_index("id")["B"] for step, frame in result.panel.groupby("step")}
    taus = []
    for then, now in pairwise(ends):
        both = pd.concat([at[then], at.get(now, pd.Series(dtype=float))], axis=1, join="inner").to_numpy()
        taus.append(stats.kendalltau(both[:, 0], both[:, 1]).statistic if len(both) > 1 else math.nan)
    assert result.outcomes["rank_tau"] == pytest.approx(np.nanmean(taus), rel=1e-9)


def test_take_off_leader_hazard_and_turnover_follow_from_the_steps(result):
    steps, outcomes = result.steps, result.outcomes
    start = result.panel[result.panel.step == 0]["T"].mean()
    grown = steps.index[steps["mean_T"] >= 1.5 * start]
    assert outcomes["take_off_step"] == pytest.approx(grown[0] if len(grown) else math.nan, nan_ok=True)
    window = window_of(steps)
    turnover = (window["entries"].mean() + window["exits"].mean()) / window["firms"].mean()
    assert outcomes["turnover_rate"] == pytest.approx(turnover, rel=1e-12)
    assert outcomes["n_eff"] == pytest.approx(1e4 / window["hhi"].mean(), rel=1e-12)
    n, hhi = window["firms"].mean(), window["hhi"].mean() / 1e4
    assert outcomes["hhi_normalised"] == pytest.approx((hhi - 1 / n) / (1 - 1 / n), rel=1e-9)
    if (steps["firms"] > 0).all():
        assert outcomes["leader_hazard"] == pytest.approx(steps["leader_changed"].iloc[1:].mean(), rel=1e-12)


def test_the_consumer_surplus_is_the_logits_inclusive_value_weighted_by_demand():
    scenario = Scenario.load("four-sectors").replace(capacity=80, steps=3)
    result = simulate(scenario, 5)
    surplus, demand = 0.0, 0.0
    last = result.sectors[result.sectors.step == 3].set_index("sector")
    for sector in scenario.sectors:
        firms = result.firms[result.firms.sector == sector.name]
        appeal = firms["C"] ** sector.competitiveness_elasticity * firms["Q"] ** sector.quality_elasticity
        surplus += last.demand[sector.name] * math.log((appeal * firms["B"] ** scenario.network_effect).sum())
        demand += last.demand[sector.name]
    assert result.outcomes["consumer_surplus"] == pytest.approx(surplus / demand, rel=1e-9)
