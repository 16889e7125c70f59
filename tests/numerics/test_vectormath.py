"""The elementary functions against 50-digit values, in units of the last place of the true result."""

import math
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from numba import njit

from abm.numerics.vectormath import box_muller, exp, exp2, log, log2, sine_cosine_of_turn

mpmath.mp.dps = 50
# The largest error allowed, in units in the last place (ulp) of the true result.
LOG_ULP, EXP_ULP, TURN_ULP = 4.0, 2.0, 2.0
LOG2_ULP, EXP2_ULP = 3.0, 2.0
EIGHTHS = [k / 8 for k in range(9)]

# The million points are held against 80-bit numbers, for mpmath would take an hour; the few points against mpmath
# are tested everywhere.
extended = pytest.mark.skipif(np.finfo(np.longdouble).nmant != 63, reason="no 80-bit numbers on this machine")


@njit
def log_of(x, out):
    for i in range(x.size):
        out[i] = log(x[i])


@njit
def exp_of(x, out):
    for i in range(x.size):
        out[i] = exp(x[i])


@njit
def log2_of(x, out):
    for i in range(x.size):
        out[i] = log2(x[i])


@njit
def exp2_of(x, out):
    for i in range(x.size):
        out[i] = exp2(x[i])


@njit
def turn_of(u, sine, cosine):
    for i in range(u.size):
        sine[i], cosine[i] = sine_cosine_of_turn(u[i])


@njit
def normal_of(u, v, first, second):
    for i in range(u.size):
        first[i], second[i] = box_muller(u[i], v[i])


def filled(kernel, *arguments, results=1):
    out = [np.empty(arguments[0].size) for _ in range(results)]
    kernel(*arguments, *out)
    return out[0] if results == 1 else out


def errors(ours, true):
    """Errors in ulp of the true values, which are 50-digit numbers."""
    return [abs(float((mpmath.mpf(float(y)) - t) / math.ulp(float(t)))) for y, t in zip(ours, true, strict=True)]


def extended_errors(ours, true):
    """Errors in ulp of true values of 64 bits, good to 1/1000 ulp."""
    return np.abs((ours.astype(np.longdouble) - true) / np.spacing(np.abs(true.astype(np.float64))))


def decades(low, high, each, seed):
    """Random numbers in each decade of [low, high], evenly by their logarithms."""
    edges = 10.0 ** np.arange(math.log10(low), math.log10(high) + 0.5)
    rng = np.random.default_rng(seed)
    for a, b in pairwise(edges):
        yield np.exp(rng.uniform(math.log(a), math.log(b), each))


def turns(each, seed):
    """Turns spread over [0, 1], and ever closer to each eighth of a turn."""
    rng = np.random.default_rng(seed)
    parts = [rng.random(each)]
    for place in EIGHTHS:
        near = place + rng.choice([-1.0, 1.0], each) * 10.0 ** rng.uniform(-16, -1, each)
        parts.append(near[(near >= 0.0) & (near <= 1.0)])
    return np.concatenate([*parts, EIGHTHS])


def test_log_is_within_four_ulp_of_50_digit_values_from_1e_minus_300_to_1e300():
    x = np.concatenate([*decades(1e-300, 1e300, 8, 1), *decades(1e-2, 1e2, 500, 2)])
    assert max(errors(filled(log_of, x), [mpmath.log(mpmath.mpf(float(value))) for value in x])) <= LOG_ULP


def test_log_is_within_four_ulp_of_50_digit_values_close_to_1():
    distance = np.concatenate(list(decades(1e-15, 0.1, 100, 3)))
    x = np.concatenate([1.0 + distance, 1.0 - distance])
    x = x[x != 1.0]
    assert max(errors(filled(log_of, x), [mpmath.log(mpmath.mpf(float(value))) for value in x])) <= LOG_ULP


def test_log_is_within_four_ulp_on_both_sides_of_the_powers_of_two_and_of_their_geometric_middles():
    powers = 2.0 ** np.arange(-1000, 1001, 7)
    places = np.concatenate([powers, powers * math.sqrt(0.5)])
    x = np.concatenate([places, np.nextafter(places, 0), np.nextafter(places, np.inf)])
    x = x[x != 1.0]
    assert max(errors(filled(log_of, x), [mpmath.log(mpmath.mpf(float(value))) for value in x])) <= LOG_ULP


