"""Simulated minimum distance: covariance of the estimates, their sensitivity to each target, and the test of the fit.

The notation is that of McFadden (1989), "A method of simulated moments for estimation of discrete response models
without numerical integration", Econometrica 57, and of Gouriéroux and Monfort (1996), "Simulation-based econometric
methods": G is the Jacobian of the simulated means by the parameters, W the weighting, Ω the covariance of the
difference between the targets and the simulated means. With S runs a point and targets that are figures of one market
like a run, Ω is (1 + 1/S) times the covariance between runs.
"""

from typing import NamedTuple

import numpy as np


def sensitivity(jacobian: np.ndarray, weighting: np.ndarray) -> np.ndarray:
    """Change of the estimates by each target: (G'WG)⁻¹G'W.

    It is Λ of Andrews, Gentzkow and Shapiro (2017), "Measuring the sensitivity of parameter estimates to estimation
    moments", Quarterly Journal of Economics 132, for moments counted as target less simulated mean.

    Parameters
    ----------
    jacobian : float64 array, shape (targets, parameters)
        Of full column rank.
    weighting : float64 array, shape (targets, targets)

    Returns
    -------
    float64 array, shape (parameters, targets)

    Examples
    --------
    >>> sensitivity(np.array([[1.0], [1.0]]), np.eye(2))
    array([[0.5, 0.5]])
    """
    weighted = jacobian.T @ weighting
    return np.linalg.solve(weighted @ jacobian, weighted)


def estimate_covariance(jacobian: np.ndarray, weighting: np.ndarray, omega: np.ndarray) -> np.ndarray:
    """Covariance of the estimates by the sandwich (G'WG)⁻¹ G'WΩWG (G'WG)⁻¹.

    Parameters
    ----------
    jacobian : float64 array, shape (targets, parameters)
    weighting, omega : float64 array, shape (targets, targets)

    Returns
    -------
    float64 array, shape (parameters, parameters)

    Examples
    --------
    >>> estimate_covariance(np.array([[1.0], [1.0]]), np.eye(2), np.eye(2))
    array([[0.5]])
    """
    answer = sensitivity(jacobian, weighting)
    return answer @ omega @ answer.T


class Overidentification(NamedTuple):
    """The J statistic, its degrees of freedom, and p; NaN where no degree of freedom is left."""

    j: float
    degrees: int
    p: float


def overidentification(residual: np.ndarray, jacobian: np.ndarray, omega: np.ndarray) -> Overidentification:
    """Whether the targets can be met together, by the part of the residual that no parameter can change.

    Of the residual only what is orthogonal to the Jacobian's columns is looked at, weighted by the inverse of its
    covariance: the J statistic of Hansen (1982) at the efficient estimate, and as valid at any consistent one.

    Parameters
    ----------
    residual : float64 array, shape (targets,)
        Target less simulated mean, of runs that the search has not seen.
    jacobian : float64 array, shape (targets, directions)
        By the directions in which the parameters are identified.
    omega : float64 array, shape (targets, targets)
        Covariance of the residual at the true parameters.

    Examples
    --------
    >>> found = overidentification(np.array([1.0, -1.0]), np.array([[1.0], [1.0]]), np.eye(2))
    >>> round(found.j, 6), found.degrees, round(found.p, 4)
    (2.0, 1, 0.1573)
    """
    from scipy.stats import chi2

    degrees = len(residual) - jacobian.shape[1]
    if degrees < 1:
        return Overidentification(float("nan"), 0, float("nan"))
    scale = np.sqrt(np.diag(omega))  # so that targets of different units have equal weight in the basis
    basis = np.linalg.qr(jacobian / scale[:, np.newaxis], mode="complete")[0][:, jacobian.shape[1] :]
    left = basis.T @ (residual / scale)
    spread = basis.T @ (omega / np.outer(scale, scale)) @ basis
    j = float(left @ np.linalg.solve(spread, left))
    return Overidentification(j, degrees, float(chi2.sf(j, degrees)))
