"""A market's steps by several threads.

Kernels release Python's global lock, so plain threads make them: unlike a compiler's own thread layer they may be used
by several markets and after a fork. Threads share out the blocks of each phase and meet at a barrier inside the
compiled call (`abm.market.run`).
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache

import numpy as np

from abm.market.arrays import Parameters, State
from abm.market.run import Record, Team, run
from abm.numerics.barrier import give_up, new_barrier


def with_room(state: State, exits: int) -> State:
    """The state with room for at least that many exits in all, doubled where it has to grow."""
    room = state.lives.size
    if exits <= room:
        return state
    lives = np.empty(max(exits, 2 * room), dtype=state.lives.dtype)
    lives[:room] = state.lives
    return state._replace(lives=lives)


class _Helpers:
    """Threads that help one market at a time: they wait for each other, so that none may be kept by another market."""

    def __init__(self, count: int) -> None:
        self.turn = threading.Lock()
        self._threads = ThreadPoolExecutor(count)
        started = threading.Barrier(count + 1)
        try:
            for _ in range(count):
                self.submit(started.wait)
            started.wait()
        except BaseException:  # the system gives no more threads, or the user interrupts: none may wait for ever
            started.abort()
            raise

    def submit(self, *call):
        """Have a call made by one of the threads."""
        return self._threads.submit(*call)


@lru_cache(maxsize=16)
def _helpers(process: int, count: int) -> _Helpers:
    """The helpers in this process; one that is forked has none of its parent's."""
    return _Helpers(count)


def run_with_threads(
    threads: int, state: State, parameters: Parameters, last_step: int, record: Record, scratch: np.ndarray
) -> State:
    """Steps as `abm.market.run.run` makes them, by one or more threads.

    Parameters
    ----------
    threads : int
    state : State
    parameters : Parameters
    last_step : int
    record : Record
    scratch : float64 array, shape (threads, 6, BLOCK)

    Returns
    -------
    State
        Whose record of exits may have grown.
    """
    if threads == 1:
        run(state, parameters, last_step, record, scratch[0], Team(0, 1, new_barrier()))
    else:
        barrier = new_barrier()
        parts = [
            (state, parameters, last_step, record, scratch[thread], Team(thread, threads, barrier))
            for thread in range(threads)
        ]
        helpers = _helpers(os.getpid(), threads - 1)
        with helpers.turn:
            _run_together(helpers, parts, barrier)
    counters = state.counters[0]
    if counters["unfinished"] and not counters["halted"]:
        state = with_room(state, int(counters["lives"]))
        return run_with_threads(threads, state, parameters, last_step, record, scratch)
    return state


def _run_together(helpers: _Helpers, parts: list[tuple], barrier: np.ndarray) -> None:
    """Calls of `run` at the same time, the first of them by this thread."""
    calls = []
    try:
        for part in parts[1:]:
            calls.append(helpers.submit(run, *part))
        run(*parts[0])
    except BaseException:
        give_up(barrier)
        raise
    finally:
        wait(calls)  # none may be at work on a market that is being given up
    for call in calls:
        call.result()
