"""A served page and a browser on it, for tests: the server is a process of its own that tells what it holds."""

import contextlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((found for found in map(shutil.which, BROWSERS) if found), None)
# A browser is a package of the system and not to be had by pip, so where there is none these tests are skipped; what
# needs none of the page is tested elsewhere. `.ci/run` installs Chromium before it runs them.
IN_A_BROWSER = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason=f"no browser: none of {', '.join(BROWSERS)} is installed"),
]
PATIENCE = 30_000  # milliseconds that anything on a page may take

# Serves a scenario, and for each line of its input tells how many markets it holds, how many of them run, their steps,
# and its memory in MB.
SERVER = """
import gc, sys, threading
import psutil
from abm.dashboard.opening import read_opening
from abm.dashboard.serve import serve

def answer():
    for line in sys.stdin:
        from abm.dashboard.watched import WatchedMarket
        gc.collect()
        markets = [each for each in gc.get_objects() if isinstance(each, WatchedMarket)]
        memory = psutil.Process().memory_info().rss / 1e6
        print(len(markets), sum(each.running for each in markets), sum(each.steps_done for each in markets), memory,
              flush=True)
        del markets

scenario, port = sys.argv[1:]
threading.Thread(target=answer, daemon=True).start()
opening = read_opening(scenario, [], None, None, print)
serve(opening, "127.0.0.1", int(port), lambda url: print("ready", url, flush=True))
"""


class Served:
    """A server of pages; `held` asks it what it holds."""

    def __init__(self, scenario: str | Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.place = f"http://127.0.0.1:{port}/"
        command = [sys.executable, "-c", SERVER, str(scenario), str(port)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)
        self.said: list[str] = []
        self.url = self._until(r"ready \S+").split()[1]  # with its token

    def _until(self, pattern: str) -> str:
        """The next line that matches; what else is printed is a complaint, and kept."""
        for line in self.process.stdout:
            if re.fullmatch(pattern, line.strip()):
                return line
            self.said.append(line)
        raise AssertionError(f"the server ended: {''.join(self.said)}")

    def held(self) -> tuple[int, int, int, float]:
        """Markets, running markets, the sum of their steps, and MB of memory."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        markets, running, steps, memory = self._until(r"\d+ \d+ \d+ [\d.]+").split()
        return int(markets), int(running), int(steps), float(memory)

    def let_go(self, markets: int = 0, seconds: float = 45.0) -> bool:
        """Whether the server comes to hold only some markets: at once, or when a page was not heard of for a while."""
        latest = time.monotonic() + seconds
        while self.held()[0] > markets:
            if time.monotonic() > latest:
                return False
            time.sleep(0.2)
        return True

    def close(self) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            self.process.stdin.close()
            self.process.stdout.close()


@contextlib.contextmanager
def served(scenario: str | Path) -> Iterator[Served]:
    server = Served(scenario)
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def browser(*arguments: str) -> Iterator:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        # As root, as in a container, Chromium has no sandbox.
        started = play.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox", "--disable-dev-shm-usage", *arguments]
        )
        try:
            yield started
        finally:
            started.close()


def axe_violations(page) -> list[tuple[str, str, str]]:
    """Which rules of accessibility a page breaks, with the impact and the first place of each."""
    import axe_playwright_python as axe

    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run(document)")
    assert len(found["passes"]) > 15
    return [(each["id"], each["impact"], each["nodes"][0]["html"]) for each in found["violations"]]


class Watched:
    """A page as a person uses it."""

    def __init__(self, browser, url: str, width: int = 1400, **options: str) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 1000}, accept_downloads=True, **options)
        self.page.set_default_timeout(PATIENCE)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda problem: self.errors.append(str(problem)))
        self.page.on("response", lambda each: self.errors.append(each.url) if each.status >= 400 else None)
        self.page.goto(url)
        self.page.wait_for_selector("text=Step 0 of")
        self.page.wait_for_selector(".abm-panels canvas")

    def words(self) -> str:
        return self.page.locator(".abm-words").inner_text()

    def step(self) -> int:
        return int(re.search(r"Step ([\d,]+) of", self.words())[1].replace(",", ""))

    def until_step(self, least: int, patience: int = PATIENCE) -> int:
        return self.until(lambda: self.step() >= least, patience) and self.step()

    def until(self, holds, patience: int = PATIENCE) -> bool:
        latest = time.monotonic() + patience / 1000
        while not holds():
            assert time.monotonic() < latest, f"not within {patience} ms; the page says: {self.words()}"
            self.page.wait_for_timeout(50)
        return True

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def open_tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()
        self.page.wait_for_timeout(300)

    def slider(self, name: str):
        return self.page.get_by_role("slider", name=name)

    def slide(self, name: str, times: int) -> None:
        """Move a slider by arrow keys, to the left if `times` is negative."""
        self.slider(name).focus()
        for _ in range(abs(times)):
            self.page.keyboard.press("ArrowRight" if times > 0 else "ArrowLeft")

    def choose(self, label: str, option: str) -> None:
        self.page.get_by_label(label).first.select_option(label=option)

    def write(self, name: str, text: str) -> None:
        """Type a parameter's value."""
        field = self.page.locator(".abm-slider", has_text=name).locator(".abm-typed").first
        field.fill(text)
        field.press("Tab")

    def typed(self, name: str) -> str:
        return self.page.locator(".abm-slider", has_text=name).locator(".abm-typed").first.input_value()

    def pictures(self) -> list[str]:
        """What is drawn in the panels that are in view."""
        read = "canvases => canvases.map(canvas => canvas.toDataURL())"
        return self.page.locator(".abm-panel canvas").evaluate_all(read)

    def close(self) -> None:
        self.page.close(run_before_unload=False)
