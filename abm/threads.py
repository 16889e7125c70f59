"""A market's steps with the phases over blocks shared out to threads.

The kernels release Python's global lock, so plain threads do: unlike a compiler's own thread layer they may be used by
several markets at once and after a fork. Sums over blocks are made by one thread in block order, so that the bits
do not depend on the number of threads.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from abm import state as at
from abm.collection import growth_spreads, growths
from abm.growth import mean_growths, pool_growths
from abm.market import advance, conclude, gather, review
from abm.run import FULL, WINDOW_START, Record, begin, end
from abm.state import Parameters, State


def with_room(state: State, leavers: int) -> State:
    """The state with room for at least that many leavers in all, doubled where it has to grow."""
    room = state.lives.shape[0]
    if leavers <= room:
        return state
    lives = np.empty((max(leavers, 2 * room), state.lives.shape[1]))
    lives[:room] = state.lives
    return state._replace(lives=lives)


def share_out(pool: ThreadPoolExecutor | None, threads: int, blocks: int, phase: Callable) -> None:
    """Call `phase(begin, end, thread)` on `threads` ranges that make up all blocks."""
    bounds = [blocks * thread // threads for thread in range(threads + 1)]
    ranges = [(bounds[thread], bounds[thread + 1], thread) for thread in range(threads)]
    if pool is None:
        for begin, end, thread in ranges:
            phase(begin, end, thread)
    else:
        for done in [pool.submit(phase, *part) for part in ranges]:
            done.result()


def step_with_threads(
    pool: ThreadPoolExecutor | None,
    threads: int,
    state: State,
    parameters: Parameters,
    seed: int,
    record: Record,
    scratch: np.ndarray,
) -> State:
    """One step as `abm.run.run` makes it; returns the state, whose record of leavers may have grown."""
    blocks = state.blocks.shape[0]

    def in_parallel(phase: Callable) -> None:
        share_out(pool, threads, blocks, phase)

    measured = begin(state, parameters, record)
    in_parallel(lambda low, high, thread: advance(state, parameters, seed, measured, low, high, scratch[thread]))
    leavers, due = gather(state)
    if leavers:
        state = with_room(state, int(state.counters[at.LIVES]))
    if due:
        in_parallel(lambda low, high, _: review(state, parameters, seed, low, high))
    in_parallel(lambda low, high, _: conclude(state, measured, low, high))
    if state.counters[at.STEP] >= record.plan[WINDOW_START]:
        in_parallel(lambda low, high, _: growths(state, low, high))
        mean_growths(state)
        in_parallel(lambda low, high, _: growth_spreads(state, low, high))
        pool_growths(state, record.plan[FULL], record.growth)
    end(state, parameters, measured, record)
    return state
