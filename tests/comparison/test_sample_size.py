"""Sample size against search by counting and against intervals of real subsets."""

from itertools import count

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from abm.comparison.statistics.intervals import mean_intervals
from abm.comparison.statistics.sample_size import runs_needed, width_curve
from abm.errors import InputError


@pytest.fixture
def values():
    """60 runs: a normal outcome, a yes/no one, one that is missing, one that is constant."""
    rng = np.random.default_rng(1)
    return np.column_stack([rng.normal(size=60), np.arange(60) % 4 == 0, np.full(60, np.nan), np.ones(60)])


@pytest.mark.parametrize(("half_width", "level"), [(0.5, 0.95), (0.1, 0.9), (0.04, 0.99)])
def test_the_runs_needed_are_the_smallest_number_with_that_width(values, half_width, level):
    def student(n):
        return stats.t.ppf((1 + level) / 2, n - 1) * values[:, 0].std(ddof=1) / np.sqrt(n)

    def share(n):
        low, high = proportion_confint(n / 4, n, 1 - level, method="wilson")
        return (high - low) / 2

    expected = [next(n for n in count(2) if width(n) <= half_width) for width in (student, share)]
    found = runs_needed(values, half_width, level)
    assert found[:2].tolist() == expected and np.isnan(found[2]) and found[3] == 2


def test_the_curve_passes_through_the_intervals_of_subsets(values):
    runs, widths = width_curve(values)
    assert runs.tolist() == [5, 10, 20, 50, 100, 200, 500]
    rng = np.random.default_rng(2)
    for n in (20, 50):
        drawn = [mean_intervals(values[rng.permutation(60)[:n], :2], seed=k) for k in range(60)]
        found = np.mean([(high - low) / 2 for low, high in drawn], axis=0)
        np.testing.assert_allclose(widths[runs == n][0, :2], found, rtol=0.05)


def test_blocks_count_as_what_they_tell(values):
    alike, blocks = np.repeat(values[:, :2], 3, axis=0), np.repeat(np.arange(60), 3)
    needed = runs_needed(alike, 0.1, blocks=blocks) / 3
    np.testing.assert_allclose(needed, runs_needed(values[:, :2], 0.1), rtol=0.06)
    assert np.isinf(width_curve(alike, blocks=np.repeat(np.arange(18), 10))[1][:2, 0]).all()


def test_each_outcome_may_have_its_own_half_width(values):
    found = runs_needed(values, np.array([0.1, 0.2, 1.0, 1.0]))
    assert found[:2].tolist() == [runs_needed(values, 0.1)[0], runs_needed(values, 0.2)[1]]
    assert np.isinf(runs_needed(values, 1e-9)[0])


@pytest.mark.parametrize("half_width", [0.0, -1.0, np.nan])
def test_a_half_width_that_is_not_above_0_is_refused(values, half_width):
    with pytest.raises(InputError, match="half_width: must be above 0, not"):
        runs_needed(values, half_width)
