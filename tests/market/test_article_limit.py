"""The market with every mechanism beyond the article at its neutral value: coupled logistic maps.

With y = 1 − X/X0 the article's system read as an update rule is y_T' = g1·y_C(1 − y_C), y_C' = g2·y_R(1 − y_R),
y_R' = g3·y_T(1 − y_T); with equal numbers it is the logistic map with r = k, of which everything is known.
"""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from abm import Scenario, simulate
from abm.equations import loop_gain

FLOOR, LIMIT = 1e-6, 1e9
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def neutral(**values):
    """A market of the article alone: each firm follows its equations, and nobody draws anything."""
    given = {"steps": 1, "capacity": 1, "review_interval": 10**6}
    return Scenario(**given).neutral().replace(**values)


def stepped(firms, steps=1, **values):
    """The firms of a table after some steps, with all of their columns."""
    table = pd.DataFrame(firms).assign(sector="market", strategy="balanced")
    return simulate(neutral(steps=steps, **values), firms=table, collect="light").firms


def path(k, steps, x0, reading="literal"):
    """X of a firm with equal numbers by step, from (1 + x0) at step 0."""
    scenario = neutral(steps=steps, k1=k, k2=k, k3=k, initial_momentum=x0, reading=reading)
    rows = simulate(scenario, collect="light").steps
    held = rows["mean_T"] == FLOOR  # which P and R do not have
    np.testing.assert_array_equal(rows["mean_C"], rows["mean_T"])
    np.testing.assert_array_equal(rows["mean_R"][~held], rows["mean_T"][~held])
    return np.concatenate([[1.0 + x0], rows["mean_T"].to_numpy()])


def logistic(r, y, steps):
    """The logistic map, from y at step 0."""
    values = [y]
    for _ in range(steps):
        values.append(r * values[-1] * (1.0 - values[-1]))
    return np.array(values)


