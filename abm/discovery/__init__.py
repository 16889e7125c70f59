"""Where in the space of factors an outcome happens: a box found by PRIM, its stability, a tree and factor scores."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abm.discovery.analysis import Discovery, discover

__all__ = ["Discovery", "discover"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'abm.discovery' has no attribute {name!r}")
    return getattr(import_module("abm.discovery.analysis"), name)
