"""Stage 9 of a step: the sums of blocks become those of sectors and of the market, and rows of measures."""

import numpy as np

from abm.market.arrays import CUSTOMER_FLOOR, DEMAND_CAP, DEMAND_FLOOR
from abm.market.firms import FIRM
from abm.market.measures import MEASURE, fill_order_statistics, fill_row
from abm.market.mechanisms import moved_frontier
from abm.market.records import market_of, taste_of
from abm.market.sums import SUM, clear, merge, merge_carried, sum_bases, sum_best, sum_block
from abm.numerics.compilation import inlined, kernel, part
from abm.numerics.vectormath import log


@inlined
def _merge_blocks(state, measured):
    """Sums of blocks become those of sectors and of the market, and what the next step needs of them."""
    blocks, sectors = state.blocks.size, state.sectors.size
    whole = state.sums[blocks + sectors]
    for place in range(sectors):
        clear(state.sums[blocks + place])
    for place in range(blocks):
        into = state.sums[blocks + state.blocks[place].sector]
        if measured:
            merge(into, state.sums[place])
        else:
            merge_carried(into, state.sums[place])
    clear(whole)
    for place in range(sectors):
        sums, sector = state.sums[blocks + place], state.sectors[place]
        if measured:
            merge(whole, sums)
        else:
            merge_carried(whole, sums)
        sector.firms = sums[SUM.N]
        sector.mean_T = sums[SUM.T] / max(sums[SUM.N], 1.0)
        sector.mean_R = sums[SUM.R] / max(sums[SUM.N], 1.0)
        sector.attraction = sums[SUM.attraction]
        sector.base = sums[SUM.B]


@inlined
def _leader_id(firms, sums):
    return firms[FIRM.id, int(sums[SUM.leader])] if sums[SUM.N] > 0.0 else -1.0


@inlined
def _best_id(firms, sums):
    return firms[FIRM.id, int(sums[SUM.best])] if sums[SUM.N] > 0.0 else -1.0


@inlined
def _note_leaders(state):
    blocks = state.blocks.size
    for place in range(state.sectors.size):
        state.sectors[place].leader = _leader_id(state.firms, state.sums[blocks + place])
        state.sectors[place].best = _best_id(state.firms, state.sums[blocks + place])
    whole = state.sums[blocks + state.sectors.size]
    state.counters[0].market_leader = int(_leader_id(state.firms, whole))
    state.counters[0].market_best = int(_best_id(state.firms, whole))


@part
def carry(state):
    """Phase 4 of a step without measures: the state of the sectors for the next step."""
    _merge_blocks(state, False)
    _note_leaders(state)


@inlined
def _differs(leader, before, step):
    return 1.0 if step > 1 and leader >= 0.0 and before >= 0.0 and leader != before else 0.0


@inlined
def _collect_sector(state, parameters, place, row):
    """The row of a sector, and what it adds to the two measures over sectors."""
    sums, sector, step = state.sums[state.blocks.size + place], state.sectors[place], state.counters[0].step
    fill_row(sums, parameters.market[0].funds_unit, row)
    row[MEASURE.demand] = sector.demand
    row[MEASURE.instability] = 0.5 * sums[SUM.shift_sector]
    row[MEASURE.leader_changed] = _differs(_leader_id(state.firms, sums), sector.leader, step)
    row[MEASURE.best_quality_changed] = _differs(_best_id(state.firms, sums), sector.best, step)


@inlined
def _collect_market(state, parameters, rows):
    """The row of the market; the rows of the sectors have been filled before."""
    row, sums = rows[0], state.sums[state.blocks.size + state.sectors.size]
    fill_row(sums, parameters.market[0].funds_unit, row)
    weighted_hhi, surplus, served = 0.0, 0.0, 0.0
    for place in range(state.sectors.size):
        sector = state.sectors[place]
        if sector.firms > 0.0:
            weighted_hhi += sector.demand * rows[1 + place, MEASURE.hhi]
            surplus += sector.demand * log(sector.attraction)
            served += sector.demand
    row[MEASURE.sector_hhi] = weighted_hhi / served if served > 0.0 else np.nan
    # The log-sum of a logit model with utilities ln A: a customer's surplus from the choice among all firms.
    row[MEASURE.consumer_surplus] = surplus / served if served > 0.0 else np.nan
    row[MEASURE.instability] = 0.5 * sums[SUM.shift_market]
    counters = state.counters[0]
    row[MEASURE.leader_changed] = _differs(_leader_id(state.firms, sums), counters.market_leader, counters.step)
    row[MEASURE.best_quality_changed] = _differs(_best_id(state.firms, sums), counters.market_best, counters.step)
    if sums[SUM.N] > 0.0:
        row[MEASURE.frontier] = state.market[0].frontier


@inlined
def _add_events(row, block):
    row[MEASURE.entries] += block.entries
    row[MEASURE.exits] += block.exits
    row[MEASURE.diverged] += block.diverged


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
    _merge_blocks(state, True)
    for place in range(state.sectors.size):
        _collect_sector(state, parameters, place, rows[1 + place])
    _collect_market(state, parameters, rows)
    for place in range(state.blocks.size):
        block = state.blocks[place]
        _add_events(rows[0], block)
        _add_events(rows[1 + block.sector], block)
    _note_leaders(state)
    if full == 1:
        fill_order_statistics(state.firms, parameters.market[0].runway < np.inf, rows)


@part
def move_frontier(state, parameters):
    """Stage 9: the frontier at the step's end."""
    market = state.market[0]
    market.frontier = moved_frontier(market.frontier, parameters.market[0].frontier_growth)


@part
def grow_demand(state, parameters):
    """Stage 9, its end: the demand of the next step."""
    for place in range(state.sectors.size):
        sector = state.sectors[place]
        grown = sector.demand * (1.0 + parameters.sectors[place].demand_growth)
        sector.demand = min(max(grown, DEMAND_FLOOR), DEMAND_CAP)


@kernel
def recompute_sums(state, parameters, scratch):
    """Sums, attractiveness and sector means of the firms as they stand: before the first step, and whenever
    somebody has changed a firm by hand. The leaders stay those of the last row of measures.
    """
    for place in range(state.blocks.size):
        block = state.blocks[place]
        market, taste = market_of(parameters.market, 0), taste_of(parameters.sectors, block.sector)
        sum_block(state.firms, block, market, taste, True, state.sums[place], scratch)
        sum_best(state.firms, block, state.sums[place])
    _merge_blocks(state, True)


@kernel
def recompute_bases(state, place):
    """ΣB of one block anew, after a change by hand."""
    state.sums[place, SUM.B] = sum_bases(state.firms, state.blocks[place])


@inlined
def _open_block(state, block):
    block.entries, block.exits, block.diverged, block.due, block.first_id, block.first_life = 0, 0, 0, 0, 0, 0
    base = max(state.sectors[block.sector].base, CUSTOMER_FLOOR)
    for i in range(block.start, block.stop):
        state.firms[FIRM.B_before, i] = state.firms[FIRM.B, i]
        state.firms[FIRM.peak_share, i] = state.firms[FIRM.B, i] / base


@kernel
def open_market(state, parameters, scratch):
    """Make a market with its first firms ready for step 1."""
    state.sums[:] = 0.0
    recompute_sums(state, parameters, scratch)
    _note_leaders(state)
    for place in range(state.blocks.size):
        _open_block(state, state.blocks[place])
