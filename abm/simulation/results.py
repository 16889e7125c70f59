"""Results of runs as DataFrames, made when asked for."""

import os
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.market.firms import FIRM, firms_in
from abm.market.measures import COUNTS, MARKET_LACKS, ORDER_STATISTICS, SECTORS_LACK, STRATEGY_MEASURES
from abm.market.outcome_numbers import numbers_of, outcome_numbers
from abm.market.records import REASONS
from abm.market.rules import follows_rules, signs
from abm.output.new_folder import new_folder
from abm.output.run_folder import FILES, write_run
from abm.simulation.firm_start import kept_table
from abm.simulation.outcomes import outcome_table

if TYPE_CHECKING:
    import pandas as pd

    from abm.simulation.firm_table import FirmTable
    from abm.simulation.followed import Followed
    from abm.simulation.market import Market

_TRAITS, _STATE = ("T0", "C0", "R0", "k1", "k2", "k3"), ("T", "C", "P", "R", "Q", "B", "F")
_WEIGHTS, _RETURNS = ("theta", "omega"), ("R_smoothed", "R_reviewed")
_AT_ENTRY = ("theta_entry", "omega_entry")
# What a panel keeps of a firm.
PANEL = (
    "id", "sector", "strategy", "T", "C", "R", "B", "F", "theta", "name", "P", "Q", "omega", "share", "age", "revenue",
)  # fmt: skip


def measure_frame(rows: np.ndarray, names: list[str], full: bool, lacks: set[int], own: int = 0) -> "pd.DataFrame":
    """Rows of measures as a DataFrame, counts as integers.

    Parameters
    ----------
    rows : float64 array, shape (n, measures)
    names : list of str
    full : bool
        Whether order statistics were collected.
    lacks : set of int
        Indices of the measures that this table does not have.
    own : int
        How many of the names, the last ones, are the user's own.
    """
    import pandas as pd

    built_in = len(names) - own
    strategies = (built_in - STRATEGY_MEASURES) // 2
    counts = {*COUNTS, *range(STRATEGY_MEASURES + strategies, built_in)}
    columns = {
        names[place]: rows[:, place].astype(np.int64) if place in counts else rows[:, place].copy()
        for place in range(len(names))
        if place not in lacks and (full or place not in ORDER_STATISTICS)
    }
    return pd.DataFrame(columns)


