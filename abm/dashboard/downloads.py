"""What a page gives away: the run on screen as files, and the command that makes it again; so of a second run."""

import shlex
from typing import Any

from abm.dashboard.controls import value_of
from abm.dashboard.watched import WatchedMarket
from abm.model import MarketModel
from abm.parameters import MARKET, SECTOR, STRATEGY
from abm.scenario import Scenario


def steps_csv(market: WatchedMarket, second: bool = False) -> str:
    """The measures of each step made, as `steps.parquet` of `abm run` has them; every digit is kept."""
    with market.lock:
        frame = _run(market, second).datacollector.get_model_vars_dataframe()
    return frame.iloc[1:].reset_index().to_csv(index=False)


def firms_csv(market: WatchedMarket, second: bool = False) -> str:
    """The firms of this step, as `firms.parquet` of `abm run` has them; it starts another run by `--firms`."""
    with market.lock:
        frame = _run(market, second).firms
    return frame.to_csv(index=False)


def scenario_toml(market: WatchedMarket, second: bool = False) -> str:
    """The scenario as it is run, with the number of steps made."""
    return run_so_far(market, second).to_toml()


def run_so_far(market: WatchedMarket, second: bool = False) -> Scenario:
    """The scenario of what is on screen: it ends at this step, or as chosen where none is made yet."""
    return _run(market, second).scenario.replace(steps=market.steps_done or market.scenario.steps)


def _run(market: WatchedMarket, second: bool) -> MarketModel:
    return market.other if second else market


def run_line(market: WatchedMarket, second: bool = False) -> str:
    """The `abm run` that gives what is on screen, to the last bit.

    Examples
    --------
    >>> from abm.dashboard.origins import find_origin
    >>> origin = find_origin("one-market")
    >>> print(run_line(WatchedMarket(origin.scenario.replace(churn=0.4), rng=7, origin=origin)))
    abm run one-market --set churn=0.4 --steps 400 --seed 7 --out one-market-7
    """
    scenario = run_so_far(market, second)
    words = ["abm", "run", market.origin.name]
    for setting in settings(market.origin.scenario, scenario):
        words += ["--set", setting]
    name = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in scenario.name)
    out = f"{name}-{market.seed}-second" if second else f"{name}-{market.seed}"
    words += ["--steps", str(scenario.steps), "--seed", str(market.seed), "--out", out]
    return shlex.join(words)


def settings(origin: Scenario, scenario: Scenario) -> list[str]:
    """What `--set` needs to make one scenario of another with the same sectors and strategies; `steps` is left out.

    Examples
    --------
    >>> settings(Scenario(), Scenario(runway=float("inf")))
    ['runway=inf']
    """
    names = [name for name in MARKET if name != "steps"]
    names += [f"sectors.{sector.name}.{key}" for sector in scenario.sectors for key in SECTOR]
    names += [f"strategies.{strategy.name}.{key}" for strategy in scenario.strategies for key in STRATEGY]
    return [f"{name}={_literal(value_of(scenario, name))}" for name in names if _is_other(origin, scenario, name)]


def _is_other(origin: Scenario, scenario: Scenario, name: str) -> bool:
    differs = value_of(origin, name) != value_of(scenario, name)
    if name in MARKET and MARKET[name].follows:
        # Where it is not set it follows another value in either; where it is set in both it follows none.
        return scenario.is_set(name) and (differs or not origin.is_set(name))
    return differs


def _literal(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
