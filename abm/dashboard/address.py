"""What is on screen as the query of an address, so that a reload and a link bring the same market to the same step."""

import json
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from abm.dashboard.gallery import TABS
from abm.dashboard.inputs import is_whole
from abm.dashboard.origins import find_origin, first_opening, origin_names
from abm.dashboard.watched import WatchedMarket, second_scenario
from abm.errors import InputError, nearest, shown
from abm.scenario.changes import Change
from abm.scenario.fields import read_member
from abm.scenario.flat_names import unknown
from abm.scenario.numerals import hint, literal
from abm.scenario.rules import is_function_name
from abm.scenario.scenario import Scenario
from abm.scenario.settings import settings_between
from abm.simulation.market import check_memory
from abm.simulation.simulate import SEEDS

START = ("scenario", "set", "seed", "second")  # what a run starts with
WAITING = "reset-"  # stands before them where Reset would start with others
KEYS = (*START, "step", "tab", "moves", *(f"{WAITING}{name}" for name in START))
LONGEST, LONGEST_VALUE = 64_000, 1_000  # characters that are read of an address, and of a value other than moves


class Visit(NamedTuple):
    """What a page opens with.

    Attributes
    ----------
    market : WatchedMarket
    chosen : dict
        What Reset makes a market of.
    step : int
        What the market is brought to.
    tab : str
    complaint : str
        Why the address was not followed.
    """

    market: WatchedMarket
    chosen: dict[str, Any]
    step: int = 0
    tab: str = ""
    complaint: str = ""


def address_of(market: WatchedMarket, tab: str, chosen: dict[str, Any] | None = None) -> str:
    """The query that brings what is on screen, and what was chosen for Reset since.

    Examples
    --------
    >>> origin = find_origin("one-market")
    >>> market = WatchedMarket(origin.scenario.replace(churn=0.4), rng=7, origin=origin)
    >>> address_of(market, "Firms")
    'scenario=one-market&set=churn%3D0.4&seed=7&step=0&tab=Firms'
    """
    start = {"scenario": market.given, "rng": market.seed, "origin": market.origin, "changed": market.changed_parameter}
    words = _words(start) + [("step", str(market.steps_done)), ("tab", tab)]
    if market.moves:
        words.append(("moves", json.dumps([move.plain() for move in market.moves], separators=(",", ":"))))
    if chosen and chosen != start:
        words += [(f"{WAITING}{name}", value) for name, value in _words(chosen)]
    return urlencode(words)


def _words(start: dict[str, Any]) -> list[tuple[str, str]]:
    words = [("scenario", start["origin"].name)]
    words += [("set", each) for each in settings_between(start["origin"].scenario, start["scenario"])]
    words.append(("seed", str(start["rng"])))
    return [*words, ("second", "{}={}".format(*start["changed"]))] if start["changed"] else words


def visit(query: str | None) -> Visit:
    """What a query brings; where it is not understood what a page opens with without one, and why.

    Examples
    --------
    >>> visit("scenario=one-market&set=churn%3D0.4&seed=7&step=3").step
    3
    >>> visit("scenario=my-market").complaint.split(";")[0]
    "The address is not followed: the page offers no scenario 'my-market'"
    """
    try:
        if given := _given(query or ""):
            return _visit(given)
        complaint = ""
    except InputError as problem:
        complaint = f"The address is not followed: {problem}"
    first = first_opening()
    scenario = first.origin.scenario.with_settings(first.settings)
    chosen = {"scenario": scenario, "rng": first.seed, "origin": first.origin, "changed": None}
    return Visit(WatchedMarket(**chosen), chosen, 0 if complaint else first.step, "", complaint)


def _given(query: str) -> dict[str, list[str]]:
    """The values of each key of a query; those of the server and of Solara are left out."""
    if len(query) > LONGEST:
        raise InputError(f"it has {len(query):,} characters; allowed are at most {LONGEST:,}")
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name == "token" or name.startswith("solara"):
            continue
        if name not in KEYS:
            raise InputError(f"unknown key {shown(name)}{nearest(name, KEYS)}; allowed: {', '.join(KEYS)}")
        if len(value) > LONGEST_VALUE and name != "moves":
            raise InputError(f"{name} has {len(value):,} characters; allowed are at most {LONGEST_VALUE:,}")
        if name in given and name.removeprefix(WAITING) != "set":
            raise InputError(f"{name} is there twice")
        given.setdefault(name, []).append(value)
    return given


def _visit(given: dict[str, list[str]]) -> Visit:
    one = {"step": "0", "tab": "", "moves": "[]"} | {name: values[0] for name, values in given.items()}
    start = _start(given)
    step = _whole("step", one["step"], start["scenario"].steps)
    if one["tab"] and one["tab"] not in TABS:
        raise InputError(f"tab = {shown(one['tab'])} is none of {', '.join(TABS)}{nearest(one['tab'], TABS)}")
    market = WatchedMarket(**start, moves=_moves(one["moves"]))
    waiting = {name.removeprefix(WAITING): values for name, values in given.items() if name.startswith(WAITING)}
    return Visit(market, _start(waiting) if waiting else start, step, one["tab"])


def _start(given: dict[str, list[str]]) -> dict[str, Any]:
    """What a run starts with, refused where none can."""
    if "scenario" not in given:
        raise InputError(f"scenario is missing; allowed: {', '.join(origin_names())}")
    origin, settings = find_origin(given["scenario"][0]), given.get("set", [])
    for setting in (*settings, *given.get("second", [])):
        if is_function_name(literal(setting.partition("=")[2])):  # a link leads to no file
            raise InputError(f"setting {shown(setting)}: an address names no rule of your own")
    scenario = origin.scenario.with_settings(settings)
    changed = _second(scenario, given["second"][0]) if "second" in given else None
    check_memory(scenario, 0)
    if changed:
        second_scenario(scenario, changed)
    seed = _whole("seed", given.get("seed", ["0"])[0], SEEDS - 1)
    return {"scenario": scenario, "rng": seed, "origin": origin, "changed": changed}


def _whole(name: str, text: str, most: int) -> int:
    if not is_whole(text, most):
        raise InputError(f"{name} = {shown(text)} is not a whole number from 0 to {most:,}")
    return int(text)


def _second(scenario: Scenario, text: str) -> tuple[str, Any]:
    """The parameter in which a second market differs, and its value there."""
    name, _, value = (part.strip() for part in text.partition("="))
    if not name or not value:
        raise InputError(f"second = {shown(text)} is not of the form NAME=VALUE")
    known = scenario.settable()
    if name not in known:
        raise InputError(f"second = {shown(text)}: {unknown(name, known)}")
    try:
        return name, known[name].check(literal(value), f"second = {shown(text)}", whole_floats=True)
    except InputError as problem:
        raise InputError(f"{problem}{hint(value)}") from None


def _moves(text: str) -> list[Change]:
    try:
        moves = json.loads(text)
        json.dumps(moves, ensure_ascii=False).encode()  # "\\ud800" is half a character, which is no text
    except (ValueError, RecursionError):  # no JSON, or lists within lists without end
        moves = None
    if not isinstance(moves, list) or not all(isinstance(move, dict) for move in moves):
        form = '[{"name": NAME, "step": STEP, KEY: VALUE}, …]'
        raise InputError(f"moves = {shown(text)} is not of the form {form}, in JSON")
    for place, move in enumerate(moves):
        for key, value in move.items():
            if isinstance(value, dict | list):
                raise InputError(f"moves[{place}]: {shown(key)} is a list or table; allowed is a number")
    return [read_member(Change, move, f"moves[{place}]") for place, move in enumerate(moves)]
