"""Runs as statistical offices see firms: year by year, with the numbers that the facts of industries are measured on.

A step is a quarter. A firm keeps its slot, so that a run is a few arrays of years by slots, and growth is a difference
along the years of a slot whose firm stays the same.
"""

from typing import NamedTuple

import numpy as np

from abm import Scenario
from abm.market.firms import FIRM
from abm.simulation.market import Market
from abm.simulation.results import Result

YEAR = 4
SETTLED, OLD = 5 * YEAR, 10 * YEAR  # ages in steps from which on growth and returns are read


class Industry(NamedTuple):
    """One run.

    Attributes
    ----------
    sector : int64 array, shape (slots,)
    firm, age, customers, last_return, revenue, returns : float64 array, shape (years, slots)
        Id, age in steps, customers B and return R at the year's end; revenue B·P and mean R of the year, NaN unless the
        firm lived all of it. NaN where the slot is vacant.
    firms : int64 array, shape (steps + 1,)
        Number of firms at the start and at each step's end.
    margin : float64 array, shape (years,)
        Revenue over cost of all firms together, in the last step of each year.
    entry, exit : float64 array, shape (lives,)
        Steps at which firms entered (0: at the start) and left (NaN: they live).
    result : Result
    """

    sector: np.ndarray
    firm: np.ndarray
    age: np.ndarray
    customers: np.ndarray
    last_return: np.ndarray
    revenue: np.ndarray
    returns: np.ndarray
    firms: np.ndarray
    margin: np.ndarray
    entry: np.ndarray
    exit: np.ndarray
    result: Result


def observe(scenario: Scenario, seed: int) -> Industry:
    """Run a scenario and look at its firms step by step.

    Examples
    --------
    >>> industry = observe(Scenario(steps=8, capacity=10, entry_rate=0.0), 1)
    >>> industry.customers.shape, bool(np.isfinite(industry.revenue).all())
    ((2, 10), True)
    """
    market = Market(scenario, seed, full=False, steps=scenario.steps, threads=1)
    years, slots = scenario.steps // YEAR, market.state.firms.shape[1]
    names = ("firm", "age", "customers", "last_return", "revenue", "returns")
    arrays = {name: np.full((years, slots), np.nan) for name in names}
    sector = np.repeat(np.arange(len(market.sector_names)), market.layout.slots)
    counts, margin = [_living(market).sum()], np.full(years, np.nan)
    for year in range(years):
        revenue, returns = np.zeros(slots), np.zeros(slots)
        for step in range(year * YEAR + 1, (year + 1) * YEAR + 1):
            market.advance(step)
            counts.append(_living(market).sum())
            firms = market.state.firms
            revenue += firms[FIRM.B] * firms[FIRM.P]
            returns += firms[FIRM.R] / YEAR
        alive, whole = _living(market), _living(market) & (firms[FIRM.age] >= YEAR)
        own = (firms[FIRM.id], firms[FIRM.age], firms[FIRM.B], firms[FIRM.R])
        for name, values in zip(names, own, strict=False):
            arrays[name][year, alive] = values[alive]
        arrays["revenue"][year, whole], arrays["returns"][year, whole] = revenue[whole], returns[whole]
        cost = _cost(market, sector)
        margin[year] = (firms[FIRM.R] * cost)[alive].sum() / cost[alive].sum() if alive.any() else np.nan
    market.advance(scenario.steps)
    result = Result(market)
    lives = result.lives
    exits = lives["exit_step"].to_numpy(dtype=float, na_value=np.nan)
    entry = lives["entry_step"].to_numpy(dtype=float)
    return Industry(sector, **arrays, firms=np.array(counts), margin=margin, entry=entry, exit=exits, result=result)


def _living(market: Market) -> np.ndarray:
    return market.state.firms[FIRM.B] > 0.0


def _cost(market: Market, sector: np.ndarray) -> np.ndarray:
    """What each firm spends, in that of a baseline firm: what its sales are divided by in its return."""
    firms, scenario, sectors = market.state.firms, market.scenario, market.state.sectors
    with np.errstate(divide="ignore", invalid="ignore"):
        frontier = (sectors["mean_T"] / sectors["start_T"]) ** scenario.frontier_cost
    w = scenario.variable_cost_share
    lead = np.maximum(firms[FIRM.T] / firms[FIRM.T0] - 1.0, 0.0)
    research = 1.0 + 2.0 * scenario.technology_cost * firms[FIRM.theta] * lead
    return research * ((1.0 - w) * frontier[sector] + w * firms[FIRM.B])


class Growth(NamedTuple):
    """Growth of some firms over the years that count, arrays of shape (years, slots), NaN where there is none.

    Attributes
    ----------
    size, size_before : float64 array
        Over the mean of the sector in the year.
    growth : float64 array
        ln of size over size a year before, less the sector's mean of the year.
    """

    size: np.ndarray
    size_before: np.ndarray
    growth: np.ndarray


def growth_of(industry: Industry, kind: str, age: int) -> Growth:
    """Growth of the last three fourths of a run.

    Parameters
    ----------
    industry : Industry
    kind : str
        "customers" or "revenue": what size is.
    age : int
        In steps, least at the end of the year before.
    """
    sizes, groups = getattr(industry, kind), [industry.sector == m for m in np.unique(industry.sector)]
    relative = np.full(sizes.shape, np.nan)
    for own in groups:
        relative[:, own] = sizes[:, own] / _mean(sizes[:, own])
    stayed = (industry.firm[1:] == industry.firm[:-1]) & (industry.age[:-1] >= age)
    growth = np.where(stayed, np.log(relative[1:]) - np.log(relative[:-1]), np.nan)
    for own in groups:
        growth[:, own] -= _mean(growth[:, own])
    first = max(len(sizes) // 4 - 1, 0)
    return Growth(relative[1:][first:], relative[:-1][first:], growth[first:])


def _mean(values: np.ndarray) -> np.ndarray:
    """The mean of each row, NaN where nothing is known."""
    known = np.isfinite(values)
    count = known.sum(axis=1, keepdims=True)
    return np.where(known, values, 0.0).sum(axis=1, keepdims=True) / np.where(count > 0, count, np.nan)


def excess_returns(industry: Industry, kind: str = "returns") -> np.ndarray:
    """Returns of firms of ten years less their sector's mean of the year, of the last three fourths of a run.

    `kind` is "returns", the year's mean, or "last_return", that of its last quarter.
    """
    returns = np.where(industry.age >= OLD + YEAR, getattr(industry, kind), np.nan)
    for m in np.unique(industry.sector):
        returns[:, industry.sector == m] -= _mean(returns[:, industry.sector == m])
    return returns[len(returns) // 4 :]


def at_risk(industry: Industry, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Entrants that live at each age, and those that leave at it, for ages of 0 to `last` steps."""
    end = len(industry.firms) - 1
    entered = industry.entry > 0
    age = np.where(np.isnan(industry.exit), end, industry.exit)[entered] - industry.entry[entered]
    left = np.isfinite(industry.exit[entered])
    ages = np.arange(last + 1)
    return (age[:, None] >= ages).sum(axis=0), ((age[:, None] == ages) & left[:, None]).sum(axis=0)
