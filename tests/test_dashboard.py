"""The page without a browser: what the command refuses, what the controls offer, what is shown and taken away."""

import importlib.util
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
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mesa.visualization.utils import update_counter

from abm import Scenario, simulate
from abm.cli import main
from abm.dashboard import downloads, panels, ranking, serve, vectors, views, words
from abm.dashboard.controls import FIRST, GROUPS, about, choose, groups_of, positions, value_of
from abm.dashboard.origins import Origin, find_origin, first_origin, open_with, origin_names
from abm.dashboard.watched import SECTOR_MEASURES, WatchedMarket
from abm.errors import InputError
from abm.parameters import MARKET, PARAMETERS

FOUR = find_origin("four-sectors")


def market_of(made: int = 0, rng: int = 3, changed=None, **changes) -> WatchedMarket:
    market = WatchedMarket(FOUR.scenario.replace(**changes), rng=rng, origin=FOUR, changed=changed)
    for _ in range(made):
        market.step()
    return market


def refusal(capsys, *arguments: str) -> str:
    assert main(["dashboard", *arguments]) == 2
    printed = capsys.readouterr()
    assert not printed.out and printed.err.count("\n") == 1 and "Traceback" not in printed.err
    return printed.err


# --- the command --------------------------------------------------------------------------------------


def test_without_the_extra_one_line_says_how_to_install_it(capsys, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "solara" else found(name))
    assert refusal(capsys) == "abm: error: the page needs solara: pip install 'abm[dashboard]'\n"


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
    placed = [*FIRST, *(name for names in GROUPS.values() for name in names)]
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
    current = value_of(Scenario(), name) if name in MARKET else parameter.default or 0.5
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


def test_a_tooltip_has_name_range_and_meaning():
    for parameter in PARAMETERS:
        text = about(parameter.name, parameter)
        assert parameter.name in text and parameter.allowed in text and parameter.meaning in text


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
    for place, sector in enumerate(market.market.sector_names):
        rows = result.sectors[result.sectors["sector"] == sector]
        history = market.sector_history[1:, place]
        np.testing.assert_array_equal(history, rows[list(SECTOR_MEASURES)].to_numpy(float))


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


def test_a_step_waits_until_the_last_frame_is_drawn_but_not_once_it_is_told_to_end():
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
    started = time.monotonic()
    market.step()
    assert market.steps_done == 1 and time.monotonic() - started < 1.0


# --- what is shown ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Market", "Sectors", "Two runs"])
def test_panels_that_have_followed_a_run_look_like_panels_made_at_its_end(name):
    market = market_of(capacity=60, changed=("churn", 0.5))
    followed = views.VIEWS[name](market)
    first = views.pictures(market, followed)
    for step in range(45):
        market.step()
        if step % 4 == 0:
            views.pictures(market, followed)
    last = views.pictures(market, followed)
    assert len(last) == len(first) > 3
    assert all(one != other for one, other in zip(first, last))
    assert last == views.pictures(market, views.VIEWS[name](market))
    assert all(picture.still.startswith("data:image/png;base64,") for picture in last)


def test_lines_and_areas_are_sent_where_matplotlib_would_draw_them():
    panel = panels.Panel("title", ["y"])
    ax = panel.axes[0]
    ax.set_yscale("log")
    ax.set(xlim=(0, 4), ylim=(1.0, 100.0))
    (line,) = ax.plot([0, 1, 2, 3, 4], [1.0, 10.0, np.nan, 10.0, 100.0], color="#0072B2", lw=2)
    area = ax.fill_between([0, 4], [1.0, 1.0], [10.0, 10.0], color="#E69F00", alpha=0.5)
    panel.add(line, area)
    svg = ElementTree.fromstring(panel.picture().moving)
    path, band = svg.iter("path")
    height = float(svg.get("viewBox").split()[3])

    def places(*points):
        x, y = ax.transData.transform(points).T
        return np.rint(vectors.FINE * np.column_stack([x, height - y])).astype(int).tolist()

    first, second = (np.reshape(part.split(), (-1, 2)).astype(int).tolist() for part in path.get("d").split("M")[1:])
    assert first == places((0, 1.0), (1, 10.0)) and second == places((3, 10.0), (4, 100.0))
    corners = np.reshape(band.get("d").strip("MZ").split(), (-1, 2)).astype(int).tolist()
    assert all(corner in corners for corner in places((0, 1.0), (4, 1.0), (0, 10.0), (4, 10.0)))
    assert path.get("stroke") == "#0072b2" and band.get("fill") == "#e69f00" and band.get("opacity") == "0.50"
    (end,) = svg.iter("circle")
    assert [int(end.get("cx")), int(end.get("cy"))] == second[-1]


