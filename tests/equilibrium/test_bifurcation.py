"""Where the update rule settles, beside what is known of the logistic map, and the picture of it."""

import math

import mpmath
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from abm import Scenario
from abm.equilibrium.bifurcation import attractor, onset_of_chaos, period_doublings
from abm.equilibrium.equilibria import equilibria
from abm.equilibrium.figure import equilibrium_picture
from abm.errors import InputError

FEIGENBAUM_POINT = 3.5699456718709449018  # where the logistic map's period doublings end


def test_the_update_rule_doubles_its_period_where_the_logistic_map_does():
    doublings = {1.0: (1, 1), 3.0: (1, 2), 1 + math.sqrt(6): (2, 4), 3.5440903595519: (4, 8)}
    expected = {r + sign * 1e-3: period for r, two in doublings.items() for sign, period in zip((-1, 1), two)}
    expected |= {3.569: 32, 1 + math.sqrt(8) + 1e-3: 3}  # before the Feigenbaum point, and the window of period three
    expected |= {3.58: 96, 3.7: 96, 3.99: 96}  # beyond it chaos, where no value comes back
    r = np.array(list(expected))
    points = attractor(1, 1, 1, r, r, r, skipped=20_000, kept=96)
    assert [len(np.unique(column.round(7))) for column in points.T] == list(expected.values())
    assert np.isnan(attractor(1, 1, 1, 4.01, 4.01, 4.01)).all()


def test_the_update_rule_settles_at_the_baseline_below_one_and_at_one_over_k_above():
    k = np.array([0.5, 0.9, 1.2, 2.0, 2.9])
    assert attractor(1, 1, 1, k, k, k)[-1] == pytest.approx(np.where(k < 1, 1.0, 1 / k), abs=1e-12)


def test_with_other_baselines_speeds_and_ceilings_it_settles_at_the_stable_equilibrium():
    values, speeds, ceilings = (2.0, 0.5, 1.5, 0.8, 0.9, 1.1), (0.1, 0.3, 0.5), (8.0, 1.0, 5.0)
    stable = [one.T for one in equilibria(*values, speeds=speeds, ceilings=ceilings) if one.stable]
    assert attractor(*values, speeds=speeds, ceilings=ceilings)[-1, 0] == pytest.approx(stable[0])


def test_the_period_doublings_are_the_logistic_maps_to_a_millionth_and_better():
    found = period_doublings(8)
    assert found[:2] == pytest.approx([3.0, 1 + math.sqrt(6)], abs=1e-12)
    for n in range(2, 6):  # in thirty digits, and in the logistic map itself: a cycle of 2ⁿ with a multiplier of −1

        def conditions(y, r, length=2**n):
            end, slope = y, mpmath.mpf(1)
            for _ in range(length):
                slope *= r * (1 - 2 * end)
                end = r * end * (1 - end)
            return end - y, slope + 1

        with mpmath.workdps(30):
            r = mpmath.mpf(found[n]) - mpmath.mpf(10) ** -7
            y = mpmath.mpf(1) / 2
            for _ in range(20_000):
                y = r * y * (1 - y)
            _, exact = mpmath.findroot(conditions, (y, r))
        assert found[n] == pytest.approx(float(exact), abs=1e-11)
    ratios = np.diff(found)[:-1] / np.diff(found)[1:]
    assert ratios[-1] == pytest.approx(4.669201609, abs=1e-3)
    with pytest.raises(InputError, match=r"count = 13 is outside \[1, 12\]"):
        period_doublings(13)


def test_chaos_begins_at_the_feigenbaum_point():
    assert onset_of_chaos() == pytest.approx(FEIGENBAUM_POINT, abs=1e-10)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("ceilings", [False, True])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"k1": 0.0},
        {"k1": 1.0, "k2": 1.0, "k3": 1.0},
        {"k1": 3.9, "k2": 3.9, "k3": 3.9},
        {"T0": 100.0, "C0": 2.0, "R0": 1.2, "k1": 0.5, "k2": 0.3, "k3": 0.01},
        {"T0": 1e6, "C0": 1e6, "R0": 1e6, "k1": 1e6, "k2": 1e6, "k3": 1e6},
        {"k1": 1e-300, "k2": 1e-300, "k3": 1e-300},
    ],
)
def test_every_kind_of_equations_is_drawn_without_a_warning_and_with_named_axes(changes, ceilings):
    figure = equilibrium_picture(Scenario(**changes), ceilings=ceilings)
    FigureCanvasAgg(figure).draw()
    assert all(ax.get_title("left") and ax.get_xlabel() for ax in figure.axes)
