"""A picture of the page of `abm dashboard`, taken by a Chromium without a window."""

import re
import shutil
import subprocess
import sys

from playwright.sync_api import Page, sync_playwright

from experiments.common import RESULTS

STEPS_A_FRAME, FRAMES = 25, 6
SIZE = {"width": 1400, "height": 1000}


def end(page: Page) -> float:
    """Where the picture ends: below the panels, between two sliders."""
    panels = page.locator(".abm-panels").bounding_box()
    sliders = [each.bounding_box()["y"] for each in page.locator(".abm-slider").all()]
    return min(y for y in sliders if y > panels["y"] + panels["height"]) - 4.0


def main() -> None:
    command = [sys.executable, "-m", "abm", "dashboard", "four-sectors", "--no-browser", "--port", "8799"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        url = re.search(r"http://\S+", server.stdout.readline())[0]
        with sync_playwright() as play:
            # As root, as in a container, Chromium has no sandbox.
            browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport=SIZE)
            page.goto(url)
            page.locator(".v-select", has_text="Speed of play").click()
            page.get_by_role("option", name=f"{STEPS_A_FRAME} steps a frame").click()
            for frame in range(1, FRAMES + 1):
                page.get_by_role("button", name="Step", exact=True).click()
                page.wait_for_selector(f"text=Step {frame * STEPS_A_FRAME} of")
            page.mouse.move(700, 700)
            page.wait_for_timeout(1500)  # until the last picture is there
            folder = RESULTS / "dashboard"
            folder.mkdir(exist_ok=True)
            page.screenshot(path=folder / "page.png", clip=SIZE | {"x": 0, "y": 0, "height": end(page)})
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
