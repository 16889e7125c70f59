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

Turnover may come before the reviews: these read the firms of the step's start (`B_before` > 0), whether they have just
left or not, and of them turnover changes B alone, which is 0 where a firm leaves; a rule of the user's own then sees
`last_B`. The phases over blocks take a range of
them, so that they can be shared out to threads; what is summed over blocks is summed in their order, by one
thread.
"""

from abm.market.arrays import DIVERGENCE, Key
from abm.market.firms import FIRM, firm_of, firms_at
from abm.market.mechanisms import largest_state
from abm.market.records import market_of, sector_of, taste_of
from abm.market.stages import (
    adjustment,
    ageing,
    commercialisation_challenge,
    compare_shares,
    cost_of_the_frontier,
    demand,
    departures,
    entries,
    funds,
    innovation,
    lumps,
    lumps_and_releases,
    realised_return,
    review_firm,
    reviews_at,
    shocks,
    targets,
)
from abm.market.sums import SUM, sum_best, sum_block, sum_weights
from abm.numerics.compilation import inlined, part
from abm.numerics.elementwise import select
from abm.numerics.lanes import WIDTH, count_of, first_lanes, lowest, put, some


@inlined
def advance_firms(firms, block, market, taste, sector, scratch):
    """Stages 1 to 6, the first half of 7, and of 8 which firms exit; eight firms at a time."""
    due, exits, diverged, fixed_cost = 0, 0, 0, cost_of_the_frontier(market, sector)
    for i in range(block.start, block.stop, WIDTH):
        here, firm, place = first_lanes(block.stop - i), firms_at(firms, i), i - block.start
        lived = here & (firm.B > 0.0)

        # 1. Demand
        B = lumps(market, demand(firm, taste, sector), scratch, place)
        # 2. Commercialisation challenge
        H = commercialisation_challenge(firm, market)
        # 3. Innovation speed and the cost of research
        V, T0_c = innovation(firm, market)
        # 4. Targets
        target = targets(firm, market, H, V)
        # 5. Adjustment
        T, C, P, Q = adjustment(firm, market, sector, target, V, scratch, place)
        R = realised_return(firm, market, B, P, fixed_cost, T0_c, scratch, place)
        # 6. Funds
        F = funds(firm, market, sector, T, R)
        # 7. Strategy review, continued by `review`
        age, smoothed, reviews = ageing(firm, market, R)
        # 8. Turnover, continued by `entries`
        exit, diverges = departures(lived, T, C, P, Q, F)

        due += count_of(lived & reviews)
        diverged += count_of(diverges)
        if some(exit):
            exits += count_of(exit)
            put(firms, FIRM.last_B, i, B, exit)
        put(firms, FIRM.B_before, i, firm.B, here)
        put(firms, FIRM.B, i, select(lived & ~exit, B, 0.0), here)
        put(firms, FIRM.T, i, select(lived, T, firm.T), here)
        put(firms, FIRM.C, i, select(lived, C, firm.C), here)
        put(firms, FIRM.P, i, select(lived, P, firm.P), here)
        put(firms, FIRM.Q, i, select(lived, Q, firm.Q), here)
        put(firms, FIRM.R, i, select(lived, R, firm.R), here)
        put(firms, FIRM.F, i, select(lived, F, firm.F), here)
        put(firms, FIRM.age, i, select(lived, age, firm.age), here)
        put(firms, FIRM.R_smoothed, i, select(lived, smoothed, firm.R_smoothed), here)
    block.due, block.exits, block.diverged = due, exits, diverged


@inlined
def advance_block(state, parameters, place, scratch):
    """Phase 1 of one block: the step of its firms, as far as none of them needs another."""
    block, sums, counters = state.blocks[place], state.sums[place], state.counters[0]
    measured = counters.measured > 0
    market, taste = market_of(parameters.market, 0), taste_of(parameters.sectors, block.sector)
    sector = sector_of(state.sectors, block.sector)
    key = Key(counters.seed, block.sector, block.start - block.first_slot, counters.step)
    shocks(key, market, block.stop - block.start, scratch)
    lumps_and_releases(key, market, taste, sector, state.firms, block, scratch)
    # Stages 1 to 8, without the reviews
    advance_firms(state.firms, block, market, taste, sector, scratch)
    block.entries = entries(state.firms, parameters, sector, block, key)
    # 9. Aggregates, continued by `conclude` and `collect`
    sum_block(state.firms, block, market, taste, measured, sums, scratch)
    if measured or counters.ahead > 0:
        sum_best(state.firms, block, sums)


@part
def advance(state, parameters, begin, end, scratch):
    """Phase 1, blocks `begin` to `end`."""
    for place in range(begin, end):
        advance_block(state, parameters, place, scratch)


@inlined
def _due(firm, interval):
    """Which firms of the step's start are due for a review; also those that have just left, whose record has it."""
    return (firm.B_before > 0.0) & reviews_at(firm.age, interval)


