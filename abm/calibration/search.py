"""The search: screening of the ranges, least squares from the best few starts, and the judgement by fresh seeds.

Everything that is random in the runs is the same at every point (common random numbers), so that the distance is a
function of the parameters alone, and the search is the same whenever it is made again.
"""

import contextlib
import warnings
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from abm.calibration.statistics import covariance
from abm.errors import InputError, Stopped

STARTS = 3
_APART = 0.2  # of a range by which starts differ in some parameter
_FIRST_STEP, _LAST_STEP = 0.1, 1e-4  # radius of DFO-LS's trust region, in ranges
_DERIVATIVE_STEP = 0.04  # of a range, to each side
_FRESH = 5  # times the seeds of the search
_AT_END = 1e-3  # of a range from its end, within which an estimate is on it
_LEAST_SPREAD = 0.05  # of the usual spread, below which the spread of runs at a point is not taken for an error
SCREENING, DESCENT, DERIVATIVE, JUDGEMENT = "screening", "descent", "derivative", "judgement"


class UnmeetableTargets(InputError):
    """The runs show that the targets of a specification cannot be searched for."""


@dataclass(frozen=True)
class Problem:
    """What is searched, as arrays.

    Attributes
    ----------
    parameters : tuple of str
        Names of what is searched.
    names : tuple of str
        Of the targets.
    values, errors : float64 array, shape (targets,)
        Errors NaN where there are none.
    of_data : bool array, shape (targets,)
        Moments of the user's own firms.
    steps : float64 array, shape (parameters,)
        The least step of each parameter in the unit cube: what moves an integer by one, else 0.
    seeds, budget, seed : int
        As in `[search]`.
    optimal : bool
        Whether the weighting is the inverse of the whole covariance.
    """

    parameters: tuple[str, ...]
    names: tuple[str, ...]
    values: np.ndarray
    errors: np.ndarray
    of_data: np.ndarray
    steps: np.ndarray
    seeds: int
    budget: int
    seed: int
    optimal: bool

    @property
    def from_one_market(self) -> np.ndarray:
        """Targets whose chance is that of one run."""
        return np.isnan(self.errors) | self.of_data

    @property
    def fresh(self) -> int:
        """Number of seeds of the judgement."""
        return _FRESH * self.seeds


class Evaluate(Protocol):
    """Makes the runs of points."""

    def __call__(self, unit: np.ndarray, *, fresh: bool) -> np.ndarray:
        """The targets' values in runs, shape (points, runs, targets), NaN for a failed run or a missing outcome.

        `unit` has a row a point of the unit cube; `fresh` says whether the seeds are those of the judgement.
        """
        ...


@dataclass(frozen=True)
class Point:
    """A point that was tried: stage, start (-1: none), coordinates, means of the targets, and number of failed runs."""

    stage: str
    start: int
    unit: np.ndarray
    means: np.ndarray
    failed_runs: int


@dataclass
class Found:
    """What a search found.

    Attributes
    ----------
    points : list of Point
        In the order in which they were tried.
    weighting : float64 array, shape (targets, targets)
    least : float64 array, shape (targets,)
        The least error of a target without one.
    estimate : float64 array, shape (parameters,)
        The best point, in the unit cube.
    ends : list of Point
        Where each start ended.
    jacobian : float64 array, shape (targets, parameters)
        At the estimate, of the fresh seeds, by the unit cube.
    fresh : float64 array, shape (runs, targets)
        The runs of fresh seeds at the estimate.
    on_bound : int array, shape (parameters,)
        -1 or 1 where the estimate is on the lower or upper end of a range.
    notes : list of str
    """

    points: list[Point]
    weighting: np.ndarray
    least: np.ndarray
    estimate: np.ndarray
    ends: list[Point]
    jacobian: np.ndarray
    fresh: np.ndarray
    on_bound: np.ndarray
    notes: list[str] = field(default_factory=list)


