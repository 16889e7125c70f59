"""Comparisons that have all sections, with stand-ins for what their runs did not keep."""

import dataclasses
import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd

from abm.comparison.analysis import compare

STRATEGIES = ("technology_first", "market_first", "a_strategy_with_a_very_long_name_indeed")


LONG = "a group whose name is much longer than any picture has room for, number {}"


def frame_of(groups, runs: int = 12, factor: str = "scenario") -> pd.DataFrame:
    """Outcomes of runs in which some differ between the groups and some do not."""
    generator = np.random.default_rng(len(groups))
    rows = []
    for index, group in enumerate(groups):
        shared = np.random.default_rng(0).normal(size=runs)
        shares = generator.dirichlet([3, 2, 1 + index], runs)
        columns = {factor: group, "seed": np.arange(runs)}
        columns |= {f"share_{name}": shares[:, number] for number, name in enumerate(STRATEGIES)}
        columns["sector_hhi"] = 900.0 + 400.0 * index + 50.0 * shared + generator.normal(0, 20, runs)
        for number in range(14):
            columns[f"outcome_{number}"] = shared + (index * number / 10) + generator.normal(size=runs)
        columns["winner"] = np.array(STRATEGIES, dtype=object)[shares.argmax(axis=1)]
        columns["structure"] = generator.choice(["moderate", "oligopoly", "monopoly", "collapsed"], runs)
        columns["growth"] = np.where(columns["structure"] == "collapsed", None, "virtuous")
        rows.append(pd.DataFrame(columns))
    return pd.concat(rows, ignore_index=True)


def paths_of(groups) -> pd.DataFrame:
    """A stand-in for what `trajectories` makes."""
    steps = np.arange(1, 41)
    parts = []
    for (index, group), measure in itertools.product(
        enumerate(groups), ["mean_T", "sector_hhi", *(f"share_{s}" for s in STRATEGIES)]
    ):
        middle = np.sqrt(steps) * (1 + index)
        columns = {"group": group, "measure": measure, "step": steps, "median": middle, "low": middle - 0.1}
        parts.append(pd.DataFrame(columns | {"high": middle + 0.1, "q10": middle - 0.5, "q90": middle + 0.5, "n": 12}))
    return pd.concat(parts, ignore_index=True)


def survival_of(groups) -> pd.DataFrame:
    """A stand-in for what `survival` makes."""
    steps = np.arange(41)
    labels = [
        ("all", "all", "all"),
        *((name, "all", "all") for name in STRATEGIES),
        ("all", "x", "all"),
        ("all", "all", "initial"),
    ]
    parts = []
    for (index, group), (strategy, sector, cohort) in itertools.product(enumerate(groups), labels):
        curve = np.exp(-steps * (0.01 + 0.01 * index))
        columns = {"group": group, "strategy": strategy, "step": steps, "at_risk": 100, "survival": curve}
        columns |= {"low": curve * 0.9, "high": curve * 0.9 + 0.1, "sector": sector, "cohort": cohort, "runs": 12}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def whole(groups, **options):
    """A comparison that has all sections, of runs that kept nothing but outcomes."""
    made = compare(frame_of(groups), by="scenario", **options)
    kept = ("frame", "by", "baseline", "groups", "failed", "missing", "paired", "notes", "sources", "changes")
    runs = SimpleNamespace(**{name: getattr(made.runs, name) for name in kept})
    runs.left_out = lambda name: None
    parted = {
        "measure": "sector_hhi",
        "group": groups[0],
        "other": groups[1],
        "step": 7,
        "step_median": 3,
        "higher": groups[1],
    }
    nothing = parted | {"measure": "mean_T", "step": pd.NA, "step_median": pd.NA, "higher": None}
    return dataclasses.replace(made, runs=runs, trajectories=paths_of(groups), survival=survival_of(groups),
                               partings=pd.DataFrame([parted, nothing]))  # fmt: skip
