"""The tables that a sweep keeps, as Arrow tables with the same columns in every part."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from abm.market.measures import MARKET_LACKS, SECTORS_LACK, measure_names
from abm.scenario.scenario import Scenario
from abm.simulation.outcomes import outcome_table
from abm.simulation.results import measure_frame

if TYPE_CHECKING:
    import pandas as pd

    from abm.sweeps.design.settings import Collect

FAILURES = pa.schema([("error", pa.string()), ("traceback", pa.string())])


def table_names(collect: "Collect") -> list[str]:
    """The names of the tables that a sweep keeps, in the order in which they are written."""
    wanted = {
        "outcomes": True,
        "steps": collect.every,
        "sectors": collect.every,
        "lives": collect.lives,
        "firms": collect.firms,
        "panel": collect.panel,
        "failures": True,
    }
    return [name for name, is_wanted in wanted.items() if is_wanted]


def outcome_rows(numbers: np.ndarray, scenario: Scenario, full: bool, own: Sequence[str] = ()) -> pa.Table:
    """Outcomes, a row a run.

    Parameters
    ----------
    numbers : float64 array, shape (runs, numbers)
    scenario : Scenario
        Its strategies name columns.
    full : bool
        Whether `[collect] level` is "full".
    own : sequence of str
        Names of measures of the user's own.
    """
    table = outcome_table(numbers, tuple(strategy.name for strategy in scenario.strategies), full, own)
    return pa.table({name: _column(values) for name, values in table.items()})


def step_rows(
    rows: np.ndarray, scenario: Scenario, full: bool, every: int, own: Sequence[str] = ()
) -> dict[str, pa.Table]:
    """Measures of each kept step, of the market in `steps` and of the sectors in `sectors`.

    Parameters
    ----------
    rows : float64 array, shape (runs, kept steps, 1 + sectors, measures)
    scenario : Scenario
    full : bool
        Whether `[collect] level` is "full".
    every : int
        N if each Nth step was kept.
    own : sequence of str
        Names of measures of the user's own, which the market alone has.
    """
    built_in = measure_names(tuple(strategy.name for strategy in scenario.strategies))
    runs, kept, places, measures = rows.shape
    steps = every * np.arange(1, kept + 1)
    market = measure_frame(rows[:, :, 0].reshape(-1, measures), [*built_in, *own], full, MARKET_LACKS, len(own))
    market.insert(0, "step", np.tile(steps, runs))
    of_sectors = rows[:, :, 1:].reshape(-1, measures)[:, : len(built_in)]
    sectors = measure_frame(of_sectors, built_in, full, SECTORS_LACK)
    sectors.insert(0, "step", np.tile(np.repeat(steps, places - 1), runs))
    sector_names = np.array([sector.name for sector in scenario.sectors], dtype=object)
    sectors.insert(1, "sector", np.tile(sector_names, runs * kept))
    return {"steps": frame_rows(market), "sectors": frame_rows(sectors)}


def frame_rows(frame: "pd.DataFrame") -> pa.Table:
    """A DataFrame as an Arrow table; a column of texts stays one even if all are missing."""
    return pa.table({name: _column(frame[name].array) for name in frame})


def failure_rows(failures: Sequence[tuple[str, str]]) -> pa.Table:
    """A table of the errors and tracebacks of failed runs."""
    errors, tracebacks = zip(*failures, strict=True) if failures else ((), ())
    return pa.table([pa.array(errors, pa.string()), pa.array(tracebacks, pa.string())], schema=FAILURES)


def _column(values: Sequence) -> pa.Array:
    is_text = str(values.dtype) in (
        "object",
        "str",
    )  # by name: a DataFrame's dtype equals no other
    return pa.array(values, pa.string() if is_text else None, from_pandas=is_text)
