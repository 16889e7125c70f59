"""Sorting and selection by buckets against NumPy, on numbers that lie evenly, far out, alike or in few places."""

import numpy as np
import pytest

from abm.numerics.compilation import allocating
from abm.numerics.order_statistics import in_order, of_ranks

SIZES = (1, 2, 40, 2048, 2049, 5000, 70_000)


def samples(n):
    generator = np.random.default_rng(n)
    yield generator.random(n)
    yield np.exp(4.0 * generator.standard_normal(n))
    yield np.full(n, 0.25)
    yield np.where(generator.random(n) < 0.3, 0.0, 8.0)
    yield np.where(generator.random(n) < 0.001, 1e300, generator.random(n))
    yield np.where(generator.random(n) < 0.001, 1e-9, 1.0 + generator.random(n))
    yield np.sort(generator.pareto(1.0, n))
    yield np.sort(generator.pareto(1.0, n))[::-1].copy()


@allocating
def selected(values, ranks):
    found = np.empty(ranks.size)
    of_ranks(values, ranks, found)
    return found


@pytest.mark.parametrize("n", SIZES)
def test_values_come_out_in_order(n):
    for values in samples(n):
        before = values.copy()
        assert np.array_equal(in_order(values), np.sort(before))
        assert np.array_equal(values, before)


@pytest.mark.parametrize("n", SIZES)
def test_values_of_ranks_are_those_of_the_sorted_array(n):
    for values in samples(n):
        ranks = np.unique(np.r_[0, n - 1, np.random.default_rng(1).integers(0, n, 9)])
        assert np.array_equal(selected(values, ranks), np.sort(values)[ranks])