def test_log2_is_within_three_ulp_of_50_digit_values_everywhere():
    distance = np.concatenate(list(decades(1e-15, 0.1, 60, 3)))
    powers = 2.0 ** np.arange(-1000, 1001, 7)
    places = np.concatenate([powers, powers * math.sqrt(0.5)])
    around = [places, np.nextafter(places, 0), np.nextafter(places, np.inf), 1.0 + distance, 1.0 - distance]
    x = np.concatenate([*decades(1e-300, 1e300, 8, 1), *decades(1e-2, 1e2, 300, 2), *around])
    x = x[x != 1.0]
    assert max(errors(filled(log2_of, x), [mpmath.log(mpmath.mpf(float(value)), 2) for value in x])) <= LOG2_ULP
    assert [log2(2.0**power) for power in (-1000, -1, 0, 1, 52, 1000)] == [-1000, -1, 0, 1, 52, 1000]


def test_exp2_is_within_two_ulp_of_50_digit_values_and_of_its_bounds_beyond_them():
    size = np.concatenate([*decades(1e-18, 1e2, 60, 4), np.random.default_rng(5).uniform(0.0, 1020.0, 2000)])
    halves = np.arange(-1000, 1000, 7) + 0.5
    x = np.concatenate([size, -size, halves, np.nextafter(halves, -np.inf), np.nextafter(halves, np.inf)])
    assert max(errors(filled(exp2_of, x), [mpmath.power(2, mpmath.mpf(float(value))) for value in x])) <= EXP2_ULP
    assert [exp2(float(power)) for power in (-1022, -3, 0, 10, 1023)] == [2.0**-1022, 0.125, 1.0, 1024.0, 2.0**1023]
    assert exp2(-5000.0) == 2.0**-1022
    assert exp2(math.inf) == 2.0**1023


def test_log_of_special_values_is_as_documented():
    assert log(1.0) == 0.0
    assert log(0.0) == pytest.approx(-709.0, abs=1.0)
    assert log(math.inf) == pytest.approx(710.0, abs=1.0)
    for bound in (2.3e-308, 1.7976931348623157e308):
        assert log(bound) == pytest.approx(math.log(bound), rel=5e-16)


def test_exp_is_within_two_ulp_of_50_digit_values_from_minus_700_to_700():
    size = np.concatenate([*decades(1e-18, 1e2, 60, 4), np.random.default_rng(5).uniform(0.0, 700.0, 2000)])
    x = np.concatenate([size, -size])
    assert max(errors(filled(exp_of, x), [mpmath.exp(mpmath.mpf(float(value))) for value in x])) <= EXP_ULP


def test_exp_is_within_two_ulp_where_its_reduction_turns_to_the_next_power_of_two():
    places = (np.arange(-1010, 1011, 5) + 0.5) * math.log(2.0)
    x = np.concatenate([places, np.nextafter(places, -np.inf), np.nextafter(places, np.inf)])
    assert max(errors(filled(exp_of, x), [mpmath.exp(mpmath.mpf(float(value))) for value in x])) <= EXP_ULP


def test_exp_of_special_values_is_as_documented():
    assert exp(0.0) == exp(-0.0) == 1.0
    for beyond in (-708.5, -745.0, -1e300, -math.inf):
        assert exp(beyond) == exp(-708.0)
    for beyond in (709.5, 1e300, math.inf):
        assert exp(beyond) == exp(709.0)
    for bound in (-708.0, 709.0):
        assert errors([exp(bound)], [mpmath.exp(bound)])[0] <= EXP_ULP
        assert math.isfinite(exp(bound))
        assert exp(bound) > 2.3e-308


def test_sine_and_cosine_are_within_two_ulp_of_50_digit_values_over_the_turn_and_near_their_zeros():
    u = turns(400, 6)
    sine, cosine = filled(turn_of, u, results=2)
    angles = [2 * mpmath.mpf(float(value)) for value in u]  # in units of π
    for ours, true in ((sine, map(mpmath.sinpi, angles)), (cosine, map(mpmath.cospi, angles))):
        true = list(true)
        zero = np.array([value == 0 for value in true])
        assert zero.any()
        assert not ours[zero].any()
        kept = [value for value in true if value != 0]
        assert max(errors(ours[~zero], kept)) <= TURN_ULP


def test_sine_and_cosine_of_the_quarters_of_a_turn_are_exact():
    points = [sine_cosine_of_turn(quarter / 4) for quarter in range(5)]
    assert points == [(0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0), (0.0, 1.0)]


@pytest.mark.parametrize("size", [*range(1, 71), 512])
def test_a_block_gives_the_bits_of_single_calls(size):
    rng = np.random.default_rng(size)
    x, u, v = np.exp(rng.uniform(-600.0, 600.0, size)), rng.random(size), rng.random(size)
    y = rng.uniform(-750.0, 750.0, size)
    assert filled(log_of, x).tobytes() == np.array([log(value) for value in x]).tobytes()
    assert filled(exp_of, y).tobytes() == np.array([exp(value) for value in y]).tobytes()
    for block, kernel, arguments in (
        (turn_of, sine_cosine_of_turn, (u,)),
        (normal_of, box_muller, (1.0 - u, v)),
    ):
        single = [np.array(part) for part in zip(*map(kernel, *arguments), strict=True)]
        for ours, theirs in zip(filled(block, *arguments, results=2), single, strict=True):
            assert ours.tobytes() == theirs.tobytes()


