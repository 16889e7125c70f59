"""The article's equations: its worked numbers, exact arithmetic, and what the algebra says of them."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.polynomial import Polynomial

from abm import equations
from abm.equations import INCREMENT, LITERAL, RATE, anchor, coupled, general_form, loop_gain, pull, rate, saturate

mpmath.mp.dps = 50
level = st.floats(1e-3, 1e3)
coefficient = st.just(0.0) | st.floats(1e-9, 1e3)
quick = settings(max_examples=100, deadline=None)


def close(value, exact, *terms):
    """Within a few roundings of the exact value, which may be a difference of larger terms."""
    return abs(Fraction(float(value)) - exact) <= 8 * Fraction(2) ** -53 * sum(abs(term) for term in (exact, *terms))


def lap(T, k, T0, C0, R0):
    """T after one lap through the three maps T → R → C → T, by `coupled`."""
    R = coupled(R0, k[2], T, T0)
    C = coupled(C0, k[1], R, R0)
    return coupled(T0, k[0], C, C0)


def test_rates_are_the_worked_numbers_of_the_article():
    assert rate(0.2, 0.8) == pytest.approx(0.16, rel=1e-15)  # f1 = k1·C
    assert rate(0.1, 1.2) == pytest.approx(0.12, rel=1e-15)  # f2 = k2·R
    assert rate(0.5, 0.2) == pytest.approx(0.1, rel=1e-15)  # k3·ΔT


def test_equations_take_arrays_element_by_element():
    x0, k, y, y0 = np.array([[1.0, 2.0, 0.5], [0.2, 0.0, 0.7], [0.8, 3.0, 0.1], [0.5, 1.0, 4.0]])
    assert coupled(x0, k, y, y0) == pytest.approx([1.048, 2.0, 0.227], rel=1e-14)
    assert general_form(x0, rate(k, y), y, y0) == pytest.approx([1.048, 2.0, 0.227], rel=1e-14)
    assert anchor(LITERAL, x0, y) + pull(LITERAL, k, y, y0) == pytest.approx([1.048, 2.0, 0.227], rel=1e-14)
    assert anchor(INCREMENT, x0, y) + pull(INCREMENT, k, y, y0) == pytest.approx([0.96, 3.0, 0.17], rel=1e-14)
    assert saturate(y, np.array([0.8, np.inf, 0.1])) == pytest.approx([0.4, 3.0, 0.05], rel=1e-14)


def test_a_worked_rate_in_the_general_form_moves_technology_by_the_worked_amount():
    # f1 = 0.16: competitiveness 0.5 above its baseline raises technology by 0.08.
    assert general_form(1.0, rate(0.2, 0.8), 0.8, 0.3) == pytest.approx(1.08, rel=1e-15)


@quick
@given(x0=level, f=coefficient, y=level, y0=level)
def test_the_general_form_is_exact_but_for_rounding(x0, f, y, y0):
    x0_, f_, y_, y0_ = map(Fraction, (x0, f, y, y0))
    assert close(general_form(x0, f, y, y0), x0_ + f_ * (y_ - y0_), x0_, f_ * y_, f_ * y0_)


@quick
@given(x0=level, k=coefficient, y=level, y0=level)
def test_the_coupled_equation_is_the_general_form_with_its_rate_and_the_parabola_of_the_article(x0, k, y, y0):
    x0_, k_, y_, y0_ = map(Fraction, (x0, k, y, y0))
    assert coupled(x0, k, y, y0) == general_form(x0, rate(k, y), y, y0)
    assert close(coupled(x0, k, y, y0), x0_ + k_ * y_**2 - k_ * y_ * y0_, x0_, k_ * y_**2, k_ * y_ * y0_)


@quick
@given(k=st.tuples(*[st.floats(0.01, 10.0)] * 3), baselines=st.tuples(*[st.floats(0.01, 10.0)] * 3))
def test_loop_gain_is_the_derivative_of_the_composed_maps_at_the_baseline(k, baselines):
    k1, k2, k3 = map(mpmath.mpf, k)
    T0, C0, R0 = map(mpmath.mpf, baselines)

    def composed(T):
        R = R0 + k3 * T * (T - T0)
        C = C0 + k2 * R * (R - R0)
        return T0 + k1 * C * (C - C0)

    assert composed(T0) == T0
    assert loop_gain(*k, *baselines) == pytest.approx(float(mpmath.diff(composed, T0)), rel=1e-12)


@quick
@given(k=st.tuples(*[st.floats(0.1, 3.0)] * 3), baselines=st.tuples(*[st.floats(0.3, 3.0)] * 3))
def test_the_baseline_is_stable_below_a_loop_gain_of_one_and_unstable_above(k, baselines):
    T0, gain = baselines[0], loop_gain(*k, *baselines)
    assume(not 0.999 < gain < 1.001)
    assert lap(T0, k, *baselines) == T0
    for distance in (-1e-7, 1e-7):
        after = lap(T0 * (1 + distance), k, *baselines) - T0
        assert (abs(after) < abs(distance) * T0) == (gain < 1)
        assert (after > 0) == (distance > 0)


@pytest.mark.parametrize("k", [0.25, 0.9, 1.5, 2.5, 3.8])
def test_the_composed_polynomial_of_degree_eight_has_all_equilibria_as_roots(k):
    T = Polynomial([0.0, 1.0])
    R = 1 + k * T * (T - 1)
    C = 1 + k * R * (R - 1)
    composed = 1 + k * C * (C - 1)
    assert composed.degree() == 8
    roots = (composed - T).roots()
    real = np.sort(roots[np.abs(roots.imag) < 1e-8].real)
    # With equal numbers: the baseline and 1/k; beyond 1 + √8 the period-three points of the logistic map too.
    assert len(real) == (2 if k < 1 + math.sqrt(8) else 8)
    for known in (1.0, 1.0 / k):
        assert np.abs(real - known).min() < 1e-9
    for root in real:
        assert lap(root, (k, k, k), 1.0, 1.0, 1.0) == pytest.approx(root, abs=1e-6)


@quick
@given(k=coefficient, y=st.floats(0.0, 1e3), y0=level)
def test_the_pull_is_lowest_at_half_the_baseline_and_none_at_the_baseline_and_at_zero(k, y, y0):
    for reading in (LITERAL, RATE):
        lowest = -k * y0 * y0 / 4
        assert pull(reading, k, y, y0) >= lowest * (1 + 1e-15)
        assert pull(reading, k, y0 / 2, y0) == pytest.approx(lowest, rel=1e-15)
        assert pull(reading, k, y0, y0) == 0.0
        assert pull(reading, k, 0.0, y0) == 0.0


@quick
@given(k=coefficient, x0=level, x=level, y=level, y0=level)
def test_each_reading_has_the_anchor_and_the_pull_of_its_section(k, x0, x, y, y0):
    assert equations.READINGS == ("literal", "rate", "increment")
    assert [anchor(reading, x0, x) for reading in (LITERAL, RATE, INCREMENT)] == [x0, x, x]
    k_, y_, y0_ = map(Fraction, (k, y, y0))
    squared = k_ * y_ * (y_ - y0_)
    for reading, exact in ((LITERAL, squared), (RATE, squared), (INCREMENT, k_ * y_)):
        assert close(pull(reading, k, y, y0), exact)


@quick
@given(x0=level, k=coefficient, y=level, y0=level)
def test_the_literal_reading_with_nothing_else_is_the_coupled_equation(x0, k, y, y0):
    moved = anchor(LITERAL, x0, 7.0) + saturate(pull(LITERAL, k, y, y0), math.inf)
    assert moved == pytest.approx(coupled(x0, k, y, y0), rel=1e-14, abs=1e-14 * (x0 + k * y * (y + y0)))


@quick
@given(x=st.floats(-1e12, 1e12).map(lambda x: round(x, 12)), ceiling=st.floats(1e-6, 1e12))
def test_saturation_keeps_the_sign_and_stays_below_the_ceiling_and_below_the_value_itself(x, ceiling):
    value = saturate(x, ceiling)
    # The ceiling's inverse is rounded, and so is the sum.
    assert abs(value) <= min(abs(x), ceiling) * (1 + 1e-15)
    assert value * x >= 0
    assert saturate(-x, ceiling) == -value
    assert saturate(x, math.inf) == x
    x_, K_ = Fraction(x), Fraction(ceiling)
    assert close(value, x_ * K_ / (K_ + abs(x_)))


@quick
@given(ceiling=st.floats(1e-3, 1e3))
def test_saturation_has_slope_one_at_zero_half_the_ceiling_at_the_ceiling_and_the_ceiling_far_out(ceiling):
    for h in (-1e-9, 1e-9):
        assert saturate(h * ceiling, ceiling) / (h * ceiling) == pytest.approx(1.0, abs=2e-9)
    assert saturate(0.0, ceiling) == 0.0
    assert saturate(ceiling, ceiling) == pytest.approx(ceiling / 2, rel=1e-15)
    assert saturate(1e9 * ceiling, ceiling) == pytest.approx(ceiling, rel=2e-9)


@quick
@given(x=st.floats(-1e3, 1e3), y=st.floats(-1e3, 1e3), ceiling=st.floats(1e-2, 1e3))
def test_saturation_never_turns_the_order_round(x, y, ceiling):
    assume(x < y)
    assert saturate(x, ceiling) <= saturate(y, ceiling)
