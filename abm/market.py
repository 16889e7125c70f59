"""One step of a market, in the order of the model's nine stages.

A step goes over the blocks of slots in phases, since a firm's demand needs the attractiveness of its whole sector and
an imitator needs everybody's returns:

1. `advance_block`: stages 1 to 6, the first half of 7 (age and smoothed return), turnover and the sums of stage 9, all
   while a block is in the cache;
2. `review`: the second half of stage 7, into rows of its own, where a firm is due;
3. `conclude`: reviewed weights take effect, entrants get their ids and leavers their record, and shares are
   compared with those of the step before;
4. `collect` of `abm.collection`: sums of blocks become those of sectors and of the market, and rows of measures
   (stage 9).

Turnover may come before the reviews because a review reads only what turnover leaves alone: θ, ω and R̄ of the
firms of the step's start (`B_BEFORE` > 0), whether they have just left or not. The phases over blocks take a range of
them, so that they can be shared out to threads; what is summed over blocks is summed in their order, by one
thread.
"""

from abm import state as at
from abm import sums as at_sum
from abm.compilation import inlined, kernel
from abm.stages import (
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
from abm.state import span
from abm.sums import sum_block, sum_weights

# Rows of a thread's scratch: a number for each slot of the block.
_CHALLENGE, _SPEED, _COST, _REALISED, _TARGET_T, _TARGET_C, _TARGET_P, _SHOCK_T, _SHOCK_C, _DRAW = range(10)


@inlined
def advance_block(state, parameters, seed, measured, block, scratch):
    """Phase 1 of one block: the step of its firms, as far as none of them needs another."""
    firms, market, step = state.firms, parameters.market, state.counters[at.STEP]
    strategies = parameters.strategies.shape[0]
    place, a, b = span(state, block)
    first = state.blocks[block, at.FIRST_SLOT]
    sector, events, n = state.sectors[place], state.events[block], b - a
    challenge, speed, cost = scratch[_CHALLENGE, :n], scratch[_SPEED, :n], scratch[_COST, :n]
    realised, draw = scratch[_REALISED, :n], scratch[_DRAW, :n]
    target_t, target_c, target_p = scratch[_TARGET_T, :n], scratch[_TARGET_C, :n], scratch[_TARGET_P, :n]
    shock_t, shock_c = scratch[_SHOCK_T, :n], scratch[_SHOCK_C, :n]
    if market[at.TECHNOLOGY_NOISE] > 0.0 or market[at.COMPETITIVENESS_NOISE] > 0.0:
        shocks(seed, place, a - first, step, shock_t, shock_c)
    else:
        shock_t[:] = 0.0
        shock_c[:] = 0.0

    demand(firms, a, b, market, sector, realised)  # 1
    commercialisation_challenge(firms, a, b, market, challenge)  # 2
    innovation(firms, a, b, market, speed, cost)  # 3
    targets(firms, a, b, market, challenge, speed, target_t, target_c, target_p)  # 4
    adjustment(firms, a, b, market, sector, speed, cost, realised, target_t, target_c, target_p, shock_t, shock_c)  # 5
    funds(firms, a, b, market, sector)  # 6
    events[at.DUE] = ageing(firms, a, b, market)  # 7, continued by `review`
    turnover(firms, a, b, first, parameters, sector, place, seed, step, draw, events)  # 8
    sum_block(
        firms, a, b, market, parameters.sectors[place], strategies, measured, state.sums[block], scratch
    )  # 9, continued by `conclude`


@kernel
def advance(state, parameters, seed, measured, begin, end, scratch):
    """Phase 1, blocks `begin` to `end`."""
    for block in range(begin, end):
        advance_block(state, parameters, seed, measured, block, scratch)


@inlined
def copy_row(source, target):
    """Copy numbers slot by slot: a slice assigned to a slice costs numba a second of compiling."""
    for i in range(target.size):
        target[i] = source[i]


@kernel
def review(state, parameters, seed, begin, end):
    """Phase 2: firms that are due review their strategy; nobody sees a weight that another has just changed."""
    firms, step = state.firms, state.counters[at.STEP]
    eta = parameters.market[at.LEARNING_STEP]
    for block in range(begin, end):
        if state.events[block, at.DUE] == 0:
            continue
        place, a, b = span(state, block)
        first, slots = state.blocks[block, at.FIRST_SLOT], state.blocks[block, at.SECTOR_SLOTS]
        for i in range(a, b):
            due_now = firms[at.DUE_NOW, i] > 0.0  # also a firm that has just left: its weights go on record
            firms[at.NEXT_THETA, i], firms[at.NEXT_OMEGA, i] = firms[at.THETA, i], firms[at.OMEGA, i]
            if due_now:
                firms[at.NEXT_THETA, i], firms[at.NEXT_OMEGA, i] = review_firm(
                    firms, i, first, slots, parameters.strategies, eta, seed, place, step
                )


@inlined
def _record_lives(state, block, a, b):
    firms, step = state.firms, state.counters[at.STEP]
    life = state.events[block, at.FIRST_LIFE]
    for i in range(a, b):
        if (firms[at.B, i] == 0.0) & (firms[at.B_BEFORE, i] > 0.0):
            if life < state.lives.shape[0]:
                record = state.lives[life]
                record[at.LIFE_ID] = firms[at.ID, i]
                record[at.LIFE_SECTOR] = state.blocks[block, at.SECTOR]
                record[at.LIFE_STRATEGY] = firms[at.STRATEGY, i]
                record[at.ENTRY_STEP] = firms[at.ENTERED, i]
                record[at.EXIT_STEP] = step
                largest = max(max(firms[at.T, i], firms[at.C, i]), max(firms[at.P, i], firms[at.Q, i]))
                record[at.REASON] = 1.0 if largest > at.DIVERGENCE else 0.0
                record[at.LIFE_PEAK] = firms[at.PEAK_SHARE, i]
                column = at.LIFE_PEAK + 1
                for row in at.LIFE_ROWS:
                    record[column] = firms[at.B_QUARTER if row == at.B else row, i]
                    column += 1
            life += 1
            firms[at.ID, i] = -1.0


@inlined
def _number_entrants(state, block, a, b):
    firms, number = state.firms, state.events[block, at.FIRST_ID]
    for i in range(a, b):
        if (firms[at.B, i] > 0.0) & (firms[at.B_BEFORE, i] == 0.0):
            firms[at.ID, i] = number
            number += 1


@inlined
def _conclude_block(state, measured, block, base, base_before):
    firms, events, sums = state.firms, state.events[block], state.sums[block]
    place, a, b = span(state, block)
    if events[at.DUE] > 0:
        copy_row(firms[at.NEXT_THETA, a:b], firms[at.THETA, a:b])
        copy_row(firms[at.NEXT_OMEGA, a:b], firms[at.OMEGA, a:b])
        if measured:
            sum_weights(firms, a, b, sums)
    if events[at.EXITS] > 0:
        _record_lives(state, block, a, b)
    if events[at.ENTRIES] > 0:
        _number_entrants(state, block, a, b)
    if measured or state.lives.shape[0] > 0:
        bases = base, state.sectors[place, at.BASE]
        before = base_before, state.sectors[place, at.BASE_BEFORE]
        compare_shares(firms, a, b, bases, before, sums)


@kernel
def conclude(state, measured, begin, end):
    """Phase 3, blocks `begin` to `end`: what had to wait for all firms."""
    base, before = 0.0, 0.0
    for place in range(state.sectors.shape[0]):
        base += state.sectors[place, at.BASE]
        before += state.sectors[place, at.BASE_BEFORE]
    for block in range(begin, end):
        _conclude_block(state, measured, block, base, before)


@kernel
def begin_step(state, parameters):
    """The step's number, and the parameters that change at it."""
    state.counters[at.STEP] += 1
    for change in range(parameters.changes.shape[0]):
        when, table = parameters.changes[change, 0], parameters.changes[change, 1]
        row, column = int(parameters.changes[change, 2]), int(parameters.changes[change, 3])
        value = parameters.changes[change, 4]
        if when == state.counters[at.STEP]:
            if table == 0.0:
                parameters.market[column] = value
            elif table == 1.0:
                parameters.sectors[row, column] = value
            else:
                parameters.strategies[row, column] = value


@kernel
def gather(state):
    """Between phases 1 and 2: customers by sector, and where each block's entrants and leavers are numbered from.

    Returns
    -------
    leavers, due : int
        How many firms left at this step, and how many are due for a review.
    """
    for place in range(state.sectors.shape[0]):
        state.sectors[place, at.BASE_BEFORE] = state.sectors[place, at.BASE]
        state.sectors[place, at.BASE] = 0.0
    leavers, due = 0, 0
    for block in range(state.blocks.shape[0]):
        events = state.events[block]
        state.sectors[state.blocks[block, at.SECTOR], at.BASE] += state.sums[block, at_sum.SUM_B]
        events[at.FIRST_ID] = state.counters[at.NEXT_ID]
        events[at.FIRST_LIFE] = state.counters[at.LIVES] + leavers
        state.counters[at.NEXT_ID] += events[at.ENTRIES]
        leavers += events[at.EXITS]
        due += events[at.DUE]
    state.counters[at.LIVES] += leavers
    return leavers, due
