"""What the targets identify: directions of the parameters by how far the targets move along them."""

from dataclasses import dataclass

import numpy as np

# A direction is identified if moving through half of the ranges along it moves the targets by a standard error; below,
# a 95 % interval would be as wide as twice the ranges.
LEAST = 2.0
_COMPONENT = 0.1  # of a direction that is not identified, above which a parameter is not either


@dataclass(frozen=True)
class Identification:
    """Directions in the space of the parameters, each in units of its range, the best identified first.

    Attributes
    ----------
    singular : float64 array, shape (parameters,)
        Singular values of the scaled Jacobian: by how many standard errors the targets move along a direction through
        whole ranges. Zero for directions beyond the number of targets.
    directions : float64 array, shape (parameters, parameters)
        A direction a row, of length 1.
    seen : bool array, shape (parameters,)
        Which directions are identified.
    identified : bool array, shape (parameters,)
        Which parameters are identified: those with (nearly) no part in a direction that is not.
    """

    singular: np.ndarray
    directions: np.ndarray
    seen: np.ndarray
    identified: np.ndarray

    @property
    def condition(self) -> float:
        """Largest over smallest singular value; NaN without any."""
        if not len(self.singular):
            return float("nan")
        return float(self.singular[0] / self.singular[-1]) if self.singular[-1] > 0.0 else float("inf")

    @property
    def basis(self) -> np.ndarray:
        """The identified directions as columns, shape (parameters, directions)."""
        return self.directions[self.seen].T


def identify(scaled: np.ndarray) -> Identification:
    """Directions and singular values of a scaled Jacobian.

    Parameters
    ----------
    scaled : float64 array, shape (targets, parameters)
        Change of the targets, in standard errors, by the parameters, in units of their ranges.

    Examples
    --------
    >>> found = identify(np.array([[10.0, 0.0], [0.0, 0.0]]))
    >>> found.singular, found.identified
    (array([10.,  0.]), array([ True, False]))
    """
    count = scaled.shape[1]
    if not count:  # every estimate is on the end of its range
        return Identification(np.empty(0), np.empty((0, 0)), np.empty(0, dtype=bool), np.empty(0, dtype=bool))
    _, singular, directions = np.linalg.svd(scaled, full_matrices=True)
    singular = np.concatenate([singular, np.zeros(count - len(singular))])
    # The library leaves the sign of a direction open: here the largest component is positive.
    signs = np.sign(directions[np.arange(count), np.argmax(np.abs(directions), axis=1)])
    directions = directions * signs[:, np.newaxis]
    seen = singular >= LEAST
    blind = np.sqrt(np.sum(directions[~seen] ** 2, axis=0))
    return Identification(singular, directions, seen, blind < _COMPONENT)


def reach(scaled: np.ndarray, direction: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The longest move along a direction that leaves every target within one standard error and stays in the ranges.

    Parameters
    ----------
    scaled : float64 array, shape (targets, parameters)
    direction : float64 array, shape (parameters,)
    place : float64 array, shape (parameters,)
        Where the move begins, in the unit cube.

    Returns
    -------
    float64 array, shape (parameters,)
        The move, to the side with more room.

    Examples
    --------
    >>> reach(np.array([[4.0, -4.0], [1.0, 0.0]]), np.array([0.6, 0.8]), np.array([0.2, 0.5]))
    array([0.375, 0.5  ])
    """
    moved = np.max(np.abs(scaled @ direction), initial=0.0)
    longest = 1.0 / moved if moved > 0.0 else np.inf
    moves = []
    for way in (direction, -direction):
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(way > 0.0, (1.0 - place) / way, np.where(way < 0.0, -place / way, np.inf))
        moves.append(way * min(longest, float(np.min(room))))
    return max(moves, key=lambda move: float(np.linalg.norm(move)))
