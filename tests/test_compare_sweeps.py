"""Comparisons of sweeps and of single runs, from their directories to the tables, and what is refused."""

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm import InputError, Scenario, compare, load_sweep, simulate_many, sweep
from abm.cli import main
from abm.comparison.analysis import TABLES
from abm.comparison.groups import collect_runs
from abm.sweeps.design import Design

SETTINGS = {"capacity": 30, "initial_firms": 30, "steps": 20, "runway": 1.0}
DESIGN = """
scenario = "four-sectors"
[set]
capacity = 30
initial_firms = 30
steps = 20
runway = 1.0
[factors]
network_effect = [0.0, 0.9]
churn = [0.1, 0.4]
[replications]
count = 6
[collect]
steps = "all"
lives = true
"""


@pytest.fixture(scope="session")
def sweeps(tmp_path_factory) -> Path:
    """A folder with the sweep `both` of two factors, and `effect` of one, made of it."""
    folder = tmp_path_factory.mktemp("sweeps")
    results = sweep(Design.from_toml(DESIGN), folder / "both", workers=1)
    chosen = results.points.index[results.points["churn"] == 0.1]
    shutil.copytree(folder / "both", folder / "effect")
    for path in (folder / "effect").glob("*.parquet"):
        table = pd.read_parquet(path)
        if "point" in table:
            table = table[table["point"].isin(chosen)]
            table["point"] = table["point"].map({point: place for place, point in enumerate(chosen)})
            table.drop(columns=["churn"], errors="ignore").to_parquet(path, index=False)
    change(folder / "effect", ["scenario", "churn"], 0.1)
    return folder


@pytest.fixture(scope="session")
def runs(tmp_path_factory) -> list[str]:
    """Directories of three runs of each of two scenarios."""
    folder = tmp_path_factory.mktemp("runs")
    settings = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
    for effect in (0.5, 0.9):
        for seed in (3, 1, 2):
            more = ["--set", f"network_effect={effect}", "--seed", str(seed), "--no-picture"]
            assert main(["run", "four-sectors", *settings, *more, "--out", str(folder / f"{effect}-{seed}")]) == 0
    return [str(path) for path in sorted(folder.iterdir(), reverse=True)]


