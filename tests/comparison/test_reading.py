"""Comparisons of sweeps and of single runs, from their directories to the tables."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm import Scenario, compare, load_sweep, simulate_many
from abm.comparison.runs import collect_runs
from tests.compared import SETTINGS, changed

# --- sweeps -------------------------------------------------------------------------------------------


def test_a_sweep_of_one_factor_is_compared_by_it(sweeps):
    found = compare(sweeps / "effect")
    outcomes = load_sweep(sweeps / "effect").outcomes
    assert found.runs.by == ("network_effect",) and found.runs.groups == ["0", "0.9"]
    assert found.comparison.loc[found.comparison["group"] == "0.9", "paired"].all()
    for label in (0.0, 0.9):
        own = outcomes[outcomes["network_effect"] == label]
        row = found.comparison.query(f"outcome == 'sector_hhi' and group == '{label:g}'").iloc[0]
        assert row["mean"] == pytest.approx(own["sector_hhi"].mean())
    assert set(found.survival["group"].astype(str)) == {"0", "0.9"} and len(found.trajectories)


def test_other_factors_are_paired_and_replications_stay_whole(sweeps):
    runs = collect_runs(sweeps / "both", by="churn")
    assert runs.all_paired and list(runs.frame["block"].value_counts()) == [4] * 6
    pairs = runs.frame.groupby("pair")["group"].agg(list)
    assert len(pairs) == 12 and all(sorted(each) == ["0.1", "0.4"] for each in pairs)


def test_a_frame_of_a_sweep_gives_what_its_directory_gives(sweeps):
    results = load_sweep(sweeps / "both")
    tables = [compare(what, by="churn").comparison for what in (sweeps / "both", results, results.outcomes)]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    pd.testing.assert_frame_equal(tables[0], tables[2])


def test_tables_have_the_groups_of_their_runs(sweeps):
    runs = collect_runs(sweeps / "both", by=["churn", "network_effect"])
    steps, results = runs.table("steps", ["step", "hhi"]), load_sweep(sweeps / "both").steps
    assert list(steps) == ["group", "pair", "block", "length", "step", "hhi"]
    assert (steps["length"] == 20).all() and len(steps) == len(results) == 24 * 20
    expected = results.groupby(["churn", "network_effect"], observed=True)["hhi"].mean()
    assert steps.groupby("group", observed=True)["hhi"].mean().to_list() == pytest.approx(expected.to_list())
    assert runs.table("panel") is None and "panel = N in [collect] of the design" in runs.left_out("panel")


def test_strategies_within_runs_are_groups(sweeps):
    found = compare(sweeps / "both", by="strategy")
    results = load_sweep(sweeps / "both")
    names = [strategy.name for strategy in Scenario.load("four-sectors").strategies]
    assert found.runs.groups == names and found.runs.names == ["share", "firms", "wins", "survival", "peak_share"]
    lives = results.lives
    for name in names:
        rows = found.comparison[found.comparison["group"] == name].set_index("outcome")
        assert rows["n"].max() == 24 and rows.loc["share", "mean"] == pytest.approx(
            results.outcomes[f"share_{name}"].mean()
        )
        assert rows.loc["firms", "mean"] == pytest.approx(results.outcomes[f"firms_{name}"].mean())
        assert rows.loc["wins", "mean"] == pytest.approx((results.outcomes["winner"] == name).mean())
        own = lives[lives["strategy"] == name]
        initial = own[own["entry_step"] == 0]
        survived = initial["exit_step"].isna().groupby([initial["point"], initial["replication"]]).mean()
        assert rows.loc["survival", "mean"] == pytest.approx(survived.mean())
        peaks = own.groupby(["point", "replication"])["peak_share"].max()
        assert rows.loc["peak_share", "mean"] == pytest.approx(peaks.mean())
    assert found.comparison.loc[found.comparison["group"] != names[0], "paired"].all()
    assert found.regimes.empty and "Regimes are left out: the groups are strategies within runs." in found.notes
    own = found.runs.table("lives", ["entry_step"])
    assert (own["group"].astype(str) == own["strategy"]).all() and len(own) == len(lives)


def test_a_sweep_that_occurs_twice_counts_once_where_directories_are_not_the_groups(sweeps):
    runs = collect_runs([sweeps / "both"] * 2, by="strategy")
    assert runs.frame["group"].value_counts().to_list() == [24] * 5
    assert any("24 runs occur twice" in note for note in runs.notes)


def test_strategies_go_with_a_factor(sweeps):
    table = compare(sweeps / "effect", by=["network_effect", "strategy"], outcomes="share").comparison
    outcomes = load_sweep(sweeps / "effect").outcomes
    row = table[table["group"] == "network_effect=0.9, strategy=balanced"].iloc[0]
    assert (row["network_effect"], row["strategy"], row["n"]) == (0.9, "balanced", 6)
    assert row["mean"] == pytest.approx(outcomes.loc[outcomes["network_effect"] == 0.9, "share_balanced"].mean())


def test_a_sweep_beside_itself_differs_by_nothing(sweeps):
    found = compare([sweeps / "both", sweeps / "both"])
    assert found.runs.groups == ["both", "both (2)"] and found.runs.all_paired
    other = found.comparison[(found.comparison["group"] == "both (2)") & (found.comparison["n"] > 0)]
    assert (other[["difference", "cliffs_delta"]] == 0.0).all(axis=None) and (other["p_holm"] == 1.0).all()
    assert (found.regime_changes["difference"] == 0.0).all()


def test_directories_are_groups_by_the_ends_of_their_paths(sweeps, tmp_path):
    other = changed(sweeps, tmp_path / "strong" / "effect", ["scenario", "churn"], 0.4)
    found = compare([sweeps / "effect", other])
    assert found.runs.groups == [f"{sweeps.name}/effect", "strong/effect"]
    assert "Directories differ in churn (0.1, 0.4)." in found.notes
    by_churn = compare([sweeps / "effect", other], by="churn")
    assert by_churn.runs.groups == ["0.1", "0.4"] and by_churn.runs.all_paired


def test_failed_runs_are_counted(sweeps, tmp_path):
    folder = tmp_path / "effect"
    shutil.copytree(sweeps / "effect", folder)
    failures = pd.DataFrame({"point": [1, 1], "replication": [4, 5], "seed": [0, 0], "error": "x", "traceback": ""})
    failures.to_parquet(folder / "failures.parquet")
    outcomes = pd.read_parquet(folder / "outcomes.parquet")
    outcomes.query("not (point == 1 and replication >= 4)").to_parquet(folder / "outcomes.parquet", index=False)
    table = compare(folder).comparison.query("outcome == 'hhi'").set_index("group")
    assert table["failed"].to_dict() == {"0": 0, "0.9": 2} and table["n"].to_dict() == {"0": 6, "0.9": 4}
    assert table.loc["0.9", "paired"] and table.loc["0.9", "pairs"] == 4
    by_strategy = compare(folder, by=["network_effect", "strategy"], outcomes="share").comparison
    assert by_strategy.groupby("network_effect")["failed"].first().to_dict() == {0.0: 0, 0.9: 2}


# --- single runs --------------------------------------------------------------------------------------


def test_single_runs_of_a_scenario_are_a_group(runs):
    found = compare(runs)
    assert found.runs.groups == ["network_effect=0.9", "network_effect=0.5"] and found.runs.all_paired
    row = found.comparison.query("outcome == 'hhi' and group == 'network_effect=0.5'").iloc[0]
    values = [json.loads(Path(run, "outcomes.json").read_text())["hhi"] for run in runs if "/0.5-" in run]
    assert row["n"] == 3 and row["mean"] == pytest.approx(np.mean(values))
    assert len(found.trajectories) and len(found.survival)
    again = compare([*reversed(runs), runs[0]], by="network_effect", baseline=0.9)
    assert again.runs.groups == ["0.5", "0.9"] and len(again.runs.frame) == 6
    pd.testing.assert_frame_equal(
        again.comparison.query("group == '0.5'")[["mean", "low", "high", "difference_low"]].reset_index(drop=True),
        found.comparison.query("group == 'network_effect=0.5'")[["mean", "low", "high", "difference_low"]].reset_index(
            drop=True
        ),
    )


def test_runs_stand_beside_a_sweep(runs, sweeps):
    found = compare([sweeps / "effect", *runs[:3]])
    assert found.runs.groups == ["effect", "four-sectors"]
    assert not found.runs.all_paired and any("not all directories have" in note for note in found.notes)


def test_what_simulate_many_gives_is_compared(runs):
    base = Scenario.load("four-sectors").replace(**SETTINGS)
    many = simulate_many([base, base.replace(network_effect=0.9)], seeds=[1, 2, 3], every=0)
    frame = compare(many.outcomes, outcomes="hhi").comparison
    single = compare(list(reversed(runs)), outcomes="hhi").comparison
    assert frame["mean"].tolist() == pytest.approx(single["mean"].tolist())
    assert frame["difference"].iloc[1] == pytest.approx(single["difference"].iloc[1])
