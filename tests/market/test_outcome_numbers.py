"""The tail exponent of firm sizes against known distributions and by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abm import Scenario, simulate


def hill_of(bases, capacity=None):
    """The Hill estimate of a run whose firms keep the customers of a table."""
    firms = pd.DataFrame({"B": bases}).assign(sector="market", strategy="balanced")
    scenario = Scenario(steps=1, capacity=capacity or len(bases), churn=1e-16, entry_rate=0.0)
    result = simulate(scenario, firms=firms, collect="light")
    np.testing.assert_allclose(result.firms["B"], bases, rtol=1e-12)
    return result.outcomes["hill"]


@pytest.mark.parametrize("exponent", [0.8, 1.06, 2.5])
@pytest.mark.parametrize("n", [100, 109, 1000, 20_000])
def test_hill_of_a_pareto_sample_is_the_likeliest_exponent_and_near_the_true_one(exponent, n):
    bases = np.random.default_rng(n).pareto(exponent, n) + 1.0
    hill, k = hill_of(bases), n // 10
    # The estimate is the likeliest exponent of the k largest above the next one.
    ordered = np.sort(bases)[::-1]
    likeliest, _, _ = stats.pareto.fit(ordered[:k], floc=0, fscale=ordered[k])
    assert hill == pytest.approx(likeliest, rel=1e-6)
    total = 0.0
    for rank in range(k):
        total += math.log(ordered[rank] / ordered[k])
    assert hill == pytest.approx(k / total, rel=1e-12)
    assert abs(hill - exponent) < 4 * exponent / math.sqrt(k)


def test_hill_of_the_quantiles_of_a_pareto_distribution_approaches_its_exponent():
    n = 20_000
    assert hill_of((1 - (np.arange(n) + 0.5) / n) ** (-1 / 1.5)) == pytest.approx(1.5, rel=2e-3)


def test_hill_of_ten_known_values_is_as_worked_out_by_hand():
    # 100 firms: the ten largest are e times the eleventh, so the mean of the logarithms is 1; or half of them are.
    assert hill_of(np.repeat([1.0, math.e], [90, 10])) == pytest.approx(1.0, rel=1e-12)
    assert hill_of(np.repeat([0.5, 1.0, math.e], [80, 15, 5])) == pytest.approx(2.0, rel=1e-12)


def test_hill_takes_no_notice_of_vacant_slots_and_of_the_order_of_the_firms():
    bases = np.random.default_rng(5).pareto(1.2, 500) + 0.1
    assert hill_of(bases, capacity=1300) == pytest.approx(hill_of(np.sort(bases)), rel=1e-12)


def test_hill_is_none_below_a_hundred_firms_and_where_the_largest_are_equal():
    bases = np.random.default_rng(6).pareto(1.2, 100) + 1.0
    assert math.isnan(hill_of(bases[:99]))
    assert math.isfinite(hill_of(bases))
    assert math.isnan(hill_of(np.full(100, 2.0)))
    assert math.isnan(hill_of(np.repeat([1.0, 2.0], [89, 11])))
