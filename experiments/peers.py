"""The peers of the speed benchmark: the same market in NumPy and in Mesa, and the machine's memory speed.

Nothing here imports ``abm``. Both markets run stages 1 to 6 of the model's step (reading ``literal``) with
the default parameters and sectors, without entry and review: a firm that fails or diverges leaves its slot
empty for good. Each is what a good user of its tool would write. NumPy collects the light statistics of the
market and of every sector, Mesa ten reporters of the market. Each has its own random numbers; with
``noise=False`` they agree.
"""

from __future__ import annotations

import math
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import mesa
import numba
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


@numba.njit(nogil=True)
def _triad(a: np.ndarray, b: np.ndarray, c: np.ndarray, s: float) -> None:
    for i in range(a.size):
        a[i] = b[i] + s * c[i]


def stream_triad(n: int = 50_000_000, threads: int = 1, repeats: int = 7) -> float:
    """Memory speed by STREAM's triad a = b + s·c, in GB/s (1e9), the median of ``repeats``.

    Counted as STREAM does, 24 bytes an element. Ordinary stores also read a line of ``a`` before writing it
    (write-allocate), so up to 32 bytes really move. The arrays must exceed the last cache: by default each
    has 400 MB. The first pass, which compiles, is left out.
    """
    edges = [n * i // threads for i in range(threads + 1)]
    arrays = [np.empty(n) for _ in range(3)]
    chunks = [[x[low:high] for x in arrays] for low, high in pairwise(edges)]
    times = []
    with ThreadPoolExecutor(threads) as pool:
        for x in (0, 1, 2):
            list(pool.map(lambda chunk, x=x: chunk[x].fill(1.0 + x), chunks))  # touched before the clock runs
        for _ in range(repeats + 1):
            begin = time.perf_counter()
            list(pool.map(lambda chunk: _triad(*chunk, 3.0), chunks))
            times.append(time.perf_counter() - begin)
    return 24e-9 * n / statistics.median(times[1:])
