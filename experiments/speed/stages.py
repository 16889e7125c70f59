"""Where the time of a step goes: each stage alone, over all blocks of a market that fits the cache."""

import statistics
import time

import pandas as pd
from numba import njit

from abm import stages, sums
from abm import state as at
from abm.collection import growth_spreads, growths
from abm.engine import Market
from abm.state import span
from experiments.speed.subjects import BASE

FIRMS = 10_000


@njit(nogil=True)
def _shocks(state, parameters, scratch):
    for block in range(state.blocks.shape[0]):
        place, a, b = span(state, block)
        first = a - state.blocks[block, at.FIRST_SLOT]
        stages.shocks(1, place, first, 7, scratch[7, : b - a], scratch[8, : b - a])


@njit(nogil=True)
def _first_three(state, parameters, scratch):
    for block in range(state.blocks.shape[0]):
        place, a, b = span(state, block)
        n, market = b - a, parameters.market
        stages.demand(state.firms, a, b, market, state.sectors[place], scratch[3, :n])
        stages.commercialisation_challenge(state.firms, a, b, market, scratch[0, :n])
        stages.innovation(state.firms, a, b, market, scratch[1, :n], scratch[2, :n])


@njit(nogil=True)
def _targets(state, parameters, scratch):
    for block in range(state.blocks.shape[0]):
        _, a, b = span(state, block)
        challenge, speed, t, c, p = (scratch[0, : b - a], scratch[1, : b - a], scratch[4, : b - a], scratch[5, : b - a],
                                     scratch[6, : b - a])  # fmt: skip
        stages.targets(state.firms, a, b, parameters.market, challenge, speed, t, c, p)


@njit(nogil=True)
def _adjustment(state, parameters, scratch):
    for block in range(state.blocks.shape[0]):
        place, a, b = span(state, block)
        n, market, sector = b - a, parameters.market, state.sectors[place]
        speed, cost, realised, t, c, p = (scratch[1, :n], scratch[2, :n], scratch[3, :n], scratch[4, :n],
                                          scratch[5, :n], scratch[6, :n])  # fmt: skip
        shock_t, shock_c = scratch[7, :n], scratch[8, :n]
        stages.adjustment(state.firms, a, b, market, sector, speed, cost, realised, t, c, p, shock_t, shock_c)


@njit(nogil=True)
def _funds_and_age(state, parameters, scratch):
    for block in range(state.blocks.shape[0]):
        place, a, b = span(state, block)
        stages.funds(state.firms, a, b, parameters.market, state.sectors[place])
        stages.ageing(state.firms, a, b, parameters.market)


@njit(nogil=True)
def _turnover(state, parameters, scratch):
    for block in range(state.blocks.shape[0]):
        place, a, b = span(state, block)
        first, sector, draw = state.blocks[block, at.FIRST_SLOT], state.sectors[place], scratch[9, : b - a]
        stages.turnover(state.firms, a, b, first, parameters, sector, place, 1, 7, draw, state.events[block])


@njit(nogil=True)
def _attractiveness(state, parameters, scratch):
    for block in range(state.blocks.shape[0]):
        place, a, b = span(state, block)
        gamma, tau = parameters.sectors[place, 0], parameters.sectors[place, 1]
        sums.attractiveness(state.firms, a, b, gamma, tau, parameters.market[at.NETWORK_EFFECT], scratch[0, : b - a])


@njit(nogil=True)
def _attractiveness_and_carried(state, parameters, scratch):
    for block in range(state.blocks.shape[0]):
        place, a, b = span(state, block)
        count = parameters.strategies.shape[0]
        sums.sum_block(
            state.firms, a, b, parameters.market, parameters.sectors[place], count, False, state.sums[block], scratch
        )


@njit(nogil=True)
def _attractiveness_and_all_sums(state, parameters, scratch):
    for block in range(state.blocks.shape[0]):
        place, a, b = span(state, block)
        count = parameters.strategies.shape[0]
        sums.sum_block(
            state.firms, a, b, parameters.market, parameters.sectors[place], count, True, state.sums[block], scratch
        )


@njit(nogil=True)
def _shares(state, parameters, scratch):
    bases = scratch[9, :2]
    bases[:] = 1.0
    for block in range(state.blocks.shape[0]):
        _, a, b = span(state, block)
        stages.compare_shares(state.firms, a, b, bases, bases, state.sums[block])


def _growths(state, parameters, scratch):
    growths(state, 0, state.blocks.shape[0])
    growth_spreads(state, 0, state.blocks.shape[0])


TIMED = {
    "shocks: hash, logarithm, sine, cosine": _shocks,
    "1 to 3: demand, challenge, innovation": _first_three,
    "4: targets": _targets,
    "5: adjustment": _adjustment,
    "6 and 7: funds, age": _funds_and_age,
    "8: turnover": _turnover,
    "9: attractiveness": _attractiveness,
    "9: sums that the next step needs": _attractiveness_and_carried,
    "9: sums of the light statistics": _attractiveness_and_all_sums,
    "9: shares against the step before": _shares,
    "growths, in the window alone": _growths,
}
# Some are timed with what they rest on, which is taken off.
_BEHIND = {
    "9: sums that the next step needs": "9: attractiveness",
    "9: sums of the light statistics": "9: sums that the next step needs",
}


def stage_costs(rounds: int) -> pd.DataFrame:
    """Nanoseconds a firm that each stage takes, one thread."""
    market = Market(BASE.replace(capacity=FIRMS, steps=400), 0, full=False, every=1, steps=400, threads=1)
    market.advance(20)
    firms, taken = market.state.firms.copy(), {name: [] for name in TIMED}
    for turn in range(rounds + 1):
        for name, stage in TIMED.items():
            started = time.perf_counter()
            stage(market.state, market.parameters, market.scratch[0])
            if turn:
                taken[name].append((time.perf_counter() - started) / FIRMS * 1e9)
        market.state.firms[:] = firms
    whole = {name: statistics.median(each) for name, each in taken.items()}
    alone = {name: cost - whole.get(_BEHIND.get(name), 0.0) for name, cost in whole.items()}
    return pd.DataFrame({"stage": alone.keys(), "nanoseconds_a_firm": alone.values()})
