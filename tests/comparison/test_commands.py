"""`abm compare` from its words to its files, and what it refuses."""

import json
import shlex
import shutil

import numpy as np
import pandas as pd
import pytest

from abm import InputError, compare
from abm.cli import main
from abm.comparison.analysis import TABLES
from tests.compared import changed, refused

WRITTEN = [name for name in TABLES if not name.startswith("change_")]  # these sweeps have no changes on the way


def test_the_command_writes_every_table_twice_and_a_report(sweeps, tmp_path, capsys):
    out = tmp_path / "new" / "comparison"
    command = ["compare", str(sweeps / "both"), "--by", "churn", "--outcome", "hhi", "--outcome", "structure"]
    assert main([*command, "--level", "0.9", "--baseline", "0.40", "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "hhi" in said.out and said.err == ""
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [*(f"{name}.{kind}" for name in WRITTEN for kind in ("csv", "parquet")), "report.html", "comparison.json"]
    )
    found = compare(sweeps / "both", by="churn", outcomes=["hhi", "structure"], level=0.9, baseline=0.4)
    for name in WRITTEN:
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

    monkeypatch.setattr("abm.comparison.report.html.write_report", writes)  # pictures take time
    out = tmp_path / "out"
    command = ["compare", str(sweeps / "effect"), "--outcome", "hhi", "--out", str(out)]
    assert main(command) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    capsys.readouterr()
    assert "holds a comparison already; --overwrite replaces it" in refused(capsys, *command[1:])

    def fails(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("abm.comparison.report.html.write_report", fails)
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
    assert "several factors vary; choose with --by: network_effect, churn" in message


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
    ("name", "data", "said"),
    [
        ("steps.parquet", b"PAR1 and no more", "steps.parquet"),
        ("run.json", b"[" * 100_000, "run.json: is damaged"),
        ("run.json", b"\xff{}", "run.json: is damaged"),
        ("run.json", b"[1]", "run.json: is damaged: it holds [1] and no object"),
    ],
)
def test_a_run_with_a_damaged_file_is_refused_in_a_line(runs, tmp_path, capsys, name, data, said):
    shutil.copytree(runs[0], tmp_path / "run")
    (tmp_path / "run" / name).write_bytes(data)
    error = refused(capsys, tmp_path / "run", runs[3], "--out", tmp_path / "out")
    assert said in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


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
    assert found.notes[0].startswith("The runs differ in settings, as --allow-different permits: ")


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