def test_every_panel_shows_something_before_the_first_step():
    market = market_of(capacity=60, changed=("churn", 0.5))
    for view in views.VIEWS.values():
        for picture in views.pictures(market, view(market)):
            svg = ElementTree.fromstring(picture.moving)
            wide = [path for path in svg.iter("path") if path.get("stroke") not in (None, "none")]
            assert list(svg.iter("circle")) or wide, picture.title


def test_every_firm_has_its_dot_and_the_number_at_the_top_is_named():
    market = market_of(made=20, capacity=60)
    (plane,) = views.pictures(market, views.firm_view(market))
    assert plane.moving.count("h0") == 2 * len(market.agents)  # with an edge
    for picture in views.pictures(market, views.market_view(market)):
        (note,) = ElementTree.fromstring(picture.moving).findall("text")
        assert not note.text or re.search("[a-z]{5}", note.text), picture.title


def test_nothing_that_is_written_is_cut_or_lies_where_lines_are_drawn():
    market = market_of(made=30, capacity=60, changed=("churn", 0.5))
    for view in views.VIEWS.values():
        made = view(market)
        views.pictures(market, made)
        for panel in made:
            legends = [ax.get_legend() for ax in panel.axes if ax.get_legend()]
            labels = [each for ax in panel.axes for each in (*ax.texts, ax.yaxis.label, ax.xaxis.label)]
            for each in (*legends, *labels, *panel.figure.texts):
                box = each.get_window_extent()
                assert box.x0 >= 0 and box.x1 <= panel.figure.bbox.x1 and box.y0 >= 0, (panel.title, each)
                assert not any(box.overlaps(ax.bbox.padded(-2)) for ax in panel.axes if box.width), (panel.title, each)


@pytest.mark.parametrize("reading", ["rate", "increment"])
def test_views_hold_markets_that_grow_without_bound_or_are_empty(reading):
    market = market_of(capacity=40, reading=reading, changed=("k1", 2.0))
    shown = {name: view(market) for name, view in views.VIEWS.items()}
    for step in range(60):
        market.step()
        for each in shown.values() if step % 15 == 0 else ():
            views.pictures(market, each)
    empty = market_of(made=30, capacity=20, runway=0.5, k1=0.0, k2=0.0, R0=0.1, entry_rate=0.0, changed=("k1", 2.0))
    assert len(empty.agents) == 0
    for view in views.VIEWS.values():
        views.pictures(empty, view(empty))
    assert ranking.largest_firms(empty) == []
    assert words.run_in_words(empty) == "Step 30 of 400: collapsed market, no firm is left."


def test_the_ten_largest_firms_are_those_of_the_table_of_firms():
    market = market_of(made=20, capacity=60)
    expected = market.firms.sort_values("share", ascending=False, kind="stable").head(10)
    rows = ranking.largest_firms(market)
    assert [row["firm"] for row in rows] == [f"firm {each}" for each in expected["id"]]
    assert [row["strategy"] for row in rows] == expected["strategy"].tolist()
    assert [row["sector"] for row in rows] == expected["sector"].tolist()
    assert [int(row["age"]) for row in rows] == expected["age"].tolist()


def test_the_words_say_what_the_outcomes_of_the_same_run_say():
    market = market_of(made=40, capacity=60)
    outcomes = simulate(market.scenario.replace(steps=40), seed=3).outcomes
    said = words.run_in_words(market)
    assert said.startswith(f"Step 40 of 400: {len(market.agents)} firms")
    assert outcomes["winner"] in said and f"{outcomes['sector_hhi']:,.0f}" in said
    assert {"virtuous": "virtuous growth", "vicious": "vicious decline", "stagnant": "stagnation"}[
        outcomes["growth"]
    ] in said


def test_the_words_name_a_winner_at_the_end_and_nothing_before_the_first_step():
    assert words.run_in_words(market_of(capacity=60)) == "Step 0 of 400: 60 firms."
    assert "ahead so far: " in words.run_in_words(market_of(made=30, capacity=60))
    done = words.run_in_words(market_of(made=30, capacity=60, steps=30))
    assert "winner: " in done and "ahead so far" not in done


def test_the_words_about_the_equations_name_all_sectors_that_are_alike_and_the_reading():
    rates = {f"sectors.{each.name}.monetisation": 1.5 for each in FOUR.scenario.sectors}
    two = dict(list(rates.items())[:2])
    said = words.equations_in_words(FOUR.scenario.replace(**two))
    names = [each.name for each in FOUR.scenario.sectors]
    assert said.startswith("The equations without ceilings: loop gain 0.729: ")
    assert f"in {names[0]} and {names[1]} loop gain 1.09: " in said and names[2] not in said
    said = words.equations_in_words(FOUR.scenario.replace(**rates))
    assert said.startswith("The equations without ceilings: in all sectors loop gain 1.09: ") and "0.729" not in said
    assert "That is literal" not in said
    said = words.equations_in_words(FOUR.scenario.replace(reading="rate"))
    assert "That is literal; rate is " in said and "any loop gain grows" in said


