"""The stages of a step, each a function on the slots a to b of one block.

A block belongs to one sector, so the sector's state and parameters are numbers here, and a loop over slots has
neither a branch nor a look-up in it. `B_BEFORE`, B of the step's start, tells which slots held a firm then;
the others are left as they are.
"""

import numpy as np

from abm import state as at
from abm import sums as at_sum
from abm.compilation import inlined
from abm.equations import anchor, pull, saturate
from abm.population import found_firm
from abm.randomness import ENTRY, IMITATION, SHOCK, normals, uniforms
from abm.sums import stress

# Stands for the customers of a group without firms, whose bases are all 0: below the floor of any firm's.
_TINY = 1e-290


@inlined
def demand(firms, a, b, market, sector, realised):
    """Stage 1 (§2.2.1, §3.3): customers move towards attractive firms; realised demand d = ρ / (1 − w + w·ρ)."""
    customers, before, appeal = firms[at.B, a:b], firms[at.B_BEFORE, a:b], firms[at.ATTRACTIVENESS, a:b]
    churn, w = market[at.CHURN], market[at.VARIABLE_COST_SHARE]
    sales, per_attraction = sector[at.DEMAND], 1.0 / sector[at.ATTRACTION]
    for i in range(b - a):
        held = customers[i]
        moved = max(held + churn * (sales * (appeal[i] * per_attraction) - held), at.CUSTOMER_FLOOR)
        before[i] = held
        customers[i] = moved if held > 0.0 else 0.0
        realised[i] = moved / (1.0 - w + w * moved)


@inlined
def commercialisation_challenge(firms, a, b, market, challenge):
    """Stage 2 (§2.2.3, §2.3): stress H of a firm whose funds fall short of the runway."""
    stress(firms[at.F, a:b], market[at.RUNWAY], challenge)


@inlined
def innovation(firms, a, b, market, speed, cost):
    """Stage 3 (§2.2.1, §3.3): a lead ℓ in technology slows a firm, V = 1/(1 + φℓ), and costs c = 1 + κ·2θ·ℓ."""
    technology, t0, theta = firms[at.T, a:b], firms[at.T0, a:b], firms[at.THETA, a:b]
    drag, double_kappa = market[at.INNOVATION_DRAG], 2.0 * market[at.TECHNOLOGY_COST]
    for i in range(b - a):
        lead = max(0.0, technology[i] / t0[i] - 1.0)
        speed[i] = 1.0 / (1.0 + drag * lead)
        cost[i] = 1.0 + double_kappa * theta[i] * lead


@inlined
def _shared(gain, effort, deepening):
    """G: gains are shared out by effort, losses are not and stress deepens them."""
    return effort * gain if gain > 0.0 else deepening * gain


@inlined
def targets(firms, a, b, market, challenge, speed, target_t, target_c, target_p):
    """Stage 4 (§4.2, §2.2.2): where the article's equations draw T, C and P."""
    reading, chi = market[at.READING], market[at.STRESS_RESPONSE]
    ceiling_t, ceiling_c = market[at.TECHNOLOGY_CEILING], market[at.COMPETITIVENESS_CEILING]
    ceiling_p = market[at.RETURN_CEILING]
    technology, competitiveness = firms[at.T, a:b], firms[at.C, a:b]
    potential, returns = firms[at.P, a:b], firms[at.R, a:b]
    t0, c0, r0 = firms[at.T0, a:b], firms[at.C0, a:b], firms[at.R0, a:b]
    k1, k2, k3 = firms[at.K1, a:b], firms[at.K2, a:b], firms[at.K3, a:b]
    theta, omega = firms[at.THETA, a:b], firms[at.OMEGA, a:b]
    for i in range(b - a):
        effort = 2.0 * theta[i] * (1.0 - chi * challenge[i])
        gain = _shared(pull(reading, k1[i], competitiveness[i], c0[i]), effort, 1.0 + chi * challenge[i])
        target_t[i] = anchor(reading, t0[i], technology[i]) + saturate(gain, ceiling_t)
    for i in range(b - a):
        iterating = 2.0 * (1.0 - theta[i]) * 2.0 * (1.0 - omega[i]) * speed[i]
        effort = iterating * (1.0 - chi * challenge[i])
        gain = _shared(pull(reading, k2[i], returns[i], r0[i]), effort, 1.0 + chi * challenge[i])
        target_c[i] = anchor(reading, c0[i], competitiveness[i]) + saturate(gain, ceiling_c)
    for i in range(b - a):
        gain = pull(reading, k3[i], technology[i], t0[i])
        target_p[i] = anchor(reading, r0[i], potential[i]) + saturate(gain, ceiling_p)


