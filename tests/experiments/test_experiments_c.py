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
def test_facts_have_verdicts_where_they_apply_and_unchecked_values_get_none(quick_run):
    facts = pd.read_csv(quick_run("stylised_facts") / "facts.csv")
    assert facts["scenario"].value_counts().tolist() == [20] * 4
    early = facts[facts["fact"] == "entrants that fail in 2 years"].set_index("scenario")["measured"]
    assert (early.drop("stylised") == 0.0).all() and early["stylised"] > 0.0  # runways of 8 steps, and of 2.5
    open_ones = facts[facts["known"].str.contains("unchecked|identifiable|no number")]
    assert set(open_ones["verdict"]) <= {"no verdict", "not measured"}
    full = facts[facts["fact"].str.startswith("shakeout") & facts["scenario"].isin(["one-market", "four-sectors"])]
    assert len(full) == 6 and set(full["verdict"]) == {"not applicable"} and full["measured"].isna().all()
    judged = facts[facts["verdict"] == "met"]
    assert len(judged) and np.isfinite(judged["measured"]).all()
    carried = pd.read_csv(quick_run("stylised_facts") / "ablation.csv", index_col="fact").T
    assert abs(carried.loc["without size_dependence", "size–volatility: β"]) < 0.08
    assert carried.loc["without frontier_cost", "shakeout: share of runs"] == 0.0
    assert carried.loc["without demand_noise", "growth on growth 1 year before"] > 0.5


def test_shapes_and_exponents_are_found_in_data_that_have_them():
    from experiments.estimators import hill, least_absolute, persistence, skewness, subbotin_fit, volatility_slope

    rng = np.random.default_rng(1)
    assert subbotin_fit(rng.laplace(size=20_000)) == pytest.approx(1.0, abs=0.05)
    assert subbotin_fit(rng.normal(size=20_000)) == pytest.approx(2.0, abs=0.1)
    assert skewness(rng.exponential(size=50_000)) == pytest.approx(2.0, abs=0.2)
    assert hill([1.0 + rng.pareto(1.06, size=5000) for _ in range(4)]) == pytest.approx(1.06, abs=0.08)
    size = np.exp(rng.normal(size=20_000))
    assert volatility_slope(size, size**-0.17 * rng.normal(size=20_000)) == pytest.approx(0.17, abs=0.02)
    x = rng.normal(size=(20_000, 2))
    outliers = np.where(rng.random(20_000) < 0.05, 100.0, rng.laplace(size=20_000))
    assert least_absolute(x, x @ [0.3, -0.2] + outliers) == pytest.approx([0.3, -0.2], abs=0.03)
    returns = np.zeros((40, 300))
    for year in range(1, 40):
        returns[year] = 0.45 * returns[year - 1] + rng.normal(size=300)
    returns[20] = np.nan  # other firms from here on
    raw, corrected = persistence(returns)
    assert raw == pytest.approx(0.45, abs=0.02) and corrected == pytest.approx(0.45, abs=0.03)


def test_growth_by_year_is_that_of_the_panel():
    from abm import Scenario, simulate
    from experiments.yearly import at_risk, growth_of, observe

    scenario = Scenario.load("four-sectors").replace(steps=48, capacity=80, entry_rate=0.1)
    industry, result = observe(scenario, 3), simulate(scenario, 3, panel=1)
    growth = growth_of(industry, "revenue", 20)
    panel = result.panel[result.panel["step"] > 0]
    by_year = panel.assign(year=(panel["step"] - 1) // 4).groupby(["id", "sector", "year"])
    table = by_year.agg(revenue=("revenue", "sum"), age=("age", "max"), steps=("step", "size")).reset_index()
    table.loc[table["steps"] < 4, "revenue"] = np.nan
    table["size"] = table["revenue"] / table.groupby(["sector", "year"])["revenue"].transform("mean")
    before = table.assign(year=table["year"] + 1)[["id", "year", "size", "age"]]
    both = table.merge(before, on=["id", "year"], suffixes=("", "_before"))
    both = both[(both["age_before"] >= 20) & (both["year"] >= 3)]
    g = np.log(both["size"] / both["size_before"])
    g -= g.groupby([both["sector"], both["year"]]).transform("mean")
    found = np.sort(growth.growth[np.isfinite(growth.growth)])
    assert len(found) > 100 and found == pytest.approx(np.sort(g.dropna()), abs=1e-12)
    lives = result.lives[result.lives["entry_step"] > 0]
    alive, left = at_risk(industry, 10)
    ages = (lives["exit_step"].fillna(48) - lives["entry_step"]).astype(int)
    assert alive.tolist() == [(ages >= age).sum() for age in range(11)]
    assert left.tolist() == [((ages == age) & lives["exit_step"].notna()).sum() for age in range(11)]


@pytest.mark.slow
def test_the_screening_finds_what_cannot_matter_and_chooses_six(quick_run):
    morris = pd.read_csv(quick_run("sensitivity") / "morris.csv")
    assert morris["parameter"].nunique() == 27 and morris.groupby("outcome")["matters"].any().all()
    assert (morris["mu_star"] >= morris["mu"].abs() - 1e-6 * morris["mu_star"]).all()
    sobol = pd.read_csv(quick_run("sensitivity") / "sobol.csv")
    assert len(sobol) == 4 * 6 and (sobol["total"] >= 0.0).all()


@pytest.mark.slow
def test_the_firm_table_has_the_published_figures(quick_run):
    firms = pd.read_csv(quick_run("foundation_models_2025") / "firms.csv")
    for sector, first, published, concentration in (
        ("consumer", 0, [0.867], 7537),
        ("api", 10, [0.40, 0.27, 0.21], 2790),
    ):
        own = firms[firms["sector"] == sector]
        shares = (own["B"] / own["B"].sum()).tolist()
        assert shares[: len(published)] == pytest.approx(published, abs=1e-4)
        assert 1e4 * sum(share**2 for share in shares) == pytest.approx(concentration, abs=2)
        assert firms["Q"][first] / firms["Q"][first + 9] == pytest.approx(1.119, abs=1e-4)
        assert firms["R"][first] == pytest.approx(4.3 / 8.7, abs=1e-4)
    assert firms["theta"].to_numpy() == pytest.approx(6.7 / 8.7, abs=1e-4)


@pytest.mark.slow
def test_patterns_get_a_verdict_by_range_or_by_the_one_figure_that_the_interval_holds(quick_run):
    from experiments.foundation_models_2025 import PATTERNS, verdict

    measures = pd.read_csv(quick_run("foundation_models_2025") / "measures.csv")
    assert measures.groupby("start").size().tolist() == [len(PATTERNS)] * 5
    one, ranged = "consumers: share of the first, a year", "API: HHI, a year"
    assert [verdict(one, *ends) for ends in ((0.6, 0.55, 0.65), (0.6, 0.58, 0.62))] == ["right", "wrong"]
    assert [verdict(ranged, *ends) for ends in ((1800, 1700, 1900), (1700, 1600, 1800), (1500, 1400, 1600))] == [
        "right", "unclear", "wrong",
    ]  # fmt: skip
