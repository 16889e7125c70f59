"""Runs by a rule of the user's own through the command line, and that a folder of results runs no code."""

import json

import pytest

from abm import Scenario, compare, simulate
from abm.cli import main
from tests.run_directories import contents

RULES = """
from pathlib import Path
Path({marker!r}).touch()

def greedy(firm, sector, draw):
    if firm.age > {last}:
        return 0.0 / (firm.age - firm.age), 0.5, 0.0
    return firm.theta + 0.1, firm.omega, draw
"""
TEXT = """
steps = 20
capacity = 30
[[strategies]]
name = "own"
technology_weight = 0.5
policy = "rules.py:greedy"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "rules.py").write_text(RULES.format(marker=str(tmp_path / "was-run"), last=100))
    (tmp_path / "market.toml").write_text(TEXT)
    return tmp_path


def test_a_run_keeps_the_text_of_its_rule_and_no_reading_of_it_runs_code(folder, capsys):
    out, marker = folder / "run", folder / "was-run"
    assert main(["run", str(folder / "market.toml"), "--out", str(out), "--no-picture"]) == 0
    assert marker.exists()
    marker.unlink()
    about = json.loads((out / "run.json").read_text())
    kept = about["rules"]["rules.py:greedy"]
    assert kept["source"] == (folder / "rules.py").read_text()
    assert len(kept["sha256"]) == 64
    assert not list(out.rglob("*.py"))
    # Even where a file of that name lies in the folder.
    (out / "rules.py").write_text(kept["source"])
    capsys.readouterr()
    assert main(["rerun", str(out)]) == 2
    told = capsys.readouterr().err
    assert "the run followed rules.py:greedy, and no code is run from a folder of results" in told
    assert "abm run SCENARIO --seed 0" in told
    assert main(["run", str(out / "run.json"), "--out", str(folder / "again")]) == 2
    assert "is not run from a folder of results" in capsys.readouterr().err
    assert Scenario.stored(out / "scenario.toml").strategies[0].policy == "rules.py:greedy"
    assert not marker.exists()
    # What the refusal advises.
    assert main(["run", str(out / "scenario.toml"), "--out", str(folder / "again"), "--no-picture"]) == 0
    again = contents(folder / "again")
    assert again["steps.parquet"] == contents(out)["steps.parquet"]


def test_runs_by_other_texts_of_a_rule_are_compared_as_two_groups(folder):
    for name, step in (("one", "0.1"), ("two", "0.2")):
        source = (folder / "rules.py").read_text().replace("firm.theta + 0.1", f"firm.theta + {step}")
        (folder / "rules.py").write_text(source)
        for seed in (1, 2):
            simulate(folder / "market.toml", seed).save(folder / f"{name}-{seed}", picture=False)
    runs = [folder / f"{name}-{seed}" for name in ("one", "two") for seed in (1, 2)]
    (folder / "was-run").unlink()
    groups = compare(runs, outcomes=["mean_theta"]).comparison
    assert len(groups) == 2
    assert not (folder / "was-run").exists()


def test_check_compiles_the_rule_of_the_scenario_that_it_is_given(folder, capsys):
    assert main(["check", str(folder / "market.toml")]) == 0
    (folder / "rules.py").write_text("def greedy(firm, sector, draw):\n    return firm.nothing\n")
    assert main(["check", str(folder / "market.toml")]) == 2
    assert "Unknown attribute 'nothing' of type RuleFirm (rules.py, line 2)" in capsys.readouterr().err


def test_a_rule_that_fails_on_the_way_leaves_nothing_behind(folder, capsys):
    (folder / "rules.py").write_text(RULES.format(marker=str(folder / "was-run"), last=10))
    assert main(["run", str(folder / "market.toml"), "--out", str(folder / "run")]) == 2
    told = capsys.readouterr().err
    assert "policy = 'rules.py:greedy': it returned NaN, or raised an error, for firm 0 (own) at step 16" in told
    assert "Traceback" not in told
    assert not (folder / "run").exists()


def test_the_bundled_rule_that_says_adaptive_again_is_adaptive():
    scenario = Scenario.load("own-rule").replace(steps=60)
    restated = scenario.strategies[2].policy
    built_in, own = (simulate(scenario.replace(policy=policy), 1, every=10).steps for policy in ("adaptive", restated))
    assert built_in.equals(own)
