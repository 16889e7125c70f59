"""New firms: traits drawn around the scenario's medians, and the state a firm starts in."""

import numpy as np

from abm.market.arrays import CUSTOMER_FLOOR, DIVERGENCE, STATE_FLOOR, Key, Layout, Parameters, State
from abm.market.firms import FIRM, firm_of
from abm.market.mechanisms import initial_state
from abm.numerics.compilation import inlined, kernel
from abm.numerics.randomness import BASELINES, DEAL, DIRECTION, ENTRY, K2_AND_K3, RETURN_AND_K1, normals, uniforms
from abm.numerics.vectormath import exp


@inlined
def _draw_traits(firm, i, market, monetisation, key):
    h, place = market.heterogeneity, key.place + i
    T0, C0 = normals(key.seed, BASELINES, key.sector, place, key.step)
    R0, k1 = normals(key.seed, RETURN_AND_K1, key.sector, place, key.step)
    k2, k3 = normals(key.seed, K2_AND_K3, key.sector, place, key.step)
    firm.T0[i] = market.T0 * exp(h * T0)
    firm.C0[i] = market.C0 * exp(h * C0)
    firm.R0[i] = market.R0 * exp(h * R0)
    firm.k1[i] = market.k1 * exp(h * k1)
    firm.k2[i] = market.k2 * exp(h * k2)
    firm.k3[i] = market.k3 * monetisation * exp(h * k3)
    direction, _ = uniforms(key.seed, DIRECTION, key.sector, place, key.step)
    firm.direction[i] = -1.0 if direction < 0.5 else 1.0


@inlined
def _take_state(firm, i, strategy, parameters, customers):
    """The state that follows from a firm's traits: T = T0·(1 + x0), …, P = R, Q = T, F = the runway."""
    market = parameters.market[0]
    x0 = market.initial_momentum
    firm.strategy[i] = strategy
    firm.theta[i] = parameters.strategies[strategy].technology_weight
    firm.omega[i] = parameters.strategies[strategy].optimisation_weight
    firm.theta_entry[i], firm.omega_entry[i] = firm.theta[i], firm.omega[i]
    firm.T[i] = initial_state(firm.T0[i], x0, STATE_FLOOR)
    firm.C[i] = initial_state(firm.C0[i], x0, STATE_FLOOR)
    firm.P[i] = initial_state(firm.R0[i], x0, 0.0)
    firm.R[i] = firm.P[i]
    firm.Q[i] = firm.T[i]
    firm.B[i] = max(customers, CUSTOMER_FLOOR)
    firm.F[i] = market.runway
    firm.R_smoothed[i] = firm.R[i]
    firm.R_reviewed[i] = firm.R[i]
    firm.age[i] = 0.0
    firm.peak_share[i] = 0.0


@inlined
def _strategy_drawn(strategies, draw):
    """The strategy that a uniform draw picks by the scenario's weights."""
    strategy, last = 0, strategies.size - 1
    # The weights' sum may round to less than a draw; the last strategy with a weight takes it then.
    while (
        strategies[strategy].cumulative_weight <= draw
        and strategies[strategy].cumulative_weight < strategies[last].cumulative_weight
    ):
        strategy += 1
    return strategy


@inlined
def found_firm(firm, i, parameters, sector, key):
    """An entrant takes slot i: like an initial firm, but it learns from the sector's technology (§3.2)."""
    market = parameters.market[0]
    _draw_traits(firm, i, market, parameters.sectors[key.sector].monetisation, key)
    if sector.firms > 0.0:
        iota = market.entrant_catch_up
        # Firms about to diverge must not hand their size on from entrants to entrants.
        firm.T0[i] = (1.0 - iota) * firm.T0[i] + iota * min(sector.mean_T, DIVERGENCE)
    _, draw = uniforms(key.seed, ENTRY, key.sector, key.place + i, key.step)
    strategy = _strategy_drawn(parameters.strategies, draw)
    customers = market.entrant_base * sector.demand / max(sector.firms, 1.0)
    _take_state(firm, i, strategy, parameters, customers)
    firm.entered[i] = key.step


@kernel
def vacate(state):
    """Empty a market: every slot vacant, no step taken, no firm numbered."""
    firms, counters = state.firms, state.counters[0]
    firms[:] = 0.0
    firms[FIRM.T0 : FIRM.R0 + 1] = 1.0
    firms[FIRM.id] = -1.0
    counters.step, counters.next_id, counters.lives, counters.market_leader, counters.initial_firms = 0, 0, 0, 0, 0
    counters.next_change, counters.market_best, counters.ahead, counters.unfinished = 0, 0, 0, 0
    counters.measured, counters.due = 0, 0
    state.market[0].frontier = 1.0
    for place in range(state.sectors.size):
        state.sectors[place].start_T = 0.0
    counters.halted = 0


@inlined
def _draw_firms(firm, deals, parameters, key, shuffled):
    """Initial firms of a sector in its first slots; `shuffled` is the order in which they are dealt strategies."""
    market, sector = parameters.market[0], parameters.sectors[key.sector]
    customers = sector.start_demand / shuffled.size
    strategy, left = 0, deals[0]
    for rank in range(shuffled.size):
        while left == 0:
            strategy += 1
            left = deals[strategy]
        _draw_traits(firm, shuffled[rank], market, sector.monetisation, key)
        _take_state(firm, shuffled[rank], strategy, parameters, customers)
        left -= 1


@kernel
def draw_population(state: State, parameters: Parameters, layout: Layout, seed: int):
    """Empty a market and fill the first slots of each sector with initial firms."""
    vacate(state)
    first, number = 0, 0
    for sector in range(layout.firms.size):
        count, slots = layout.firms[sector], layout.slots[sector]
        order = np.empty(count)
        for place in range(count):
            order[place], _ = uniforms(seed, DEAL, sector, place, 0)
        firm = firm_of(state.firms, first, first + slots)
        shuffled = np.argsort(order, kind="mergesort")
        _draw_firms(firm, layout.deals[sector], parameters, Key(seed, sector, 0, 0), shuffled)
        for place in range(count):
            firm.id[place] = number
            number += 1
        state.sectors[sector].demand = parameters.sectors[sector].start_demand
        first += slots
    state.counters[0].next_id = number
    state.counters[0].initial_firms = number
