"""Rank correlation beside scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from abm.numerics.kendall import kendall


@pytest.mark.parametrize("distinct", [1000, 5])
def test_kendall_is_scipys_tau_b_also_where_values_are_equal(distinct):
    generator = np.random.default_rng(distinct)
    for n in (2, 3, 17, 128, 1000):
        x, y = (generator.integers(0, distinct, n).astype(float) for _ in range(2))
        assert kendall(x, y) == pytest.approx(stats.kendalltau(x, y).statistic, rel=1e-12, nan_ok=True)
    assert math.isnan(kendall(np.ones(5), np.arange(5.0)))
    assert math.isnan(kendall(np.ones(1), np.ones(1)))
