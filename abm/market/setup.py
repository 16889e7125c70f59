"""What a scenario makes of a market before its first step: parameters as arrays, and how slots and firms are split."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from abm.market.arrays import DEMAND_CAP, DEMAND_FLOOR, Layout, Parameters
from abm.market.records import CHANGES, MARKET_PARAMETERS, NEVER, SECTOR_PARAMETERS, STRATEGY_PARAMETERS
from abm.numerics.compilation import formula
from abm.scenario.changes import PARAMETER_TABLES, timetable
from abm.scenario.fields import Sector
from abm.scenario.parameters import MARKET, SECTOR, SECTOR_OWN, STRATEGY, Parameter
from abm.scenario.scenario import Scenario


def _numbers(table: Mapping[str, Parameter], values: Any) -> tuple[float, ...]:
    """The parameters of a table, a choice as its place among the choices."""
    given = [(parameter, getattr(values, name)) for name, parameter in table.items()]
    return tuple(_place(parameter, value) if parameter.kind == "choice" else value for parameter, value in given)


def _place(parameter: Parameter, choice: str) -> int:
    """The place of a choice; a rule of the user's own, which is none of them, has the place behind them."""
    return parameter.choices.index(choice) if choice in parameter.choices else len(parameter.choices)


def _sector_numbers(scenario: Scenario, sector: Sector) -> tuple[float, ...]:
    """The parameters of a sector: its own, and the market's where it has none of its own."""
    own = {name: getattr(sector, name) for name in SECTOR_OWN}
    resolved = (getattr(scenario, name) if value is None else value for name, value in own.items())
    return (*_numbers(SECTOR, sector), *resolved)


def parameters_of(scenario: Scenario) -> Parameters:
    """The parameters of a scenario as arrays.

    Examples
    --------
    >>> parameters_of(Scenario(churn=0.4)).market["churn"]
    array([0.4])
    """
    demand = np.clip(demand_shares(scenario) * scenario.market_size, DEMAND_FLOOR, DEMAND_CAP)
    weights = np.array([strategy.weight for strategy in scenario.strategies])
    cumulative = np.cumsum(weights / weights.sum())
    sectors = [
        (*_sector_numbers(scenario, sector), start) for sector, start in zip(scenario.sectors, demand, strict=True)
    ]
    strategies = [
        (*_numbers(STRATEGY, strategy), up_to) for strategy, up_to in zip(scenario.strategies, cumulative, strict=True)
    ]
    market = (*_numbers(MARKET, scenario), funds_unit(scenario.runway))
    tables = (
        np.array([market], dtype=MARKET_PARAMETERS),
        np.array(sectors, dtype=SECTOR_PARAMETERS),
        np.array(strategies, dtype=STRATEGY_PARAMETERS),
    )
    given = tuple(table.view(np.float64).copy() for table in tables)
    no_rules = np.zeros(len(strategies), dtype=np.int64)  # addresses, known when a market is made
    return Parameters(*tables, given, changes_of(scenario), no_rules)


# In the order of the numbers of `abm.market.records.IN_MARKET` and so on.
_TABLES = {
    "market": MARKET_PARAMETERS.names,
    "sectors": SECTOR_PARAMETERS.names,
    "strategies": STRATEGY_PARAMETERS.names,
    "demand": ("demand_factor",),
    "seed": ("seed",),
}


def changes_of(scenario: Scenario) -> np.ndarray:
    """What changes on the way of a scenario, as numbers.

    Examples
    --------
    >>> changed = changes_of(Scenario(changes=[{"name": "shock", "step": 9, "demand_factor": 0.7}]))
    >>> changed["step"], changed["value"]
    (array([9]), array([0.7]))
    """
    rows = []
    for timed in timetable(scenario):
        names = _TABLES[timed.table]
        place = timed.member * len(names) + names.index(timed.key)
        until, ramp = (min(timed.until, NEVER), timed.ramp) if timed.table in PARAMETER_TABLES else (NEVER, 1)
        seed, value = (timed.value, 0.0) if timed.table == "seed" else (0, timed.value)
        rows.append((list(_TABLES).index(timed.table), place, timed.step, until, ramp, seed, value))
    return np.array(rows, dtype=CHANGES)


