"""Which parameters reproduce given figures, with which standard errors, and which the figures do not identify."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abm.calibration.calibration import calibrate
    from abm.calibration.results import Calibration
    from abm.calibration.specification import Specification

_HOMES = {
    "Calibration": "abm.calibration.results",
    "Specification": "abm.calibration.specification",
    "calibrate": "abm.calibration.calibration",
}
__all__ = ["Calibration", "Specification", "calibrate"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'abm.calibration' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
