"""Formulas beyond §4: one line serves numbers, arrays and compiled loops alike."""

import numpy as np
import pytest

from abm.market import mechanisms
from abm.market.mechanisms import (
    initial_state,
    innovation_speed,
    largest_state,
    lead,
    moved_frontier,
    outside_capital,
    research_cost,
    serving_cost,
    shaken,
    shared_out,
    shipped,
    spillover,
    stress,
    towards,
)
from abm.numerics.compilation import part

FORMULAS = (
    innovation_speed, lead, outside_capital, serving_cost, research_cost, shared_out, shipped, spillover, stress,
    towards, largest_state, initial_state, shaken, moved_frontier,
)  # fmt: skip


@part
def compiled(x, y, z, out):
    """Each formula in the order of `FORMULAS`, number by number."""
    for i in range(x.size):
        out[0, i] = innovation_speed(x[i], y[i], z[i])
        out[1, i] = lead(x[i], y[i])
        out[2, i] = outside_capital(x[i], y[i], z[i])
        out[3, i] = serving_cost(x[i], y[i], z[i])
        out[4, i] = research_cost(x[i], y[i], z[i], x[i] * y[i])
        out[5, i] = shared_out(x[i] - 1.0, y[i], z[i])
        out[6, i] = shipped(x[i], y[i], z[i])
        out[7, i] = spillover(x[i], y[i], z[i])
        out[8, i] = stress(x[i], y[i])
        out[9, i] = towards(x[i], y[i], z[i])
        out[10, i] = largest_state(x[i], y[i], z[i], x[i] * y[i])
        out[11, i] = initial_state(x[i], y[i], z[i])
        out[12, i] = shaken(x[i], y[i], z[i])
        out[13, i] = moved_frontier(x[i], y[i])


@pytest.fixture(scope="module")
def drawn():
    return np.random.default_rng(5).lognormal(0.0, 1.0, (3, 200))


def of_python(formula, x, y, z):
    if formula is shared_out:
        return formula(x - 1.0, y, z)
    return formula(*(x, y, z, x * y)[: formula.__code__.co_argcount])


# A kernel rounds x·y + z once, Python twice: of numbers below 1000 as here that is a difference of a few units in the
# last place of the largest of them.
ROUNDED = {"rtol": 1e-15, "atol": 2e-13}


def test_arrays_and_numbers_give_the_same_bits_and_compiled_loops_the_same_but_for_rounding(drawn):
    out = np.empty((len(FORMULAS), drawn.shape[1]))
    compiled(*drawn, out)
    for formula, expected in zip(FORMULAS, out, strict=True):
        of_arrays = of_python(formula, *drawn)
        np.testing.assert_allclose(of_arrays, expected, **ROUNDED, err_msg=formula.__name__)
        assert [float(of_python(formula, *numbers)) for numbers in drawn.T.tolist()] == of_arrays.tolist()


def test_every_formula_is_compared():
    defined = {each for each in vars(mechanisms).values() if getattr(each, "__module__", "") == mechanisms.__name__}
    of_numbers = (mechanisms.attractiveness, mechanisms.lump_size, mechanisms.lump, mechanisms.frontier_cost)
    assert defined == {*FORMULAS, *of_numbers}


def test_a_firm_without_an_end_of_its_funds_is_never_under_stress():
    assert stress(np.inf, np.inf) == stress(5.0, np.inf) == 0.0
    assert stress(np.array([0.0, 4.0, 9.0]), 8.0).tolist() == [1.0, 0.5, 0.0]


def test_losses_are_not_shared_out_and_stress_deepens_them():
    assert shared_out(np.array([2.0, -2.0, 0.0]), 0.5, 0.25).tolist() == [0.75, -2.5, 0.0]


def test_attractiveness_is_the_product_of_powers():
    found = mechanisms.attractiveness(1.7, 0.4, np.log2(3.0), 2.0, 0.3, 0.5)
    assert found == pytest.approx(1.7**2 * 0.4**0.3 * 3.0**0.5, rel=1e-14)
