"""Stages 2 to 6: what a firm makes of its step, from the state at the step's start."""

import math
from collections.abc import Sequence

from tests.twin.state import Draws, Firm, Market, Means, Pair, Table

FLOOR = 1e-6


def advance(market: Market, m: int, place: int, firm: Firm, means: Means, draws: Draws) -> None:
    """Stages 2 to 6 of one firm; its B is already the new one, all else is of the step's start."""
    p = market.parameters
    H = challenge(p, firm)
    V, c = innovation(p, firm)
    targets = target_levels(p, firm, H, V)
    epsilon = (0.0, 0.0)
    if p["technology_noise"] or p["competitiveness_noise"]:
        epsilon = draws.normals("shock", m, place, market.step)
    epsilon_R = draws.normals("lump_and_return", m, place, market.step)[1] if p["return_noise"] else 0.0
    odds = p["release_odds"]
    releases = odds == 1 or draws.uniforms("lump_and_release", m, place, market.step)[1] < odds
    f = (means.T / market.start_means[m]) ** p["frontier_cost"]
    adjust(p, firm, targets, V, c, f, releases, means, (*epsilon, epsilon_R))
    funds(p, firm, means)


def challenge(p: Table, firm: Firm) -> float:
    """Stage 2: the stress H of a firm short of funds."""
    runway = p["runway"]
    return 0.0 if math.isinf(runway) else min(max(1 - firm.F / runway, 0.0), 1.0)


def innovation(p: Table, firm: Firm) -> Pair:
    """Stage 3: innovation speed V and the cost c."""
    lead = max(0.0, firm.T / firm.T0 - 1)
    return 1 / (1 + p["innovation_drag"] * lead), 1 + p["technology_cost"] * 2 * firm.theta * lead


def pull(reading: str, k: float, y: float, y0: float) -> float:
    return k * y if reading == "increment" else k * y * (y - y0)


def saturated(x: float, K: float) -> float:
    return x / (1 + abs(x) / K)


def target_levels(p: Table, firm: Firm, H: float, V: float) -> tuple[float, float, float]:
    """Stage 4: T*, C*, P*. Gains are shared out by the weights; stress cuts gains and deepens losses."""
    reading, chi = p["reading"], p["stress_response"]
    theta, omega = firm.theta, firm.omega

    def G(pulled: float, a: float) -> float:
        return a * pulled if pulled > 0 else (1 + chi * H) * pulled

    if reading == "literal":
        anchor_T, anchor_C, anchor_P = firm.T0, firm.C0, firm.R0
    else:
        anchor_T, anchor_C, anchor_P = firm.T, firm.C, firm.P
    p_T = pull(reading, firm.k1, firm.C, firm.C0)
    p_C = pull(reading, firm.k2, firm.R, firm.R0)
    p_P = pull(reading, firm.k3, firm.T, firm.T0)
    gain_T = G(p_T, 2 * theta * (1 - chi * H))
    gain_C = G(p_C, 2 * (1 - theta) * 2 * (1 - omega) * V * (1 - chi * H))
    return (
        anchor_T + saturated(gain_T, p["technology_ceiling"]),
        anchor_C + saturated(gain_C, p["competitiveness_ceiling"]),
        anchor_P + saturated(p_P, p["return_ceiling"]),
    )


def adjust(
    p: Table, firm: Firm, targets: Sequence[float], V: float, c: float, f: float, releases: bool, means: Means,
    e: Sequence[float],
) -> None:  # fmt: skip
    """Stage 5, the shocks e already drawn; f is what the frontier adds to the fixed cost."""
    T, C, P, Q = firm.T, firm.C, firm.P, firm.Q
    T_star, C_star, P_star = targets
    rho, w = firm.B, p["variable_cost_share"]
    d = rho / ((1 - w) * f + w * rho)
    shipped = min(1.0, 2 * firm.omega * V * p["optimisation_speed"] / p["release_odds"]) if releases else 0.0
    kept = 1 - p["frontier_growth"]
    T_new = T + p["technology_speed"] * (T_star - T) + p["spillover"] * max(0.0, means.T - T)
    C_new = C + p["competitiveness_speed"] * (C_star - C)
    firm.P = max(P + p["return_speed"] * (P_star - P), 0.0)
    firm.R = d / c * firm.P * max(0.0, 1 + p["return_noise"] * e[2])
    firm.Q = max((Q + shipped * (T - Q) - p["quality_decay"] * Q) * kept, FLOOR)
    firm.T = max(T_new * (1 + p["technology_noise"] * e[0]) * kept, FLOOR)
    firm.C = max(C_new * (1 + p["competitiveness_noise"] * e[1]), FLOOR)


def funds(p: Table, firm: Firm, means: Means) -> None:
    """Stage 6; outside capital follows technology."""
    outside = p["outside_capital"] * max(0.0, firm.T / means.T - 1)
    firm.F = min(firm.F + firm.R - 1 + outside, p["funds_cap"] * p["runway"])
