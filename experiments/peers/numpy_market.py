"""The market in vectorised NumPy."""

from __future__ import annotations

from itertools import pairwise

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
    STRATEGIES,
    STRESS,
    TECHNOLOGY_COST,
    VARIABLE_COST,
    start,
)  # fmt: skip

# Columns of a market, one a row, and what a step leaves for the statistics, by sector.
COLUMNS = ("P", *"TCRQFBVH", "theta", "omega", "gain", "A", "live", "cost", "share")
SUMS = (*COLUMNS[1:14], "TT", "CC", "RR", "QQ", "FF", "BB", "BT", "BC", "BR", "BlnB", "virtuous", "Bvirtuous")
SUMS += (*(f"B_{x}" for x in STRATEGIES), *(f"n_{x}" for x in STRATEGIES))
SUMS += ("diverged", "moved", "moved_market", "demand", "top1", "top2", "top3", "top4", "leader")
ROW = {name: i for i, name in enumerate(SUMS)}
TOP = slice(ROW["top1"], ROW["leader"])


def light_statistics(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Make the columns of all steps at once from what the steps left.

    Parameters
    ----------
    sums : (steps + 1, len(SUMS), sectors), the start first. Standard deviations are from raw moments.

    Returns
    -------
    dict of (steps, 1 + sectors), the market first
    """
    market = sums.sum(axis=2, keepdims=True)
    market[:, TOP, 0] = np.sort(sums[:, TOP].reshape(len(sums), -1), axis=1)[:, :-5:-1]
    market[:, ROW["leader"], 0] = sums[np.arange(len(sums)), ROW["leader"], sums[:, ROW["top1"]].argmax(axis=1)]
    market[:, ROW["moved"]] = market[:, ROW["moved_market"]]
    whole = np.concatenate([market, sums], axis=2)
    x = {name: whole[1:, i] for name, i in ROW.items()}
    before, n, size, demand = whole[:-1], x["live"], x["B"], x["demand"]
    with np.errstate(divide="ignore", invalid="ignore"):
        out = {"firms": n, "entries": 0 * n, "exits": before[:, ROW["live"]] - n, "diverged": x["diverged"]}
        out |= {"hhi": 1e4 * x["BB"] / size**2, "top_share": x["top1"] / size}
        out |= {"cr4": whole[1:, TOP].sum(axis=1) / size, "entropy": np.log(size) - x["BlnB"] / size}
        served = np.where(n > 0, demand, 0.0)[:, 1:]
        out["sector_hhi"] = np.nansum(served * out["hhi"][:, 1:], axis=1) / served.sum(axis=1)
        out |= {f"mean_{v}": x[v] / n for v in (*"TCRQF", "theta", "omega")}
        out |= {f"sd_{v}": np.sqrt(np.maximum(x[v + v] / n - (x[v] / n) ** 2, 0.0)) for v in "TCRQF"}
        out |= {f"weighted_{v}": x["B" + v] / size for v in "TCR"}
        out |= {
            "mean_stress": x["H"] / n,
            "mean_innovation_speed": x["V"] / n,
            "mean_loop_gain": x["gain"] / n,
        }
        out |= {f"share_{v}": x["B_" + v] / size for v in STRATEGIES} | {f"firms_{v}": x["n_" + v] for v in STRATEGIES}
        out |= {"virtuous": x["virtuous"] / n, "virtuous_share": x["Bvirtuous"] / size}
    changed = (x["leader"] != before[:, ROW["leader"]]) & (n > 0)
    changed[0] = False  # by definition at step 1
    return out | {"instability": 0.5 * x["moved"], "leader_changed": changed * 1.0, "demand": demand}


class _Block:
    """A run of slots that fits the cache, with the views it works on.

    Columns are rows of one array so that one call serves several: rows 0:3 are P, T, C (what moves), rows 1:4
    are T, C, R (what pulls them). An empty slot holds 0 in all that is summed, so that no sum needs a mask.
    """

    def __init__(self, market: NumpyMarket, low: int, high: int) -> None:
        first, last = np.searchsorted(market.bounds, (low, high - 1), "right") - (1, 0)
        self.market, self.sectors = market, slice(first, last)
        self.starts = np.maximum(market.bounds[first:last] - low, 0)
        self.counts = np.diff([*self.starts, high - low])
        self.all = market.columns[:, low:high]
        for name, row in zip(COLUMNS, self.all, strict=True):
            setattr(self, name, row)
        self.x, self.y = self.all[0:3], self.all[1:4]
        self.base, self.k, self.code = market.base[:, low:high], market.k[:, low:high], market.code[low:high]
        self.weights, self.shipping, self.inverse_T0 = np.split(market.traits[:, low:high], (2, 3))
        self.elasticities = self.spread(market.elasticities)
        scratch = market.scratch[:, : high - low]
        self.pull, self.damp, self.gains, self.logs, self.products, last = np.split(scratch, (3, 6, 8, 11, 23))
        self.u, self.v, self.d = last
        self.above = market.above[:, : high - low]
        self.normals = market.normals[: 2 * (high - low)].reshape(2, -1)

    def spread(self, by_sector: np.ndarray) -> np.ndarray:
        """Values by sector (last axis) for the block's slots; those of one sector broadcast as they are."""
        part = by_sector[..., self.sectors]
        return part if len(self.counts) == 1 else np.repeat(part, self.counts, axis=-1)

    def advance(self, rates: np.ndarray) -> None:
        """Stages 1 to 6 in place, from the sectors' D/ΣA and mean T at the step's start."""
        u, v, d, pull, damp, gains = self.u, self.v, self.d, self.pull, self.damp, self.gains
        per_appeal, mean_T = self.spread(rates)
        np.multiply(self.A, per_appeal, out=u)
        u -= self.B
        u *= CHURN
        self.B += u
        np.maximum(self.B, FLOOR_B, out=self.B)
        np.multiply(self.B, VARIABLE_COST, out=d)
        d += 1 - VARIABLE_COST
        d *= self.cost
        np.divide(self.B, d, out=d)  # realised demand over cost
        np.subtract(self.y, self.base[1:], out=pull)  # pulls on P, T, C
        pull *= self.y
        pull *= self.k
        np.multiply(self.H, STRESS, out=v)
        np.subtract(1.0, v, out=u)
        v += 1.0
        np.multiply(self.weights, u, out=gains)
        gains[1] *= self.V
        np.minimum(pull[1:], 0.0, out=damp[1:])
        np.maximum(pull[1:], 0.0, out=pull[1:])
        damp[1:] *= v
        pull[1:] *= gains
        pull[1:] += damp[1:]
        np.abs(pull, out=damp)
        damp *= self.market.per_ceiling
        damp += 1.0
        pull /= damp
        pull += self.base[:3]
        pull -= self.x
        pull *= self.market.speeds
        np.subtract(mean_T, self.T, out=u)
        np.maximum(u, 0.0, out=u)
        u *= SPILLOVER
        pull[1] += u
        np.multiply(self.shipping[0], self.V, out=u)
        np.minimum(u, 1.0, out=u)
        np.subtract(self.T, self.Q, out=v)
        u *= v
        self.Q *= 1 - DECAY
        self.Q += u
        self.x += pull
        np.maximum(self.P, 0.0, out=self.P)
        np.multiply(d, self.P, out=self.R)
        if self.market.rng is not None:
            self.market.rng.standard_normal(out=self.normals)
            self.normals *= self.market.noise
            self.normals += 1.0
            self.x[1:] *= self.normals
        np.maximum(self.x[1:], FLOOR, out=self.x[1:])
        np.maximum(self.Q, FLOOR, out=self.Q)
        np.divide(self.T, mean_T, out=u)
        u -= 1.0
        np.maximum(u, 0.0, out=u)
        u *= OUTSIDE_CAPITAL
        u += self.R
        u -= 1.0
        self.F += u
        np.minimum(self.F, FUNDS_CAP * RUNWAY, out=self.F)
        self.all[:7] *= self.live
        if self.F.min() < 0 or self.all[:5].max() > LIMIT:
            self.vacate()

    def vacate(self) -> None:
        """Empty the slots of the firms that failed or diverged."""
        market, diverged = self.market, (self.x > LIMIT).any(axis=0) | (self.Q > LIMIT)
        gone = diverged | (self.F < 0)
        market.counts -= np.bincount(self.code[gone], minlength=len(market.counts))
        market.sums[ROW["diverged"], self.sectors] += np.add.reduceat(diverged, self.starts, dtype=float)
        self.all[:14, gone] = 0.0

    def look(self) -> None:
        """What the next step reads (V, H, cost, appeal A), and the sums."""
        u, products, sums = self.u, self.products, self.market.sums
        np.multiply(self.T, self.inverse_T0[0], out=u)
        u -= 1.0
        np.maximum(u, 0.0, out=u)  # lead
        np.multiply(u, self.weights[0], out=self.cost)
        self.cost *= TECHNOLOGY_COST
        self.cost += 1.0
        u *= DRAG
        u += 1.0
        np.divide(self.live, u, out=self.V)
        np.multiply(self.F, -1 / RUNWAY, out=self.H)
        self.H += 1.0
        np.maximum(self.H, 0.0, out=self.H)
        self.H *= self.live
        np.maximum(self.all[2:7:2], FLOOR_B, out=self.logs)  # C, Q, B
        np.log(self.logs, out=self.logs)
        np.multiply(self.logs, self.elasticities, out=self.pull)
        np.add.reduce(self.pull, axis=0, out=self.A)
        np.exp(self.A, out=self.A)
        self.A *= self.live
        np.square(self.all[1:7], out=products[:6])
        np.multiply(self.y, self.B, out=products[6:9])
        np.multiply(self.logs[2], self.B, out=products[9])
        np.greater(self.y, self.base[1:], out=self.above)
        np.logical_and.reduce(self.above, axis=0, out=self.above[0])
        products[10] = self.above[0]
        np.multiply(products[10], self.B, out=products[11])
        sums[:13, self.sectors] += np.add.reduceat(self.all[1:14], self.starts, axis=1)
        sums[13:25, self.sectors] += np.add.reduceat(products, self.starts, axis=1)
        by_code = np.bincount(self.code, weights=self.B, minlength=len(self.market.counts))
        sums[25:30] += by_code.reshape(len(STRATEGIES), -1)

    def compare(self, inverse: np.ndarray, part: np.ndarray, part_before: np.ndarray) -> None:
        """Shares within the sectors, by their new 1/ΣB, and how far they and those in the market moved."""
        u, v, d, moved = self.u, self.v, self.d, self.products[:2]
        np.multiply(self.B, self.spread(inverse), out=u)
        np.subtract(u, self.share, out=moved[0])
        np.multiply(u, self.spread(part), out=v)
        np.multiply(self.share, self.spread(part_before), out=d)
        np.subtract(v, d, out=moved[1])
        np.abs(moved, out=moved)
        rows = slice(ROW["moved"], ROW["moved_market"] + 1)
        self.market.sums[rows, self.sectors] += np.add.reduceat(moved, self.starts, axis=1)
        self.share[:] = u


class NumpyMarket:
    """The market in vectorised NumPy, on one thread, worked through in blocks that stay in cache.

    Every intermediate goes to a preallocated buffer, and one call serves several columns: plain expressions
    on the same blocks were measured a quarter slower, one block for a whole million of firms two fifths
    slower. A step costs the same however many slots are empty, so its speed counts slots; Mesa's counts
    living firms.

    Parameters
    ----------
    firms, sectors, seed : size and seed of the market
    noise : False leaves the shocks out
    block : slots worked on at once
    """

    def __init__(self, firms: int, sectors: int = 4, seed: int = 0, noise: bool = True, block: int = 16384) -> None:
        t = start(firms, sectors, seed)
        self.bounds, self.demand, self.rng = t["bounds"], t["demand"], None
        if noise:
            self.rng = np.random.Generator(np.random.SFC64(seed))
        self.per_ceiling = 1 / np.array([[CEILING_P], [CEILING_T], [CEILING_C]])
        self.speeds, self.noise = (
            np.array([[SPEED_P], [SPEED_T], [SPEED_C]]),
            np.array([[NOISE_T], [NOISE_C]]),
        )
        self.elasticities = np.stack([t["gamma"], t["tau"], np.full(sectors, BETA)])
        self.base, self.k = (
            np.stack([t[x] for x in ("R0", "T0", "C0", "R0")]),
            np.stack([t["k3"], t["k1"], t["k2"]]),
        )
        theta, omega = t["theta"], t["omega"]
        weights = (2 * theta, 4 * (1 - theta) * (1 - omega), 2 * SPEED_Q * omega)
        self.traits = np.stack([*weights, 1 / t["T0"]])
        self.code = t["strategy"] * sectors + t["sector"]
        self.counts = np.bincount(self.code, minlength=len(STRATEGIES) * sectors)
        self.columns = np.zeros((len(COLUMNS), firms))
        self.columns[[0, 1, 2, 3, 4]] = self.base[[0, 1, 2, 3, 1]]
        self.columns[5], self.columns[6], self.columns[13] = RUNWAY, t["B"], 1.0
        self.columns[9:12] = theta, omega, np.prod(self.base[:3] * self.k, axis=0)
        size = min(firms, block)
        self.scratch, self.normals, self.above = (
            np.empty((26, size)),
            np.empty(2 * size),
            np.empty((3, size), bool),
        )
        self.blocks = [_Block(self, low, min(low + block, firms)) for low in range(0, firms, block)]
        self.part, self.history, self.sums = np.zeros(sectors), [], np.zeros((len(SUMS), sectors))
        for b in self.blocks:
            b.look()
        self._conclude()

    def step(self) -> None:
        """One step; what it leaves for the statistics is kept."""
        live, T, A = (self.sums[ROW[x]] for x in ("live", "T", "A"))
        rates = np.ones((2, len(live)))
        np.divide((self.demand, T), (A, live), out=rates, where=live > 0)
        self.sums = np.zeros_like(self.sums)
        for b in self.blocks:
            b.advance(rates)
            b.look()
        self._conclude()

    def _conclude(self) -> None:
        sums, size = self.sums, self.sums[ROW["B"]]
        inverse = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
        part = size / max(size.sum(), FLOOR_B)
        for b in self.blocks:
            b.compare(inverse, part, self.part)
        self.part, sums[ROW["demand"]] = part, self.demand
        sums[30:35] = self.counts.reshape(len(STRATEGIES), -1)
        for m, (low, high) in enumerate(pairwise(self.bounds)):
            B = self.columns[6, low:high]
            sums[TOP, m], sums[ROW["leader"], m] = np.sort(np.partition(B, -4)[-4:])[::-1], low + B.argmax()
        self.history.append(sums)

    def run(self, steps: int) -> dict[str, np.ndarray]:
        """``steps`` steps and their light statistics."""
        for _ in range(steps):
            self.step()
        return light_statistics(np.array(self.history[-steps - 1 :]))
