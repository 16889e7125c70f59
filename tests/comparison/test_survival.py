"""Survival of firms: against published curves, scipy and simulation; intervals over runs, not over firms."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abm.comparison.tables.survival import Firms, evenly_spaced, expected_exits, kaplan_meier, log_rank, survival

# Weeks in remission of leukaemia, 6-MP against placebo (Freireich et al. 1963, Blood 21), and the curve that textbooks
# print of it, as Kleinbaum and Klein, Survival Analysis, tables 2.2 and 2.3.
MP = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
MP_EXITED = [True] * 9 + [False] * 12
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
MP_CURVE = {6: (21, 0.857), 7: (17, 0.807), 10: (15, 0.753), 13: (12, 0.690), 16: (11, 0.627), 22: (7, 0.538),
            23: (6, 0.448)}  # fmt: skip
PLACEBO_CURVE = {1: 0.90, 2: 0.81, 3: 0.76, 4: 0.67, 5: 0.57, 8: 0.38, 11: 0.29, 12: 0.19, 15: 0.14, 17: 0.10,
                 22: 0.05, 23: 0.0}  # fmt: skip


def each_alone(ages, exited=None) -> Firms:
    """Firms that are independent of each other."""
    ages = np.array(ages)
    return Firms(ages, np.ones(len(ages), bool) if exited is None else np.array(exited), np.arange(len(ages)))


def clustered(generator, runs: int, firms: int = 30, spread: float = 0.7, length: int = 60) -> Firms:
    """Firms whose hazard is their run's, with random ends of observation."""
    hazard = np.minimum(0.03 * generator.lognormal(-(spread**2) / 2, spread, runs), 0.9)
    age = generator.geometric(np.repeat(hazard, firms))
    end = generator.integers(10, length + 1, runs * firms)
    return Firms(np.minimum(age, end), age <= end, np.repeat(np.arange(runs), firms))


def runs_with(lives: pd.DataFrame, baseline: str = "a") -> SimpleNamespace:
    """What `survival` asks of runs."""
    lives = lives.assign(group=lives["group"].astype("category"))
    frame = pd.DataFrame(columns=["group", "share_second", "share_first"])
    return SimpleNamespace(
        frame=frame, by=(), baseline=baseline, table=lambda name, columns: lives, factor_columns=lambda group: {}
    )


def some_lives(generator, groups=("a", "b"), runs: int = 6, firms: int = 80, length: int = 40) -> pd.DataFrame:
    count = runs * firms
    frames = []
    for index, group in enumerate(groups):
        entry = np.where(generator.random(count) < 0.5, 0, generator.integers(1, length + 1, count))
        leaves = entry + generator.geometric(0.03 + 0.03 * index, count)
        columns = {"group": group, "pair": np.repeat(np.arange(runs), firms), "length": length}
        columns |= {
            "sector": generator.choice(["x", "y"], count),
            "strategy": generator.choice(["first", "second"], count),
        }
        columns |= {"entry_step": entry, "exit_step": np.where(leaves <= length, leaves, np.nan)}
        frames.append(pd.DataFrame(columns).assign(block=lambda frame: frame["pair"]))
    return pd.concat(frames, ignore_index=True)


def test_the_curve_of_a_published_data_set_is_the_published_one():
    curve = kaplan_meier(each_alone(MP, MP_EXITED)).set_index("step")
    for week, (at_risk, published) in MP_CURVE.items():
        assert curve.at_risk[week] == at_risk
        assert curve.survival[week] == pytest.approx(published, abs=5e-4)
    curve = kaplan_meier(each_alone(PLACEBO)).set_index("step")
    for week, published in PLACEBO_CURVE.items():
        assert curve.survival[week] == pytest.approx(published, abs=6e-3)


def test_the_published_log_rank_statistic_is_found():
    curves = [each_alone(MP, MP_EXITED).counts(40), each_alone(PLACEBO).counts(40)]
    expected, chi_square = expected_exits(*curves[0], *curves[1])
    assert expected == pytest.approx(19.25, abs=5e-3)  # of 9 that were observed; R's survdiff prints 19.3 and 16.8
    assert chi_square == pytest.approx(16.79, abs=5e-3)


