"""The files of the run on screen, and the command that makes it again."""

import shlex
from typing import Any

from abm.agents.model import MarketModel
from abm.dashboard.origins import Origin
from abm.scenario.parameters import MARKET
from abm.scenario.scenario import Scenario


def steps_csv(run: MarketModel) -> str:
    """The measures of each step made, as `steps.parquet` of `abm run` has them; every digit is kept."""
    return run.datacollector.get_model_vars_dataframe().iloc[1:].rename_axis("step").reset_index().to_csv(index=False)


def firms_csv(run: MarketModel) -> str:
    """The firms of this step, as `firms.parquet` of `abm run` has them; it starts another run by `--firms`."""
    return run.firms.to_csv(index=False)


def scenario_toml(run: MarketModel) -> str:
    """The scenario as it is run, with the number of steps made."""
    return run_so_far(run).to_toml()


def run_so_far(run: MarketModel) -> Scenario:
    """The scenario of what is on screen: it ends at this step, or as chosen where none is made yet."""
    return run.scenario.replace(steps=run.steps_done or run.scenario.steps)


def run_line(run: MarketModel, origin: Origin, suffix: str = "") -> str:
    """The `abm run` that gives what is on screen, to the last bit.

    Parameters
    ----------
    run : MarketModel
    origin : Origin
        What its scenario was before it was changed on the page.
    suffix : str
        Of the directory's name.

    Examples
    --------
    >>> from abm.dashboard.origins import find_origin
    >>> origin = find_origin("one-market")
    >>> print(run_line(MarketModel(origin.scenario.replace(churn=0.4), rng=7), origin))
    abm run one-market --set churn=0.4 --steps 400 --seed 7 --out one-market-7
    """
    scenario = run_so_far(run)
    words = ["abm", "run", origin.name]
    for setting in settings(origin.scenario, scenario):
        words += ["--set", setting]
    name = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in scenario.name)
    words += ["--steps", str(scenario.steps), "--seed", str(run.seed), "--out", f"{name}-{run.seed}{suffix}"]
    return shlex.join(words)


def settings(origin: Scenario, scenario: Scenario) -> list[str]:
    """What `--set` needs to make one scenario of another with the same sectors and strategies; `steps` is left out.

    Examples
    --------
    >>> settings(Scenario(), Scenario(runway=float("inf")))
    ['runway=inf']
    """
    before, now = origin.flat(), scenario.flat()
    return [
        f"{name}={_literal(value)}"
        for name, value in now.items()
        if name != "steps" and _is_other(origin, scenario, name, differs=before[name] != value)
    ]


def _is_other(origin: Scenario, scenario: Scenario, name: str, *, differs: bool) -> bool:
    if name in MARKET and MARKET[name].follows:
        # Where it is not set it follows another value in either; where it is set in both it follows none.
        return scenario.is_set(name) and (differs or not origin.is_set(name))
    return differs


def _literal(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
