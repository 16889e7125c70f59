"""Which parameters the page shows in which group, and the values of each slider, from the table of parameters."""

import math
from typing import Any

import numpy as np

from abm.scenario.parameters import MARKET, SECTOR, SECTOR_OWN, STRATEGY, Parameter

# Always in view: those that moved the market most in the sensitivity experiment, and the article's own coefficients.
FIRST = (
    "network_effect", "churn", "variable_cost_share", "competitiveness_ceiling", "heterogeneity", "innovation_drag",
    "runway", "entry_rate", "spillover", "k1", "k2", "k3",
)  # fmt: skip
# Folded, under headings; a market parameter that is in none of them is shown under Others.
GROUPS = {
    "Run and size": ("steps", "capacity", "initial_firms", "market_size", "reading"),
    "Start": ("T0", "C0", "R0", "initial_momentum"),
    "Costs and funds": ("technology_cost", "funds_cap", "outside_capital", "stress_response"),
    "Ceilings": ("technology_ceiling", "return_ceiling"),
    "Speeds, noise and learning": (
        "technology_speed", "competitiveness_speed", "return_speed", "optimisation_speed", "quality_decay",
        "technology_noise", "competitiveness_noise", "review_interval", "learning_step",
    ),
    "Entrants": ("entrant_catch_up", "entrant_base"),
}  # fmt: skip
_NARROW = 11.0  # width of a range up to which a slider offers equal distances
_DIGITS = [digits / 10.0 for digits in range(10, 100)]  # a slider over orders of magnitude offers two digits


def groups_of(sectors: tuple[str, ...], strategies: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """The folded groups of a scenario: heading to names as `Scenario.replace` takes them.

    Examples
    --------
    >>> groups_of(("enterprise",), ("balanced",))["Sector enterprise"][0]
    'sectors.enterprise.demand_share'
    """
    placed = {*FIRST, *(name for names in GROUPS.values() for name in names)}
    others = tuple(name for name in MARKET if name not in placed)
    return (
        GROUPS
        | ({"Others": others} if others else {})
        | {f"Sector {name}": tuple(f"sectors.{name}.{key}" for key in (*SECTOR, *SECTOR_OWN)) for name in sectors}
        | {f"Strategy {name}": tuple(f"strategies.{name}.{key}" for key in STRATEGY) for name in strategies}
    )


def positions(parameter: Parameter, current: Any) -> list[Any]:
    """The values that a slider offers, in order; all are allowed, and the current one is among them.

    A narrow range is offered in equal distances, a wide one in two digits over an order of magnitude or more around
    the default and the current value, with 0 and infinity where they are allowed.

    Examples
    --------
    >>> positions(MARKET["churn"], 0.2)[:3], positions(MARKET["churn"], 0.2)[-1]
    ([0.01, 0.02, 0.03], 1.0)
    >>> positions(MARKET["runway"], 8.0)[-1]
    inf
    >>> positions(MARKET["reading"], "literal")
    ['literal', 'rate', 'increment']
    """
    if parameter.choices:
        return list(dict.fromkeys([*parameter.choices, current]))  # it may be a rule of the user's own
    width = parameter.high - parameter.low
    if width <= _NARROW:
        unit = 10.0 ** round(math.log10(width) - 2.0)
        steps = np.arange(round(width / unit) + 1) * unit
        offered = [float(f"{parameter.low + step:.6g}") for step in steps]
    else:
        offered = _around(parameter, current) + [0.0, math.inf]
    if parameter.kind == "int":
        offered = [int(value) for value in offered if value is not None and math.isfinite(value)]
    allowed = {value for value in offered if value is not None and parameter.admits(value)}
    return sorted(allowed | {current})


def _around(parameter: Parameter, current: Any) -> list[float]:
    """Numbers of two digits around a parameter's default and current value."""
    default = parameter
    while default.follows:
        default = MARKET[default.follows]
    anchors = [abs(value) for value in (default.default, current) if value and math.isfinite(value)] or [1.0]
    # Sizes and lengths are made larger more often than smaller.
    up = 100.0 if parameter.kind == "int" else 10.0
    low, high = min(anchors) / 10.0, max(anchors) * up
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = (float(f"{digit * 10.0**power:.6g}") for power in powers for digit in _DIGITS)
    return [value for value in values if low <= value <= high]


def written(value: Any, exact: bool = False) -> str:
    """A value as short as it can be read, or with all its digits as it can be typed.

    Examples
    --------
    >>> written(0.30000000000000004), written(20000), written(math.inf), written("rate")
    ('0.3', '20,000', '∞', 'rate')
    >>> written(12345.6789), written(12345.6789, exact=True)
    ('12,345.7', '12345.6789')
    """
    if isinstance(value, str):
        return value
    if math.isinf(value):
        return "∞"
    if exact:
        return repr(value).removesuffix(".0")
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def choose(scenario: Any, name: str, value: Any) -> Any:
    """The scenario with one value changed; capacity and initial firms are kept consistent.

    Examples
    --------
    >>> from abm import Scenario
    >>> choose(Scenario(capacity=100, initial_firms=80), "capacity", 40).initial_firms
    40
    """
    changes = {name: value}
    if name == "capacity" and scenario.initial_firms > value:
        changes["initial_firms"] = value
    if name == "initial_firms" and scenario.capacity < value:
        changes["capacity"] = value
    return scenario.replace(**changes)
