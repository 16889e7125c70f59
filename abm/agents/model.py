"""The market as a Mesa model: the engine's run, seen through `step`, `agents` and `datacollector`."""

import copy
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from abm.agents.adapter import Agent, AgentSet, Model, keep_scenarios_apart
from abm.agents.by_hand import Changes
from abm.agents.collector import MarketCollector
from abm.agents.firm import NOT_BY_HAND, Firm
from abm.agents.firm_set import FirmSet
from abm.agents.interventions import Interventions
from abm.errors import InputError, shown
from abm.scenario.changes import changeable, timetable, value_at
from abm.scenario.parameters import SECTOR, STRATEGY
from abm.scenario.scenario import Scenario
from abm.simulation.market import Market
from abm.simulation.results import firm_frame, life_frame, outcome_series
from abm.simulation.simulate import SEEDS, as_scenario, check_count, check_level, check_seed

if TYPE_CHECKING:
    import os

    import pandas as pd

# The parameters of a scenario. Not among them: `steps`, here Mesa's counter, `name`, which a user may set, and
# `changes`, here those by hand.
_PARAMETERS = frozenset(Scenario.model_fields) - {"steps", "name", "changes"}
# What sectors and strategies have, and what happens once: known to `set` by these names, and no attributes.
_NOT_THE_MARKETS = frozenset(SECTOR) | frozenset(STRATEGY) | {"demand_factor"}
_OWN = frozenset({"market", "views", "changes", "_living", "_collector"})  # what a model rests on


def _same(ours: Any, theirs: Any) -> bool:
    """Whether two values are the same; values that cannot be compared are not."""
    return type(theirs) in (type(ours), int, float, str) and ours == theirs


