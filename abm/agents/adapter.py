"""What the package imports from Mesa, and how it handles the differences between versions of Mesa.

- 3.3, the newest for Python 3.11: `batch_run` finds a step by its place in `model_vars`.
- 3.4.0: `batch_run` takes `rng=` and overwrites a parameter `rng` with it, unless the model has a parameter `seed`;
  `MarketModel` has one.
- 3.4.1: `batch_run` finds a step by the collector's `_collection_steps`; `MarketCollector` has them.
- 3.5.0: `Model` sets a `scenario` of Mesa's own kind, which `MarketModel` replaces by its own. SolaraViz
  assumes that every scenario is of Mesa's kind, see `keep_scenarios_apart`. `max_steps=N` of `batch_run` makes N steps,
  not N + 1, and rows are each Nth step without the last.
- 3.5.1: `GroupBy` has moved to `mesa.agentset`.
"""

import re
import sys
import warnings
from importlib.metadata import version
from typing import Any

from abm.errors import Stopped

OLDEST, NEWEST = (3, 3), (3, 5)  # the first and the last minor version that the tests run with


def check_version(found: str) -> None:
    """Refuse a Mesa that this package cannot work with, and warn of one that it was not tested with.

    Examples
    --------
    >>> check_version("3.5.1")
    >>> check_version("4.0.0")
    Traceback (most recent call last):
    abm.agents.adapter.UnknownMesa: Mesa 4.0.0 is installed; abm works with Mesa 3.3 to 3.5 (pip install 'mesa>=3.3,<4')
    """
    numbers = tuple(int(number) for number in re.findall(r"\d+", found)[:2])
    if not OLDEST <= numbers < (OLDEST[0] + 1,):
        raise UnknownMesa(f"Mesa {found} is installed; {_KNOWN} (pip install 'mesa>=3.3,<4')")
    if numbers > NEWEST:
        warnings.warn(f"Mesa {found} is newer than those that abm was tested with; {_KNOWN}", stacklevel=2)


_KNOWN = f"abm works with Mesa {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"


class UnknownMesa(Stopped, ImportError):
    """The installed Mesa is not one that this package works with; the message is one line for the user."""


check_version(version("mesa"))
try:
    from mesa import DataCollector, Model
    from mesa.agent import Agent
    from mesa.discrete_space.cell_agent import BasicMovement, HasCell

    try:
        from mesa.agentset import AgentSet, GroupBy
    except ModuleNotFoundError:  # before 3.5.1
        from mesa.agent import AgentSet, GroupBy
except ImportError as error:
    raise UnknownMesa(f"Mesa {version('mesa')} is installed and lacks what abm needs ({error}); {_KNOWN}") from None

__all__ = ["Agent", "AgentSet", "BasicMovement", "DataCollector", "GroupBy", "HasCell", "Model"]

_PAGE = "mesa.visualization.solara_viz"


def keep_scenarios_apart(model_class: type[Model]) -> None:
    """Let SolaraViz make our models anew from `model_params` alone, as it does before Mesa 3.5.

    From 3.5 on it reads a model's scenario and assumes that it is of Mesa's own kind, which holds parameters for the
    next model. Applied once Mesa's page is loaded, which may be after the first model is made.
    """
    page = sys.modules.get(_PAGE)
    if page is None or not hasattr(page, "_build_model_init_kwargs") or hasattr(page, "_keeps_scenarios_apart"):
        return
    build, defaults = page._build_model_init_kwargs, page._get_scenario_defaults

    def build_kwargs(model: Any, parameters: dict[str, Any], **options: Any) -> dict[str, Any]:
        return dict(parameters) if isinstance(model, model_class) else build(model, parameters, **options)

    def scenario_defaults(scenario: Any) -> dict[str, Any]:
        from abm.scenario.scenario import Scenario

        return {} if isinstance(scenario, Scenario) else defaults(scenario)

    page._build_model_init_kwargs, page._get_scenario_defaults = build_kwargs, scenario_defaults
    page._keeps_scenarios_apart = True
