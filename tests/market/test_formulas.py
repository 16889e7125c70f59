"""Formulas beyond §4: one line serves numbers, arrays and compiled loops alike."""

import numpy as np
import pytest

from abm.market import mechanisms
from abm.market.mechanisms import (
    initial_state,
    innovation_speed,
    largest_state,
    lead,
    outside_capital,
    realised_demand,
    research_cost,
    shared_out,
    shipped,
    spillover,
    stress,
    towards,
)
from abm.numerics.compilation import allocating

FORMULAS = (
    innovation_speed, lead, outside_capital, realised_demand, research_cost, shared_out, shipped, spillover, stress,
    towards, largest_state, initial_state,
)  # fmt: skip


@allocating
def compiled(x, y, z, out):
    """Each formula in the order of `FORMULAS`, number by number."""
    for i in range(x.size):
        out[0, i] = innovation_speed(x[i], y[i])
        out[1, i] = lead(x[i], y[i])
        out[2, i] = outside_capital(x[i], y[i], z[i])
        out[3, i] = realised_demand(x[i], y[i])
        out[4, i] = research_cost(x[i], y[i], z[i])
        out[5, i] = shared_out(x[i] - 1.0, y[i], z[i])
        out[6, i] = shipped(x[i], y[i], z[i])
        out[7, i] = spillover(x[i], y[i], z[i])
        out[8, i] = stress(x[i], y[i])
        out[9, i] = towards(x[i], y[i], z[i])
        out[10, i] = largest_state(x[i], y[i], z[i], x[i] * y[i])
        out[11, i] = initial_state(x[i], y[i], z[i])


@pytest.fixture(scope="module")
def drawn():
    return np.random.default_rng(5).lognormal(0.0, 1.0, (3, 200))


def of_python(formula, x, y, z):
    if formula is shared_out:
        return formula(x - 1.0, y, z)
    return formula(*(x, y, z, x * y)[: formula.__code__.co_argcount])


def test_arrays_numbers_and_compiled_loops_give_the_same_bits(drawn):
    out = np.empty((len(FORMULAS), drawn.shape[1]))
    compiled(*drawn, out)
    for formula, expected in zip(FORMULAS, out, strict=True):
        assert np.array_equal(of_python(formula, *drawn), expected), formula.__name__
        assert [float(of_python(formula, *numbers)) for numbers in drawn.T.tolist()] == expected.tolist()


def test_every_formula_is_compared():
    defined = {each for each in vars(mechanisms).values() if getattr(each, "__module__", "") == mechanisms.__name__}
    assert defined == {*FORMULAS, mechanisms.attractiveness}


def test_a_firm_without_an_end_of_its_funds_is_never_under_stress():
    assert stress(np.inf, np.inf) == stress(5.0, np.inf) == 0.0
    assert stress(np.array([0.0, 4.0, 9.0]), 8.0).tolist() == [1.0, 0.5, 0.0]


def test_losses_are_not_shared_out_and_stress_deepens_them():
    assert shared_out(np.array([2.0, -2.0, 0.0]), 0.5, 0.25).tolist() == [0.75, -2.5, 0.0]


def test_attractiveness_is_the_product_of_powers():
    found = mechanisms.attractiveness(1.7, 0.4, np.log(3.0), 2.0, 0.3, 0.5)
    assert found == pytest.approx(1.7**2 * 0.4**0.3 * 3.0**0.5, rel=1e-14)