def test_box_muller_turns_a_point_of_the_square_into_a_radius_and_an_angle():
    rng = np.random.default_rng(7)
    u, v = np.append(rng.random(5000), [2.0**-53, 1 - 2.0**-53]), np.append(rng.random(5000), [0.3, 0.8])
    first, second = filled(normal_of, u, v, results=2)
    np.testing.assert_allclose(np.hypot(first, second), np.sqrt(-2 * np.log(u)), rtol=1e-15)
    turned = np.arctan2(first, second) / (2 * np.pi) - v
    np.testing.assert_allclose(turned - np.round(turned), 0.0, atol=1e-15)


def test_box_muller_of_an_even_grid_has_the_moments_of_two_independent_normal_numbers():
    # The midpoint rule over the square: only ln u near 0 keeps it from being exact.
    n, m = 50_000, 8
    u, v = (np.arange(n) + 0.5) / n, (np.arange(m) + 0.5) / m
    first, second = filled(normal_of, np.repeat(u, m), np.tile(v, n), results=2)
    for z in (first, second):
        for power, moment in ((1, 0), (2, 1), (3, 0), (4, 3), (5, 0), (6, 15)):
            assert np.mean(z**power) == pytest.approx(moment, abs=2e-2 if power == 6 else 2e-3)
    for powers, moment in (((1, 1), 0), ((2, 1), 0), ((2, 2), 1), ((4, 2), 3)):
        assert np.mean(first ** powers[0] * second ** powers[1]) == pytest.approx(moment, abs=5e-3)


@extended
def test_80_bit_numbers_are_a_true_reference_to_a_hundredth_of_an_ulp():
    rng = np.random.default_rng(8)
    x, y, u = np.exp(rng.uniform(-690, 690, 1000)), rng.uniform(-700, 700, 1000), rng.random(1000)
    angle = 2 * mpmath.pi
    cases = [
        (np.log(x.astype(np.longdouble)), [mpmath.log(mpmath.mpf(float(value))) for value in x]),
        (np.exp(y.astype(np.longdouble)), [mpmath.exp(mpmath.mpf(float(value))) for value in y]),
        (extended_turn(u)[0], [mpmath.sin(angle * mpmath.mpf(float(value))) for value in u]),
        (extended_turn(u)[1], [mpmath.cos(angle * mpmath.mpf(float(value))) for value in u]),
    ]
    for values, true in cases:
        for value, t in zip(values, true, strict=True):
            high = float(value)
            exact = mpmath.mpf(high) + mpmath.mpf(float(value - high))
            assert abs(exact - t) < 0.01 * math.ulp(float(t))


def extended_turn(u):
    """Sine and cosine of a turn in 80 bits, the quarters taken off exactly."""
    quarters = np.round(4.0 * u)
    angle = (4.0 * u - quarters).astype(np.longdouble) * (np.arctan(np.longdouble(1.0)) * 2)
    sine, cosine, quadrant = np.sin(angle), np.cos(angle), quarters.astype(np.int64) % 4
    return (
        np.choose(quadrant, [sine, cosine, -sine, -cosine]),
        np.choose(quadrant, [cosine, -sine, -cosine, sine]),
    )


@pytest.mark.slow
@extended
def test_log_is_within_four_ulp_at_a_million_points_of_each_decade_in_use():
    # The market's logarithms are of numbers between 1e-20 and 1e20.
    for low, high, each in ((1e-300, 1e-20, 30_000), (1e-20, 1e20, 1_000_000), (1e20, 1e300, 30_000)):
        for x in decades(low, high, each, 9):
            assert extended_errors(filled(log_of, x), np.log(x.astype(np.longdouble))).max() <= LOG_ULP


@pytest.mark.slow
@extended
def test_exp_is_within_two_ulp_at_a_million_points_of_each_decade():
    rng = np.random.default_rng(10)
    for size in [*decades(1e-12, 1e2, 1_000_000, 11), rng.uniform(1e2, 7e2, 5_000_000)]:
        for x in (size, -size):
            assert extended_errors(filled(exp_of, x), np.exp(x.astype(np.longdouble))).max() <= EXP_ULP


@pytest.mark.slow
@extended
def test_sine_and_cosine_are_within_two_ulp_at_millions_of_points_of_the_turn():
    for seed in range(3):
        u = turns(300_000, seed)
        for ours, true in zip(filled(turn_of, u, results=2), extended_turn(u), strict=True):
            zero = true == 0
            assert not ours[zero].any()
            assert extended_errors(ours[~zero], true[~zero]).max() <= TURN_ULP
