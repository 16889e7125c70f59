"""What both markets start from: parameters, sectors, strategies and the firms' traits."""

import numpy as np

SECTORS = ((1.0, 1.0, 0.3), (2.0, 0.3, 0.2), (0.8, 1.2, 0.3), (0.3, 2.5, 0.2))  # gamma, tau, demand share
STRATEGIES = ("technology_first", "market_first", "balanced", "adaptive", "imitative")
THETA, OMEGA, HETEROGENEITY, LOOP = (0.8, 0.2, 0.5, 0.5, 0.5), 0.5, 0.2, 0.9
BETA, CHURN, VARIABLE_COST, TECHNOLOGY_COST, DRAG, STRESS, DECAY = 0.5, 0.2, 0.5, 0.1, 0.3, 0.5, 0.03
SPEED_T, SPEED_C, SPEED_P, SPEED_Q, CEILING_T, CEILING_C, CEILING_P = 0.1, 0.3, 0.5, 0.3, 8.0, 1.0, 5.0
SPILLOVER, OUTSIDE_CAPITAL, RUNWAY, FUNDS_CAP, NOISE_T, NOISE_C = 0.01, 0.5, 8.0, 4.0, 0.01, 0.03
LIMIT, FLOOR, FLOOR_B = 1e9, 1e-6, 1e-9


def start(firms: int, sectors: int = 4, seed: int = 0) -> dict[str, np.ndarray]:
    """Draw the firms' traits, sorted by sector; ``bounds`` are the sectors' first slots and the end."""
    rng = np.random.default_rng(seed)
    gamma, tau, share = np.array([SECTORS[m % len(SECTORS)] for m in range(sectors)]).T
    demand = firms * share / share.sum()
    counts = np.diff(np.rint(np.append(0.0, np.cumsum(demand)))).astype(np.int64)
    if counts.min() < 4:
        raise ValueError(f"{firms} firms are too few: each of {sectors} sectors needs four (for cr4)")
    table = dict(zip(("T0", "C0", "R0", "k1", "k2", "k3"), np.exp(HETEROGENEITY * rng.standard_normal((6, firms)))))
    table |= {k: LOOP * table[k] for k in ("k1", "k2", "k3")}
    strategy = np.concatenate([rng.permutation(np.arange(n) % len(THETA)) for n in counts])
    table |= {"strategy": strategy, "theta": np.array(THETA)[strategy], "omega": np.full(firms, OMEGA)}
    table |= {"sector": np.repeat(np.arange(sectors), counts), "bounds": np.append(0, np.cumsum(counts))}
    return table | {"B": np.repeat(demand / counts, counts), "gamma": gamma, "tau": tau, "demand": demand}
