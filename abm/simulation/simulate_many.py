"""Many runs in parallel: whole runs of small markets inside one compiled call each, runs shared out to threads."""

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.errors import InputError, shown
from abm.market.measures import MARKET_LACKS
from abm.market.outcome_numbers import numbers_of
from abm.market.whole_run import Assembled, run_seeds
from abm.scenario.scenario import Scenario
from abm.simulation.firm_table import FirmTable, read_firm_table, scenario_for
from abm.simulation.market import Market, check_memory
from abm.simulation.outcomes import outcome_table
from abm.simulation.results import ManyResults, measure_frame
from abm.simulation.simulate import as_scenario, check_count, check_level, check_seed

if TYPE_CHECKING:
    import pandas as pd

# Slots times steps that one compiled call works through: about a tenth of a second.
_SLOT_STEPS_A_CALL = 4_000_000
_RUNS_A_BATCH = 50_000  # whose numbers are kept until they are outcomes, which take less than half the room


class Batch:
    """All runs of one scenario, in parts that are one compiled call each.

    Parameters
    ----------
    scenario : Scenario
    table : FirmTable or None
    seeds : int64 array, shape (runs,)
    full : bool
    every : int
    sectors : bool
        Whether the sectors' rows are kept beside the market's.
    own : mapping of str to function, optional
        Measures of the user's own.
    past : int, optional
        The seed of what all runs share: the scenario's last change is one of the seed, and `seeds` are what it brings.

    Attributes
    ----------
    numbers : float64 array, shape (runs, numbers)
        What `abm.simulation.outcomes.outcome_table` makes outcomes of.
    rows : float64 array, shape (runs, kept steps, places, measures)
        Measures of the market, then of each sector.
    """

    def __init__(
        self,
        scenario: Scenario,
        table: FirmTable | None,
        seeds: np.ndarray,
        full: bool,
        every: int,
        *,
        sectors: bool = False,
        own: Mapping[str, Any] | None = None,
        past: int | None = None,
    ) -> None:
        self.own = own or {}
        self.scenario, self.table, self.seeds, self.full, self.every = scenario, table, seeds, full, every
        self.past = -1 if past is None else past
        places = 1 + len(scenario.sectors) if sectors else 1
        market = self._market()
        self.names, self.strategies = market.measures, market.strategy_names
        kept = len(market.record.rows)
        check_memory(market.scenario, kept * len(seeds))
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
        market = Market(
            self.scenario, 0, firms=self.table, full=self.full, every=self.every, steps=steps, threads=1, own=self.own
        )
        market.state = market.state._replace(lives=market.state.lives[:0])  # nobody asks for them
        return market

    def parts(self) -> Iterator[tuple[int, int]]:
        """Begin and end of each of its parts."""
        for begin in range(0, len(self.seeds), self.runs_a_part):
            yield begin, min(begin + self.runs_a_part, len(self.seeds))

    def run_part(self, begin: int, end: int) -> int:
        """Make the runs of one part; returns their number."""
        market = self._market() if self.spare.empty() else self.spare.get()
        assembled = Assembled(market.state, market.parameters, market.layout, market.record, market.scratch[0])
        own = slice(begin, end)
        run_seeds(assembled, self.start, self.seeds[own], self.numbers[own], self.rows[own], self.past)
        market.check_functions()
        self.spare.put(market)
        return end - begin

    def outcomes(self) -> "pd.DataFrame":
        """A row a run."""
        import pandas as pd

        return pd.DataFrame(outcome_table(self.numbers, self.strategies, self.full, self.own))

    def steps(self) -> "pd.DataFrame":
        """A row a run and kept step."""
        rows = self.rows[:, :, 0].reshape(-1, len(self.names))
        return measure_frame(rows, self.names, self.full, MARKET_LACKS, len(self.own))


