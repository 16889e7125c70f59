"""A run: steps of a market one after the other, and what is kept of them."""

from typing import NamedTuple

import numpy as np

from abm import measures as measure
from abm import state as at
from abm.compilation import kernel
from abm.growth import GROWTH_PLACES, mean_growths, pool_growths
from abm.market import (
    advance,
    begin_step,
    collect,
    conclude,
    gather,
    grow_demand,
    growth_spreads,
    growths,
    review,
)

# Places of Record.plan.
EVERY, FULL, WINDOW_START, FIRST_ROW = range(4)

# Places of Record.tally: sums of the market's measures over the window, numbers of steps that have them, the pooled
# growth record, and the peak of the number of firms.
PEAK_FIRMS, PEAK_STEP = 0, 1
FIRST_MEASURE = 2


class Record(NamedTuple):
    """What is kept of a run.

    Attributes
    ----------
    rows : float64 array, shape (kept steps, 1 + sectors, measures)
        Row 0 of a step is the market's.
    present : float64 array, shape (1 + sectors, measures)
        The rows of the step just made.
    growth : float64 array, shape (42,)
        The growth record of the step just made, if it is in the window.
    tally : float64 array, shape (2 + 2·measures + 42,)
        What the outcomes of the run rest on.
    plan : int64 array, shape (4,)
        Keep each Nth step (0: none); 1 for the level `full`; first step of the window; first step of `rows`.
    """

    rows: np.ndarray
    present: np.ndarray
    growth: np.ndarray
    tally: np.ndarray
    plan: np.ndarray


def new_record(sectors: int, measures: int, rows: int, plan: tuple[int, int, int, int]) -> Record:
    """An empty record."""
    return Record(
        rows=np.empty((rows, 1 + sectors, measures)),
        present=np.zeros((1 + sectors, measures)),
        growth=np.zeros(GROWTH_PLACES),
        tally=np.zeros(FIRST_MEASURE + 2 * measures + GROWTH_PLACES),
        plan=np.array(plan, dtype=np.int64),
    )


@kernel
def tally_peak(tally, firms, step):
    """The largest number of firms and the first step that has it."""
    if firms > tally[PEAK_FIRMS]:
        tally[PEAK_FIRMS], tally[PEAK_STEP] = firms, step


@kernel
def tally_step(tally, row, growth):
    """Add a step of the window: the market's measures where they are numbers, and its growth record."""
    measures = row.size
    for place in range(measures):
        if not np.isnan(row[place]):
            tally[FIRST_MEASURE + place] += row[place]
            tally[FIRST_MEASURE + measures + place] += 1.0
    for place in range(growth.size):
        tally[FIRST_MEASURE + 2 * measures + place] += growth[place]


@kernel
def keep(state, record):
    """Put the step just made where the record wants it."""
    step, plan = state.counters[at.STEP], record.plan
    if plan[EVERY] > 0 and step % plan[EVERY] == 0:
        record.rows[step // plan[EVERY] - 1 - plan[FIRST_ROW]] = record.present
    tally_peak(record.tally, record.present[0, measure.FIRMS], step)
    if step >= plan[WINDOW_START]:
        tally_step(record.tally, record.present[0], record.growth)


@kernel
def step(state, parameters, seed, record, scratch):
    """One step of a market by one thread; `abm.threads` does the same with several."""
    blocks = state.blocks.shape[0]
    begin_step(state, parameters)
    advance(state, parameters, seed, 0, blocks, scratch)
    _, due = gather(state)
    if due > 0:
        review(state, parameters, seed, 0, blocks)
    conclude(state, parameters, 0, blocks, scratch)
    collect(state, parameters, record.plan[FULL], record.present)
    if state.counters[at.STEP] >= record.plan[WINDOW_START]:
        growths(state, 0, blocks, scratch)
        mean_growths(state)
        growth_spreads(state, 0, blocks, scratch)
        pool_growths(state, record.plan[FULL], record.growth)
    grow_demand(state, parameters)
    keep(state, record)


@kernel
def run(state, parameters, seed, last_step, record, scratch):
    """Steps until `last_step`, or until the record of leavers might not hold another step's."""
    capacity, room = state.firms.shape[1], state.lives.shape[0]
    while state.counters[at.STEP] < last_step and (room == 0 or room - state.counters[at.LIVES] >= capacity):
        step(state, parameters, seed, record, scratch)
