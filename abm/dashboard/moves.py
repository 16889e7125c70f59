"""What is moved while a market runs: as changes of its scenario, undone, and as the next step takes it."""

import math
from collections.abc import Iterable

from abm.scenario.changes import ONCE, PARAMETER_TABLES, Change, timetable, value_at
from abm.scenario.parameters import FIXED
from abm.scenario.scenario import Scenario
from abm.scenario.settings import settings_between


def is_movable(name: str) -> bool:
    """Whether a parameter can change on the way.

    Examples
    --------
    >>> is_movable("sectors.enterprise.churn"), is_movable("sectors.enterprise.demand_share")
    (True, False)
    """
    return name.rpartition(".")[2] not in FIXED


def with_moves(scenario: Scenario, moves: Iterable[Change], kept: str | None = None) -> Scenario:
    """A scenario with what was moved on the way; a parameter that is `kept` is not moved.

    Examples
    --------
    >>> moved = with_moves(Scenario(), [Change(name="churn_at_3", step=3, churn=0.5, k1=0.8)], kept="k1")
    >>> [change.plain() for change in moved.changes]
    [{'name': 'churn_at_3', 'step': 3, 'ramp': 1, 'churn': 0.5}]
    """
    others = [{name: value for name, value in move.plain().items() if name != kept} for move in moves]
    own = [each for each, move in zip(others, moves, strict=True) if move.values.keys() - {kept}]
    return scenario.replace(changes=(*scenario.changes, *own)) if own else scenario


def undone(moves: Iterable[Change], step: int, given: Scenario, origin: Scenario) -> tuple[Change, ...]:
    """Moves that leave a run as its origin from a step on: they end there, and what was given otherwise is moved back.

    What happens once is not undone, nor a runway from or to infinity.

    Examples
    --------
    >>> moves = undone([Change(name="churn_at_3", step=3, churn=0.5)], 7, Scenario(k1=0.8), Scenario())
    >>> [(move.name, move.until, move.values) for move in moves]
    [('churn_at_3', 7, {'churn': 0.5}), ('undo_at_7', inf, {'k1': 0.9})]
    """
    names = (each.partition("=")[0] for each in settings_between(origin, given))
    back = {name: origin.get(name) for name in names if is_movable(name) and not name.startswith("changes.")}
    if math.isinf(max(given.runway, origin.runway)):
        back.pop("runway", None)
    ended = []
    for move in moves:
        if move.step < step and move.until > step and move.values != back and not move.values.keys() <= {*ONCE}:
            move = Change(**move.plain() | {"until": step})
        if move.step < step or move.values.keys() <= {*ONCE}:
            ended.append(move)
    if back and not any(move.values == back and math.isinf(move.until) for move in ended):
        ended.append(Change(name=f"undo_at_{step}", step=step, **back))
    return tuple(ended)


def taken_at(step: int, scenario: Scenario, given: Scenario) -> Scenario:
    """A scenario as it was given, with what a step of it takes in place of what changes on the way.

    Examples
    --------
    >>> moved = with_moves(Scenario(), [Change(name="open", step=3, ramp=2, spillover=0.1)])
    >>> [round(taken_at(step, moved, Scenario()).spillover, 3) for step in (2, 3, 4)]
    [0.01, 0.055, 0.1]
    """
    numbers: dict[tuple[str, int, str], list] = {}
    for timed in timetable(scenario):
        if timed.table in PARAMETER_TABLES:
            numbers.setdefault(timed[:3], []).append(timed)
    values = {}
    for (table, member, key), changes in numbers.items():
        name = key if table == "market" else f"{table}.{getattr(given, table)[member].name}.{key}"
        values[name] = value_at(given.get(name), changes, step)
    return given.replace(changes=(), **values) if values else given