@inlined
def shocks(seed, sector_place, first_place, step, shock_t, shock_c):
    """Two standard normal numbers for each slot."""
    for i in range(shock_t.size):
        shock_t[i], shock_c[i] = normals(seed, SHOCK, sector_place, first_place + i, step)


@inlined
def adjustment(firms, a, b, market, sector, speed, cost, realised, target_t, target_c, target_p, shock_t, shock_c):
    """Stage 5 (§3.2, §2.2.2): state moves towards its targets, technology spills over, models age, chance strikes."""
    before, technology, competitiveness = firms[at.B_BEFORE, a:b], firms[at.T, a:b], firms[at.C, a:b]
    potential, returns, quality = firms[at.P, a:b], firms[at.R, a:b], firms[at.Q, a:b]
    omega = firms[at.OMEGA, a:b]
    v_t, v_c, v_r = market[at.TECHNOLOGY_SPEED], market[at.COMPETITIVENESS_SPEED], market[at.RETURN_SPEED]
    v_q, decay = market[at.OPTIMISATION_SPEED], market[at.QUALITY_DECAY]
    spillover, mean_t = market[at.SPILLOVER], sector[at.MEAN_T]
    noise_t, noise_c = market[at.TECHNOLOGY_NOISE], market[at.COMPETITIVENESS_NOISE]
    for i in range(b - a):
        shipped = min(1.0, 2.0 * omega[i] * speed[i] * v_q) * (technology[i] - quality[i])
        improved = max(quality[i] + shipped - decay * quality[i], at.STATE_FLOOR)
        quality[i] = improved if before[i] > 0.0 else quality[i]
    for i in range(b - a):
        spilt = spillover * max(0.0, mean_t - technology[i])
        moved = technology[i] + v_t * (target_t[i] - technology[i]) + spilt
        moved = max(moved * (1.0 + noise_t * shock_t[i]), at.STATE_FLOOR)
        technology[i] = moved if before[i] > 0.0 else technology[i]
    for i in range(b - a):
        moved = competitiveness[i] + v_c * (target_c[i] - competitiveness[i])
        moved = max(moved * (1.0 + noise_c * shock_c[i]), at.STATE_FLOOR)
        competitiveness[i] = moved if before[i] > 0.0 else competitiveness[i]
    for i in range(b - a):
        moved = max(potential[i] + v_r * (target_p[i] - potential[i]), 0.0)
        potential[i] = moved if before[i] > 0.0 else potential[i]
    for i in range(b - a):
        earned = realised[i] / cost[i] * potential[i]
        returns[i] = earned if before[i] > 0.0 else returns[i]


@inlined
def funds(firms, a, b, market, sector):
    """Stage 6 (§3.2): funds gain what is earned beyond cost, and outside capital follows technology."""
    before, purse = firms[at.B_BEFORE, a:b], firms[at.F, a:b]
    returns, technology = firms[at.R, a:b], firms[at.T, a:b]
    psi, mean_t = market[at.OUTSIDE_CAPITAL], sector[at.MEAN_T]
    cap = market[at.FUNDS_CAP] * market[at.RUNWAY]
    for i in range(b - a):
        raised = psi * max(0.0, technology[i] / mean_t - 1.0)
        left = min(purse[i] + returns[i] - 1.0 + raised, cap)
        purse[i] = left if before[i] > 0.0 else purse[i]


@inlined
def ageing(firms, a, b, market):
    """Stage 7, first half: age and smoothed return; marks the firms due for a review and returns their number."""
    before, age = firms[at.B_BEFORE, a:b], firms[at.AGE, a:b]
    smoothed, returns = firms[at.R_SMOOTHED, a:b], firms[at.R, a:b]
    interval = market[at.REVIEW_INTERVAL]
    due_now = firms[at.DUE_NOW, a:b]
    for i in range(b - a):
        older = age[i] + 1.0
        moved = smoothed[i] + 0.25 * (returns[i] - smoothed[i])
        age[i] = older if before[i] > 0.0 else age[i]
        smoothed[i] = moved if before[i] > 0.0 else smoothed[i]
    due = 0
    for i in range(b - a):
        now = (before[i] > 0.0) & (age[i] == interval * np.floor(age[i] / interval))
        due_now[i] = 1.0 if now else 0.0
        due += 1 if now else 0
    return due


