"""Roots in brackets are scipy's, to the last bit."""

import numpy as np
import pytest
from scipy.optimize.elementwise import find_root
from scipy.special import gammaln

from abm.simulation.bracketed_root import bracketed_root


def moment(b, wanted):
    return np.exp(2.0 * gammaln(2.0 / b) - gammaln(1.0 / b) - gammaln(3.0 / b)) - wanted


def cubic(x, wanted):
    return (x - 1.0) ** 3 - wanted


def steps(x, wanted):
    return np.where(x > 7.3, 1.0, -1.0) + 0.0 * wanted


@pytest.mark.parametrize(
    ("function", "low", "high", "wanted"),
    [
        (moment, 0.1, 50.0, np.random.default_rng(1).uniform(0.02, 0.74, 20_000)),
        (cubic, -3.0, 40.0, np.append(np.random.default_rng(2).uniform(-8.0, 8.0, 2_000), [0.0, 1.0, 1e-300])),
        (steps, 0.1, 50.0, np.zeros(3)),
        (cubic, -3.0, 40.0, np.array([39.0**3, -64.0])),  # zero at an end
    ],
)
def test_roots_are_those_of_scipy_to_the_last_bit(function, low, high, wanted):
    low, high = np.full(wanted.shape, low), np.full(wanted.shape, high)
    theirs = find_root(function, (low, high), args=(wanted,)).x
    ours = bracketed_root(lambda x: function(x, wanted), low, high)
    assert np.array_equal(ours, theirs)
    assert np.isfinite(ours).all()


def test_a_root_does_not_depend_on_those_beside_it():
    wanted = np.random.default_rng(3).uniform(0.1, 0.7, 50)

    def roots(some):
        return bracketed_root(lambda b: moment(b, some), np.full(some.shape, 0.1), np.full(some.shape, 50.0))

    together = roots(wanted)
    assert np.array_equal(together, [roots(wanted[j : j + 1])[0] for j in range(wanted.size)])
