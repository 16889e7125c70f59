"""The charts in a real browser, on wide and narrow screens: cursor, zoom, legend, changes, the plane, who wins."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from abm import Scenario, simulate
from tests.pages import IN_A_BROWSER, Watched, served

pytestmark = IN_A_BROWSER
CHANGES = [{"name": "open_weights", "step": 5, "until": 8, "churn": 0.5}]
SCENARIO = Scenario.load("four-sectors").replace(capacity=60, initial_firms=60, changes=CHANGES, runway=2.0)
NEAR = [
    {"name": "innovation_drag_at_4", "step": 4, "k1": 0.5},
    *({"name": f"churn_at_{step}", "step": step, "churn": step / 100} for step in range(4, 9)),
    {"name": "a name that is far longer than any chart of the page is high", "step": 15, "until": 18, "k1": 0.8},
    {"name": "late", "step": 25, "churn": 0.9},
]


@pytest.fixture(scope="module")
def changing(tmp_path_factory):
    path = tmp_path_factory.mktemp("changing") / "changing.toml"
    path.write_text(SCENARIO.to_toml(), encoding="utf-8")
    with served(path) as server:
        yield server


@pytest.fixture(params=[1400, 800, 390])
def watched(request, changing, chromium):
    page = Watched(chromium, changing.url, request.param)
    for made in range(1, 11):
        page.press("Step")
        page.until_step(made)
    page.until(lambda: all(each == 11 for each in of_charts(page, "chart.data[0].length")))
    yield page
    assert page.page.evaluate("document.documentElement.scrollWidth") <= request.param
    page.close()
    assert page.errors == [] and changing.said == []


def of_charts(watched, expression):
    """What an expression of `chart` is in each panel."""
    read = f"places => places.map(place => {{ const chart = place.chart; return {expression}; }})"
    return watched.page.locator(".abm-panel > div").evaluate_all(read)


def middle_of(watched, place, x=0.5, y=0.5):
    over = watched.page.locator(".abm-panel .u-over").nth(place)
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def test_charts_show_the_run_and_are_read_zoomed_and_switched_together(watched):
    page, result = watched.page, simulate(SCENARIO.replace(steps=10), seed=0)
    T, _, _, stack, _, firms = of_charts(watched, "chart.data.map(column => [...column])")
    assert T[0] == list(range(11)) and firms[1][1:] == result.steps["firms"].tolist()
    np.testing.assert_allclose(T[1][1:], result.steps["q50_T"], rtol=1e-6)
    names = [strategy.name for strategy in SCENARIO.strategies]
    shares = 100.0 * result.steps[[f"share_{name}" for name in names]].to_numpy()
    # The first strategy lies at the bottom and comes last.
    np.testing.assert_allclose(np.array(stack[:0:-1])[:, 1:].T, shares.cumsum(axis=1), rtol=1e-5)
    # One cursor: all charts show the values of its step.
    page.mouse.move(*middle_of(watched, 0, x=10.2 / 25))
    steps = of_charts(watched, "chart.cursor.idx")
    assert len(set(steps)) == 1 and steps[0] is not None
    said = page.locator(".abm-panel").nth(1).locator(".u-series", has_text="median").locator(".u-value").inner_text()
    assert steps[0] == 10 and float(said) == pytest.approx(result.steps["q50_C"].iloc[9], rel=0.01)
    # Drag to zoom: all charts at once, and the next step leaves them there.
    x, y = middle_of(watched, 0, x=0.1)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(*middle_of(watched, 0, x=0.3), steps=4)
    page.mouse.up()
    seen = "[chart.scales.x.min, chart.scales.x.max].map((end) => Math.round(1e6 * end) / 1e6)"
    ends = of_charts(watched, seen)
    assert len({tuple(each) for each in ends}) == 1 and 0 < ends[0][0] < ends[0][1] < 25
    watched.press("Step")
    watched.until_step(11)
    assert of_charts(watched, seen) == ends
    page.mouse.dblclick(*middle_of(watched, 0))
    assert all(each == [0, 25] for each in of_charts(watched, seen))
    # The legend switches a series, and shares close the gap.
    page.locator(".abm-panel").nth(3).locator(".u-series", has_text=names[0]).locator("th").click()
    tops = of_charts(watched, "chart.data[1] && chart.data[1][5]")
    assert tops[3] == pytest.approx(100.0 - shares[4, 0], rel=1e-5)


def test_charts_are_read_by_the_keyboard_and_changes_are_marked(watched):
    page = watched.page
    page.locator(".abm-panel .u-over").first.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert set(of_charts(watched, "chart.cursor.idx")) == {8}
    switch = page.locator(".abm-panel").first.locator(".u-series th[role=button]").first
    switch.focus()
    page.keyboard.press("Enter")
    assert of_charts(watched, "chart.series[1].show")[0] is False
    # A line from top to bottom at the change's step, and none a little before it.
    dark = """(() => { const u = chart, x = Math.round(u.valToPos(STEP, "x", true)), { top, height } = u.bbox;
        const { data } = u.ctx.getImageData(x - 1, top, 3, height);
        const isDark = (pixel) => data[4 * pixel] < 190 && data[4 * pixel + 3] > 0;
        const rows = [...Array(height).keys()];
        return rows.filter((row) => [0, 1, 2].some((place) => isDark(3 * row + place))).length / height; })()"""
    at, beside = (of_charts(watched, dark.replace("STEP", step)) for step in ("5", "3.5"))
    for place in (0, 1, 2):
        assert at[place] > 0.9 > beside[place] + 0.3


# Of the names of changes in a saved chart the edges, and the height of the axis above which they stand.
UPRIGHT = """async (file) => {
    const place = Object.assign(document.createElement("div"), { innerHTML: file });
    document.body.append(place);
    const texts = [...place.querySelectorAll("text:not([aria-hidden])")].map((each) => {
        const { left, right, top, bottom } = each.getBoundingClientRect();
        const isName = each.hasAttribute("transform") && each.getAttribute("text-anchor") === "end";
        return [isName, each.textContent, left, right, top, bottom];
    });
    place.remove();
    const axis = texts.filter(([isName, text]) => !isName && text === "0").map((each) => each[4]);
    return [texts.filter(([isName]) => isName).map((each) => each.slice(1)), Math.max(...axis)];
}"""


@pytest.mark.parametrize("width", [1400, 390])
def test_names_of_changes_that_are_near_are_joined_and_lie_neither_over_others_nor_below_the_axis(
    chromium, tmp_path, width
):
    path = tmp_path / "near.toml"
    path.write_text(SCENARIO.replace(changes=NEAR).to_toml(), encoding="utf-8")
    with served(path) as server:
        watched = Watched(chromium, server.url, width)
        for title in ("T, technology accumulation", "Strategies"):
            with watched.page.expect_download() as download:
                watched.press(f"Save as SVG: {title}")
            file = Path(download.value.path()).read_text("utf-8")
            names, axis = watched.page.evaluate(UPRIGHT, file)
            names.sort(key=lambda each: each[1])
            assert 3 <= len(names) <= 6
            assert names[0][0].startswith("innovation") and " more" in names[0][0] and names[-1][0] == "late"
            assert any("…" in each[0] for each in names)
            assert all(one[2] <= other[1] + 2 for one, other in itertools.pairwise(names))  # 2: air beside letters
            assert all(bottom <= axis for *_, bottom in names)
            lines = re.findall(r'd="M([\d.]+) [\d.]+L\1 ', file)
            assert len(set(lines)) >= 7  # of each change, and of no other
        said = watched.page.get_by_text("Changes: ").inner_text()
        assert all(change["name"] in said for change in NEAR) and "churn_at_8 (from step 8 on)" in said
        watched.close()


def test_the_cursor_s_height_is_told_in_the_chart_that_is_pointed_at_alone(watched):
    watched.page.mouse.move(*middle_of(watched, 1))
    cursors = watched.page.locator(".abm-panel .u-cursor-y")
    assert [each.is_visible() for each in cursors.all()] == [False, True, False, False, False, False]
    assert len(set(of_charts(watched, "chart.cursor.idx"))) == 1


def test_an_axis_writes_its_numbers_in_one_way(watched):
    written = "abmCharts.axis('y', '').values(null, NUMBERS)"
    for numbers, words in (([100, 1_000, 10_000], ["100", "1k", "10k"]), ([500, 1_000], ["500", "1,000"])):
        assert watched.page.evaluate(written.replace("NUMBERS", str(numbers))) == words


def test_a_firm_is_pointed_at_by_keys_and_by_the_mouse_and_followed_by_a_click(watched):
    page = watched.page
    watched.open_tab("Firms")
    page.wait_for_selector(".abm-plane canvas")
    page.locator(".abm-plane .u-over").focus()
    page.keyboard.press("ArrowRight")
    tip = page.locator(".abm-tip")
    tip.wait_for(state="visible")
    result = simulate(SCENARIO.replace(steps=10), seed=0)
    largest = result.firms.sort_values("share", ascending=False).iloc[0]
    assert tip.locator("b").inner_text() == f"firm {largest['id']}"
    assert largest["sector"] in tip.inner_text() and largest["strategy"] in tip.inner_text()
    # The same by the mouse, or a finger.
    x, y = page.locator(".abm-plane > div").last.evaluate(
        "(place, [T, C]) => [place.chart.valToPos(T, 'x'), place.chart.valToPos(C, 'y')]", [largest["T"], largest["C"]]
    )
    page.keyboard.press("Escape")
    tip.wait_for(state="hidden")
    box = page.locator(".abm-plane .u-over").bounding_box()
    page.mouse.move(box["x"] + x, box["y"] + y)
    tip.wait_for(state="visible")
    page.mouse.click(box["x"] + x, box["y"] + y)
    page.wait_for_selector("text=Followed since step 10")
    watched.until(lambda: len(watched.pictures()) == 4)
    watched.press("Step")
    watched.until_step(11)
    page.get_by_role("button", name="by return").click()
    assert "R, return (revenue / cost)" in page.locator(".abm-key").inner_text()
    page.get_by_role("button", name="Stop following").click()
    watched.until(lambda: len(watched.pictures()) == 1)


def test_who_gained_from_whom_and_why_is_told(watched):
    page = watched.page
    watched.open_tab("Strategies")
    watched.until(lambda: len(watched.pictures()) == 4)
    since = page.get_by_role("textbox", name="Since step")
    since.fill("4")
    since.press("Tab")
    page.wait_for_selector("text=since step 4")
    sectors = simulate(SCENARIO.replace(steps=10), seed=0).sectors.set_index(["step", "sector"])
    change = 100.0 * (
        sectors.loc[(10, "enterprise"), "share_balanced"] - sectors.loc[(4, "enterprise"), "share_balanced"]
    )
    row = page.locator("tr", has_text="enterprise").first.inner_text()
    assert re.search(rf"[+−]{abs(change):.1f}\b", row)
    assert page.locator("h2", has_text="Why").count() == 1


def test_charts_follow_the_colours_of_the_reader(changing, chromium):
    page = Watched(chromium, changing.url)
    drawn = [page.pictures()]
    for scheme in ({"color_scheme": "dark"}, {"color_scheme": "light"}, {"forced_colors": "active"}):
        page.page.emulate_media(**scheme)
        page.until(lambda: page.pictures()[0] != drawn[-1][0])
        drawn.append(page.pictures())
    assert drawn[2] == drawn[0]
    page.close()
