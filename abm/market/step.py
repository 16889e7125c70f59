"""One step of a market, in the order of the model's nine stages.

A step goes over the blocks of slots in phases, since a firm's demand needs the attractiveness of its whole sector and
an imitator needs everybody's returns:

1. `advance_block`: stages 1 to 6, the first half of 7 (age and smoothed return), turnover and the sums of stage 9, all
   while a block is in the cache;
2. `review`: the second half of stage 7, into rows of its own, where a firm is due;
3. `conclude`: reviewed weights take effect, entrants get their ids and exits their record, and shares are
   compared with those of the step before;
4. `collect` of `abm.market.aggregate`: sums of blocks become those of sectors and of the market, and rows of measures
   (stage 9).

Turnover may come before the reviews because a review reads only what turnover leaves alone: θ, ω and R̄ of the
firms of the step's start (`B_before` > 0), whether they have just left or not. The phases over blocks take a range of
them, so that they can be shared out to threads; what is summed over blocks is summed in their order, by one
thread.
"""

import numpy as np

from abm.market.arrays import DIVERGENCE, Key, firm_of, work_of
from abm.market.mechanisms import largest_state
from abm.market.stages import (
    adjustment,
    ageing,
    commercialisation_challenge,
    compare_shares,
    demand,
    funds,
    innovation,
    review_firm,
    shocks,
    targets,
    turnover,
)
from abm.market.sums import SUM, sum_block, sum_weights
from abm.numerics.compilation import inlined, kernel


@inlined
def advance_block(state, parameters, seed, measured, place, scratch):
    """Phase 1 of one block: the step of its firms, as far as none of them needs another."""
    block, market = state.blocks[place], parameters.market[0]
    sector = state.sectors[block.sector]
    firm = firm_of(state.firms, block.start, block.stop)
    work = work_of(scratch, 0, block.stop - block.start)
    key = Key(seed, block.sector, block.start - block.first_slot, state.counters[0].step)
    shocks(key, market, work)

    # 1. Demand
    demand(firm, market, sector, work)
    # 2. Commercialisation challenge
    commercialisation_challenge(firm, market, work)
    # 3. Innovation speed and the cost of research
    innovation(firm, market, work)
    # 4. Targets
    targets(firm, market, work)
    # 5. Adjustment
    adjustment(firm, market, sector, work)
    # 6. Funds
    funds(firm, market, sector)
    # 7. Strategy review, continued by `review`
    block.due = ageing(firm, market)
    # 8. Turnover
    turnover(firm, parameters, sector, block, key, work)
    # 9. Aggregates, continued by `conclude` and `collect`
    sum_block(firm, block.start, market, parameters.sectors[block.sector], measured, state.sums[place], work)


@kernel
def advance(state, parameters, seed, measured, begin, end, scratch):
    """Phase 1, blocks `begin` to `end`."""
    for place in range(begin, end):
        advance_block(state, parameters, seed, measured, place, scratch)


@inlined
def copy_row(source, target):
    """Copy numbers slot by slot: a slice assigned to a slice costs numba a second of compiling."""
    for i in range(target.size):
        target[i] = source[i]


@inlined
def _review_block(state, parameters, seed, block):
    first = block.first_slot
    firm = firm_of(state.firms, first, first + block.sector_slots)
    key = Key(seed, block.sector, 0, state.counters[0].step)
    for i in range(block.start - first, block.stop - first):
        due = firm.due[i] > 0.0  # also a firm that has just left: its weights go on record
        firm.next_theta[i], firm.next_omega[i] = firm.theta[i], firm.omega[i]
        if due:
            firm.next_theta[i], firm.next_omega[i] = review_firm(
                firm, i, parameters.market[0], parameters.strategies, key
            )


@kernel
def review(state, parameters, seed, begin, end):
    """Phase 2: firms that are due review their strategy; nobody sees a weight that another has just changed."""
    for place in range(begin, end):
        if state.blocks[place].due > 0:
            _review_block(state, parameters, seed, state.blocks[place])