@inlined
def _review_block(state, parameters, block):
    first, interval = block.first_slot, parameters.market[0].review_interval
    sector, firm = state.sectors[block.sector], firm_of(state.firms, first, first + block.sector_slots)
    key = Key(state.counters[0].seed, block.sector, 0, state.counters[0].step)
    for i in range(block.start, block.stop, WIDTH):
        due = first_lanes(block.stop - i) & _due(firms_at(state.firms, i), interval)
        while some(due):
            lane, due = lowest(due)
            j = i + lane - first
            firm.next_theta[j], firm.next_omega[j] = review_firm(firm, j, parameters, sector, key)


@inlined
def _take_weights(firms, block, interval):
    """The weights that reviewed firms have chosen."""
    for i in range(block.start, block.stop, WIDTH):
        firm = firms_at(firms, i)
        due = first_lanes(block.stop - i) & _due(firm, interval)
        if some(due):
            put(firms, FIRM.theta, i, firm.next_theta, due)
            put(firms, FIRM.omega, i, firm.next_omega, due)


@part
def review(state, parameters, begin, end):
    """Phase 2: firms that are due review their strategy; nobody sees a weight that another has just changed."""
    for place in range(begin, end):
        if state.blocks[place].due > 0:
            _review_block(state, parameters, state.blocks[place])


@inlined
def _has_rules(parameters):
    found = False
    for strategy in range(parameters.rules.size):
        found = found or parameters.rules[strategy] != 0
    return found


@part
def before_rules(state, parameters):
    """Before phase 2, where firms follow rules of the user's own: each sector's customers of firms that were there."""
    if not _has_rules(parameters):
        return
    for place in range(state.sectors.size):
        state.sectors[place].reviewing = 0.0
    for place in range(state.blocks.size):
        block = state.blocks[place]
        firm = firm_of(state.firms, block.start, block.stop)
        for i in range(firm.B.size):
            if firm.B_before[i] > 0.0:
                state.sectors[block.sector].reviewing += firm.B[i] if firm.B[i] > 0.0 else firm.last_B[i]


@part
def after_rules(state, parameters):
    """After phase 2: whether a rule of the user's own gave a firm NaN; the first such firm is noted."""
    if not _has_rules(parameters):
        return False
    for place in range(state.blocks.size):
        block = state.blocks[place]
        for i in range(block.start, block.stop if block.due > 0 else block.start, WIDTH):
            firm = firms_at(state.firms, i)
            due = first_lanes(block.stop - i) & _due(firm, parameters.market[0].review_interval)
            failed = due & ~(firm.next_theta == firm.next_theta)  # of all numbers NaN alone is not itself
            if some(failed):
                lane, _ = lowest(failed)
                state.counters[0].halted = i + lane + 1
                return True
    return False


@inlined
def _record_exit(life, firm, i, block, step):
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


@inlined
def _record_exits(state, block):
    firm, place = firm_of(state.firms, block.start, block.stop), block.first_life
    for i in range(block.start, block.stop, WIDTH):
        eight = firms_at(state.firms, i)
        gone = first_lanes(block.stop - i) & (eight.B == 0.0) & (eight.B_before > 0.0)
        while some(gone):
            lane, gone = lowest(gone)
            j = i + lane - block.start
            if place < state.lives.size:
                _record_exit(state.lives[place], firm, j, block, state.counters[0].step)
            firm.id[j] = -1.0
            place += 1


@inlined
def _number_entrants(state, block):
    number = block.first_id
    for i in range(block.start, block.stop, WIDTH):
        eight = firms_at(state.firms, i)
        new = first_lanes(block.stop - i) & (eight.B > 0.0) & (eight.B_before == 0.0)
        while some(new):
            lane, new = lowest(new)
            state.firms[FIRM.id, i + lane] = number
            number += 1


@inlined
def _conclude_block(state, parameters, place, base, base_before):
    block, sums, measured = state.blocks[place], state.sums[place], state.counters[0].measured > 0
    sector = state.sectors[block.sector]
    if block.due > 0:
        _take_weights(state.firms, block, parameters.market[0].review_interval)
        if measured:
            sum_weights(state.firms, block, sums)
    if block.exits > 0:
        _record_exits(state, block)
    if block.entries > 0:
        _number_entrants(state, block)
    if measured or state.lives.size > 0:
        compare_shares(state.firms, block, (base, sector.base), (base_before, sector.base_before), sums)


@part
def conclude(state, parameters, begin, end):
    """Phase 3, blocks `begin` to `end`: what had to wait for all firms."""
    base, before = 0.0, 0.0
    for place in range(state.sectors.size):
        base += state.sectors[place].base
        before += state.sectors[place].base_before
    for place in range(begin, end):
        _conclude_block(state, parameters, place, base, before)


@part
def gather(state):
    """Between phases 1 and 2: customers by sector, and from where each block numbers its entrants and exits."""
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
    counters.due, counters.unfinished = due, 1
