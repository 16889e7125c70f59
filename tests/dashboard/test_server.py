"""The page's process: how it ends, whom it listens to, its speed and memory with a browser on it."""

import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from abm import Scenario
from tests.pages import IN_A_BROWSER, PATIENCE, Watched, served

pytestmark = IN_A_BROWSER
ROOT = Path(__file__).parents[2]

# --- the process --------------------------------------------------------------------------------------


def start(*arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "abm", "dashboard", "--no-browser", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, **pipes)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_ctrl_c_ends_it_cleanly_also_while_a_page_plays(chromium):
    port = free_port()
    process = start("one-market", "--port", str(port))
    said = process.stdout.readline()
    told = re.fullmatch(r"one-market on (http://127\.0\.0\.1:(\d+)/\?token=[\w-]{43}) \(Ctrl-C ends it\)\n", said)
    assert told and told[2] == str(port)
    page = Watched(chromium, told[1])
    page.press("Play")
    page.until_step(2)
    process.send_signal(signal.SIGINT)
    out, complaints = process.communicate(timeout=20)
    assert (process.returncode, out, complaints) == (0, "", "")
    page.close()


def test_it_listens_on_this_machine_alone_unless_told_and_then_warns():
    for host, others in ((None, False), ("0.0.0.0", True)):
        port = free_port()
        process = start("one-market", "--port", str(port), *(["--host", host] if host else []))
        try:
            assert f" on http://127.0.0.1:{port}/?token=" in process.stdout.readline()
            own = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout.split()
            for address in [each for each in own if ":" not in each][:1]:
                with socket.socket() as probe:
                    assert (probe.connect_ex((address, port)) == 0) == others
        finally:
            process.send_signal(signal.SIGINT)
            _, complaints = process.communicate(timeout=20)
        assert process.returncode == 0
        assert ("warning: the page listens on 0.0.0.0: whoever reaches it" in complaints) == others


INSIDE = """
import subprocess, sys
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
sys.path.insert(0, sys.argv[1])
import socket
try:
    socket.create_connection(("192.0.2.1", 80), 1)
except OSError as problem:
    assert problem.errno == 101, problem  # the network is unreachable
from tests.pages import Watched, browser, served
with served("four-sectors") as server, browser() as chromium:
    page = Watched(chromium, server.url)
    page.press("Step")
    page.until_step(1)
    failed = "document.fonts.ready.then(() => [...document.fonts].filter(font => font.status == 'error').length)"
    print(page.errors, server.said, page.page.evaluate(failed), len(page.pictures()))
"""


def test_it_works_with_no_connection_to_the_outside_server_included():
    # Only a process that may take the network away can test this: root on Linux, as CI in a container, unless the
    # container itself is forbidden it.
    if not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("no unshare or ip")
    allowed = subprocess.run(
        ["unshare", "-n", "ip", "link", "set", "lo", "up"], capture_output=True, text=True, check=False
    )
    if allowed.returncode:
        pytest.skip(f"no network namespace of one's own: {allowed.stderr.strip()}")
    command = ["unshare", "-n", sys.executable, "-c", INSIDE, str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[] [] 0 6\n"


# --- speed and memory ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def big(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("big") / "big.toml"
    path.write_text(Scenario.load("four-sectors").replace(capacity=20_000, steps=10_000).to_toml(), encoding="utf-8")
    return path


def test_20000_firms_play_and_the_speed_is_printed(big, chromium):
    with served(big) as server:
        page = Watched(chromium, server.url)
        for tab in ("Market", "Firms", "Sectors"):
            page.open_tab(tab)
            page.press("Play")
            page.until_step(page.step() + 3)
            first, started = page.step(), time.monotonic()
            page.page.wait_for_timeout(5000)
            frames = (page.step() - first) / (time.monotonic() - started)
            page.press("Pause")
            print(f"{tab}: {frames:.1f} frames a second with 20,000 firms")
        page.close()


def test_memory_stays_flat_over_hundreds_of_frames_and_over_20_pages(server, chromium):
    page = Watched(chromium, server.url)
    memory = []
    for _ in range(2):
        page.press("Play")
        page.until_step(120, patience=4 * PATIENCE)  # many frames, on a machine that may be busy
        page.press("Pause")
        page.press("Reset")
        page.until(lambda: page.step() == 0)
        memory.append(server.held()[3])
    page.close()
    assert server.let_go()
    print("MB after each 120 frames:", [round(each) for each in memory])
    assert memory[-1] - memory[0] < 40
    memory.clear()
    for _ in range(20):
        page = Watched(chromium, server.url)
        page.press("Step")
        page.until_step(1)
        page.close()
        assert server.let_go()
        memory.append(server.held()[3])
    print("MB after each page:", [round(each) for each in memory])
    assert memory[-1] - memory[2] < 40


FRAMES = """
import psutil
from abm import Scenario
from abm.dashboard import views
from abm.dashboard.origins import find_origin
from abm.dashboard.watched import WatchedMarket

origin = find_origin("four-sectors")
market = WatchedMarket(origin.scenario.replace(capacity=60, steps=3_000), rng=0, origin=origin)
view = views.view_of(market, "Market")
for step in range(2_200):
    market.step()
    views.news(market, view)
    if step in (200, 2_199):
        print(psutil.Process().memory_info().rss / 1e6)
"""


def test_memory_stays_flat_over_2000_frames():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FRAMES], capture_output=True, text=True, check=True)
    before, after = map(float, done.stdout.split())
    print(f"MB before and after 2,000 frames: {before:.0f}, {after:.0f}")
    assert after - before < 25
