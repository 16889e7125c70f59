"""Calibrations of a small market: found again, equal however they are made, and kept as they are."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm import InputError, Scenario, calibrate, simulate, simulate_many
from abm.calibration.folder import FILES, CalibrationFolder
from abm.calibration.specification import Specification
from abm.output.files import plain
from tests.sweeping import InProcess, StopsAfter

SPEC = """
scenario = "four-sectors"
[set]
steps = 12
capacity = 20
initial_firms = 20
[parameters]
churn = {low = 0.05, high = 0.8, scale = "log"}
network_effect = {low = 0.0, high = 0.9}
[targets]
instability = %s
sector_hhi = {value = 6000, error = 300}
"sectors.nlp_vision.mean_R" = 1.5
[search]
seeds = 4
budget = 14
"""
TEXT = SPEC % 0.03


def made(out: Path, text: str = TEXT, executor: InProcess | None = None, **options):
    return calibrate(Specification.from_toml(text, "my.toml"), out, executor=executor or InProcess(), **options)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("calibrated") / "out"
    made(folder)
    return folder


def test_all_files_are_there_and_the_calibrated_scenario_runs_as_it_is(finished):
    assert set(content(finished)) == set(FILES)
    estimates = pd.read_csv(finished / "estimates.csv")
    assert estimates.columns[:5].tolist() == ["parameter", "estimate", "standard_error", "low", "high"]
    scenario = Scenario.load(finished / "calibrated.toml")
    values = estimates.set_index("parameter")["estimate"]
    assert scenario.churn == values["churn"] and scenario.network_effect == values["network_effect"]
    assert simulate(scenario, 1).outcomes["firms"] >= 0
    points, outcomes = (pd.read_parquet(finished / f"{name}.parquet") for name in ("points", "outcomes"))
    assert (points["stage"] == "screening").sum() == 4 and set(points["stage"][-5:]) == {"judgement", "derivative"}
    assert outcomes.groupby("point").size().isin([4, 20]).all()
    fit = pd.read_csv(finished / "fit.csv")
    fresh = outcomes[outcomes["point"] == outcomes["point"].max() - 4]
    assert fit["fit"].tolist() == pytest.approx(
        [fresh[name].mean() for name in ("instability", "sector_hhi", "sectors.nlp_vision.mean_R")]
    )
    assert "Calibration of four-sectors" in (finished / "report.html").read_text()


def test_seeds_are_the_same_at_every_point_and_those_of_the_judgement_are_others(finished):
    outcomes = pd.read_parquet(finished / "outcomes.parquet")
    sets = {tuple(own["seed"]) for _, own in outcomes.groupby("point")}
    assert sorted(map(len, sets)) == [4, 20]
    searched, fresh = sorted(sets, key=len)
    assert not set(searched) & set(fresh)


def test_outcomes_and_sectors_means_are_those_of_single_runs(finished):
    points = pd.read_parquet(finished / "points.parquet")
    row = pd.read_parquet(finished / "outcomes.parquet").iloc[5]
    point = points.iloc[int(row["point"])]
    scenario = Specification.from_toml(TEXT).scenario.replace(
        churn=float(point["churn"]), network_effect=float(point["network_effect"])
    )
    result = simulate(scenario, int(row["seed"]), collect="light")
    assert row["sector_hhi"] == result.outcomes["sector_hhi"]
    sector = result.sectors[result.sectors["sector"] == "nlp_vision"]
    assert row["sectors.nlp_vision.mean_R"] == pytest.approx(sector[sector["step"] > 9]["mean_R"].mean())


def test_a_search_that_is_interrupted_goes_on_and_ends_in_the_same_bytes(finished, tmp_path):
    for number in (2, 6):
        with pytest.raises(KeyboardInterrupt):
            made(tmp_path / "out", executor=StopsAfter(number))
    assert (tmp_path / "out" / "working").is_dir()
    executor = InProcess(workers=2)
    made(tmp_path / "out", executor=executor)
    assert content(tmp_path / "out") == content(finished)
    whole = len(pd.read_parquet(finished / "outcomes.parquet"))
    assert 0 < executor.runs < whole


def test_a_finished_calibration_is_read_and_another_specification_refused(finished):
    before, executor = content(finished), InProcess()
    again = made(finished, executor=executor)
    assert executor.runs == 0 and content(finished) == before
    assert again.estimates["parameter"].tolist() == ["churn", "network_effect"]
    with pytest.raises(InputError, match=r"holds a calibration of another specification.*--overwrite"):
        made(finished, SPEC % 0.04)
    assert content(finished) == before


def test_what_somebody_else_has_put_there_is_not_touched(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty and holds no calibration"):
        made(tmp_path, overwrite=True)
    assert content(tmp_path) == {"notes.txt": b"mine"}


def test_two_processes_do_not_work_on_one_calibration(tmp_path):
    place = CalibrationFolder(tmp_path / "out")
    said = f"process {os.getpid()} on .* is at work on this calibration"
    with place.at_work(Specification.from_toml(TEXT), dict, overwrite=False), pytest.raises(InputError, match=said):
        made(tmp_path / "out")
    assert not (tmp_path / "out" / "working" / "lock").exists()


def test_overwriting_replaces_a_calibration_and_leaves_other_files(finished, tmp_path):
    made(tmp_path / "out", SPEC % 0.04)
    (tmp_path / "out" / "notes.txt").write_text("mine")
    made(tmp_path / "out", overwrite=True)
    assert content(tmp_path / "out") == content(finished) | {"notes.txt": b"mine"}


def test_a_missing_outcome_makes_a_failed_point_that_is_counted_and_said(tmp_path):
    """Under 100 firms there is no tail exponent."""
    text = """
    scenario = "one-market"
    set = {steps = 2, capacity = 240}
    parameters = {initial_firms = {low = 40, high = 240}}
    targets = {hill = 2.0, hhi = {value = 60, error = 5}}
    search = {seeds = 2, budget = 12}
    """
    found = made(tmp_path / "out", text)
    failed = found.points[found.points["failed_runs"] > 0]
    assert len(failed) and np.isinf(failed["distance"]).all() and (failed["initial_firms"] < 110).all()
    assert any(f"{len(failed)} point" in note and "failed" in note for note in found.notes)
    assert found.scenario.initial_firms == found.estimates["estimate"][0]


def test_a_point_that_is_no_valid_scenario_fails_as_its_runs(tmp_path):
    text = TEXT.replace("[parameters]", "[parameters]\ncapacity = {low = 15, high = 40}")
    text = text.replace("capacity = 20\n", "")
    found = made(tmp_path / "out", text)
    failed = found.points[found.points["failed_runs"] > 0]
    assert len(failed) and (failed["capacity"] < 20).all()


def test_runs_of_known_parameters_are_found_again_within_three_errors(tmp_path):
    """Targets are means of runs of the market itself, whose error is that of a mean of so many."""
    text = TEXT.replace('"sectors.nlp_vision.mean_R" = 1.5', "turnover_rate = 1\nfirms = 1\nmean_R = 1\nrank_tau = 1")
    text = text.replace(
        "steps = 12\ncapacity = 20\ninitial_firms = 20", "steps = 24\ncapacity = 60\ninitial_firms = 60"
    )
    text = (
        text.replace('"four-sectors"', '"one-market"').replace("budget = 14", "budget = 60").replace("s = 4", "s = 10")
    )
    spec = Specification.from_toml(text)
    true = {"churn": 0.3, "network_effect": 0.5}
    runs = simulate_many([spec.scenario.replace(**true)], range(1000, 1100), every=0).outcomes
    for target in spec.targets:
        line = f"{target.name} = {{value = {runs[target.name].mean()}, error = {runs[target.name].std() / 10.0}}}"
        text = "\n".join(line if each.startswith(f"{target.name} =") else each for each in text.splitlines())
    found = made(tmp_path / "out", text).estimates.set_index("parameter")
    off = (found["estimate"] - pd.Series(true)) / found["standard_error"]
    assert found["identified"].all() and (off.abs() < 3.0).all(), found


class Refuses(InProcess):
    """Has a worker that is not suitable."""

    @contextlib.contextmanager
    def client(self, folder, note):
        raise InputError("worker tcp://10.0.0.7:40001 has numpy 1.9, this process has 2.4")
        yield


def test_a_worker_that_is_refused_costs_no_finished_run(finished, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path / "out", executor=StopsAfter(6))
    before = content(tmp_path / "out" / "working" / "parts")
    with pytest.raises(InputError, match=r"has numpy 1\.9"):
        made(tmp_path / "out", executor=Refuses())
    assert len(before) == 6 and content(tmp_path / "out" / "working" / "parts") == before
    made(tmp_path / "out")
    assert content(tmp_path / "out") == content(finished)


def test_targets_that_runs_cannot_have_leave_nothing_and_the_first_error_is_quoted(tmp_path):
    # Every run fails: there is no room for the firms at the start.
    text = TEXT.replace(
        "initial_firms = 20\n", "initial_firms = 20\n[parameters]\ncapacity = {low = 15, high = 19}\n", 1
    )
    text = text.replace("[parameters]\nchurn", "churn", 1).replace("capacity = 20\n", "")
    with pytest.raises(InputError, match=r"points failed.*the first run that failed: .*initial_firms = 20"):
        made(tmp_path / "out", text)
    assert not (tmp_path / "out").exists()


def test_points_have_the_same_numbers_in_both_tables_also_where_a_point_is_tried_again(tmp_path):
    text = TEXT.replace("[parameters]", "[parameters]\ninitial_firms = {low = 18, high = 20}")
    found = made(tmp_path / "out", text.replace("initial_firms = 20\n", ""))
    means = found.outcomes.groupby("point")[["instability", "sector_hhi"]].mean()
    told = found.points.loc[means.index, ["mean.instability", "mean.sector_hhi"]]
    assert found.points["initial_firms"].duplicated().any()
    assert np.asarray(told) == pytest.approx(means.to_numpy(), rel=1e-12)


def test_what_a_killed_worker_left_half_written_is_removed_in_the_end(finished, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path / "out", executor=StopsAfter(2))
    (tmp_path / "out" / "working" / "parts" / ".0123abcd.part-89abcdef").write_bytes(b"half")
    made(tmp_path / "out")
    assert content(tmp_path / "out") == content(finished)


def test_a_calibration_that_is_read_back_is_the_one_that_was_made(tmp_path):
    first = made(tmp_path / "out")
    again = made(tmp_path / "out")
    for name in ("estimates", "fit", "identification", "points", "outcomes", "optima"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(first, name), check_dtype=name != "optima")
    assert (again.headline, again.notes, again.scenario) == (first.headline, first.notes, first.scenario)
    assert again.facts == json.loads(json.dumps(plain(first.facts)))


@pytest.mark.slow
def test_worker_processes_and_a_killed_search_give_the_same_bytes(finished, tmp_path):
    (tmp_path / "my.toml").write_text(TEXT)
    command = [sys.executable, "-m", "abm", "calibrate", str(tmp_path / "my.toml"), "--workers", "2", "--out"]
    assert subprocess.run([*command, str(tmp_path / "two")], check=False, timeout=600).returncode == 0
    killed = subprocess.Popen([*command, str(tmp_path / "killed")])
    until = time.monotonic() + 300
    while len(list((tmp_path / "killed").glob("working/parts/*"))) < 6 and time.monotonic() < until:
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    assert (tmp_path / "killed" / "working").is_dir() and not (tmp_path / "killed" / "report.html").exists()
    told = subprocess.run(
        [*command[:-3], "--workers", "1", "--json", "--out", str(tmp_path / "killed")],
        check=False, timeout=600, capture_output=True, text=True,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["estimates"][0]["parameter"] == "churn"
    assert content(tmp_path / "killed") == content(tmp_path / "two") == content(finished)
    assert os.listdir(tmp_path / "killed") and not (tmp_path / "killed" / "working").exists()
