"""What is moved while a market runs: the engine's run of the scenario that is taken away, to the last bit."""

import shlex
import threading
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from abm import Scenario, simulate
from abm.cli import main
from abm.dashboard import downloads
from abm.dashboard.chooser import differences, in_words
from abm.dashboard.many_seeds import design_scenario, design_toml
from abm.dashboard.opening import read_opening
from abm.dashboard.origins import Origin
from abm.dashboard.watched import WatchedMarket
from abm.errors import InputError
from abm.output.marks import marks_of
from abm.output.overview import overview
from abm.output.picture_files import picture_bytes
from abm.scenario.policies import POLICIES
from abm.sweeps.design.design import Design
from tests.watching import FOUR, market_of


def played(market: WatchedMarket, until: int) -> WatchedMarket:
    while market.steps_done < until:
        market.step()
    return market


def assert_runs_again(run, path, seed=3) -> None:
    path.write_text(downloads.scenario_toml(run), encoding="utf-8")
    again = simulate(Scenario.load(path).replace(steps=run.steps_done), seed=seed)
    pd.testing.assert_frame_equal(again.firms, run.firms, check_exact=True)
    steps = run.datacollector.get_model_vars_dataframe().iloc[1:].reset_index(drop=True)
    pd.testing.assert_frame_equal(again.steps.reset_index(drop=True), steps, check_exact=True)


@pytest.mark.parametrize("beside", [None, ("network_effect", 0.9), ("churn", 0.6)], ids=str)
def test_what_was_played_with_moves_is_a_scenario_that_runs_again_to_the_last_bit(beside, tmp_path):
    still = played(market_of(capacity=60), 40)
    market = played(market_of(capacity=60, changed=beside), 5)
    market.move("network_effect", network_effect=0.9)
    market.move("network_effect", network_effect=0.8)  # a slider on its way: one move a step
    market.move("sectors.enterprise.churn", **{"sectors.enterprise.churn": 0.7})
    played(market, 12)
    market.move("churn", churn=0.35)
    for name in POLICIES:
        played(market, market.steps_done + 4)
        market.move(name, **POLICIES[name])
    played(market, 40)
    market.move("k1", k1=2.0)  # from the step on that is made next
    assert not market.firms.equals(still.firms)
    assert_runs_again(market, tmp_path / "scenario.toml")
    changes = tomllib.loads((tmp_path / "scenario.toml").read_text())["changes"]
    assert [each["step"] for each in changes] == [6, 6, 13, 17, 21, 25, 29, 33, 41]
    assert changes[0]["network_effect"] == 0.8 and "demand_factor" in changes[-2]
    assert Scenario.load(tmp_path / "scenario.toml") == market.scenario
    assert [name for name, *_ in marks_of(market.scenario)][:2] == [
        "network_effect_at_6",
        "sectors-enterprise-churn_at_6",
    ]
    if beside:
        assert_runs_again(market.other, tmp_path / "second.toml")
        kept = [change for change in market.other.scenario.changes if beside[0] in change.values]
        assert not kept and market.other.scenario.get(beside[0]) == beside[1]