def test_curves_are_those_of_scipy():
    firms = clustered(np.random.default_rng(3), 20)
    curve = kaplan_meier(firms)
    reference = stats.ecdf(stats.CensoredData.right_censored(firms.age, ~firms.exited)).sf
    assert curve.survival.to_numpy() == pytest.approx(reference.evaluate(curve.step), rel=1e-12)
    assert curve.at_risk.tolist() == [(firms.age >= step).sum() for step in curve.step]


def test_the_interval_of_independent_firms_is_greenwoods_of_scipy():
    firms = clustered(np.random.default_rng(4), 20, firms=200, spread=0.0)
    curve = kaplan_meier(Firms(firms.age, firms.exited, np.arange(len(firms.age))))
    reference = stats.ecdf(stats.CensoredData.right_censored(firms.age, ~firms.exited)).sf
    ends = reference.confidence_interval(0.95, method="log-log")
    for name in ("low", "high"):
        expected = getattr(ends, name).evaluate(curve.step)
        assert curve[name].to_numpy()[5:] == pytest.approx(expected[5:], abs=2e-4)


def test_the_spread_between_runs_is_that_of_resampled_runs():
    generator = np.random.default_rng(5)
    runs = 60
    firms = clustered(generator, runs)
    curve = kaplan_meier(firms).set_index("step")
    by_run = [firms[firms.cluster == run].counts(60) for run in range(runs)]
    exits, at_risk = (np.array([each[part] for each in by_run], dtype=float) for part in (0, 1))
    weights = generator.multinomial(runs, np.full(runs, 1 / runs), 4000).astype(float)
    resampled = np.cumprod(1.0 - (weights @ exits) / np.maximum(weights @ at_risk, 1.0), axis=1)
    for step in (5, 20, 40):
        width = np.diff(np.quantile(resampled[:, step], [0.025, 0.975]))[0]
        assert curve.high[step] - curve.low[step] == pytest.approx(width, rel=0.1)
    greenwood = kaplan_meier(Firms(firms.age, firms.exited, np.arange(len(firms.age)))).set_index("step")
    assert curve.high[20] - curve.low[20] > 1.5 * (greenwood.high[20] - greenwood.low[20])


def test_intervals_cover_the_truth_where_firms_of_a_run_depend_on_each_other():
    generator = np.random.default_rng(6)
    frailty = generator.lognormal(-(0.7**2) / 2, 0.7, 400_000)
    truth = np.mean((1.0 - np.minimum(0.03 * frailty, 0.9)) ** 20)
    covered = 0
    for _ in range(400):
        at_20 = kaplan_meier(clustered(generator, 30)).set_index("step").loc[20]
        covered += at_20.low <= truth <= at_20.high
    assert stats.binomtest(covered, 400, 0.95).pvalue > 1e-3


def test_thinned_curves_have_the_values_of_the_whole(monkeypatch):
    firms = clustered(np.random.default_rng(7), 20)
    whole = kaplan_meier(firms)
    monkeypatch.setattr("abm.comparison.tables.survival.MOST_STEPS", 7)
    few = kaplan_meier(firms)
    assert len(few) == 7 and few.step.iloc[-1] == whole.step.iloc[-1]
    pd.testing.assert_frame_equal(few, whole[whole.step.isin(few.step)].reset_index(drop=True))


def test_thinned_steps_are_whole_and_keep_both_ends():
    assert evenly_spaced(3).tolist() == [0, 1, 2, 3]
    steps = evenly_spaced(12_345, first=5)
    assert steps[0] == 5 and steps[-1] == 12_345 and len(steps) == 500 and len(set(np.diff(steps))) <= 2


def test_where_the_last_firm_leaves_survival_is_none_and_the_bound_before_is_kept():
    curve = kaplan_meier(each_alone([1, 2, 3, 3]))
    assert curve.survival.iloc[-1] == 0.0 and curve.low.iloc[-1] == 0.0
    assert curve.high.iloc[-1] == curve.high.iloc[-2] > 0.5


def test_one_run_shows_no_spread_and_gets_no_interval():
    curve = kaplan_meier(Firms(np.array([1, 2, 5]), np.array([True, True, False]), np.zeros(3, int)))
    assert curve[["low", "high"]].isna().all(axis=None) and curve.survival.iloc[-1] == pytest.approx(1 / 3)