def change(folder: Path, keys: list[str], value) -> None:
    """Write another value into a sweep's manifest."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    place = manifest
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(json.dumps(manifest))


def changed(sweeps: Path, folder: Path, keys: list[str], value) -> Path:
    """A copy of a sweep whose manifest says something else."""
    shutil.copytree(sweeps / "effect", folder)
    change(folder, keys, value)
    return folder


def refused(capsys, *arguments: object) -> str:
    """The message of a command that is refused."""
    assert main(["compare", *map(str, arguments)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and said.err.startswith("abm: error: ")
    return said.err


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
    assert runs.common and list(runs.frame["block"].value_counts()) == [4] * 6
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
    assert found.regimes.empty and "Regimes are left out: groups are strategies within runs." in found.notes
    own = found.runs.table("lives", ["entry_step"])
    assert (own["group"].astype(str) == own["strategy"]).all() and len(own) == len(lives)


def test_a_sweep_that_is_there_twice_counts_once_where_directories_are_not_the_groups(sweeps):
    runs = collect_runs([sweeps / "both"] * 2, by="strategy")
    assert runs.frame["group"].value_counts().to_list() == [24] * 5
    assert any("24 runs are there twice" in note for note in runs.notes)


def test_strategies_go_with_a_factor(sweeps):
    table = compare(sweeps / "effect", by=["network_effect", "strategy"], outcomes="share").comparison
    outcomes = load_sweep(sweeps / "effect").outcomes
    row = table[table["group"] == "network_effect=0.9, strategy=balanced"].iloc[0]
    assert (row["network_effect"], row["strategy"], row["n"]) == (0.9, "balanced", 6)
    assert row["mean"] == pytest.approx(outcomes.loc[outcomes["network_effect"] == 0.9, "share_balanced"].mean())


def test_a_sweep_beside_itself_differs_by_nothing(sweeps):
    found = compare([sweeps / "both", sweeps / "both"])
    assert found.runs.groups == ["both", "both (2)"] and found.runs.common
    other = found.comparison[(found.comparison["group"] == "both (2)") & (found.comparison["n"] > 0)]
    assert (other[["difference", "cliffs_delta"]] == 0.0).all(axis=None) and (other["p_holm"] == 1.0).all()
    assert (found.regime_changes["difference"] == 0.0).all()


def test_directories_are_groups_by_the_ends_of_their_paths(sweeps, tmp_path):
    other = changed(sweeps, tmp_path / "strong" / "effect", ["scenario", "churn"], 0.4)
    found = compare([sweeps / "effect", other])
    assert found.runs.groups == [f"{sweeps.name}/effect", "strong/effect"]
    assert "Directories differ in churn (0.1, 0.4)." in found.notes
    by_churn = compare([sweeps / "effect", other], by="churn")
    assert by_churn.runs.groups == ["0.1", "0.4"] and by_churn.runs.common


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
    assert found.runs.groups == ["network_effect=0.9", "network_effect=0.5"] and found.runs.common
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
    assert not found.runs.common and any("not all directories have" in note for note in found.notes)


def test_what_simulate_many_gives_is_compared(runs):
    base = Scenario.load("four-sectors").replace(**SETTINGS)
    many = simulate_many([base, base.replace(network_effect=0.9)], seeds=[1, 2, 3], every=0)
    frame = compare(many.outcomes, outcomes="hhi").comparison
    single = compare(list(reversed(runs)), outcomes="hhi").comparison
    assert frame["mean"].tolist() == pytest.approx(single["mean"].tolist())
    assert frame["difference"].iloc[1] == pytest.approx(single["difference"].iloc[1])


# --- the command --------------------------------------------------------------------------------------


def test_the_command_writes_every_table_twice_and_a_report(sweeps, tmp_path, capsys):
    out = tmp_path / "new" / "comparison"
    command = ["compare", str(sweeps / "both"), "--by", "churn", "--outcome", "hhi", "--outcome", "structure"]
    assert main([*command, "--level", "0.9", "--baseline", "0.40", "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "hhi" in said.out and said.err == ""
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [*(f"{name}.{kind}" for name in TABLES for kind in ("csv", "parquet")), "report.html", "comparison.json"]
    )
    found = compare(sweeps / "both", by="churn", outcomes=["hhi", "structure"], level=0.9, baseline=0.4)
    for name in TABLES:
        table = getattr(found, name)
        for kept in (
            pd.read_csv(out / f"{name}.csv"),
            pd.read_parquet(out / f"{name}.parquet"),
        ):
            assert list(kept) == list(table) and len(kept) == len(table)
            for column in table.select_dtypes("number"):
                np.testing.assert_allclose(
                    kept[column].astype(float), table[column].astype(float), rtol=1e-12, equal_nan=True
                )
    about = json.loads((out / "comparison.json").read_text())
    assert about["baseline"] == "0.4" and about["level"] == 0.9 and about["notes"] == found.notes
    assert shlex.split(about["command"]) == [
        *["abm", *command[:4], "--baseline", "0.40", *command[4:], "--level", "0.9", "--out", str(out)]
    ]


def test_sections_that_were_not_kept_are_named_and_not_written(sweeps, tmp_path):
    folder = tmp_path / "light"
    shutil.copytree(sweeps / "effect", folder)
    summary = json.loads((folder / "summary.json").read_text())
    summary["tables"] = ["outcomes", "failures"]
    (folder / "summary.json").write_text(json.dumps(summary))
    assert main(["compare", str(folder), "--out", str(tmp_path / "out")]) == 0
    notes = " ".join(json.loads((tmp_path / "out" / "comparison.json").read_text())["notes"])
    assert "did not keep lives (lives = true in [collect] of the design)" in notes
    assert 'did not keep steps (steps = "all", or each Nth, in [collect] of the design)' in notes
    assert not (tmp_path / "out" / "survival.csv").exists() and (tmp_path / "out" / "regimes.csv").exists()


def test_an_earlier_comparison_is_replaced_only_when_asked_and_by_a_whole_one(sweeps, tmp_path, capsys, monkeypatch):
    def writes(comparison, folder, command):
        (folder / "report.html").write_text(command)

    monkeypatch.setattr("abm.comparison.report.write_report", writes)  # pictures take time
    out = tmp_path / "out"
    command = ["compare", str(sweeps / "effect"), "--outcome", "hhi", "--out", str(out)]
    assert main(command) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    capsys.readouterr()
    assert "holds a comparison already; --overwrite replaces it" in refused(capsys, *command[1:])

    def fails(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("abm.comparison.report.write_report", fails)
        assert main([*command, "--overwrite"]) == 1
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert main([*command, "--overwrite"]) == 0


def test_a_directory_that_holds_something_else_is_left_alone(sweeps, capsys):
    message = refused(capsys, sweeps / "effect", "--overwrite", "--out", sweeps / "both")
    assert "is not empty and holds no comparison" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--by", "network_efect"], "unknown factor 'network_efect' (did you mean 'network_effect'?)"),
        (["--by", "churn"], "one group only: churn = 0.1 in all runs"),
        (["--outcome", "hhl"], "unknown outcome 'hhl' (did you mean 'hhi'?)"),
        (["--outcome", "structure=oligoply"], "(did you mean 'structure=oligopoly'?)"),
        (["--baseline", "0.8"], "unknown baseline '0.8' (did you mean '0.9'?); the groups are 0, 0.9"),
        (["--level", "95"], "'95' is not a number between 0 and 1"),
        (["--level", "nan"], "'nan' is not a number between 0 and 1"),
        (["no-such-place"], "no-such-place: holds neither a sweep nor a run"),
    ],
)
def test_bad_options_are_refused_and_nothing_is_written(sweeps, tmp_path, capsys, options, message):
    out = tmp_path / "out"
    assert message in refused(capsys, sweeps / "effect", *options, "--out", out)
    assert not out.exists()


def test_a_sweep_of_several_factors_needs_by(sweeps, tmp_path, capsys):
    message = refused(capsys, sweeps / "both", "--out", tmp_path / "out")
    assert "several factors vary; say which by --by: network_effect, churn" in message


def test_where_to_write_must_be_said(sweeps, capsys):
    assert "Missing option '--out'" in refused(capsys, sweeps / "effect")


def test_a_directory_without_results_and_an_unfinished_sweep_are_refused(sweeps, tmp_path, capsys):
    assert "holds neither a sweep nor a run" in refused(capsys, tmp_path, "--out", tmp_path / "out")
    shutil.copytree(sweeps / "effect", tmp_path / "cut")
    (tmp_path / "cut" / "summary.json").unlink()
    assert "the sweep is not finished" in refused(capsys, tmp_path / "cut", "--out", tmp_path / "out")


def test_a_damaged_run_is_refused(runs, tmp_path, capsys):
    shutil.copytree(runs[0], tmp_path / "run")
    (tmp_path / "run" / "outcomes.json").write_text("{")
    assert "outcomes.json: is damaged" in refused(capsys, tmp_path / "run", "--out", tmp_path / "out")


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (["scenario", "name"], "mine", "scenario: effect has 'four-sectors', other has 'mine'"),
        (["scenario", "steps"], 30, "steps: effect has 20, other has 30"),
        (["model_version"], "1.0", "model version: effect has "),
        (["firm_table"], "ab12", "firm table: effect has 'none', other has 'one'"),
        (
            ["scenario", "strategies"],
            [{"name": "sole", "policy": "fixed"}],
            "strategies: effect has 'technology_first, ",
        ),
    ],
)
def test_different_runs_are_refused_unless_allowed(sweeps, tmp_path, capsys, keys, value, message):
    other = changed(sweeps, tmp_path / "other", keys, value)
    command = [sweeps / "effect", other, "--out", tmp_path / "out"]
    said = refused(capsys, *command)
    assert message in said and "--allow-different" in said
    found = compare([sweeps / "effect", other], allow_different=True)
    assert found.notes[0].startswith("Different runs are compared, as was allowed: ")


def test_groups_without_common_seeds_are_refused_as_pairs(sweeps, tmp_path, capsys):
    other = changed(sweeps, tmp_path / "other", ["scenario", "churn"], 0.4)
    outcomes = pd.read_parquet(other / "outcomes.parquet")
    outcomes.assign(seed=outcomes["seed"] // 2).to_parquet(other / "outcomes.parquet")
    message = refused(capsys, sweeps / "effect", other, "--paired", "--out", tmp_path / "out")
    assert "group other has 0 of 12 runs with the seed and other factors of a run of effect" in message
    found = compare([sweeps / "effect", other], outcomes="hhi")
    assert not found.comparison["paired"].any()


def test_strategies_are_refused_where_there_is_one(tmp_path, capsys):
    settings = [word for name in ("capacity", "initial_firms", "steps") for word in ("--set", f"{name}=5")]
    sole = tmp_path / "sole.toml"
    sectors, strategies = '[[sectors]]\nname = "all"\ndemand_share = 1.0\n', '[[strategies]]\nname = "one"\n'
    sole.write_text(f'name = "sole"\n{sectors}{strategies}technology_weight = 0.5\n')
    assert main(["run", str(sole), *settings, "--no-picture", "--out", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    message = refused(capsys, tmp_path / "run", "--by", "strategy", "--out", tmp_path / "out")
    assert "one group only: strategy is one in all runs" in message
    with pytest.raises(InputError, match="sole: one group only, no parameter varies"):
        compare(tmp_path / "run")