def test_the_files_of_a_run_so_far_make_it_again_in_a_folder_of_their_own_also_with_rules(tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    rules = Scenario.load("own-rule").strategies[0].policy.source
    (tmp_path / "other" / "rules.py").write_text(f"{rules}\n# another file of this name\n", encoding="utf-8")
    base = Scenario.load("own-rule").replace(capacity=30, steps=30).to_toml()
    late = '\n[[changes]]\nname = "late"\nstep = 20\nchurn = 0.9\n'
    text = base.replace("rules.py:adaptive", "other/rules.py:adaptive") + late
    (tmp_path / "rules.py").write_text(rules, encoding="utf-8")
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    scenario = Scenario.load(tmp_path / "mine.toml")
    origin = Origin("mine.toml", scenario)
    changed = "strategies.greedy.policy", "imitate"
    market = played(WatchedMarket(scenario, rng=3, origin=origin, changed=changed), 5)
    market.move("churn", churn=0.4)
    for folder, save in (("saved", True), ("design", False)):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        files = downloads.with_rules_beside(market.scenario)[1]
        assert list(files) == ["rules.py", "rules-2.py"]
        for name, content in files.items():
            Path(name).write_text(content, encoding="utf-8")
        if save:
            for run, suffix in ((market, ""), (market.other, "-second")):
                Path(f"scenario{suffix}.toml").write_text(downloads.scenario_toml(run), encoding="utf-8")
                command = shlex.split(downloads.run_line(run, suffix))
                assert main([*command[1:], "--no-picture"]) == 0
                made = pd.read_parquet(Path(command[-1]) / "firms.parquet")
                pd.testing.assert_frame_equal(made, run.firms, check_exact=True, check_dtype=False)
                changes = Scenario.load(f"scenario{suffix}.toml").changes
                assert [(each.name, each.step) for each in changes] == [("late", 20), ("churn_at_6", 6)]
        else:
            Path("design-scenario.toml").write_text(design_scenario(market), encoding="utf-8")
            Path("design.toml").write_text(design_toml(market), encoding="utf-8")
            design = Design.load("design.toml")
            both = [design.scenario_at(point) for _, point in design.values().iterrows()]
            assert [each.strategies[0].policy for each in both] == ["rules.py:greedy", "imitate"]
            assert both[0].strategies[0].policy.source == rules and both[0].changes == market.scenario.changes


def test_a_second_run_that_is_brought_beside_a_moved_one_was_moved_at_the_same_steps(tmp_path):
    market = played(market_of(capacity=40, steps=4000), 20)
    market.move("k2", k2=1.2)
    bringing = threading.Thread(target=market.compare_with, args=(("network_effect", 0.9),))
    bringing.start()
    moved = 0
    while bringing.is_alive():
        market.step()
        if market.steps_done % 7 == 0:
            moved += 1
            market.move("churn", churn=0.2 + 0.01 * (moved % 50))
    played(market, market.steps_done + 3)
    assert market.other.steps_done == market.steps_done
    assert_runs_again(market, tmp_path / "scenario.toml")
    assert_runs_again(market.other, tmp_path / "second.toml")


def test_a_move_that_is_refused_moves_neither_run():
    market = played(market_of(capacity=40, changed=("churn", 0.5)), 3)
    for values, refusal in (
        ({"capacity": 80}, "capacity cannot change on the way"),
        ({"churn": 7.0}, "churn = 7.0 is outside"),
        ({"runway": float("inf")}, "neither to nor from inf"),
    ):
        with pytest.raises(InputError, match=refusal):
            market.move("it", **values)
    assert market.moves == market.other.moves == () and not market.scenario.changes


def test_a_scenario_that_was_played_is_moved_again_at_the_same_step(tmp_path):
    market = played(market_of(capacity=40), 3)
    market.move("churn", churn=0.5)
    again = WatchedMarket(market.scenario, rng=3, origin=FOUR)
    played(again, 3)
    again.move("churn", churn=0.6)
    assert_runs_again(played(again, 9), tmp_path / "scenario.toml")
    assert [change.name for change in again.scenario.changes] == ["churn_at_4", "churn_at_4_again"]


def test_what_is_undone_is_not_moved_any_more_and_the_next_step_takes_what_the_sliders_say(tmp_path):
    change = {"name": "late", "step": 12, "k1": 0.7}
    scenario = Scenario.load("four-sectors").replace(capacity=60, changes=[change])
    origin = Origin("mine.toml", scenario)
    market = WatchedMarket(scenario.replace(k2=1.3), rng=3, origin=origin, changed=("network_effect", 0.9))
    assert not market.is_under_way and market.taken_next() == market.given.replace(changes=())
    played(market, 3)
    market.move("churn", churn=0.4)
    market.move("portability", **POLICIES["portability"])
    market.move("sectors.enterprise.churn", **{"sectors.enterprise.churn": 0.9})
    market.move("open weights", **POLICIES["open weights"])
    market.move("demand shock", **POLICIES["demand shock"])
    played(market, 6)
    market.move("k3", k3=1.2)  # undone before a step is made with it
    now = market.taken_next()
    assert (now.churn, now.network_effect, now.k1, now.k2, now.k3) == (0.4, 0.2, scenario.k1, 1.3, 1.2)
    assert now.get("sectors.enterprise.churn") == 0.9
    assert now.spillover == pytest.approx(scenario.spillover + (0.1 - scenario.spillover) * 4 / 8)
    for _ in range(2):  # the second time there is nothing left to undo
        market.undo()
        moves = market.moves
        assert market.undone == moves and len(moves) == 6
    now = market.taken_next()
    for name in ("churn", "network_effect", "k1", "k2", "k3", "spillover", "sectors.enterprise.churn"):
        assert now.get(name) == scenario.get(name), name
    assert_runs_again(played(market, 9), tmp_path / "scenario.toml")
    assert_runs_again(market.other, tmp_path / "second.toml")
    played(market, 12)
    assert market.taken_next().k1 == 0.7  # the scenario's own change still comes
    assert "churn = 0.4 from step 4 to 6" in in_words(market.moves[0], when=True)


def test_what_waits_for_reset_is_what_the_sliders_show_and_moves_are_told():
    market = played(market_of(capacity=40), 3)
    chosen = {"scenario": market.given, "rng": 3, "origin": FOUR, "changed": None}
    market.move("open weights", **POLICIES["open weights"])
    assert differences(market, chosen) == []
    assert in_words(market.moves[0]) == "spillover = 0.1 (over 8 steps)"
    chosen |= {"scenario": market.given.replace(capacity=80, steps=9), "rng": 4}
    assert differences(market, chosen) == ["steps = 9", "capacity = 80", "seed 4"]


# --- what the command takes ---------------------------------------------------------------------------


def test_the_page_opens_with_what_abm_run_takes_and_its_command_makes_the_same_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    firms = market_of(capacity=30).firms.drop(columns=["slot"]).assign(T0=2.0)
    firms.to_csv("firms.csv", index=False)
    opening = read_opening("four-sectors", ["churn=0.4", "capacity=50"], "firms.csv", 9, print)
    scenario = opening.origin.scenario.with_settings(opening.settings)
    market = played(WatchedMarket(scenario, rng=opening.seed, origin=opening.origin), 8)
    expected = simulate(scenario.replace(steps=8), seed=9, firms="firms.csv")
    pd.testing.assert_frame_equal(market.firms, expected.firms, check_exact=True)
    for move in (False, True):
        if move:
            market.move("churn", churn=0.9)
            played(market, 15)
            (tmp_path / "scenario.toml").write_text(downloads.scenario_toml(market), encoding="utf-8")
        command = shlex.split(downloads.run_line(market))
        assert "--firms" in command and main([*command[1:], "--no-picture", "--overwrite"]) == 0
        made = pd.read_parquet(tmp_path / command[-1] / "firms.parquet")
        assert made["T"].tolist() == market.firms["T"].tolist()


def test_the_page_of_a_run_s_folder_is_that_run_and_runs_no_code_of_the_folder(tmp_path):
    firms = market_of(capacity=30).firms
    firms.to_parquet(tmp_path / "firms.parquet")
    words = ["run", "four-sectors", "--set", "churn=0.4", "--seed", "8", "--steps", "12", "--no-picture"]
    assert main([*words, "--firms", str(tmp_path / "firms.parquet"), "--out", str(tmp_path / "run")]) == 0
    opening = read_opening(str(tmp_path / "run"), [], None, None, print)
    assert (opening.seed, opening.step) == (8, 12)
    market = WatchedMarket(opening.origin.scenario, rng=opening.seed, origin=opening.origin)
    stored = pd.read_parquet(tmp_path / "run" / "firms.parquet")
    pd.testing.assert_frame_equal(played(market, 12).firms, stored, check_exact=True, check_dtype=False)
    assert main(["run", "own-rule", "--steps", "3", "--no-picture", "--out", str(tmp_path / "ruled")]) == 0
    with pytest.raises(InputError, match="no code is run from a folder of results"):
        read_opening(str(tmp_path / "ruled"), [], None, None, print)
    with pytest.raises(InputError):
        Scenario.load(str(tmp_path / "nothing"))
    (tmp_path / "sweep").mkdir()
    with pytest.raises(InputError, match=r"sweep: a folder without .* the folder of one run"):
        read_opening(str(tmp_path / "sweep"), [], None, None, print)


def test_the_picture_of_a_run_so_far_is_the_one_that_a_run_of_as_many_steps_gets():
    market = played(market_of(capacity=60), 30)
    result = simulate(downloads.run_so_far(market), seed=market.seed)
    assert downloads.picture(downloads.so_far(market), "svg") == picture_bytes(overview(result), "svg")