class Result:
    """A run and what was kept of it.

    Attributes
    ----------
    scenario : Scenario
        As it was run: with a firm table's capacity and market size.
    seed : int
    started, wall_seconds : float
        When the run began, in seconds since 1970, and how long it took.
    """

    def __init__(
        self,
        market: "Market",
        followed: "Followed | None" = None,
        panel_every: int = 0,
        each_step: Callable[..., Any] | None = None,
    ) -> None:
        self._market, self._followed, self._panel_every = market, followed, panel_every
        self._each_step = each_step
        self.started, self.wall_seconds = time.time(), 0.0
        self.scenario, self.seed = market.scenario, market.seed
        self._panel: list[Any] = []

    @property
    def table(self) -> "FirmTable | None":
        """The firm table that the run started from."""
        return self._market.table

    @property
    def demand(self) -> dict[str, float]:
        """Each sector's demand at the step that would come next."""
        return dict(zip(self._market.sector_names, self._market.state.sectors["demand"].tolist(), strict=True))

    @property
    def rows(self) -> np.ndarray:
        """All measures, shape (kept steps, 1 + sectors, measures)."""
        return self._market.record.rows

    @property
    def numbers(self) -> np.ndarray:
        """What `abm.simulation.outcomes.outcome_table` makes the outcomes of."""
        return run_numbers(self._market, self._market.record.tally)

    @cached_property
    def steps(self) -> "pd.DataFrame":
        """Measures of the market, a row a kept step, indexed by step."""
        record, every = self._market.record, self._market.every
        market = self._market
        frame = measure_frame(record.rows[:, 0], market.measures, market.full, MARKET_LACKS, len(market.own))
        frame.index = _kept_steps(len(frame), every)
        return frame

    @cached_property
    def sectors(self) -> "pd.DataFrame":
        """Measures of each sector, a row a kept step and sector."""
        market = self._market
        steps, places = len(market.record.rows), len(market.sector_names)
        rows = market.record.rows[:, 1:].reshape(steps * places, len(market.measures))
        built_in = len(market.measures) - len(market.own)
        frame = measure_frame(rows[:, :built_in], market.measures[:built_in], market.full, SECTORS_LACK)
        frame.insert(0, "step", np.repeat(_kept_steps(steps, market.every), places))
        frame.insert(1, "sector", np.tile(np.array(market.sector_names, dtype=object), steps))
        return frame

    @cached_property
    def firms(self) -> "pd.DataFrame":
        """The firms that live at the end, by id."""
        return firm_frame(self._market)

    @cached_property
    def lives(self) -> "pd.DataFrame":
        """Every firm that ever lived, by id."""
        return life_frame(self._market)

    @cached_property
    def outcomes(self) -> "pd.Series":
        """The run in one row (see `abm.simulation.outcomes`)."""
        return outcome_series(self._market, self._market.record.tally)

    @cached_property
    def panel(self) -> "pd.DataFrame":
        """The living firms at the start and at each step asked for."""
        import pandas as pd

        return pd.concat(self._panel, ignore_index=True) if self._panel else pd.DataFrame(columns=["step", *PANEL])

    @cached_property
    def followed(self) -> "pd.DataFrame | None":
        """`step name T C R share` of the firms that are followed, from the start on; None if none is."""
        return None if self._followed is None else self._followed.frame()

    @property
    def settings(self) -> dict[str, Any]:
        """How the run was collected and what it started from, as `run.json` has it."""
        return {
            "level": "full" if self._market.full else "light",
            "every": self._market.every,
            "panel": self._panel_every,
            "firm_table_hash": self.table.digest if self.table else None,
            "follow": [] if self._followed is None else list(self._followed.names),
            **({} if self._each_step is None else {"each_step": getattr(self._each_step, "__name__", "a function")}),
            **({"measures": list(self._market.own)} if self._market.own else {}),
        }

    def save(self, out: str | os.PathLike, *, overwrite: bool = False, picture: bool = True) -> None:
        """Write the files that `abm run` writes.

        Parameters
        ----------
        out : path
            A directory that does not exist yet or is empty.
        overwrite : bool
            Replace a run that is there.
        picture : bool
            Whether to draw `overview.png`.

        Raises
        ------
        InputError
            If `out` cannot be used; what is there stays as it is.

        Examples
        --------
        >>> import tempfile
        >>> from abm import simulate
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     simulate("one-market").save(f"{folder}/run", picture=False)
        ...     print(*sorted(os.listdir(f"{folder}/run"))[:3])
        firms.parquet lives.parquet outcomes.json
        """
        with new_folder(out, kind="run", files=FILES, overwrite=overwrite) as folder:
            write_run(folder, self, picture=picture)

    def kept_table(self) -> bytes | None:
        """The firm table that the run started from, as its directory keeps it; None if there was none."""
        return None if self.table is None else kept_table(self.table, self.scenario)

    def follow(self) -> None:
        """Look at the firms that are followed."""
        self._followed.look()

    def add_to_panel(self) -> None:
        """Keep the firms as they stand."""
        frame = panel_frame(self._market)
        frame.insert(0, "step", self._market.steps_done)
        self._panel.append(frame)


class ManyResults:
    """Outcomes, and kept steps, of many runs.

    Attributes
    ----------
    outcomes : DataFrame
        A row a run, indexed by (scenario, seed); scenario is the position in the list.
    steps : DataFrame
        Measures of the market, indexed by (scenario, seed, step).
    """

    def __init__(self, outcomes: "pd.DataFrame", steps: "pd.DataFrame") -> None:
        self.outcomes, self.steps = outcomes, steps


def _kept_steps(count: int, every: int) -> Any:
    import pandas as pd

    return pd.RangeIndex(every, every * (count + 1), every, name="step") if count else pd.RangeIndex(0, name="step")