def cycle(r, period):
    """The attracting cycle of the logistic map: roots of its iterate that no shorter cycle has, in falling order."""
    y = np.polynomial.Polynomial([0.0, 1.0])
    iterate = y
    for _ in range(period):
        iterate = r * iterate * (1 - iterate)
    roots = (iterate - y).roots()
    real = np.sort(roots[np.abs(roots.imag) < 1e-7].real)
    shorter = [(root, logistic(r, root, period // 2)[-1]) for root in real]
    own = np.array([root for root, after in shorter if abs(root - after) > 1e-3])
    own = np.array([logistic(r, root, 100 * period)[-1] for root in own])  # good to the last digits
    slope = np.prod(r * (1 - 2 * own[:period])) if len(own) == period else 0.0
    assert len(own) == period
    assert abs(slope) < 1
    return own[::-1]


def period_of(values, longest=16):
    """The smallest number of steps after which the end of a path repeats itself."""
    end = values[-4 * longest :]
    return next(p for p in range(1, longest + 1) if np.abs(end[p:] - end[:-p]).max() < 1e-6)


numbers = st.fixed_dictionaries(
    {name: st.floats(0.1, 10.0) for name in ("T0", "C0", "R0")}
    | {name: st.floats(0.0, 3.999) for name in ("g1", "g2", "g3")}
    | {name: st.floats(-2.0, 0.999) for name in ("y_T", "y_C", "y_R")}
)


@quick
@given(firms=st.lists(numbers, min_size=1, max_size=8))
def test_one_step_from_any_state_is_the_coupled_logistic_maps(firms):
    rows, expected = [], []
    for firm in firms:
        T0, C0, R0 = firm["T0"], firm["C0"], firm["R0"]
        g1, g2, g3 = firm["g1"], firm["g2"], firm["g3"]
        y_T, y_C, y_R = firm["y_T"], firm["y_C"], firm["y_R"]
        after = (g1 * y_C * (1 - y_C), g2 * y_R * (1 - y_R), g3 * y_T * (1 - y_T))
        assert max(after) < 1  # for g below 4 no state leaves the range by its floor
        k1, k2, k3 = g1 * T0 / C0**2, g2 * C0 / R0**2, g3 * R0 / T0**2
        assert loop_gain(k1, k2, k3, T0, C0, R0) == pytest.approx(g1 * g2 * g3, rel=1e-12)
        state = {"T": T0 * (1 - y_T), "C": C0 * (1 - y_C), "R": R0 * (1 - y_R)}
        rows.append({"T0": T0, "C0": C0, "R0": R0, "k1": k1, "k2": k2, "k3": k3} | state)
        expected.append(after)
    result = stepped(rows)
    assert len(result) == len(rows)
    for x, x0, place in (("T", "T0", 0), ("C", "C0", 1), ("P", "R0", 2), ("R", "R0", 2)):
        y = 1 - result[x] / result[x0]
        np.testing.assert_allclose(y, [after[place] for after in expected], rtol=1e-12, atol=1e-12)


def test_competitiveness_answers_to_the_realised_return_of_the_steps_start_not_to_the_potential_one():
    # Only a table can set them apart: from here on both are the same.
    firm = stepped([{"k1": 0.5, "k2": 0.5, "k3": 0.5, "T": 1.0, "C": 1.0, "P": 5.0, "R": 1.5}]).iloc[0]
    assert firm["C"] == pytest.approx(1 + 0.5 * 1.5 * (1.5 - 1), rel=1e-15)
    assert firm["T"] == firm["P"] == firm["R"] == 1.0


@quick
@given(r=st.floats(0.05, 3.5), y=st.floats(0.01, 0.99))
def test_a_whole_path_with_equal_numbers_is_the_path_of_the_logistic_map(r, y):
    # Where a cycle is just being born rounding errors fade slowly; elsewhere in this range they fade fast.
    np.testing.assert_allclose(1 - path(r, 200, -y), logistic(r, y, 200), rtol=0, atol=1e-9)


@quick
@given(
    r=st.floats(0.1, 3.4),
    y=st.tuples(*[st.floats(0.05, 0.95)] * 3),
    baselines=st.tuples(*[st.floats(0.5, 2.0)] * 3),
)
def test_unequal_starts_are_three_logistic_maps_interleaved(r, y, baselines):
    # T of step n comes from C of step n − 1, R of n − 2, T of n − 3; the baselines are units of measure.
    T0, C0, R0 = baselines
    gains = {"k1": r * T0 / C0**2, "k2": r * C0 / R0**2, "k3": r * R0 / T0**2}
    state = {"T": T0 * (1 - y[0]), "C": C0 * (1 - y[1]), "R": R0 * (1 - y[2])}
    for steps in (1, 2, 3, 4, 29):
        firm = stepped([{"T0": T0, "C0": C0, "R0": R0} | gains | state], steps).iloc[0]
        for place, (x, x0) in enumerate((("T", T0), ("C", C0), ("R", R0))):
            source = y[(place + steps) % 3]
            assert 1 - firm[x] / x0 == pytest.approx(logistic(r, source, steps)[-1], abs=1e-9)


@pytest.mark.parametrize("k", [0.3, 0.9, 1.5, 2.9, 3.3])
def test_a_firm_at_rest_on_its_baseline_stays_there(k):
    np.testing.assert_array_equal(path(k, 50, 0.0), 1.0)


@pytest.mark.parametrize("k", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("x0", [-0.9, -0.3, 0.05])
def test_a_loop_gain_below_one_returns_to_the_baseline_from_below_and_from_a_little_above(k, x0):
    assert path(k, 400, x0)[-1] == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("k", [0.3, 0.5, 0.8])
def test_a_loop_gain_below_one_has_its_threshold_of_take_off_at_one_over_k(k):
    below, above = (path(k, 300, (1 / k) * factor - 1) for factor in (0.999, 1.001))
    assert below[-1] == pytest.approx(1.0, abs=1e-9)
    assert np.isnan(above[-1])


@pytest.mark.parametrize("k", [0.5, 0.8])
def test_a_start_above_the_threshold_is_reported_as_diverged_at_the_step_that_the_map_says(k):
    x0 = 1.5 / k - 1
    y = logistic(k, -x0, 100)
    step = int(np.argmax(1 - y > LIMIT))
    result = simulate(neutral(steps=60, k1=k, k2=k, k3=k, initial_momentum=x0), collect="light")
    life = result.lives.iloc[0]
    assert (life["exit_step"], life["reason"]) == (step, "diverged")
    assert result.steps["diverged"].tolist() == [int(n == step) for n in range(1, 61)]
    assert result.steps["firms"].tolist() == [int(n < step) for n in range(1, 61)]
    assert result.outcomes["structure"] == "collapsed"
    assert result.outcomes["survival"] == 0.0


@pytest.mark.parametrize("k", [1.2, 1.7, 2.3, 2.9])
@pytest.mark.parametrize("x0", [-0.01, -0.5, -0.95])
def test_between_one_and_three_a_start_below_the_baseline_settles_at_one_over_k(k, x0):
    assert path(k, 600, x0)[-1] == pytest.approx(1 / k, abs=1e-9)


@pytest.mark.parametrize("k", [1.2, 2.0, 3.2])
def test_above_one_every_start_above_the_baseline_grows_without_end(k):
    values = path(k, 400, 0.01)
    alive = values[~np.isnan(values)]
    assert np.all(np.diff(alive) > 0)
    assert len(alive) < 400


def test_at_3_2_a_firm_swings_between_the_two_known_values():
    r = 3.2
    root = math.sqrt((r - 3) * (r + 1))
    known = np.array([(r + 1 + root) / (2 * r), (r + 1 - root) / (2 * r)])
    np.testing.assert_allclose(known, [0.7994554905, 0.5130445095], atol=1e-10)  # as printed in textbooks
    np.testing.assert_allclose(cycle(r, 2), known, atol=1e-9)
    end = 1 - path(r, 400, -0.3)[-8:]
    np.testing.assert_allclose(np.sort(end), np.repeat(np.sort(known), 4), atol=1e-12)


def test_at_3_5_a_firm_goes_round_the_four_known_values():
    known = np.array([0.8749972636, 0.8269407066, 0.5008842103, 0.3828196830])
    np.testing.assert_allclose(cycle(3.5, 4), known, atol=1e-9)
    end = 1 - path(3.5, 400, -0.3)[-8:]
    np.testing.assert_allclose(np.sort(end), np.repeat(np.sort(known), 2), atol=1e-9)
    # The order of the round: the largest is followed by the smallest.
    assert end[np.argmax(end[:4]) + 1] == pytest.approx(known[3], abs=1e-9)


@pytest.mark.parametrize(
    ("k", "period"), [(2.99, 1), (3.01, 2), (3.44, 2), (3.46, 4), (3.54, 4), (3.55, 8), (3.567, 16), (3.835, 3)]
)
def test_the_periods_are_those_of_the_bifurcation_diagram(k, period):
    # 3, 1 + √6 = 3.4495, 3.5441, 3.5644: periods one, two, four, eight, sixteen; period three from 1 + √8 = 3.8284.
    assert period_of(path(k, 5000, -0.4)) == period


def test_at_3_9_two_firms_that_start_almost_alike_part_at_the_known_rate():
    one, other = path(3.9, 60, -0.4), path(3.9, 60, -0.4 - 1e-13)
    apart = np.abs(one - other)
    assert apart[1] < 1e-12
    assert apart[50:].max() > 0.1
    # Liapunov's exponent at 3.9 is 0.4945 (log of the mean stretching a step).
    values = path(3.9, 20_000, -0.4)
    assert np.mean(np.log(np.abs(3.9 * (2 * values[:-1] - 1)))) == pytest.approx(0.4945, abs=0.01)


@quick
@given(
    start=st.tuples(*[st.floats(0.2, 2.0)] * 3),
    baselines=st.tuples(*[st.floats(0.5, 2.0)] * 3),
    k=st.tuples(*[st.floats(0.0, 1.0)] * 3),
    steps=st.integers(1, 6),
)
@pytest.mark.parametrize("reading", ["literal", "rate", "increment"])
def test_each_reading_follows_its_own_recurrence(reading, start, baselines, k, steps):
    (T, C, R), (T0, C0, R0), (k1, k2, k3) = start, baselines, k
    row = {"T0": T0, "C0": C0, "R0": R0, "k1": k1, "k2": k2, "k3": k3, "T": T, "C": C, "R": R}
    for _ in range(steps):
        if reading == "literal":
            T, C, R = T0 + k1 * C * (C - C0), C0 + k2 * R * (R - R0), R0 + k3 * T * (T - T0)
        elif reading == "rate":
            T, C, R = T + k1 * C * (C - C0), C + k2 * R * (R - R0), R + k3 * T * (T - T0)
        else:
            T, C, R = T + k1 * C, C + k2 * R, R + k3 * T
        assume(min(T, C) > FLOOR and max(T, C, R) < LIMIT and R > 0)
    firm = stepped([row], steps, reading=reading).iloc[0]
    assert [firm["T"], firm["C"], firm["R"]] == pytest.approx([T, C, R], rel=1e-9)


@pytest.mark.parametrize("k", [0.1, 0.5, 1.0])
def test_the_increment_reading_with_equal_numbers_is_compound_growth_until_it_diverges(k):
    values = path(k, 300, 0.0, "increment")
    grown = (1 + k) ** np.arange(301.0)
    alive = grown <= LIMIT * (1 - 1e-9)
    np.testing.assert_allclose(values[alive], grown[alive], rtol=1e-12)
    assert np.isnan(values[~alive]).all()


def test_the_increment_reading_is_the_power_of_its_matrix():
    k1, k2, k3, steps = 0.3, 0.7, 0.2, 12
    matrix = np.array([[1, k1, 0], [0, 1, k2], [k3, 0, 1]])
    T, C, R = np.linalg.matrix_power(matrix, steps) @ [1.0, 2.0, 0.5]
    row = {"k1": k1, "k2": k2, "k3": k3, "T": 1.0, "C": 2.0, "R": 0.5}
    firm = stepped([row], steps, reading="increment").iloc[0]
    assert [firm["T"], firm["C"], firm["R"]] == pytest.approx([T, C, R], rel=1e-13)


@pytest.mark.parametrize("k", [0.2, 0.7, 1.0])
@pytest.mark.parametrize("x0", [-0.6, -0.05])
def test_the_rate_reading_with_equal_numbers_is_the_logistic_map_with_r_one_more_than_k(k, x0):
    # x' = x + k·x(x − 1); with y = 1 − x and z = k·y/(1 + k) it is z' = (1 + k)·z(1 − z).
    values = path(k, 60, x0, "rate")
    z = logistic(1 + k, -k * x0 / (1 + k), 60)
    x = 1 - (1 + k) / k * z
    held = x > 2e-6  # below, the floors hold it
    np.testing.assert_allclose(values[held], x[held], rtol=0, atol=1e-12)
    # A decline goes on to zero in this reading.
    assert values[-1] < 0.01


@pytest.mark.parametrize("k", [0.2, 0.7])
def test_the_rate_reading_grows_without_end_from_above_the_baseline(k):
    values = path(k, 400, 0.05, "rate")
    alive = values[~np.isnan(values)]
    np.testing.assert_allclose(np.diff(alive), k * alive[:-1] * (alive[:-1] - 1), rtol=1e-9)
    assert len(alive) < 400


def test_a_decline_in_the_literal_reading_stops_at_a_quarter_of_the_square_below_the_baseline():
    k, T0, C0, R0 = (1.5, 0.8, 1.1), 2.0, 1.2, 1.5
    half = {"T0": T0, "C0": C0, "R0": R0, "T": T0 / 2, "C": C0 / 2, "R": R0 / 2}
    firm = stepped([half | dict(zip(("k1", "k2", "k3"), k, strict=True))]).iloc[0]
    lowest = [T0 - k[0] * C0**2 / 4, C0 - k[1] * R0**2 / 4, R0 - k[2] * T0**2 / 4]
    assert [firm["T"], firm["C"], firm["R"]] == pytest.approx(lowest, rel=1e-14)


def test_below_zero_the_floors_of_the_model_hold_technology_competitiveness_and_return():
    firm = stepped([{"k1": 8.0, "k2": 8.0, "k3": 8.0, "T": 0.5, "C": 0.5, "R": 0.5}]).iloc[0]
    assert (firm["T"], firm["C"], firm["P"], firm["R"]) == (FLOOR, FLOOR, 0.0, 0.0)


def test_in_a_neutral_market_no_firm_feels_another():
    rng = np.random.default_rng(3)
    names = ("T0", "C0", "R0", "k1", "k2", "k3", "T", "C", "R", "B")
    rows = [dict(zip(names, rng.uniform(0.3, 1.0, len(names)), strict=True)) for _ in range(30)]
    columns = [*"TCPRQ", "theta", "omega", "age"]
    together = stepped(rows, 25)[columns]
    alone = pd.concat([stepped([row], 25)[columns] for row in rows], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone, check_exact=True)