def simulate_many(
    scenarios: Sequence[Scenario | str | os.PathLike],
    seeds: Iterable[int],
    *,
    firms: "str | os.PathLike | pd.DataFrame | None" = None,
    collect: str = "light",
    every: int = 1,
    threads: int | None = None,
    progress: Callable[[int], None] | bool = False,
    measures: Mapping[str, Callable[[Any], float]] | None = None,
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
    progress : bool or callable
        True shows a bar with the time left, on a terminal; a callable is called with the number of runs finished.
    measures : mapping of str to function, optional
        Measures of the user's own, as for `simulate`.

    Returns
    -------
    ManyResults
        Each run equal to `simulate` with its scenario and seed, to the last bit. Outcomes alone (`every=0`) take about
        half a kilobyte a run, and while they are put together twice that.

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
    workers = (os.cpu_count() or 1) if threads is None else check_count(threads, "threads", 1)
    checked = np.array([check_seed(seed, "seeds") for seed in seeds], dtype=np.int64)
    listed = [as_scenario(scenario) for scenario in scenarios]
    if not listed or not checked.size:
        raise InputError("simulate_many needs at least one scenario and one seed")
    tables = [None if firms is None else read_firm_table(firms, scenario) for scenario in listed]
    for scenario, table in zip(listed, tables, strict=True):
        kept = len(checked) * (scenario.steps // every if every else 0)
        check_memory(scenario if table is None else scenario_for(scenario, table), kept, copies=workers)
    batches = (
        Batch(scenario, table, checked[begin : begin + _RUNS_A_BATCH], full, every, own=measures)
        for scenario, table in zip(listed, tables, strict=True)
        for begin in range(0, len(checked), _RUNS_A_BATCH)
    )
    with _shown(progress, len(listed) * len(checked)) as report:
        made = _made(batches, workers, report)
    kept = [every * np.arange(1, scenario.steps // every + 1 if every else 1) for scenario in listed]
    return _gathered(made, checked, kept)


@contextlib.contextmanager
def _shown(progress: Callable[[int], None] | bool, total: int) -> Iterator[Callable[[int], None]]:
    """What is to be called with the number of runs just finished."""
    if progress is True:
        from abm.output import terminal as report

        with report.progress(total, "runs") as advance:
            yield advance
        return
    finished = 0

    def count(runs: int) -> None:
        nonlocal finished
        finished += runs
        if progress:
            progress(finished)

    yield count


def _made(
    batches: Iterable[Batch], workers: int, report: Callable[[int], None]
) -> "list[tuple[pd.DataFrame, pd.DataFrame]]":
    """Have threads make the runs of batches; outcomes and kept steps of each batch, in order."""
    made, under_way = [], deque()

    def wait() -> None:
        batch, is_last, part = under_way.popleft()
        report(part.result())
        if is_last:
            made.append((batch.outcomes(), batch.steps()))

    with ThreadPoolExecutor(workers) as pool:
        try:
            for batch in batches:
                for begin, end in batch.parts():
                    under_way.append((batch, end == len(batch.seeds), pool.submit(batch.run_part, begin, end)))
                    # A window of parts under way: an interruption waits for these alone.
                    while len(under_way) >= 2 * workers:
                        wait()
            while under_way:
                wait()
        finally:
            pool.shutdown(cancel_futures=True)
    return made


def _gathered(
    made: "list[tuple[pd.DataFrame, pd.DataFrame]]", seeds: np.ndarray, kept: Sequence[np.ndarray]
) -> ManyResults:
    """The tables of all batches as one; `kept` has the steps that each scenario's table has."""
    import pandas as pd

    outcomes, steps = (pd.concat(frames, ignore_index=True) for frames in zip(*made, strict=True))
    outcomes.index = pd.MultiIndex.from_product([range(len(kept)), seeds], names=["scenario", "seed"])
    index = (
        np.repeat(np.arange(len(kept)), [len(seeds) * len(each) for each in kept]),
        np.concatenate([np.repeat(seeds, len(each)) for each in kept]),
        np.concatenate([np.tile(each, len(seeds)) for each in kept]),
    )
    steps.index = pd.MultiIndex.from_arrays(index, names=["scenario", "seed", "step"])
    return ManyResults(outcomes, steps)
