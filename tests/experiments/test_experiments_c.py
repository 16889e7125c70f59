"""The experiments `tipping`, `stylised_facts`, `sensitivity`, `winner_take_all` and `foundation_models_2025`."""

import json
import re

import numpy as np
import pandas as pd
import pytest

NAMES = ("tipping", "stylised_facts", "sensitivity", "foundation_models_2025", "winner_take_all")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_quick_run_writes_answers_with_finite_numbers(quick_run, name):
    folder = quick_run(name)
    about = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    assert about["question"].endswith("?") and about["command"] == f"python -m experiments.{name} --quick"
    assert about["answers"]
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for text in about["answers"]:
        assert re.search(r"\d", text) and text in readme
        assert not re.search(r"\b(nan|inf)\b", text)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1_000_000
    assert all(path.stat().st_size < 150_000 for path in folder.glob("*.png"))


@pytest.mark.slow
def test_without_network_effect_no_market_is_a_monopoly_and_far_above_one_all_tip(quick_run):
    cells = pd.read_csv(quick_run("tipping") / "cells.csv")
    none, strong = (cells[cells["network_effect"] == effect] for effect in (0.0, 1.4))
    for start in ("even", "concentrated"):
        assert (none[f"monopolies {start}"] == 0.0).all()
        assert (strong[f"HHI {start}"] > none[f"HHI {start}"].max()).all()


@pytest.mark.slow
def test_no_entrant_fails_before_its_runway_is_spent_and_unchecked_values_get_no_verdict(quick_run):
    facts = pd.read_csv(quick_run("stylised_facts") / "facts.csv")
    early = facts[facts["fact"] == "entrants that fail in 2 years"]
    assert len(early) == 4 and (early["measured"] == 0.0).all() and (early["verdict"] == "missed").all()
    open_ones = facts[facts["known"].str.contains("unchecked|identifiable")]
    assert len(open_ones) == 8 and set(open_ones["verdict"]) <= {"no verdict", "not measured"}
    judged = facts[facts["verdict"] == "met"]
    assert len(judged) and np.isfinite(judged["measured"]).all()


def test_shapes_and_exponents_are_found_in_data_that_have_them():
    from experiments.stylised_facts import hill, persistence, subbotin_fit, volatility_slope

    rng = np.random.default_rng(1)
    assert subbotin_fit(rng.laplace(size=20_000)) == pytest.approx(1.0, abs=0.05)
    assert subbotin_fit(rng.normal(size=20_000)) == pytest.approx(2.0, abs=0.1)
    assert hill([1.0 + rng.pareto(1.06, size=5000) for _ in range(4)]) == pytest.approx(1.06, abs=0.08)
    size = np.exp(rng.normal(size=20_000))
    assert volatility_slope(size, size**-0.17 * rng.normal(size=20_000)) == pytest.approx(0.17, abs=0.02)
    returns = np.zeros((300, 40))
    for year in range(1, 40):
        returns[:, year] = 0.45 * returns[:, year - 1] + rng.normal(size=300)
    panel = pd.DataFrame(returns).rename_axis("id").reset_index().melt("id", var_name="year", value_name="R")
    assert persistence(panel.assign(sector="market", year=panel["year"].astype(int))) == pytest.approx(0.45, abs=0.02)


@pytest.mark.slow
def test_the_screening_finds_what_cannot_matter_and_chooses_six(quick_run):
    morris = pd.read_csv(quick_run("sensitivity") / "morris.csv")
    assert morris["parameter"].nunique() == 20 and morris.groupby("outcome")["matters"].any().all()
    assert (morris["mu_star"] >= morris["mu"].abs() - 1e-6 * morris["mu_star"]).all()
    sobol = pd.read_csv(quick_run("sensitivity") / "sobol.csv")
    assert len(sobol) == 4 * 6 and (sobol["total"] >= 0.0).all()


@pytest.mark.slow
def test_the_firm_table_has_the_published_figures(quick_run):
    firms = pd.read_csv(quick_run("foundation_models_2025") / "firms.csv")
    shares = firms["B"] / firms["B"].sum()
    assert shares[:3].tolist() == pytest.approx([0.40, 0.27, 0.21], abs=1e-4)
    assert 1e4 * (shares**2).sum() == pytest.approx(2790, abs=2)
    assert firms["Q"][0] / firms["Q"][9] == pytest.approx(1.119, abs=1e-4)
    assert firms["theta"].to_numpy() == pytest.approx(6.7 / 8.7, abs=1e-4)
    assert firms["R"][0] == pytest.approx(4.3 / 8.7, abs=1e-4)
