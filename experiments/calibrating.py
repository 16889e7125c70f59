"""Calibrations in this process, for experiments that make many of small markets: no worker processes to start."""

import numpy as np
import pandas as pd

from abm.calibration.calibration import problem_of, replications_of
from abm.calibration.inference import Inference, infer
from abm.calibration.results import Calibration
from abm.calibration.runs import plan_of_points, wanted_of
from abm.calibration.search import Found, Searcher
from abm.calibration.specification import Specification
from abm.calibration.tables import calibration_of
from abm.calibration.worker import runs_of


class Markets:
    """Makes the runs of points one after the other; what a search calls.

    Parameters
    ----------
    spec : Specification
    """

    def __init__(self, spec: Specification) -> None:
        self.spec, self.problem = spec, problem_of(spec)
        self._wanted = wanted_of(spec)
        self._columns = [each.column for each in spec.targets]

    def __call__(self, unit: np.ndarray, *, fresh: bool) -> np.ndarray:
        plan = plan_of_points(self.spec, unit, replications_of(self.spec, self.problem, fresh=fresh))
        return np.array([self.of(plan.changes(point), plan.seeds[0].tolist()) for point in range(len(unit))])

    def of(self, changes: dict, seeds: list[int]) -> np.ndarray:
        """The targets' outcomes of runs with some changes, a row a run."""
        table = runs_of(self.spec.scenario.replace(**changes), seeds, self.spec.level == "full", self._wanted)
        return np.stack([table[name].to_numpy().astype(float) for name in self._columns], axis=1)


def searched(spec: Specification) -> tuple[Searcher, Found, Inference]:
    """A search and what is known of its estimate."""
    markets = Markets(spec)
    searcher = Searcher(markets.problem, markets)
    found = searcher.run()
    return searcher, found, infer(searcher, found)


def calibrated(spec: Specification) -> Calibration:
    """A calibration whose outcomes are not kept."""
    searcher, found, known = searched(spec)
    return calibration_of(spec, searcher, found, known, pd.DataFrame())
