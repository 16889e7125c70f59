"""The scenarios that a page can start from: the bundled ones, and the one that the command was given."""

from typing import NamedTuple

from abm.errors import InputError
from abm.scenario.scenario import Scenario


class Origin(NamedTuple):
    """A scenario as it was loaded, before it is changed on a page, and the bare name or path that it was loaded by."""

    name: str
    scenario: Scenario


_given: list[Origin] = []


def open_with(origin: Origin) -> None:
    """Let every page that is opened from now on start with a scenario."""
    _given[:] = [origin]


def first_origin() -> Origin:
    """The scenario that a page starts with.

    Examples
    --------
    >>> first_origin().name
    'four-sectors'
    """
    return _given[0] if _given else find_origin("four-sectors")


def origin_names() -> list[str]:
    """The names of all scenarios that a page offers."""
    return list(dict.fromkeys([*Scenario.bundled(), *(each.name for each in _given)]))


def find_origin(name: str) -> Origin:
    """One of `origin_names`; a file is not read again, as it may have been changed since.

    Raises
    ------
    InputError
        If a page does not offer it: what a browser sends leads to no file.

    Examples
    --------
    >>> find_origin("one-market").scenario.name
    'one-market'
    """
    if name not in origin_names():
        raise InputError(f"the page offers no scenario {name!r}; allowed: {', '.join(origin_names())}")
    return next((each for each in _given if each.name == name), None) or Origin(name, Scenario.load(name))
