"""Where the update rule rests and whether it is stable there, by simulation and by hand."""

import itertools
import math
import random

import mpmath
import numpy as np
import pytest

from abm.equilibrium.equilibria import (
    Equilibrium,
    coefficients_at_gain_one,
    equilibria,
    loop_gain,
)
from tests.equilibrium.update_rule import INF, ONES, moved, random_values


@pytest.mark.parametrize("speeds", [ONES, (0.1, 0.3, 0.5), (0.4, 0.4, 0.4), (1.0, 0.2, 1.0)])
@pytest.mark.parametrize("reading", ["literal", "rate", "increment"])
@pytest.mark.parametrize("ceilings", [(INF, INF, INF), (8.0, 1.0, 5.0)])
def test_rest_points_rest_and_their_spectral_radius_is_that_of_the_jacobian(reading, speeds, ceilings):
    draw = random.Random(4)
    for _ in range(8):
        values = random_values(draw)
        for one in equilibria(*values, reading=reading, speeds=speeds, ceilings=ceilings):
            state = np.array(one[:3])
            assert moved(state, values, reading, speeds, ceilings) == pytest.approx(tuple(state), rel=1e-6, abs=1e-9)
            jacobian = np.empty((3, 3))
            for place in range(3):
                with mpmath.workdps(60):
                    for row in range(3):

                        def along(x, place=place, row=row, state=state, values=values):
                            shifted = [mpmath.mpf(v) for v in state]
                            shifted[place] = x
                            T, C, R = shifted
                            T0, C0, R0, k1, k2, k3 = values
                            x, x0, k, y, y0 = ((T, T0, k1, C, C0), (C, C0, k2, R, R0), (R, R0, k3, T, T0))[row]
                            p = k * y if reading == "increment" else k * y * (y - y0)
                            start = x0 if reading == "literal" else x
                            return x + speeds[row] * (start + p / (1 + abs(p) / ceilings[row]) - x)

                        jacobian[row, place] = mpmath.diff(along, mpmath.mpf(state[place]), h=mpmath.mpf(10) ** -25)
            radius = np.abs(np.linalg.eigvals(jacobian)).max()
            assert one.spectral_radius == pytest.approx(radius, rel=1e-6)
            assert one.stable == (one.spectral_radius < 1)


def test_a_jacobian_worked_by_hand_has_the_spectral_radius():
    # T0 = C0 = R0 = 1, k = 2, at T = C = R = 1/2: every slope is 2·(2·½ − 1) = 0, the fastest return there is.
    half, baseline = equilibria(1, 1, 1, 2, 2, 2)
    assert half == Equilibrium(0.5, 0.5, 0.5, pytest.approx(0.0, abs=1e-15), True, False)
    assert baseline.spectral_radius == pytest.approx(2.0)
    # With speeds ½ the diagonal is ½ and the slopes halve: eigenvalues ½ + ½·2·∛1 at the baseline.
    half, baseline = equilibria(1, 1, 1, 2, 2, 2, speeds=(0.5, 0.5, 0.5))
    assert (half.spectral_radius, baseline.spectral_radius) == pytest.approx((0.5, 1.5))


def test_speeds_move_no_equilibrium_but_can_steady_one():
    at_once, slow = (equilibria(1, 1, 1, 3.3, 3.3, 3.3, speeds=speeds)[0] for speeds in (ONES, (0.1, 0.1, 0.1)))
    assert at_once[:3] == slow[:3]
    assert (at_once.stable, slow.stable) == (False, True)


def test_rate_rests_at_eight_points_and_increment_at_one_and_none_is_stable():
    values = (1.0, 2.0, 3.0, 0.1, 0.2, 0.3)
    points = equilibria(*values, reading="rate", speeds=(0.1, 0.3, 0.5))
    assert [one[:3] for one in points] == sorted(itertools.product((0.0, 1.0), (0.0, 2.0), (0.0, 3.0)))
    assert [one.is_baseline for one in points] == [False] * 7 + [True]
    s = (0.1 * 0.3 * 0.5 * loop_gain(0.1, 0.2, 0.3, 1.0, 2.0, 3.0)) ** (1 / 3)
    for one in points:
        odd = one[:3].count(0.0) % 2  # each 0 turns a slope round
        assert one.spectral_radius == pytest.approx(math.sqrt(1 + s + s * s) if odd else 1 + s)
        assert not one.stable
    (origin,) = equilibria(*values, reading="increment")
    assert origin[:3] == (0.0, 0.0, 0.0)
    assert origin.spectral_radius == pytest.approx(1 + 0.006 ** (1 / 3))


def test_the_baseline_turns_unstable_at_a_loop_gain_of_one_at_any_speeds():
    draw = random.Random(5)
    for speeds in (ONES, (0.1, 0.3, 0.5), (1.0, 1e-3, 0.5)):
        values = random_values(draw)
        by_hand = coefficients_at_gain_one(*values)
        for place, name in enumerate(("k1", "k2", "k3"), 3):
            at = [*values]
            for factor, stable in ((1 - 1e-7, True), (1 + 1e-7, False)):
                at[place] = by_hand[name] * factor
                (baseline,) = (each for each in equilibria(*at, speeds=speeds) if each.is_baseline)
                assert baseline.stable is stable
            at[place] = by_hand[name]
            assert loop_gain(*at[3:], *at[:3]) == pytest.approx(1.0, rel=1e-15)
    assert coefficients_at_gain_one(1, 1, 1, 0, 2, 0.25) == {"k1": 2.0, "k2": INF, "k3": INF}
    assert coefficients_at_gain_one(1, 1, 1, 1, 2, 0.25, monetisation=2)["k3"] == 0.25
