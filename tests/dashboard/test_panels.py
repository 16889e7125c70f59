"""What a page shows, without a browser: pictures, the largest firms, words."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from abm import simulate
from abm.cli import main
from abm.dashboard import panels, ranking, vectors, views, words
from tests.watching import FOUR, market_of

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
    assert {*map(tuple, largest[["T", "C"]].to_numpy())} <= {*map(tuple, drawn)}


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
