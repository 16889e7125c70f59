"""What a `MarketModel` collects, as a DataCollector of Mesa's that makes frames, lists and records when asked for."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from abm.agents.adapter import DataCollector, Model
from abm.market.firms import FIRM
from abm.market.growth import GROWTH_PLACES
from abm.market.measures import MARKET_LACKS
from abm.market.run import FIRST_MEASURE, quarter_end, tally_step, tally_tau, window_start
from abm.numerics.kendall import compared_stride, rank_correlation
from abm.simulation.market import Market
from abm.simulation.results import PANEL, measure_frame, panel_frame

if TYPE_CHECKING:
    import pandas as pd

_PANEL = tuple(name for name in PANEL if name != "id")
_FIRST_ROWS = 64  # room for steps at the start; doubled when full


class MarketCollector(DataCollector):
    """What a `MarketModel` collects: the market's measures at the start and each step, and panels of firms.

    Every row is kept, since the outcomes at any step rest on the last fourth of the steps until then;
    `every` thins what `get_model_vars_dataframe` shows. Frames, lists and records are built when asked for.
    It takes no reporters of yours: use a `mesa.DataCollector` beside it.
    """

    def __init__(self, market: Market, every: int, panel: int) -> None:
        # Mesa's own initialisation would fill the attributes that are built on demand here.
        self._market, self._every, self._panel = market, every, panel
        self._rows = np.empty((_FIRST_ROWS, len(market.measures) + GROWTH_PLACES))
        self._ranked: list[np.ndarray] = []  # customer bases and steps of entry at the end of each step
        self._filled = 0
        self._panels: list[pd.DataFrame] = []
        start = self._frame(0, 1)
        self.model_reporters = {name: name for name in start}
        self._places = {name: (market.measures.index(name), start[name].dtype.kind == "i") for name in start}
        self._lists: dict[str, list] = {name: [] for name in start}
        self._records: dict[int, list[tuple]] = {}
        self.agent_reporters = {name: name for name in _PANEL} if panel else {}
        self.agenttype_reporters: dict = {}
        self._agenttype_records: dict = {}
        self.tables: dict = {}

    def collect(self, model: Model) -> None:
        """Keep the measures of the step just made; a second call at the same step does nothing."""
        market = self._market
        step = market.steps_done
        if step < self._filled:
            return
        if step == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        measures = len(market.measures)
        self._rows[step, :measures] = market.record.present[0]
        self._rows[step, measures:] = market.record.growth
        firms = market.state.firms
        self._ranked.append(firms[[FIRM.B, FIRM.entered], :: compared_stride(firms.shape[1])])
        self._filled = step + 1
        if self._panel and step % self._panel == 0:
            frame = panel_frame(market)[["id", *_PANEL]].rename(columns={"id": "AgentID"})
            frame.insert(0, "Step", step)
            self._panels.append(frame)

    def _frame(self, stop: int, every: int) -> "pd.DataFrame":
        market = self._market
        rows = self._rows[:stop:every, : len(market.measures)]
        return measure_frame(rows, market.measures, market.full, MARKET_LACKS, len(market.own))

    def get_model_vars_dataframe(self) -> "pd.DataFrame":
        """The market's measures by step: row 0 for the start, then each Nth step; the index is unnamed as in Mesa."""
        import pandas as pd

        stop, every = (self._filled, self._every) if self._every else (1, 1)
        frame = self._frame(stop, every)
        frame.index = pd.RangeIndex(0, stop, every)
        return frame

    def get_agent_vars_dataframe(self) -> "pd.DataFrame":
        """The firms at the start and at each Nth step that `panel` asks for, by Step and AgentID."""
        import pandas as pd

        empty = pd.DataFrame(columns=["Step", "AgentID", *_PANEL])
        frame = pd.concat(self._panels) if self._panels else empty
        return frame.set_index(["Step", "AgentID"])

    def rows(self, names: Iterable[str], since: int = 0) -> np.ndarray:
        """Some of the market's measures at each step from `since` on; shape (steps, names)."""
        return self._rows[since : self._filled, [self._places[name][0] for name in names]]

    @property
    def model_vars(self) -> dict[str, list]:
        """Lists of all rows by name, whatever `every` is: `batch_run` finds a step by its place here."""
        for name, column in self._lists.items():
            place, is_count = self._places[name]
            new = self._rows[len(column) : self._filled, place]
            column += (new.astype(np.int64) if is_count else new).tolist()
        return self._lists

    def last(self, name: str) -> float | int:
        """A measure of the market at the last step."""
        place, is_count = self._places[name]
        value = self._rows[self._filled - 1, place]
        return int(value) if is_count else float(value)

    @property
    def _collection_steps(self) -> range:
        """The steps of the rows, for Mesa's `batch_run`."""
        return range(self._filled)

    @property
    def _agent_records(self) -> dict[int, list[tuple]]:
        """The panels as Mesa keeps them, for its `batch_run`."""
        for place in range(len(self._records), len(self._panels)):
            self._records[place * self._panel] = _tuples(self._panels[place])
        return self._records

    def tally(self) -> np.ndarray:
        """The sums from which outcomes are computed, over the window, in the same order as `simulate`."""
        step, measures = self._filled - 1, len(self._market.measures)
        tally = np.zeros_like(self._market.record.tally)
        tally[:FIRST_MEASURE] = self._market.record.tally[:FIRST_MEASURE]  # the peak, of all steps
        # Before the first step the window is the start itself.
        for row in self._rows[min(window_start(step), step) : step + 1]:
            tally_step(tally, row[:measures], row[measures:])
        for quarter in range(2, 5):
            before, now = quarter_end(quarter - 1, step), quarter_end(quarter, step)
            if before < now and step:
                customers, entered = self._ranked[now]
                tally_tau(tally, rank_correlation(self._ranked[before][0], customers, entered, before))
        return tally


def _tuples(frame: "pd.DataFrame") -> list[tuple]:
    return list(zip(*(frame[name].tolist() for name in frame), strict=True))
