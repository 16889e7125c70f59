"""Changes on the way: parameters that take another value from a step of the run on, at once or over a ramp.

A scenario holds them as `[[changes]]`. A refusal raises `InputError` with one message that names the key, the value
and what is allowed.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationInfo, field_validator, model_validator

from abm.errors import InputError, nearest, shown
from abm.scenario.fields import Table, composed
from abm.scenario.parameters import CHANGE, FIXED, MARKET, SECTOR, SECTOR_OWN, STRATEGY, Parameter

SCHEDULE = ("step", "until", "ramp")  # when a change holds
ONCE = ("demand_factor", "seed")  # what happens once, at the first step of a change
PARAMETER_TABLES = ("market", "sectors", "strategies")


def changeable() -> dict[str, Parameter]:
    """What a change may hold by its key alone: parameters of the market, of all sectors and of all strategies.

    Examples
    --------
    >>> "churn" in changeable(), "capacity" in changeable()
    (True, False)
    """
    own = {name: CHANGE[name] for name in ONCE}
    return STRATEGY_CHANGES | SECTOR_CHANGES | MARKET_CHANGES | own


MARKET_CHANGES, SECTOR_CHANGES, STRATEGY_CHANGES = (
    {name: parameter for name, parameter in table.items() if name not in FIXED}
    for table in (MARKET, SECTOR | SECTOR_OWN, STRATEGY)
)
_OF_MEMBERS = {
    "sectors": SECTOR_CHANGES | {"demand_factor": CHANGE["demand_factor"]},
    "strategies": STRATEGY_CHANGES,
}


def _parameter(key: str) -> Parameter:
    """The parameter of a key: `churn`, `quality_elasticity` or `sectors.NAME.quality_elasticity`."""
    parts = key.split(".")
    dotted = len(parts) == 3 and parts[0] in _OF_MEMBERS
    known = _OF_MEMBERS[parts[0]] if dotted else changeable()
    if dotted or len(parts) == 1:
        if parts[-1] in known:
            return known[parts[-1]]
        if parts[-1] in FIXED:
            raise InputError(f"{parts[-1]} cannot change on the way")
    raise InputError(f"unknown key {key!r}{nearest(parts[-1], [*SCHEDULE, *known])}")


def _flattened(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Keys with their dots, whether they were written in quotes or became tables within tables."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield composed(f"{prefix}{key}"), value


class Change(Table):
    """Parameters that take another value on the way.

    Parameters
    ----------
    name : str
        By which `--set` and designs know it: `changes.NAME.KEY`.
    step : int
        The first step made with it.
    until : int, optional
        The first step made without it; left out (or infinity): it holds for good.
    ramp : int
        Over how many steps the new values are reached; 1: at once.
    **values
        New values by key: a parameter of the market, `sectors.NAME.KEY`, `strategies.NAME.KEY`, a sector's or
        strategy's KEY alone for all of them; `demand_factor` and `seed`.

    Examples
    --------
    >>> change = Change(name="open_weights", step=100, until=200, spillover=0.1)
    >>> change.values, change.ramp
    ({'spillover': 0.1}, 1)
    >>> Change(name="late", step=100, until=50, spillover=0.1)
    Traceback (most recent call last):
    abm.errors.InputError: until = 50 is not above step = 100
    """

    step: int
    until: int | float = math.inf
    ramp: int = 1
    given: tuple[tuple[str, int | float], ...]

    def __init__(self, /, **given: Any) -> None:
        own = {key: given.pop(key) for key in ("name", *SCHEDULE) if key in given}
        super().__init__(**own, given=given)

    @property
    def values(self) -> dict[str, int | float]:
        """The new values by key."""
        return dict(self.given)

    @field_validator(*SCHEDULE, mode="plain")
    @classmethod
    def _check_schedule(cls, value: Any, info: ValidationInfo) -> int | float:
        checked = CHANGE[info.field_name].check(value)
        if isinstance(checked, float) and math.isfinite(checked):
            if not checked.is_integer():
                raise InputError(f"{info.field_name} = {shown(value)} is not a whole step")
            return int(checked)
        return checked

    @field_validator("given", mode="plain")
    @classmethod
    def _check_values(cls, given: Mapping[str, Any]) -> tuple[tuple[str, int | float], ...]:
        checked: dict[str, int | float] = {}
        for key, value in _flattened(given):
            if key in checked:
                raise InputError(f"{key} is there twice")
            try:
                checked[key] = _parameter(key).check(value)
            except InputError as problem:
                raise InputError(str(problem) if "." not in key else f"{key}: {problem}") from None
        return tuple(checked.items())

    @model_validator(mode="after")
    def _check_whole(self) -> "Change":
        if self.until <= self.step:
            raise InputError(f"until = {self.until} is not above step = {self.step}")
        if not self.given:
            raise InputError("nothing changes; give at least one parameter, demand_factor or seed")
        if self.ramp > 1 and "review_interval" in self.values:
            raise InputError(f"ramp = {self.ramp}: review_interval changes at once; give it a change of its own")
        return self

    def plain(self) -> dict[str, Any]:
        """All values as plain types, as in a file.

        Examples
        --------
        >>> Change(name="shock", step=9, demand_factor=0.7).plain()
        {'name': 'shock', 'step': 9, 'ramp': 1, 'demand_factor': 0.7}
        """
        until = {} if math.isinf(self.until) else {"until": self.until}
        return {"name": self.name, "step": self.step, **until, "ramp": self.ramp, **self.values}


class Timed(NamedTuple):
    """A number that changes on the way: which one, when, and what it becomes.

    Attributes
    ----------
    table : str
        "market", "sectors", "strategies", or "demand" and "seed" for what happens once.
    member : int
        Of the sectors or strategies; 0 otherwise.
    key : str
    step, until, ramp : int or float
        As in `Change`.
    value : int or float
    """

    table: str
    member: int
    key: str
    step: int
    until: int | float
    ramp: int
    value: int | float


def timetable(scenario: Any) -> list[Timed]:
    """Every number that changes on the way of a scenario, in the order of its changes.

    Within a change a dotted name wins over a key alone. What a sector takes from the market changes with the market's.
    """
    members = {key: [member.name for member in getattr(scenario, key)] for key in _OF_MEMBERS}
    found = []
    for change in scenario.changes:
        numbers: dict[tuple[str, int, str], int | float] = {}
        for key, value in sorted(change.given, key=lambda pair: "." in pair[0]):
            numbers |= dict.fromkeys(_places(scenario, members, key), value)
        for (table, member, key), value in numbers.items():
            found.append(Timed(table, member, key, change.step, change.until, change.ramp, value))
    return found


def _places(scenario: Any, members: Mapping[str, list[str]], key: str) -> Iterator[tuple[str, int, str]]:
    """The numbers that a key stands for, as (table, member, key)."""
    if key == "seed":
        yield "seed", 0, key
    elif key in MARKET_CHANGES:
        yield "market", 0, key
        if key in SECTOR_CHANGES:
            followers = [place for place, sector in enumerate(scenario.sectors) if not sector.has_own(key)]
            yield from (("sectors", place, key) for place in followers)
    elif "." in key:
        head, name, own = key.split(".")
        yield ("demand" if own == "demand_factor" else head), members[head].index(name), own
    else:
        head = "strategies" if key in STRATEGY_CHANGES else "sectors"
        table = "demand" if key == "demand_factor" else head
        yield from ((table, place, key) for place in range(len(members[head])))


def value_at(given: float, changes: Iterable[Timed], step: int) -> float:
    """The value of one number at a step: what is given, then each change in turn over what holds without it.

    Examples
    --------
    >>> ramp = Timed("market", 0, "churn", 10, 20, 4, 0.6)
    >>> [round(value_at(0.2, [ramp], step), 12) for step in (9, 10, 13, 19, 20)]
    [0.2, 0.3, 0.6, 0.6, 0.2]
    """
    for change in changes:
        if change.step <= step < change.until:
            reached = (step - change.step + 1) / change.ramp
            given = change.value if reached >= 1.0 else given + (change.value - given) * reached
    return given


def check_changes(scenario: Any) -> None:
    """Refuse changes that do not fit their scenario.

    Raises
    ------
    InputError
        A step after the last one, a sector or strategy that is not there, a runway to or from infinity, a ramp to or
        from infinity, or weights that are all 0 at some step.
    """
    for place, change in enumerate(scenario.changes):
        where = f'changes[{place}] "{change.name}"'
        if change.step > scenario.steps:
            raise InputError(f"{where}: step = {change.step} is outside [1, {scenario.steps}], the steps of the run")
        for key in change.values:
            if "." in key:
                head, name, own = key.split(".")
                names = [member.name for member in getattr(scenario, head)]
                if name not in names:
                    known = [f"{head}.{each}.{own}" for each in names]
                    raise InputError(f"{where}: unknown key {key!r}{nearest(key, known)}")
        runway = change.values.get("runway")
        if runway is not None and math.isinf(max(runway, scenario.runway)):
            raise InputError(
                f"{where}: runway = {runway} where the scenario has {scenario.runway}: it goes neither to nor from inf"
            )
    numbers: dict[tuple[str, int, str], list[Timed]] = {}
    for timed in timetable(scenario):
        if timed.table in PARAMETER_TABLES:
            numbers.setdefault(timed[:3], []).append(timed)
    for (table, member, key), changes in numbers.items():
        given = getattr(scenario if table == "market" else getattr(scenario, table)[member], key)
        _check_ramps(key, getattr(scenario, key) if given is None else given, changes)
    _check_weights(scenario, numbers)


def _check_ramps(key: str, given: float, changes: list[Timed]) -> None:
    """Refuse a ramp to or from infinity: there is nothing between."""
    turns = {turn for each in changes for turn in (each.step, each.until)}
    for place, change in enumerate(changes):
        end = min(change.step + change.ramp - 1, change.until)
        for step in (turn for turn in turns if change.step <= turn < end):
            if math.isinf(value_at(given, changes[:place], step)) or math.isinf(change.value):
                raise InputError(
                    f"changes: {key} goes to or from inf only at once, not over ramp = {change.ramp} steps"
                )


def _check_weights(scenario: Any, numbers: Mapping[tuple[str, int, str], list[Timed]]) -> None:
    """Refuse weights of strategies that are all 0 at some step; between the ends of ramps they are not all 0."""
    own = [numbers.get(("strategies", place, "weight"), []) for place in range(len(scenario.strategies))]
    turns = {turn for each in own for one in each for turn in (one.step, one.step + one.ramp - 1, one.until)}
    for step in sorted(turns):
        weights = [value_at(one.weight, changes, step) for one, changes in zip(scenario.strategies, own, strict=True)]
        if not any(weights):
            raise InputError(f"changes: weight is 0 for all strategies at step {step}; at least one must be above 0")
