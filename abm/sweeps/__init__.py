"""Parameter sweeps: the runs of a design, made by processes on this machine or a cluster and kept in one folder.

`design` is what is run, `work` how workers make the runs, `store` how a folder keeps them; `run` brings the three
together and `results` reads the tables.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abm.sweeps.design.design import Design
    from abm.sweeps.results import load_sweep
    from abm.sweeps.run import sweep
    from abm.sweeps.sweep_results import SweepResults

_HOMES = {
    "Design": "abm.sweeps.design.design",
    "SweepResults": "abm.sweeps.sweep_results",
    "load_sweep": "abm.sweeps.results",
    "sweep": "abm.sweeps.run",
}
__all__ = ["Design", "SweepResults", "load_sweep", "sweep"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'abm.sweeps' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
