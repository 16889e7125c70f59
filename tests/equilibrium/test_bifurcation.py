"""Where the update rule settles, beside what is known of the logistic map, and the picture of it."""

import math

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from abm import Scenario
from abm.equilibrium.bifurcation import attractor
from abm.equilibrium.equilibria import equilibria
from abm.equilibrium.figure import equilibrium_picture


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
