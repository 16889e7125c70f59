"""Whole runs of a scenario inside one compiled call."""

from typing import NamedTuple

import numpy as np

from abm.market.aggregate import collect, open_market
from abm.market.arrays import Layout, Parameters, State
from abm.market.entrants import draw_population
from abm.market.measures import MEASURE
from abm.market.outcome_numbers import outcome_numbers
from abm.market.run import Record, run, tally_start
from abm.market.step import copy_row
from abm.numerics.compilation import inlined, kernel


class Assembled(NamedTuple):
    """A market ready to run, as kernels take it."""

    state: State
    parameters: Parameters
    layout: Layout
    record: Record
    scratch: np.ndarray


@inlined
def _copy_table(source, target):
    for place in range(target.size):
        target[place] = source[place]


@inlined
def _restore(state, start):
    for row in range(state.firms.shape[0]):
        copy_row(start.firms[row], state.firms[row])
    _copy_table(start.sectors, state.sectors)
    _copy_table(start.counters, state.counters)


@kernel
def run_seeds(market, start, seeds, numbers, rows):
    """Run one scenario to its end once for each seed, in one state.

    Parameters
    ----------
    market : Assembled
    start : State
        What every run starts from if it has slots; without, firms are drawn.
    seeds : int64 array, shape (runs,)
    numbers : float64 array, shape (runs, numbers)
        Filled with each run's outcome numbers.
    rows : float64 array, shape (runs, kept steps, places, measures)
        Filled with the measures of the market and, where there are further places, of the sectors.
    """
    state, parameters, record, scratch = market.state, market.parameters, market.record, market.scratch
    given, sectors, strategies = parameters.market.copy(), parameters.sectors.copy(), parameters.strategies.copy()
    for j in range(seeds.size):
        _copy_table(given, parameters.market)
        _copy_table(sectors, parameters.sectors)
        _copy_table(strategies, parameters.strategies)
        if start.firms.shape[1] > 0:
            _restore(state, start)
        else:
            draw_population(state, parameters, market.layout, seeds[j])
        open_market(state, parameters, scratch)
        collect(state, parameters, record.plan.full, record.present)
        tally_start(record.tally, record.present[0, MEASURE.firms], record.present[0, MEASURE.mean_T])
        run(state, parameters, seeds[j], record.plan.steps, record, scratch)
        outcome_numbers(state, record.tally, numbers[j])
        for kept in range(rows.shape[1]):
            for place in range(rows.shape[2]):
                copy_row(record.rows[kept, place], rows[j, kept, place])
