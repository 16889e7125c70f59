"""Stage 9 of a step: the sums of blocks become those of sectors and of the market, and rows of measures."""

import numpy as np

from abm import state as at
from abm import sums as at_sum
from abm.compilation import inlined, kernel
from abm.growth import block_growth_spread, block_growths
from abm.measures import (
    CONSUMER_SURPLUS,
    DEMAND,
    DIVERGED,
    ENTRIES,
    HHI,
    INSTABILITY,
    LEADER_CHANGED,
    SECTOR_HHI,
    fill_order_statistics,
    fill_row,
)
from abm.state import span
from abm.sums import clear, merge, merge_carried, sum_block
from abm.vectormath import log


@inlined
def _merge_blocks(state, measured):
    """Sums of blocks become those of sectors and of the market, and what the next step needs of them."""
    blocks, places = state.blocks.shape[0], state.sectors.shape[0]
    whole = state.sums[blocks + places]
    for place in range(places):
        clear(state.sums[blocks + place])
    for block in range(blocks):
        into = state.sums[blocks + state.blocks[block, at.SECTOR]]
        if measured:
            merge(into, state.sums[block])
        else:
            merge_carried(into, state.sums[block])
    clear(whole)
    for place in range(places):
        sums, sector = state.sums[blocks + place], state.sectors[place]
        if measured:
            merge(whole, sums)
        else:
            merge_carried(whole, sums)
        sector[at.FIRMS] = sums[at_sum.N]
        sector[at.MEAN_T] = sums[at_sum.SUM_T] / max(sums[at_sum.N], 1.0)
        sector[at.MEAN_R] = sums[at_sum.SUM_R] / max(sums[at_sum.N], 1.0)
        sector[at.ATTRACTION] = sums[at_sum.SUM_ATTRACTION]
        sector[at.BASE] = sums[at_sum.SUM_B]


@inlined
def _leader_id(firms, sums):
    return firms[at.ID, int(sums[at_sum.LEADER])] if sums[at_sum.N] > 0.0 else -1.0


@inlined
def _note_leaders(state):
    blocks = state.blocks.shape[0]
    for place in range(state.sectors.shape[0]):
        state.sectors[place, at.LEADER] = _leader_id(state.firms, state.sums[blocks + place])
    whole = state.sums[blocks + state.sectors.shape[0]]
    state.counters[at.MARKET_LEADER] = int(_leader_id(state.firms, whole))


@kernel
def carry(state):
    """Phase 4 of a step whose measures nobody wants: the sectors as the next step finds them."""
    _merge_blocks(state, False)
    _note_leaders(state)


@inlined
def _differs(leader, before, step):
    return 1.0 if step > 1 and leader >= 0.0 and before >= 0.0 and leader != before else 0.0


@kernel
def collect(state, parameters, full, rows):
    """Phase 4, stage 9: the rows of measures, and the sectors as the next step finds them.

    Parameters
    ----------
    state : State
    parameters : Parameters
    full : int
        1 for the level `full`, which adds order statistics.
    rows : float64 array, shape (1 + sectors, measures)
        Filled: the market's row, then the sectors'.
    """
    blocks, places, strategies = state.blocks.shape[0], state.sectors.shape[0], parameters.strategies.shape[0]
    firms, step = state.firms, state.counters[at.STEP]
    finite_funds = parameters.market[at.RUNWAY] < np.inf
    _merge_blocks(state, True)
    unit = parameters.market[at.FUNDS_UNIT]
    fill_row(state.sums[blocks + places], strategies, unit, rows[0])
    rows[0, ENTRIES : DIVERGED + 1] = 0.0
    weighted_hhi, surplus, served = 0.0, 0.0, 0.0
    for place in range(places):
        sector, row = state.sectors[place], rows[1 + place]
        fill_row(state.sums[blocks + place], strategies, unit, row)
        row[ENTRIES : DIVERGED + 1] = 0.0
        row[DEMAND] = sector[at.DEMAND]
        row[INSTABILITY] = 0.5 * state.sums[blocks + place, at_sum.SHIFT_SECTOR]
        leader = _leader_id(firms, state.sums[blocks + place])
        row[LEADER_CHANGED] = _differs(leader, sector[at.LEADER], step)
        if sector[at.FIRMS] > 0.0:
            weighted_hhi += sector[at.DEMAND] * row[HHI]
            surplus += sector[at.DEMAND] * log(sector[at.ATTRACTION])
            served += sector[at.DEMAND]
    for block in range(blocks):
        place = 1 + state.blocks[block, at.SECTOR]
        for event in range(3):
            rows[place, ENTRIES + event] += state.events[block, event]
            rows[0, ENTRIES + event] += state.events[block, event]
    rows[0, SECTOR_HHI] = weighted_hhi / served if served > 0.0 else np.nan
    # Of the logit whose utilities are ln A: what the choice among all firms is worth to a customer.
    rows[0, CONSUMER_SURPLUS] = surplus / served if served > 0.0 else np.nan
    rows[0, INSTABILITY] = 0.5 * state.sums[blocks + places, at_sum.SHIFT_MARKET]
    leader = _leader_id(firms, state.sums[blocks + places])
    rows[0, LEADER_CHANGED] = _differs(leader, state.counters[at.MARKET_LEADER], step)
    _note_leaders(state)
    if full == 1:
        fill_order_statistics(firms, finite_funds, rows)


@kernel
def grow_demand(state, parameters):
    """Stage 9, its end: the demand of the next step."""
    for place in range(state.sectors.shape[0]):
        grown = state.sectors[place, at.DEMAND] * (1.0 + parameters.sectors[place, at.DEMAND_GROWTH])
        state.sectors[place, at.DEMAND] = min(max(grown, at.DEMAND_FLOOR), at.DEMAND_CAP)


@kernel
def growths(state, begin, end):
    """Growth of the firms of blocks `begin` to `end`."""
    for block in range(begin, end):
        _, a, b = span(state, block)
        block_growths(state.firms, a, b, state.sums[block])


@kernel
def growth_spreads(state, begin, end):
    """Growth less its sector's mean; after `mean_growths`."""
    for block in range(begin, end):
        place, a, b = span(state, block)
        block_growth_spread(state.firms, a, b, state.sectors[place], state.sums[block])


@kernel
def take_stock(state, parameters, scratch):
    """Sums, attractiveness and sector means of the firms as they stand: before the first step, and whenever
    somebody has changed a firm by hand. The leaders stay those of the last row of measures.
    """
    strategies = parameters.strategies.shape[0]
    for block in range(state.blocks.shape[0]):
        place, a, b = span(state, block)
        sector = parameters.sectors[place]
        sum_block(state.firms, a, b, parameters.market, sector, strategies, True, state.sums[block], scratch)
    _merge_blocks(state, True)


@kernel
def open_market(state, parameters, scratch):
    """Make a market with its first firms ready for step 1."""
    state.sums[:] = 0.0
    state.events[:] = 0
    take_stock(state, parameters, scratch)
    _note_leaders(state)
    for block in range(state.blocks.shape[0]):
        base = max(state.sectors[state.blocks[block, at.SECTOR], at.BASE], at.CUSTOMER_FLOOR)
        for i in range(state.blocks[block, at.START], state.blocks[block, at.STOP]):
            state.firms[at.B_BEFORE, i] = state.firms[at.B, i]
            state.firms[at.PEAK_SHARE, i] = state.firms[at.B, i] / base
