"""Threads inside compiled calls: what one wrote before a barrier, all read after it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba import njit

from abm.numerics.barrier import give_up, new_barrier, wait_for_all


@njit(nogil=True, error_model="numpy")
def turn_round(rows, barrier, thread, threads, rounds):
    """Each round turns the numbers round and adds 1, so that each thread needs what the others wrote."""
    count, met = rows.shape[1], 0
    for number in range(rounds):
        for i in range(thread * count // threads, (thread + 1) * count // threads):
            rows[(number + 1) % 2, i] = rows[number % 2, count - 1 - i] + 1.0
        met = wait_for_all(barrier, threads, met)
    return met


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_no_thread_goes_on_before_all_have_come(threads):
    rows, barrier, rounds = np.arange(2.0 * 63).reshape(2, 63) % 63, new_barrier(), 400
    expected = rows[0] + rounds
    with ThreadPoolExecutor(threads) as pool:
        calls = [pool.submit(turn_round, rows, barrier, thread, threads, rounds) for thread in range(threads)]
        assert [call.result(timeout=60) for call in calls] == [rounds] * threads
    assert rows[0].tolist() == expected.tolist()


def test_threads_pass_a_barrier_that_is_given_up():
    barrier, done = new_barrier(), threading.Event()

    def wait_in_vain():
        turn_round(np.zeros((2, 4)), barrier, 0, 2, 3)
        done.set()

    threading.Thread(target=wait_in_vain, daemon=True).start()
    assert not done.wait(0.2)
    give_up(barrier)
    assert done.wait(60)
