"""Runs of every kind, to be drawn."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from abm.scenario.scenario import Scenario
from abm.simulation.simulate import simulate

INF = float("inf")
BASE = Scenario.load("four-sectors").replace(capacity=80, steps=40)
NO_CEILING = {"technology_ceiling": INF, "competitiveness_ceiling": INF, "return_ceiling": INF}
DYING = {"R0": 1e-3, "k3": 0.0, "runway": 0.5, "entry_rate": 0.0}
TWENTY = [
    {"name": f"strategy_with_a_long_name_{place:02d}", "technology_weight": 0.5, "weight": 1 + place % 3}
    for place in range(20)
]
NEAR = [
    {"name": "portability_at_12", "step": 12, "churn": 0.4},
    {"name": "demand_shock_at_12", "step": 12, "demand_factor": 0.7},
    *({"name": f"churn_at_{step}", "step": step, "churn": step / 100} for step in (*range(21, 26), 40)),
    {"name": "a name that is far longer than any panel of the picture is high", "step": 30, "until": 35, "k1": 0.5},
]


def changed(result, **changes):
    """A run with some of its tables replaced."""
    kept = {
        name: getattr(result, name) for name in ("scenario", "seed", "steps", "sectors", "firms", "lives", "outcomes")
    }
    return SimpleNamespace(**(kept | changes))


def a_million_firms():
    result = simulate(BASE, seed=1)
    many = 1_000_000 // len(result.firms) + 1
    firms = result.firms.iloc[np.tile(np.arange(len(result.firms)), many)[:1_000_000]]
    firms = firms.assign(id=np.arange(1_000_000), share=firms["share"] / many)
    steps = result.steps.assign(firms=1_000_000, hhi=0.01, sector_hhi=0.04)
    outcomes = pd.concat([result.outcomes.drop("peak_firms"), pd.Series({"peak_firms": 1_000_000})])
    return changed(result, firms=firms, steps=steps, outcomes=outcomes)


def returns_up_to_a_million():
    result = simulate(BASE, seed=1)
    R = 10.0 ** np.linspace(-3, 6, len(result.firms))
    columns = [f"{q}_R" for q in ("mean", "sd", "q10", "q50", "q90")]
    growing = result.steps[columns].mul(10.0 ** np.linspace(0, 6, len(result.steps)), axis=0)
    return changed(result, firms=result.firms.assign(R=R), steps=result.steps.assign(**growing))


def no_return_at_all():
    result = simulate(BASE.replace(steps=5), seed=1)
    return changed(result, firms=result.firms.assign(R=0.0), steps=result.steps.assign(q10_R=0.0, q50_R=0.0))


def a_monopoly():
    return simulate(Scenario.load("one-market").replace(network_effect=1.6, entry_rate=0.0, capacity=80, steps=200))


RUNS = {
    "four sectors": lambda: simulate(BASE, seed=1),
    "level light": lambda: simulate(BASE, seed=1, collect="light"),
    "level light with a wide spread": lambda: simulate(
        BASE.replace(reading="increment", **NO_CEILING), seed=1, collect="light"
    ),
    "one strategy and one sector": lambda: simulate(Scenario(capacity=50, steps=30)),
    "twenty strategies": lambda: simulate(Scenario(strategies=TWENTY, capacity=200, steps=30)),
    "changes that are near": lambda: simulate(BASE.replace(changes=NEAR), seed=1),
    "changes at all steps": lambda: simulate(
        BASE.replace(changes=[{"name": f"shock_{step}", "step": step, "seed": step} for step in range(1, 41)])
    ),
    "one step": lambda: simulate(BASE.replace(steps=1)),
    "two steps": lambda: simulate(BASE.replace(steps=2)),
    "one firm": lambda: simulate(Scenario(capacity=1, steps=20)),
    "monopoly": a_monopoly,
    "empty at the end": lambda: simulate(BASE.replace(**DYING)),
    "empty later": lambda: simulate(BASE.replace(**(DYING | {"runway": 20.0}))),
    "infinite runway": lambda: simulate(BASE.replace(runway=INF)),
    "divergence": lambda: simulate(BASE.replace(reading="rate", **NO_CEILING, k1=5, k2=5, k3=5, initial_momentum=1)),
    "no step kept": lambda: simulate(BASE, every=0),
    "each tenth step kept": lambda: simulate(BASE, every=10),
    "long": lambda: simulate(BASE.replace(capacity=20, steps=5_000)),
    "large baselines": lambda: simulate(BASE.replace(T0=1234.5, C0=0.001, k1=1e-3)),
    "a name in Chinese with signs": lambda: simulate(BASE.replace(name="大模型 $x_1$ {市场} " * 9), seed=2**63 - 1),
    "names in Chinese": lambda: simulate(BASE.replace(name="大模型企业：技术与市场")),
    "a hundred thousand firms": lambda: simulate(Scenario(capacity=100_000, steps=10)),
    "a million firms": a_million_firms,
    "returns up to a million": returns_up_to_a_million,
    "no return at all": no_return_at_all,
}


def panels_of(figure: Figure) -> list:
    return figure.axes[:8]
