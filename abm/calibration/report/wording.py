"""A calibration's numbers as texts, for the terminal and the report."""

import math

from abm.calibration.results import Calibration
from abm.comparison.report.wording import p_in_sentence
from abm.output.number_text import MISSING, interval, minus, number


def estimate_rows(calibration: Calibration) -> list[list[str]]:
    """A row a parameter: estimate, standard error, interval, range, and why there is no error."""
    rows = []
    for _, row in calibration.estimates.iterrows():
        known = math.isfinite(row["standard_error"])
        why = f"on the {row['on_bound']} end of its range" if row["on_bound"] else ""
        why = why or ("" if row["identified"] else "not identified")
        scale = ", log" if row["scale"] == "log" else ""
        rows.append(
            [
                row["parameter"],
                number(row["estimate"]),
                number(row["standard_error"]) if known else MISSING,
                interval(row["low"], row["high"]) if known else MISSING,
                f"{interval(row['range_low'], row['range_high'])}{scale}",
                why,
            ]
        )
    return rows


def fit_rows(calibration: Calibration) -> list[list[str]]:
    """A row a target: value, error, fit, residual, and that in standard errors."""
    return [
        [
            row["target"],
            number(row["value"]),
            number(row["error"]) + ("" if row["error_given"] else " *"),
            number(row["fit"]),
            number(row["residual"]),
            minus(f"{row['residual_in_errors']:+.2f}"),
        ]
        for _, row in calibration.fit.iterrows()
    ]


def test_sentence(calibration: Calibration) -> str:
    """The J statistic in words."""
    facts = calibration.facts
    if not facts["degrees_of_freedom"]:
        return "There are no more targets than what is estimated: nothing is left to test."
    degrees = f"{facts['degrees_of_freedom']} degree{'s' * (facts['degrees_of_freedom'] != 1)} of freedom"
    verdict = "the targets can be met together" if facts["p"] >= 0.05 else "the targets cannot be met together"
    return f"J = {number(facts['j'])} with {degrees}, {p_in_sentence(facts['p'])}: {verdict}."
