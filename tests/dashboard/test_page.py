"""The page in a real browser: opened, changed, played, compared, downloaded from, closed."""

import io
import shlex
from pathlib import Path

import pandas as pd
import pytest

from abm import Scenario, simulate
from abm.cli import main
from abm.dashboard.controls import written
from tests.pages import IN_A_BROWSER, Watched, served

pytestmark = IN_A_BROWSER


@pytest.fixture
def watched(server, chromium):
    page = Watched(chromium, server.url)
    yield page
    page.close()
    assert page.errors == []
    assert server.let_go()
    assert server.said == []


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


def test_scenario_seed_and_sliders_are_applied_by_reset(watched):
    watched.slide("network_effect", 20)
    watched.page.wait_for_selector("text=The run will start with network_effect = 0.7")
    seed = watched.page.get_by_label("Seed")
    seed.fill("12")
    watched.page.wait_for_selector("text=seed 12")
    assert "seed 0." in watched.words()
    watched.press("Reset")
    watched.until(lambda: "seed 12." in watched.words())
    watched.press("Run to end")
    watched.until_step(400)
    outcomes = simulate(Scenario.load("four-sectors").replace(network_effect=0.7), seed=12).outcomes
    watched.until(lambda: f"{outcomes['sector_hhi']:,.0f}" in watched.words())
    watched.press("Undo changes")
    watched.page.wait_for_selector("text=Reset starts a run with network_effect = 0.5.")
    watched.choose("Scenario", "one-market")
    watched.page.wait_for_selector("text=Reset starts a run with one-market")
    watched.press("Reset")
    watched.until(lambda: watched.words().startswith("one-market, seed 12. Step 0"))


def test_a_slider_that_is_moved_while_it_plays_acts_from_the_next_step_and_is_taken_away(chromium, tmp_path):
    with served("four-sectors") as own:
        for width in (1400, 800, 390):
            page = Watched(chromium, own.url, width)
            page.press("Play")
            page.until_step(3)
            page.slide("network_effect", 10)
            page.page.wait_for_selector("text=network_effect = 0.6 from step")
            page.press("Pause")
            page.write("churn", "0.3125")
            page.page.wait_for_selector("text=churn = 0.3125 from step")
            page.write("churn", "3")
            page.page.wait_for_selector("text=churn = 3 is outside (0, 1]")
            assert page.typed("churn") == "3"
            page.page.get_by_role("button", name="Run and size").click()
            page.write("capacity", "12345")
            page.page.wait_for_selector("text=Reset starts a run with capacity = 12345")
            page.page.get_by_role("button", name="Policies, from the next step on").click()
            page.press("demand shock")
            page.page.wait_for_selector("text=demand_factor = 0.7 from step")
            page.press("Run to end")
            page.until_step(400)
            page.open_tab("Download")
            taken = {}
            for name in ("scenario.toml", "firms.csv"):
                with page.page.expect_download() as download:
                    page.press(name)
                taken[name] = Path(download.value.path()).read_text(encoding="utf-8")
            assert page.page.locator(".abm-line code").inner_text().startswith("abm run scenario.toml --steps 400 ")
            scenario = Scenario.from_toml(taken["scenario.toml"])
            moved = {key for change in scenario.changes for key in change.values}
            assert moved == {"network_effect", "churn", "demand_factor"} and scenario.capacity == 400
            again = simulate(scenario, seed=0).firms.to_csv(index=False)
            assert again == taken["firms.csv"]
            page.press("Reset")
            page.until(lambda page=page: page.step() == 0)
            assert "12,345 firms" in page.words() and "In this run" not in page.page.locator("body").inner_text()
            assert page.errors == []
            page.close()
        assert own.said == []


