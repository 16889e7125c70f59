"""Parameter sweeps: a design of runs, made by processes here or on a cluster, kept in one folder.

`design` says what is run, `plan` which runs that comes to and how each is known, `work` how a worker makes them,
`drive` how they are handed out, `store`, `parts` and `merge` how they are kept, and `results` reads them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abm.sweeps.design.design import Design
    from abm.sweeps.results import SweepResults, load_sweep
    from abm.sweeps.run import sweep

_HOMES = {
    "Design": "abm.sweeps.design.design",
    "SweepResults": "abm.sweeps.results",
    "load_sweep": "abm.sweeps.results",
    "sweep": "abm.sweeps.run",
}
__all__ = ["Design", "SweepResults", "load_sweep", "sweep"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'abm.sweeps' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