class Searcher:
    """One search.

    Parameters
    ----------
    problem : Problem
    evaluate : Evaluate
    """

    def __init__(self, problem: Problem, evaluate: Evaluate) -> None:
        self.problem, self._evaluate = problem, evaluate
        self.points: list[Point] = []
        self._known: dict[bytes, Point] = {}
        self._spare = problem.budget

    def run(self) -> Found:
        """Search.

        Raises
        ------
        UnmeetableTargets
            If no point has all targets, or a target without an error does not vary between runs.
        """
        problem, count = self.problem, len(self.problem.steps)
        screened, spreads = self._screen(count)
        least = self._usual_errors(screened, spreads)
        rough = np.diag(1.0 / np.where(np.isnan(problem.errors), least, problem.errors) ** 2)
        best = min(screened, key=lambda point: self.distance(point, rough))
        index = next(index for index, point in enumerate(screened) if point is best)
        weighting = self._weighting(spreads[index], _LEAST_SPREAD * least)
        starts = self._starts(screened, weighting)
        ends = [
            self._descend(start, begin, weighting, max(self._spare // (len(starts) - start), 1))
            for start, begin in enumerate(starts)
        ]
        usable = [point for point in self.points if np.isfinite(point.means).all()]
        best = min(usable, key=lambda point: self.distance(point, weighting))
        ends = ends or [best]
        return self._judged(best.unit, weighting, _LEAST_SPREAD * least, ends)

    def distance(self, point: Point, weighting: np.ndarray) -> float:
        """The weighted square of the residual; infinite for a failed point."""
        residual = self.problem.values - point.means
        return float(residual @ weighting @ residual) if np.isfinite(residual).all() else float("inf")

    def _screen(self, count: int) -> tuple[list[Point], list[np.ndarray]]:
        """Sobol points over the ranges: those without a failure, and their runs' covariances."""
        from abm.sweeps.design.samples import sobol

        third = max(self.problem.budget // 3, 1)
        number = min(1 << (third.bit_length() - 1), self.problem.budget - count)
        unit = sobol(count, number, self.problem.seed % 2**32)
        values = self._evaluate(unit, fresh=False)
        self._spare -= number
        screened, spreads = [], []
        for own, runs in zip(unit, values):
            point = self._keep(SCREENING, -1, own, runs)
            self._known[_key(own)] = point
            if np.isfinite(point.means).all():
                screened.append(point)
                spreads.append(covariance.of_runs(runs, shrink=self.problem.optimal))
        if not screened:
            missing = np.isnan(values).any(axis=1).sum(axis=0)
            worst = int(np.argmax(missing))
            raise UnmeetableTargets(
                f"every one of the {number} first points failed: the target {self.problem.names[worst]} is missing in "
                f"a run of {missing[worst]} of them; take another target, other ranges, or longer runs"
            )
        return screened, spreads

    def _usual_errors(self, screened: list[Point], spreads: list[np.ndarray]) -> np.ndarray:
        """The median spread of each target between runs of a point, or if there is none between points."""
        within = np.median([np.sqrt(np.diag(each)) for each in spreads], axis=0)
        between = np.std([point.means for point in screened], axis=0)
        rounding = 1e-12 * np.max(np.abs([point.means for point in screened]), axis=0)
        usual = np.where(within > rounding, within, np.where(between > rounding, between, 0.0))
        for name, error, own in zip(self.problem.names, self.problem.errors, usual):
            if np.isnan(error) and own == 0.0:
                raise UnmeetableTargets(
                    f"the target {name} has no error and is the same in all runs, so that its weight is unknown; "
                    f"give it as {name} = {{value = .., error = ..}}"
                )
        return usual

    def _weighting(self, spread: np.ndarray, least: np.ndarray) -> np.ndarray:
        return covariance.weights(self.omega(spread, least, self.problem.seeds), optimal=self.problem.optimal)

    def omega(self, spread: np.ndarray, least: np.ndarray, runs: int) -> np.ndarray:
        """Covariance of the residual: the targets' own, and that of the mean of so many runs."""
        problem = self.problem
        own = covariance.of_data(problem.errors, problem.from_one_market, spread, least)
        return own + spread / runs

    def _starts(self, screened: list[Point], weighting: np.ndarray) -> list[np.ndarray]:
        """The best screened points that lie apart, as many as the budget has room for."""
        count = len(self.problem.steps)
        most = min(STARTS, max(1, self._spare // (4 * (count + 1))))
        if self._spare < count:
            return []
        chosen: list[np.ndarray] = []
        for point in sorted(screened, key=lambda point: self.distance(point, weighting)):
            if all(np.max(np.abs(point.unit - other)) > _APART for other in chosen):
                chosen.append(point.unit)
            if len(chosen) == most:
                break
        return chosen

    def _descend(self, start: int, begin: np.ndarray, weighting: np.ndarray, most: int) -> Point:
        """Least squares by DFO-LS from a start, with so many new points at most; the best that it tried."""
        import dfols

        count, before = len(begin), self._spare
        root = np.linalg.cholesky(weighting).T
        tried: list[Point] = []

        def residual(unit: np.ndarray) -> np.ndarray:
            if before - self._spare >= most and self._is_new(unit):
                raise _Spent
            point = self._point(DESCENT, start, unit)
            tried.append(point)
            if np.isfinite(point.means).all():
                return root @ (point.means - self.problem.values)
            return np.full(len(root), self._penalty(root))

        with warnings.catch_warnings(), contextlib.suppress(_Spent):
            warnings.simplefilter("ignore")  # of starts that it moves away from an end of a range, and of small budgets
            dfols.solve(
                residual,
                begin,
                bounds=(np.zeros(count), np.ones(count)),
                maxfun=10 * most + count + 2,  # known points cost nothing
                rhobeg=_FIRST_STEP,
                rhoend=_LAST_STEP,
                do_logging=False,
            )
        return min(tried, key=lambda point: self.distance(point, weighting))

    def _penalty(self, root: np.ndarray) -> float:
        """A residual for a failed point, as large as the largest of the others."""
        known = [point.means for point in self.points if np.isfinite(point.means).all()]
        return float(np.max(np.abs((np.array(known) - self.problem.values) @ root.T)))

    def _is_new(self, unit: np.ndarray) -> bool:
        return _key(unit) not in self._known

    def _point(self, stage: str, start: int, unit: np.ndarray) -> Point:
        """A point, tried unless it has been."""
        if self._is_new(unit):
            self._spare -= 1
            inside = np.clip(unit, 0.0, 1.0)  # of rounding
            self._keep(stage, start, inside, self._evaluate(inside[np.newaxis], fresh=False)[0])
            self._known[_key(unit)] = self.points[-1]
        return self._known[_key(unit)]

    def _keep(self, stage: str, start: int, unit: np.ndarray, runs: np.ndarray) -> Point:
        point = Point(stage, start, unit.copy(), runs.mean(axis=0), int(np.isnan(runs).any(axis=1).sum()))
        self.points.append(point)
        return point

    def _judged(self, estimate: np.ndarray, weighting: np.ndarray, least: np.ndarray, ends: list[Point]) -> Found:
        """The estimate, with its Jacobian and its runs of fresh seeds."""
        problem, count = self.problem, len(estimate)
        half = np.maximum(np.ceil(_DERIVATIVE_STEP / np.where(problem.steps > 0.0, problem.steps, 1.0)), 1.0)
        half = np.where(problem.steps > 0.0, half * problem.steps, _DERIVATIVE_STEP)
        beside = np.repeat(estimate[np.newaxis], 2 * count, axis=0)
        beside[np.arange(count), np.arange(count)] = np.minimum(estimate + half, 1.0)
        beside[count + np.arange(count), np.arange(count)] = np.maximum(estimate - half, 0.0)
        runs = self._evaluate(np.concatenate([estimate[np.newaxis], beside]), fresh=True)
        for index, unit in enumerate(np.concatenate([estimate[np.newaxis], beside])):
            self._keep(DERIVATIVE if index else JUDGEMENT, -1, unit, runs[index])
        notes = []
        fresh = runs[0][np.isfinite(runs[0]).all(axis=1)]
        if lost := len(runs[0]) - len(fresh):
            notes.append(f"{lost} of {len(runs[0])} fresh runs at the estimate lack a target and are left out.")
        if len(fresh) < 2:
            raise Stopped(
                f"{lost} of {len(runs[0])} fresh runs at the estimate lack a target, so nothing can be judged"
            )
        jacobian = np.zeros((len(problem.values), count))
        for parameter, name in enumerate(problem.parameters):
            # Where all runs of one side fail, the estimate itself stands for that side.
            (above, high), (below, low) = (
                (runs[1 + side], beside[side, parameter])
                if np.isfinite(runs[1 + side]).all(axis=1).any()
                else (runs[0], estimate[parameter])
                for side in (parameter, count + parameter)
            )
            change = (above - below)[np.isfinite(above - below).all(axis=1)]
            if len(change) and high > low:
                jacobian[:, parameter] = change.mean(axis=0) / (high - low)
            else:
                notes.append(f"All runs beside the estimate of {name} fail: it counts as not identified.")
        on_bound = np.where(estimate <= _AT_END, -1, np.where(estimate >= 1.0 - _AT_END, 1, 0))
        return Found(self.points, weighting, least, estimate, ends, jacobian, fresh, on_bound, notes)


class _Spent(Exception):
    """A start has tried as many points as it may."""


def _key(unit: np.ndarray) -> bytes:
    return np.ascontiguousarray(unit + 0.0).tobytes()
