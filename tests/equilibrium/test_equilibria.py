"""Equilibria beside 50-digit roots and brackets on a grid, and take-off thresholds by simulation."""

import itertools
import math
import random
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from scipy.optimize import brentq

from abm.equilibrium.equilibria import (
    NAMES,
    Equilibrium,
    equilibria,
    loop_gain,
    take_off_threshold,
)
from abm.errors import InputError
from tests.equilibrium.update_rule import INF, ONES, moved, random_values

pytestmark = pytest.mark.filterwarnings("ignore:Descending")  # how mpmath 1.4 wants its coefficients


def exact_equilibria(values, digits=50):
    """The real roots of the whole polynomial of degree 8, as (T, C, R) in many digits."""

    def times(a, b):
        product = [mpmath.mpf(0)] * (len(a) + len(b) - 1)
        for (i, x), (j, y) in itertools.product(enumerate(a), enumerate(b)):
            product[i + j] += x * y
        return product

    def coupled(x0, k, y, y0):
        found = [k * c for c in times(y, [y[0] - y0, *y[1:]])]
        return [found[0] + x0, *found[1:]]

    with mpmath.workdps(10 * digits):  # the coefficients are sums of terms far apart
        T0, C0, R0, k1, k2, k3 = map(mpmath.mpf, values)
        C = coupled(C0, k2, coupled(R0, k3, [mpmath.mpf(0), T0], T0), R0)  # of T in units of T0
        composed = coupled(T0, k1, C, C0)
        composed[1] -= T0
        monic = [c / composed[-1] for c in reversed(composed)]
    with mpmath.workdps(digits):
        roots = mpmath.polyroots(monic, maxsteps=1000, extraprec=4 * digits)
        limit = mpmath.mpf(10) ** (-4 * digits // 5)
        real = sorted(mpmath.re(t) * T0 for t in roots if abs(mpmath.im(t)) < abs(t) * limit)
        found = []
        for T in real:
            R = R0 + k3 * T * (T - T0)
            found.append((T, C0 + k2 * R * (R - R0), R))
        return found


def assert_same(values):
    exact = exact_equilibria(values)
    found = equilibria(*values)
    assert len(found) == len(exact), values
    for one, many_digits in zip(found, exact):
        for x, digits in zip(one[:3], many_digits):
            assert x == pytest.approx(float(digits), rel=4e-16, abs=0.0), values
    assert sum(one.is_baseline for one in found) == 1
    return len(found)


# --- roots ------------------------------------------------------------------------------------------------


def test_a_sample_of_random_parameters_has_the_equilibria_of_fifty_digits():
    draw = random.Random(1)
    numbers = {assert_same(random_values(draw)) for _ in range(40)}
    assert len(numbers) > 2


@pytest.mark.slow
def test_a_thousand_random_parameters_have_the_equilibria_of_fifty_digits():
    draw = random.Random(2)
    numbers = [assert_same(random_values(draw)) for _ in range(1000)]
    assert set(numbers) >= {2, 4, 6, 8}


@pytest.mark.parametrize("k", [0.05, 0.3, 0.9, 0.999, 1.001, 1.5, 3.5, 3.828])
def test_equal_coefficients_have_the_baseline_and_one_over_k(k):
    found = equilibria(1, 1, 1, k, k, k)
    assert [one.T for one in found] == pytest.approx(sorted([1.0, 1 / k]), rel=1e-15)
    assert all(one.T == one.C == one.R for one in found)
    assert [one.is_baseline for one in found] == [k < 1, k > 1]
    by_baseline = {one.is_baseline: one for one in found}
    # The logistic map's derivatives at its two fixed points: r and 2 − r.
    assert by_baseline[True].spectral_radius == pytest.approx(k, rel=1e-14)
    assert by_baseline[False].spectral_radius == pytest.approx(abs(2 - k), rel=1e-12)


def test_beyond_one_plus_root_eight_the_period_three_points_are_equilibria_too():
    at = 1 + math.sqrt(8)
    assert len(equilibria(1, 1, 1, at - 1e-9, at - 1e-9, at - 1e-9)) == 2
    k = at + 1e-9  # three pairs that almost meet
    assert len(equilibria(1, 1, 1, k, k, k)) == 8
    k = 3.9
    # The logistic map's cycle of three, found in itself by bracketing.
    lap = lambda y: y - (lambda f: f(f(f(y))))(lambda z: k * z * (1 - z))  # noqa: E731
    grid = np.linspace(1e-3, 0.999, 20_000)
    known = [brentq(lap, a, b, xtol=1e-15) for a, b in itertools.pairwise(grid) if lap(a) * lap(b) < 0]
    found = [one.T for one in equilibria(1, 1, 1, k, k, k)]
    assert found == pytest.approx(sorted([1 - y for y in known] + [1.0]), abs=1e-12)


def test_every_other_equilibrium_has_a_product_of_one_and_lies_wholly_above_or_between_the_baseline_and_zero():
    draw = random.Random(3)
    for _ in range(50):
        values = T0, C0, R0, k1, k2, k3 = random_values(draw)
        others = [one for one in equilibria(*values) if not one.is_baseline]
        above = [one for one in others if one.T > T0]
        for T, C, R, *_ in others:
            assert k1 * k2 * k3 * T * C * R == pytest.approx(1.0, rel=1e-12)
            assert (T > T0 and C > C0 and R > R0) or (0 < T < T0 and 0 < C < C0 and 0 < R < R0)
        assert len(above) == (loop_gain(k1, k2, k3, T0, C0, R0) < 1)
        assert not any(one.stable for one in above)


@pytest.mark.parametrize("zero", [3, 4, 5])
def test_a_coefficient_of_zero_leaves_the_baseline_alone(zero):
    values = [1.5, 0.7, 2.0, 0.5, 3.0, 40.0]
    values[zero] = 0.0
    assert equilibria(*values) == [Equilibrium(1.5, 0.7, 2.0, 0.0, True, True)]
    assert take_off_threshold(*values) is None


def test_around_a_loop_gain_of_one_the_two_roots_pass_through_each_other():
    assert equilibria(1, 1, 1, 0.5, 2, 1) == [Equilibrium(1.0, 1.0, 1.0, 1.0, False, True)]
    for distance in (1e-14, 1e-10, 1e-6):
        for sign in (-1, 1):
            k1 = 1 + sign * distance
            found = equilibria(1, 1, 1, k1, 1, 1)
            assert [one.is_baseline for one in found] == ([True, False] if sign < 0 else [False, True])
            assert [one.stable for one in found] == [True, False]
            # To first order: the derivative of T·C·R at the baseline is 1 + k3 + k2·k3 = 3.
            other = next(one for one in found if not one.is_baseline)
            assert pytest.approx((1 - k1) / 3, rel=1e-3 if distance > 1e-13 else 0.2) == other.T - 1


def test_equilibria_that_no_float_tells_from_the_baseline_are_given_once():
    # 0.1 and 10 as floats have a product of 1 + 5.6e-17, whose other root lies 2e-17 from the baseline.
    assert Fraction(0.1) * 10 != 1
    assert [one.is_baseline for one in equilibria(1, 1, 1, 0.1, 10, 1)] == [True]


@pytest.mark.parametrize(
    "values",
    [
        (1e6, 1e-6, 1e-6, 1e6, 1e6, 1e6),
        (1e-6, 1e6, 1e6, 1e6, 1e6, 1e6),
        (1, 1, 1, 1e6, 1e6, 1e6),
        (1e-6, 1e-6, 1e-6, 1e-6, 1e-6, 1e-6),
        (1e6, 1e-6, 1.0, 1e-12, 1e6, 1e-3),
    ],
)
def test_the_ends_of_the_ranges_have_the_equilibria_of_three_hundred_digits(values):
    exact = exact_equilibria(tuple(map(float, values)), digits=300)
    different = {tuple(float(x) for x in point) for point in exact}
    found = [one[:3] for one in equilibria(*values)]
    assert len(found) == len(different)
    assert np.array(found) == pytest.approx(np.array(sorted(different)), rel=4e-16, abs=0.0)


def test_an_equilibrium_beyond_every_float_is_at_infinity_and_soon_found():
    found = equilibria(1, 1, 1, 5e-324, 5e-324, 5e-324)
    assert [one.T for one in found] == [1.0, INF]
    assert take_off_threshold(1, 1, 1, 1e-200, 1e-200, 1e-200) == pytest.approx(1e200)


# --- take-off threshold ------------------------------------------------------------------------------------


def end_of(state, values, **options):
    """Where the update rule leads: the last state, or None if it grows without end."""
    for _ in range(60_000):
        state = moved(state, values, **options)
        if not max(map(abs, state)) < 1e12:
            return None
    return state


def test_firms_just_below_the_threshold_return_and_just_above_it_take_off():
    draw = random.Random(6)
    tried = 0
    while tried < 12:
        values = random_values(draw)
        threshold = take_off_threshold(*values)
        if not 0.001 < loop_gain(*values[3:], *values[:3]) < 0.99:
            continue
        tried += 1
        baseline = values[:3]
        other = next(one for one in equilibria(*values) if threshold == one.T)
        gap = [x - x0 for x, x0 in zip(other[:3], baseline)]
        for share in (0.999, 1.001):
            start = tuple(x0 + share * each for x0, each in zip(baseline, gap))
            end = end_of(start, values)
            assert (end is None) == (share > 1)
            assert end is None or end == pytest.approx(baseline, rel=1e-9)
        # One of the three above is enough, whichever it is.
        for place in range(3):
            start = [x0 + 0.5 * each for x0, each in zip(baseline, gap)]
            start[place] = baseline[place] + 1.001 * gap[place]
            assert end_of(tuple(start), values) is None


def test_above_a_loop_gain_of_one_every_start_above_the_baseline_grows_and_there_is_no_threshold():
    for k in (1.0, 1.02, 1.5, 2.5, 3.5):
        assert take_off_threshold(1, 1, 1, k, k, k) is None
        assert end_of((1.001,) * 3, (1, 1, 1, k, k, k)) is None
    # Below the baseline it settles at 1/k, or oscillates, and does not return.
    assert end_of((0.999,) * 3, (1, 1, 1, 1.5, 1.5, 1.5)) == pytest.approx((1 / 1.5,) * 3)


def test_from_below_a_firm_takes_off_only_where_one_pull_exceeds_four():
    low = (0.5,) * 3
    assert end_of(low, (1, 1, 1, 4.0, 0.9, 0.2)) == pytest.approx(ONES)
    assert end_of((1.0, 0.5, 1.0), (1, 1, 1, 12.0, 0.05, 0.2)) == pytest.approx(ONES)  # T drops below 0 and returns
    assert end_of((1.0, 0.5, 1.0), (1, 1, 1, 12.0, 0.05, 1.2)) is None  # from there R overshoots
    assert take_off_threshold(1, 1, 1, 12.0, 0.05, 1.2) > 1


# --- ceilings ----------------------------------------------------------------------------------------------


def bracketed(values, ceilings, number=400_000):
    """The equilibria under ceilings by brackets on a fine grid of T."""
    T0, C0, R0, k1, k2, k3 = values

    def lap(T):
        y = T
        for x0, k, y0, ceiling in ((R0, k3, T0, ceilings[2]), (C0, k2, R0, ceilings[1]), (T0, k1, C0, ceilings[0])):
            p = k * y * (y - y0)
            y = x0 + p / (1 + abs(p) / ceiling)
        return y - T

    top = T0 + ceilings[0]
    grid = np.unique(np.concatenate([np.linspace(0, T0, number), np.geomspace(T0 * (1 + 1e-7), top, number)]))
    with np.errstate(all="ignore"):
        signs = np.sign(lap(grid))
    places = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    found = [brentq(lap, grid[i], grid[i + 1], xtol=1e-300, rtol=1e-14) for i in places]
    return sorted([x for x in found if abs(x / T0 - 1) > 1e-9] + [T0])


def test_equilibria_under_ceilings_are_those_that_brackets_on_a_fine_grid_find():
    draw = random.Random(7)
    cases = [(*ONES, 3.9, 3.9, 3.9), (*ONES, 3.85, 3.85, 3.85)] + [random_values(draw) for _ in range(25)]
    numbers = set()
    for place, values in enumerate(cases):
        looseness = 200.0 if place < 2 else 10 ** draw.uniform(-0.5, 1.5)
        ceilings = tuple(looseness * x for x in values[:3])
        found = [one.T for one in equilibria(*values, ceilings=ceilings)]
        assert found == pytest.approx(bracketed(values, ceilings), rel=1e-7), (values, ceilings)
        numbers.add(len(found))
    assert numbers >= {1, 3, 9}


def test_ceilings_leave_the_loop_gain_and_end_the_growth():
    low, threshold, end = equilibria(1, 1, 1, 0.9, 0.9, 0.9, ceilings=(8, 8, 8))
    assert (low.stable, threshold.stable, end.stable) == (True, False, True)
    assert low.spectral_radius == pytest.approx(0.9)
    # What the bundled scenario "take-off" says of itself.
    assert take_off_threshold(1, 1, 1, 0.9, 0.9, 0.9, ceilings=(8, 8, 8)) == pytest.approx(1.129, abs=5e-4)
    options = {"ceilings": (8, 8, 8), "speeds": (0.1, 0.3, 0.5)}
    values = (1, 1, 1, 0.9, 0.9, 0.9)
    assert end_of((threshold.T * 1.001,) * 3, values, **options) == pytest.approx(end[:3])
    assert end_of((threshold.T * 0.999,) * 3, values, **options) == pytest.approx(low[:3])
    assert take_off_threshold(1, 1, 1, 0.5, 0.5, 0.5, ceilings=(1, 1, 1)) is None
    assert pytest.approx(1 / 0.9, rel=1e-9) == equilibria(*values, ceilings=(1e12,) * 3)[1].T


# --- refusals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"T0": 0}, "T0 = 0 is outside [1e-6, 1e6]"),
        ({"k2": -1.0}, "k2 = -1.0 is outside [0, 1e6]"),
        ({"k1": math.nan}, "k1 = nan is not a number; allowed is [0, 1e6]"),
        ({"monetisation": 0}, "monetisation = 0 is outside (0, 1e3]"),
        ({"ceilings": (1, 0, 1)}, "competitiveness_ceiling = 0 is outside (0, inf]"),
        ({"speeds": (1, 1, 2)}, "return_speed = 2 is outside (0, 1]"),
        ({"speeds": (1, 1)}, "technology_speed, competitiveness_speed, return_speed are 3 numbers, not 2"),
        ({"reading": "litteral"}, "reading = 'litteral' is not literal, rate or increment (did you mean 'literal'?)"),
        (
            {"reading": "rate", "k1": 0},
            "k1 = 0.0 leaves no isolated rest point of the reading rate; allowed is above 0",
        ),
    ],
)
def test_bad_values_are_refused_by_name_value_and_range(change, message):
    with pytest.raises(InputError) as refusal:
        equilibria(**(dict.fromkeys(NAMES, 1.0) | change))
    assert str(refusal.value) == message
