"""The command line from end to end: files and exit codes."""

import errno
import json
import math
import os
import re
from pathlib import Path

import pandas as pd
import pyarrow.parquet
import pytest

from abm import Scenario, simulate
from abm.cli import main
from abm.output import run_folder as rundir
from tests.run_directories import SMALL, contents, run

TABLES = ["steps", "sectors", "firms", "lives", "panel"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The directory of a run that left out nothing."""
    out = tmp_path_factory.mktemp("finished") / "parents" / "are made" / "out"
    settings = [
        "--set",
        "capacity=20",
        "--set",
        "technology_ceiling=inf",
        "--set",
        "runway=2",
        "--steps",
        "12",
    ]
    assert run(out, *settings, "--panel", "5", "--seed", "7") == 0
    return out


# --- what a run writes --------------------------------------------------------------------------------


def test_a_run_writes_its_files_and_nothing_else(finished):
    assert sorted(contents(finished)) == sorted({*rundir.FILES} - {rundir.KEPT_TABLE})
    assert os.listdir(finished.parent) == ["out"]
    assert (finished / "overview.png").read_bytes().startswith(b"\x89PNG")
    mask = os.umask(0)
    os.umask(mask)
    assert finished.stat().st_mode & 0o777 == 0o777 & ~mask


def test_the_tables_have_the_columns_that_others_rely_on(finished):
    tables = {name: pd.read_parquet(finished / f"{name}.parquet") for name in TABLES}
    steps, sectors, firms, lives, panel = tables.values()
    assert list(steps.columns[:5]) == ["step", "firms", "entries", "exits", "diverged"]
    assert {"hhi", "cr4", "top_share", "gini", "mean_T", "q90_F", "weighted_R", "share_balanced"} <= {*steps.columns}
    assert list(steps["step"]) == list(range(1, 13))
    assert list(sectors.columns[:2]) == ["step", "sector"]
    assert len(sectors) == 4 * 12
    assert " ".join(firms.columns) == (
        "id slot name sector strategy T0 C0 R0 k1 k2 k3 theta omega T C P R Q B F direction "
        "R_smoothed R_reviewed share age"
    )
    assert firms["id"].is_monotonic_increasing
    assert " ".join(lives.columns) == (
        "id sector strategy entry_step exit_step reason peak_share name T0 C0 R0 k1 k2 k3 theta_entry omega_entry "
        "theta omega T C P R Q B F"
    )
    assert list(lives["id"]) == list(range(len(lives)))
    assert " ".join(panel.columns) == "step id sector strategy T C R B F theta name P Q omega share age revenue"
    assert list(panel["step"].unique()) == [0, 5, 10]


def test_the_tables_hold_what_python_gives(finished):
    scenario = Scenario.load("four-sectors").replace(capacity=20, technology_ceiling=math.inf, runway=2, steps=12)
    result = simulate(scenario, seed=7, panel=5)
    for name in TABLES:
        expected = getattr(result, name)
        expected = expected.reset_index() if name == "steps" else expected
        # A text that is missing in all rows has no type of its own in memory.
        pd.testing.assert_frame_equal(
            pd.read_parquet(finished / f"{name}.parquet"), expected, check_dtype=False, check_exact=True
        )


def test_the_tables_are_plain_parquet(finished):
    for name in TABLES:
        file = pyarrow.parquet.ParquetFile(finished / f"{name}.parquet")
        assert not [column for column in file.schema_arrow.names if column.startswith("__")]
        types = {column.name: str(column.type) for column in file.schema_arrow}
        assert set(types.values()) <= {"int64", "double", "string", "large_string"}
        if name == "lives":
            assert "string" in types["reason"]
            assert types["exit_step"] == "int64"
        assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_missing_reason_is_a_text_even_where_nobody_left(tmp_path):
    assert run(tmp_path / "out", *SMALL, "--set", "runway=inf") == 0
    lives = pyarrow.parquet.read_table(tmp_path / "out" / "lives.parquet")
    assert lives["reason"].null_count == lives["exit_step"].null_count == lives.num_rows == 20
    assert "string" in str(lives.schema.field("reason").type)


def strict(path: Path) -> dict:
    def refuse(word: str):
        raise AssertionError(f"{word} is not JSON")

    return json.loads(path.read_text("utf-8"), parse_constant=refuse)


def test_json_is_strict_with_nan_as_null_and_infinity_as_a_text(finished):
    outcomes, about = strict(finished / "outcomes.json"), strict(finished / "run.json")
    assert outcomes["hill"] is None  # under 100 firms
    assert isinstance(outcomes["peak_firms"], int)
    assert outcomes["structure"] in ("collapsed", "monopoly", "oligopoly", "moderate", "fragmented")
    assert about["scenario"]["technology_ceiling"] == "inf"
    assert about["scenario"]["sectors"][0]["name"] == "nlp_vision"
    assert about["scenario"]["initial_firms"] == 20
    assert (about["seed"], about["panel"], about["level"], about["every"]) == (7, 5, "full", 1)
    assert about["firm_table_hash"] is None
    assert list(about["versions"]) == ["abm", "python", "numpy", "numba", "pandas", "pyarrow"]
    assert about["wall_seconds"] > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", about["started"])


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(finished, tmp_path):
    settings = ["--set", "capacity=20", "--set", "technology_ceiling=inf", "--set", "runway=2"]
    options = [*settings, "--set", "steps=12", "--panel", "5", "--no-picture"]
    assert run(tmp_path / "same", *options, "--seed", "7", "--threads", "2") == 0
    assert run(tmp_path / "other", *options, "--seed", "8") == 0
    for name in [*(f"{table}.parquet" for table in TABLES), "outcomes.json"]:
        assert (tmp_path / "same" / name).read_bytes() == (finished / name).read_bytes()
        assert (tmp_path / "other" / name).read_bytes() != (finished / name).read_bytes()
    assert not (tmp_path / "same" / "overview.png").exists()


def test_options_reach_the_run(tmp_path, capsys):
    out = tmp_path / "out"
    assert run(out, *SMALL[:2], "--set", "steps=10", "--level", "light", "--every", "4", "--no-picture") == 0
    steps = pd.read_parquet(out / "steps.parquet")
    assert list(steps["step"]) == [4, 8]
    assert "gini" not in steps
    assert not (out / "panel.parquet").exists()
    assert str(out) in capsys.readouterr().out
    assert run(out, *SMALL, "--every", "0", "--overwrite") == 0
    assert len(pd.read_parquet(out / "steps.parquet")) == 0


@pytest.mark.parametrize("options", [["--every", "0"], ["--every", "2", "--level", "light"], ["--set", "entry_rate=0"]])
def test_every_kind_of_run_has_its_picture(options, tmp_path):
    settings = ["--set", "capacity=4", "--set", "runway=1e-9", "--set", "R0=1e-3", "--steps", "3"]
    assert run(tmp_path / "out", *settings, *options) == 0
    assert (tmp_path / "out" / "overview.png").exists()


def test_a_run_goes_on_from_its_own_firms(finished, tmp_path):
    table = finished / "firms.parquet"
    assert run(tmp_path / "out", *SMALL, "--set", "runway=2", "--firms", str(table)) == 0
    about = strict(tmp_path / "out" / "run.json")
    assert re.fullmatch("[0-9a-f]{64}", about["firm_table_hash"])
    assert about["scenario"]["initial_firms"] == len(pd.read_parquet(table))


# --- the directory ------------------------------------------------------------------------------------


def test_a_run_is_replaced_only_when_asked_and_by_a_whole_one(tmp_path, capsys):
    out = tmp_path / "out"
    assert run(out, *SMALL, "--panel", "1") == 0
    before = contents(tmp_path)
    assert run(out, *SMALL, "--seed", "1") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert contents(tmp_path) == before
    assert run(out, *SMALL, "--seed", "1", "--overwrite") == 0
    assert strict(out / "run.json")["seed"] == 1
    assert not (out / "panel.parquet").exists()
    assert os.listdir(tmp_path) == ["out"]


def test_an_empty_directory_and_a_link_to_one_are_taken(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    assert run(tmp_path / "link", *SMALL) == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "empty" / "run.json").exists()


def test_a_relative_directory_and_what_a_killed_run_left_are_no_obstacle(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".out.tmp-00000000").mkdir()
    assert run(Path("out"), *SMALL) == 0
    assert (tmp_path / "out" / "run.json").exists()


def test_another_run_that_was_faster_is_not_replaced(tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"

    def slow(*arguments, **options):
        out.mkdir()
        (out / "run.json").write_text("{}")

    monkeypatch.setattr(rundir, "write_run", slow)
    assert run(out, *SMALL) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert contents(tmp_path) == {"out/run.json": b"{}"}


def test_the_earlier_run_comes_back_if_the_new_one_cannot_take_its_place(tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    assert run(out, *SMALL) == 0
    before, rename = contents(tmp_path), Path.rename

    def fail(self: Path, target: Path) -> Path:
        if target.name == "out" and "earlier" not in self.name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    assert run(out, *SMALL, "--overwrite") == 1
    assert capsys.readouterr().err == "abm: stopped: Input/output error\n"
    assert contents(tmp_path) == before
    assert os.listdir(tmp_path) == ["out"]


# --- other commands -----------------------------------------------------------------------------------


def test_check_says_in_a_line_what_a_scenario_is(tmp_path, capsys):
    assert main(["check", "four-sectors", "--set", "capacity=30"]) == 0
    assert capsys.readouterr().out == "four-sectors: 4 sectors, 5 strategies, 30 firms, 30 slots, 400 steps\n"
    (tmp_path / "firms.csv").write_text("sector,strategy\nmarket,balanced\n")
    assert main(["check", "one-market", "--firms", str(tmp_path / "firms.csv")]) == 0
    line, *table = capsys.readouterr().out.splitlines()
    assert line == "one-market: 1 sector, 5 strategies, 1 firm, 400 slots, 400 steps"
    assert len(table) == 2  # the sector's demand beside its bases
    assert main(["check", "one-market", "--set", "churn=0"]) == 2


def test_the_lists_name_everything(capsys):
    from abm.scenario.parameters import PARAMETERS

    assert main(["scenarios"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in Scenario.bundled())
    for arguments in (["parameters"], ["parameters", "--markdown"]):
        assert main(arguments) == 0
        printed = capsys.readouterr().out
        assert all(parameter.name in printed for parameter in PARAMETERS)
    assert printed.startswith("| parameter | symbol |")


def test_version_names_what_numbers_depend_on(capsys):
    from abm import __version__

    assert main(["version"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"abm {__version__}"


@pytest.mark.parametrize(
    "arguments", [[], ["runn"], ["run"], ["run", "four-sectors"], ["check", "four-sectors", "--out", "x"]]
)
def test_a_command_that_makes_no_sense_is_refused_with_where_to_look(arguments, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.fullmatch(r"abm: error: .+ \(see abm[a-z ]* --help\)\n", printed.err)


def test_a_choice_is_refused_with_what_is_allowed(capsys):
    assert main(["run", "four-sectors", "--level", "fast", "--out", "out"]) == 2
    said = "abm: error: Invalid value for '--level': 'fast' is not one of 'light', 'full'. (see abm run --help)\n"
    assert capsys.readouterr().err == said
