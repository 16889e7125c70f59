"""Runs whose outcomes several files look at."""

import math

import pytest

from abm import Scenario, simulate

# Fifty firms, two firms, and one that has nobody to be compared with.
FEW = [{"name": f"of_{count}", "demand_share": count} for count in (50, 2, 1)]
RUNS = [
    ("one-market", {"capacity": 120, "initial_firms": 90, "steps": 61}, 1),
    ("four-sectors", {"capacity": 150, "initial_firms": 150, "steps": 40, "entry_rate": 0.2}, 2),
    ("four-sectors", {"capacity": 400, "initial_firms": 20, "market_size": 300, "steps": 45, "entry_rate": 0.3}, 3),
    ("one-market", {"capacity": 12, "steps": 10}, 4),
    ("one-market", {"capacity": 53, "steps": 34, "entry_rate": 0.0, "runway": math.inf, "sectors": FEW}, 5),
]


@pytest.fixture(scope="module", params=RUNS, ids=lambda run: f"{run[0]}-{run[2]}")
def result(request):
    """A run whose firms are kept at the start and at every step."""
    name, changes, seed = request.param
    return simulate(Scenario.load(name).replace(**changes), seed, panel=1)
