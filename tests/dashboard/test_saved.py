"""Charts saved as SVG in a real browser: what is in the file is compared with the run, read by the file's own axes."""

import base64
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.image import imread

from abm import Scenario, simulate
from abm.dashboard.firms import DOTS
from tests.pages import IN_A_BROWSER, Watched, served

pytestmark = IN_A_BROWSER
SVG = "{http://www.w3.org/2000/svg}"
CHANGES = [{"name": 'open <weights> & "data"', "step": 5, "until": 8, "churn": 0.5}]
STRATEGIES = [{"name": f"plan_{place}", "technology_weight": 0.5, "weight": 1.0 + place} for place in range(10)]
SCENARIO = Scenario.load("four-sectors").replace(capacity=80, initial_firms=80, changes=CHANGES, strategies=STRATEGIES)
STEPS = 10


@pytest.fixture(scope="module")
def result():
    return simulate(SCENARIO.replace(steps=STEPS), seed=0)


@pytest.fixture(scope="module")
def watched(tmp_path_factory, chromium):
    path = tmp_path_factory.mktemp("saved") / "saved.toml"
    path.write_text(SCENARIO.to_toml(), encoding="utf-8")
    with served(path) as server:
        page = Watched(chromium, server.url)
        for made in range(1, STEPS + 1):
            page.press("Step")
            page.until_step(made)
        yield page
        page.close()
        assert page.errors == [] and server.said == []


def saved(watched, title):
    """The file of a chart, parsed, and its name."""
    with watched.page.expect_download() as download:
        watched.press(f"Save as SVG: {title}")
    return ElementTree.parse(download.value.path()).getroot(), download.value.suggested_filename


def texts(file):
    return [each.text for each in file.iter(f"{SVG}text") if "aria-hidden" not in each.attrib]


def axis(file, anchor, at):
    """Numbers at an axis and where they stand."""
    found = [
        each for each in file.iter(f"{SVG}text") if each.get("text-anchor") == anchor and not each.get("transform")
    ]
    read = {each.text: float(each.get(at)) - 0.35 * float(each.get("font-size")) * (at == "y") for each in found}
    numbers = {text: where for text, where in read.items() if re.fullmatch(r"[\d.,]+k?", text)}
    values = [float(each.replace(",", "").replace("k", "e3")) for each in numbers]
    return np.array(values), np.array([*numbers.values()])


def points(path):
    return np.array([each.split() for each in re.findall(r"[ML]([-\d. ]+)", path.get("d"))], dtype=float)


def values_of(file, path, log=False):
    """The points of a line as steps and values."""
    (steps, across), (values, down) = axis(file, "middle", "x"), axis(file, "end", "y")
    x, y = points(path).T
    height = np.polyval(np.polyfit(down, np.log10(values) if log else values, 1), y)
    return np.polyval(np.polyfit(across, steps, 1), x), 10.0**height if log else height


def line(file, colour):
    """The line of a colour; in the legend it has a dash, not a line of points."""
    return next(each for each in file.iter(f"{SVG}path") if each.get("stroke") == colour and "L" in each.get("d"))


def test_lines_go_through_the_numbers_of_the_run_and_are_named(watched, result):
    before = watched.pictures()
    file, name = saved(watched, "T, technology accumulation")
    assert name == "T-technology-accumulation.svg" and file.find(f"{SVG}title").text == "T, technology accumulation"
    assert {"T, technology accumulation", "median", "percentile 10", "90", "step (quarter)"} <= {*texts(file)}
    assert texts(file).count(CHANGES[0]["name"]) == 1
    steps, medians = values_of(file, line(file, "#0072b2"))
    np.testing.assert_allclose(steps, np.arange(STEPS + 1), atol=0.1)
    np.testing.assert_allclose(medians[1:], result.steps["q50_T"], atol=0.01)
    file, _ = saved(watched, "Concentration")
    assert {"HHI (log scale)", "monopoly", "oligopoly", "whole market", "within sectors"} <= {*texts(file)}
    for column, colour in (("hhi", "#c87800"), ("sector_hhi", "#0072b2")):
        np.testing.assert_allclose(
            values_of(file, line(file, colour), log=True)[1][1:], result.steps[column], rtol=0.03
        )
    file, _ = saved(watched, "Firms, entries and exits")
    assert line(file, "#222222").get("stroke-dasharray") == "2 2" and "a step" in texts(file)
    assert watched.pictures() == before  # the screen is what it was


def test_shares_lie_one_upon_the_other_up_to_100_and_are_hatched_where_colours_repeat(watched, result):
    file, _ = saved(watched, "Strategies")
    names = [each["name"] for each in STRATEGIES]
    assert [each for each in texts(file) if each in names] == names[::-1]
    areas = [each for each in file.iter(f"{SVG}path") if each.get("fill") != "none" and len(points(each)) > STEPS]
    tops = [values_of(file, each)[1][: STEPS + 1] for each in areas if not each.get("fill").startswith("rgb")]
    np.testing.assert_allclose(tops[0], 100.0, atol=1.0)
    shares = np.diff([np.zeros(STEPS + 1), *tops[::-1]], axis=0)[:, 1:].T
    np.testing.assert_allclose(shares, 100.0 * result.steps[[f"share_{name}" for name in names]], atol=1.0)
    patterns = {each.get("id") for each in file.iter(f"{SVG}pattern")}
    hatched = {each.get("fill") for each in areas} & {f"url(#{each})" for each in patterns}
    assert len(hatched) == len(names) - 8


