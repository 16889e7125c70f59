"""The experiments `recovery` and `calibrate_2025`: each runs, and its tables hang together."""

import json
import re

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["recovery", "calibrate_2025"])
def test_a_quick_run_writes_answers_with_numbers(quick_run, name):
    folder = quick_run(name)
    about = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    assert about["question"].endswith("?") and about["command"] == f"python -m experiments.{name} --quick"
    for text in about["answers"]:
        assert re.search(r"\d", text) and not re.search(r"\b(nan|inf)\b", text)


def test_coverage_is_counted_of_estimates_that_have_an_interval(quick_run):
    folder = quick_run("recovery")
    table, found = pd.read_csv(folder / "estimates.csv"), pd.read_csv(folder / "coverage.csv").set_index("parameter")
    assert len(table) == 12 and found.loc["all", "sets"] == 12
    known = table[table["failure"].isna()]
    assert known["standard error"].notna().all() and found.loc["all", "with an interval"] == len(known)
    inside = (known["estimate"] - known["truth"]).abs() <= 1.959964 * known["standard error"]
    assert found.loc["all", "coverage 95%"] == pytest.approx(inside.mean())


def test_each_figure_is_left_out_once_and_told_in_its_errors(quick_run):
    folder = quick_run("calibrate_2025")
    fit, left_out = pd.read_csv(folder / "fit.csv"), pd.read_csv(folder / "left_out.csv")
    assert fit["target"].tolist() == left_out["left out"].tolist()
    off = (left_out["published"] - left_out["others give"]) / left_out["error"]
    assert left_out["off in errors"].to_numpy() == pytest.approx(off.to_numpy(), rel=1e-3)
    assert np.isfinite(off).all()
