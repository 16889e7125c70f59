"""Which factors of a sampled sweep move its outcomes: sensitivity indices with intervals, a table and a picture."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abm.sensitivity.analysis import Analysis, analyse

__all__ = ["Analysis", "analyse"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'abm.sensitivity' has no attribute {name!r}")
    return getattr(import_module("abm.sensitivity.analysis"), name)