def coloured_elsewhere(one, other):
    """The share of the coloured points of a picture that have no like in another one, there or beside it."""
    beside = [np.roll(other, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    apart = np.min([np.abs(one - each).max(axis=2) for each in beside], axis=0)
    return (apart[np.ptp(one, axis=2) > 0.3] > 0.3).mean()


def unlike(watched, chromium, title):
    """The share of the coloured points of a chart that lie elsewhere in its PNG than in its SVG."""
    pictures = []
    for kind, media in (("PNG", "png"), ("SVG", "svg+xml")):
        with watched.page.expect_download() as download:
            watched.press(f"Save as {kind}: {title}")
        data = base64.b64encode(Path(download.value.path()).read_bytes()).decode()
        page = chromium.new_page(viewport={"width": 600, "height": 400})
        page.set_content(f"<body style='margin:0'><img src='data:image/{media};base64,{data}'>")
        pictures.append(imread(io.BytesIO(page.screenshot()))[..., :3])
        page.close()
    png, svg = pictures
    return max(coloured_elsewhere(png, svg), coloured_elsewhere(svg, png))


@pytest.mark.parametrize("title", ["T, technology accumulation", "Strategies", "Concentration"])
def test_a_browser_shows_the_svg_as_the_chart_was_on_the_screen(watched, chromium, title):
    assert unlike(watched, chromium, title) < 0.2  # a line is drawn to the pixel here, exactly there


def test_what_is_zoomed_and_switched_off_is_so_in_the_file(watched, chromium):
    page = watched.page
    panel = page.locator(".abm-panel", has_text="Concentration")
    panel.locator(".u-series", has_text="whole market").locator("th").click()
    over = panel.locator(".u-over").bounding_box()
    page.mouse.move(over["x"] + 0.1 * over["width"], over["y"] + 20)
    page.mouse.down()
    page.mouse.move(over["x"] + 0.2 * over["width"], over["y"] + 40, steps=4)
    page.mouse.up()
    file, _ = saved(watched, "Concentration")
    assert unlike(watched, chromium, "Concentration") < 0.05  # nothing beyond the axes
    page.mouse.dblclick(over["x"] + 20, over["y"] + 20)
    assert "whole market" not in texts(file) and "within sectors" in texts(file)
    steps, _ = axis(file, "middle", "x")
    assert 2.0 <= min(steps) < max(steps) <= 5.5


def test_the_plane_has_a_circle_for_each_firm_and_a_ring_around_the_one_that_is_followed(watched, result):
    watched.open_tab("Firms")
    watched.page.locator(".abm-plane .u-over").focus()
    watched.page.keyboard.press("ArrowRight")
    watched.page.locator(".abm-tip").wait_for(state="visible")
    watched.page.keyboard.press("Enter")
    watched.page.wait_for_selector("text=Followed since step 10")
    for by, entry in (("by return", "R = 1 (break-even)"), ("by strategy", "plan_9")):
        watched.page.get_by_role("button", name=by).click()
        file, called = saved(watched, "Firms now: each by its T and C; area: share of its sector")
        assert called == "Firms-now-each-by-its-T-and-C-area-share-of-its-sector.svg" and entry in texts(file)
        circles = [each for each in file.iter(f"{SVG}path") if "a" in each.get("d")]
        filled = [each for each in circles if each.get("fill") != "none"]
        assert len(filled) == len(result.firms)
        radii = [float(re.search(r"a([\d.]+)", each.get("d"))[1]) for each in filled]
        middles = np.array([points(each)[0] for each in filled]) + np.c_[radii, np.zeros(len(radii))]
        for name, place, (values, there) in (("T", 0, axis(file, "middle", "x")), ("C", 1, axis(file, "end", "y"))):
            found = np.polyval(np.polyfit(there, values, 1), middles[:, place])
            np.testing.assert_allclose(np.sort(found), np.sort(result.firms[name]), atol=0.02)
        ring = circles[-1]
        assert ring.get("fill") == "none" and "a12 12 " in ring.get("d")
    watched.page.get_by_role("button", name="Stop following").click()


def test_the_plane_of_many_firms_is_a_small_file_of_circles(chromium, tmp_path):
    path = tmp_path / "many.toml"
    path.write_text("capacity = 20000\ninitial_firms = 20000\nsteps = 5\n", encoding="utf-8")
    with served(path) as server:
        page = Watched(chromium, server.url)
        page.open_tab("Firms")
        page.page.wait_for_selector(".abm-plane canvas")
        with page.page.expect_download() as download:
            page.press("Save as SVG: Firms now: each by its T and C; area: share of its sector")
        file = Path(download.value.path())
        assert file.stat().st_size < 5e6
        assert sum("a" in each.get("d") for each in ElementTree.parse(file).iter(f"{SVG}path")) == DOTS
        page.close()
        assert page.errors == [] and server.said == []
