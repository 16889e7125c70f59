"""Samples of the unit cube, a row a point and a column a factor, from which sampled designs are made.

Each function takes the number of factors, a number of points and a seed. It imports its library itself, because the
libraries are slow to import.
"""

from collections.abc import Callable

import numpy as np

MORRIS_LEVELS = 4


def latin(factors: int, points: int, seed: int) -> np.ndarray:
    """A Latin hypercube: each factor has one point in each of `points` equal intervals.

    Examples
    --------
    >>> np.sort(np.floor(4 * latin(2, 4, seed=0)), axis=0).T
    array([[0., 1., 2., 3.],
           [0., 1., 2., 3.]])
    """
    from scipy.stats import qmc

    return qmc.LatinHypercube(factors, rng=seed).random(points)


def sobol(factors: int, points: int, seed: int) -> np.ndarray:
    """A scrambled Sobol' sequence; a longer one starts with the shorter ones.

    Examples
    --------
    >>> bool((sobol(2, 8, seed=0)[:3] == sobol(2, 3, seed=0)).all())
    True
    """
    from scipy.stats import qmc

    return qmc.Sobol(factors, rng=seed).random_base2(_exponent(points))[:points]


def morris(factors: int, points: int, seed: int) -> np.ndarray:
    """Morris trajectories: each starts at a random point and then changes every factor once, one at a time.

    A trajectory has `factors` + 1 rows, and there are `points` of them. A larger sample starts with the smaller ones.

    Examples
    --------
    >>> walk = morris(3, 1, seed=0)
    >>> walk.shape, np.count_nonzero(np.diff(walk, axis=0), axis=1)
    ((4, 3), array([1, 1, 1]))
    """
    from SALib.sample import morris

    sample = morris.sample(_problem(factors), points, num_levels=MORRIS_LEVELS, seed=seed)
    # Exactly on the levels, because a value just below one would belong to the category below.
    return np.rint(sample * (MORRIS_LEVELS - 1)) / (MORRIS_LEVELS - 1)


def saltelli(factors: int, points: int, seed: int) -> np.ndarray:
    """Saltelli's sample for first-order and total Sobol' indices, from `points` base samples.

    A base sample has `factors` + 2 rows. A larger sample starts with the smaller ones.

    Examples
    --------
    >>> saltelli(3, 8, seed=0).shape
    (40, 3)
    """
    from SALib.sample import sobol

    # A power of two, of which the first rows are taken: the library warns of other numbers.
    sample = sobol.sample(_problem(factors), 2 ** _exponent(points), calc_second_order=False, seed=seed)
    return sample[: points * (factors + 2)]


SAMPLES: dict[str, Callable[[int, int, int], np.ndarray]] = {
    "latin": latin,
    "sobol": sobol,
    "morris": morris,
    "saltelli": saltelli,
}


def rows_of(method: str, factors: int, points: int) -> int:
    """The number of rows of a sample.

    Examples
    --------
    >>> rows_of("sobol", 3, 8), rows_of("morris", 3, 8), rows_of("saltelli", 3, 8)
    (8, 32, 40)
    """
    return points * {"morris": factors + 1, "saltelli": factors + 2}.get(method, 1)


def _exponent(points: int) -> int:
    """The exponent of the smallest power of two that is not below a number of points."""
    return (points - 1).bit_length()


def _problem(factors: int) -> dict:
    return {
        "num_vars": factors,
        "names": [str(factor) for factor in range(factors)],
        "bounds": [[0.0, 1.0]] * factors,
    }
