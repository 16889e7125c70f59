"""A run: steps of a market one after the other, and what is kept of them."""

from typing import NamedTuple

import numpy as np

from abm import state as at
from abm import sums as at_sum
from abm.collection import carry, collect, grow_demand, growth_spreads, growths
from abm.compilation import allocating, inlined, kernel
from abm.growth import GROWTH_PLACES, mean_growths, pool_growths
from abm.market import advance, begin_step, conclude, copy_row, gather, review
from abm.ranks import apart, rank_correlation

# Places of Record.plan.
EVERY, FULL, WINDOW_START, STEPS = range(4)

# Places of Record.tally. Of all steps: the peak of the number of firms, at how many steps there was a leader before and
# after and at how many of them another, mean T at the start and when it had grown enough, and rank correlations
# of quarters with their number. Behind them, of the window: means of the market's measures, numbers of steps that
# have them, and the pooled growth record.
PEAK_FIRMS, PEAK_STEP, LEADER_STEPS, LEADER_CHANGES, START_T, TAKE_OFF_STEP, TAUS, TAU_N = range(8)
FIRST_MEASURE = 8

TAKE_OFF = 1.5  # growth of mean T over the start's by which a market has taken off


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
    tally : float64 array, shape (8 + 2·measures + 42,)
        What the outcomes of the run rest on.
    plan : int64 array, shape (4,)
        Keep each Nth step (0: none); 1 for the level `full`; first step of the window; the steps of the run, at the
        ends of whose quarters ranks are compared, or 0.
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
def tally_start(tally, firms, mean_t):
    """What is remembered of the start."""
    tally[:] = 0.0
    tally[START_T], tally[TAKE_OFF_STEP] = mean_t, np.nan
    tally_peak(tally, firms, 0)


@inlined
def _tally_leader(tally, step, before, now):
    """Whether the leader is another than a step before, where there was one."""
    if step > 1 and before >= 0 and now >= 0:
        tally[LEADER_STEPS] += 1.0
        tally[LEADER_CHANGES] += 1.0 if now != before else 0.0


@inlined
def _tally_take_off(tally, step, sums):
    """The first step whose mean T has grown enough."""
    if np.isnan(tally[TAKE_OFF_STEP]) and sums[at_sum.SUM_T] >= TAKE_OFF * tally[START_T] * max(sums[at_sum.N], 1.0):
        tally[TAKE_OFF_STEP] = step


@kernel
def tally_tau(tally, tau):
    """Add a rank correlation, if it is one."""
    if not np.isnan(tau):
        tally[TAUS] += tau
        tally[TAU_N] += 1.0


@inlined
def quarter_end(quarter, steps):
    """The last step of a quarter, the first is 1, of so many steps."""
    return (quarter * steps + 3) // 4


@allocating
def _tally_ranks(tally, step, steps, firms):
    """At the end of each quarter of the run, how ranks compare with those at the end of the one before."""
    for quarter in range(1, 5):
        if step == quarter_end(quarter, steps):
            far = apart(firms.shape[1])
            now, then = firms[at.B, ::far], firms[at.B_QUARTER, ::far]
            if quarter > 1:
                before = quarter_end(quarter - 1, steps)
                tally_tau(tally, rank_correlation(then, now, firms[at.ENTERED, ::far], before))
            copy_row(now, then)
            return


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
    step, plan, leader = state.counters[at.STEP], record.plan, state.counters[at.MARKET_LEADER]
    if measured:
        collect(state, parameters, plan[FULL], record.present)
    else:
        carry(state)
    grow_demand(state, parameters)
    tally_peak(record.tally, state.sums[-1, at_sum.N], step)
    _tally_leader(record.tally, step, leader, state.counters[at.MARKET_LEADER])
    _tally_take_off(record.tally, step, state.sums[-1])
    _tally_ranks(record.tally, step, plan[STEPS], state.firms)
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