@inlined
def _record_exits(state, firm, block):
    step, place = state.counters[0].step, block.first_life
    for i in range(firm.B.size):
        if (firm.B[i] == 0.0) & (firm.B_before[i] > 0.0):
            if place < state.lives.size:
                life = state.lives[place]
                life.id = int(firm.id[i])
                life.sector = block.sector
                life.strategy = int(firm.strategy[i])
                life.entry_step = int(firm.entered[i])
                life.exit_step = step
                life.reason = 1 if largest_state(firm.T[i], firm.C[i], firm.P[i], firm.Q[i]) > DIVERGENCE else 0
                life.peak_share = firm.peak_share[i]
                life.T, life.C, life.P, life.R, life.Q = firm.T[i], firm.C[i], firm.P[i], firm.R[i], firm.Q[i]
                life.B, life.F, life.theta, life.omega = firm.last_B[i], firm.F[i], firm.theta[i], firm.omega[i]
                life.T0, life.C0, life.R0 = firm.T0[i], firm.C0[i], firm.R0[i]
                life.k1, life.k2, life.k3 = firm.k1[i], firm.k2[i], firm.k3[i]
                life.theta_entry, life.omega_entry = firm.theta_entry[i], firm.omega_entry[i]
            place += 1
            firm.id[i] = -1.0


@inlined
def _number_entrants(firm, block):
    number = block.first_id
    for i in range(firm.B.size):
        if (firm.B[i] > 0.0) & (firm.B_before[i] == 0.0):
            firm.id[i] = number
            number += 1


@inlined
def _conclude_block(state, measured, place, base, base_before):
    block, sums = state.blocks[place], state.sums[place]
    sector = state.sectors[block.sector]
    firm = firm_of(state.firms, block.start, block.stop)
    if block.due > 0:
        copy_row(firm.next_theta, firm.theta)
        copy_row(firm.next_omega, firm.omega)
        if measured:
            sum_weights(firm, sums)
    if block.exits > 0:
        _record_exits(state, firm, block)
    if block.entries > 0:
        _number_entrants(firm, block)
    if measured or state.lives.size > 0:
        compare_shares(firm, (base, sector.base), (base_before, sector.base_before), sums)


@kernel
def conclude(state, measured, begin, end):
    """Phase 3, blocks `begin` to `end`: what had to wait for all firms."""
    base, before = 0.0, 0.0
    for place in range(state.sectors.size):
        base += state.sectors[place].base
        before += state.sectors[place].base_before
    for place in range(begin, end):
        _conclude_block(state, measured, place, base, before)


@kernel
def begin_step(state, parameters):
    """The step's number, and the parameters that change at it."""
    state.counters[0].step += 1
    for change in range(parameters.changes.shape[0]):
        step, table, place = parameters.changes[change, 0], parameters.changes[change, 1], parameters.changes[change, 2]
        value = parameters.changes[change, 3]
        if step == state.counters[0].step:
            if table == 0.0:
                parameters.market.view(np.float64)[int(place)] = value
            elif table == 1.0:
                parameters.sectors.view(np.float64)[int(place)] = value
            else:
                parameters.strategies.view(np.float64)[int(place)] = value


@kernel
def gather(state):
    """Between phases 1 and 2: customers by sector, and from where each block numbers its entrants and exits.

    Returns
    -------
    exits, due : int
        How many firms exit at this step, and how many are due for a review.
    """
    for place in range(state.sectors.size):
        state.sectors[place].base_before = state.sectors[place].base
        state.sectors[place].base = 0.0
    counters, exits, due = state.counters[0], 0, 0
    for place in range(state.blocks.size):
        block = state.blocks[place]
        state.sectors[block.sector].base += state.sums[place, SUM.B]
        block.first_id = counters.next_id
        block.first_life = counters.lives + exits
        counters.next_id += block.entries
        exits += block.exits
        due += block.due
    counters.lives += exits
    return exits, due
