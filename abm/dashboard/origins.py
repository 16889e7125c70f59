"""What a page can start from: the bundled scenarios, and the one that the command was given, with its firm table."""

import functools
from dataclasses import dataclass
from typing import NamedTuple

from abm.errors import InputError, shown
from abm.scenario.scenario import Scenario
from abm.simulation.firm_table import Cells, FirmTable, read_firm_table


@dataclass(frozen=True, eq=False)
class Origin:
    """A scenario as it was loaded, before it is changed on a page, by its name or path, and the firms it starts with.

    Attributes
    ----------
    name : str
        A bare name or a path.
    scenario : Scenario
    cells : Cells, optional
        The content of a firm table.
    firms : str
        The path of the firm table.
    """

    name: str
    scenario: Scenario
    cells: Cells | None = None
    firms: str = ""

    def table(self, scenario: Scenario) -> FirmTable | None:
        """The firms that a scenario starts with; None where they are drawn."""
        return None if self.cells is None else read_firm_table(self.cells, scenario)


class Opening(NamedTuple):
    """What a page opens with: an origin, settings as `--set` takes them, a seed, and the step it is brought to."""

    origin: Origin
    settings: tuple[str, ...] = ()
    seed: int = 0
    step: int = 0


_given: list[Opening] = []


def open_with(opening: Opening) -> None:
    """Let every page that is opened from now on start with this."""
    _given[:] = [opening]


def first_opening() -> Opening:
    """What a page starts with.

    Examples
    --------
    >>> first_opening().origin.name
    'four-sectors'
    """
    return _given[0] if _given else Opening(find_origin("four-sectors"))


def origin_names() -> list[str]:
    """The names of all scenarios that a page offers."""
    return list(dict.fromkeys([*Scenario.bundled(), *(each.origin.name for each in _given)]))


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
        raise InputError(f"the page offers no scenario {shown(name)}; allowed: {', '.join(origin_names())}")
    return next((each.origin for each in _given if each.origin.name == name), None) or _bundled(name)


@functools.cache
def _bundled(name: str) -> Origin:
    return Origin(name, Scenario.load(name))
