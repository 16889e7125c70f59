"""Futures of one past: replications that share everything before a step, and differ in the draws from it on.

Each run is its scenario with one more change, of the seed at that step. The change is the last of the scenario, so that
it holds whatever seeds other changes bring.
"""

from abm.errors import InputError
from abm.scenario.changes import Change
from abm.scenario.scenario import Scenario

NAME = "future"  # of the change


def with_future(scenario: Scenario, from_step: int, seed: int) -> Scenario:
    """A scenario whose draws are those of a seed from a step on.

    Examples
    --------
    >>> with_future(Scenario(), from_step=200, seed=7).get("changes.future.seed")
    7
    """
    if any(change.name == NAME for change in scenario.changes):
        raise InputError(f"the scenario has a change {NAME!r}, which is the name of the one that from_step makes")
    if from_step > scenario.steps:
        raise InputError(f"from_step = {from_step} is outside [1, {scenario.steps}], the steps of the run")
    return scenario.replace(changes=[*scenario.changes, Change(name=NAME, step=from_step, seed=seed)])


def future(scenario: Scenario, seed: int) -> Scenario:
    """The scenario of `with_future` with another seed."""
    return scenario.replace(**{f"changes.{NAME}.seed": seed})


def check_reached(scenario: Scenario) -> None:
    """Refuse a point whose runs end before the futures begin."""
    if not scenario.changes or scenario.changes[-1].name != NAME:
        raise InputError(f"[replications] from_step is after the last of {scenario.steps} steps")
