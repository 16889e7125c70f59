"""The files of the run on screen, and the command that makes it again."""

import os
import shlex
from types import SimpleNamespace

import pandas as pd

from abm.agents.model import MarketModel
from abm.dashboard.watched import MovedMarket, WatchedMarket
from abm.output.overview import overview
from abm.output.picture_files import picture_bytes
from abm.scenario.rules import UserFunction, rules_of
from abm.scenario.scenario import Scenario
from abm.scenario.settings import settings_between


def steps_made(run: MarketModel) -> pd.DataFrame:
    """The measures of each step made, by step."""
    return run.datacollector.get_model_vars_dataframe().iloc[1:].rename_axis("step")


def steps_csv(run: MarketModel) -> str:
    """The measures of each step made, as `steps.parquet` of `abm run` has them; every digit is kept."""
    return steps_made(run).reset_index().to_csv(index=False)


def firms_csv(run: MarketModel) -> str:
    """The firms of this step, as `firms.parquet` of `abm run` has them; it starts another run by `--firms`."""
    return run.firms.to_csv(index=False)


def scenario_toml(run: MarketModel) -> str:
    """The scenario as it is run, with every move, up to its own last step."""
    return with_rules_beside(run.scenario)[0].to_toml()


def with_rules_beside(scenario: Scenario) -> tuple[Scenario, dict[str, str]]:
    """A scenario that names its rules in files beside it, and these files: name to text.

    Examples
    --------
    >>> with_rules_beside(Scenario())[1], [*with_rules_beside(Scenario.load("own-rule"))[1]]
    ({}, ['rules.py'])
    """
    files: dict[str, str] = {}
    places: dict[UserFunction, UserFunction] = {}
    for rule in rules_of(scenario):
        stem, number = os.path.basename(rule.file).removesuffix(".py"), 1
        file = f"{stem}.py"
        while files.get(file, rule.source) != rule.source:  # of the same name in another folder
            number += 1
            file = f"{stem}-{number}.py"
        files[file] = rule.source
        places[rule] = UserFunction(f"{file}:{rule.name}", rule.source)
    own = {f"strategies.{each.name}.policy": places.get(each.policy, each.policy) for each in scenario.strategies}
    return scenario.replace(**own) if places else scenario, files


def run_so_far(run: MarketModel) -> Scenario:
    """The scenario of what is on screen: it ends at this step, or as chosen where none is made yet."""
    return run.scenario.replace(steps=run.steps_done or run.scenario.steps)


def so_far(run: WatchedMarket) -> SimpleNamespace:
    """The run on screen as `overview` takes the result of a finished one; at least one step is made."""
    shares = [f"share_{name}" for name in run.market.strategy_names]
    steps = pd.RangeIndex(1, run.steps_done + 1)
    sectors = [
        pd.DataFrame({"step": steps, "sector": sector}).assign(
            **{name: run.sector_rows(sector, name, 1) for name in ("firms", *shares)}
        )
        for sector in run.market.sector_names
    ]
    return SimpleNamespace(
        scenario=run_so_far(run),
        seed=run.seed,
        steps=steps_made(run),
        sectors=pd.concat(sectors),
        firms=run.firms,
        lives=run.lives,
        outcomes=run.outcomes(),
    )


def picture(result: SimpleNamespace, kind: str) -> bytes:
    """What `so_far` gives as the picture that `abm run` draws; `kind` is png, svg or pdf."""
    return picture_bytes(overview(result), kind)


def run_line(run: MovedMarket, suffix: str = "") -> str:
    """The `abm run` that gives what is on screen, to the last bit; one with moves is run from its `scenario_toml`.

    Parameters
    ----------
    run : MovedMarket
    suffix : str
        Of the names of its files.

    Examples
    --------
    >>> from abm.dashboard.origins import find_origin
    >>> origin = find_origin("one-market")
    >>> print(run_line(MovedMarket(origin.scenario.replace(churn=0.4), rng=7, origin=origin)))
    abm run one-market --set churn=0.4 --steps 400 --seed 7 --out one-market-7
    """
    scenario, origin = run_so_far(run), run.origin
    if run.moves:
        words = ["abm", "run", f"scenario{suffix}.toml"]
    else:
        words = ["abm", "run", origin.name]
        for setting in settings_between(origin.scenario, run.given):
            words += [] if setting.startswith("steps=") else ["--set", setting]
    words += ["--steps", str(scenario.steps)]
    if origin.firms:
        words += ["--firms", os.path.abspath(origin.firms) if run.moves else origin.firms]
    name = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in scenario.name)
    words += ["--seed", str(run.seed), "--out", f"{name}-{run.seed}{suffix}"]
    return shlex.join(words)
