"""From the estimate of a search to its standard errors, the fit, and the parameters that are not identified."""

from dataclasses import dataclass

import numpy as np

from abm.calibration.search import Found, Searcher
from abm.calibration.statistics import covariance
from abm.calibration.statistics.distance import (
    Overidentification,
    estimate_covariance,
    overidentification,
    sensitivity,
)
from abm.calibration.statistics.identification import Identification, identify, reach

LEVEL = 0.95


@dataclass(frozen=True)
class Inference:
    """What is known of an estimate, in units of the ranges.

    Attributes
    ----------
    free : bool array, shape (parameters,)
        Parameters whose estimates are not on the end of a range.
    standard_errors : float64 array, shape (parameters,)
        NaN for what is on a bound or not identified.
    identification : Identification
        Of the free parameters, in their order.
    moves : float64 array, shape (directions, parameters)
        Along each direction the longest move that leaves all targets within a standard error.
    sensitivity : float64 array, shape (parameters, targets)
        Change of the estimate by a target; NaN where there is no standard error.
    fit : float64 array, shape (targets,)
        Means of the fresh runs.
    fit_errors : float64 array, shape (targets,)
        Their standard errors.
    own_errors : float64 array, shape (targets,)
        Of the targets themselves.
    residual_errors : float64 array, shape (targets,)
        Of target less fit.
    test : Overidentification
    """

    free: np.ndarray
    standard_errors: np.ndarray
    identification: Identification
    moves: np.ndarray
    sensitivity: np.ndarray
    fit: np.ndarray
    fit_errors: np.ndarray
    own_errors: np.ndarray
    residual_errors: np.ndarray
    test: Overidentification


def infer(searcher: Searcher, found: Found) -> Inference:
    """What is known of the estimate of a search.

    Parameters
    ----------
    searcher : Searcher
    found : Found
    """
    problem, count = searcher.problem, len(found.estimate)
    spread = covariance.of_runs(found.fresh, shrink=problem.optimal)
    omega = searcher.omega(spread, found.least, problem.seeds)
    judged = searcher.omega(spread, found.least, len(found.fresh))
    fit = found.fresh.mean(axis=0)
    free = found.on_bound == 0
    jacobian = found.jacobian[:, free]
    scaled = np.linalg.cholesky(found.weighting).T @ jacobian
    identification = identify(scaled)
    basis = identification.basis
    errors, answers = np.full(count, np.nan), np.full((count, len(fit)), np.nan)
    if basis.shape[1]:
        answer = basis @ sensitivity(jacobian @ basis, found.weighting)
        spread_of = basis @ estimate_covariance(jacobian @ basis, found.weighting, omega) @ basis.T
        known = np.flatnonzero(free)[identification.identified]
        errors[known] = np.sqrt(np.diag(spread_of))[identification.identified]
        answers[known] = answer[identification.identified]
    unit = jacobian / np.sqrt(np.diag(omega))[:, np.newaxis]
    moves = np.zeros((int(free.sum()), count))
    for index, direction in enumerate(identification.directions):
        moves[index, free] = reach(unit, direction, found.estimate[free])
    return Inference(
        free,
        errors,
        identification,
        moves,
        answers,
        fit,
        np.sqrt(np.diag(spread) / len(found.fresh)),
        np.sqrt(np.diag(covariance.of_data(problem.errors, problem.from_one_market, spread, found.least))),
        np.sqrt(np.diag(judged)),
        overidentification(problem.values - fit, jacobian @ basis, judged),
    )
