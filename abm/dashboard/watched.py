"""The market of a page: a `MarketModel` that waits until it is drawn, and may have a second market beside it."""

import threading
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from mesa.visualization.utils import update_counter

from abm.agents.model import MarketModel
from abm.dashboard.firms import Path
from abm.dashboard.moves import taken_at, undone, with_moves
from abm.dashboard.origins import Origin
from abm.scenario.changes import Change
from abm.scenario.scenario import Scenario
from abm.simulation.market import check_memory

SECTOR_MEASURES = ("firms", "hhi", "mean_T", "weighted_R")  # kept of each sector at each step, beside shares
PATIENCE = 10.0  # seconds that a step waits for a frame to be drawn
PAUSE = 0.02  # seconds before the first step after a frame, in which the page can react


def second_scenario(scenario: Scenario, changed: tuple[str, Any]) -> Scenario:
    """The scenario of a second market beside the first.

    Raises
    ------
    InputError
        If the change is not allowed by itself, or the two markets would not fit the memory.

    Examples
    --------
    >>> second_scenario(Scenario(), ("churn", 0.4)).churn
    0.4
    """
    other = scenario.replace(**dict([changed]))
    check_memory(other, 0, copies=2)
    return other


class MovedMarket(MarketModel):
    """A market whose parameters are moved while it runs.

    Parameters
    ----------
    scenario : Scenario
    rng : int
    origin : Origin
        What the scenario was before it was changed on the page, and the firm table.
    kept : str, optional
        A parameter that is not moved.

    Attributes
    ----------
    given : Scenario
        What it was made of: without moves, and without what a firm table brings.
    moves : tuple of Change
    """

    def __init__(self, scenario: Scenario, *, rng: int, origin: Origin, kept: str | None = None) -> None:
        super().__init__(scenario, rng=rng, firms=origin.table(scenario))
        self.origin, self.given, self._begun, self._kept = origin, scenario, self.scenario, kept
        self.moves: tuple[Change, ...] = ()

    def moved(self, moves: tuple[Change, ...]) -> Scenario:
        """The scenario with other moves; refused if they are not allowed in it."""
        return with_moves(self._begun, moves, self._kept)

    def take_moves(self, moves: tuple[Change, ...]) -> None:
        """Go on with other moves."""
        if moves != self.moves:
            self.market.go_on_with(self.moved(moves))
            self.moves = moves


class WatchedMarket(MovedMarket):
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
    moves : iterable of Change
        What was moved on the way when this market was played before.

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
    followed : Path or None
        The firm that is followed.
    other : MovedMarket or None
        The second market: with the same seed, at the same step.

    Examples
    --------
    >>> scenario = Scenario(capacity=20, steps=3)
    >>> market = WatchedMarket(scenario, rng=1, origin=Origin("my.toml", scenario), changed=("churn", 0.4))
    >>> market.run_model()
    >>> market.steps_done, market.other.steps_done, market.running
    (3, 3, False)
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        rng: int,
        origin: Origin,
        changed: tuple[str, Any] | None = None,
        moves: Iterable[Change] = (),
    ) -> None:
        super().__init__(scenario, rng=rng, origin=origin)
        self.lock = threading.RLock()
        self.frame_drawn = 0
        self.closed = False
        self.pace = self._last_step = 0.0
        self._frame_before = update_counter.peek()
        shares = [f"share_{name}" for name in self.market.strategy_names]
        self._sector_places = {name: self.market.measures.index(name) for name in (*SECTOR_MEASURES, *shares)}
        self._sectors = [self._sector_row()]
        self.followed: Path | None = None
        self.changed_parameter: tuple[str, Any] | None = None
        self.many_seeds: Any = None  # what was asked for over many seeds
        self._awaited: tuple[str, Any] | None = None
        self.other: MovedMarket | None = None
        self.take_moves(tuple(moves))
        self.compare_with(changed)

    def move(self, name: str, **values: Any) -> None:
        """Let parameters take other values from the next step on, in the second market too, where they do not differ.

        Parameters
        ----------
        name : str
            What is moved; again at the same step it takes the place of what it was moved to before.
        **values
            As in `MarketModel.set`; `ramp` too.

        Raises
        ------
        InputError
            If they cannot change on the way, or not to these values; then nothing is moved.

        Examples
        --------
        >>> scenario = Scenario(capacity=20, steps=3)
        >>> market = WatchedMarket(scenario, rng=1, origin=Origin("my.toml", scenario))
        >>> market.step()
        >>> market.move("churn", churn=0.4)
        >>> [change.plain() for change in market.scenario.changes]
        [{'name': 'churn_at_2', 'step': 2, 'ramp': 1, 'churn': 0.4}]
        """
        with self.lock:
            step = self.steps_done + 1
            label = f"{name}_at_{step}".replace(" ", "_").replace(".", "-")
            while any(label == change.name for change in self._begun.changes):
                label += "_again"
            others = [each for each in self.moves if each.name != label]
            self._go_on_with((*others, Change(name=label, step=step, **values)))

    def undo(self) -> None:
        """Let the next step take what the origin takes, as far as that can change on the way, in both markets."""
        with self.lock:
            self._go_on_with(self.undone)

    @property
    def undone(self) -> tuple[Change, ...]:
        """The moves as `undo` leaves them."""
        return undone(self.moves, self.steps_done + 1, self.given, self.origin.scenario)

    @property
    def is_under_way(self) -> bool:
        """Whether sliders move this run; before it is moved or has made a step they say what it starts with."""
        return self.running and bool(self.steps_done or self.moves)

    def taken_next(self) -> Scenario:
        """What it was made of, with what the next step takes in place of what changes on the way."""
        return taken_at(self.steps_done + 1, self.scenario, self.given)

    def _go_on_with(self, moves: tuple[Change, ...]) -> None:
        markets = (self, self.other) if self.other else (self,)
        for each in markets:
            each.moved(moves)  # refused before any of them goes on with it
        for each in markets:
            each.take_moves(moves)

    def compare_with(self, changed: tuple[str, Any] | None) -> None:
        """Make a second market with one parameter changed and step it to the same step, or remove it (None).

        Raises
        ------
        InputError
            If there can be no such market; what was there stays.
        """
        other = None
        if changed is not None:
            scenario = second_scenario(self.given, changed)
            other = MovedMarket(scenario, rng=self.seed, origin=self.origin, kept=changed[0])
        self._awaited = changed
        self._catch_up(other)  # which may take a while, in which this market may be seen and go on
        with self.lock:
            if self._awaited == changed:  # nothing else was asked for meanwhile
                self._catch_up(other)
                if other:
                    other.take_moves(self.moves)
                self.changed_parameter, self.other = changed, other

    def _catch_up(self, other: MovedMarket | None) -> None:
        while other and other.steps_done < self.steps_done and not self.closed:
            other.take_moves(self.moves)
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
            if self.followed:
                self.followed.look()
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
        return self.market.record.present[1:, list(self._sector_places.values())].copy()

    def sector_rows(self, sector: str, measure: str, since: int = 0) -> np.ndarray:
        """A measure of a sector at each step from `since` on: one of `SECTOR_MEASURES` or a strategy's share."""
        place = self.market.sector_names.index(sector), list(self._sector_places).index(measure)
        return np.array([row[place] for row in self._sectors[since:]])
