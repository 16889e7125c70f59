"""Comparison of market outcomes between groups of runs: effects with intervals, regimes, survival, paths, winners."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abm.comparison.analysis import Comparison, compare
    from abm.comparison.runs import Runs, collect_runs

_HOMES = {
    "Comparison": "abm.comparison.analysis",
    "Runs": "abm.comparison.runs",
    "collect_runs": "abm.comparison.runs",
    "compare": "abm.comparison.analysis",
}
__all__ = ["Comparison", "Runs", "collect_runs", "compare"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'abm.comparison' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
