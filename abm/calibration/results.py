"""What a calibration found: tables of the estimates, of the fit, and of what the targets identify."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from abm.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Calibration:
    """What `calibrate` found.

    Attributes
    ----------
    estimates : DataFrame
        A row a parameter: `parameter estimate standard_error low high` (of the 95 % interval), `identified`,
        `on_bound` (`low`, `high` or nothing), and the range that was searched. No error stands where the targets do not
        identify a parameter or its estimate is on a bound.
    fit : DataFrame
        A row a target: `target value error fit fit_error residual residual_in_errors`, and `error_given`; fit and its
        error are of fresh runs.
    identification : DataFrame
        A row a number: `kind` (`singular_value`, `condition_number`, `direction`, `sensitivity`), the number of the
        `direction`, `parameter`, `target`, `value`, and `text`. A direction's values are moves that leave all targets
        within a standard error; a sensitivity is the change of the estimate by one error of the target.
    optima : DataFrame
        Where the starts ended: parameters, `distance`, and `as_good` where another optimum fits as well as the best,
        within the data's errors.
    points, outcomes : DataFrame
        Every point that was tried, and the outcomes of its runs.
    headline : str
        The most important result, in one sentence.
    notes : list of str
    facts : dict
        How the numbers were made, and the test of the fit.
    scenario : Scenario
        The calibrated one.
    """

    estimates: "pd.DataFrame"
    fit: "pd.DataFrame"
    identification: "pd.DataFrame"
    optima: "pd.DataFrame"
    points: "pd.DataFrame"
    outcomes: "pd.DataFrame" = field(repr=False)
    headline: str
    notes: list[str]
    facts: dict[str, Any]
    scenario: Scenario = field(repr=False)

    def __repr__(self) -> str:
        return f"Calibration({len(self.estimates)} parameters, {len(self.fit)} targets: {self.headline})"
