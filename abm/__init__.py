"""Agent-based market simulation of large-model firms between technology and market.

`Scenario` says what is simulated, `simulate` and `simulate_many` run it, and `MarketModel` is the same simulation as a
Mesa model. The names are loaded when first used, so that a short command does not wait for what it does not need.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from abm.version import MODEL_VERSION
from abm.version import __version__ as __version__

if TYPE_CHECKING:
    from abm.agents.model import MarketModel
    from abm.calibration import calibrate
    from abm.comparison import compare
    from abm.discovery import discover
    from abm.errors import InputError
    from abm.scenario.scenario import Scenario
    from abm.sensitivity import analyse
    from abm.simulation.simulate import simulate
    from abm.simulation.simulate_many import simulate_many
    from abm.sweeps import load_sweep, sweep

_HOMES = {
    "InputError": "abm.errors",
    "MarketModel": "abm.agents.model",
    "Scenario": "abm.scenario.scenario",
    "analyse": "abm.sensitivity",
    "calibrate": "abm.calibration",
    "compare": "abm.comparison",
    "discover": "abm.discovery",
    "load_sweep": "abm.sweeps",
    "simulate": "abm.simulation.simulate",
    "simulate_many": "abm.simulation.simulate_many",
    "sweep": "abm.sweeps",
}
__all__ = [
    "MODEL_VERSION",
    "InputError",
    "MarketModel",
    "Scenario",
    "analyse",
    "calibrate",
    "compare",
    "discover",
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
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
