"""The page without a browser: its command, its controls, the market that it watches and what can be downloaded."""

import io
import json
import math
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mesa.visualization.utils import update_counter

from abm import Scenario, simulate
from abm.cli import main
from abm.dashboard import downloads, serve
from abm.dashboard.address import visit
from abm.dashboard.controls import FIRST, choose, groups_of, positions
from abm.dashboard.origins import Opening, Origin, find_origin, first_opening, open_with, origin_names
from abm.dashboard.watched import SECTOR_MEASURES, WatchedMarket
from abm.errors import InputError
from abm.scenario.parameters import MARKET, PARAMETERS
from abm.scenario.settings import settings_between
from tests.watching import FOUR, market_of


def refusal(capsys, *arguments: str) -> str:
    assert main(["dashboard", *arguments]) == 2
    printed = capsys.readouterr()
    assert not printed.out and printed.err.count("\n") == 1 and "Traceback" not in printed.err
    return printed.err


# --- the command --------------------------------------------------------------------------------------


def test_without_the_extra_one_line_says_how_to_install_it(capsys, monkeypatch):
    monkeypatch.setattr("abm.errors.find_spec", lambda name: None if name == "solara" else name)
    assert refusal(capsys) == "abm: error: the page needs solara: pip install -e '.[dashboard]' in a clone of abm\n"


def test_a_taken_port_is_said_with_the_next_that_is_free(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        message = refusal(capsys, "--port", str(port))
    assert message.startswith(f"abm: error: port {port} is taken; --port ")
    offered = int(message.split("--port ")[1].split()[0])
    assert offered > port
    with socket.socket() as free:
        free.bind(("127.0.0.1", offered))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["four-sektors"], "did you mean 'four-sectors'"),
        (["--port", "0"], "'0' is not an integer from 1 to 65535"),
        (["--host", "192.0.2.1"], "192.0.2.1:8765: cannot be listened on"),
    ],
)
def test_bad_input_is_refused_in_one_line(capsys, arguments, words):
    assert words in refusal(capsys, *arguments)


def test_the_command_line_loads_nothing_of_the_page_until_it_is_asked_for():
    code = "import sys, abm.cli; print([name for name in ('solara', 'mesa', 'numpy') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_solara_is_told_to_send_nothing_and_to_look_for_files_nowhere_outside():
    code = "import solara.settings; from solara.server import settings as server; "
    code += "print(server.telemetry.mixpanel_enable, server.assets.fontawesome_enabled, solara.settings.assets.cdn)"
    environment = os.environ | serve.SETTINGS
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "False False http://127.0.0.1:9/\n"


def test_the_files_that_solara_asks_for_are_those_that_are_shipped():
    import solara.server

    template = (Path(solara.server.__file__).parent / "templates" / "solara.html.j2").read_text(encoding="utf-8")
    asked = set(re.findall(r"\{\{cdn\}\}/(@widgetti/solara-vuetify-app@[\d.]+|requirejs@[\d.]+)/", template))
    assets = Path(serve.__file__).parent / "assets"
    assert asked == {*(f"@widgetti/{each.name}" for each in assets.glob("@widgetti/*")), "requirejs@2.3.6"}
    assert "Apache License" in (assets / "LICENSE-Apache-2.0.txt").read_text() and (assets / "NOTICES.md").exists()


# --- the controls -------------------------------------------------------------------------------------


def test_every_market_parameter_has_one_place_and_a_dozen_are_in_view():
    placed = [*FIRST, *(name for names in groups_of((), ()).values() for name in names)]
    assert sorted(placed) == sorted(MARKET)
    assert len(FIRST) == 12


def test_the_groups_hold_every_parameter_of_every_sector_and_strategy():
    sectors, strategies = (
        tuple(each.name for each in part) for part in (FOUR.scenario.sectors, FOUR.scenario.strategies)
    )
    placed = {name for names in groups_of(sectors, strategies).values() for name in names} | set(FIRST)
    alone = {name for name in FOUR.scenario.settable() if "." not in name and name not in MARKET}
    assert placed == set(FOUR.scenario.settable()) - alone


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.name)
def test_a_slider_offers_allowed_values_alone_and_the_current_one_among_them(parameter):
    name = parameter.name
    current = Scenario().get(name) if name in MARKET else parameter.default or 0.5
    offered = positions(parameter, current)
    assert current in offered
    assert all(parameter.check(value) == value for value in offered)
    assert len(set(offered)) == len(offered) <= 400
    if not parameter.choices:
        assert offered == sorted(offered) and len(offered) >= 50
        assert (math.inf in offered) == (parameter.high == math.inf and parameter.kind != "int")
        assert parameter.neutral is None or parameter.neutral in offered
    if parameter.kind == "int":
        assert all(type(value) is int for value in offered)


