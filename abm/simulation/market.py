"""A market in progress: it owns the arrays and calls the kernels that move it on."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import psutil

from abm.errors import InputError, StepError
from abm.market.aggregate import collect, open_market
from abm.market.arrays import BLOCK, WORK, allocate
from abm.market.changes import hold
from abm.market.entrants import draw_population
from abm.market.firms import FIRM, FIRM_ROWS, aligned, firms_in
from abm.market.measures import MEASURE, measure_names
from abm.market.own_measures import fill_own, measure_addresses
from abm.market.rules import rule_addresses
from abm.market.run import Plan, new_record, tally_start, window_start
from abm.market.setup import changes_of, funds_unit, layout_for, layout_of, parameters_of
from abm.market.sums import sums_of
from abm.market.threads import run_with_threads
from abm.scenario.scenario import Scenario
from abm.simulation.compiler_check import check_numba
from abm.simulation.firm_table import FirmTable, place_table, read_firm_table, scenario_for
from abm.simulation.own_measures import check_measures

# Slots below which a step is made by one thread: with both cores free two are faster from 1,000 slots on, but where
# others use the cores they cost half as much again below 4,000, and a tenth above.
SMALL = 4_000
# Slots times steps between two looks at the clock and at interruptions, about a tenth of a second; a step costs as
# much as this many slots before it has any.
_SLOT_STEPS_A_CALL = 2_000_000
_SLOTS_A_STEP_COSTS = 200


class Market:
    """A market in progress: its scenario, state and record, and the calls that move it on.

    Parameters
    ----------
    scenario : Scenario
    seed : int
    firms : path, DataFrame or FirmTable, optional
        A firm table, or the folder of a run, to start from.
    full : bool
        Whether order statistics are collected.
    every : int
        Keep each Nth step (0: none, as in a run without a fixed end).
    steps : int or None
        Length of the run; None for one without a fixed end, whose growth is recorded at every step.
    threads : int or None
        None: by the size of the market.
    watched : bool
        Whether somebody looks at the measures of every step.
    own : mapping of str to function, optional
        Measures of the user's own.

    Raises
    ------
    InputError
        If the arrays would not fit the memory.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        *,
        firms: Any = None,
        full: bool = True,
        every: int = 1,
        steps: int | None = None,
        threads: int | None = None,
        watched: bool = False,
        own: Mapping[str, Any] | None = None,
    ) -> None:
        self.table = firms if firms is None or isinstance(firms, FirmTable) else read_firm_table(firms, scenario)
        self.scenario = scenario if self.table is None else scenario_for(scenario, self.table)
        self.seed, self.full, self.every = seed, full, every if steps else 0
        self.sector_names = tuple(sector.name for sector in self.scenario.sectors)
        self.strategy_names = tuple(strategy.name for strategy in self.scenario.strategies)
        self.own = check_measures(own or {}, self.strategy_names)
        self.measures = measure_names(self.strategy_names, self.own)
        kept = steps // self.every if self.every else 0
        check_memory(self.scenario, kept)
        check_numba()
        self.parameters = parameters_of(self.scenario)
        self.parameters.rules[:] = rule_addresses(self.scenario)
        if self.table is not None and self.table.demand is not None:
            self.parameters.sectors["start_demand"] = self.table.demand
        places = len(self.sector_names)
        if self.table is None:
            self.layout = layout_of(self.scenario)
        else:
            self.layout = layout_for(np.bincount(self.table.sectors, minlength=places), self.scenario)
        small = self.scenario.capacity <= SMALL
        self.threads = threads or (1 if small else (os.cpu_count() or 1))
        self.state = allocate(
            self.layout,
            sums_of(len(self.strategy_names)),
            lives=2 * self.scenario.capacity + 64 if small else 64,
        )
        self.scratch = aligned((self.threads * len(WORK), BLOCK)).reshape(self.threads, len(WORK), BLOCK)
        plan = Plan(self.every, int(full), 1 if steps is None else window_start(steps), steps or 0, int(watched))
        self.record = new_record(places, len(self.measures), kept, measure_addresses(self.own), plan)
        self._place_first_firms()

    def _place_first_firms(self) -> None:
        if self.table is None:
            draw_population(self.state, self.parameters, self.layout, self.seed)
        else:
            place_table(self.state, self.parameters, self.table, self.layout.slots)
        largest = float(self.state.firms[FIRM.F].max(initial=self.scenario.runway))
        self.parameters.market["funds_unit"] = funds_unit(largest)
        self.state.counters["seed"] = self.seed
        hold(self.parameters)
        open_market(self.state, self.parameters, self.scratch[0])
        collect(self.state, self.parameters, int(self.full), self.record.present)
        fill_own(self.state, self.record.own, self.record.present[0])
        self.check_functions()
        tally_start(self.record.tally, self.record.present[0, MEASURE.firms], self.record.present[0, MEASURE.mean_T])

    @property
    def steps_done(self) -> int:
        """Number of steps made so far."""
        return self.state.step

    def advance(self, last_step: int, progress: Callable[[int], None] | None = None) -> None:
        """Go on to a step.

        Parameters
        ----------
        last_step : int
        progress : callable, optional
            Called now and then with the number of the step reached.
        """
        stride = max(1, _SLOT_STEPS_A_CALL // (self.scenario.capacity + _SLOTS_A_STEP_COSTS))
        while self.steps_done < last_step:
            stop = min(last_step, self.steps_done + stride)
            self.state = run_with_threads(self.threads, self.state, self.parameters, stop, self.record, self.scratch)
            self.check_functions()
            if progress:
                progress(self.steps_done)

    def go_on_with(self, scenario: Scenario) -> None:
        """Go on with a scenario that differs in what changes from the next step on."""
        self.scenario = scenario
        self.parameters = self.parameters._replace(changes=changes_of(scenario))
        self.state.counters["next_change"] = 0

    def check_functions(self) -> None:
        """Refuse to go on from a step at which a rule of the user's own gave no number, or a measure an error."""
        slot = int(self.state.counters["halted"][0])
        if slot < 0:
            raise StepError(f"measure {list(self.own)[-1 - slot]}: it raised an error at step {self.steps_done}")
        if slot:
            firm = firms_in(self.state.firms, slot - 1)
            strategy = self.scenario.strategies[int(firm.strategy)]
            raise StepError(
                f"policy = {str(strategy.policy)!r}: it returned NaN, or raised an error, for firm {int(firm.id)} "
                f"({strategy.name}) at step {self.steps_done}"
            )

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Rules of the user's own have other addresses in the process that a market is sent to."""
        self.__dict__.update(state)
        self.parameters.rules[:] = rule_addresses(self.scenario)
        self.record.own[:] = measure_addresses(self.own)


def check_memory(scenario: Scenario, kept_steps: int, copies: int = 1) -> None:
    """Refuse what would not fit the memory.

    Parameters
    ----------
    scenario : Scenario
    kept_steps : int
        Steps whose rows are kept.
    copies : int
        Markets that are in memory at once.
    """
    measures = len(measure_names(tuple(strategy.name for strategy in scenario.strategies)))
    rows = kept_steps * (1 + len(scenario.sectors)) * measures
    slots = copies * scenario.capacity * (FIRM_ROWS + 1)
    needed, available = 8 * (rows + slots), psutil.virtual_memory().available
    if needed > available:
        raise InputError(
            f"capacity = {scenario.capacity} slots and {kept_steps} kept steps need {needed / 1e9:,.1f} GB of memory; "
            f"{available / 1e9:,.1f} GB are available (keep fewer steps with every=, or lower capacity)"
        )
