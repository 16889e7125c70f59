"""Who gets at the page of a real server: other pages of the same browser, other names, other users of the machine."""

import http.client
import http.server
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from abm.dashboard.serve import __file__ as serve_file
from tests.pages import IN_A_BROWSER, browser, served

pytestmark = IN_A_BROWSER
SOCKET = "jupyter/api/kernels/stranger/channels?session_id=stranger"
NOBODY = 65534
FOREIGN = "foreign.example"

# Opens a connection to a page's kernel and says how it ended.
CONNECT = """address => new Promise(resolve => {
  const socket = new WebSocket(address);
  socket.onopen = () => { resolve('open'); socket.close(); };
  socket.onerror = () => resolve('refused');
})"""
READ = "address => fetch(address, {credentials: 'include'}).then(each => each.text(), () => 'refused')"
FRAME = """address => new Promise(resolve => {
  const frame = document.createElement('iframe');
  frame.onload = () => setTimeout(() => resolve('loaded'), 500);
  frame.src = address;
  document.body.append(frame);
})"""


def request(place: str, path: str = "/", method: str = "GET", **headers: str) -> tuple[int, str]:
    """Status and cookie of an answer."""
    connection = http.client.HTTPConnection(urlsplit(place).netloc, timeout=60)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, (answer.getheader("Set-Cookie") or "").split(";")[0]


def cookie_of(server) -> str:
    """The cookie that the token is exchanged for."""
    connection = http.client.HTTPConnection(urlsplit(server.place).netloc, timeout=60)
    connection.request("GET", server.url.removeprefix(server.place.rstrip("/")))
    cookies = [value for name, value in connection.getresponse().getheaders() if name.lower() == "set-cookie"]
    connection.close()
    (ours,) = (each for each in cookies if each.startswith("abm-"))
    assert ours.endswith("; Path=/; HttpOnly; SameSite=Strict")
    return ours.split(";")[0]


@pytest.fixture(scope="module")
def chromium():
    with browser(f"--host-resolver-rules=MAP {FOREIGN} 127.0.0.1") as each:
        yield each


