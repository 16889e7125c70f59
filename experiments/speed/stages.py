"""Where the time of a step goes: each stage alone, over all blocks of a market that fits the cache."""

import statistics
import time

import pandas as pd
from numba import njit

from abm.market import stages, step, sums
from abm.market.arrays import Key
from abm.market.growth import growth_spreads, growths
from abm.market.records import market_of, sector_of, taste_of
from abm.simulation.market import Market
from experiments.speed.worker import BARE

FIRMS = 10_000


@njit(nogil=True)
def _shocks(state, parameters, scratch):
    for block in state.blocks:
        key = Key(1, block.sector, block.start - block.first_slot, 7)
        stages.shocks(key, market_of(parameters.market, 0), block.stop - block.start, scratch)


@njit(nogil=True)
def _one_to_eight(state, parameters, scratch):
    for block in state.blocks:
        market, sector = market_of(parameters.market, 0), sector_of(state.sectors, block.sector)
        taste = taste_of(parameters.sectors, block.sector)
        step.advance_firms(state.firms, block, market, taste, sector, scratch)


@njit(nogil=True)
def _entries(state, parameters, scratch):
    for block in state.blocks:
        key = Key(1, block.sector, block.start - block.first_slot, 7)
        stages.entries(state.firms, parameters, state.sectors[block.sector], block, key)


@njit(nogil=True)
def _sums(state, parameters, scratch, measured):
    for place in range(state.blocks.size):
        block = state.blocks[place]
        market, taste = market_of(parameters.market, 0), taste_of(parameters.sectors, block.sector)
        sums.sum_block(state.firms, block, market, taste, measured, state.sums[place], scratch)


def _carried(state, parameters, scratch):
    _sums(state, parameters, scratch, False)


def _measured(state, parameters, scratch):
    _sums(state, parameters, scratch, True)


@njit(nogil=True)
def _shares(state, parameters, scratch):
    for place in range(state.blocks.size):
        stages.compare_shares(state.firms, state.blocks[place], (1.0, 1.0), (1.0, 1.0), state.sums[place])


def _growths(state, parameters, scratch):
    growths(state, 0, state.blocks.size)
    growth_spreads(state, 0, state.blocks.size)


TIMED = {
    "shocks: hash, logarithm, sine, cosine": _shocks,
    "1 to 8: demand to departures": _one_to_eight,
    "8: entries": _entries,
    "9: attractiveness and what the next step needs": _carried,
    "9: sums of the light statistics": _measured,
    "9: shares against the step before": _shares,
    "growths, in the window alone": _growths,
}
# Some stages are timed together with those that they need, whose time is then subtracted.
_BEHIND = {
    "9: sums of the light statistics": "9: attractiveness and what the next step needs",
}


def stage_costs(rounds: int) -> pd.DataFrame:
    """Nanoseconds a firm that each stage takes, one thread."""
    market = Market(BARE.replace(capacity=FIRMS, steps=400), 0, full=False, every=1, steps=400, threads=1)
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
