"""A run: steps of a market one after the other, and what is kept of them."""

from collections import namedtuple
from typing import NamedTuple

import numpy as np

from abm.market.aggregate import carry, collect, grow_demand, move_frontier
from abm.market.changes import begin_step
from abm.market.firms import FIRM
from abm.market.growth import GROWTH_PLACES, growth_spreads, growths, mean_growths, pool_growths
from abm.market.own_measures import fill_own
from abm.market.step import advance, after_rules, before_rules, conclude, gather, review
from abm.market.sums import SUM
from abm.numerics.barrier import wait_for_all
from abm.numerics.compilation import inlined, kernel, part
from abm.numerics.kendall import compared_stride, rank_correlation
from abm.numerics.views import copy_items

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
    watched : int
        1 if somebody looks at the measures of every step.
    """

    every: int
    full: int
    window_start: int
    steps: int
    watched: int


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
    own : int64 array, shape (own measures,)
        Addresses of the measures of the user's own, which have the last places of the market's row.
    plan : Plan
    """

    rows: np.ndarray
    present: np.ndarray
    growth: np.ndarray
    tally: np.ndarray
    own: np.ndarray
    plan: Plan


def new_record(sectors: int, measures: int, rows: int, own: np.ndarray, plan: Plan) -> Record:
    """An empty record."""
    return Record(
        rows=np.empty((rows, 1 + sectors, measures)),
        present=np.zeros((1 + sectors, measures)),
        growth=np.zeros(GROWTH_PLACES),
        tally=np.zeros(FIRST_MEASURE + 2 * measures + GROWTH_PLACES),
        own=own,
        plan=plan,
    )


@part
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


@part
def _tally_ranks(tally, step, steps, firms):
    """At the end of each quarter of the run, how ranks compare with those at the end of the one before."""
    for quarter in range(1, 5):
        if step == quarter_end(quarter, steps):
            far = compared_stride(firms.shape[1])
            now, then = firms[FIRM.B, ::far], firms[FIRM.B_quarter, ::far]
            if quarter > 1:
                before = quarter_end(quarter - 1, steps)
                tally_tau(tally, rank_correlation(then, now, firms[FIRM.entered, ::far], before))
            copy_items(now, then)
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


@inlined
def _is_measured(plan, step):
    """Whether the measures of a step are wanted, for a kept row or for the window."""
    return (plan.every > 0 and step % plan.every == 0) or step >= plan.window_start or plan.watched == 1


@part
def begin(state, parameters, record, scratch):
    """Begin a step, and note whether its measures are wanted."""
    begin_step(state, parameters, scratch)
    counters = state.counters[0]
    counters.measured = 1 if _is_measured(record.plan, counters.step) else 0
    counters.ahead = 1 if _is_measured(record.plan, counters.step + 1) else 0


@part
def end(state, parameters, record):
    """End a step: its measures, what is kept of them, and the demand of the next step."""
    counters, plan, tally = state.counters[0], record.plan, record.tally
    step, leader = counters.step, counters.market_leader
    move_frontier(state, parameters)
    if counters.measured > 0:
        collect(state, parameters, plan.full, record.present)
        fill_own(state, record.own, record.present[0])
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
            copy_items(record.present[group], kept[group])
    if step >= plan.window_start:
        tally_step(tally, record.present[0], record.growth)
    counters.unfinished = 0


class Team(NamedTuple):
    """One of the threads that make a market's steps together, each its range of blocks.

    Attributes
    ----------
    thread, threads : int
        Its number, from 0, and that of all.
    barrier : int64 array, shape (1,)
        Where they wait for each other.
    """

    thread: int
    threads: int
    barrier: np.ndarray


@kernel
def run(state, parameters, last_step, record, scratch, team):
    """Steps until `last_step`, or until one cannot go on.

    The record of exits may have no room for those of the step under way, which a call with more room finishes; or a
    rule or a measure of the user's own fails.

    What is summed over blocks is summed by the first thread in block order, so that the bits do not depend on the
    number of threads. All of a team must make this call at the same time.

    Parameters
    ----------
    state : State
    parameters : Parameters
    last_step : int
    record : Record
    scratch : float64 array, shape (6, BLOCK)
        The thread's own.
    team : Team
    """
    counters, blocks, first = state.counters[0], state.blocks.size, team.thread == 0
    low, high = blocks * team.thread // team.threads, blocks * (team.thread + 1) // team.threads
    step, unfinished = counters.step, counters.unfinished > 0
    met = wait_for_all(team.barrier, team.threads, 0)  # all have read where they begin
    while (step < last_step or unfinished) and counters.halted == 0:
        if not unfinished:
            step += 1
            if first:
                begin(state, parameters, record, scratch)
            met = wait_for_all(team.barrier, team.threads, met)
            advance(state, parameters, low, high, scratch)
            met = wait_for_all(team.barrier, team.threads, met)
            if first:
                gather(state)
                before_rules(state, parameters)
            met = wait_for_all(team.barrier, team.threads, met)
        unfinished = 0 < state.lives.size < counters.lives
        if unfinished:
            return
        if counters.due > 0:
            review(state, parameters, low, high)
            met = wait_for_all(team.barrier, team.threads, met)
            if after_rules(state, parameters):
                return
        conclude(state, parameters, low, high)
        met = wait_for_all(team.barrier, team.threads, met)
        if step >= record.plan.window_start:
            growths(state, low, high)
            met = wait_for_all(team.barrier, team.threads, met)
            if first:
                mean_growths(state)
            met = wait_for_all(team.barrier, team.threads, met)
            growth_spreads(state, low, high)
            met = wait_for_all(team.barrier, team.threads, met)
            if first:
                pool_growths(state, record.plan.full, record.growth)
        if first:
            end(state, parameters, record)
        met = wait_for_all(team.barrier, team.threads, met)
