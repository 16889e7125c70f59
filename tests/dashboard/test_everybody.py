"""The page for everybody: by keyboard and screen reader, at any width and in any colours, by link, on paper."""

from pathlib import Path

import pandas as pd
import pytest

from abm import Scenario, simulate
from tests.pages import IN_A_BROWSER, Watched, axe_violations, served

pytestmark = IN_A_BROWSER
TABS = ("Market", "Firms", "Sectors", "Strategies", "Two runs", "Download")
# Contrast of two colours as WCAG has it, of the ring of the focused element with what lies around it.
CONTRAST = """() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3).map((each) => each / 255)
      .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ring = getComputedStyle(document.activeElement);
  const paper = getComputedStyle(document.documentElement).getPropertyValue("--abm-paper").trim();
  const hex = [1, 3, 5].map((at) => parseInt(paper.slice(at, at + 2), 16)).join(" ");
  const [low, high] = [light(ring.outlineColor), light(hex)].sort((one, other) => one - other);
  return [ring.outlineStyle, parseFloat(ring.outlineWidth), (high + 0.05) / (low + 0.05)];
}"""


def compare(page: Watched) -> None:
    page.open_tab("Two runs")
    page.write("second run, this run starts with 0.5", "0.9")
    page.until(lambda: page.page.get_by_role("button", name="Compare", exact=True).is_enabled())
    page.press("Compare")
    page.page.wait_for_selector("text=Beyond this seed")


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (800, "light"), (390, "dark")])
def test_axe_finds_nothing_serious_and_nothing_is_cut(server, chromium, width, scheme):
    page = Watched(chromium, server.url, width, color_scheme=scheme)
    page.press("Step")
    page.until_step(1)
    compare(page)
    for tab in TABS:
        page.open_tab(tab)
        page.page.wait_for_timeout(700)  # its pictures are drawn
        assert [each for each in axe_violations(page.page) if each[1] in BAD] == [], tab
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    page.page.mouse.wheel(0, 4000)
    page.page.wait_for_timeout(300)
    box = page.page.get_by_role("button", name="Play", exact=True).bounding_box()
    assert 0 <= box["y"] < 100  # the play bar stays
    page.close()
    assert page.errors == []


BAD = ("serious", "critical")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_play_and_step_come_before_the_sliders_by_keyboard_and_the_focus_is_seen(server, chromium, scheme):
    page = Watched(chromium, server.url, color_scheme=scheme)
    html = page.page.locator("html")
    assert html.get_attribute("lang") == "en" and page.page.locator("h1").all_inner_texts() == ["four-sectors"]
    assert "user-scalable=no" not in page.page.locator("meta[name=viewport]").get_attribute("content")
    names = []
    for _ in range(16):
        page.page.keyboard.press("Tab")
        focused = page.page.locator(":focus")
        names.append(focused.get_attribute("aria-label") or focused.inner_text())
        style, width, contrast = page.page.evaluate(CONTRAST)
        if focused.get_attribute("class") != "u-over":
            assert style == "solid" and width >= 2 and contrast >= 3, names[-1]
    assert names[:4] == ["Play", "Step", "Run to end", "Reset"]
    assert names.index("Step") < names.index("β network_effect")
    assert page.slider("network_effect").get_attribute("aria-valuetext") == "0.5 elasticity"
    page.page.get_by_role("button", name="Play", exact=True).focus()
    page.page.keyboard.press("Enter")
    page.until_step(1)
    page.page.get_by_role("button", name="Pause", exact=True).focus()
    page.page.keyboard.press("Enter")
    page.page.get_by_role("button", name="Play", exact=True).wait_for()
    page.close()


def test_a_link_and_a_reload_bring_the_same_market_to_the_same_step(server, chromium):
    page = Watched(chromium, server.url)
    page.write("churn", "0.31")
    page.page.get_by_label("Seed").fill("12")
    page.page.wait_for_selector("text=The run will start with churn = 0.31, seed 12")
    page.choose("Speed of play", "5 steps a frame")
    page.press("Step")
    page.until_step(5)
    page.slide("network_effect", 10)
    page.page.wait_for_selector("text=network_effect = 0.6 from step 6 on")
    page.press("Step")
    page.until_step(10)
    page.open_tab("Firms")
    page.until(lambda: "step=10" in page.page.url and "tab=Firms" in page.page.url)
    link, said = page.page.url, page.words()
    assert "token" not in link
    page.page.reload()
    page.page.wait_for_selector("text=Step 10 of")
    assert page.words() == said and page.page.get_by_role("tab", name="Firms").get_attribute("aria-selected") == "true"
    page.page.goto("about:blank")
    page.page.goto(link)
    page.page.wait_for_selector("text=Step 10 of")
    assert page.words() == said
    page.page.goto(link.replace("churn%3D0.31", "churn%3D31"))
    page.page.wait_for_selector("text=The address is not followed: setting 'churn=31': churn = 31 is outside (0, 1]")
    page.page.goto(link.replace("churn%3D0.31", f"churn%3D{300 * 'x'}"))
    told = page.page.locator(".v-alert__content", has_text="The address is not followed: setting 'churn=xxx")
    assert told.evaluate("each => each.scrollWidth <= each.clientWidth")  # none of it is cut
    page.close()


