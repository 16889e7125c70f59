"""A run: steps of a market one after the other, and what is kept of them."""

from collections import namedtuple
from typing import NamedTuple

import numpy as np

from abm.market.aggregate import carry, collect, grow_demand
from abm.market.arrays import FIRM
from abm.market.growth import GROWTH_PLACES, growth_spreads, growths, mean_growths, pool_growths
from abm.market.step import advance, begin_step, conclude, copy_row, gather, review
from abm.market.sums import SUM
from abm.numerics.compilation import allocating, inlined, kernel
from abm.numerics.kendall import compared_stride, rank_correlation

# Places of Record.tally. Of all steps: the peak of the number of firms, at how many steps there was a leader before and
# after and at how many of them another, mean T at the start and when it had grown enough, and rank correlations
# of quarters with their number. Behind them, of the window: means of the market's measures, numbers of steps that
# have them, and the pooled growth record.
Tally = namedtuple(
    "Tally", "peak_firms peak_step leader_steps leader_changes start_T take_off_step rank_taus rank_tau_N"
)
TALLY = Tally(*range(len(Tally._fields)))
FIRST_MEASURE = len(TALLY)

TAKE_OFF = 1.5  # growth of mean T over the start's by which a market has taken off


class Plan(NamedTuple):
    """What of a run is kept.

    Attributes
    ----------
    every : int
        Keep each Nth step (0: none).
    full : int
        1 for the level `full`.
    window_start : int
        First step of the window.
    steps : int
        Length of the run, at the ends of whose quarters ranks are compared; 0 for one without a fixed end.
    """

    every: int
    full: int
    window_start: int
    steps: int


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
    plan : Plan
    """

    rows: np.ndarray
    present: np.ndarray
    growth: np.ndarray
    tally: np.ndarray
    plan: Plan


def new_record(sectors: int, measures: int, rows: int, plan: Plan) -> Record:
    """An empty record."""
    return Record(
        rows=np.empty((rows, 1 + sectors, measures)),
        present=np.zeros((1 + sectors, measures)),
        growth=np.zeros(GROWTH_PLACES),
        tally=np.zeros(FIRST_MEASURE + 2 * measures + GROWTH_PLACES),
        plan=plan,
    )


@kernel
def tally_peak(tally, firms, step):
    """The largest number of firms and the first step that has it."""
    if firms > tally[TALLY.peak_firms]:
        tally[TALLY.peak_firms], tally[TALLY.peak_step] = firms, step


@kernel
def tally_start(tally, firms, mean_T):
    """What is remembered of the start."""
    tally[:] = 0.0
    tally[TALLY.start_T], tally[TALLY.take_off_step] = mean_T, np.nan
    tally_peak(tally, firms, 0)


@inlined
def _tally_leader(tally, step, before, now):
    """Whether the leader is another than a step before, where there was one."""
    if step > 1 and before >= 0 and now >= 0:
        tally[TALLY.leader_steps] += 1.0
        tally[TALLY.leader_changes] += 1.0 if now != before else 0.0


@inlined
def _tally_take_off(tally, step, sums):
    """The first step whose mean T has grown enough."""
    grown = sums[SUM.T] >= TAKE_OFF * tally[TALLY.start_T] * max(sums[SUM.N], 1.0)
    if np.isnan(tally[TALLY.take_off_step]) and grown:
        tally[TALLY.take_off_step] = step


@kernel
def tally_tau(tally, tau):
    """Add a rank correlation, if it is one."""
    if not np.isnan(tau):
        tally[TALLY.rank_taus] += tau
        tally[TALLY.rank_tau_N] += 1.0


def window_start(steps: int) -> int:
    """The first of the last ceil(steps/4) steps, over which outcomes are averaged.

    Examples
    --------
    >>> window_start(400), window_start(5), window_start(1)
    (301, 4, 1)
    """
    return steps - (steps + 3) // 4 + 1


@inlined
def quarter_end(quarter, steps):
    """The last step of a quarter, the first is 1, of so many steps."""
    return (quarter * steps + 3) // 4


@allocating
def _tally_ranks(tally, step, steps, firms):
    """At the end of each quarter of the run, how ranks compare with those at the end of the one before."""
    for quarter in range(1, 5):
        if step == quarter_end(quarter, steps):
            far = compared_stride(firms.shape[1])
            now, then = firms[FIRM.B, ::far], firms[FIRM.B_quarter, ::far]
            if quarter > 1:
                before = quarter_end(quarter - 1, steps)
                tally_tau(tally, rank_correlation(then, now, firms[FIRM.entered, ::far], before))
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
    step, every = state.counters[0].step, record.plan.every
    return (every > 0 and step % every == 0) or step >= record.plan.window_start


@kernel
def end(state, parameters, measured, record):
    """End a step: its measures, what is kept of them, and the demand of the next step."""
    counters, plan, tally = state.counters[0], record.plan, record.tally
    step, leader = counters.step, counters.market_leader
    if measured:
        collect(state, parameters, plan.full, record.present)
    else:
        carry(state)
    grow_demand(state, parameters)
    tally_peak(tally, state.sums[-1, SUM.N], step)
    _tally_leader(tally, step, leader, counters.market_leader)
    _tally_take_off(tally, step, state.sums[-1])
    _tally_ranks(tally, step, plan.steps, state.firms)
    if plan.every > 0 and step % plan.every == 0:
        kept = record.rows[step // plan.every - 1]
        for group in range(kept.shape[0]):
            for place in range(kept.shape[1]):
                kept[group, place] = record.present[group, place]
    if step >= plan.window_start:
        tally_step(tally, record.present[0], record.growth)


@kernel
def run(state, parameters, seed, last_step, record, scratch):
    """Steps by one thread until `last_step`, or until the record of exits might not hold another step's.

    `abm.market.threads` makes the same steps with several threads.
    """
    blocks, capacity, room = state.blocks.size, state.firms.shape[1], state.lives.size
    counters = state.counters[0]
    while counters.step < last_step and (room == 0 or room - counters.lives >= capacity):
        measured = begin(state, parameters, record)
        advance(state, parameters, seed, measured, 0, blocks, scratch)
        _, due = gather(state)
        if due > 0:
            review(state, parameters, seed, 0, blocks)
        conclude(state, measured, 0, blocks)
        if counters.step >= record.plan.window_start:
            growths(state, 0, blocks)
            mean_growths(state)
            growth_spreads(state, 0, blocks)
            pool_growths(state, record.plan.full, record.growth)
        end(state, parameters, measured, record)
