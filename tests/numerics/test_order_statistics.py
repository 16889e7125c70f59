"""Sorting and selection by buckets against NumPy, on numbers that lie evenly, far out, alike or in few places."""

import itertools

import numpy as np
import pytest

from abm.numerics.compilation import part
from abm.numerics.order_statistics import in_order, merged, of_ranks

SIZES = (1, 2, 40, 1024, 1025, 5000, 70_000)


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


@part
def selected(values, ranks):
    found = np.empty((1, ranks.size))
    of_ranks(values, np.array([0, values.size]), ranks.reshape(1, ranks.size), found)
    return found[0]


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


def stretches(n):
    """Bounds of one stretch, of some, of which the first and the last are empty, and of many."""
    generator = np.random.default_rng(n)
    yield np.array([0, n])
    yield np.r_[0, 0, np.sort(generator.integers(0, n + 1, 3)), n, n]
    yield np.r_[0, np.sort(generator.integers(0, n + 1, 60)), n]


@part
def selected_in_stretches(values, bounds, ranks):
    found = np.full(ranks.shape, -1.0)
    of_ranks(values, bounds, ranks, found)
    return found


@pytest.mark.parametrize("n", SIZES)
def test_values_of_ranks_among_all_and_in_each_stretch_are_those_of_sorted_arrays(n):
    for values in samples(n):
        for bounds in stretches(n):
            parts = [values, *(values[begin:end] for begin, end in itertools.pairwise(bounds))]
            ranks = np.array(
                [[int(q * max(each.size - 1, 0)) for q in (0.0, 0.1, 0.5, 0.5, 0.9, 1.0)] for each in parts]
            )
            expected = [
                np.sort(each)[of] if each.size else np.full(6, -1.0) for each, of in zip(parts, ranks, strict=True)
            ]
            before = values.copy()
            assert np.array_equal(selected_in_stretches(values, bounds, ranks), expected)
            assert np.array_equal(values, before)


@pytest.mark.parametrize("n", SIZES)
def test_sorted_stretches_become_one_in_order(n):
    for values in samples(n):
        for bounds in stretches(n):
            parts = np.concatenate([np.sort(values[begin:end]) for begin, end in itertools.pairwise(bounds)])
            before = bounds.copy()
            assert np.array_equal(merged(parts, bounds), np.sort(values))
            assert np.array_equal(bounds, before)
