"""Samples of the unit cube: their structure, that longer ones extend shorter ones, and that there are no warnings."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.sweeps.design.samples import SAMPLES, latin, morris, rows_of, saltelli, sobol


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("method", SAMPLES)
@pytest.mark.parametrize("factors", [1, 3])
@pytest.mark.parametrize("points", [1, 5, 8])
def test_a_sample_has_its_rows_in_the_unit_cube_and_is_made_again_by_its_seed(method, factors, points):
    sample = SAMPLES[method](factors, points, 3)
    assert sample.shape == (rows_of(method, factors, points), factors)
    assert sample.min() >= 0.0 and sample.max() <= 1.0
    assert np.array_equal(sample, SAMPLES[method](factors, points, 3))
    others = [SAMPLES[method](factors, points, seed) for seed in (4, 5, 6)]
    assert not all(np.array_equal(sample, other) for other in others)


def test_a_sample_takes_every_seed_that_a_design_allows():
    for sample in SAMPLES.values():
        assert sample(2, 4, 2**63 - 1).shape[1] == 2


def test_each_slice_of_each_factor_of_a_latin_hypercube_holds_one_point():
    sample = latin(4, 50, 1)
    for column in sample.T:
        assert sorted(np.floor(column * 50).astype(int)) == list(range(50))


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(["sobol", "morris", "saltelli"]), st.integers(1, 4), st.integers(1, 20), st.integers(1, 40))
def test_a_larger_sequence_starts_with_the_smaller_one(method, factors, points, more):
    small, large = (SAMPLES[method](factors, n, 7) for n in (points, points + more))
    assert np.array_equal(large[: len(small)], small)
    assert len(large) > len(small)


def test_a_saltelli_sample_of_128_starts_with_that_of_64():
    small, large = saltelli(5, 64, 2), saltelli(5, 128, 2)
    assert small.shape == (64 * 7, 5) and large.shape == (128 * 7, 5)
    assert np.array_equal(large[: 64 * 7], small)


def test_a_sobol_sequence_puts_one_point_of_each_block_into_each_slice():
    sample = sobol(3, 64, 5)
    for block in sample.reshape(4, 16, 3):
        for column in block.T:
            assert sorted(np.floor(column * 16).astype(int)) == list(range(16))


def test_a_trajectory_moves_each_factor_once_by_two_thirds_between_four_levels():
    sample = morris(6, 12, 0)
    assert set(np.unique(sample)) <= {0.0, 1 / 3, 2 / 3, 1.0}
    for walk in sample.reshape(12, 7, 6):
        steps = np.diff(walk, axis=0)
        assert ((steps != 0).sum(axis=0) == 1).all() and ((steps != 0).sum(axis=1) == 1).all()
        assert np.abs(steps[steps != 0]) == pytest.approx(2 / 3)


def test_each_saltelli_block_is_a_then_a_with_one_column_of_b_then_b():
    factors = 3
    for block in saltelli(factors, 8, 1).reshape(8, factors + 2, factors):
        a, b = block[0], block[-1]
        assert (a != b).all()
        for factor in range(factors):
            expected = a.copy()
            expected[factor] = b[factor]
            assert np.array_equal(block[1 + factor], expected)