class MarketModel(Interventions, Model):
    """A market as a Mesa model, equal to `simulate` to the last bit.

    Parameters
    ----------
    scenario : Scenario, bare name or path
    rng : int, optional
        The seed, in [0, 2^63). None takes a fresh one, kept in `seed` so that the run can be repeated.
    seed : int, optional
        The same under Mesa's older name, where `rng` is left out.
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
    measures : mapping of str to function, optional
        Measures of your own beside the built-in ones, as for `simulate`.
    **kwargs
        Parameters of the scenario to change, as in `Scenario.replace`.

    Attributes
    ----------
    scenario : Scenario
        As it is run: with the changes, and with a firm table's capacity and market size.
    seed : int
    hhi, mean_T, entries, … : float or int
        Each measure of the market that is collected, at the last step: what a `DataCollector` of your own can name.
        Only `firms` is another thing: the table of them.
    network_effect, churn, … : float
        Each parameter of the scenario as the next step takes it; `set` changes it. `steps` is the number of steps made,
        as in Mesa.
    agents : FirmSet
        The living firms.
    agents_by_type : dict
        The firms under `Firm`, and the agents of your own, each under its type.
    datacollector : MarketCollector
    market : Market
        The engine's market; only `step` may move it on.
    changes : Changes
        The changes by hand since the last step.

    Notes
    -----
    The model never stops itself: `running` stays True beyond `scenario.steps`, though `run_model` ends there.
    The simulation draws from neither `random` nor `rng`; they are the user's. Agents of your own live in it as in any
    model of Mesa; `agents` stays the firms. Between two steps firms are founded, closed and merged by `found`, `close`
    and `merge`, and changed by setting their attributes; the next step starts from what is there then. What Mesa has
    and this model cannot honour: firms that are made otherwise and ad-hoc attributes on a firm (both refused), and
    lists from `agents.get` (arrays instead). docs/mesa.md has it all.

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
        seed: int | None = None,
        firms: "str | os.PathLike | pd.DataFrame | None" = None,
        collect: str = "full",
        every: int = 1,
        panel: int = 0,
        threads: int | None = None,
        measures: Mapping[str, Callable[[Any], float]] | None = None,
        **kwargs: Any,
    ) -> None:
        if rng is not None and seed is not None:
            raise InputError(f"rng = {shown(rng)} and seed = {shown(seed)} are two names of one seed; give one of them")
        name, given = ("rng", rng) if seed is None else ("seed", seed)
        chosen = secrets.randbelow(SEEDS) if given is None else check_seed(given, name)
        super().__init__(rng=chosen)
        keep_scenarios_apart(MarketModel)
        market = Market(
            as_scenario(scenario).replace(**kwargs),
            chosen,
            firms=firms,
            full=check_level(collect),
            every=0,  # the collector keeps the rows, since there is no last step to make room for
            steps=None,
            threads=None if threads is None else check_count(threads, "threads", 1),
            own=measures,
        )
        self._hold(market, MarketCollector(market, check_count(every, "every"), check_count(panel, "panel")))
        self._collector.collect(self)
        self.datacollector = self._collector

    def _hold(self, market: Market, collector: Any) -> None:
        """Become the model of a market."""
        own = self.__dict__  # past `__setattr__`, which keeps them
        own["market"] = market
        own["views"] = {}  # by id, of the living firms that somebody has touched
        own["changes"] = Changes(market)
        own["_living"] = FirmSet(self)
        own["_collector"] = collector

    def step(self) -> None:
        """Make one step."""
        self._advance()
        self._collector.collect(self)

    def _advance(self, progress: Callable[[int], None] | None = None) -> None:
        self.changes.before_step()
        left = len(self.market.state.left)
        self.market.advance(self.market.steps_done + 1, progress)
        self.changes.after_step()
        if self.views:
            self.let_go(self.market.state.left["id"][left:].tolist())

    def let_go(self, ids: Iterable[int]) -> None:
        """Drop the views on firms that have left."""
        for unique_id in ids:
            firm = self.views.pop(unique_id, None)
            if firm is not None:
                firm.cell = None  # as when an agent of Mesa is removed

    def firm_in(self, slot: int) -> Firm:
        """The view on the firm in a slot."""
        return FirmSet(self, [slot])[0]

    def recompute_sums(self) -> None:
        """Compute the sums over firms again, if a firm was changed by hand.

        Setting a firm's attribute is enough: the model calls this itself where it matters.
        """
        self.changes.recompute_sums()

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
        """The living firms, sorted by id, as `Result.firms`."""
        self.recompute_sums()
        return firm_frame(self.market)

    @property
    def lives(self) -> "pd.DataFrame":
        """The history of every firm, sorted by id, as `Result.lives`."""
        return life_frame(self.market)

    @property
    def scenario(self) -> Scenario:
        """The scenario as it is run."""
        keep_scenarios_apart(MarketModel)  # again, since Mesa's page may be loaded after the model is made
        return self.market.scenario

    @property
    def seed(self) -> int:
        """The seed of all draws of the run."""
        return self.market.seed

    @property
    def _measures(self) -> dict[str, str]:
        collector = self.__dict__.get("_collector")
        return collector.model_reporters if collector else {}

    def __getattr__(self, name: str) -> Any:
        # Only called for what is no attribute otherwise; "market" itself is missing while a copy is made.
        if name in self._measures:
            return self._collector.last(name)
        if "market" in self.__dict__ and name in _PARAMETERS:
            return self._parameter(name)
        raise AttributeError(f"a {type(self).__name__} has no attribute {name!r}")

    def _parameter(self, name: str) -> Any:
        """A parameter of the scenario, as the next step takes it."""
        scenario = self.market.scenario
        own = [timed for timed in timetable(scenario) if timed.table == "market" and timed.key == name]
        return value_at(getattr(scenario, name), own, self.steps_done + 1)

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse what would change nothing, as parameters, the seed and measures, or would break the model."""
        if "market" not in self.__dict__:
            if name != "scenario":  # one of Mesa's own kind, from Mesa 3.5 on
                super().__setattr__(name, value)
        elif name in ("scenario", "seed") or name in _PARAMETERS:
            if not _same(getattr(self, name), value):
                raise InputError(f"{name} = {shown(value)}: {self._instead_of_setting(name, value)}")
        elif name in _NOT_THE_MARKETS and not hasattr(type(self), name):
            raise InputError(f"{name} = {shown(value)}: {self._instead_of_setting(name, value)}")
        elif name in _OWN:
            raise InputError(f"{name} = {shown(value)}: a model keeps its own {name.lstrip('_')}, which its steps need")
        elif name in self._measures and not hasattr(type(self), name):
            raise InputError(f"{name} = {shown(value)}: {name} is a measure of the market, which only a step changes")
        else:
            super().__setattr__(name, value)

    @staticmethod
    def _instead_of_setting(name: str, value: Any) -> str:
        keyword = "rng" if name == "seed" else name
        another = f"MarketModel(…, {keyword}=…) makes another one"
        if name in changeable():
            change = f"model.set({name}={shown(value)}) changes it from the next step on"
            return change if name == "demand_factor" else f"{change}; {another}"
        return f"a model keeps what it was made with; {another}"

    @property
    def agents(self) -> FirmSet:
        """The living firms by id."""
        return self._living

    @property
    def own_agents(self) -> AgentSet:
        """The agents of the user's own, of all their types."""
        return super().agents

    @property
    def agent_types(self) -> list[type]:
        """`Firm`, and the types of the user's own agents."""
        return [Firm, *super().agent_types]

    @property
    def agents_by_type(self) -> dict[type, AgentSet]:
        """The living firms under `Firm`, and the user's own agents under their types."""
        return {Firm: self._living, **super().agents_by_type}

    def register_agent(self, agent: Agent) -> None:
        """Take in an agent of the user's own, as Mesa does; `Agent.__init__` calls this."""
        if isinstance(agent, Firm):
            raise InputError(NOT_BY_HAND)
        super().register_agent(agent)

    def deregister_agent(self, agent: Agent) -> None:
        """Let an agent of the user's own go, as Mesa does; `Agent.remove` calls this."""
        if isinstance(agent, Firm):
            raise InputError(NOT_BY_HAND)
        super().deregister_agent(agent)

    def remove_all_agents(self) -> None:
        """Close all firms, and let all agents of the user's own go."""
        self.close(self.agents)
        super().remove_all_agents()

    def __copy__(self) -> "MarketModel":
        # A copy that shared the arrays, and Mesa's wrapped `step`, would move the original on.
        return copy.deepcopy(self)
