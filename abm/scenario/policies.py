"""Policies that a market can be questioned with, as changes on the way without their step."""

from typing import Any

_OPEN = {"ramp": 8, "spillover": 0.1}
_PORTABLE = {"network_effect": 0.2, "churn": 0.4}
POLICIES: dict[str, dict[str, Any]] = {
    "open weights": _OPEN,
    "portability": _PORTABLE,
    "subsidy": {"technology_cost": 0.05},
    "open and portable": _OPEN | _PORTABLE,
    "demand shock": {"demand_factor": 0.7},
}
