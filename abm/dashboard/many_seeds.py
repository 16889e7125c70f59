"""Two markets with many seeds, beside the page: the mean difference at each step with its interval, and a design."""

import os
import threading
from collections.abc import Callable, Sequence

import numpy as np

from abm.comparison.statistics.intervals import paired_intervals
from abm.dashboard.controls import written
from abm.dashboard.downloads import with_rules_beside
from abm.dashboard.moves import with_moves
from abm.dashboard.panels import View
from abm.dashboard.views import compared_measures, difference_in, drawn_per_unit
from abm.dashboard.watched import WatchedMarket
from abm.errors import InputError
from abm.output.charts import Line, Panel
from abm.scenario.scenario import Scenario
from abm.scenario.texts import toml_lines
from abm.simulation.simulate_many import simulate_many

SEEDS = 40
_STEPS = 100  # that are compared, at most


class Cancelled(Exception):
    """The runs are not wanted any more."""


class ManySeeds:
    """The runs of `compared_pair` with the seeds 0 to 39; the thread ends with the page or when told.

    Parameters
    ----------
    market : WatchedMarket
        With a second one beside it.
    told : callable
        Called when some runs are finished, and at the end.

    Attributes
    ----------
    finished : int
        Runs that are made.
    refusal : str
        Why there can be none.
    view : View or None
        The differences, once all runs are made.

    Examples
    --------
    >>> from abm.dashboard.origins import Origin
    >>> origin = Origin("my.toml", Scenario(capacity=20, steps=8))
    >>> market = WatchedMarket(origin.scenario, rng=1, origin=origin, changed=("churn", 0.4))
    >>> seeds = ManySeeds(market, lambda: None)
    >>> seeds.thread.join()
    >>> seeds.finished, seeds.view.news(8)["first"]
    (80, 0)
    """

    def __init__(self, market: WatchedMarket, told: Callable[[], None]) -> None:
        self.of = compared_pair(market)
        self.finished, self.refusal, self.cancelled = 0, "", False
        self.view: View | None = None
        self._market, self._told = market, told
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @property
    def current(self) -> bool:
        """Whether what is compared is still the same."""
        market = self._market
        return not self.cancelled and market.other is not None and self.of == compared_pair(market)

    def _count(self, finished: int) -> None:
        if not self.current or self._market.closed:
            raise Cancelled
        before, self.finished = self.finished, finished
        if finished * 10 // (2 * SEEDS) > before * 10 // (2 * SEEDS):
            self._told()

    def _run(self) -> None:
        every = -(-self.of[0].steps // _STEPS)
        spare = max(1, (os.cpu_count() or 2) - 1)  # the page goes on
        cells = self._market.origin.cells
        try:
            many = simulate_many(self.of, range(SEEDS), firms=cells, every=every, threads=spare, progress=self._count)
        except Cancelled:
            return
        except InputError as problem:
            self.refusal = str(problem)
        else:
            measures = [*compared_measures(self._market)]
            drawn = many.steps[measures].to_numpy(float) * [drawn_per_unit(each) for each in measures]
            values = drawn.reshape(2, SEEDS, -1)
            steps = many.steps.index.get_level_values("step").unique().to_numpy(float)
            rows = differences(values[0], values[1], len(measures))
            table = np.column_stack([steps, *rows])
            self.view = View(panels_of(self._market), lambda columns, since: table[since:])
            self.rows = len(table)
        self._told()


def differences(one: np.ndarray, other: np.ndarray, measures: int) -> np.ndarray:
    """Mean difference over pairs of runs, and the ends of its 95% interval.

    Parameters
    ----------
    one, other : float64 array, shape (seeds, steps · measures)
    measures : int

    Returns
    -------
    float64 array, shape (3 · measures, steps)
    """
    whole = np.isfinite(one) & np.isfinite(other)
    pairs = np.where(whole, other - one, 0.0).sum(axis=0) / np.maximum(whole.sum(axis=0), 1)
    mean = np.where(whole.any(axis=0), pairs, np.nan)
    ends = paired_intervals(other, one, binary=np.zeros(one.shape[1], dtype=bool))
    return np.stack([mean, *ends]).reshape(3, -1, measures).transpose(2, 0, 1).reshape(3 * measures, -1)


def panels_of(market: WatchedMarket) -> Sequence[Panel]:
    """A panel for each measure, whose columns are those of `differences`."""
    return [
        Panel(
            f"{title}: mean difference over {SEEDS} seeds",
            difference_in(unit),
            [
                Line("mean", f"{name}/mean"),
                Line("95% interval from", f"{name}/low", edge=True),
                Line("to", f"{name}/high", edge=True),
            ],
            level=0.0,
            shape=0.5,
        )
        for name, (title, unit) in compared_measures(market).items()
    ]


def compared_scenario(market: WatchedMarket) -> Scenario:
    """The whole run on screen without moves of what differs in the second one."""
    return with_moves(market.given, market.moves, market.changed_parameter[0])


def compared_pair(market: WatchedMarket) -> tuple[Scenario, Scenario]:
    """What many seeds are run of, as in the design of `design_toml`: one parameter differs from the start on."""
    scenario, (name, value) = compared_scenario(market), market.changed_parameter
    return scenario.replace(**{name: market.given.get(name)}), scenario.replace(**{name: value})


def comparison_in_words(market: WatchedMarket) -> str:
    """What is compared over many seeds, here and in the design, and what of the run on screen is not in it."""
    name, value = market.changed_parameter
    words = f"{name} = {written(value)} with {written(market.given.get(name))}, each from the first step on"
    moved = any(name in move.values for move in market.moves)
    return f"{words}, without the moves of {name} in this run" if moved else words


def design_scenario(market: WatchedMarket) -> str:
    """What the design starts from, `compared_scenario` as a file."""
    return with_rules_beside(compared_scenario(market))[0].to_toml()


def design_toml(market: WatchedMarket) -> str:
    """The design of a sweep over both runs; beside it stand `design-scenario.toml` and the files of rules."""
    name, value = market.changed_parameter
    firms = {"firms": os.path.abspath(market.origin.firms)} if market.origin.firms else {}
    first = with_rules_beside(compared_scenario(market))[0].get(name)
    values = ", ".join(toml_lines({"value": each}).removeprefix("value = ").strip() for each in (first, value))
    return (
        "# Both runs of the page over many seeds: abm sweep design.toml --out sweep, then\n"
        f"# abm compare sweep --by {name} --out comparison\n"
        f"{toml_lines({'scenario': 'design-scenario.toml', **firms})}\n"
        f'[factors]\n"{name}" = [{values}]\n\n'
        '[replications]\ncount = 100\n\n[collect]\nsteps = "all"\n'
    )
