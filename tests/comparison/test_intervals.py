"""Intervals against other packages, whole enumerations and published examples, and what must not change them."""

from itertools import product

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from abm.comparison.statistics import means as resampling
from abm.comparison.statistics.intervals import (
    SKEWED,
    difference_intervals,
    effective_runs,
    is_binary,
    mean_intervals,
    paired_intervals,
    skewed,
    wilson,
)
from abm.comparison.statistics.means import means_of

LEVEL = 0.95


@pytest.fixture
def outcomes():
    """Two groups of 40 runs: a normal, a lognormal and a yes/no outcome, and one that many runs lack."""
    rng = np.random.default_rng(5)
    groups = rng.normal(size=(2, 40, 4)) + rng.normal(size=(40, 4))
    groups[:, :, 1] = np.exp(groups[:, :, 1])
    groups[:, :, 2] = groups[:, :, 2] > 0.5
    groups[0, ::3, 3] = np.nan
    return groups


def exact_ends(samples, level):
    """Bootstrap-t of the first sample's mean, or of the difference of two, from all resamples there are."""
    signs, shifts, spreads = (1.0, -1.0), 0.0, 0.0
    for index, (sign, sample) in enumerate(zip(signs, samples)):
        drawn = np.array(list(product(sample, repeat=len(sample))))
        shape = (-1, 1) if index == 0 else (1, -1)
        shifts = shifts + (sign * (drawn.mean(axis=1) - sample.mean())).reshape(shape)
        spreads = spreads + (drawn.var(axis=1, ddof=1) / len(sample)).reshape(shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(np.abs(shifts) < 1e-12, 0.0, shifts / np.sqrt(spreads)).ravel()
    estimate = sum(sign * sample.mean() for sign, sample in zip(signs, samples))
    error = np.sqrt(sum(sample.var(ddof=1) / len(sample) for sample in samples))
    below, above = np.quantile(t, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    return estimate - error * above, estimate - error * below


@pytest.mark.parametrize("level", [0.5, 0.8])
def test_bootstrap_t_of_a_mean_is_that_of_all_resamples(level, monkeypatch):
    monkeypatch.setattr(resampling, "RESAMPLES", 99_999)
    sample = np.array([0.3, 1.1, 1.9, 3.2, 4.0, 9.5])
    low, high = mean_intervals(sample[:, np.newaxis], level)
    assert (low.item(), high.item()) == pytest.approx(exact_ends([sample], level), abs=0.01 * (high - low).item())


def test_bootstrap_t_of_a_difference_is_that_of_all_resamples(monkeypatch):
    monkeypatch.setattr(resampling, "RESAMPLES", 99_999)
    samples = np.array([0.3, 1.1, 1.9, 3.2, 9.5]), np.array([0.2, 0.9, 1.0, 1.4, 2.8])
    low, high = difference_intervals(*(sample[:, np.newaxis] for sample in samples), 0.8)
    assert (low.item(), high.item()) == pytest.approx(exact_ends(samples, 0.8), abs=0.01 * (high - low).item())


def test_blocks_of_unequal_size_are_resampled_whole():
    rng = np.random.default_rng(2)
    sizes = rng.integers(1, 6, size=25)
    blocks = np.repeat(np.arange(25), sizes)
    values = rng.lognormal(size=25)[blocks] + rng.normal(size=blocks.size)
    sums = np.bincount(blocks, values)

    def studentised(chosen):
        mean = sums[chosen].sum() / sizes[chosen].sum()
        residuals = sums[chosen] - mean * sizes[chosen]
        return mean, np.sqrt(25 / 24 * (residuals**2).sum()) / sizes[chosen].sum()

    mean, error = studentised(np.arange(25))
    drawn = np.array([studentised(rng.integers(25, size=25)) for _ in range(40_000)])
    below, above = np.quantile((drawn[:, 0] - mean) / drawn[:, 1], [0.1, 0.9])
    found = np.mean([np.ravel(mean_intervals(values[:, np.newaxis], 0.8, blocks, seed=s)) for s in range(20)], axis=0)
    assert found == pytest.approx([mean - error * above, mean - error * below], rel=0.01)


def test_the_expansion_for_many_runs_is_the_bootstrap_within_its_monte_carlo_error(monkeypatch):
    rng = np.random.default_rng(3)
    # Skewness over the root of n at the limit up to which the expansion is taken.
    values = rng.gamma(0.45, size=(1000, 20))
    values = values[:, np.abs(stats.skew(values)) / np.sqrt(1000) <= resampling.MILD]
    low, high = mean_intervals(values)
    error = values.std(axis=0, ddof=1) / np.sqrt(1000)
    monkeypatch.setattr(resampling, "MANY", np.inf)
    drawn = np.array([mean_intervals(values, seed=seed) for seed in range(15)])
    off = (np.array([low, high]) - drawn.mean(axis=0)) / error
    assert values.shape[1] > 5
    assert np.abs(off).max() < np.median(drawn.std(axis=0) / error)


def test_standard_errors_over_blocks_are_the_cluster_robust_ones():
    rng = np.random.default_rng(4)
    blocks = np.sort(rng.integers(12, size=80))
    values = rng.normal(size=12)[blocks] + rng.normal(size=80)
    model = sm.OLS(values, np.ones(80)).fit(cov_type="cluster", cov_kwds={"groups": blocks})
    means = means_of(values[:, np.newaxis], blocks)
    assert means.mean == pytest.approx(model.params) and np.sqrt(means.variance) == pytest.approx(model.bse)


def test_blocks_of_one_run_and_equal_blocks_need_no_special_method(outcomes):
    values = outcomes[0][:, :2]
    np.testing.assert_allclose(mean_intervals(values, blocks=np.arange(40)), mean_intervals(values), rtol=1e-10)
    by_block = mean_intervals(values, blocks=np.repeat(np.arange(8), 5))
    np.testing.assert_allclose(by_block, mean_intervals(values.reshape(8, 5, 2).mean(axis=1)))


@pytest.mark.parametrize("level", [0.9, 0.99])
def test_wilson_agrees_with_statsmodels(level):
    successes, n = np.array([0, 0, 1, 3, 7, 30, 199, 200]), np.array([1, 30, 30, 10, 7, 30, 200, 200])
    expected = proportion_confint(successes, n, 1 - level, method="wilson")
    np.testing.assert_allclose(wilson(successes, n, level), expected, atol=1e-14)
    assert np.isnan(wilson(0, 0)).all()


def test_yes_no_means_have_wilsons_interval(outcomes):
    low, high = mean_intervals(outcomes[0])
    count = int(outcomes[0][:, 2].sum())
    assert (low[2], high[2]) == pytest.approx(proportion_confint(count, 40, method="wilson"))


def test_differences_of_shares_agree_with_statsmodels(outcomes):
    values, baseline = outcomes[0][:, 2:3], outcomes[1][:30, 2:3]
    counts = int(values.sum()), 40, int(baseline.sum()), 30
    expected = confint_proportions_2indep(*counts, method="newcomb", compare="diff", alpha=1 - LEVEL)
    found = np.ravel(difference_intervals(values, baseline, LEVEL))
    assert found == pytest.approx(expected, abs=1e-12)


def test_paired_shares_agree_with_the_example_of_fagerland_and_others():
    # Complete response before and after consolidation (Cavo et al. 2012): Fagerland, Lydersen and Laake, Statistical
    # Analysis of Contingency Tables (2017), chapter 8, give -0.1195 to -0.0032.
    before, after = np.repeat([[1, 1, 0, 0], [1, 0, 1, 0]], (59, 6, 16, 80), axis=1).astype(float)[..., np.newaxis]
    low, high = paired_intervals(before, after)
    assert (low.item(), high.item()) == pytest.approx((-0.1195, -0.0032), abs=5e-5)


def test_a_design_effect_shrinks_the_runs_to_what_blocks_tell():
    rng = np.random.default_rng(6)
    flags = (rng.random(30) < 0.4).astype(float)
    alike = means_of(np.repeat(flags, 5)[:, np.newaxis], np.repeat(np.arange(30), 5))
    few = (stats.norm.ppf(0.975) / stats.t.ppf(0.975, 29)) ** 2
    # The runs of a block are copies: they tell as much as one, but for (n - 1) in place of n.
    assert effective_runs(alike, alike.mean, LEVEL).item() == pytest.approx(29 * 150 / 149 * few)
    never = means_of(np.zeros((150, 1)), np.repeat(np.arange(30), 5))
    assert effective_runs(never, never.mean, LEVEL).item() == pytest.approx(30 * few)


def test_pairing_is_the_interval_of_the_differences(outcomes):
    values, baseline = outcomes[:, :, [0, 1, 3]]
    found = paired_intervals(values, baseline)
    np.testing.assert_array_equal(found, mean_intervals(values - baseline))


def test_few_runs_have_students_interval():
    values = np.array([[1.0], [2.0], [4.0], [8.0]])
    assert np.ravel(mean_intervals(values)) == pytest.approx(stats.ttest_1samp(values[:, 0], 0).confidence_interval())
    baseline = np.array([[0.0], [1.0], [1.0], [5.0], [3.0]])
    welch = stats.ttest_ind(values[:, 0], baseline[:, 0], equal_var=False).confidence_interval()
    assert np.ravel(difference_intervals(values, baseline)) == pytest.approx(welch)
    assert np.isnan(mean_intervals(values[:1])).all() and np.isnan(mean_intervals(values[:0])).all()
    assert np.isnan(mean_intervals(values, blocks=np.zeros(4, dtype=int))).all()


def test_an_outcome_that_hardly_varies_has_students_interval():
    values = np.zeros((50, 1))
    values[0] = 3.7
    expected = stats.ttest_1samp(values[:, 0], 0).confidence_interval()
    assert np.ravel(mean_intervals(values)) == pytest.approx(expected)


def test_order_of_runs_and_of_outcomes_changes_nothing(outcomes):
    values, baseline = outcomes
    rng = np.random.default_rng(0)
    blocks, order, others = np.arange(40) // 3, rng.permutation(40), rng.permutation(40)
    columns = np.array([2, 0])
    for used in (None, blocks):
        moved = None if used is None else used[order]
        same = mean_intervals(values[order][:, columns], blocks=moved)
        np.testing.assert_allclose(same, np.array(mean_intervals(values, blocks=used))[:, columns], rtol=1e-12)
        paired = paired_intervals(values, baseline, blocks=used)
        again = paired_intervals(values[order], baseline[order], blocks=moved)
        np.testing.assert_allclose(again, paired, rtol=1e-12)
    distances = difference_intervals(values, baseline)
    np.testing.assert_allclose(difference_intervals(values[order], baseline[others]), distances, rtol=1e-12)


def test_missing_runs_are_left_out(outcomes):
    values, baseline = outcomes
    known = np.isfinite(values[:, 3])
    np.testing.assert_array_equal(np.array(mean_intervals(values))[:, [3]], mean_intervals(values[known][:, [3]]))
    found = np.array(paired_intervals(values, baseline))[:, [3]]
    np.testing.assert_array_equal(found, paired_intervals(values[known][:, [3]], baseline[known][:, [3]]))
    spoilt = np.where(np.isnan(values), np.inf, values)
    np.testing.assert_array_equal(mean_intervals(spoilt), mean_intervals(values))
    assert np.isnan(mean_intervals(np.full((9, 1), np.nan))).all()


def test_data_beside_themselves_differ_by_exactly_nothing(outcomes):
    low, high = paired_intervals(outcomes[0], outcomes[0], binary=np.zeros(4, dtype=bool))
    assert not low.any() and not high.any()
    low, high = paired_intervals(outcomes[0], outcomes[0])
    assert low[2] == -high[2] < 0.0  # of a yes/no outcome no change in 40 pairs is not no change for ever


def test_a_constant_outcome_is_known_exactly():
    values = np.full((30, 1), 0.1)
    assert [end.item() for end in mean_intervals(values)] == [0.1, 0.1]
    low, high = difference_intervals(values, np.full((20, 1), 0.3))
    assert low == high == pytest.approx(-0.2)


def test_the_seed_fixes_the_interval_and_moves_it_by_little(outcomes):
    values = outcomes[0][:, :1]
    first, second = (np.ravel(mean_intervals(values, seed=seed)) for seed in (1, 2))
    np.testing.assert_array_equal(first, np.ravel(mean_intervals(values, seed=1)))
    assert first == pytest.approx(second, abs=0.1 * np.ptp(first)) and (first != second).any()


def test_only_outcomes_of_both_0_and_1_are_yes_no():
    columns = [[0, 1, 1], [0, 0, 0], [1, 1, 1], [0, 1, 2], [0, np.nan, 1], [np.nan] * 3]
    assert is_binary(np.array(columns, dtype=float).T).tolist() == [True, False, False, False, True, False]
    assert is_binary(np.zeros((3, 2), dtype=bool)).all() and is_binary(np.array([0.0, 1.0]))


def test_a_warning_follows_the_skewness_over_the_root_of_n():
    rng = np.random.default_rng(7)
    values = np.exp(np.linspace(0.1, 2.0, 40) * rng.normal(size=(30, 40)))
    expected = np.abs(stats.skew(values)) / np.sqrt(30) > SKEWED
    assert expected.any() and not expected.all()
    np.testing.assert_array_equal(skewed(values), expected)
    assert not skewed(np.eye(30)[:, :1]).any()  # yes/no