def test_the_plane_draws_the_largest_firms_of_a_large_market():
    market = market_of(made=3, capacity=12_000)
    (plane,) = [each for each in views.VIEWS["Firms"](market) if isinstance(each, views.Plane)]
    views.pictures(market, [plane])
    drawn = np.asarray(plane._dots.get_offsets())
    largest = market.firms.nlargest(100, "share")
    assert len(drawn) == views.DOTS
    assert {*map(tuple, largest[["C", "T"]].to_numpy())} <= {*map(tuple, drawn)}


@pytest.mark.parametrize("step", [25, 1_000, 10_000, 250_000, 1_000_000])
def test_the_last_step_of_an_axis_is_not_cut(step):
    panel = panels.Panel("", ["y"])
    panel.reach(step, step)
    panel.picture()
    drawn = [label.get_window_extent() for label in panel.axes[0].get_xticklabels() if label.get_text()]
    assert max(box.x1 for box in drawn) < panel.figure.bbox.width
    assert panel.axes[0].get_xticks()[-1] == step


def test_a_logarithmic_axis_holds_what_lies_far_below_its_top():
    panel = panels.Panel("", ["y"])
    (ax,) = panel.axes
    panels.hold(ax, np.append(np.full(50, 1.5), [1e9, 1e12]))
    assert ax.get_yscale() == "log" and ax.get_ylim() == (1.0, 1e12)
    panels.hold_on_both_axes(ax, np.append(np.full(50, 1.5), [1e9, 1e12]), np.full(52, 2.0))
    assert ax.get_xlim()[0] == 1.0
    panels.hold(ax, np.array([1.0, 2.0, 10_000.0]))
    assert ax.get_ylim()[1] == 1e4


def test_a_market_waits_its_pace_between_two_steps():
    market = market_of(capacity=20)
    market.pace = 0.2
    began = time.monotonic()
    market.step()
    assert time.monotonic() - began < 0.2
    market.step()
    assert time.monotonic() - began >= 0.2


def test_the_words_about_the_equations_tell_sectors_apart_where_they_differ(capsys):
    scenario = FOUR.scenario.replace(**{"sectors.enterprise.monetisation": 1.5})
    said = words.equations_in_words(scenario)
    assert main(["equilibrium", "four-sectors", "--set", "sectors.enterprise.monetisation=1.5"]) == 0
    printed = capsys.readouterr().out
    lines = dict(line.split(": ", 1) for line in printed.splitlines() if ": " in line)
    assert lines["nlp_vision"] in said and f"in enterprise {lines['enterprise']}" in said
    assert "health_finance" not in said


def test_a_line_is_drawn_through_few_points_and_reaches_its_last():
    for count in (1, 2, 400, 401, 799, 12_345):
        places = panels.thinned(count)
        assert places[0] == 0 and places[-1] == count - 1 and len(places) <= panels.POINTS + 1
        assert (np.diff(places) > 0).all()


# --- what is taken away -------------------------------------------------------------------------------

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
    command = shlex.split(downloads.run_line(shown, market.origin))
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
    # The scenario's file gives the same run too.
    (tmp_path / "scenario.toml").write_text(downloads.scenario_toml(shown), encoding="utf-8")
    about = json.loads((out / "run.json").read_text())
    assert (
        Scenario.load(tmp_path / "scenario.toml").to_dict()
        == Scenario.from_toml(downloads.run_so_far(shown).to_toml()).to_dict()
    )
    assert tomllib.loads((tmp_path / "scenario.toml").read_text())["steps"] == about["scenario"]["steps"] == 17
    again = simulate(tmp_path / "scenario.toml", seed=market.seed)
    pd.testing.assert_frame_equal(again.firms, shown.firms, check_exact=True)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=6))
@settings(max_examples=60, deadline=None)
def test_any_choices_of_the_controls_are_written_as_settings_that_give_the_same_scenario(picks):
    scenario = FOUR.scenario
    settable = {name: each for name, each in scenario.settable().items() if "." in name or name in MARKET}
    for which, where in picks:
        name = sorted(settable)[which % len(settable)]
        offered = positions(settable[name], value_of(FOUR.scenario, name))
        try:
            scenario = choose(scenario, name, offered[where % len(offered)])
        except InputError:  # all demand shares 0: the page refuses it, too
            continue
    text = downloads.settings(FOUR.scenario, scenario)
    again = FOUR.scenario.with_settings(text).replace(steps=scenario.steps)
    assert again.to_dict() == scenario.to_dict()


def test_a_page_opens_with_the_scenario_that_the_command_was_given():
    assert first_origin().name == "four-sectors"
    mine = Origin("my.toml", Scenario(capacity=7))
    open_with(mine)
    try:
        assert first_origin() == find_origin("my.toml") == mine
        assert origin_names() == [*Scenario.bundled(), "my.toml"]
    finally:
        open_with(FOUR)