@pytest.fixture(scope="module")
def stranger():
    """The address of another page on this machine, which sees the same cookies, as of another user's server."""

    class Empty(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><body>another page</body>")

        def log_message(self, *arguments) -> None:
            pass

    other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{other.server_address[1]}"
    other.shutdown()
    other.server_close()


def test_another_page_of_the_same_browser_neither_connects_nor_reads_nor_frames_it(server, chromium, stranger):
    context = chromium.new_context()
    ours, other = context.new_page(), context.new_page()
    ours.goto(server.url)
    ours.wait_for_selector(".abm-panels canvas")
    socket = server.place.replace("http", "ws") + SOCKET
    assert ours.evaluate(CONNECT, socket) == "open"  # what is refused to others
    for place in (f"http://{stranger}/", f"http://{stranger.replace('127.0.0.1', 'localhost')}/"):
        other.goto(place)
        assert other.evaluate(CONNECT, socket) == "refused"
        assert other.evaluate(CONNECT, socket.replace("127.0.0.1", "localhost")) == "refused"
        assert other.evaluate(READ, server.place) == "refused"
        other.evaluate(FRAME, server.place)
        assert not any(frame.locator(".abm-panels").count() for frame in other.frames if frame.parent_frame)
    context.close()
    assert server.let_go()


def test_a_foreign_name_that_leads_to_this_machine_is_refused_even_with_the_token(server, chromium):
    page = chromium.new_page()
    for url in (server.place, server.url):
        answer = page.goto(url.replace("127.0.0.1", FOREIGN))
        assert answer.status == 403 and "set-cookie" not in answer.headers
    socket = server.place.replace("http", "ws").replace("127.0.0.1", FOREIGN) + SOCKET
    assert page.evaluate(CONNECT, socket) == "refused"
    page.close()


def test_no_token_a_wrong_one_and_that_of_another_server_are_refused(server):
    cookie = cookie_of(server)
    with served("one-market") as other:
        foreign = cookie_of(other)
    name, token = cookie.split("=")
    for path in ("/", "/static/assets/style.css", "/_solara/cdn/requirejs@2.3.6/require.js", "/resourcez", "/nothing"):
        assert request(server.place, path) == (403, "")
        assert request(server.place, f"{path}?token=wrong") == (403, "")
        assert request(server.place, path, Cookie=foreign) == (403, "")
        assert request(server.place, path, Cookie=f"{name}={foreign.split('=')[1]}") == (403, "")
    assert request(server.place, "/_solara/api/close/any?session_id=any", "POST") == (403, "")
    assert request(server.place, Cookie=cookie)[0] == 200
    assert token not in (Path(f"/proc/{server.process.pid}/cmdline").read_text() if sys.platform == "linux" else "")


def test_of_solara_only_what_the_page_needs_is_served_and_its_files_stay(server):
    cookie = cookie_of(server)
    assets = Path(serve_file).parent / "assets"
    before = sorted(assets.rglob("*"))
    solara = ("/readyz", "/resourcez?verbose", "/jupyter/api/kernels/any", "/other", "/a/b", "/static/public/a")
    files = ("/_solara/cdn/@widgetti", "/_solara/cdn/requirejs@2.3.6", "/_solara/cdn/vue@3.0.0/vue.js")
    outside = ("/_solara/cdn/../serve.py", "/static/../server.py", "/jupyter/nbextensions/../../../../etc/passwd")
    for path in (*solara, *files, *outside):
        assert request(server.place, path, Cookie=cookie)[0] == 404, path
    assert request(server.place, "/_solara/api/evict/any", "POST", Cookie=cookie)[0] == 404
    assert request(server.place, "/_solara/cdn/requirejs@2.3.6/require.js", Cookie=cookie)[0] == 200
    assert sorted(assets.rglob("*")) == before


def test_another_user_of_the_machine_finds_the_token_nowhere(tmp_path, chromium):
    # Whoever is not root can run nothing as another user. Where CI is root, as in a container, this is tested.
    if os.name != "posix" or os.geteuid() or not shutil.which("curl"):
        pytest.skip("only root can be another user, and curl asks")
    # Stands for a browser: says what it was started with, as a list of processes shows it.
    opener = tmp_path / "opener"
    opener.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/started\n', encoding="utf-8")
    opener.chmod(0o755)
    with served("one-market") as free:  # a port that will be free
        port = urlsplit(free.place).port
    environment = os.environ | {"BROWSER": f"{opener} %s", "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "abm", "dashboard", "one-market", "--port", str(port)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)
    try:
        url = process.stdout.readline().split()[2]
        token = url.split("token=")[1]
        place = url.split("?")[0]
        page = chromium.new_page()
        while not (tmp_path / "started").exists():
            page.wait_for_timeout(100)
        page.wait_for_timeout(500)
        (way,) = tmp_path.glob("abm-*/open.html")
        assert (tmp_path / "started").read_text().strip() == way.as_uri()
        assert way.stat().st_mode & 0o777 == 0o600 and way.parent.stat().st_mode & 0o777 == 0o700
        assert token in way.read_text()
        shown = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
        assert str(port) in shown and token not in shown
        tmp_path.chmod(0o755)
        for words in (
            ["-o", "/dev/null", "-w", "%{http_code}", place],
            [way.as_uri()],
            [f"file:///proc/{process.pid}/environ"],
        ):
            asked = subprocess.run(["curl", "-s", *words], user=NOBODY, group=NOBODY, extra_groups=[], cwd="/",
                                   capture_output=True, text=True, check=False)  # fmt: skip
            assert asked.stdout in ("403", ""), words
        page.goto(way.as_uri())  # as the owner's browser does
        page.wait_for_selector("text=Step 0 of")
        page.reload()
        page.wait_for_selector("text=Step 0 of")
        page.goto(place)  # the cookie is enough from now on
        page.wait_for_selector("text=Step 0 of")
        page.close()
    finally:
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=60)
    assert process.returncode == 0 and token not in complaints and "Traceback" not in complaints
    assert list(tmp_path.glob("abm-*")) == []


def test_one_browser_keeps_pages_of_two_servers(server, chromium):
    with served("one-market") as other:
        context = chromium.new_context()
        pages = [context.new_page() for _ in range(2)]
        for page, own in zip(pages, (server, other)):
            page.goto(own.url)
            page.wait_for_selector("text=Step 0 of")
        for page, own in zip(pages, (server, other)):
            page.goto(own.place)  # by its cookie
            page.get_by_role("button", name="Step", exact=True).click()
            page.wait_for_selector("text=Step 1 of")
        context.close()
        assert other.said == []
    assert server.let_go() and server.said == []