@formula
def funds_unit(largest: float) -> float:
    """A factor by which funds up to `largest` can be summed and squared.

    Examples
    --------
    >>> funds_unit(8.0), funds_unit(1e300) < 1e-100
    (1.0, True)
    """
    return 2.0**-600 if 1e100 < largest < np.inf else 1.0


def demand_shares(scenario: Scenario) -> np.ndarray:
    """Demand shares of the sectors, normalised to sum 1; shape (sectors,)."""
    shares = np.array([sector.demand_share for sector in scenario.sectors])
    return shares / shares.sum()


def _quotas(weights: Sequence[float], total: int) -> list[Fraction]:
    """A number in exact proportion to weights, as written: a tie must not depend on how 0.1 is rounded."""
    exact = [Fraction(repr(weight)) for weight in weights]
    part = total / sum(exact)
    return [weight * part for weight in exact]


def split(weights: Sequence[float], total: int) -> np.ndarray:
    """Split a number in proportion to weights by largest remainder, ties to the earlier.

    Examples
    --------
    >>> split([0.5, 0.25, 0.25], 5)
    array([3, 1, 1])
    """
    return np.array(_counts(tuple(weights), total), dtype=np.int64)


@lru_cache(maxsize=4096)  # exact arithmetic is slow, and many runs share their weights
def _counts(weights: tuple[float, ...], total: int) -> list[int]:
    quotas = _quotas(weights, total)
    whole = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(whole)), key=lambda place: whole[place] - quotas[place])
    for place in by_remainder[: total - sum(whole)]:
        whole[place] += 1
    return whole


def layout_of(scenario: Scenario) -> Layout:
    """Slots and initial firms of a start by draws.

    Examples
    --------
    >>> layout_of(Scenario(capacity=10, initial_firms=6)).firms
    array([6])
    """
    shares = [sector.demand_share for sector in scenario.sectors]
    weights = [strategy.weight for strategy in scenario.strategies]
    slots, firms = split(shares, scenario.capacity), split(shares, scenario.initial_firms)
    homeless = int(np.maximum(firms - slots, 0).sum())
    firms = np.minimum(firms, slots)
    for _ in range(homeless):
        firms[np.argmax(slots - firms)] += 1
    deals = np.array([split(weights, int(count)) for count in firms])
    return Layout(slots, firms, deals)


def layout_for(rows: np.ndarray, scenario: Scenario) -> Layout:
    """Slots around the firms of a table, the rest of the capacity dealt to the sector that lacks most.

    Parameters
    ----------
    rows : int64 array, shape (sectors,)
        The table's rows in each sector.
    scenario : Scenario
        With a capacity of at least the number of rows.
    """
    lack = _quotas([sector.demand_share for sector in scenario.sectors], scenario.capacity)
    lack = [quota - int(row) for quota, row in zip(lack, rows, strict=True)]
    slots = rows.copy()
    rest = scenario.capacity - int(slots.sum())
    while rest > 0:
        most = max(lack)
        neediest = [place for place, lacking in enumerate(lack) if lacking > most - 1]
        others = [lacking for place, lacking in enumerate(lack) if place not in neediest]
        # Dealing one by one goes round the neediest sectors until the next one is as much in need; whole rounds are
        # dealt at once, since capacities go to 1e9.
        room = min(lack[place] for place in neediest) - max(others) if others else rest
        rounds = min(rest // len(neediest), int(room))
        if not rounds:
            rounds, neediest = 1, [lack.index(most)]
        for place in neediest:
            slots[place] += rounds
            lack[place] -= rounds
        rest -= rounds * len(neediest)
    return Layout(slots, rows, np.zeros((len(slots), len(scenario.strategies)), dtype=np.int64))
