"""Markets whose answers are known: targets that are linear in the parameters, without chance or with some."""

import numpy as np

from abm.calibration.inference import Inference, infer
from abm.calibration.search import Found, Problem, Searcher


class LinearMarket:
    """Targets `slopes @ unit + level`, plus chance that is the same at every point.

    Parameters
    ----------
    slopes : float64 array, shape (targets, parameters)
    level : float64 array, shape (targets,)
    spread : float64 array, shape (targets, targets), optional
        Factor of the covariance between runs.
    """

    def __init__(self, slopes: np.ndarray, level: np.ndarray, spread: np.ndarray | None = None) -> None:
        self.slopes, self.level = slopes, level
        self.spread = np.zeros((len(level), len(level))) if spread is None else spread
        self.points = 0

    def runs(self, count: int, seed: int) -> np.ndarray:
        """Chance of runs, shape (runs, targets)."""
        return np.random.default_rng(seed).normal(size=(count, len(self.level))) @ self.spread.T

    def __call__(self, unit: np.ndarray, *, fresh: bool) -> np.ndarray:
        self.points += 0 if fresh else len(unit)
        chance = self.runs(50 if fresh else 10, 1 + fresh)
        return (unit @ self.slopes.T + self.level)[:, np.newaxis] + chance


def problem(values, errors, parameters: int, **changed) -> Problem:
    """A problem of some targets, with the usual search."""
    values, errors = np.asarray(values, dtype=float), np.asarray(errors, dtype=float)
    usual = {
        "parameters": tuple(f"parameter_{place}" for place in range(parameters)),
        "names": tuple(f"target_{place}" for place in range(len(values))),
        "of_data": np.zeros(len(values), dtype=bool),
        "steps": np.zeros(parameters),
        "seeds": 10,
        "budget": 80,
        "seed": 0,
        "optimal": False,
    }
    return Problem(values=values, errors=errors, **(usual | changed))


def searched(task: Problem, market) -> tuple[Searcher, Found, Inference]:
    """A search and what is known of its estimate."""
    searcher = Searcher(task, market)
    found = searcher.run()
    return searcher, found, infer(searcher, found)
