"""Searches of linear markets, whose estimates, errors and tests are least squares in closed form."""

import numpy as np
import pytest
from scipy.stats import chi2

from abm import InputError
from abm.calibration.statistics import covariance
from tests.calibration.stubs import LinearMarket, problem, searched

RNG = np.random.default_rng(7)
SLOPES, LEVEL = 10.0 * RNG.normal(size=(5, 3)), RNG.normal(size=5)
TRUE, ERRORS = np.array([0.3, 0.6, 0.45]), RNG.uniform(0.5, 1.5, 5)
VALUES = SLOPES @ TRUE + LEVEL + 0.5 * ERRORS * RNG.normal(size=5)


def test_estimates_errors_and_j_of_a_linear_market_are_weighted_least_squares():
    market = LinearMarket(SLOPES, LEVEL)
    _, found, known = searched(problem(VALUES, ERRORS, 3), market)
    weights = np.diag(1.0 / ERRORS**2)
    spread = np.linalg.inv(SLOPES.T @ weights @ SLOPES)
    exact = spread @ SLOPES.T @ weights @ (VALUES - LEVEL)
    assert found.estimate == pytest.approx(exact, abs=1e-8)
    assert known.standard_errors == pytest.approx(np.sqrt(np.diag(spread)), abs=1e-8)
    assert known.sensitivity == pytest.approx(spread @ SLOPES.T @ weights, abs=1e-8)
    left = VALUES - LEVEL - SLOPES @ exact
    assert known.test.j == pytest.approx(left @ weights @ left, abs=1e-8)
    assert known.test.degrees == 2 and known.test.p == pytest.approx(chi2.sf(known.test.j, 2))
    assert known.identification.singular == pytest.approx(
        np.linalg.svd(SLOPES / ERRORS[:, np.newaxis], compute_uv=False)
    )
    assert market.points <= 80


@pytest.mark.parametrize("optimal", [False, True])
def test_errors_hold_the_chance_of_the_runs_and_of_the_data_by_the_sandwich(optimal):
    factor = np.diag([1.0, 2.0, 0.5, 1.0, 3.0]) @ (np.eye(5) + 0.4 * np.tri(5, k=-1))
    market = LinearMarket(SLOPES, LEVEL, factor)
    task = problem(SLOPES @ TRUE + LEVEL, np.full(5, np.nan), 3, optimal=optimal)
    searcher, found, known = searched(task, market)
    spread = covariance.of_runs(market.runs(50, 2), shrink=optimal)
    omega = (1.0 + 1.0 / 10.0) * spread
    own = covariance.of_runs(market.runs(10, 1), shrink=optimal) * 1.1
    weights = np.linalg.inv(own) if optimal else np.diag(1.0 / np.diag(own))
    assert found.weighting == pytest.approx(weights)
    answer = np.linalg.solve(SLOPES.T @ weights @ SLOPES, SLOPES.T @ weights)
    assert known.standard_errors == pytest.approx(np.sqrt(np.diag(answer @ omega @ answer.T)), rel=1e-6)
    assert found.estimate == pytest.approx(TRUE - answer @ market.runs(10, 1).mean(axis=0), abs=1e-6)
    assert known.fit == pytest.approx(LEVEL + SLOPES @ found.estimate + market.runs(50, 2).mean(axis=0))
    assert searcher.problem.fresh == 50


def test_a_parameter_that_moves_no_target_has_no_error_and_the_others_keep_theirs():
    blind = np.column_stack([SLOPES[:, :2], np.zeros(5)])
    _, _, known = searched(problem(VALUES, ERRORS, 3), LinearMarket(blind, LEVEL))
    weights = np.diag(1.0 / ERRORS**2)
    spread = np.linalg.inv(SLOPES[:, :2].T @ weights @ SLOPES[:, :2])
    free = known.free
    assert np.isnan(known.standard_errors[2])
    assert free[:2].all() and known.standard_errors[:2] == pytest.approx(np.sqrt(np.diag(spread)), abs=1e-8)
    assert known.identification.identified.tolist() in ([True, True, False], [True, True])


def test_two_parameters_that_only_act_together_are_a_direction_and_the_third_keeps_its_error():
    together = np.column_stack([SLOPES[:, 0], -SLOPES[:, 0], SLOPES[:, 1]])
    _, found, known = searched(problem(VALUES, ERRORS, 3), LinearMarket(together, LEVEL))
    if known.free.all():
        assert known.identification.identified.tolist() == [False, False, True]
        last = known.identification.directions[-1]
        assert np.abs(last) == pytest.approx([np.sqrt(0.5), np.sqrt(0.5), 0.0], abs=1e-8)
        assert np.abs(together @ known.moves[-1]).max() < 1e-8
    assert np.isfinite(known.standard_errors[2]) and found.on_bound[2] == 0


