"""What a firm-step costs against the size of the market, and a run against its length."""

import numpy as np
import pandas as pd

from experiments.speed.subjects import engine
from experiments.speed.turns import Candidate, take_turns

SIZES = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
LENGTHS = (10, 30, 100, 300, 1_000, 3_000, 10_000)
FIRMS = 1_000  # of the market whose run is made longer
FIRM_STEPS = 2_000_000  # that are timed at once, or two steps


def _table(column: str, keys: list, candidates: list[Candidate]) -> pd.DataFrame:
    rows = []
    for key, candidate in zip(keys, candidates, strict=True):
        costs = candidate.costs
        row = {column: key, "threads": candidate.name.split()[1], "nanoseconds_a_firm_step": np.median(costs)}
        rows.append(row | {"least": costs.min(), "most": costs.max()})
    return pd.DataFrame(rows)


def size_costs(rounds: int, largest: int) -> pd.DataFrame:
    """Nanoseconds a firm-step of markets of all sizes, light statistics, on one thread and from 10,000 firms on two."""
    pairs = [(size, threads) for size in SIZES if size <= largest for threads in (1, 2) if threads == 1 or size > 1_000]
    candidates = [engine(size, threads, max(2, FIRM_STEPS // size)) for size, threads in pairs]
    take_turns(candidates, rounds)
    return _table("firms", [size for size, _ in pairs], candidates)


def step_costs(rounds: int, longest: int) -> pd.DataFrame:
    """Nanoseconds a firm-step of runs of all lengths, that of the first steps included."""
    keys = [steps for steps in LENGTHS if steps <= longest]
    candidates = [engine(FIRMS, 1, steps) for steps in keys]
    take_turns(candidates, rounds)
    return _table("steps", keys, candidates)
