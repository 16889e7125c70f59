"""Threads that make a market's steps together."""

import threading

import pytest

from abm.market import threads


def test_an_interruption_while_helpers_start_leaves_none_of_them_waiting(monkeypatch):
    main, barriers = threading.current_thread(), []

    class Interrupted(threading.Barrier):
        def wait(self, timeout=None):
            if threading.current_thread() is main:
                barriers.append(self)
                raise KeyboardInterrupt
            return super().wait(timeout)

    monkeypatch.setattr(threads.threading, "Barrier", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        threads._Helpers(2)
    assert barriers[0].broken