def test_firms_and_slots_go_along_with_each_other():
    scenario = Scenario(capacity=100, initial_firms=80)
    assert choose(scenario, "capacity", 50).initial_firms == 50
    assert choose(scenario, "initial_firms", 200).capacity == 200
    assert choose(scenario, "churn", 0.5) == scenario.replace(churn=0.5)


def test_what_is_allowed_alone_but_not_together_is_refused():
    with pytest.raises(InputError, match="demand_share is 0 for all"):
        choose(Scenario(), "sectors.market.demand_share", 0.0)


# --- the market ---------------------------------------------------------------------------------------


def test_a_run_on_the_page_is_the_run_of_simulate_and_ends_with_its_scenario():
    market = market_of(made=14, capacity=40, steps=12)
    assert (market.steps_done, market.running) == (12, False)
    result = simulate(market.scenario, seed=3)
    pd.testing.assert_frame_equal(
        market.datacollector.get_model_vars_dataframe().iloc[1:].reset_index(drop=True),
        result.steps.reset_index(drop=True),
        check_exact=True,
    )
    pd.testing.assert_frame_equal(market.firms, result.firms, check_exact=True)
    for sector in market.market.sector_names:
        rows = result.sectors[result.sectors["sector"] == sector]
        for measure in SECTOR_MEASURES:
            np.testing.assert_array_equal(market.sector_rows(sector, measure, 1), rows[measure].to_numpy(float))


@pytest.mark.parametrize("when", [0, 5])
def test_the_second_run_is_the_changed_scenario_with_the_same_seed(when):
    market = market_of(made=when, capacity=40)
    market.compare_with(("network_effect", 0.9))
    for _ in range(9 - when):
        market.step()
    result = simulate(FOUR.scenario.replace(capacity=40, network_effect=0.9, steps=9), seed=3)
    pd.testing.assert_frame_equal(market.other.firms, result.firms, check_exact=True)
    market.compare_with(None)
    assert market.other is None


def test_a_second_run_catches_up_with_one_that_goes_on_and_stops_when_the_page_is_closed():
    market = market_of(made=200, capacity=40, steps=400)
    catching_up = threading.Thread(target=market.compare_with, args=(("network_effect", 0.9),))
    catching_up.start()
    while catching_up.is_alive():
        market.step()
    assert market.steps_done > 200
    market.step()
    assert market.other.steps_done == market.steps_done
    waited_for = threading.Thread(target=market.compare_with, args=(("churn", 0.3),))
    with market.lock:
        waited_for.start()
        while market._awaited != ("churn", 0.3):
            time.sleep(0.001)
        market.compare_with(("churn", 0.4))
    waited_for.join(timeout=60)
    assert market.changed_parameter == ("churn", 0.4)
    market.close()
    market.compare_with(("churn", 0.9))
    assert market.other.steps_done == 0 and not market.running


def test_a_second_run_that_cannot_be_leaves_the_one_that_is_there():
    market = market_of(made=2, capacity=40, changed=("churn", 0.5))
    weightless = {f"sectors.{sector.name}.demand_share": 0.0 for sector in FOUR.scenario.sectors[1:]}
    alone = WatchedMarket(FOUR.scenario.replace(**weightless), rng=0, origin=FOUR)
    for each, changed, refusal in (
        (alone, (f"sectors.{FOUR.scenario.sectors[0].name}.demand_share", 0.0), "demand_share is 0 for all"),
        (market, ("capacity", 10**9), "GB of memory"),
    ):
        before = each.other
        with pytest.raises(InputError, match=refusal):
            each.compare_with(changed)
        assert each.other is before
    assert market.changed_parameter == ("churn", 0.5)


def test_a_market_waits_its_pace_between_two_steps():
    market = market_of(capacity=20)
    market.pace = 0.2
    began = time.monotonic()
    market.step()
    market.step()
    assert time.monotonic() - began >= 0.2
    market.pace = 3600.0
    waiting = threading.Thread(target=market.step)
    waiting.start()
    time.sleep(0.3)
    assert market.steps_done == 2
    market.close()
    waiting.join(timeout=60)
    assert not waiting.is_alive() and market.steps_done == 2


