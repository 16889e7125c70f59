"""The page in a real browser: opened, changed, played, compared, downloaded from, closed."""

import io
import shlex
from pathlib import Path

import pandas as pd
import pytest

from abm import Scenario, simulate
from abm.cli import main
from tests.pages import IN_A_BROWSER, Watched, served

pytestmark = IN_A_BROWSER


def test_a_page_opens_with_every_control_and_picture(watched):
    page = watched.page
    assert page.title() == "abm"
    assert watched.words().startswith("four-sectors, seed 0. Step 0 of 400: 400 firms")
    assert "loop gain 0.729" in watched.words() and "T = 1.11 take off" in watched.words()
    assert len(watched.pictures()) == 6
    titles = page.locator(".abm-panels figcaption span").all_inner_texts()
    assert titles[0] == "T, technology accumulation" and all(titles)
    assert page.locator(".abm-slider").count() == 12
    churn = page.locator(".abm-slider", has_text="churn")
    assert churn.locator("label").inner_text().strip() == "μ churn" and watched.typed("churn") == "0.2"
    assert watched.slider("churn").get_attribute("aria-valuetext") == "0.2 share per step"
    about = churn.locator("summary")
    assert about.inner_text().strip() == "in (0, 1], share per step"
    about.focus()
    page.keyboard.press("Enter")
    assert "customers who choose anew" in churn.inner_text()
    page.get_by_role("button", name="Sector enterprise").click()
    watched.until(lambda: page.locator(".abm-slider").count() == 19)


def test_step_play_pause_and_reset(watched):
    fresh = watched.pictures()
    watched.press("Step")
    assert watched.until_step(1) == 1
    watched.until(lambda: watched.pictures() != fresh)
    watched.press("Play")
    assert watched.until_step(5) < 400
    watched.press("Pause")
    watched.page.wait_for_timeout(500)
    reached = watched.step()
    watched.page.wait_for_timeout(700)
    assert watched.step() == reached
    watched.press("Reset")
    watched.until(lambda: watched.step() == 0)
    watched.until(lambda: watched.pictures() == fresh)


def test_reset_while_it_plays_gives_a_market_at_its_start(watched):
    watched.choose("Speed of play", "2 steps a second")
    watched.press("Play")
    watched.until_step(2)
    watched.press("Reset")
    watched.until(lambda: watched.step() == 0)
    watched.page.wait_for_timeout(1200)
    assert watched.step() == 0
    watched.choose("Speed of play", "1 step a frame")


def test_pause_answers_at_every_speed_of_play(watched):
    for speed in ("2 steps a second", "5 steps a frame", "25 steps a frame", "1 step a frame"):
        watched.choose("Speed of play", speed)
        watched.press("Play")
        watched.until_step(watched.step() + 2)
        watched.page.wait_for_timeout(500)
        watched.press("Pause")
        watched.page.get_by_role("button", name="Play", exact=True).wait_for(timeout=10_000)
        watched.page.wait_for_timeout(1000)  # Mesa's loop still makes the frame that it was waiting to make
        reached = watched.step()
        watched.page.wait_for_timeout(600)
        assert watched.step() == reached, speed
        watched.press("Reset")
        watched.until(lambda: watched.step() == 0)


def test_a_run_to_the_end_can_be_stopped_and_says_what_simulate_says(watched):
    watched.press("Run to end")
    watched.until_step(1)
    watched.until_step(400)
    outcomes = simulate("four-sectors", seed=0).outcomes
    watched.until(lambda: f"{outcomes['sector_hhi']:,.0f}" in watched.words())
    assert outcomes["winner"] in watched.words()
    buttons = [watched.page.get_by_role("button", name=name, exact=True) for name in ("Play", "Step", "Run to end")]
    watched.until(lambda: all(each.is_disabled() for each in buttons))
    assert "This run is finished; Reset starts it anew." in watched.page.locator(".abm-pending").inner_text()
    watched.press("Reset")
    watched.until(lambda: all(each.is_enabled() for each in buttons))


