"""The market of a page: a `MarketModel` that waits until it is drawn, and may have a second market beside it."""

import threading
import time
from typing import Any

import numpy as np
from mesa.visualization.utils import update_counter

from abm.agents.model import MarketModel
from abm.dashboard.controls import choose
from abm.dashboard.origins import Origin
from abm.market.measures import MEASURE
from abm.scenario.scenario import Scenario
from abm.simulation.market import check_memory

# What is kept of each sector at each step.
SECTOR_MEASURES = {name: getattr(MEASURE, name) for name in ("firms", "hhi", "mean_T", "weighted_R")}
PATIENCE = 2.0  # seconds that a step waits for a frame to be drawn
PAUSE = 0.02  # seconds before the first step after a frame, in which the page can react


def second_scenario(scenario: Scenario, changed: tuple[str, Any]) -> Scenario:
    """The scenario of a second market beside the first.

    Raises
    ------
    InputError
        If the change is not allowed, or the two markets would not fit the memory.

    Examples
    --------
    >>> second_scenario(Scenario(), ("churn", 0.4)).churn
    0.4
    """
    other = choose(scenario, *changed)
    check_memory(other, 0, copies=2)
    return other


class WatchedMarket(MarketModel):
    """A market on a page.

    The page's player steps it in a thread and asks for a frame after every few steps. If frames were
    requested faster than they are drawn, the page would not react, so a step first waits for the last requested frame.

    Parameters
    ----------
    scenario : Scenario
    rng : int
    origin : Origin
        What the scenario was before it was changed on the page.
    changed : tuple of (str, value), optional
        A parameter, and its value in a second market beside this one.

    Attributes
    ----------
    lock : threading.RLock
        Held while a step is made and while columns are read.
    frame_drawn : int
        The number of the last frame that the page has drawn.
    pace : float
        Seconds between two steps, at least.
    closed : bool
        Whether its page is gone.
    other : MarketModel or None
        The second market: with the same seed, at the same step.

    Examples
    --------
    >>> scenario = Scenario(capacity=20, steps=3)
    >>> market = WatchedMarket(scenario, rng=1, origin=Origin("my.toml", scenario), changed=("churn", 0.4))
    >>> market.run_model()
    >>> market.steps_done, market.other.steps_done, market.running
    (3, 3, False)
    """

    def __init__(self, scenario: Scenario, *, rng: int, origin: Origin, changed: tuple[str, Any] | None = None) -> None:
        super().__init__(scenario, rng=rng)
        self.origin = origin
        self.lock = threading.RLock()
        self.frame_drawn = 0
        self.closed = False
        self.pace = self._last_step = 0.0
        self._frame_before = update_counter.peek()
        self._sectors = [self._sector_row()]
        self.changed_parameter: tuple[str, Any] | None = None
        self._awaited: tuple[str, Any] | None = None
        self.other: MarketModel | None = None
        self.compare_with(changed)

    def compare_with(self, changed: tuple[str, Any] | None) -> None:
        """Make a second market with one parameter changed and step it to the same step, or remove it (None).

        Raises
        ------
        InputError
            If there can be no such market; what was there stays.
        """
        other = None if changed is None else MarketModel(second_scenario(self.scenario, changed), rng=self.seed)
        self._awaited = changed
        self._catch_up(other)  # which may take a while, in which this market may be seen and go on
        with self.lock:
            if self._awaited == changed:  # nothing else was asked for meanwhile
                self._catch_up(other)
                self.changed_parameter, self.other = changed, other

    def _catch_up(self, other: MarketModel | None) -> None:
        while other and other.steps_done < self.steps_done and not self.closed:
            other.step()

    def close(self) -> None:
        """End all threads that step this market or the second one."""
        self.closed, self.running = True, False

    def step(self) -> None:
        """Make one step, once it is due and the last frame drawn; none after the scenario's last, or when closed."""
        self._wait_until_drawn()
        self._wait_until_due()
        with self.lock:
            if not self.running:
                return
            super().step()
            self._last_step = time.monotonic()
            self._sectors.append(self._sector_row())
            if self.other:
                self.other.step()
            if self.steps_done >= self.scenario.steps:
                self.running = False

    def _wait_until_drawn(self) -> None:
        latest = time.monotonic() + PATIENCE
        while self.running and self.frame_drawn < update_counter.peek() and time.monotonic() < latest:
            time.sleep(0.001)

    def _wait_until_due(self) -> None:
        if (frame := update_counter.peek()) != self._frame_before:
            self._frame_before = frame
            time.sleep(PAUSE)
        while self.running and time.monotonic() < self._last_step + self.pace:
            time.sleep(0.005)

    def _sector_row(self) -> np.ndarray:
        return self.market.record.present[1:, list(SECTOR_MEASURES.values())].copy()

    @property
    def sector_history(self) -> np.ndarray:
        """`SECTOR_MEASURES` from the start on; shape (steps + 1, sectors, measures)."""
        return np.array(self._sectors)
