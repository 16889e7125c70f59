"""The beginning of a step: its number, and what changes on the way takes effect.

A step at which nothing changes costs one comparison, however many changes a scenario has.
"""

import numpy as np

from abm.market.aggregate import recompute_sums
from abm.market.arrays import DEMAND_CAP, DEMAND_FLOOR
from abm.market.records import (
    IN_DEMAND,
    IN_SECTORS,
    IN_SEED,
    IN_STRATEGIES,
    MARKET_PARAMETERS,
    NEVER,
    SECTOR_PARAMETERS,
    STRATEGY_PARAMETERS,
)
from abm.market.setup import funds_unit
from abm.numerics.compilation import kernel, part
from abm.numerics.views import copy_items

# Places within the numbers of a row.
_NETWORK_EFFECT = MARKET_PARAMETERS.names.index("network_effect")
_SECTOR_NUMBERS = len(SECTOR_PARAMETERS.names)
_ATTRACTING = tuple(
    place
    for place, name in enumerate(SECTOR_PARAMETERS.names)
    if name in ("competitiveness_elasticity", "quality_elasticity", "network_effect")
)
_STRATEGY_NUMBERS = len(STRATEGY_PARAMETERS.names)
_WEIGHT = STRATEGY_PARAMETERS.names.index("weight")


@part
def tables_of(parameters):
    """The numbers of the market, the sectors and the strategies, row by row."""
    market = parameters.market.view(np.float64)
    return market, parameters.sectors.view(np.float64), parameters.strategies.view(np.float64)


@part
def _next_turn(change, step):
    """The next step after `step` at which a number changes."""
    if step < change.step:
        return change.step
    if step + 1 < min(change.step + change.ramp, change.until):
        return step + 1
    return change.until if step < change.until else NEVER


@part
def _attracts(change):
    """Whether customers heed the number that changes."""
    if change.table == IN_SECTORS:
        return change.place % _SECTOR_NUMBERS in _ATTRACTING
    return change.table < IN_SECTORS and change.place == _NETWORK_EFFECT


@part
def _set_numbers(tables, given, changes, step):
    """Parameters as they are at a step: what is given, then each change in turn over what holds without it."""
    for change in changes:
        if change.table <= IN_STRATEGIES:
            tables[change.table][change.place] = given[change.table][change.place]
    for change in changes:
        if change.table <= IN_STRATEGIES and change.step <= step < change.until:
            numbers, reached = tables[change.table], (step - change.step + 1) / change.ramp
            old = numbers[change.place]
            numbers[change.place] = change.value if reached >= 1.0 else old + (change.value - old) * reached


@part
def _sum_weights(strategies):
    """Strategies' weights, summed up to each of them."""
    whole, up_to = 0.0, 0.0
    for place in range(strategies.size):
        whole += strategies[place].weight
    for place in range(strategies.size):
        up_to += strategies[place].weight / whole
        strategies[place].cumulative_weight = up_to


@part
def _happen_once(state, changes, step):
    """Factors on demand, and the seed of the draws."""
    for change in changes:
        if change.table == IN_DEMAND and change.step == step:
            sector = state.sectors[change.place]
            sector.demand = min(max(sector.demand * change.value, DEMAND_FLOOR), DEMAND_CAP)
        elif change.table == IN_SEED and change.step <= step:
            state.counters[0].seed = change.seed


@part
def _change(state, parameters, scratch):
    """Let everything take effect that changes at a step."""
    counters, changes, tables = state.counters[0], parameters.changes, tables_of(parameters)
    step, before = counters.step, np.zeros(changes.size)
    for row in range(changes.size):
        if changes[row].table <= IN_STRATEGIES:
            before[row] = tables[changes[row].table][changes[row].place]
    _set_numbers(tables, parameters.given, changes, step)
    attraction, weights, counters.next_change = False, False, NEVER
    for row in range(changes.size):
        change = changes[row]
        counters.next_change = min(counters.next_change, _next_turn(change, step))
        if change.table <= IN_STRATEGIES and tables[change.table][change.place] != before[row]:
            attraction |= _attracts(change)
            weights |= change.table == IN_STRATEGIES and change.place % _STRATEGY_NUMBERS == _WEIGHT
    if weights:
        _sum_weights(parameters.strategies)
    # Funds that were once large stay so.
    market = parameters.market[0]
    market.funds_unit = min(market.funds_unit, funds_unit(market.runway))
    _happen_once(state, changes, step)
    if attraction:  # what was carried over from the last step is not that of this step's customers
        recompute_sums(state, parameters, scratch)


@part
def begin_step(state, parameters, scratch):
    """The step's number, the parameters, the demand and the seed that change at it, and what later steps refer to."""
    counters = state.counters[0]
    counters.step += 1
    for place in range(state.sectors.size):
        sector = state.sectors[place]
        if sector.start_T == 0.0 and sector.firms > 0.0:
            sector.start_T = sector.mean_T
    if counters.step >= counters.next_change:
        _change(state, parameters, scratch)


@kernel
def hold(parameters):
    """Take the parameters as they are now for what is given before anything changes."""
    tables = tables_of(parameters)
    for table in range(len(tables)):
        copy_items(tables[table], parameters.given[table])


@part
def as_given(parameters):
    """The parameters as they are before anything changes."""
    tables = tables_of(parameters)
    for table in range(len(tables)):
        copy_items(parameters.given[table], tables[table])
