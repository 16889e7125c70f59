"""A worker makes the runs of points of a calibration: outcomes, sectors' means, and moments of the panel of firms."""

import time
import traceback
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from abm.calibration.panel_moments import Panel, moments_of
from abm.market.firms import FIRM
from abm.market.measures import measure_names
from abm.market.run import window_start
from abm.scenario.rules import UserFunction
from abm.scenario.scenario import Scenario
from abm.simulation.market import Market
from abm.simulation.results import run_numbers
from abm.simulation.simulate_many import Batch
from abm.simulation.warmup import warm_up
from abm.sweeps.store.parts import PARTS, write_part
from abm.sweeps.store.tables import failure_rows, outcome_rows
from abm.sweeps.work.worker import ChunkResult, Job, PointRuns, check_worker, error_line

NO_MEASURES: Mapping[str, UserFunction] = MappingProxyType({})


class Wanted(NamedTuple):
    """What is taken from a run beside its outcomes.

    Attributes
    ----------
    sectors : tuple of str
        As `sectors.NAME.MEASURE`: means over the window.
    moments : tuple of str
        Of the panel at `steps`.
    steps : tuple of int
    """

    sectors: tuple[str, ...] = ()
    moments: tuple[str, ...] = ()
    steps: tuple[int, ...] = ()


def make_points(job: Job, chunk: Sequence[PointRuns], *, wanted: Wanted) -> ChunkResult:
    """Make the runs of a chunk and write their part; a run that raises is recorded as failed.

    Parameters
    ----------
    job : Job
    chunk : sequence of PointRuns
    wanted : Wanted

    Raises
    ------
    UnsuitableWorker
        If this process has other versions than the client.
    OSError
        If the part cannot be written.
    """
    check_worker(job)
    warm_up()
    started = time.monotonic()
    rows: list[tuple[str, int, bool]] = []
    tables: list[pa.Table] = []
    failures: list[tuple[str, str]] = []
    for piece in chunk:
        together = _attempt(job, piece.changes, piece.seeds, wanted)
        if isinstance(together, pa.Table):
            rows += [(piece.key, seed, False) for seed in piece.seeds]
            tables.append(together)
            continue
        for seed in piece.seeds:  # one of the runs raised an error: make them one by one to find it
            alone = _attempt(job, piece.changes, [seed], wanted)
            rows.append((piece.key, seed, not isinstance(alone, pa.Table)))
            (tables if isinstance(alone, pa.Table) else failures).append(alone)
    keys, seeds, failed = zip(*rows, strict=True)
    runs = {
        "key": pa.array(keys, pa.string()),
        "seed": pa.array(seeds, pa.int64()),
        "failed": pa.array(failed, pa.bool_()),
    }
    made = {"outcomes": pa.concat_tables(tables)} if tables else {}
    write_part(job.folder / PARTS, {"runs": pa.table(runs)} | made | {"failures": failure_rows(failures)})
    return ChunkResult(len(rows), len(failures), time.monotonic() - started)


def _attempt(job: Job, changes: dict[str, Any], seeds: list[int], wanted: Wanted) -> pa.Table | tuple[str, str]:
    """A row a run, or the error of one of them with its traceback."""
    try:
        scenario = job.scenario.replace(**changes)
        return runs_of(scenario, seeds, job.collect.level == "full", wanted, job.measures or {})
    except Exception as problem:  # noqa: BLE001 - whatever a run raises is recorded as its failure
        return error_line(problem), traceback.format_exc()


def runs_of(
    scenario: Scenario, seeds: Sequence[int], full: bool, wanted: Wanted, own: Mapping[str, UserFunction] = NO_MEASURES
) -> pa.Table:
    """Outcomes of runs, a row a run, with the columns of `wanted` behind them.

    Parameters
    ----------
    scenario : Scenario
    seeds : sequence of int
    full : bool
        Whether order statistics are collected.
    wanted : Wanted
    own : mapping of str to UserFunction
        Measures of the user's own.

    Examples
    --------
    >>> wanted = Wanted(sectors=("sectors.market.mean_R",))
    >>> table = runs_of(Scenario(capacity=20, steps=8), [1, 2], False, wanted)
    >>> table["sectors.market.mean_R"].to_pylist() == table["mean_R"].to_pylist()
    True
    """
    every = 1 if wanted.sectors else 0
    if wanted.moments:
        made = [_one_run(scenario, seed, full, every, wanted, own) for seed in seeds]
        numbers, rows, moments = (np.array(each) for each in zip(*made, strict=True))
    else:
        batch = Batch(scenario, None, np.array(seeds), full, every, sectors=True, own=own)
        for begin, end in batch.parts():
            batch.run_part(begin, end)
        numbers, rows, moments = batch.numbers, batch.rows, np.empty((len(seeds), 0))
    table = outcome_rows(numbers, scenario, full, tuple(own))
    for name in wanted.sectors:
        table = table.append_column(name, pa.array(_window_mean(scenario, rows, name)))
    for name, values in zip(wanted.moments, moments.T):
        table = table.append_column(f"moments.{name}", pa.array(values))
    return table


def _window_mean(scenario: Scenario, rows: np.ndarray, name: str) -> np.ndarray:
    """Mean of a sector's measure over the last fourth of the steps, where it is a number."""
    sector, measure = name.removeprefix("sectors.").rsplit(".", 1)
    index = 1 + [each.name for each in scenario.sectors].index(sector)
    column = measure_names(tuple(each.name for each in scenario.strategies)).index(measure)
    values = rows[:, window_start(scenario.steps) - scenario.steps - 1 :, index, column]
    known = np.isfinite(values)
    total, count = np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _one_run(
    scenario: Scenario, seed: int, full: bool, every: int, wanted: Wanted, own: Mapping[str, UserFunction]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcome numbers, measures of kept steps, and moments of the panel of one run."""
    market = Market(scenario, seed, full=full, every=every, steps=scenario.steps, threads=1, own=own)
    panel = panel_of(market, wanted.steps)
    market.advance(scenario.steps)
    numbers = run_numbers(market, market.record.tally)
    return numbers, market.record.rows, moments_of(panel, wanted.moments)


def panel_of(market: Market, steps: Sequence[int]) -> Panel:
    """The panel of a new market's firms at some steps: the market is moved to each of them in turn."""
    kept = []
    for step in steps:
        market.advance(step)
        firms = market.state.firms
        alive = np.flatnonzero(firms[FIRM.B] > 0.0)
        sector = np.repeat(np.arange(len(market.sector_names)), market.layout.slots)[alive]
        kept.append(
            (firms[FIRM.id, alive], np.full(len(alive), step), sector, firms[FIRM.B, alive], firms[FIRM.R, alive])
        )
    firm, step, sector, B, R = (np.concatenate(each) for each in zip(*kept, strict=True))
    return Panel(firm.astype(np.int64), step, sector, B, R)
