"""The market as a Mesa model: the engine's run, seen through `step`, `agents` and `datacollector`."""

import copy
import secrets
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from mesa import Model
from mesa.datacollection import DataCollector

from abm import state as at
from abm.collection import take_stock
from abm.engine import SEEDS, Market, as_scenario, check_count, check_level, check_seed
from abm.errors import InputError, shown
from abm.firms import NOT_BY_HAND, Firm
from abm.firmset import FirmSet
from abm.growth import GROWTH_PLACES
from abm.measures import MARKET_LACKS
from abm.ranks import apart, rank_correlation
from abm.results import firm_frame, life_frame, measure_frame, outcome_series
from abm.run import FIRST_MEASURE, quarter_end, tally_step, tally_tau

if TYPE_CHECKING:
    import os

    import pandas as pd

    from abm.scenario import Scenario

_PANEL = ("sector", "strategy", "T", "C", "R", "B", "F", "theta")
_FIRST_ROWS = 64  # room for steps at the start; doubled when full


class MarketCollector(DataCollector):
    """What a `MarketModel` collects: the market's measures at the start and each step, and panels of firms.

    Every row is kept, since the outcomes at any step rest on the last fourth of the steps until then;
    `every` thins what `get_model_vars_dataframe` shows. Frames, lists and records are built when asked for.
    It takes no reporters of a user's own: for those use a `mesa.DataCollector` beside it.
    """

    def __init__(self, market: Market, every: int, panel: int) -> None:
        # Mesa's own initialisation would fill the attributes that are built on demand here.
        self._market, self._every, self._panel = market, every, panel
        self._rows = np.empty((_FIRST_ROWS, len(market.measures) + GROWTH_PLACES))
        self._ranked: list[np.ndarray] = []  # customer bases and ages at the end of each step
        self._filled = 0
        self._panels: list[pd.DataFrame] = []
        self._lists: tuple[int, dict[str, list]] = (0, {})
        self._records: tuple[int, dict[int, list[tuple]]] = (0, {})
        self.model_reporters = {name: name for name in self._frame(0, 1)}
        self.agent_reporters = {name: name for name in _PANEL} if panel else {}
        self.agenttype_reporters: dict = {}
        self._agenttype_records: dict = {}
        self.tables: dict = {}

    def collect(self, model: "MarketModel") -> None:
        """Keep the step that the model has just made; a second call at the same step does nothing."""
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
        self._ranked.append(firms[[at.B, at.AGE], :: apart(firms.shape[1])])
        self._filled = step + 1
        if self._panel and step % self._panel == 0:
            frame = firm_frame(market)[["id", *_PANEL]].rename(columns={"id": "AgentID"})
            frame.insert(0, "Step", step)
            self._panels.append(frame)

    def _frame(self, stop: int, every: int) -> "pd.DataFrame":
        market = self._market
        rows = self._rows[:stop:every, : len(market.measures)]
        return measure_frame(rows, market.measures, market.full, MARKET_LACKS)

    def get_model_vars_dataframe(self) -> "pd.DataFrame":
        """The market's measures by step: row 0 for the start, then each Nth step."""
        import pandas as pd

        stop, every = (self._filled, self._every) if self._every else (1, 1)
        frame = self._frame(stop, every)
        frame.index = pd.RangeIndex(0, stop, every, name="step")
        return frame

    def get_agent_vars_dataframe(self) -> "pd.DataFrame":
        """The firms at the start and at each Nth step that `panel` asks for, by Step and AgentID."""
        import pandas as pd

        empty = pd.DataFrame(columns=["Step", "AgentID", *_PANEL])
        frame = pd.concat(self._panels) if self._panels else empty
        return frame.set_index(["Step", "AgentID"])

    @property
    def model_vars(self) -> dict[str, list]:
        """Lists of all rows by name, whatever `every` is: `batch_run` finds a step by its place here."""
        if self._lists[0] != self._filled:
            frame = self._frame(self._filled, 1)
            self._lists = self._filled, {name: frame[name].tolist() for name in frame}
        return self._lists[1]

    @property
    def _agent_records(self) -> dict[int, list[tuple]]:
        """The panels as Mesa keeps them, for its `batch_run`."""
        if self._records[0] != len(self._panels):
            records = {int(frame["Step"].iloc[0]): _tuples(frame) for frame in self._panels if len(frame)}
            self._records = len(self._panels), records
        return self._records[1]

    def tally(self) -> np.ndarray:
        """What outcomes rest on, summed over the window in the order that the engine sums in."""
        step, measures = self._filled - 1, len(self._market.measures)
        tally = np.zeros_like(self._market.record.tally)
        tally[:FIRST_MEASURE] = self._market.record.tally[:FIRST_MEASURE]  # the peak, of all steps
        window_start = step - (step + 3) // 4 + 1
        # Before the first step the window is the start itself.
        for row in self._rows[min(window_start, step) : step + 1]:
            tally_step(tally, row[:measures], row[measures:])
        for quarter in range(2, 5):
            before, now = quarter_end(quarter - 1, step), quarter_end(quarter, step)
            if before < now and step:
                customers, age = self._ranked[now]
                tally_tau(tally, rank_correlation(self._ranked[before][0], customers, age, now - before))
        return tally


def _tuples(frame: "pd.DataFrame") -> list[tuple]:
    return list(zip(*(frame[name].tolist() for name in frame), strict=True))