def test_fewer_targets_than_parameters_leave_directions_that_are_not_seen():
    _, _, known = searched(problem(VALUES[:2], ERRORS[:2], 3), LinearMarket(SLOPES[:2], LEVEL[:2]))
    assert known.identification.seen.sum() <= 2 and not known.identification.identified.all()
    assert known.test.degrees == 0 and np.isnan(known.test.p)


def test_an_estimate_on_a_bound_is_said_to_be_and_has_no_error():
    values = SLOPES @ np.array([-0.4, 0.6, 0.45]) + LEVEL
    _, found, known = searched(problem(values, ERRORS, 3), LinearMarket(SLOPES, LEVEL))
    assert found.on_bound[0] == -1 and found.estimate[0] == 0.0
    assert np.isnan(known.standard_errors[0]) and np.isfinite(known.standard_errors[1:]).any()


def test_the_search_is_the_same_whenever_it_is_made_and_another_seed_gives_another():
    def points(**changed):
        _, found, _ = searched(problem(VALUES, ERRORS, 3, **changed), LinearMarket(SLOPES, LEVEL))
        return np.array([point.unit for point in found.points])

    first, again, other = points(), points(), points(seed=1)
    assert first.tobytes() == again.tobytes()
    assert first[:16].tobytes() != other[:16].tobytes()


def test_a_point_with_a_missing_outcome_fails_and_the_search_goes_on_around_it():
    class Holed(LinearMarket):
        def __call__(self, unit, *, fresh):
            runs = super().__call__(unit, fresh=fresh)
            runs[unit[:, 0] > 0.7, 3, 1] = np.nan
            return runs

    _, found, _ = searched(problem(VALUES, ERRORS, 3), Holed(SLOPES, LEVEL))
    failed = [point for point in found.points if point.failed_runs]
    assert failed and all(point.unit[0] > 0.7 and point.failed_runs == 1 for point in failed)
    assert found.estimate == pytest.approx(TRUE, abs=0.2)


def test_targets_that_no_point_has_or_that_never_vary_are_refused_by_name():
    class Empty(LinearMarket):
        def __call__(self, unit, *, fresh):
            runs = super().__call__(unit, fresh=fresh)
            runs[:, :, 2] = np.nan
            return runs

    with pytest.raises(InputError, match="target_2 is missing in a run of 16 of them"):
        searched(problem(VALUES, ERRORS, 3), Empty(SLOPES, LEVEL))
    flat = SLOPES.copy()
    flat[4] = 0.0
    errors = np.where(np.arange(5) == 4, np.nan, ERRORS)
    with pytest.raises(InputError, match=r"target_4 has no error and is the same in all runs"):
        searched(problem(VALUES, errors, 3), LinearMarket(flat, LEVEL))


def test_where_runs_on_one_side_of_the_estimate_fail_the_other_side_gives_the_derivative():
    class Cliff(LinearMarket):
        def __call__(self, unit, *, fresh):
            runs = super().__call__(unit, fresh=fresh)
            if fresh:
                runs[unit[:, 0] > unit[0, 0]] = np.nan
                runs[unit[:, 2] != unit[0, 2]] = np.nan
            return runs

    _, found, _ = searched(problem(VALUES, ERRORS, 3), Cliff(SLOPES, LEVEL))
    assert found.jacobian[:, :2] == pytest.approx(SLOPES[:, :2], abs=1e-8)
    assert (found.jacobian[:, 2] == 0.0).all()
    assert found.notes == ["All runs beside the estimate of parameter_2 fail: it counts as not identified."]


@pytest.mark.parametrize("budget", [4, 5, 7, 20, 33])
def test_no_search_tries_more_points_than_its_budget(budget):
    market = LinearMarket(SLOPES, LEVEL)
    _, found, _ = searched(problem(VALUES, ERRORS, 3, budget=budget), market)
    assert market.points <= budget and np.isfinite(found.estimate).all()


def test_starts_that_end_as_well_elsewhere_are_all_kept():
    class TwoValleys(LinearMarket):
        def __call__(self, unit, *, fresh):
            self.points += 0 if fresh else len(unit)
            both = 10.0 * np.abs(unit[:, :1] - 0.5) @ np.ones((1, 2))
            return np.repeat(both[:, np.newaxis], 10, axis=1)

    _, found, _ = searched(problem([3.0, 3.0], [0.2, 0.2], 1), TwoValleys(SLOPES, LEVEL))
    assert sorted(round(float(point.unit[0]), 3) for point in found.ends)[:2] == [0.2, 0.8]
