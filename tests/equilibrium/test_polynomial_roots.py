"""Real roots of polynomials of integers, counted exactly."""

from fractions import Fraction

import pytest

from abm.equilibrium.polynomial_roots import real_roots


def test_real_roots_are_counted_once_whatever_their_multiplicity():
    def expanded(*roots):
        polynomial = [Fraction(1)]
        for root in roots:
            shifted = [Fraction(0), *polynomial]
            polynomial = [a - root * b for a, b in zip(shifted, [*polynomial, Fraction(0)])]
        return polynomial

    close = lambda a, b: b - a < Fraction(1, 10**20)  # noqa: E731
    third, near = Fraction(1, 3), Fraction(1, 3) + Fraction(1, 10**30)
    found = real_roots(expanded(third, third, near, 2, 2, 2, -5), Fraction(-10), None, close)
    assert [float(x) for x in found] == pytest.approx([-5, 1 / 3, 1 / 3, 2], abs=1e-15)
    assert real_roots(expanded(1, 2, 3), Fraction(1), Fraction(2), close) == [2]  # the lower end is left out
    assert real_roots([Fraction(1), Fraction(0), Fraction(1)], Fraction(-5), None, close) == []
    assert real_roots([Fraction(3), Fraction(0)], Fraction(-5), None, close) == []
