"""Two pictures of the page of `abm dashboard`, taken in a Chromium without a window."""

import re
import shutil
import subprocess
import sys

from playwright.sync_api import Page, sync_playwright

from experiments.common import RESULTS

STEPS_A_FRAME, FRAMES, MOVED = 25, 6, 3
SIZE = {"width": 1400, "height": 1000}


def save(page: Page, name: str, height: float) -> None:
    """What is in view, down to a height."""
    page.mouse.move(700, 60)
    page.wait_for_timeout(1500)  # until the last picture is there
    folder = RESULTS / "dashboard"
    folder.mkdir(exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", clip=SIZE | {"x": 0, "y": 0, "height": min(height, SIZE["height"])})


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
            page.get_by_label("Speed of play").select_option(label=f"{STEPS_A_FRAME} steps a frame")
            for frame in range(1, FRAMES + 1):
                page.get_by_role("button", name="Step", exact=True).click()
                page.wait_for_selector(f"text=Step {frame * STEPS_A_FRAME} of")
                if frame == MOVED:
                    field = page.locator(".abm-slider", has_text="churn").locator(".abm-typed")
                    field.fill("0.4")
                    field.press("Tab")
                    page.wait_for_selector("text=churn = 0.4 from step")
            changes = page.get_by_text("Changes: churn_at").bounding_box()  # beneath the charts
            save(page, "page", changes["y"] + changes["height"] + 8.0)
            page.get_by_role("tab", name="Two runs").click()
            field = page.locator(".abm-main .abm-typed")
            field.fill("0.9")
            field.press("Tab")
            compare = page.get_by_role("button", name="Compare", exact=True)
            page.wait_for_timeout(500)
            compare.click()
            page.get_by_role("button", name="Run 40 seeds of both").click()
            page.wait_for_selector("text=mean difference over 40 seeds", timeout=120_000)
            save(page, "two-runs", SIZE["height"])
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