@inlined
def review_firm(firms, i, first, slots, strategies, eta, seed, sector_place, step):
    """Stage 7 (§3.2 step 4) for one firm that is due: its new θ and ω."""
    theta, omega = firms[at.THETA, i], firms[at.OMEGA, i]
    policy = strategies[int(firms[at.STRATEGY, i]), at.POLICY]
    if policy == at.ADAPTIVE:
        if firms[at.R_SMOOTHED, i] < firms[at.R_REVIEWED, i]:
            firms[at.DIRECTION, i] = -firms[at.DIRECTION, i]
        firms[at.R_REVIEWED, i] = firms[at.R_SMOOTHED, i]
        theta = min(max(theta + eta * firms[at.DIRECTION, i], at.WEIGHT_FLOOR), at.WEIGHT_CAP)
    elif policy == at.IMITATE:
        draw, _ = uniforms(seed, IMITATION, sector_place, i - first, step)
        j = first + int(draw * slots)
        if firms[at.B_BEFORE, j] > 0.0 and firms[at.R_SMOOTHED, j] > firms[at.R_SMOOTHED, i]:
            theta += 0.5 * (firms[at.THETA, j] - theta)
            omega += 0.5 * (firms[at.OMEGA, j] - omega)
    return theta, omega


@inlined
def turnover(firms, a, b, first, parameters, sector, sector_place, seed, step, draw, events):
    """Stage 8: failed and diverged firms leave, and vacant slots fill by the profit of the sector."""
    market, customers, before = parameters.market, firms[at.B, a:b], firms[at.B_BEFORE, a:b]
    technology, competitiveness = firms[at.T, a:b], firms[at.C, a:b]
    potential, quality, purse = firms[at.P, a:b], firms[at.Q, a:b], firms[at.F, a:b]
    last = firms[at.B_QUARTER, a:b]
    exits, diverged, vacant = 0, 0, 0
    for i in range(b - a):
        largest = max(max(technology[i], competitiveness[i]), max(potential[i], quality[i]))
        lives = before[i] > 0.0
        beyond = lives and largest > at.DIVERGENCE
        leaves = lives and (beyond or purse[i] < 0.0)
        diverged += 1 if beyond else 0
        exits += 1 if leaves else 0
        vacant += 0 if lives else 1
        last[i] = customers[i] if leaves else last[i]
        customers[i] = 0.0 if leaves else customers[i]
    entries = 0
    mean_return = sector[at.MEAN_R] if sector[at.FIRMS] > 0.0 else 1.0
    probability = min(1.0, market[at.ENTRY_RATE] * mean_return)
    if vacant > 0 and probability > 0.0:
        for i in range(b - a):
            draw[i], _ = uniforms(seed, ENTRY, sector_place, a - first + i, step)
        for i in range(b - a):
            # One rare condition: two in turn would be two branches that a processor guesses wrong.
            if (before[i] == 0.0) & (draw[i] < probability):
                found_firm(firms, a + i, a - first + i, parameters, sector, sector_place, seed, step)
                entries += 1
    events[at.ENTRIES], events[at.EXITS], events[at.DIVERGED] = entries, exits, diverged


@inlined
def compare_shares(firms, a, b, bases, before, sums):
    """Stage 9: Σ|s − s of the step before| in market and sector, and each firm's largest share of its sector so far.

    `bases` and `before` hold ΣB of the market and of the sector, now and a step before. Without firms they are 0,
    and so are the shares.
    """
    customers, earlier, peak = firms[at.B, a:b], firms[at.B_BEFORE, a:b], firms[at.PEAK_SHARE, a:b]
    per_market, per_sector = 1.0 / max(bases[0], _TINY), 1.0 / max(bases[1], _TINY)
    per_market_before, per_sector_before = 1.0 / max(before[0], _TINY), 1.0 / max(before[1], _TINY)
    in_market, in_sector = 0.0, 0.0
    for i in range(b - a):
        in_market += abs(customers[i] * per_market - earlier[i] * per_market_before)
        in_sector += abs(customers[i] * per_sector - earlier[i] * per_sector_before)
    for i in range(b - a):
        peak[i] = max(peak[i], customers[i] * per_sector)
    sums[at_sum.SHIFT_MARKET], sums[at_sum.SHIFT_SECTOR] = in_market, in_sector