def test_all_firms_are_listed_sorted_found_and_taken_away_and_a_picture_and_the_command_too(server, chromium):
    page = Watched(chromium, server.url)
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.open_tab("Firms")
    table = page.page.locator(".abm-firms")
    assert "page 1 of 40, 400 firms" in table.inner_text()
    firms = simulate(Scenario.load("four-sectors").replace(steps=1), seed=0)
    page.press("Step")
    page.until_step(1)
    page.press("T")
    expected = firms.firms.sort_values("T", ascending=False)
    cell = "tbody tr:first-child td:first-child"
    page.until(lambda: table.locator(cell).inner_text() == f"firm {expected['id'].iloc[0]}")
    page.press("Next")
    page.until(lambda: table.locator(cell).inner_text() == f"firm {expected['id'].iloc[10]}")
    page.page.get_by_label("Find a firm").fill("health")
    count = (expected["sector"] == "health_finance").sum()
    page.until(lambda: f"{count} firms" in table.inner_text())
    with page.page.expect_download() as download:
        page.press("firms.csv")
    assert len(pd.read_csv(download.value.path())) == len(expected)
    page.open_tab("Market")
    with page.page.expect_download() as download:
        page.press("Save as PNG: Concentration")
    assert download.value.suggested_filename == "Concentration.png"
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    page.open_tab("Download")
    page.press("Copy")
    page.page.get_by_role("button", name="Copied").wait_for()
    line = "abm run four-sectors --steps 1 --seed 0 --out four-sectors-0"
    assert page.page.evaluate("navigator.clipboard.readText()") == line
    page.close()
    assert page.errors == []


def test_two_runs_are_compared_over_many_seeds_while_the_page_goes_on(server, chromium):
    page = Watched(chromium, server.url, 800)
    compare(page)
    before = len(page.pictures())
    page.press("Run 40 seeds of both")
    page.press("Step")
    page.until_step(1)
    page.page.wait_for_selector("text=Mean T: mean difference over 40 seeds")
    page.until(lambda: len(page.pictures()) == before + before // 2)
    for name in ("design.toml", "design-scenario.toml"):
        with page.page.expect_download() as download:
            page.press(name)
        assert download.value.suggested_filename == name
    page.close()
    assert server.let_go() and page.errors == []


def test_it_prints_in_pages_and_shows_in_forced_colours(server, chromium, tmp_path):
    page = Watched(chromium, server.url, 390)
    page.page.emulate_media(media="print")
    page.page.wait_for_timeout(300)
    assert not page.page.get_by_role("button", name="Play", exact=True).is_visible()
    height = page.page.evaluate("document.documentElement.scrollHeight")
    last = page.page.locator(".abm-panel").last.bounding_box()
    assert height > 1500 and last["y"] + last["height"] <= height
    page.page.emulate_media(media="screen", forced_colors="active")
    assert page.page.get_by_role("button", name="Play", exact=True).is_visible()
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_leave_legends_buttons_and_the_open_tab_to_be_told_apart(server, chromium, scheme):
    page = Watched(chromium, server.url, color_scheme=scheme, forced_colors="active")
    border = "each => parseFloat(getComputedStyle(each).borderBottomWidth)"
    for name in ("Play", "Step"):
        assert page.page.get_by_role("button", name=name, exact=True).evaluate(border) >= 1
    tabs = [page.page.get_by_role("tab", name=name).evaluate(border) for name in TABS]
    assert tabs[0] >= 2 and tabs[1:] == [0] * (len(TABS) - 1)
    shades = "all => all.map(each => [getComputedStyle(each).backgroundColor, getComputedStyle(each).borderTopColor])"
    for panel in (3, 5):  # shares of strategies; firms, entries and exits
        markers = (
            page.page.locator(".abm-panel").nth(panel).locator("tr:not(:first-child) .u-marker").evaluate_all(shades)
        )
        assert len({tuple(each) for each in markers}) == len(markers) >= 4
    grid = page.page.evaluate("[abmCharts.css('grid'), abmCharts.css('ink')]")
    assert grid == [{"light": "#d8d8d8", "dark": "#404040"}[scheme], "CanvasText"]
    page.open_tab("Strategies")
    beside = page.page.locator(".abm-bar").first.evaluate("each => getComputedStyle(each).borderRightColor")
    assert beside == {"light": "rgb(255, 255, 255)", "dark": "rgb(0, 0, 0)"}[scheme]  # nothing between cells
    page.close()


def test_rows_of_buttons_do_not_touch_on_a_narrow_screen(server, chromium):
    page = Watched(chromium, server.url, 390)
    page.open_tab("Download")
    upper, lower = (
        page.page.get_by_role("button", name=name).bounding_box() for name in ("steps.csv", "scenario.toml")
    )
    assert lower["y"] >= upper["y"] + upper["height"] + 6
    page.close()


def test_a_run_s_folder_is_opened_at_its_end(chromium, tmp_path):
    scenario = Scenario.load("one-market").replace(capacity=40, steps=30)
    result = simulate(scenario, seed=5)
    result.save(tmp_path / "run", picture=False)
    with served(tmp_path / "run") as own:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(own.url)
        page.wait_for_selector(f"text=Step 30 of 30: {len(result.firms)} firms", timeout=30_000)
        assert "seed 5." in page.locator(".abm-words").inner_text()
        context.close()
        assert own.said == []
