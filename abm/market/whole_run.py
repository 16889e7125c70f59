"""Whole runs of a scenario inside one compiled call."""

from typing import NamedTuple

import numpy as np

from abm.market.aggregate import collect, open_market
from abm.market.arrays import Layout, Parameters, State
from abm.market.changes import as_given
from abm.market.entrants import draw_population
from abm.market.measures import MEASURE
from abm.market.outcome_numbers import outcome_numbers
from abm.market.run import Record, Team, run, tally_start
from abm.numerics.compilation import inlined, kernel
from abm.numerics.views import copy_items


class Assembled(NamedTuple):
    """A market ready to run, as kernels take it."""

    state: State
    parameters: Parameters
    layout: Layout
    record: Record
    scratch: np.ndarray


@inlined
def _restore(state, start):
    for row in range(state.firms.shape[0]):
        copy_items(start.firms[row], state.firms[row])
    copy_items(start.market, state.market)
    copy_items(start.sectors, state.sectors)
    copy_items(start.counters, state.counters)


@kernel
def run_seeds(market, start, seeds, numbers, rows, past):
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
    past : int
        The seed of what all runs share, whose `seeds` are those of the scenario's last change; -1: they share nothing.

    Returns
    -------
    int
        How many runs were made: all, unless one could not go on (see `COUNTERS`).
    """
    state, parameters, record, scratch = market.state, market.parameters, market.record, market.scratch
    alone = Team(0, 1, np.zeros(1, dtype=np.int64))
    for j in range(seeds.size):
        as_given(parameters)
        seed = seeds[j]
        if past >= 0:
            parameters.changes[-1].seed, seed = seed, past
        if start.firms.shape[1] > 0:
            _restore(state, start)
        else:
            draw_population(state, parameters, market.layout, seed)
        state.counters[0].seed = seed
        open_market(state, parameters, scratch)
        collect(state, parameters, record.plan.full, record.present)
        tally_start(record.tally, record.present[0, MEASURE.firms], record.present[0, MEASURE.mean_T])
        run(state, parameters, record.plan.steps, record, scratch, alone)
        if state.counters[0].halted != 0:
            return j
        outcome_numbers(state, record.tally, numbers[j])
        for kept in range(rows.shape[1]):
            for place in range(rows.shape[2]):
                copy_items(record.rows[kept, place], rows[j, kept, place])
    return seeds.size
