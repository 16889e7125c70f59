"""Experiments from `section43` to `policies`: each runs, and says what is known independently."""

import json
import math
import re

import numpy as np
import pandas as pd
import pytest


@pytest.mark.slow
@pytest.mark.parametrize("name", ["section43", "circles", "readings", "sectors", "futures", "policies"])
def test_a_quick_run_writes_answers_with_finite_numbers(quick_run, name):
    folder = quick_run(name)
    about = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    assert about["question"].endswith("?") and about["command"] == f"python -m experiments.{name} --quick"
    assert about["answers"] and all(re.search(r"\d", each) for each in about["answers"])
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for text in (*about["answers"], readme):
        assert not re.search(r"\b(nan|inf)\b", text)
    assert all(each in readme for each in about["answers"])
    for path in folder.glob("*.csv"):
        numbers = pd.read_csv(path).select_dtypes("number")
        assert np.isfinite(numbers.to_numpy()).all(), path
    assert all(path.stat().st_size < 150_000 for path in folder.glob("*.png"))


@pytest.mark.slow
def test_section43_has_the_numbers_of_the_article_and_roots_that_solve_the_equations(quick_run):
    numbers = pd.read_csv(quick_run("section43") / "numbers.csv")
    assert numbers["computed"].tolist() == pytest.approx([0.16, 0.12, 0.1, 0.6])
    circle = pd.read_csv(quick_run("section43") / "circle.csv")
    for place, of_return in enumerate(
        (lambda k, T: k * T * (T - 1), lambda k, T: k * (T - 1), lambda k, T: k * (T - 1) ** 2)
    ):
        for row in circle.iloc[[place, place + 3]].itertuples():
            T = row[-1]
            R = 1 + of_return(row.k3, T)
            C = 1 + row.k2 * R * (R - 1)
            assert 1 + row.k1 * C * (C - 1) == pytest.approx(T, rel=1e-4)  # the table has six digits
    assert circle["loop gain"].tolist() == pytest.approx([0.01, 0.01, 0.0, 0.729, 0.729, 0.0], abs=1e-6)
    assert circle["threshold T"][3] == pytest.approx(1 / 0.9, rel=1e-5)


@pytest.mark.slow
def test_circles_parts_return_and_growth_at_the_threshold(quick_run):
    starts = pd.read_csv(quick_run("circles") / "starts.csv").set_index(["market", "x"])["T"]
    equal = starts.loc["the equations, equal firms"]
    # The stable equilibria at the default ceilings: the baseline, and T = 1 + S(0.9·C·(C − 1); 8) and so on above.
    T = C = R = 2.0
    for _ in range(1000):
        pulls = 0.9 * C * (C - 1), 0.9 * R * (R - 1), 0.9 * T * (T - 1)
        T, C, R = (1 + p / (1 + p / ceiling) for p, ceiling in zip(pulls, (8.0, 1.0, 5.0)))
    assert equal[0.0] == 1.0 and equal[-0.4] == pytest.approx(1.0, abs=0.01)
    assert equal[0.6] == pytest.approx(T, abs=0.01)
    effects = pd.read_csv(quick_run("circles") / "effects.csv").set_index(["x", "variant"])
    cut = effects.loc[[(-0.2, f"cut {link}") for link in ("C → T", "R → C", "T → R")], "alone: T"]
    assert cut.nunique() == 1  # without noise any cut brings all firms back to their baselines


@pytest.mark.slow
def test_readings_double_their_periods_where_the_logistic_map_does(quick_run):
    table = pd.read_csv(quick_run("readings") / "periods.csv")
    assert table["k of the doubling"].tolist() == pytest.approx(
        [3, 1 + math.sqrt(6), 3.54409, 2, math.sqrt(6), 2.54409], abs=1e-5
    )
    assert table["found before"].tolist() == table["period known before"].tolist() == [1, 2, 4] * 2
    assert table["found after"].tolist() == [2, 4, 8] * 2


@pytest.mark.slow
def test_sectors_shares_add_up_and_the_slope_is_that_of_the_means(quick_run):
    shares = pd.read_csv(quick_run("sectors") / "shares.csv")
    assert shares.groupby(["scenario", "sector"])["share"].sum().tolist() == pytest.approx([1.0] * 10, abs=1e-4)
    strategies, changes, slopes = (pd.read_csv(quick_run("sectors") / f"{each}.csv") for each in
                                   ("strategies", "changes", "slopes"))  # fmt: skip
    for name, own in changes.groupby("scenario"):
        lean = (strategies["τ"] - strategies["γ"])[own.index]
        row = slopes[(slopes["scenario"] == name) & (slopes["change of"] == "θ")].iloc[0]
        assert row["slope"] == pytest.approx(np.polyfit(lean, own["θ"], 1)[0], abs=1e-4)


@pytest.mark.slow
def test_the_worked_comparison_writes_its_report_and_the_differences_of_its_table(quick_run):
    folder = quick_run("compare")
    answers = json.loads((folder / "answer.json").read_text(encoding="utf-8"))["answers"]
    table = pd.read_csv(folder / "comparison.csv", dtype={"group": str}).set_index(["outcome", "group"])
    said = next(each for each in answers if each.startswith("firms") and "0.9" in each)
    assert f"−{-table.loc[('firms', '0.9'), 'difference']:.3g} [" in said  # fewer, with a minus sign
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