def test_sliders_show_what_the_next_step_takes_after_a_policy_undo_and_reload_or_what_reset_takes(watched):
    page = watched.page

    def shows(churn, network_effect, k1="0.9"):
        values = churn, network_effect, k1
        watched.until(lambda: (watched.typed("churn"), watched.typed("network_effect"), watched.typed("k1")) == values)

    def reload():
        page.wait_for_timeout(500)
        step = watched.step()
        page.reload()
        page.wait_for_selector(".abm-panels canvas")
        watched.until_step(step)

    page.get_by_role("button", name="Policies, from the next step on").click()
    watched.press("portability")  # before the first step
    shows("0.4", "0.2")
    watched.write("k1", "0.8")
    shows("0.4", "0.2", "0.8")
    page.get_by_role("button", name="Run and size").click()
    watched.write("capacity", "500")
    page.wait_for_selector("text=The run will start with capacity = 500, k1 = 0.8.")
    watched.press("Step")
    watched.until_step(1)
    watched.page.wait_for_selector("text=churn = 0.4 from step 1 on")  # the run was made anew, with its moves
    shows("0.4", "0.2", "0.8")
    watched.write("churn", "0.37")
    watched.write("capacity", "600")
    page.wait_for_selector("text=Reset starts a run with capacity = 600, churn = 0.37.")
    shows("0.37", "0.2", "0.8")
    reload()
    shows("0.37", "0.2", "0.8")
    page.wait_for_selector("text=Reset starts a run with capacity = 600, churn = 0.37.")
    watched.write("churn", "")
    page.wait_for_selector("text=churn = '' is not a number")
    assert watched.typed("churn") == ""
    watched.press("Undo changes")
    shows("0.2", "0.5")
    page.wait_for_selector("text=from step 1 to 1")
    assert page.get_by_role("button", name="Undo changes").is_disabled()
    watched.press("Step")
    watched.until_step(2)
    shows("0.2", "0.5")
    reload()
    shows("0.2", "0.5")
    watched.write("runway", "inf")
    page.wait_for_selector("text=runway = inf where the scenario has")
    assert "changes[" not in page.locator("body").inner_text()
    watched.until(lambda: watched.typed("runway") == written(Scenario.load("four-sectors").runway))
    page.get_by_role("button", name="Policies, from the next step on").click()
    watched.press("portability")
    shows("0.4", "0.2")
    watched.press("Reset")  # drops the policy
    watched.until(lambda: watched.step() == 0)
    shows("0.2", "0.5")


def test_a_bad_seed_is_said_and_goes_no_further(watched):
    seed = watched.page.get_by_label("Seed")
    for good, bad in enumerate(("-1", "1.5", "abc", str(2**63), "")):
        seed.fill(str(good))
        watched.until(lambda good=good: seed.input_value() == str(good))
        watched.page.wait_for_timeout(400)
        seed.fill(bad)
        watched.page.wait_for_selector(f"text=the seed stays {good}")
        watched.press("Reset")
        watched.until(lambda good=good: f"seed {good}." in watched.words())


def test_a_bad_step_to_count_from_is_said_and_the_table_stays(watched):
    watched.choose("Speed of play", "5 steps a frame")
    watched.press("Step")
    watched.until_step(5)
    watched.open_tab("Strategies")
    field = watched.page.get_by_role("textbox", name="Since step")
    field.fill("3")
    watched.page.wait_for_selector("text=Who gained from whom since step 3")
    for bad in ("abc", "-1", "1.5", "5000", ""):
        field.fill(bad)
        watched.page.wait_for_selector("text=an integer from 0 to 5; the table stays at 3")
        assert field.input_value() == bad
        field.fill("3")
        watched.page.wait_for_selector("text=the table stays at 3", state="detached")
    field.fill("10")
    watched.press("Step")
    watched.page.wait_for_selector("text=Who gained from whom since step 10")


def test_a_slider_stops_at_the_ends_of_its_range_and_what_is_not_allowed_together_is_said(server, chromium):
    with served("one-market") as own:
        page = Watched(chromium, own.url)
        page.slider("churn").focus()
        page.page.keyboard.press("Home")
        page.until(lambda: page.typed("churn") == "0.01")
        page.page.keyboard.press("End")
        page.until(lambda: page.typed("churn") == "1")
        sector = Scenario.load("one-market").sectors[0].name
        page.page.get_by_role("button", name=f"Sector {sector}").click()
        page.slider("demand_share").focus()
        page.page.keyboard.press("Home")
        page.page.wait_for_selector("text=demand_share is 0 for all")
        page.until(lambda: page.slider("demand_share").input_value() != "0")
        page.press("Step")
        assert page.until_step(1) == 1
        page.close()
        assert own.said == [] and page.errors == []


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
