"""The experiments dilemma, optimise_or_ship, invasion and runway: they run, and their key numbers are right."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from abm import Scenario, simulate
from abm.sweeps.design.plan import run_seed
from experiments import dilemma, invasion, optimise_or_ship
from experiments.common import first_firms

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["dilemma", "optimise_or_ship", "invasion", "runway"])
def test_a_quick_run_writes_finite_answers_and_what_its_readme_shows(quick_run, name):
    folder = quick_run(name)
    about = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    assert about["question"].endswith("?") and about["answers"]
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for answer in about["answers"]:
        assert not re.search(r"\b(nan|inf)\b", answer), answer
        assert answer in readme
    for target in re.findall(r"\]\(([^)]+)\)", readme):
        assert (folder / target).exists(), target


def test_nobody_fails_without_a_limit_of_funds(quick_run):
    table = pd.read_csv(quick_run("runway") / "points.csv")
    unlimited = table[np.isinf(table["runway"])]
    assert (unlimited["survival"] == 1.0).all()
    assert (table.loc[np.isfinite(table["runway"]), "survival"] < 1.0).all()


def test_a_mutant_like_the_residents_gains_nothing_and_an_extreme_one_loses():
    own, extreme = np.array([invasion.gains(0.01, 0.5, np.array([0.5, 0.95]), seed) for seed in range(10)]).T
    assert (own == 0.0).all()
    assert extreme.mean() < 0.0


def test_first_firms_are_counted_as_in_single_runs():
    strategies = [{"name": name, "technology_weight": weight} for name, weight in (("a", 0.2), ("b", 0.8))]
    scenario = Scenario(capacity=40, steps=60, strategies=strategies)
    survival, returns = first_firms(scenario, pd.DataFrame({"runway": [1.0, 8.0]}), 2)
    for point, runway in enumerate((1.0, 8.0)):
        for run in range(2):
            firms = simulate(scenario.replace(runway=runway), run_seed(0, run)).firms.query("id < 40")
            for place, name in enumerate("ab"):
                own = firms[firms["strategy"] == name]
                assert survival[point, run, place] == pytest.approx(len(own) / 20)
                assert returns[point, run, place] == pytest.approx(own["R_smoothed"].sum() / 20)


def test_the_best_weight_is_found_and_a_flat_one_is_none():
    points = optimise_or_ship.grid((0.3,), (0.03,)).iloc[[1, 1]]
    noise = np.random.default_rng(1).normal(size=(2, 30, 7))
    noise[0, :, 3] += 10.0
    noise[1] = noise[1, :, :1] + 1e-3 * noise[1]  # paired: all alike
    found = optimise_or_ship.best_weights(points, noise)
    assert found["omega"][0] == found["from"][0] == found["to"][0] == 0.5
    assert found["best"].tolist()[0] == "inner"


def test_a_difference_that_is_there_is_found_in_pairs():
    points = dilemma.grid([1.0])
    common = np.random.default_rng(2).normal(size=(len(points), 20, 1)) + np.zeros(7)
    common[..., dilemma.TECHNOLOGY_FIRST] += 0.5 + 1e-3 * np.random.default_rng(3).normal(size=common.shape[:2])
    table = dilemma.differences(points, common, common)
    assert ((table["return low"] < 0.5) & (table["return high"] > 0.49) & (table["return low"] > 0.49)).all()
    assert (table["best theta"] == 0.8).all() and (table["best from"] == 0.8).all()
