"""A run: steps of a market one after the other, and what is kept of them."""

from typing import NamedTuple

import numpy as np

from abm import state as at
from abm import sums as at_sum
from abm.collection import carry, collect, grow_demand, growth_spreads, growths
from abm.compilation import kernel
from abm.growth import GROWTH_PLACES, mean_growths, pool_growths
from abm.market import advance, begin_step, conclude, gather, review

# Places of Record.plan.
EVERY, FULL, WINDOW_START = range(3)

# Places of Record.tally: means of the market's measures over the window, numbers of steps that have them, the pooled
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
    plan : int64 array, shape (3,)
        Keep each Nth step (0: none); 1 for the level `full`; first step of the window.
    """

    rows: np.ndarray
    present: np.ndarray
    growth: np.ndarray
    tally: np.ndarray
    plan: np.ndarray


def new_record(sectors: int, measures: int, rows: int, plan: tuple[int, int, int]) -> Record:
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
            # The mean so far: a sum of funds near the largest float would overflow.
            tally[FIRST_MEASURE + measures + place] += 1.0
            count = tally[FIRST_MEASURE + measures + place]
            tally[FIRST_MEASURE + place] += (row[place] - tally[FIRST_MEASURE + place]) / count
    for place in range(growth.size):
        tally[FIRST_MEASURE + 2 * measures + place] += growth[place]


@kernel
def begin(state, parameters, record):
    """Begin a step; returns whether its measures are wanted, for a kept row or for the window."""
    begin_step(state, parameters)
    step, every = state.counters[at.STEP], record.plan[EVERY]
    return (every > 0 and step % every == 0) or step >= record.plan[WINDOW_START]


@kernel
def end(state, parameters, measured, record):
    """End a step: its measures, what is kept of them, and the demand of the next step."""
    step, plan = state.counters[at.STEP], record.plan
    if measured:
        collect(state, parameters, plan[FULL], record.present)
    else:
        carry(state)
    grow_demand(state, parameters)
    tally_peak(record.tally, state.sums[-1, at_sum.N], step)
    if plan[EVERY] > 0 and step % plan[EVERY] == 0:
        kept = record.rows[step // plan[EVERY] - 1]
        for group in range(kept.shape[0]):
            for place in range(kept.shape[1]):
                kept[group, place] = record.present[group, place]
    if step >= plan[WINDOW_START]:
        tally_step(record.tally, record.present[0], record.growth)


@kernel
def run(state, parameters, seed, last_step, record, scratch):
    """Steps by one thread until `last_step`, or until the record of leavers might not hold another step's.

    `abm.threads` makes the same steps with several threads.
    """
    blocks, capacity, room = state.blocks.shape[0], state.firms.shape[1], state.lives.shape[0]
    while state.counters[at.STEP] < last_step and (room == 0 or room - state.counters[at.LIVES] >= capacity):
        measured = begin(state, parameters, record)
        advance(state, parameters, seed, measured, 0, blocks, scratch)
        _, due = gather(state)
        if due > 0:
            review(state, parameters, seed, 0, blocks)
        conclude(state, measured, 0, blocks)
        if state.counters[at.STEP] >= record.plan[WINDOW_START]:
            growths(state, 0, blocks)
            mean_growths(state)
            growth_spreads(state, 0, blocks)
            pool_growths(state, record.plan[FULL], record.growth)
        end(state, parameters, measured, record)
