"""Sample size against search by counting and against intervals of real subsets."""

from itertools import count

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from abm import InputError, compare
from abm.comparison.statistics.intervals import mean_intervals
from abm.comparison.statistics.sample_size import runs_needed, width_curve
from tests.comparison.frames import group_of


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


def test_half_widths_and_the_runs_that_they_take(frame):
    one = frame[frame["churn"] == 0.1]
    table = compare(one, by="network_effect", outcomes=["hhi", "took_off"]).enough
    own = group_of(one, "0.5")["hhi"]
    rows = table.query("outcome == 'hhi' and group == '0.5'")
    for _, row in rows[rows["given"] == "runs"].iterrows():
        expected = stats.t.ppf(0.975, row["runs"] - 1) * own.std() / np.sqrt(row["runs"])
        assert row["half_width"] == pytest.approx(expected)
        assert row["relative"] == pytest.approx(expected / own.mean())
    target = rows[rows["given"] == "half_width"]
    assert target["relative"].tolist() == pytest.approx([0.1, 0.05, 0.02, 0.01])
    for _, row in target.iterrows():
        n = next(n for n in count(2) if stats.t.ppf(0.975, n - 1) * own.std() / n**0.5 <= row["half_width"])
        assert row["runs"] == n and row["n"] == 12
    shares = table.query("outcome == 'took_off' and group == '0.9' and given == 'half_width'")
    assert shares["half_width"].tolist() == [0.1, 0.05, 0.02, 0.01]


def test_what_cannot_be_told_is_missing_and_not_zero():
    frame = pd.DataFrame({"scenario": ["a", "a", "b", "b"], "x": [0.0, 0.0, 1.0, 1.0], "y": np.nan})
    table = compare(frame).enough.query("outcome == 'y'")
    assert table["runs"][table["given"] == "half_width"].isna().all()
    assert table["half_width"].isna().all()
