"""Where the time of a step goes: each stage alone, over all blocks of a market that fits the cache."""

import statistics
import time

import pandas as pd
from numba import njit

from abm.market import stages, sums
from abm.market.arrays import Key, firm_of, work_of
from abm.market.growth import growth_spreads, growths
from abm.simulation.market import Market
from experiments.speed.subjects import BASE

FIRMS = 10_000


@njit(nogil=True)
def _shocks(state, parameters, scratch):
    for block in state.blocks:
        work = work_of(scratch, 0, block.stop - block.start)
        key = Key(1, block.sector, block.start - block.first_slot, 7)
        stages.shocks(key, parameters.market[0], work)


@njit(nogil=True)
def _first_three(state, parameters, scratch):
    for block in state.blocks:
        firm = firm_of(state.firms, block.start, block.stop)
        work, market = work_of(scratch, 0, block.stop - block.start), parameters.market[0]
        stages.demand(firm, market, state.sectors[block.sector], work)
        stages.commercialisation_challenge(firm, market, work)
        stages.innovation(firm, market, work)


@njit(nogil=True)
def _targets(state, parameters, scratch):
    for block in state.blocks:
        firm = firm_of(state.firms, block.start, block.stop)
        stages.targets(firm, parameters.market[0], work_of(scratch, 0, block.stop - block.start))


@njit(nogil=True)
def _adjustment(state, parameters, scratch):
    for block in state.blocks:
        firm = firm_of(state.firms, block.start, block.stop)
        work, sector = work_of(scratch, 0, block.stop - block.start), state.sectors[block.sector]
        stages.adjustment(firm, parameters.market[0], sector, work)


@njit(nogil=True)
def _funds_and_age(state, parameters, scratch):
    for block in state.blocks:
        firm, market = firm_of(state.firms, block.start, block.stop), parameters.market[0]
        stages.funds(firm, market, state.sectors[block.sector])
        stages.ageing(firm, market)


@njit(nogil=True)
def _turnover(state, parameters, scratch):
    for block in state.blocks:
        firm = firm_of(state.firms, block.start, block.stop)
        work, sector = work_of(scratch, 0, block.stop - block.start), state.sectors[block.sector]
        key = Key(1, block.sector, block.start - block.first_slot, 7)
        stages.turnover(firm, parameters, sector, block, key, work)


@njit(nogil=True)
def _attractiveness(state, parameters, scratch):
    for block in state.blocks:
        firm = firm_of(state.firms, block.start, block.stop)
        work, sector = work_of(scratch, 0, block.stop - block.start), parameters.sectors[block.sector]
        sums.attract(firm, parameters.market[0], sector, work)


@njit(nogil=True)
def _sums(state, parameters, scratch, measured):
    for place in range(state.blocks.size):
        block, market = state.blocks[place], parameters.market[0]
        firm = firm_of(state.firms, block.start, block.stop)
        work, sector = work_of(scratch, 0, block.stop - block.start), parameters.sectors[block.sector]
        sums.sum_block(firm, block.start, market, sector, measured, state.sums[place], work)


def _attractiveness_and_carried(state, parameters, scratch):
    _sums(state, parameters, scratch, False)


def _attractiveness_and_all_sums(state, parameters, scratch):
    _sums(state, parameters, scratch, True)


@njit(nogil=True)
def _shares(state, parameters, scratch):
    for place in range(state.blocks.size):
        firm = firm_of(state.firms, state.blocks[place].start, state.blocks[place].stop)
        stages.compare_shares(firm, (1.0, 1.0), (1.0, 1.0), state.sums[place])


def _growths(state, parameters, scratch):
    growths(state, 0, state.blocks.size)
    growth_spreads(state, 0, state.blocks.size)


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
# Some stages are timed together with those that they need, whose time is then subtracted.
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
