"""Frames of runs to compare, and comparisons of them with all their sections."""

import itertools

import numpy as np
import pandas as pd

FACTORS = {"network_effect": [0.0, 0.5, 0.9], "churn": [0.1, 0.4]}


def frame_of(count=12, seed=0, common=True) -> pd.DataFrame:
    """Runs of a grid of two factors, with seeds in common, missing values and all kinds of outcomes."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=count)
    rows = []
    for point, (effect, churn) in enumerate(itertools.product(*FACTORS.values())):
        for index in range(count):
            share = rng.dirichlet([3.0, 2.0, 1.0])
            rows.append(
                {
                    "network_effect": effect,
                    "churn": churn,
                    "seed": index if common else 1000 * point + index,
                    "hhi": 900.0 + 500.0 * effect + 50.0 * shared[index] + rng.normal(0.0, 20.0),
                    "mean_T": np.exp(rng.normal(0.1 * point, 1.0)),
                    "hill": np.nan if rng.random() < 0.3 else rng.normal(4.0, 1.0),
                    "nothing": np.nan,
                    "runaway": np.inf if index == 0 else rng.normal(),
                    "firms": int(rng.integers(10, 20)),
                    "took_off": bool(rng.random() < 0.2 + 0.5 * effect),
                    "share_a": share[0],
                    "share_b": share[1],
                    "share_c": share[2],
                    "winner": None if index == 1 else "abc"[int(share.argmax())],
                    "structure": "collapsed" if index == 1 else rng.choice(["moderate", "oligopoly"]),
                    "growth": None if index == 1 else rng.choice(["vicious", "virtuous"]),
                }
            )
    return pd.DataFrame(rows)


def group_of(frame, label):
    return frame[frame["network_effect"] == float(label)]


def numeric(frame, outcome):
    """An outcome as numbers, with what is not finite left in as NaN."""
    if "=" in outcome:
        name, word = outcome.split("=")
        return frame[name].fillna("none").eq(word).astype(float)
    return frame[outcome].astype(float).replace([np.inf, -np.inf], np.nan)
