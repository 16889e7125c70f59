"""The stages of a step, each a function on the firms of one block.

A block belongs to one sector, so the sector's state and parameters are numbers here, and a loop over slots has
neither a branch nor a look-up in it. `B_before`, B of the step's start, tells which slots held a firm then;
the others are left as they are. Parameters are read before a loop: within it they would be read anew for each slot,
since a write to a firm might change them for all that the compiler knows.
"""

import numpy as np

from abm.equations import anchor, pull, saturate
from abm.market.arrays import CUSTOMER_FLOOR, DIVERGENCE, POLICIES, STATE_FLOOR, WEIGHT_CAP, WEIGHT_FLOOR
from abm.market.entrants import found_firm
from abm.market.mechanisms import (
    innovation_speed,
    largest_state,
    lead,
    outside_capital,
    realised_demand,
    research_cost,
    shared_out,
    shipped,
    spillover,
    stress,
    towards,
)
from abm.market.sums import SUM
from abm.numerics.compilation import inlined
from abm.numerics.elementwise import maximum, minimum, select
from abm.numerics.randomness import ENTRY, IMITATION, SHOCK, normals, uniforms

ADAPTIVE, IMITATE = POLICIES.index("adaptive"), POLICIES.index("imitate")

SMOOTHING = 0.25  # weight of the newest return in the smoothed one

# Stands for the customers of a group without firms, whose bases are all 0: below the floor of any firm's.
_TINY = 1e-290


@inlined
def shocks(key, market, work):
    """Two standard normal numbers for each slot, or none in a market without noise."""
    if market.technology_noise > 0.0 or market.competitiveness_noise > 0.0:
        for i in range(work.shock_T.size):
            work.shock_T[i], work.shock_C[i] = normals(key.seed, SHOCK, key.sector, key.place + i, key.step)
    else:
        work.shock_T[:] = 0.0
        work.shock_C[:] = 0.0


@inlined
def demand(firm, market, sector, work):
    """Stage 1 (§2.2.1, §3.3): customers move towards attractive firms; realised demand d."""
    churn, w = market.churn, market.variable_cost_share
    D, per_attraction = sector.demand, 1.0 / sector.attraction
    for i in range(firm.B.size):
        B = firm.B[i]
        share = firm.attractiveness[i] * per_attraction
        moved = maximum(towards(B, D * share, churn), CUSTOMER_FLOOR)
        firm.B_before[i] = B
        firm.B[i] = select(B > 0.0, moved, 0.0)
        work.demand[i] = realised_demand(moved, w)


@inlined
def commercialisation_challenge(firm, market, work):
    """Stage 2 (§2.2.3, §2.3): stress H of a firm whose funds fall short of the runway."""
    runway = market.runway
    for i in range(firm.F.size):
        work.challenge[i] = stress(firm.F[i], runway)


@inlined
def innovation(firm, market, work):
    """Stage 3 (§2.2.1, §3.3): a lead ℓ in technology slows a firm, V, and costs, c."""
    phi, kappa = market.innovation_drag, market.technology_cost
    for i in range(firm.T.size):
        ahead = lead(firm.T[i], firm.T0[i])
        work.speed[i] = innovation_speed(phi, ahead)
        work.cost[i] = research_cost(kappa, firm.theta[i], ahead)


@inlined
def targets(firm, market, work):
    """Stage 4 (§4.2, §2.2.2): where the article's equations draw T, C and P."""
    reading, chi = market.reading, market.stress_response
    K_T, K_C, K_R = market.technology_ceiling, market.competitiveness_ceiling, market.return_ceiling
    for i in range(firm.T.size):
        weight = 2.0 * firm.theta[i]
        gain = shared_out(pull(reading, firm.k1[i], firm.C[i], firm.C0[i]), weight, chi * work.challenge[i])
        work.target_T[i] = anchor(reading, firm.T0[i], firm.T[i]) + saturate(gain, K_T)
    for i in range(firm.C.size):
        weight = 2.0 * (1.0 - firm.theta[i]) * 2.0 * (1.0 - firm.omega[i]) * work.speed[i]
        gain = shared_out(pull(reading, firm.k2[i], firm.R[i], firm.R0[i]), weight, chi * work.challenge[i])
        work.target_C[i] = anchor(reading, firm.C0[i], firm.C[i]) + saturate(gain, K_C)
    for i in range(firm.P.size):
        gain = pull(reading, firm.k3[i], firm.T[i], firm.T0[i])
        work.target_P[i] = anchor(reading, firm.R0[i], firm.P[i]) + saturate(gain, K_R)


@inlined
def adjustment(firm, market, sector, work):
    """Stage 5 (§3.2, §2.2.2): state moves towards its targets, technology spills over, models age, chance strikes."""
    v_T, v_C, v_R = market.technology_speed, market.competitiveness_speed, market.return_speed
    v_Q, delta = market.optimisation_speed, market.quality_decay
    sigma, mean_T = market.spillover, sector.mean_T
    s_T, s_C = market.technology_noise, market.competitiveness_noise
    for i in range(firm.Q.size):
        Q = firm.Q[i]
        moved = Q + shipped(firm.omega[i], work.speed[i], v_Q) * (firm.T[i] - Q) - delta * Q
        firm.Q[i] = select(firm.B_before[i] > 0.0, maximum(moved, STATE_FLOOR), Q)
    for i in range(firm.T.size):
        T = firm.T[i]
        moved = (towards(T, work.target_T[i], v_T) + spillover(sigma, T, mean_T)) * (1.0 + s_T * work.shock_T[i])
        firm.T[i] = select(firm.B_before[i] > 0.0, maximum(moved, STATE_FLOOR), T)
    for i in range(firm.C.size):
        C = firm.C[i]
        moved = towards(C, work.target_C[i], v_C) * (1.0 + s_C * work.shock_C[i])
        firm.C[i] = select(firm.B_before[i] > 0.0, maximum(moved, STATE_FLOOR), C)
    for i in range(firm.P.size):
        P = firm.P[i]
        firm.P[i] = select(firm.B_before[i] > 0.0, maximum(towards(P, work.target_P[i], v_R), 0.0), P)
    for i in range(firm.R.size):
        earned = work.demand[i] / work.cost[i] * firm.P[i]
        firm.R[i] = select(firm.B_before[i] > 0.0, earned, firm.R[i])


