"""Firms of the user's own through runs: names, what a run keeps, made again, gone on from, followed."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from abm import MarketModel, Scenario, simulate
from abm.cli import main
from abm.errors import InputError
from abm.output.overview import overview
from abm.simulation.firm_start import sector_starts
from abm.simulation.firm_table import read_firm_table, scenario_for
from tests.run_directories import contents

SCENARIO = Scenario(
    name="医疗 market",
    steps=12,
    capacity=40,
    runway=2,
    R0=0.6,
    sectors=[
        {"name": "health care", "demand_share": 3, "demand_growth": 0.05},
        {"name": "医疗", "demand_share": 1, "demand_growth": -0.02},
    ],
    strategies=[
        {"name": "bold", "technology_weight": 0.8, "policy": "adaptive"},
        {"name": "calm, slow", "technology_weight": 0.3, "policy": "imitate"},
    ],
    review_interval=3,
)
FIRMS = pd.DataFrame(
    {
        "name": [f"firm {place}" for place in range(12)],
        "sector": ["health care", "医疗", "health care"] * 4,
        "strategy": ["bold", "calm, slow"] * 6,
        "T": np.linspace(0.5, 2.0, 12),
        "B": np.linspace(5.0, 40.0, 12),
        "F": np.linspace(0.1, 2.0, 12),
    }
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of the firms by the command line."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.toml").write_text(SCENARIO.to_toml(), "utf-8")
    FIRMS.to_csv(folder / "firms.csv", index=False, sep=";", decimal=",")
    options = ["--firms", str(folder / "firms.csv"), "--seed", "7", "--panel", "4", "--follow", "firm 11"]
    assert main(["run", str(folder / "mine.toml"), *options, "--out", str(folder / "run")]) == 0
    return folder


def tables(directory):
    """All files but run.json, which tells the time."""
    return {name: content for name, content in contents(directory).items() if name != "run.json"}


def test_names_stay_with_their_firms_in_lives_and_panel(folder):
    lives, panel = (pd.read_parquet(folder / "run" / f"{name}.parquet") for name in ("lives", "panel"))
    assert lives["name"].tolist() == FIRMS["name"].tolist() + [""] * (len(lives) - 12)
    assert panel.query("id < 12")["name"].tolist() == [f"firm {firm}" for firm in panel.query("id < 12")["id"]]
    assert set(panel.query("id >= 12")["name"]) == {""}


def test_a_panel_holds_what_the_firms_hold_at_its_step():
    result = simulate(SCENARIO, 3, firms=FIRMS, panel=12)
    last = result.panel.query("step == 12").drop(columns="step").reset_index(drop=True)
    revenue = last.pop("revenue")
    pd.testing.assert_frame_equal(last, result.firms[list(last)])
    assert revenue.tolist() == (result.firms["B"] * result.firms["P"]).tolist()


def test_a_life_ends_with_the_state_and_begins_with_the_weights_that_the_panel_shows():
    result = simulate(SCENARIO, 3, firms=FIRMS, panel=1)
    lives, panel = result.lives, result.panel
    first = panel.groupby("id").first()
    assert lives.set_index("id")["theta_entry"].loc[first.index].tolist() == first["theta"].tolist()
    left = lives[lives["exit_step"].notna()]
    assert len(left) > 2 and (left["F"] < 0).all() and (left["B"] > 0).all()
    assert (left["theta"] != left["theta_entry"]).any()
    living = lives[lives["exit_step"].isna()]
    names = ["T0", "C0", "R0", "k1", "k2", "k3", "theta", "omega", *"TCPRQBF"]
    assert living[names].to_numpy().tolist() == result.firms[names].to_numpy().tolist()


def test_a_run_is_made_again_from_its_folder_bit_for_bit(folder, tmp_path, capsys):
    run = folder / "run"
    assert main(["rerun", str(run), "--out", str(tmp_path / "again")]) == 0
    assert "differ" not in capsys.readouterr().err
    options = ["--seed", "7", "--panel", "4", "--follow", "firm 11", "--firms"]
    assert (
        main(
            ["run", str(run / "scenario.toml"), *options, str(run / "firm_table.parquet"), "--out", str(tmp_path / "b")]
        )
        == 0
    )
    assert main(["run", str(run / "run.json"), *options, str(folder / "firms.csv"), "--out", str(tmp_path / "c")]) == 0
    assert tables(run) == tables(tmp_path / "again") == tables(tmp_path / "b")
    assert contents(run)["steps.parquet"] == contents(tmp_path / "c")["steps.parquet"]
    about = [json.loads((place / "run.json").read_text()) for place in (run, tmp_path / "again", tmp_path / "b")]
    assert len({each["firm_table_hash"] for each in about}) == 1


def test_a_table_without_bases_is_made_again_too(tmp_path):
    firms = FIRMS.drop(columns="B").query("sector == '医疗'")  # the other sector's demand finds no firm
    firms.to_csv(tmp_path / "firms.csv", index=False)
    (tmp_path / "mine.toml").write_text(SCENARIO.to_toml(), "utf-8")
    options = ["--firms", str(tmp_path / "firms.csv"), "--no-picture", "--out", str(tmp_path / "run")]
    assert main(["run", str(tmp_path / "mine.toml"), *options]) == 0
    assert main(["rerun", str(tmp_path / "run"), "--no-picture"]) == 0
    assert tables(tmp_path / "run") == tables(tmp_path / "run-again")


def test_what_is_not_the_run_any_more_is_not_made_again(folder, tmp_path, capsys):
    def refused(*arguments: str) -> str:
        assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
        message = capsys.readouterr().err
        assert message.count("\n") == 1
        return message

    assert "holds no run (run.json is missing)" in refused("rerun", str(tmp_path))
    copy = tmp_path / "copy"
    copy.mkdir()
    for name, content in contents(folder / "run").items():
        (copy / name).write_bytes(content)
    other = (copy / "scenario.toml").read_text("utf-8").replace("steps = 12", "steps = 13")
    (copy / "scenario.toml").write_text(other, "utf-8")
    assert "is not the scenario of the run any more" in refused("rerun", str(copy))
    (copy / "scenario.toml").unlink()
    FIRMS.assign(B=1.0).to_parquet(copy / "firm_table.parquet")
    assert "is not the firm table that the run started from" in refused("rerun", str(copy))
    (copy / "run.json").write_text("{")
    assert "not readable JSON" in refused("rerun", str(copy))
    assert not (tmp_path / "out").exists()


def test_a_scenario_is_loaded_from_run_json_with_its_infinities(tmp_path):
    endless = SCENARIO.replace(runway=math.inf, technology_ceiling=math.inf, steps=2)
    (tmp_path / "mine.toml").write_text(endless.to_toml(), "utf-8")
    assert main(["run", str(tmp_path / "mine.toml"), "--no-picture", "--out", str(tmp_path / "run")]) == 0
    assert Scenario.load(tmp_path / "run" / "run.json").to_dict() == endless.to_dict()
    with pytest.raises(InputError, match="tells no scenario"):
        Scenario.load(tmp_path / "run" / "outcomes.json")


def test_a_run_goes_on_from_the_folder_of_another_with_the_demand_it_had(folder, tmp_path):
    run = folder / "run"
    ends = pd.read_parquet(run / "sectors.parquet").query("step == 12").set_index("sector")["demand"]
    grown = {"health care": ends["health care"] * 1.05, "医疗": ends["医疗"] * 0.98}
    assert json.loads((run / "run.json").read_text())["demand"] == pytest.approx(grown, rel=1e-15)
    for scenario in (SCENARIO, Scenario.load(run / "scenario.toml"), SCENARIO.replace(market_size=3)):
        result = simulate(scenario, 1, firms=run)
        first = result.sectors.query("step == 1").set_index("sector")["demand"]
        assert first.to_dict() == pytest.approx(grown, rel=1e-15)
        assert result.scenario.market_size == pytest.approx(sum(grown.values()))
        model = MarketModel(scenario, rng=1, firms=str(run))
        model.run_model()
        pd.testing.assert_series_equal(model.outcomes(), result.outcomes)
    assert result.lives["name"].iloc[0] == pd.read_parquet(run / "firms.parquet")["name"].iloc[0]
    options = ["--firms", f"{run}/", "--no-picture", "--out", str(tmp_path / "on")]
    assert main(["run", str(run / "scenario.toml"), *options]) == 0
    assert main(["rerun", str(tmp_path / "on"), "--no-picture"]) == 0
    assert tables(tmp_path / "on") == tables(tmp_path / "on-again")
    alone = simulate(SCENARIO, 1, firms=run / "firms.parquet")
    assert alone.scenario.market_size == pytest.approx(pd.read_parquet(run / "firms.parquet")["B"].sum())


def test_a_run_that_does_not_fit_is_not_gone_on_from(folder, tmp_path):
    other = Scenario(sectors=[{"name": "health care", "demand_share": 1}], strategies=list(SCENARIO.strategies))
    with pytest.raises(InputError, match=r"unknown sector|no sector"):
        simulate(other, firms=folder / "run")
    old = tmp_path / "old"
    old.mkdir()
    (old / "firms.parquet").write_bytes((folder / "run" / "firms.parquet").read_bytes())
    (old / "run.json").write_text("{}")
    with pytest.raises(InputError, match=r"no demand for each sector.*takes the firms alone"):
        simulate(SCENARIO, firms=old)


def test_check_shows_demand_beside_bases_and_warns_where_they_are_far_apart(folder, capsys):
    def checked(*settings: str) -> str:
        options = [option for setting in settings for option in ("--set", setting)]
        assert main(["check", str(folder / "mine.toml"), "--firms", str(folder / "firms.csv"), *options]) == 0
        return " ".join(capsys.readouterr().out.split())

    bases = FIRMS.groupby("sector")["B"].sum()
    share = bases["health care"] / bases.sum()
    settings = f"sectors.health care.demand_share={share}", f"sectors.医疗.demand_share={1 - share}"
    assert "warning" not in checked(*settings)
    assert "health care 8 180 180 1" in checked(*settings)
    assert "in health care demand is 1.3 times the firms' bases: they win" in checked(*settings, "market_size=351")
    assert "in 医疗 demand is 0.7 times the firms' bases: they lose" in checked(*settings, "market_size=189")


@pytest.mark.parametrize(("factor", "far"), [(1.24, False), (1.26, True), (0.81, False), (0.79, True)])
def test_far_apart_is_beyond_a_quarter(factor, far):
    scenario = Scenario(market_size=100.0 * factor)
    table = read_firm_table(pd.DataFrame({"sector": ["market"], "strategy": "balanced", "B": [100.0]}), scenario)
    assert [start.is_far for start in sector_starts(table, scenario_for(scenario, table))] == [far]


def test_followed_firms_are_drawn_as_their_panel_tells(folder):
    names = ["firm 11", "firm 0"]
    result = simulate(SCENARIO, 7, firms=FIRMS, panel=1, follow=names)
    plain = simulate(SCENARIO, 7, firms=FIRMS, panel=1)
    pd.testing.assert_frame_equal(result.panel, plain.panel)
    for name, rows in result.followed.groupby("name"):
        own = plain.panel[plain.panel["name"] == name]
        assert (
            rows[["step", "T", "C", "R", "share"]].to_numpy().tolist()
            == own[["step", *"TCR", "share"]].to_numpy().tolist()
        )
    figure = overview(result)
    texts = [text.get_text() for text in figure.texts]
    assert (
        sum(text.startswith("━ firm 11 (") for text in texts)
        == sum(text.startswith("━ firm 0 (") for text in texts)
        == 1
    )
    assert any("failed at step" in text for text in texts)
    for ax, measure in zip(figure.axes[:3], "TCR", strict=True):
        drawn = [list(line.get_ydata()) for line in ax.lines]
        for _, rows in result.followed.groupby("name"):
            assert rows[measure].tolist() in drawn


@pytest.mark.parametrize(
    ("firms", "names", "message"),
    [
        (FIRMS, ["firm 12"], "is no firm of the table (did you mean"),
        (FIRMS.assign(name="a"), ["a"], "is the name of 12 firms"),
        (FIRMS.drop(columns="name"), ["a"], "only firms of a firm table with a column name"),
        (None, ["a"], "only firms of a firm table with a column name"),
        (FIRMS, FIRMS["name"].tolist(), "12 firms are more than the 6"),
    ],
)
def test_who_cannot_be_followed_is_said(firms, names, message):
    with pytest.raises(InputError) as caught:
        simulate(SCENARIO, firms=firms, follow=names)
    assert message in str(caught.value)


def test_a_sweep_starts_from_the_folder_of_a_run(folder, tmp_path):
    (tmp_path / "mine.toml").write_text(SCENARIO.to_toml(), "utf-8")
    design = f'scenario = "mine.toml"\nfirms = {json.dumps(str(folder / "run"))}\n[factors]\nchurn = [0.1, 0.3]\n'
    (tmp_path / "design.toml").write_text(design + "[replications]\ncount = 1\n", "utf-8")
    assert main(["sweep", str(tmp_path / "design.toml"), "--out", str(tmp_path / "sweep"), "--workers", "1"]) == 0
    from abm import load_sweep

    rows = load_sweep(tmp_path / "sweep").outcomes
    for _, row in rows.iterrows():
        alone = simulate(SCENARIO.replace(churn=float(row["churn"])), int(row["seed"]), firms=folder / "run")
        assert row["hhi"] == alone.outcomes["hhi"]
