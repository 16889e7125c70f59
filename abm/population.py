"""New firms: traits drawn around the scenario's medians, and the state a firm starts in."""

import numpy as np

from abm import state as at
from abm.compilation import inlined, kernel
from abm.randomness import BASELINES, DEAL, DIRECTION, ENTRY, K2_AND_K3, RETURN_AND_K1, normals, uniforms
from abm.state import Parameters, State
from abm.vectormath import exp


@inlined
def _draw_traits(firms, i, place, parameters, sector_place, seed, step):
    market, spread = parameters.market, parameters.market[at.HETEROGENEITY]
    t0, c0 = normals(seed, BASELINES, sector_place, place, step)
    r0, k1 = normals(seed, RETURN_AND_K1, sector_place, place, step)
    k2, k3 = normals(seed, K2_AND_K3, sector_place, place, step)
    firms[at.T0, i] = market[at.MEDIAN_T0] * exp(spread * t0)
    firms[at.C0, i] = market[at.MEDIAN_C0] * exp(spread * c0)
    firms[at.R0, i] = market[at.MEDIAN_R0] * exp(spread * r0)
    firms[at.K1, i] = market[at.MEDIAN_K1] * exp(spread * k1)
    firms[at.K2, i] = market[at.MEDIAN_K2] * exp(spread * k2)
    firms[at.K3, i] = market[at.MEDIAN_K3] * parameters.sectors[sector_place, at.MONETISATION] * exp(spread * k3)
    direction, _ = uniforms(seed, DIRECTION, sector_place, place, step)
    firms[at.DIRECTION, i] = -1.0 if direction < 0.5 else 1.0


@inlined
def _take_state(firms, i, strategy, parameters, customers):
    """The state that follows from a firm's traits: T = T0·(1 + x0), …, P = R, Q = T, F = the runway."""
    momentum = 1.0 + parameters.market[at.INITIAL_MOMENTUM]
    firms[at.STRATEGY, i] = strategy
    firms[at.THETA, i] = parameters.strategies[strategy, at.TECHNOLOGY_WEIGHT]
    firms[at.OMEGA, i] = parameters.strategies[strategy, at.OPTIMISATION_WEIGHT]
    firms[at.THETA_ENTRY, i], firms[at.OMEGA_ENTRY, i] = firms[at.THETA, i], firms[at.OMEGA, i]
    firms[at.T, i] = max(firms[at.T0, i] * momentum, at.STATE_FLOOR)
    firms[at.C, i] = max(firms[at.C0, i] * momentum, at.STATE_FLOOR)
    firms[at.P, i] = firms[at.R0, i] * momentum
    firms[at.R, i] = firms[at.P, i]
    firms[at.Q, i] = firms[at.T, i]
    firms[at.B, i] = max(customers, at.CUSTOMER_FLOOR)
    firms[at.F, i] = parameters.market[at.RUNWAY]
    firms[at.R_SMOOTHED, i] = firms[at.R, i]
    firms[at.R_REVIEWED, i] = firms[at.R, i]
    firms[at.AGE, i] = 0.0
    firms[at.PEAK_SHARE, i] = 0.0


@inlined
def found_firm(firms, i, place, parameters, sector, sector_place, seed, step):
    """An entrant takes slot i: like an initial firm, but it learns from the sector's technology (§3.2).

    Parameters
    ----------
    firms : float64 array, shape (29, capacity)
    i, place : int
        The slot, and its place within the sector.
    parameters : Parameters
    sector : float64 array, shape (10,)
        The sector's state at the step's start.
    sector_place, seed, step : int
    """
    _draw_traits(firms, i, place, parameters, sector_place, seed, step)
    if sector[at.FIRMS] > 0.0:
        catch_up = parameters.market[at.ENTRANT_CATCH_UP]
        # Firms about to diverge must not hand their size on from entrants to entrants.
        within_reach = min(sector[at.MEAN_T], at.DIVERGENCE)
        firms[at.T0, i] = (1.0 - catch_up) * firms[at.T0, i] + catch_up * within_reach
    _, draw = uniforms(seed, ENTRY, sector_place, place, step)
    cumulative = parameters.strategies[:, at.CUMULATIVE_WEIGHT]
    strategy = 0
    # The weights' sum may round to less than a draw; the last strategy with a weight takes it then.
    while cumulative[strategy] <= draw and cumulative[strategy] < cumulative[-1]:
        strategy += 1
    customers = parameters.market[at.ENTRANT_BASE] * sector[at.DEMAND] / max(sector[at.FIRMS], 1.0)
    _take_state(firms, i, strategy, parameters, customers)
    firms[at.ENTERED, i] = step


@kernel
def vacate(state):
    """Empty a market: every slot vacant, no step taken, no firm numbered."""
    firms = state.firms
    firms[:] = 0.0
    firms[at.T0 : at.R0 + 1] = 1.0
    firms[at.ID] = -1.0
    state.counters[:] = 0


@kernel
def draw_population(
    state: State,
    parameters: Parameters,
    slots: np.ndarray,
    firms_of: np.ndarray,
    deals: np.ndarray,
    seed: int,
):
    """Fill the first slots of each sector with initial firms.

    Parameters
    ----------
    state : State
        Emptied, then filled.
    parameters : Parameters
    slots, firms_of : int64 array, shape (sectors,)
        Slots and initial firms of each sector.
    deals : int64 array, shape (sectors, strategies)
        How many of them follow each strategy.
    seed : int
    """
    firms = state.firms
    vacate(state)
    first, number = 0, 0
    for sector_place in range(firms_of.size):
        count = firms_of[sector_place]
        demand = parameters.sectors[sector_place, at.START_DEMAND]
        keys = np.empty(count)
        for place in range(count):
            keys[place], _ = uniforms(seed, DEAL, sector_place, place, 0)
        shuffled = np.argsort(keys, kind="mergesort")
        strategy, left = 0, deals[sector_place, 0]
        for rank in range(count):
            while left == 0:
                strategy += 1
                left = deals[sector_place, strategy]
            place = shuffled[rank]
            _draw_traits(firms, first + place, place, parameters, sector_place, seed, 0)
            _take_state(firms, first + place, strategy, parameters, demand / count)
            left -= 1
        for place in range(count):
            firms[at.ID, first + place] = number
            number += 1
        state.sectors[sector_place, at.DEMAND] = demand
        first += slots[sector_place]
    state.counters[at.NEXT_ID] = number
    state.counters[at.INITIAL_FIRMS] = number