def test_firms_that_all_live_have_a_curve_at_one():
    curve = kaplan_meier(Firms(np.array([4, 4]), np.array([False, False]), np.array([0, 1])))
    assert (curve[["survival", "low", "high"]] == 1.0).all(axis=None)


def test_each_group_has_curves_of_all_firms_strategies_sectors_and_cohorts():
    generator = np.random.default_rng(8)
    lives = some_lives(generator)
    curves = survival(runs_with(lives))
    assert list(curves)[:7] == ["group", "strategy", "step", "at_risk", "survival", "low", "high"]
    start = curves[curves.step == 0].set_index(["group", "strategy", "sector", "cohort"]).at_risk
    for group, own in lives.groupby("group"):
        assert start[group, "all", "all", "all"] == len(own)
        for name, part in own.groupby("strategy"):
            assert start[group, name, "all", "all"] == len(part)
        for name, part in own.groupby("sector"):
            assert start[group, "all", name, "all"] == len(part)
        assert start[group, "all", "all", "initial"] == (own.entry_step == 0).sum()
        for quarter, (first, last) in enumerate([(1, 10), (11, 20), (21, 30), (31, 40)], 1):
            assert start[group, "all", "all", f"fourth {quarter}"] == own.entry_step.between(first, last).sum()
    strategies = curves[(curves.strategy != "all") & (curves.group == "a")].strategy.unique()
    assert list(strategies) == ["second", "first"]  # as in the scenario, whose shares come in this order


def test_survivors_are_censored_at_the_end_of_their_own_run():
    lives = pd.DataFrame({"group": "a", "pair": [0, 0, 1, 1], "block": [0, 0, 1, 1], "length": [10, 10, 30, 30],
                          "sector": "x", "strategy": "first", "entry_step": [0, 4, 0, 0],
                          "exit_step": pd.array([None, None, None, 20], dtype="Int64")})  # fmt: skip
    curve = survival(runs_with(lives)).query("strategy == sector == cohort == 'all'").set_index("step")
    assert curve.at_risk[6] == 4 and curve.at_risk[7] == 3 and curve.at_risk[11] == 2
    assert curve.survival[19] == 1.0 and curve.survival[20] == 0.5


def test_log_rank_rows_are_those_of_scipy():
    lives = some_lives(np.random.default_rng(9))
    table = log_rank(runs_with(lives)).set_index(["group", "strategy", "sector", "cohort"])
    age = (lives.exit_step.fillna(40) - lives.entry_step).to_numpy()
    exited = lives.exit_step.notna().to_numpy()

    def sample(chosen):
        return stats.CensoredData.right_censored(age[chosen], ~exited[chosen])

    own = (lives.group == "b").to_numpy()
    first = (lives.strategy == "first").to_numpy()
    reference = stats.logrank(sample(own & first), sample(own & ~first)).statistic
    assert table.chi_square["b", "first", "all", "all"] == pytest.approx(reference**2)
    row = table.loc["b", "all", "all", "all"]
    assert row.against == "a" and row.chi_square == pytest.approx(
        stats.logrank(sample(own), sample(~own)).statistic ** 2
    )
    assert row.ratio > 1.0 and row.exits == exited[own].sum()
    assert ("a", "all", "all", "all") not in table.index


def test_names_and_order_of_groups_and_firms_change_labels_only():
    lives = some_lives(np.random.default_rng(10))
    curves = survival(runs_with(lives))
    shuffled = lives.sample(frac=1.0, random_state=1).replace({"group": {"a": "z"}}).reset_index(drop=True)
    again = survival(runs_with(shuffled, "z"))
    again = pd.concat([again[again.group == "z"], again[again.group == "b"]]).replace({"group": {"z": "a"}})
    keys = ["group", "strategy", "sector", "cohort", "step"]
    pd.testing.assert_frame_equal(
        again.sort_values(keys, ignore_index=True), curves.sort_values(keys, ignore_index=True)
    )


def test_runs_that_kept_no_lives_have_empty_tables():
    runs = SimpleNamespace(frame=pd.DataFrame(), baseline="a", table=lambda name, columns: None)
    assert survival(runs).empty and log_rank(runs).empty
    assert list(survival(runs))[:7] == ["group", "strategy", "step", "at_risk", "survival", "low", "high"]
