"""A market's steps with the phases over blocks shared out to threads.

The kernels release Python's global lock, so plain threads do: unlike a compiler's own thread layer they may be used by
several markets at once and after a fork. Sums over blocks are made by one thread in block order, so that the bits
do not depend on the number of threads.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache

import numpy as np

from abm.market.arrays import Parameters, State
from abm.market.growth import growth_spreads, growths, mean_growths, pool_growths
from abm.market.run import Record, begin, end
from abm.market.step import advance, conclude, gather, review


def with_room(state: State, exits: int) -> State:
    """The state with room for at least that many exits in all, doubled where it has to grow."""
    room = state.lives.size
    if exits <= room:
        return state
    lives = np.empty(max(exits, 2 * room), dtype=state.lives.dtype)
    lives[:room] = state.lives
    return state._replace(lives=lives)


@lru_cache(maxsize=16)
def _helpers(process: int, count: int) -> ThreadPoolExecutor:
    """Threads of this process that help its markets; a process that is forked has none of its parent's."""
    return ThreadPoolExecutor(count)


def share_out(threads: int, blocks: int, phase: Callable) -> None:
    """Call `phase(begin, end, thread)` on `threads` ranges that make up all blocks; the caller takes the first."""
    bounds = [blocks * thread // threads for thread in range(threads + 1)]
    helpers = _helpers(os.getpid(), threads - 1) if threads > 1 else None
    others = [helpers.submit(phase, bounds[thread], bounds[thread + 1], thread) for thread in range(1, threads)]
    try:
        phase(0, bounds[1], 0)
    finally:
        wait(others)  # none may be at work on a market that is being given up
    for other in others:
        other.result()


def step_with_threads(
    threads: int,
    state: State,
    parameters: Parameters,
    seed: int,
    record: Record,
    scratch: np.ndarray,
) -> State:
    """One step as `abm.market.run.run` makes it; returns the state, whose record of exits may have grown."""
    blocks = state.blocks.size

    def in_parallel(phase: Callable) -> None:
        share_out(threads, blocks, phase)

    measured = begin(state, parameters, record)
    in_parallel(lambda low, high, thread: advance(state, parameters, seed, measured, low, high, scratch[thread]))
    exits, due = gather(state)
    if exits:
        state = with_room(state, int(state.counters["lives"][0]))
    if due:
        in_parallel(lambda low, high, _: review(state, parameters, seed, low, high))
    in_parallel(lambda low, high, _: conclude(state, measured, low, high))
    if state.step >= record.plan.window_start:
        in_parallel(lambda low, high, _: growths(state, low, high))
        mean_growths(state)
        in_parallel(lambda low, high, _: growth_spreads(state, low, high))
        pool_growths(state, record.plan.full, record.growth)
    end(state, parameters, measured, record)
    return state
