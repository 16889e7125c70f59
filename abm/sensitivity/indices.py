"""Sensitivity indices of one outcome, by the design from which its values come (SALib)."""

import warnings

import numpy as np

from abm.sweeps.design.samples import MORRIS_LEVELS, rows_of

RESAMPLES = 500
LEAST = 50  # points of a Sobol or Latin design; with fewer, the harmonics are mostly noise
LEADING = ("mu_star", "total", "first_order")  # factors are ranked by the first of them that there is
_HARMONICS = 10


def known_indices(
    method: str, sample: np.ndarray, values: np.ndarray, level: float, seed: int
) -> tuple[dict[str, np.ndarray] | None, np.ndarray]:
    """The indices from the points that have a value, and which they are; None if they are too few or do not vary.

    A trajectory of a Morris design, or a block of a Saltelli design, is left out whole if one of its points is NaN.
    """
    unit = rows_of(method, sample.shape[1], 1)
    whole = np.isfinite(values).reshape(-1, unit).all(axis=1).repeat(unit)
    if whole.sum() < (LEAST if unit == 1 else 2 * unit) or np.ptp(values[whole]) == 0.0:
        return None, whole
    return indices(method, sample[whole], values[whole], level, seed), whole


def indices(method: str, sample: np.ndarray, values: np.ndarray, level: float, seed: int) -> dict[str, np.ndarray]:
    """The indices of each factor.

    Parameters
    ----------
    method : str
        `morris`, `saltelli`, `sobol` or `latin`.
    sample : float64 array, shape (points, factors)
        Places in the unit cube.
    values : float64 array, shape (points,)
        Finite, and not all equal.
    level : float
        Of the intervals.
    seed : int
        Of the resampling.

    Returns
    -------
    dict of float64 array, shape (factors,)
        Morris: `mu_star`, the mean absolute effect of a step through the whole range, with `mu_star_low` and
        `mu_star_high`; `mu`, with its sign; `sigma`, how much it varies. Else `first_order`, the share of the
        variance that the factor explains alone, with its interval, and from a Saltelli design `total`, with all its
        interactions.

    Examples
    --------
    >>> from abm.sweeps.design.samples import morris
    >>> sample = morris(2, 8, seed=0)
    >>> indices("morris", sample, 3.0 * sample[:, 0], 0.95, 0)["mu_star"].round(6)
    array([3., 0.])
    """
    from SALib.analyze import morris, rbd_fast, sobol

    count = sample.shape[1]
    problem = {"num_vars": count, "names": [str(index) for index in range(count)], "bounds": [[0.0, 1.0]] * count}
    options = {"num_resamples": RESAMPLES, "conf_level": level, "seed": seed}
    centre, spread = values.mean(), values.std()
    scaled = (values - centre) / spread  # so that the result does not depend on the outcome's unit
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # resamples in which nothing varies; their intervals are then missing
        if method == "morris":
            found = morris.analyze(problem, sample, scaled, num_levels=MORRIS_LEVELS, **options)
        elif method == "saltelli":
            options["seed"] = seed or 2**32  # this function takes 0 for no seed
            found = sobol.analyze(problem, scaled, calc_second_order=False, **options)
        else:
            found = rbd_fast.analyze(problem, sample, scaled, M=_HARMONICS, **options)
    if method == "morris":
        about = {name: spread * np.asarray(found[name], dtype=float) for name in ("mu_star", "mu", "sigma")}
        half = spread * np.asarray(found["mu_star_conf"], dtype=float)
        low, high = np.maximum(about["mu_star"] - half, 0.0), about["mu_star"] + half
        return {"mu_star": about.pop("mu_star"), "mu_star_low": low, "mu_star_high": high} | about
    first_order = _interval("first_order", found["S1"], found["S1_conf"])
    return first_order | _interval("total", found["ST"], found["ST_conf"]) if method == "saltelli" else first_order


def _interval(name: str, index: np.ndarray, half: np.ndarray) -> dict[str, np.ndarray]:
    """An index with its interval."""
    index, half = np.asarray(index, dtype=float), np.asarray(half, dtype=float)
    return {name: index, f"{name}_low": index - half, f"{name}_high": index + half}