def test_a_step_waits_until_the_last_frame_is_drawn_but_not_once_it_is_told_to_end(monkeypatch):
    monkeypatch.setattr("abm.dashboard.watched.PATIENCE", 3600.0)
    market = market_of(capacity=40)
    market.frame_drawn = update_counter.peek() - 1
    stepping = threading.Thread(target=market.step)
    stepping.start()
    time.sleep(0.2)
    assert market.steps_done == 0
    market.frame_drawn += 1
    stepping.join(timeout=10)
    assert market.steps_done == 1
    market.frame_drawn, market.running = update_counter.peek() - 1, False
    ended = threading.Thread(target=market.step, daemon=True)
    ended.start()
    ended.join(timeout=60)
    assert market.steps_done == 1 and not ended.is_alive()


# --- what is downloaded -------------------------------------------------------------------------------

CHANGES = [
    {},
    {"capacity": 70, "network_effect": 0.7, "runway": math.inf},
    {"capacity": 70, "initial_firms": 30, "reading": "rate", "sectors.enterprise.monetisation": 1.3},
    {"capacity": 90, "market_size": 200.0, "strategies.balanced.policy": "imitate", "policy": "adaptive"},
]


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_the_line_and_the_files_are_those_of_abm_run_to_the_last_bit(changes, second, tmp_path, monkeypatch, capsys):
    market = market_of(made=17, rng=2**62 + 1, changed=("churn", 0.35) if second else None, **changes)
    shown = market.other if second else market
    steps, firms = (read(shown) for read in (downloads.steps_csv, downloads.firms_csv))
    monkeypatch.chdir(tmp_path)
    command = shlex.split(downloads.run_line(shown))
    assert command[0] == "abm" and main([*command[1:], "--no-picture"]) == 0
    out = tmp_path / command[-1]
    for name, text in (("steps", steps), ("firms", firms)):
        expected = pd.read_parquet(out / f"{name}.parquet")
        got = pd.read_csv(io.StringIO(text), keep_default_na=False)
        assert list(got.columns) == list(expected.columns) and len(got) == len(expected) > 0
        for column in expected:
            wanted = expected[column].to_numpy()
            if wanted.dtype == float:
                numbers = pd.to_numeric(got[column], errors="coerce").to_numpy(float)
                np.testing.assert_array_equal(numbers, wanted, err_msg=column)
            else:
                assert got[column].tolist() == wanted.tolist(), column
    # The scenario's file is the whole one; stopped at the same step it gives the same run too.
    (tmp_path / "scenario.toml").write_text(downloads.scenario_toml(shown), encoding="utf-8")
    about = json.loads((out / "run.json").read_text())
    whole = Scenario.load(tmp_path / "scenario.toml")
    assert whole.to_dict() == shown.scenario.to_dict() and whole.steps == 400
    assert about["scenario"]["steps"] == 17
    again = simulate(whole.replace(steps=17), seed=market.seed)
    pd.testing.assert_frame_equal(again.firms, shown.firms, check_exact=True)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=6))
@settings(max_examples=60, deadline=None)
def test_any_choices_of_the_controls_are_written_as_settings_that_give_the_same_scenario(picks):
    scenario = FOUR.scenario
    settable = {name: each for name, each in scenario.settable().items() if "." in name or name in MARKET}
    for which, where in picks:
        name = sorted(settable)[which % len(settable)]
        offered = positions(settable[name], FOUR.scenario.get(name))
        try:
            scenario = choose(scenario, name, offered[where % len(offered)])
        except InputError:  # all demand shares 0: the page refuses it, too
            continue
    again = FOUR.scenario.with_settings(settings_between(FOUR.scenario, scenario))
    assert again.to_dict() == scenario.to_dict()


def test_a_page_opens_with_the_scenario_that_the_command_was_given():
    assert first_opening() == Opening(find_origin("four-sectors"))
    mine = Origin("my.toml", Scenario(capacity=7))
    open_with(Opening(mine, ("churn=0.3",), 5))
    try:
        assert first_opening().origin is find_origin("my.toml") is mine
        assert origin_names() == [*Scenario.bundled(), "my.toml"]
        first = visit(None)
        assert (first.chosen["scenario"], first.market.seed) == (Scenario(capacity=7, churn=0.3), 5)
    finally:
        open_with(Opening(FOUR))
