"""Who is let through to the page, and what a browser's messages can do: without a browser."""

import asyncio
import sys

import pytest

from abm import Scenario
from abm.dashboard import origins
from abm.dashboard.gate import Gate
from abm.dashboard.inputs import is_place
from abm.dashboard.origins import Opening, Origin, find_origin, open_with
from abm.errors import InputError
from tests.watching import FOUR

TOKEN = "right"
HERE = "127.0.0.1:8765"
COOKIE = f"abm-8765={TOKEN}"


async def application(scope, receive, send) -> None:
    """Lets everybody in."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def ask(kind="http", query="", listens="127.0.0.1", reached="127.0.0.1", port=8765, **headers) -> tuple:
    """Whether a request is let through, and the headers of its answer."""
    sent = []
    raw = [(name.encode(), each.encode()) for name, given in headers.items() for each in given.split("|")]
    scope = {"type": kind, "method": "GET", "path": "/", "query_string": query.encode(), "headers": raw,
             "server": (reached, port)}  # fmt: skip

    async def send(message) -> None:
        sent.append(message)

    asyncio.run(Gate(application, listens, port, token=TOKEN)(scope, None, send))
    first = sent[0]
    if first["type"].startswith("websocket"):
        return first["type"] == "websocket.accept", {}
    assert first["status"] in (200, 403)
    return first["status"] == 200, {name.decode(): value.decode() for name, value in first["headers"]}


def test_the_token_is_exchanged_for_a_strict_cookie_which_opens_the_rest():
    passed, headers = ask(query=f"token={TOKEN}", host=HERE)
    assert passed and headers["set-cookie"] == f"{COOKIE}; Path=/; HttpOnly; SameSite=Strict"
    passed, headers = ask(host=HERE, cookie=COOKIE)
    assert passed and "set-cookie" not in headers
    assert headers["x-frame-options"] == "DENY" and headers["cross-origin-resource-policy"] == "same-origin"
    assert ask(host=HERE, cookie=COOKIE, origin=f"http://{HERE}")[0]
    assert ask("websocket", host=HERE, cookie=COOKIE, origin=f"http://{HERE}")[0]
    assert ask("websocket", host="localhost:8765", cookie=COOKIE, origin="http://localhost:8765")[0]


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "changed",
    [
        {"cookie": ""},
        {"cookie": "abm-8765=wrong"},
        {"cookie": "abm-8766=right"},
        {"cookie": "abm-8765=é"},
        {"host": "evil.example:8765"},
        {"host": "127.0.0.1"},
        {"host": "127.0.0.1:8766"},
        {"host": "127.0.0.1.evil.example:8765"},
        {"host": f"{HERE}|evil.example:8765"},
        {"host": "192.0.2.1:8765"},
        {"origin": "http://127.0.0.1:8766"},
        {"origin": "http://localhost:8765"},  # another origin than the host, though the same server
        {"origin": "https://127.0.0.1:8765"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": f"http://{HERE}|http://evil.example"},
    ],
    ids=str,
)
def test_what_differs_in_one_thing_is_refused(kind, changed):
    right = {"host": HERE, "origin": f"http://{HERE}", "cookie": COOKIE}
    assert ask(kind, **right)[0]
    assert not ask(kind, **right | changed)[0]


def test_a_request_without_host_and_a_socket_without_origin_are_refused():
    assert not ask(cookie=COOKIE)[0]
    assert not ask("websocket", host=HERE, cookie=COOKIE)[0]
    assert not ask("websocket", query=f"token={TOKEN}", host=HERE, origin=f"http://{HERE}")[0]


@pytest.mark.parametrize(
    "query", ["token=", "token=wrong", f"token={TOKEN}&token=wrong", f"Token={TOKEN}", "token=%00%ff"]
)
def test_a_wrong_token_sets_no_cookie(query):
    passed, headers = ask(query=query, host=HERE)
    assert not passed and "set-cookie" not in headers


def test_a_server_for_others_is_named_by_its_address_or_by_what_it_was_told():
    for listens, host, passes in (
        ("0.0.0.0", "192.0.2.7:8765", True),
        ("0.0.0.0", "192.0.2.8:8765", False),
        ("lab.example", "LAB.example:8765", True),
        ("lab.example", "evil.example:8765", False),
        ("0.0.0.0", "evil.example:8765", False),
    ):
        assert ask(listens=listens, reached="192.0.2.7", host=host, cookie=COOKIE)[0] == passes, (listens, host)
    assert ask(listens="::1", reached="::1", host="[::1]:8765", cookie=COOKIE)[0]
    assert ask(port=80, host="127.0.0.1", cookie="abm-80=right")[0]


def test_each_server_makes_a_token_of_its_own():
    one, other = (Gate(application, "127.0.0.1", 8765).url.split("token=")[1] for _ in range(2))
    assert one != other and len(one) >= 43


def test_a_page_takes_no_scenario_that_it_does_not_offer(tmp_path):
    mine, secret = (tmp_path / f"{name}.toml" for name in ("mine", "secret"))
    for each in (mine, secret):
        each.write_text("steps = 3\n", encoding="utf-8")
    open_with(Opening(Origin(str(mine), Scenario.load(mine))))
    try:
        assert find_origin(str(mine)).scenario.steps == find_origin(str(mine)).scenario.steps == 3
        for name in (str(secret), "/etc/passwd", f"{tmp_path}/../{tmp_path.name}/mine.toml", "", "one-market.toml"):
            with pytest.raises(InputError, match="the page offers no scenario"):
                find_origin(name)
    finally:
        open_with(Opening(FOUR))


SENT = [None, True, -1, 10**9, 0.5, float("nan"), "", "1", [], ["a"], {}, {"a": 1}]
opened: list[str] = []


def watch(event: str, arguments: tuple) -> None:
    if event == "open" and SECRET in str(arguments[0]):
        opened.append(str(arguments[0]))


SECRET = "a-file-that-no-page-may-read"


def test_no_message_to_an_input_of_the_page_reads_a_file_or_breaks_it(tmp_path):
    import ipyvuetify
    import solara

    from abm.dashboard.page import Page

    file = tmp_path / f"{SECRET}.toml"
    file.write_text("words = 'in the file'\n", encoding="utf-8")
    sys.addaudithook(watch)
    Scenario.bundled()
    with pytest.raises(InputError):
        Scenario.load(file)
    assert opened.pop() == str(file)  # it would be seen
    opened.clear()
    _, page = solara.render(Page(), handle_error=False)
    kinds = (ipyvuetify.VuetifyTemplate, ipyvuetify.Tabs, ipyvuetify.TextField)
    count = 0
    for kind in kinds:
        for place in range(len(page.find(kind).widgets)):
            for value in [*SENT, str(file), file.as_uri(), [str(file)]]:
                found = page.find(kind).widgets
                if place < len(found) and kind is ipyvuetify.VuetifyTemplate:
                    for name in [each for each in dir(found[place]) if each.startswith("vue_")]:
                        getattr(found[place], name)(value)
                        count += 1
                elif place < len(found):
                    found[place].v_model = value
                    count += 1
    assert count > 200
    assert opened == []
    titles = [each.children for each in page.find(ipyvuetify.Tab).widgets]
    assert ["Download"] in titles  # the page is there as it was
    page.close()


def test_a_place_is_a_whole_number_within():
    assert [each for each in [*SENT, 0, 1, 2] if is_place(each, ["a", "b"])] == [0, 1]


def test_the_scenarios_offered_are_the_bundled_ones_and_the_one_given():
    assert origins.origin_names() == [*dict.fromkeys([*Scenario.bundled(), "four-sectors"])]
