"""Many runs in parallel: whole runs of small markets inside one compiled call each, runs shared out to threads."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.collection import collect, open_market
from abm.compilation import kernel
from abm.engine import Market, as_scenario, check_count, check_level, check_memory, check_seed
from abm.errors import InputError
from abm.firmtable import read_firm_table
from abm.market import copy_row
from abm.measures import FIRMS, MARKET_LACKS, MEAN_T
from abm.outcomes import numbers_of, outcome_numbers, outcome_table
from abm.parameters import shown
from abm.population import draw_population
from abm.results import ManyResults, measure_frame
from abm.run import FULL, run, tally_start
from abm.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

# Slots times steps that one compiled call works through: about a tenth of a second.
_SLOT_STEPS_A_CALL = 4_000_000


@kernel
def _restore(state, start):
    for row in range(state.firms.shape[0]):
        copy_row(start.firms[row], state.firms[row])
    for place in range(state.sectors.shape[0]):
        copy_row(start.sectors[place], state.sectors[place])
    copy_row(start.counters, state.counters)


@kernel
def run_seeds(state, parameters, layout, start, seeds, last_step, record, scratch, numbers, rows):
    """Run one scenario once for each seed, in one state.

    Parameters
    ----------
    state : State
    parameters : Parameters
    layout : Layout
    start : State
        What every run starts from if it has slots; without, firms are drawn.
    seeds : int64 array, shape (runs,)
    last_step : int
    record : Record
    scratch : float64 array, shape (10, BLOCK)
    numbers : float64 array, shape (runs, numbers)
        Filled with each run's outcome numbers.
    rows : float64 array, shape (runs, kept steps, places, measures)
        Filled with the measures of the market and, where there are further places, of the sectors.
    """
    market, sectors, strategies = parameters.market.copy(), parameters.sectors.copy(), parameters.strategies.copy()
    for j in range(seeds.size):
        parameters.market[:], parameters.sectors[:], parameters.strategies[:] = market, sectors, strategies
        if start.firms.shape[1] > 0:
            _restore(state, start)
        else:
            draw_population(state, parameters, layout.slots, layout.firms, layout.deals, seeds[j])
        open_market(state, parameters, scratch)
        collect(state, parameters, record.plan[FULL], record.present)
        tally_start(record.tally, record.present[0, FIRMS], record.present[0, MEAN_T])
        run(state, parameters, seeds[j], last_step, record, scratch)
        outcome_numbers(state, record.tally, numbers[j])
        for kept in range(rows.shape[1]):
            for place in range(rows.shape[2]):
                copy_row(record.rows[kept, place], rows[j, kept, place])


class Batch:
    """All runs of one scenario, in parts that are one compiled call each.

    Parameters
    ----------
    scenario : Scenario
    firms : path, DataFrame or None
    seeds : int64 array, shape (runs,)
    full : bool
    every : int
    sectors : bool
        Whether the sectors' rows are kept beside the market's.

    Attributes
    ----------
    numbers : float64 array, shape (runs, numbers)
        What `abm.outcomes.outcome_table` makes outcomes of.
    rows : float64 array, shape (runs, kept steps, places, measures)
        Measures of the market, then of each sector.
    """

    def __init__(
        self, scenario: Scenario, firms: Any, seeds: np.ndarray, full: bool, every: int, *, sectors: bool = False
    ) -> None:
        self.scenario, self.seeds, self.full, self.every = scenario, seeds, full, every
        self.table = None if firms is None else read_firm_table(firms, scenario)
        places = 1 + len(scenario.sectors) if sectors else 1
        market = self._market()
        self.names, self.strategies = market.measures, market.strategy_names
        kept = len(market.record.rows)
        check_memory(market.scenario, kept * len(seeds), copies=market.threads)
        self.runs_a_part = max(1, _SLOT_STEPS_A_CALL // (market.scenario.capacity * scenario.steps))
        self.numbers = np.empty((len(seeds), numbers_of(len(self.names))))
        self.rows = np.empty((len(seeds), kept, places, len(self.names)))
        self.spare: SimpleQueue = SimpleQueue()
        self.spare.put(market)
        # Every run of a firm table starts from the same state; drawn ones start from their seed.
        slots = None if self.table is not None else 0
        self.start = market.state._replace(
            firms=market.state.firms[:, :slots].copy(),
            sectors=market.state.sectors.copy(),
            counters=market.state.counters.copy(),
        )

    def _market(self) -> Market:
        steps = self.scenario.steps
        market = Market(self.scenario, 0, firms=self.table, full=self.full, every=self.every, steps=steps, threads=1)
        market.state = market.state._replace(lives=market.state.lives[:0])  # nobody asks for them
        return market

    def parts(self) -> Iterator[tuple["Batch", int, int]]:
        """The batch with begin and end of each of its parts."""
        for begin in range(0, len(self.seeds), self.runs_a_part):
            yield self, begin, min(begin + self.runs_a_part, len(self.seeds))

    def run_part(self, begin: int, end: int) -> int:
        """Make the runs of one part; returns their number."""
        market = self._market() if self.spare.empty() else self.spare.get()
        run_seeds(
            market.state,
            market.parameters,
            market.layout,
            self.start,
            self.seeds[begin:end],
            self.scenario.steps,
            market.record,
            market.scratch[0],
            self.numbers[begin:end],
            self.rows[begin:end],
        )
        self.spare.put(market)
        return end - begin

    def outcomes(self) -> "pd.DataFrame":
        """A row a run."""
        import pandas as pd

        return pd.DataFrame(outcome_table(self.numbers, self.strategies, self.full))

    def steps(self) -> "pd.DataFrame":
        """A row a run and kept step."""
        return measure_frame(self.rows[:, :, 0].reshape(-1, len(self.names)), self.names, self.full, MARKET_LACKS)

    def index(self, position: int) -> dict[str, np.ndarray]:
        """The columns by which kept steps are found."""
        kept = self.rows.shape[1]
        return {
            "scenario": np.full(len(self.seeds) * kept, position),
            "seed": np.repeat(self.seeds, kept),
            "step": np.tile(self.every * np.arange(1, kept + 1), len(self.seeds)),
        }


def simulate_many(
    scenarios: Sequence[Scenario | str | os.PathLike],
    seeds: Iterable[int],
    *,
    firms: "str | os.PathLike | pd.DataFrame | None" = None,
    collect: str = "light",
    every: int = 1,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> ManyResults:
    """Run each scenario with each seed, in parallel.

    Parameters
    ----------
    scenarios : sequence of Scenario, bare name or path
    seeds : iterable of int
        In [0, 2^63).
    firms : path or DataFrame, optional
        A firm table that every run starts from.
    collect : {"light", "full"}
    every : int
        Keep each Nth step in `ManyResults.steps`; 0 keeps none.
    threads : int, optional
        All cores by default; changes the speed, not the result.
    progress : callable, optional
        Called with the number of runs finished.

    Returns
    -------
    ManyResults
        Each run equal to `simulate` with its scenario and seed, to the last bit.

    Raises
    ------
    InputError
        If an argument is not allowed, or the runs would not fit the memory.

    Examples
    --------
    >>> scenario = Scenario(capacity=40, steps=20)
    >>> many = simulate_many([scenario, scenario.replace(churn=0.5)], seeds=range(3), every=0)
    >>> many.outcomes.shape[0]
    6
    """
    if isinstance(scenarios, Scenario | str | os.PathLike):
        raise InputError(f"scenarios = {shown(scenarios)} is not a list; put a single scenario into one")
    full, every = check_level(collect), check_count(every, "every")
    checked = np.array([check_seed(seed, "seeds") for seed in seeds], dtype=np.int64)
    batches = [Batch(as_scenario(scenario), firms, checked, full, every) for scenario in scenarios]
    if not batches or not checked.size:
        raise InputError("simulate_many needs at least one scenario and one seed")
    workers = (os.cpu_count() or 1) if threads is None else check_count(threads, "threads", 1)
    _work_through((part for batch in batches for part in batch.parts()), workers, progress)
    return _gathered(batches)


def _work_through(parts: Iterator[tuple[Batch, int, int]], workers: int, progress: Callable | None) -> None:
    finished = 0
    under_way: deque = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for batch, begin, end in parts:
                under_way.append(pool.submit(batch.run_part, begin, end))
                # A window of parts under way: an interruption waits for these alone.
                while len(under_way) >= 2 * workers:
                    finished += under_way.popleft().result()
                    if progress:
                        progress(finished)
            while under_way:
                finished += under_way.popleft().result()
                if progress:
                    progress(finished)
        finally:
            pool.shutdown(cancel_futures=True)


def _gathered(batches: list[Batch]) -> ManyResults:
    import pandas as pd

    outcomes = pd.concat([batch.outcomes() for batch in batches], keys=range(len(batches)))
    outcomes.index = pd.MultiIndex.from_product([range(len(batches)), batches[0].seeds], names=["scenario", "seed"])
    frames = [batch.steps() for batch in batches]
    for position, (batch, frame) in enumerate(zip(batches, frames, strict=True)):
        frame.index = pd.MultiIndex.from_arrays(
            list(batch.index(position).values()), names=["scenario", "seed", "step"]
        )
    return ManyResults(outcomes, pd.concat(frames))