def firm_frame(market: "Market") -> "pd.DataFrame":
    """The living firms of a market, by id."""
    import pandas as pd

    firms = market.state.firms
    slots = np.flatnonzero(firms[FIRM.B] > 0.0)
    slots = slots[np.argsort(firms[FIRM.id, slots], kind="stable")]
    living = firms_in(firms, slots)
    places = np.repeat(np.arange(len(market.sector_names)), market.layout.slots)[slots]
    ids = living.id.astype(np.int64)
    columns = {
        "id": ids,
        "slot": slots,
        "name": _names(market, ids),
        "sector": np.array(market.sector_names, dtype=object)[places],
        "strategy": np.array(market.strategy_names, dtype=object)[living.strategy.astype(np.int64)],
    }
    columns |= {name: getattr(living, name) for name in (*_TRAITS, *_WEIGHTS, *_STATE)}
    columns["direction"] = signs(living.direction).astype(np.int64)
    if follows_rules(market.scenario):
        columns["memory"] = living.direction
    columns |= {name: getattr(living, name) for name in _RETURNS}
    columns["share"] = living.B / market.state.sectors["base"][places]
    columns["age"] = living.age.astype(np.int64)
    return pd.DataFrame(columns)


def panel_frame(market: "Market") -> "pd.DataFrame":
    """The living firms as a panel keeps them, with their revenue B·P in sales of one baseline firm."""
    frame = firm_frame(market)
    return frame.assign(revenue=frame["B"] * frame["P"])[list(PANEL)]


def _names(market: "Market", ids: np.ndarray) -> np.ndarray:
    """The names that a firm table gave, by id; entrants have none."""
    names = np.full(len(ids), "", dtype=object)
    if market.table is not None:
        initial = ids < len(market.table.names)
        names[initial] = np.array(market.table.names, dtype=object)[ids[initial]]
    return names


def life_frame(market: "Market") -> "pd.DataFrame":
    """Every firm that ever lived in a market, by id; `exit_step` and `reason` are missing for the living.

    Traits; `theta` and `omega` as the firm came (`theta_entry`, `omega_entry`) and as it left; the state as it left. Of
    the living it is the state as it stands.
    """
    import pandas as pd

    state, left = market.state, market.state.left
    alive = np.flatnonzero(state.firms[FIRM.B] > 0.0)
    living = firms_in(state.firms, alive)
    sector_of = np.repeat(np.arange(len(market.sector_names)), market.layout.slots)
    ids = np.concatenate([left["id"], living.id.astype(np.int64)])
    sectors = np.concatenate([left["sector"], sector_of[alive]])
    strategies = np.concatenate([left["strategy"], living.strategy.astype(np.int64)])
    exits = np.concatenate([left["exit_step"], np.full(len(alive), -1)])
    reasons = np.full(len(ids), None, dtype=object)
    reasons[: len(left)] = np.array(REASONS, dtype=object)[left["reason"]]
    order = np.argsort(ids)
    frame = pd.DataFrame(
        {
            "id": ids,
            "sector": np.array(market.sector_names, dtype=object)[sectors],
            "strategy": np.array(market.strategy_names, dtype=object)[strategies],
            "entry_step": np.concatenate([left["entry_step"], living.entered.astype(np.int64)]),
            "exit_step": pd.arrays.IntegerArray(exits, mask=exits < 0),
            "reason": reasons,
            "peak_share": np.concatenate([left["peak_share"], living.peak_share]),
            "name": _names(market, ids),
        }
        | {
            name: np.concatenate([left[name], getattr(living, name)])
            for name in (*_TRAITS, *_AT_ENTRY, *_WEIGHTS, *_STATE)
        }
    )
    return frame.iloc[order].reset_index(drop=True)


def run_numbers(market: "Market", tally: np.ndarray) -> np.ndarray:
    """The numbers that a market's outcomes are made of, as far as it has come."""
    numbers = np.empty(numbers_of(len(market.measures)))
    outcome_numbers(market.state, tally, numbers)
    return numbers


def outcome_series(market: "Market", tally: np.ndarray) -> "pd.Series":
    """The outcomes of a market as far as it has come."""
    import pandas as pd

    table = outcome_table(run_numbers(market, tally)[np.newaxis], market.strategy_names, market.full, market.own)
    return pd.Series({name: values[0] for name, values in table.items()}, dtype=object, name="outcomes")
