"""A run of a market: `simulate` checks what it is given, moves a `Market` on and hands back a `Result`."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from numbers import Integral
from typing import TYPE_CHECKING, Any

from abm.errors import InputError, nearest, shown
from abm.scenario.scenario import Scenario
from abm.simulation.followed import Followed
from abm.simulation.market import Market
from abm.simulation.results import Result

if TYPE_CHECKING:
    import pandas as pd

LEVELS = ("light", "full")
SEEDS = 2**63


def check_seed(seed: Any, name: str = "seed") -> int:
    """A seed as an int, or a refusal.

    Examples
    --------
    >>> check_seed(3)
    3
    >>> check_seed(-1)
    Traceback (most recent call last):
    abm.errors.InputError: seed = -1 is outside [0, 2^63)
    """
    if isinstance(seed, bool) or not isinstance(seed, Integral):
        raise InputError(f"{name} = {shown(seed)} is not an integer; allowed is [0, 2^63)")
    if not 0 <= seed < SEEDS:
        raise InputError(f"{name} = {seed} is outside [0, 2^63)")
    return int(seed)


def check_count(value: Any, name: str, least: int = 0) -> int:
    """An integer of at least `least`, or a refusal."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise InputError(f"{name} = {shown(value)} is not an integer of at least {least}")
    return int(value)


def check_level(collect: Any) -> bool:
    """Whether the level of collection is `full`, or a refusal."""
    if collect not in LEVELS:
        raise InputError(f"collect = {shown(collect)} is not light or full{nearest(collect, LEVELS)}")
    return collect == "full"


def as_scenario(scenario: Any) -> Scenario:
    """A scenario as it is, or loaded by bare name or path."""
    if isinstance(scenario, Scenario):
        return scenario
    if isinstance(scenario, str | os.PathLike):
        return Scenario.load(scenario)
    raise InputError(f"scenario = {shown(scenario)} is not a Scenario, a bare name or a path")


def simulate(
    scenario: Scenario | str | os.PathLike,
    seed: int = 0,
    *,
    firms: "str | os.PathLike | pd.DataFrame | None" = None,
    collect: str = "full",
    every: int = 1,
    panel: int = 0,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
    follow: Sequence[str] = (),
    each_step: Callable[[Any], object] | None = None,
    measures: Mapping[str, Callable[[Any], float]] | None = None,
) -> Result:
    """Run a scenario once.

    Parameters
    ----------
    scenario : Scenario, bare name or path
    seed : int
        In [0, 2^63). Two runs with the same scenario and seed are equal to the last bit.
    firms : path or DataFrame, optional
        A firm table to start from instead of draws; or the folder of a run, to go on from its end.
    collect : {"full", "light"}
        "full" adds the Gini coefficient and quantiles.
    every : int
        Keep each Nth step in `Result.steps`; 0 keeps none. Outcomes rest on every step in any case.
    panel : int
        Keep the living firms at the start and at each Nth step; 0 keeps none.
    threads : int, optional
        Changes the speed, not the result.
    progress : callable, optional
        Called now and then with the number of steps made.
    follow : sequence of str
        Names of firms of the table whose T, C, R and share are kept at each step in `Result.followed`.
    each_step : callable, optional
        Called before each step with the market as a `MarketModel`, which it may read and change: found, close and merge
        firms, set their attributes and parameters of the market. Its draws should come from `model.random`, which
        follows the seed.
    measures : mapping of str to function, optional
        Measures of your own, which stand beside the built-in ones in `Result.steps` and `Result.outcomes`: functions
        that numba compiles, of the living firms' columns as arrays (`firms.T`, `firms.B`, `firms.age`, …,
        `firms.sector`, see `abm.market.own_measures.MeasuredFirms`), to a number.

    Returns
    -------
    Result

    Raises
    ------
    InputError
        If an argument is not allowed, or the run would not fit the memory.

    Examples
    --------
    >>> result = simulate("one-market", seed=1, collect="light")
    >>> len(result.steps) == result.scenario.steps
    True
    >>> def tax(model):
    ...     model.agents.set("F", 0.9 * model.agents.get("F"))
    >>> taxed = simulate("one-market", seed=1, each_step=tax)
    >>> bool(taxed.outcomes["mean_F"] < result.outcomes["mean_F"])
    True
    >>> young = simulate("one-market", seed=1, measures={"young": lambda firms: (firms.age < 8).mean()})
    >>> bool(0 < young.outcomes["young"] < 1)
    True
    """
    scenario = as_scenario(scenario)
    panel = check_count(panel, "panel")
    market = Market(
        scenario,
        check_seed(seed),
        firms=firms,
        full=check_level(collect),
        every=check_count(every, "every"),
        steps=scenario.steps,
        threads=None if threads is None else check_count(threads, "threads", 1),
        watched=each_step is not None,
        own=measures,
    )
    result = Result(market, Followed(market, follow) if follow else None, panel, each_step)
    if panel:
        result.add_to_panel()
    stepped = None if each_step is None else _stepped(market, each_step)
    stride = 1 if follow or stepped else panel
    for step in range(stride, scenario.steps + 1, stride) if stride else ():
        if stepped:
            stepped.make_step(progress)
        else:
            market.advance(step, progress)
        if panel and step % panel == 0:
            result.add_to_panel()
        if follow:
            result.follow()
    market.advance(scenario.steps, progress)
    result.scenario = market.scenario  # a function of the user's may have set parameters on the way
    result.wall_seconds = time.time() - result.started
    return result


def _stepped(market: Market, each_step: Any) -> Any:
    """The market as a model that calls a function of the user's before each step."""
    if not callable(each_step):
        raise InputError(f"each_step = {shown(each_step)} is not a function of the model")
    # By name, as the package's own names are loaded: the view of Mesa is a room above, for those who ask for it.
    return import_module("abm.agents.each_step").SteppedModel(market, each_step)