def test_a_run_that_is_played_to_its_end_has_no_button_left_that_does_nothing(chromium, tmp_path):
    path = tmp_path / "short.toml"
    path.write_text("steps = 7\n", encoding="utf-8")
    with served(path) as own:
        page = Watched(chromium, own.url)
        buttons = [page.page.get_by_role("button", name=name, exact=True) for name in ("Play", "Step", "Run to end")]
        for way in (["Play"], 7 * ["Step"]):
            for made, button in enumerate(way, start=1):
                page.press(button)
                page.until_step(made)
            page.until_step(7)
            page.until(lambda: all(each.is_disabled() for each in buttons))
            page.press("Reset")
            page.until(lambda: page.step() == 0 and all(each.is_enabled() for each in buttons))
        assert page.errors == [] and own.said == []
        page.close()


def test_a_run_to_the_end_can_be_stopped_and_played_on_by_one_button_at_a_time(chromium, tmp_path):
    path = tmp_path / "long.toml"
    path.write_text('name = "long"\nsteps = 1000000\ncapacity = 50\n')
    with served(path) as own:
        page = Watched(chromium, own.url)
        play, step, run_to_end = (
            page.page.get_by_role("button", name=name, exact=True) for name in ("Play", "Step", "Run to end")
        )
        page.choose("Speed of play", "2 steps a second")
        page.press("Play")
        page.until(lambda: step.is_disabled() and run_to_end.is_disabled())
        page.press("Pause")
        page.until(lambda: play.is_enabled() and step.is_enabled() and run_to_end.is_enabled())
        page.press("Run to end")
        page.until(lambda: play.is_disabled() and step.is_disabled())
        page.press("Stop")
        page.until(lambda: play.is_enabled() and step.is_enabled())
        page.page.wait_for_timeout(2000)  # the frame that was being made may come after the buttons
        reached = page.step()
        assert 0 < reached < 1_000_000
        page.page.wait_for_timeout(1000)
        assert page.step() == reached
        page.close()


def test_the_second_run_is_put_beside_the_first_and_taken_away(watched):
    watched.press("Step")
    watched.until_step(1)
    watched.open_tab("Two runs")
    assert watched.pictures() == []
    watched.slide("second run", 40)
    watched.until(lambda: watched.typed("second run, this run starts with 0.5") == "0.9")
    watched.press("Compare")
    watched.until(lambda: len(watched.pictures()) == 20)
    before = watched.pictures()
    watched.press("Step")
    watched.until_step(2)
    watched.until(lambda: watched.pictures() != before)
    watched.press("Reset")
    watched.until(lambda: watched.step() == 0)
    watched.until(lambda: len(watched.pictures()) == 20)
    watched.press("Remove second run")
    watched.until(lambda: watched.pictures() == [])
    watched.choose("Changed in the second run", "reading")
    watched.choose("second run, this run starts with literal", "increment")
    watched.press("Compare")
    watched.until(lambda: len(watched.pictures()) == 20)


def test_a_second_run_that_cannot_stand_beside_what_is_chosen_is_refused(watched):
    watched.open_tab("Two runs")
    watched.choose("Changed in the second run", "sectors.enterprise.monetisation")
    watched.slide("second run", 3)
    watched.choose("Scenario", "one-market")
    watched.page.wait_for_selector("text=The run will start with one-market")
    watched.press("Compare")
    watched.page.wait_for_selector("text=unknown parameter 'sectors.enterprise.monetisation'")
    watched.press("Reset")
    watched.until(lambda: watched.words().startswith("one-market, seed 0. Step 0"))


def test_every_tab_shows_its_view_while_it_plays(watched):
    watched.press("Play")
    for tab, pictures in (
        ("Firms", 1),
        ("Sectors", 4),
        ("Strategies", 4),
        ("Two runs", 0),
        ("Download", 0),
        ("Market", 6),
    ):
        watched.open_tab(tab)
        watched.until(lambda count=pictures: len(watched.pictures()) == count)
        watched.until_step(watched.step() + 1)
        if tab == "Firms":
            assert watched.page.locator(".abm-table tbody tr").count() == 10
    watched.press("Pause")


