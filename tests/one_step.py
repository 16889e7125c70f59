"""One step of a few firms from a table, all neutral but what a test changes, so that it can be made by hand."""

import math

import pandas as pd
import pytest

from abm import Scenario, simulate

INF = math.inf

# One firm, above all its baselines. With everything neutral its step is, by hand:
# T' = 1    + 0.5·1.75·(1.75 - 1.25) = 1    + 0.4375  = 1.4375
# C' = 1.25 + 0.25·1.25·(1.25 - 0.75) = 1.25 + 0.15625 = 1.40625
# P' = 0.75 + 0.75·1.5·(1.5 - 1)      = 0.75 + 0.5625  = 1.3125, and R' = P'; Q' = T = 1.5
BASE = {
    "sector": "market", "strategy": "balanced", "T0": 1.0, "C0": 1.25, "R0": 0.75, "k1": 0.5, "k2": 0.25, "k3": 0.75,
    "T": 1.5, "C": 1.75, "P": 1.0, "R": 1.25, "Q": 1.25, "B": 1.0,
}  # fmt: skip
# The same firm below all its baselines: C - C0 = -0.25, R - R0 = -0.25, T - T0 = -0.25.
LOSING = BASE | {"T": 0.75, "C": 1.0, "R": 0.5}
LOSSES = {"T": -0.5 * 1.0 * 0.25, "C": -0.25 * 0.5 * 0.25, "P": -0.75 * 0.75 * 0.25}
# A firm whose targets are its baselines: T' = T0, C' = C0, P' = R0.
STILL = BASE | {"k1": 0.0, "k2": 0.0, "k3": 0.0}


def run(*rows, seed=0, steps=1, **changes):
    """A run of firms from a table, all neutral but the changes."""
    given = [BASE | {"theta": 0.5, "omega": 0.5} | row for row in rows]
    firms = pd.DataFrame([{"R_smoothed": row["R"], "R_reviewed": row["R"]} | row for row in given])
    scenario = Scenario().neutral().replace(**({"capacity": len(rows), "steps": steps} | changes))
    return simulate(scenario, seed, firms=firms)


def after(*rows, seed=0, **changes):
    """The firms after one step, as records."""
    return run(*rows, seed=seed, **changes).firms.to_dict("records")


def near(value):
    return pytest.approx(value, rel=1e-12, abs=0.0)


def within_4_se(estimate, expected, se):
    return abs(estimate - expected) < 4.0 * se
