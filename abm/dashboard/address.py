"""What is on screen as the query of an address, so that a reload and a link bring the same market to the same step."""

import json
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from abm.dashboard.chooser import is_seed
from abm.dashboard.origins import find_origin, first_opening
from abm.dashboard.watched import WatchedMarket
from abm.errors import InputError, shown
from abm.scenario.changes import Change
from abm.scenario.numerals import literal
from abm.scenario.rules import is_function_name
from abm.scenario.settings import settings_between


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


def address_of(market: WatchedMarket, tab: str) -> str:
    """The query that brings what is on screen.

    Examples
    --------
    >>> origin = find_origin("one-market")
    >>> market = WatchedMarket(origin.scenario.replace(churn=0.4), rng=7, origin=origin)
    >>> address_of(market, "Firms")
    'scenario=one-market&set=churn%3D0.4&seed=7&step=0&tab=Firms'
    """
    words = [("scenario", market.origin.name)]
    words += [("set", each) for each in settings_between(market.origin.scenario, market.given)]
    words += [("seed", str(market.seed)), ("step", str(market.steps_done)), ("tab", tab)]
    if market.moves:
        words.append(("moves", json.dumps([move.plain() for move in market.moves], separators=(",", ":"))))
    if market.changed_parameter:
        words.append(("second", "{}={}".format(*market.changed_parameter)))
    return urlencode(words)


def visit(query: str | None) -> Visit:
    """What a query brings; where it is not understood what a page opens with without one, and why.

    Examples
    --------
    >>> visit("scenario=one-market&set=churn%3D0.4&seed=7&step=3").step
    3
    >>> visit("scenario=my-market").complaint.split(";")[0]
    "The address is not followed: the page offers no scenario 'my-market'"
    """
    asked = parse_qsl(query or "")
    first = first_opening()
    if "scenario" in dict(asked):
        try:
            return _visit(asked)
        except (InputError, ValueError, TypeError) as problem:
            complaint = f"The address is not followed: {problem}"
    else:
        complaint = ""
    scenario = first.origin.scenario.with_settings(first.settings)
    chosen = {"scenario": scenario, "rng": first.seed, "origin": first.origin, "changed": None}
    return Visit(WatchedMarket(**chosen), chosen, 0 if complaint else first.step, "", complaint)


def _visit(asked: list[tuple[str, str]]) -> Visit:
    given = {"seed": "0", "step": "0", "tab": "", "moves": "[]", "second": "", **dict(asked)}
    origin = find_origin(given["scenario"])
    settings = [value for name, value in asked if name == "set"]
    for setting in (*settings, given["second"]):
        if is_function_name(literal(setting.partition("=")[2])):  # a link leads to no file
            raise InputError(f"setting {shown(setting)}: an address names no rule of your own")
    scenario = origin.scenario.with_settings(settings)
    for name in ("seed", "step"):
        if not is_seed(given[name]):
            raise InputError(f"{name} = {shown(given[name])} is not a whole number")
    changed = None
    if given["second"]:
        name, _, value = given["second"].partition("=")
        parameter = scenario.settable().get(name)
        if parameter is None:
            raise InputError(f"second = {shown(given['second'])} is not of the form NAME=VALUE")
        changed = name, parameter.check(literal(value), whole_floats=True)
    chosen = {"scenario": scenario, "rng": int(given["seed"]), "origin": origin, "changed": changed}
    market = WatchedMarket(**chosen, moves=[Change(**each) for each in json.loads(given["moves"])])
    return Visit(market, chosen, min(int(given["step"]), scenario.steps), given["tab"])
