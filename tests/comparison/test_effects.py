"""Effect sizes and p-values against scipy, statsmodels and brute force."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests

from abm.comparison.statistics.effects import cliffs_delta, cliffs_word, holm, p_values, variance_ratio


@pytest.fixture
def groups():
    """30 runs and 45: a normal outcome, one with many ties, one that is skewed."""
    rng = np.random.default_rng(1)
    drawn = [rng.normal(shift, size=(n, 3)) for shift, n in ((0.4, 30), (0.0, 45))]
    for table in drawn:
        table[:, 1] = np.round(table[:, 1])
        table[:, 2] = np.exp(table[:, 2])
    return drawn


def test_cliffs_delta_counts_pairs_and_agrees_with_mann_whitneys_u(groups):
    values, baseline = groups
    pairs = np.sign(values[:, np.newaxis] - baseline[np.newaxis]).mean(axis=(0, 1))
    u = stats.mannwhitneyu(values, baseline).statistic
    found = cliffs_delta(values, baseline)
    np.testing.assert_allclose(found, pairs, rtol=1e-12)
    np.testing.assert_allclose(found, 2 * u / (30 * 45) - 1, rtol=1e-12)
    np.testing.assert_array_equal(cliffs_delta(baseline, values), -found)


def test_cliffs_delta_leaves_missing_runs_out(groups):
    values, baseline = groups
    with_gaps = np.concatenate([values, np.full((5, 3), np.nan)])
    np.testing.assert_array_equal(cliffs_delta(with_gaps, baseline), cliffs_delta(values, baseline))
    assert np.isnan(cliffs_delta(values * np.nan, baseline)).all()


def test_cliffs_delta_has_the_words_of_romano_and_others():
    words = [cliffs_word(delta) for delta in (0.0, 0.1469, 0.147, -0.3299, 0.33, 0.4739, -0.474, 1.0)]
    assert words == ["negligible"] * 2 + ["small"] * 2 + ["medium"] * 2 + ["large"] * 2
    assert cliffs_word(np.nan) == ""


def test_what_pairing_was_worth_is_the_ratio_of_variances():
    rng = np.random.default_rng(2)
    shared = rng.normal(size=(50, 2))
    values, baseline = shared + 0.3 * rng.normal(size=(50, 2)), shared + 0.2 * rng.normal(size=(50, 2))
    distances = values.var(axis=0, ddof=1) + baseline.var(axis=0, ddof=1)
    np.testing.assert_allclose(variance_ratio(values, baseline), distances / (values - baseline).var(axis=0, ddof=1))
    blocks = np.repeat(np.arange(10), 5)
    by_block = (table.reshape(10, 5, 2).mean(axis=1) for table in (values, baseline))
    np.testing.assert_allclose(variance_ratio(values, baseline, blocks), variance_ratio(*by_block))
    assert np.isnan(variance_ratio(np.ones((5, 1)), np.ones((5, 1)))).all()
    assert np.isinf(variance_ratio(np.arange(5.0)[:, np.newaxis], np.arange(5.0)[:, np.newaxis])).all()


def test_p_of_pairs_and_of_equal_groups_is_students_and_welchs(groups):
    values, baseline = groups[0], groups[1][:30]
    paired = stats.ttest_rel(values, baseline).pvalue
    welch = stats.ttest_ind(values, baseline, equal_var=False).pvalue
    np.testing.assert_allclose(p_values(values, baseline, paired=True), paired, rtol=1e-9)
    np.testing.assert_allclose(p_values(values, baseline), welch, rtol=1e-9)
    gaps = values.copy()
    gaps[:4] = np.nan
    np.testing.assert_allclose(
        p_values(gaps, baseline, paired=True), stats.ttest_rel(values[4:], baseline[4:]).pvalue, rtol=1e-9
    )


def test_p_of_pairs_in_blocks_is_that_of_cluster_robust_regression(groups):
    blocks = np.array([0] * 3 + [1] * 5 + [2] * 2 + list(range(3, 23)))
    difference = groups[0] - groups[1][:30]
    found = p_values(groups[0], groups[1][:30], paired=True, blocks=blocks)
    for column in range(3):
        model = sm.OLS(difference[:, column], np.ones(30)).fit(
            cov_type="cluster", cov_kwds={"groups": blocks}, use_t=True
        )
        assert found[column] == pytest.approx(model.pvalues[0], rel=1e-9)


@pytest.mark.parametrize("order", [1, -1])
def test_p_of_unequal_groups_is_no_less_than_that_of_a_permutation_test(groups, order):
    rng = np.random.default_rng(3)
    skewed, rare = rng.exponential(size=(75, 1)) ** 1.5, (np.arange(75) % 9 == 0).astype(float)[:, np.newaxis]
    values = np.concatenate([skewed, rare], axis=1)
    values, baseline = (values[:20], values[20:])[::order]
    values = values + np.array([0.9 * order, 0.0])

    def gap(ours, theirs, axis):
        return ours.mean(axis=axis) - theirs.mean(axis=axis)

    permuted = stats.permutation_test((values, baseline), gap, n_resamples=20_000, vectorized=True, rng=rng)
    welch = stats.ttest_ind(values, baseline, equal_var=False).pvalue
    found = p_values(values, baseline)
    assert found[0] == pytest.approx(max(permuted.pvalue[0], welch[0]), rel=0.15, abs=0.003)
    assert (found >= welch * (1 - 1e-9)).all()


def test_a_rare_outcome_in_unequal_groups_is_not_called_different_for_being_rare():
    values, baseline = np.zeros((30, 1)), (np.arange(200) % 20 == 0).astype(float)[:, np.newaxis]
    fisher = stats.fisher_exact([[0, 30], [10, 190]]).pvalue
    assert stats.ttest_ind(values[:, 0], baseline[:, 0], equal_var=False).pvalue < 0.002
    assert p_values(values, baseline).item() == pytest.approx(fisher, abs=0.2) and fisher > 0.3


def test_data_beside_themselves_have_p_1_and_delta_0(groups):
    values, shuffled = groups[0], groups[0][::-1]
    assert (p_values(values, values, paired=True) == 1.0).all()
    assert (p_values(values, shuffled) == 1.0).all() and not cliffs_delta(values, shuffled).any()
    constant = np.full((10, 1), 0.1)
    assert p_values(constant, constant[:6]) == p_values(constant, constant, paired=True) == 1.0


def test_constants_that_differ_have_the_least_p_of_a_permutation_test():
    ones, twos = np.ones((5, 1)), np.full((5, 1), 2.0)
    exact = stats.permutation_test((ones[:, 0], twos[:, 0]), lambda a, b: a.mean() - b.mean(), n_resamples=np.inf)
    assert p_values(ones, twos).item() == pytest.approx(exact.pvalue)
    signs = stats.permutation_test((twos[:, 0] - ones[:, 0],), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert p_values(ones, twos, paired=True).item() == pytest.approx(signs.pvalue)


def test_too_few_runs_have_no_p(groups):
    assert np.isnan(p_values(groups[0][:1], groups[1])).all()
    assert np.isnan(p_values(groups[0], groups[1][:30], paired=True, blocks=np.zeros(30, dtype=int))).all()


def test_order_of_runs_changes_no_p(groups):
    rng = np.random.default_rng(4)
    values, baseline = groups
    blocks, theirs = np.arange(30) // 4, np.arange(45) // 2
    one, other = rng.permutation(30), rng.permutation(45)
    again = p_values(values[one], baseline[other], blocks=blocks[one], baseline_blocks=theirs[other])
    np.testing.assert_allclose(again, p_values(values, baseline, blocks=blocks, baseline_blocks=theirs), rtol=1e-10)
    np.testing.assert_allclose(p_values(values[one], baseline[other]), p_values(values, baseline), rtol=1e-10)


def test_holm_agrees_with_statsmodels_and_leaves_missing_tests_out():
    rng = np.random.default_rng(5)
    p = rng.random(40) ** 4
    p[3] = p[4]
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])
    gaps = np.insert(p, [0, 20], np.nan).reshape(6, 7)
    np.testing.assert_array_equal(holm(gaps)[np.isfinite(gaps)], holm(p))
    assert np.isnan(holm(gaps)).sum() == 2 and np.isnan(holm(np.array([np.nan]))).all()
