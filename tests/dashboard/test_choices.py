"""What is chosen on the page, as its user does: seeds, sliders, policies, and what is not allowed."""

from pathlib import Path

from abm import Scenario, simulate
from abm.dashboard.controls import written
from tests.pages import IN_A_BROWSER, Watched, served

pytestmark = IN_A_BROWSER


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
