"""Agent-based market simulation of large-model firms between technology and market.

`Scenario` says what is simulated, `simulate` and `simulate_many` run it, and `MarketModel` is the same simulation as a
Mesa model. The names are loaded when first used, so that a short command does not wait for what it does not need.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
# Of the model, not of the package: raised when a change gives other results for the same scenario and seed.
MODEL_VERSION = "2.1"

if TYPE_CHECKING:
    from abm.comparison import compare
    from abm.engine import simulate
    from abm.errors import InputError
    from abm.many import simulate_many
    from abm.model import MarketModel
    from abm.scenario import Scenario
    from abm.sensitivity import analyse
    from abm.sweeps import load_sweep, sweep

_HOMES = {
    "InputError": "abm.errors",
    "MarketModel": "abm.model",
    "Scenario": "abm.scenario",
    "analyse": "abm.sensitivity",
    "compare": "abm.comparison",
    "load_sweep": "abm.sweeps",
    "simulate": "abm.engine",
    "simulate_many": "abm.many",
    "sweep": "abm.sweeps",
}
__all__ = [
    "MODEL_VERSION",
    "InputError",
    "MarketModel",
    "Scenario",
    "analyse",
    "compare",
    "load_sweep",
    "simulate",
    "simulate_many",
    "sweep",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'abm' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
