"""Effects of a change: against sums by hand of the runs' own rows, relative to each run's own change."""

import numpy as np
import pandas as pd
import pytest

from abm import compare, load_sweep, simulate_many
from abm.comparison.tables.change_effects import marks
from tests.sweeping import make

DESIGN = """
scenario = "four-sectors"
[set]
steps = 30
capacity = 60
[[set.changes]]
name = "open_weights"
step = 9
spillover = 0.01
[factors]
"changes.open_weights.spillover" = [0.01, 0.2]
"changes.open_weights.step" = [9, 20]
[replications]
count = 6
[collect]
steps = "all"
"""
SPILLOVER, STEP = "changes.open_weights.spillover", "changes.open_weights.step"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("changes") / "sweep"
    make(DESIGN, out)
    return out


@pytest.fixture(scope="module")
def rows(folder):
    return load_sweep(folder).read("steps")


@pytest.fixture(scope="module")
def compared(folder):
    return compare(folder, by=[SPILLOVER, STEP])


def differences(rows, spillover, step, measure):
    """Of each replication by step: with the change less without it."""
    wide = {
        (own, when): part.pivot(index="replication", columns="step", values=measure)
        for (own, when), part in rows.groupby([SPILLOVER, STEP])
    }
    return wide[spillover, step] - wide[0.01, 9]


@pytest.mark.parametrize("step", [9, 20])
@pytest.mark.parametrize("measure", ["mean_T", "sector_hhi", "firms", "share_balanced"])
def test_paths_and_sums_are_those_of_the_pairs_since_the_change(compared, rows, step, measure):
    expected = differences(rows, 0.2, step, measure)
    table = compared.change_paths
    own = table[(table[SPILLOVER] == 0.2) & (table[STEP] == step) & (table["measure"] == measure)].set_index("since")
    assert own.index.tolist() == list(range(max(-10, 1 - step), 31 - step))
    assert own["median"].to_numpy() == pytest.approx(expected.median().loc[own.index[0] + step :].to_numpy(), abs=1e-12)
    assert (own.loc[:-1, ["median", "q10", "q90"]] == 0.0).all(axis=None)  # a common past
    sums = compared.change_effects
    row = sums[(sums[SPILLOVER] == 0.2) & (sums[STEP] == step) & (sums["measure"] == measure)].iloc[0]
    total = expected.loc[:, step:].sum(axis=1)
    assert (row["since"], row["steps"], row["n"]) == (step, 31 - step, 6)
    assert row["sum"] == pytest.approx(total.mean(), abs=1e-12)
    assert row["mean"] == pytest.approx(total.mean() / (31 - step), abs=1e-12)
    assert row["sum_low"] <= row["sum"] <= row["sum_high"]


def test_a_change_that_changes_nothing_has_no_effect(compared):
    table = compared.change_effects
    same = table[(table[SPILLOVER] == 0.01) & (table[STEP] == 20)]
    assert len(same) and (same[["sum", "sum_low", "sum_high"]] == 0.0).all(axis=None)


def test_runs_with_changes_at_different_steps_are_put_together_by_steps_since_their_own(folder, rows):
    found = compare(folder, by=SPILLOVER)
    table = found.change_paths
    own = table[table["measure"] == "mean_T"].set_index("since")
    both = pd.concat([differences(rows, 0.2, 9, "mean_T").rename(columns=lambda step: step - 9),
                      _of_late(rows).rename(columns=lambda step: step - 20)])  # fmt: skip
    for since in (-5, 0, 5, 10, 15, 21):
        assert own.loc[since, "median"] == pytest.approx(both[since].median(), abs=1e-12)
    assert own.loc[15, "n"] == 6 and own.loc[5, "n"] == 12


def _of_late(rows):
    wide = {
        own: part.pivot(index="replication", columns="step", values="mean_T")
        for own, part in rows[rows[STEP] == 20].groupby(SPILLOVER)
    }
    return wide[0.2] - wide[0.01]


def test_the_report_tells_effects_and_marks_the_changes(compared, tmp_path):
    compared.save(tmp_path)
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "Effects of the change" in text and "steps from step 20 on" in text
    assert "Changes: open_weights (from step 9 on), open_weights (from step 20 on)." in text
    assert set(marks(compared.runs)) == {("open_weights", 9.0, np.inf), ("open_weights", 20.0, np.inf)}


def test_single_runs_with_and_without_a_change_are_compared(tmp_path):
    from abm.cli import main

    scenario = tmp_path / "changed.toml"
    text = 'name = "changed"\nsteps = 20\ncapacity = 40\n'
    (tmp_path / "plain.toml").write_text(text.replace("changed", "plain"))
    scenario.write_text(f'{text}[[changes]]\nname = "shock"\nstep = 11\ndemand_factor = 0.5\n')
    folders = []
    for name in ("plain", "changed"):
        for seed in ("1", "2"):
            out = str(tmp_path / f"{name}-{seed}")
            arguments = ["run", str(tmp_path / f"{name}.toml"), "--seed", seed, "--no-picture", "--out", out]
            assert main(arguments) == 0
            folders.append(out)
    found = compare(folders, allow_different=True).change_effects
    assert set(found["group"]) == {"changed"} and set(found["since"]) == {11} and set(found["n"]) == {2}
    assert found.set_index("measure").loc["mean_R", "sum"] < 0.0


def test_without_changes_nothing_is_said_of_them():
    from abm import Scenario

    small = Scenario(capacity=20, steps=10)
    many = simulate_many([small, small.replace(churn=0.9)], seeds=range(5), every=0)
    found = compare(many.outcomes, outcomes="hhi")
    assert found.change_paths.empty and found.change_effects.empty and marks(found.runs) == []
