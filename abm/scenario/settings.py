"""Two scenarios compared: the settings that make the one of the other."""

from abm.scenario.parameters import MARKET
from abm.scenario.scenario import Scenario


def settings_between(origin: Scenario, scenario: Scenario) -> list[str]:
    """What `--set` and `Scenario.with_settings` need to make a scenario of one with the same sectors and strategies.

    Examples
    --------
    >>> settings_between(Scenario(), Scenario(runway=float("inf"), steps=40))
    ['steps=40', 'runway=inf']
    """
    before, now = origin.flat(), scenario.flat()
    return [
        f"{name}={value if isinstance(value, str) else repr(value)}"
        for name, value in now.items()
        if _is_other(origin, scenario, name, differs=before.get(name) != value)
    ]


def _is_other(origin: Scenario, scenario: Scenario, name: str, *, differs: bool) -> bool:
    if name in MARKET and MARKET[name].follows:
        # Where it is not set it follows another value in either; where it is set in both it follows none.
        return scenario.is_set(name) and (differs or not origin.is_set(name))
    return differs