@inlined
def funds(firm, market, sector):
    """Stage 6 (§3.2): funds gain what is earned beyond cost, and outside capital follows technology."""
    psi, mean_T = market.outside_capital, sector.mean_T
    cap = market.funds_cap * market.runway
    for i in range(firm.F.size):
        F = firm.F[i]
        moved = F + firm.R[i] - 1.0 + outside_capital(psi, firm.T[i], mean_T)
        firm.F[i] = select(firm.B_before[i] > 0.0, minimum(moved, cap), F)


@inlined
def ageing(firm, market):
    """Stage 7, first half: age and smoothed return; marks the firms due for a review and returns their number."""
    interval = market.review_interval
    for i in range(firm.age.size):
        lived = firm.B_before[i] > 0.0
        smoothed = towards(firm.R_smoothed[i], firm.R[i], SMOOTHING)
        firm.age[i] = select(lived, firm.age[i] + 1.0, firm.age[i])
        firm.R_smoothed[i] = select(lived, smoothed, firm.R_smoothed[i])
    due = 0
    for i in range(firm.age.size):
        now = (firm.B_before[i] > 0.0) & (firm.age[i] == interval * np.floor(firm.age[i] / interval))
        firm.due[i] = select(now, 1.0, 0.0)
        due += select(now, 1, 0)
    return due


@inlined
def review_firm(firm, i, market, strategies, key):
    """Stage 7, second half (§3.2 step 4): the new θ and ω of one firm of a sector that is due."""
    theta, omega = firm.theta[i], firm.omega[i]
    policy = strategies[int(firm.strategy[i])].policy
    if policy == ADAPTIVE:
        if firm.R_smoothed[i] < firm.R_reviewed[i]:
            firm.direction[i] = -firm.direction[i]
        firm.R_reviewed[i] = firm.R_smoothed[i]
        theta = min(max(theta + market.learning_step * firm.direction[i], WEIGHT_FLOOR), WEIGHT_CAP)
    elif policy == IMITATE:
        draw, _ = uniforms(key.seed, IMITATION, key.sector, key.place + i, key.step)
        j = int(draw * firm.theta.size)
        if firm.B_before[j] > 0.0 and firm.R_smoothed[j] > firm.R_smoothed[i]:
            theta = towards(theta, firm.theta[j], 0.5)
            omega = towards(omega, firm.omega[j], 0.5)
    return theta, omega


@inlined
def turnover(firm, parameters, sector, block, key, work):
    """Stage 8: failed and diverged firms exit, and vacant slots fill by the profit of the sector."""
    exits, diverged, vacant = 0, 0, 0
    for i in range(firm.B.size):
        lived = firm.B_before[i] > 0.0
        beyond = lived and largest_state(firm.T[i], firm.C[i], firm.P[i], firm.Q[i]) > DIVERGENCE
        exits += 1 if lived and (beyond or firm.F[i] < 0.0) else 0
        diverged += 1 if beyond else 0
        vacant += 0 if lived else 1
    if exits > 0:
        for i in range(firm.B.size):
            beyond = largest_state(firm.T[i], firm.C[i], firm.P[i], firm.Q[i]) > DIVERGENCE
            if (firm.B_before[i] > 0.0) & (beyond | (firm.F[i] < 0.0)):
                firm.last_B[i] = firm.B[i]
                firm.B[i] = 0.0
    entries = 0
    mean_return = sector.mean_R if sector.firms > 0.0 else 1.0
    probability = min(1.0, parameters.market[0].entry_rate * mean_return)
    if vacant > 0 and probability > 0.0:
        for i in range(firm.B.size):
            work.draw[i], _ = uniforms(key.seed, ENTRY, key.sector, key.place + i, key.step)
        for i in range(firm.B.size):
            # One rare condition: two in turn would be two branches that a processor guesses wrong.
            if (firm.B_before[i] == 0.0) & (work.draw[i] < probability):
                found_firm(firm, i, parameters, sector, key)
                entries += 1
    block.entries, block.exits, block.diverged = entries, exits, diverged


@inlined
def compare_shares(firm, bases, before, sums):
    """Stage 9: Σ|s − s of the step before| in market and sector, and each firm's largest share of its sector so far.

    `bases` and `before` hold ΣB of the market and of the sector, now and a step before. Without firms they are 0,
    and so are the shares.
    """
    per_market, per_sector = 1.0 / max(bases[0], _TINY), 1.0 / max(bases[1], _TINY)
    per_market_before, per_sector_before = 1.0 / max(before[0], _TINY), 1.0 / max(before[1], _TINY)
    in_market, in_sector = 0.0, 0.0
    for i in range(firm.B.size):
        in_market += abs(firm.B[i] * per_market - firm.B_before[i] * per_market_before)
        in_sector += abs(firm.B[i] * per_sector - firm.B_before[i] * per_sector_before)
    for i in range(firm.B.size):
        firm.peak_share[i] = max(firm.peak_share[i], firm.B[i] * per_sector)
    sums[SUM.shift_market], sums[SUM.shift_sector] = in_market, in_sector