def test_what_is_taken_away_is_the_run_on_screen(watched, tmp_path, monkeypatch):
    watched.slide("churn", 5)
    watched.page.wait_for_selector("text=The run will start with churn = 0.25")
    watched.choose("Speed of play", "5 steps a frame")
    watched.press("Step")
    watched.until_step(5)
    watched.open_tab("Download")
    watched.page.wait_for_selector("text=up to step 5, again")
    assert " --steps 5 " in watched.page.locator(".abm-line code").inner_text()
    with watched.page.expect_download() as download:
        watched.press("steps.csv")
    assert len(pd.read_csv(download.value.path())) == 5
    watched.press("Step")
    watched.page.wait_for_selector("text=up to step 10, again")
    texts = {}
    for name in ("steps.csv", "firms.csv", "scenario.toml", "overview.svg"):
        with watched.page.expect_download() as download:
            watched.press(name)
        assert download.value.suggested_filename == name
        texts[name] = Path(download.value.path()).read_text(encoding="utf-8")
    line = watched.page.locator(".abm-line code").inner_text()
    assert " --steps 10 " in line
    monkeypatch.chdir(tmp_path)
    command = shlex.split(line)
    assert main([*command[1:], "--no-picture"]) == 0
    out = tmp_path / command[-1]
    for name in ("steps", "firms"):
        expected = pd.read_parquet(out / f"{name}.parquet")
        pd.testing.assert_frame_equal(
            pd.read_csv(io.StringIO(texts[f"{name}.csv"]), keep_default_na=False),
            expected,
            check_exact=True,
            check_dtype=False,
        )
    assert Scenario.from_toml(texts["scenario.toml"]).churn == 0.25
    assert len(pd.read_csv(io.StringIO(texts["steps.csv"]))) == 10
    assert texts["overview.svg"].rstrip().endswith("</svg>")


def test_two_pages_share_nothing(watched, server, chromium):
    other = Watched(chromium, server.url)
    other.slide("churn", 5)
    other.page.wait_for_selector("text=The run will start with churn = 0.25")
    watched.press("Step")
    watched.until_step(1)
    watched.page.wait_for_timeout(500)
    assert other.step() == 0
    assert watched.typed("churn") == "0.2" and other.typed("churn") == "0.25"
    assert server.held()[0] == 2
    other.close()
    assert server.let_go(1)
    watched.press("Step")
    assert watched.until_step(2) == 2


def test_a_page_closed_while_it_plays_stops_and_frees_its_market(server, chromium):
    for button in ("Play", "Run to end"):
        page = Watched(chromium, server.url)
        page.press(button)
        page.until_step(1)
        page.close()
        assert server.let_go()
        assert server.held()[:3] == (0, 0, 0)
    assert server.said == []


def test_a_page_whose_browser_is_gone_without_a_word_stops_and_is_freed_too(server, chromium):
    page = Watched(chromium, f"{server.url}&solara-no-close-beacon")
    page.press("Play")
    page.until_step(1)
    page.close()
    assert server.held()[0] == 1
    assert server.let_go()


def test_the_page_asks_this_machine_alone(server, chromium):
    asked = []
    context = chromium.new_context()
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.goto(server.url)
    page.wait_for_selector(".abm-panels canvas")
    context.close()
    assert asked and all(url.startswith((server.place, "blob:", "data:")) for url in asked)


@pytest.mark.parametrize("width", [1400, 800])
def test_nothing_is_cut_or_tiny(server, chromium, width):
    page = Watched(chromium, server.url, width)
    page.press("Step")
    for tab in ("Market", "Firms", "Sectors", "Strategies", "Two runs", "Download"):
        page.open_tab(tab)
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width
        edges = "images => images.map(image => image.getBoundingClientRect()).map(box => [box.left, box.right])"
        for left, right in page.page.locator(".abm-panels canvas").evaluate_all(edges):
            assert left >= 0 and right <= width and right - left >= 300, tab
    page.close()