class MarketModel(Model):
    """A market as a Mesa model, equal to `simulate` to the last bit.

    Parameters
    ----------
    scenario : Scenario, bare name or path
    rng : int, optional
        The seed, in [0, 2^63). None takes a fresh one, kept in `seed` so that the run can be repeated.
    firms : path or DataFrame, optional
        A firm table to start from instead of draws.
    collect : {"full", "light"}
        "full" adds the Gini coefficient and quantiles.
    every : int
        Show each Nth step in `datacollector.get_model_vars_dataframe()`; 0 shows the start alone. All steps
        are kept in any case, for `outcomes` and for Mesa's `batch_run`.
    panel : int
        Keep the living firms at the start and at each Nth step; 0 keeps none.
    threads : int, optional
        Changes the speed, not the result.
    **kwargs
        Parameters of the scenario to change, as in `Scenario.replace`.

    Attributes
    ----------
    scenario : Scenario
        As it is run: with the changes, and with a firm table's capacity and market size.
    seed : int
    agents : FirmSet
        The living firms.
    datacollector : MarketCollector
    market : Market
        The engine's market; only `step` may move it on.
    changed : bool
        Whether a firm was changed by hand since stock was last taken.

    Notes
    -----
    The model never stops itself: `running` stays True beyond `scenario.steps`, though `run_model` ends there.
    The simulation draws from neither `random` nor `rng`; they are the user's. What Mesa has and this model
    cannot honour: agents added or removed by hand and ad-hoc attributes on a firm (both refused), lists from
    `agents.get` (arrays instead), one object a firm (compare by `==`), and `seed=` (the seed is `rng`).

    Examples
    --------
    >>> model = MarketModel("one-market", rng=1, network_effect=0.9)
    >>> model.step()
    >>> model.datacollector.get_model_vars_dataframe()["firms"].tolist()[0] == model.scenario.initial_firms
    True
    >>> model.agents.get("T").shape == (len(model.agents),)
    True
    """

    def __init__(
        self,
        scenario: "Scenario | str | os.PathLike" = "four-sectors",
        *,
        rng: int | None = None,
        firms: "str | os.PathLike | pd.DataFrame | None" = None,
        collect: str = "full",
        every: int = 1,
        panel: int = 0,
        threads: int | None = None,
        **kwargs: Any,
    ) -> None:
        if "seed" in kwargs:
            raise InputError(f"seed = {shown(kwargs['seed'])}: a MarketModel takes its seed as rng=")
        self.seed = secrets.randbelow(SEEDS) if rng is None else check_seed(rng, "rng")
        super().__init__(rng=self.seed)
        self.market = Market(
            as_scenario(scenario).replace(**kwargs),
            self.seed,
            firms=firms,
            full=check_level(collect),
            every=0,  # the collector keeps the rows, since there is no last step to make room for
            steps=None,
            threads=None if threads is None else check_count(threads, "threads", 1),
        )
        self.scenario = self.market.scenario
        self.changed = False
        self._living = FirmSet(self)
        every, panel = check_count(every, "every"), check_count(panel, "panel")
        self._collector = MarketCollector(self.market, every, panel)
        self._collector.collect(self)
        self.datacollector = self._collector

    def step(self) -> None:
        """Make one step."""
        self.take_stock()
        self.market.advance(self.market.steps_done + 1)
        self._collector.collect(self)

    def take_stock(self) -> None:
        """Bring what the market knows of its firms up to date, if one was changed by hand.

        Setting a firm's attribute is enough: the model calls this itself where it matters.
        """
        if self.changed:
            take_stock(self.market.state, self.market.parameters, self.market.scratch[0])
            self.changed = False

    def run_model(self) -> None:
        """Go on to the scenario's last step, unless `running` is set to False before."""
        while self.running and self.steps_done < self.scenario.steps:
            self.step()

    @property
    def steps_done(self) -> int:
        """Number of steps made so far."""
        return self.market.steps_done

    def outcomes(self) -> "pd.Series":
        """The outcomes of the run as far as it has come; after `scenario.steps` steps those of `simulate`.

        The window is the last fourth of the steps made; before the first step it is the start.
        """
        return outcome_series(self.market, self._collector.tally())

    @property
    def firms(self) -> "pd.DataFrame":
        """The living firms by id, as `Result.firms`."""
        self.take_stock()
        return firm_frame(self.market)

    @property
    def lives(self) -> "pd.DataFrame":
        """Every firm that ever lived by id, as `Result.lives`."""
        return life_frame(self.market)

    @property
    def agents(self) -> FirmSet:
        """The living firms by id."""
        return self._living

    @property
    def agent_types(self) -> list[type]:
        """The one type of agent that there is."""
        return [Firm]

    @property
    def agents_by_type(self) -> dict[type, FirmSet]:
        """The living firms under their type."""
        return {Firm: self._living}

    def register_agent(self, agent: Any) -> NoReturn:
        """Refused."""
        raise InputError(NOT_BY_HAND)

    def deregister_agent(self, agent: Any) -> NoReturn:
        """Refused."""
        raise InputError(NOT_BY_HAND)

    def remove_all_agents(self) -> NoReturn:
        """Refused."""
        raise InputError(NOT_BY_HAND)

    def __copy__(self) -> "MarketModel":
        # A copy that shared the arrays, and Mesa's wrapped `step`, would move the original on.
        return copy.deepcopy(self)
