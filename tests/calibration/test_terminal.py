"""A calibration in a terminal of 80 columns."""

import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
from rich.console import Console

from abm.calibration.report.terminal import print_calibration

LONG = "sectors.foundation-models-and-their-applications.network_effect"


def calibration() -> SimpleNamespace:
    """What is printed of a calibration, with one long name and one estimate without a standard error."""
    estimates = pd.DataFrame(
        {
            "parameter": [LONG, "churn"],
            "estimate": [0.329123, 0.8],
            "standard_error": [0.0515, np.nan],
            "low": [-1.2282e-6, np.nan],
            "high": [123456.0, np.nan],
            "identified": True,
            "on_bound": ["", "high"],
            "scale": "linear",
            "range_low": 0.0,
            "range_high": 0.8,
        }
    )
    fit = pd.DataFrame(
        {
            "target": ["sectors.foundation-models-and-their-applications.instability", "top_share"],
            "value": [0.05, 0.1],
            "error": [0.01, 0.01],
            "error_given": True,
            "fit": [0.0219, 0.121],
            "residual": [0.0281, -0.0214],
            "residual_in_errors": [2.8, -1.87],
        }
    )
    facts = {"directions": [{"identified": True, "text": "churn up 0.1 leaves all targets"}], "degrees_of_freedom": 0}
    return SimpleNamespace(estimates=estimates, fit=fit, facts=facts, headline="Headline.", notes=["a note"])


def test_no_name_and_no_number_is_cut_at_80_columns():
    console = Console(width=80, file=io.StringIO(), force_terminal=True, color_system=None)
    print_calibration(calibration(), console)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= 80 and "…" not in text
    for whole in (
        "std. error",
        "95% interval",
        "[−1.23e−06, 123,456]",
        "in errors",
        "0.0281",
        "+2.80",
        "note: a note",
        "least identified: churn up",
    ):
        assert whole in text
    first = "".join(line.split("  ")[0].strip() for line in text.splitlines())
    assert LONG in first and "churn" in first


def test_in_a_pipe_each_row_is_a_line():
    console = Console(width=80, file=io.StringIO())
    print_calibration(calibration(), console)
    assert any(line.split()[:2] == [LONG, "0.329"] for line in console.file.getvalue().splitlines())
