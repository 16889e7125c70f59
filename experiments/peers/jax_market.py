"""The market in JAX: 64-bit columns, a compiled scan over the steps."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
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
)
from experiments.peers.numpy_market import SUMS, light_statistics

jax.config.update("jax_enable_x64", True)

Columns = dict[str, jax.Array]


def _saturated(gain: jax.Array, ceiling: float) -> jax.Array:
    return gain / (1.0 + jnp.abs(gain) / ceiling)


class JaxMarket:
    """The market of `NumpyMarket`, with the same statistics.

    Parameters
    ----------
    firms, sectors, seed : size and seed of the market
    noise : False leaves the shocks out
    """

    def __init__(self, firms: int, sectors: int = 4, seed: int = 0, noise: bool = True) -> None:
        t = start(firms, sectors, seed)
        self.firms, self.noise, self.edges = firms, noise, t["bounds"].tolist()
        self.counts, self.demand = np.diff(t["bounds"]).tolist(), jnp.asarray(t["demand"])
        # Handed to the compiled functions rather than closed over, for XLA would fold constants for minutes.
        self.traits = {name: jnp.asarray(t[name]) for name in ("T0", "C0", "R0", "k1", "k2", "k3", "theta", "omega")}
        self.traits |= {name: self._spread(jnp.asarray(t[name])) for name in ("gamma", "tau")}
        self.traits |= {name: jnp.asarray(t["strategy"] == place) for place, name in enumerate(STRATEGIES)}
        filled = partial(jnp.full, firms)
        state = {"T": t["T0"], "C": t["C0"], "P": t["R0"], "R": t["R0"], "Q": t["T0"], "B": t["B"]}
        state = {name: jnp.asarray(column) for name, column in state.items()}
        state |= {"F": filled(RUNWAY), "live": filled(1.0), "share": filled(0.0), "part": jnp.zeros(sectors)}
        self.state, self.key = state, jax.random.key(seed, impl="rbg")
        self.state, first = jax.jit(self._looked)(self.traits, state, jnp.zeros(sectors))
        self.last = np.asarray(first)
        self._steps = jax.jit(self._scanned, static_argnames="steps")

    def run(self, steps: int) -> dict[str, np.ndarray]:
        """``steps`` steps and their light statistics."""
        self.state, self.key, history = self._steps(self.traits, self.state, self.key, steps=steps)
        sums = np.concatenate([self.last[None], np.asarray(history)])
        self.last = sums[-1]
        return light_statistics(sums)

    def _scanned(self, t: Columns, state: Columns, key: jax.Array, steps: int) -> tuple[Columns, jax.Array, jax.Array]:
        def step(carry, _):
            state, key, shocks = carry
            state, sums = self._looked(t, *self._advanced(t, state, shocks))
            return (state, *self._drawn(key)), sums

        # Shocks are drawn a step ahead: drawn where they are used, XLA draws them anew for each column that they move.
        (state, key, _), history = jax.lax.scan(step, (state, *self._drawn(key)), length=steps)
        return state, key, history

    def _drawn(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        key, own = jax.random.split(key)
        return key, jax.random.normal(own, (2, self.firms)) if self.noise else jnp.zeros((2, 1))

    def _summed(self, columns: jax.Array) -> jax.Array:
        return jnp.stack([columns[..., low:high].sum(axis=-1) for low, high in pairwise(self.edges)], axis=-1)

    def _spread(self, by_sector: jax.Array) -> jax.Array:
        return jnp.concatenate([jnp.full(count, by_sector[place]) for place, count in enumerate(self.counts)])

    def _advanced(self, t: Columns, s: Columns, shocks: jax.Array) -> tuple[Columns, jax.Array]:
        """Stages 1 to 6; the state, and how many firms of each sector diverged."""
        T, C, R = s["T"], s["C"], s["R"]
        alive = s["live"] > 0.0
        served = self.demand / jnp.maximum(self._summed(s["A"]), FLOOR_B)
        mean_T = self._spread(self._summed(T) / jnp.maximum(self._summed(s["live"]), 1.0))
        B = jnp.maximum(s["B"] + CHURN * (self._spread(served) * s["A"] - s["B"]), FLOOR_B)
        realised = B / (1.0 - VARIABLE_COST + VARIABLE_COST * B)
        stress = STRESS * jnp.clip(1.0 - s["F"] / RUNWAY, 0.0, 1.0)
        lead = jnp.maximum(T / t["T0"] - 1.0, 0.0)
        speed = 1.0 / (1.0 + DRAG * lead)
        pull_T, pull_C = t["k1"] * C * (C - t["C0"]), t["k2"] * R * (R - t["R0"])
        pull_T *= jnp.where(pull_T > 0.0, 2.0 * t["theta"] * (1.0 - stress), 1.0 + stress)
        iterating = 4.0 * (1.0 - t["theta"]) * (1.0 - t["omega"]) * speed
        pull_C *= jnp.where(pull_C > 0.0, iterating * (1.0 - stress), 1.0 + stress)
        new_T = T + SPEED_T * (t["T0"] + _saturated(pull_T, CEILING_T) - T) + SPILLOVER * jnp.maximum(mean_T - T, 0.0)
        new_C = C + SPEED_C * (t["C0"] + _saturated(pull_C, CEILING_C) - C)
        target_P = t["R0"] + _saturated(t["k3"] * T * (T - t["T0"]), CEILING_P)
        P = jnp.maximum(s["P"] + SPEED_P * (target_P - s["P"]), 0.0)
        new_R = realised / (1.0 + 2.0 * TECHNOLOGY_COST * t["theta"] * lead) * P
        Q = s["Q"] + jnp.minimum(2.0 * t["omega"] * speed * SPEED_Q, 1.0) * (T - s["Q"]) - DECAY * s["Q"]
        if self.noise:
            new_T, new_C = new_T * (1.0 + NOISE_T * shocks[0]), new_C * (1.0 + NOISE_C * shocks[1])
        new_T, new_C, Q = jnp.maximum(new_T, FLOOR), jnp.maximum(new_C, FLOOR), jnp.maximum(Q, FLOOR)
        raised = OUTSIDE_CAPITAL * jnp.maximum(new_T / mean_T - 1.0, 0.0)
        F = jnp.minimum(s["F"] + new_R - 1.0 + raised, FUNDS_CAP * RUNWAY)
        largest = jnp.maximum(jnp.maximum(new_T, new_C), jnp.maximum(P, Q))
        stays = alive & (F >= 0.0) & (largest <= LIMIT)
        moved = {"T": new_T, "C": new_C, "P": P, "R": new_R, "Q": Q, "B": B, "F": F, "live": jnp.ones(self.firms)}
        kept = {name: jnp.where(stays, column, 0.0) for name, column in moved.items()}
        return s | kept, self._summed(1.0 * (alive & (largest > LIMIT)))

    def _looked(self, t: Columns, s: Columns, diverged: jax.Array) -> tuple[Columns, jax.Array]:
        """What the next step reads, and the sums that the statistics are made of."""
        live = s["live"]
        T, C, R, Q, B, F = (s[name] for name in "TCRQBF")
        lead = jnp.maximum(T / t["T0"] - 1.0, 0.0)
        log_C, log_Q, log_B = (jnp.log(jnp.maximum(x, FLOOR_B)) for x in (C, Q, B))
        A = live * jnp.exp(t["gamma"] * log_C + t["tau"] * log_Q + BETA * log_B)
        above = (t["T0"] < T) & (t["C0"] < C) & (t["R0"] < R)
        gain = live * t["T0"] * t["C0"] * t["R0"] * t["k1"] * t["k2"] * t["k3"]
        size = self._summed(B)
        part = size / jnp.maximum(size.sum(), FLOOR_B)
        share = B * self._spread(jnp.where(size > 0.0, 1.0 / jnp.where(size > 0.0, size, 1.0), 0.0))
        moved_market = share * self._spread(part) - s["share"] * self._spread(s["part"])
        speed, stress = live / (1.0 + DRAG * lead), live * jnp.maximum(1.0 - F / RUNWAY, 0.0)
        columns = [T, C, R, Q, F, B, speed, stress, live * t["theta"], live * t["omega"], gain, A, live]
        columns += [T * T, C * C, R * R, Q * Q, F * F, B * B, B * T, B * C, B * R, B * log_B, above * 1.0, above * B]
        columns += [t[name] * B for name in STRATEGIES] + [t[name] * live for name in STRATEGIES]
        sums = [
            *map(self._summed, columns),
            diverged,
            self._summed(jnp.abs(share - s["share"])),
            self._summed(jnp.abs(moved_market)),
        ]
        ranges = list(pairwise(self.edges))
        sums += [self.demand, *jnp.stack([jax.lax.top_k(B[low:high], 4)[0] for low, high in ranges], axis=1)]
        sums.append(jnp.stack([low + 1.0 * jnp.argmax(B[low:high]) for low, high in ranges]))
        assert len(sums) == len(SUMS)
        return s | {"A": A, "share": share, "part": part}, jnp.stack(sums)
