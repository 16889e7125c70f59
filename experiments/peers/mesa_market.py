"""The market as objects in Mesa."""

from __future__ import annotations

import math

import mesa
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
    LIMIT,
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


class MesaFirm(mesa.Agent):
    """A firm as a Mesa user writes it: attributes, and plain arithmetic in ``step``."""

    def __init__(
        self, model: MesaMarket, sector: int, theta: float, omega: float, B: float, base: list, k: list
    ) -> None:
        super().__init__(model)
        self.sector, self.theta, self.omega, self.B = model.sectors[sector], theta, omega, B
        (self.T0, self.C0, self.R0), (self.k1, self.k2, self.k3) = base, k
        self.T, self.C, self.P, self.R = self.T0, self.C0, self.R0, self.R0
        self.Q, self.F, self.A = self.T0, RUNWAY, 0.0

    def appraise(self) -> None:
        """Phase 1: attractiveness, added to the sector's sums."""
        sector = self.sector
        self.A = self.C ** sector["gamma"] * self.Q ** sector["tau"] * self.B**BETA
        sector["A"] += self.A
        sector["T"] += self.T
        sector["firms"] += 1

    def step(self) -> None:
        """Phase 2: stages 1 to 6; leaves the market when it fails or diverges."""
        sector, T, C, P, R = self.sector, self.T, self.C, self.P, self.R
        mean_T = sector["T"] / sector["firms"]
        self.B = max(self.B + CHURN * (sector["demand"] * self.A / sector["A"] - self.B), FLOOR_B)
        realised = self.B / (1 - VARIABLE_COST + VARIABLE_COST * self.B)
        stress = STRESS * min(max(1 - self.F / RUNWAY, 0.0), 1.0)
        lead = max(0.0, T / self.T0 - 1)
        speed = 1 / (1 + DRAG * lead)
        pull_T, pull_C = self.k1 * C * (C - self.C0), self.k2 * R * (R - self.R0)
        pull_P = self.k3 * T * (T - self.T0)
        weight_C = 4 * (1 - self.theta) * (1 - self.omega) * speed
        pull_T *= 2 * self.theta * (1 - stress) if pull_T > 0 else 1 + stress
        pull_C *= weight_C * (1 - stress) if pull_C > 0 else 1 + stress
        self.T += SPEED_T * (self.T0 + pull_T / (1 + abs(pull_T) / CEILING_T) - T)
        self.T += SPILLOVER * max(0.0, mean_T - T)
        self.C += SPEED_C * (self.C0 + pull_C / (1 + abs(pull_C) / CEILING_C) - C)
        self.P = max(P + SPEED_P * (self.R0 + pull_P / (1 + abs(pull_P) / CEILING_P) - P), 0.0)
        self.R = realised / (1 + TECHNOLOGY_COST * 2 * self.theta * lead) * self.P
        self.Q += min(1.0, 2 * self.omega * speed * SPEED_Q) * (T - self.Q) - DECAY * self.Q
        if self.model.noise:
            self.T *= 1 + NOISE_T * self.random.gauss(0.0, 1.0)
            self.C *= 1 + NOISE_C * self.random.gauss(0.0, 1.0)
        self.T, self.C, self.Q = max(self.T, FLOOR), max(self.C, FLOOR), max(self.Q, FLOOR)
        self.F += self.R - 1 + OUTSIDE_CAPITAL * max(0.0, self.T / mean_T - 1)
        self.F = min(self.F, FUNDS_CAP * RUNWAY)
        if self.F < 0 or max(self.T, self.C, self.P, self.Q) > LIMIT:
            self.remove()


class MesaMarket(mesa.Model):
    """The market in Mesa: two phases over the agents and a DataCollector with ten reporters."""

    def __init__(self, firms: int, sectors: int = 4, seed: int = 0, noise: bool = True) -> None:
        super().__init__(rng=seed)
        t = {name: column.tolist() for name, column in start(firms, sectors, seed).items()}
        self.noise = noise
        self.sectors = [{"gamma": g, "tau": u, "demand": d} for g, u, d in zip(t["gamma"], t["tau"], t["demand"])]
        base, k = zip(t["T0"], t["C0"], t["R0"]), zip(t["k1"], t["k2"], t["k3"])
        MesaFirm.create_agents(self, firms, t["sector"], t["theta"], t["omega"], t["B"], list(base), list(k))
        means = {f"mean_{x}": lambda m, x=x: m.agents.agg(x, np.mean) for x in "TCRQF"}
        reporters = {"firms": lambda m: len(m.agents), "hhi": lambda m: 1e4 * float(np.sum(m.shares() ** 2))}
        reporters |= {"cr4": lambda m: float(np.sort(m.shares())[-4:].sum()), "entropy": MesaMarket.entropy}
        reporters |= {"weighted_R": lambda m: float(m.shares() @ m.agents.get("R"))}
        self.datacollector = mesa.DataCollector(model_reporters=reporters | means)

    def shares(self) -> np.ndarray:
        """Market shares."""
        B = np.array(self.agents.get("B"))
        return B / B.sum()

    def entropy(self) -> float:
        """Shannon entropy of the shares."""
        return -sum(s * math.log(s) for s in self.shares().tolist())

    def step(self) -> None:
        """One step and its statistics."""
        for sector in self.sectors:
            sector |= {"A": 0.0, "T": 0.0, "firms": 0}
        self.agents.do("appraise")
        self.agents.do("step")
        self.datacollector.collect(self)
