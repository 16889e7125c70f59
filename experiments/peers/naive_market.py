"""The market in NumPy as one writes it in an afternoon: fewer statistics than ours and no turnover."""

import numpy as np

from experiments.peers.common import (
    BETA,
    CEILING_C,
    CEILING_P,
    CEILING_T,
    CHURN,
    DECAY,
    DRAG,
    FLOOR,
    FLOOR_B,
    FUNDS_CAP,
    NOISE_C,
    NOISE_T,
    OUTSIDE_CAPITAL,
    RUNWAY,
    SPEED_C,
    SPEED_P,
    SPEED_Q,
    SPEED_T,
    SPILLOVER,
    STRESS,
    TECHNOLOGY_COST,
    VARIABLE_COST,
    start,
)  # fmt: skip


def _damped(pull: np.ndarray, ceiling: float) -> np.ndarray:
    return pull / (1.0 + np.abs(pull) / ceiling)


class NaiveMarket:
    """The market in NumPy, an expression a formula, arrays made anew, six statistics of the market.

    A firm that fails stays: there is neither exit nor entry, and no firm reviews its strategy.

    Parameters
    ----------
    firms, sectors, seed : size and seed of the market
    noise : False leaves the shocks out
    """

    def __init__(self, firms: int, sectors: int = 4, seed: int = 0, noise: bool = True) -> None:
        drawn = start(firms, sectors, seed)
        self.rng = np.random.default_rng(seed) if noise else None
        self.sector, self.sectors = drawn["sector"], sectors
        self.gamma, self.tau, self.demand = (drawn[name][drawn["sector"]] for name in ("gamma", "tau", "demand"))
        names = ("T0", "C0", "R0", "k1", "k2", "k3", "theta", "omega", "B")
        self.T0, self.C0, self.R0, self.k1, self.k2, self.k3, self.theta, self.omega, self.B = (
            drawn[name] for name in names
        )
        # No operation writes into an array, so that several names may begin as one.
        self.T, self.C, self.P, self.R, self.Q = self.T0, self.C0, self.R0, self.R0, self.T0
        self.F = np.full(firms, RUNWAY)

    def _summed(self, values: np.ndarray) -> np.ndarray:
        """The sum over each firm's sector."""
        return np.bincount(self.sector, weights=values, minlength=self.sectors)[self.sector]

    def step(self) -> dict[str, float]:
        """One step, and its statistics."""
        T, C, P, R, B = self.T, self.C, self.P, self.R, self.B
        A = C**self.gamma * self.Q**self.tau * B**BETA
        mean_T = self._summed(T) / self._summed(np.ones_like(T))
        self.B = B = np.maximum(B + CHURN * (self.demand * A / self._summed(A) - B), FLOOR_B)
        stress = STRESS * np.clip(1.0 - self.F / RUNWAY, 0.0, 1.0)
        lead = np.maximum(0.0, T / self.T0 - 1.0)
        speed = 1.0 / (1.0 + DRAG * lead)
        pull_T, pull_C = self.k1 * C * (C - self.C0), self.k2 * R * (R - self.R0)
        weight_C = 4.0 * (1.0 - self.theta) * (1.0 - self.omega) * speed
        pull_T = pull_T * np.where(pull_T > 0.0, 2.0 * self.theta * (1.0 - stress), 1.0 + stress)
        pull_C = pull_C * np.where(pull_C > 0.0, weight_C * (1.0 - stress), 1.0 + stress)
        pull_P = self.k3 * T * (T - self.T0)
        self.Q = self.Q + np.minimum(1.0, 2.0 * self.omega * speed * SPEED_Q) * (T - self.Q) - DECAY * self.Q
        self.P = np.maximum(P + SPEED_P * (self.R0 + _damped(pull_P, CEILING_P) - P), 0.0)
        realised = B / (1.0 - VARIABLE_COST + VARIABLE_COST * B)
        self.R = realised / (1.0 + TECHNOLOGY_COST * 2.0 * self.theta * lead) * self.P
        self.T = T + SPEED_T * (self.T0 + _damped(pull_T, CEILING_T) - T) + SPILLOVER * np.maximum(0.0, mean_T - T)
        self.C = C + SPEED_C * (self.C0 + _damped(pull_C, CEILING_C) - C)
        if self.rng is not None:
            self.T = self.T * (1.0 + NOISE_T * self.rng.standard_normal(T.size))
            self.C = self.C * (1.0 + NOISE_C * self.rng.standard_normal(T.size))
        self.T, self.C, self.Q = np.maximum(self.T, FLOOR), np.maximum(self.C, FLOOR), np.maximum(self.Q, FLOOR)
        capital = OUTSIDE_CAPITAL * np.maximum(0.0, self.T / mean_T - 1.0)
        self.F = np.minimum(self.F + self.R - 1.0 + capital, FUNDS_CAP * RUNWAY)
        return self.statistics()

    def statistics(self) -> dict[str, float]:
        """Six statistics of the market."""
        share = self.B / self.B.sum()
        means = {f"mean_{name}": float(getattr(self, name).mean()) for name in "TCR"}
        concentration = {"hhi": 1e4 * float((share**2).sum()), "top_share": float(share.max())}
        return means | concentration | {"entropy": float(-(share * np.log(share)).sum())}

    def run(self, steps: int) -> list[dict[str, float]]:
        """``steps`` steps and their statistics."""
        return [self.step() for _ in range(steps)]
