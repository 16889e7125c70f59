"""The stages of a step, each a function of eight firms at once.

In most functions `firm.T` is the technology of eight slots side by side, calculated with as if it were one number.
What depends on it is a mask: masks are joined by & | ~ and used by `select(mask, x, y)`, while `if` is for conditions
on parameters and on the sector. `fma(x, y, z)` is x·y + z. In `review_firm`, `_follow_rule` and `entries`, however,
`firm` is arrays, and `firm.T[i]` is one firm's.

`market` holds the market's parameters, `taste` those of the firms' sector, and `sector` the sector's state at the
step's start: demand D_m, firms n_m, mean_T, mean_R, attraction ΣA and base ΣB. `place` is where the eight lie in their
block, and `scratch` holds there what has been drawn for them.

Vacant slots are calculated with the others; what comes out of them is not kept. Each stage returns what it finds, and
`abm.market.step` writes it down, except for what a docstring says it writes itself.
"""

import numpy as np

from abm.equations import anchor, pull, saturate
from abm.market.arrays import (
    CUSTOMER_FLOOR,
    DEMAND_CAP,
    DIVERGENCE,
    RETURN_CAP,
    STATE_FLOOR,
    WEIGHT_CAP,
    WEIGHT_FLOOR,
    WORK,
)
from abm.market.entrants import found_firm
from abm.market.firms import FIRM, firm_of, firms_at
from abm.market.mechanisms import (
    frontier_cost,
    innovation_speed,
    largest_state,
    lead,
    lump,
    lump_size,
    outside_capital,
    research_cost,
    serving_cost,
    shaken,
    shared_out,
    shipped,
    spillover,
    stress,
    towards,
)
from abm.market.records import POLICIES, RULE
from abm.market.rules import call_rule
from abm.market.sums import SUM
from abm.numerics.compilation import inlined
from abm.numerics.elementwise import fma, maximum, minimum, nearest_integer, select
from abm.numerics.lanes import WIDTH, counted, first_lanes, get, lowest, put, some, splat, total
from abm.numerics.randomness import ENTRY, IMITATION, LUMP_AND_RELEASE, LUMP_AND_RETURN, SHOCK, normals, uniforms
from abm.numerics.vectormath import box_muller

ADAPTIVE, IMITATE = POLICIES.index("adaptive"), POLICIES.index("imitate")

SMOOTHING = 0.25  # weight of the newest return in the smoothed one

# Stands for ΣB of a group without firms, so that shares are 0 and not 0/0: far below the least base of any firm.
_TINY = 1e-290


@inlined
def shocks(key, market, slots, scratch):
    """Leave ε1 and ε2 of stage 5 in the scratch, for each slot of a block; zeros in a market without noise.

    The first loop keeps uniform numbers in the same rows, the second makes them normal.
    """
    noisy = market.technology_noise > 0.0 or market.competitiveness_noise > 0.0
    for i in range(0, slots, WIDTH):
        u, v = splat(0.0), splat(0.0)
        if noisy:
            u, v = uniforms(key.seed, SHOCK, key.sector, counted(key.place + i), key.step)
        put(scratch, WORK.shock_T, i, u, first_lanes(WIDTH))
        put(scratch, WORK.shock_C, i, v, first_lanes(WIDTH))
    if noisy:
        for i in range(0, slots, WIDTH):
            shock_T, shock_C = box_muller(get(scratch, WORK.shock_T, i), get(scratch, WORK.shock_C, i))
            put(scratch, WORK.shock_T, i, shock_T, first_lanes(WIDTH))
            put(scratch, WORK.shock_C, i, shock_C, first_lanes(WIDTH))


@inlined
def lumps_and_releases(key, market, taste, sector, firms, block, scratch):
    """For each slot of a block the factor of a lump on B, the shock to R, and what decides on a release.

    Each draw gives two numbers, for lumps and returns or for lumps and releases; it is made where one of the two is on.
    """
    lumpy, p = market.demand_noise > 0.0, market.demand_noise_odds
    if lumpy or market.return_noise > 0.0 or market.release_odds < 1.0:
        mean_B = max(sector.base / max(sector.firms, 1.0), CUSTOMER_FLOOR)
        everywhere = first_lanes(WIDTH)
        for i in range(block.start, block.stop, WIDTH):
            place = i - block.start
            slots = counted(key.place + place)
            if lumpy or market.return_noise > 0.0:
                zeta, shock_R = normals(key.seed, LUMP_AND_RETURN, key.sector, slots, key.step)
                put(scratch, WORK.shock_R, place, shock_R, everywhere)
            if lumpy or market.release_odds < 1.0:
                struck, release = uniforms(key.seed, LUMP_AND_RELEASE, key.sector, slots, key.step)
                put(scratch, WORK.release, place, release, everywhere)
            if lumpy:
                B = demand(firms_at(firms, i), taste, sector)  # as in stage 1, on which the size of a lump depends
                size = lump_size(market.demand_noise, p, market.size_dependence, B, mean_B)
                put(scratch, WORK.lump, place, select(struck < p, lump(size, zeta), 1.0), everywhere)


@inlined
def demand(firm, taste, sector):
    """Stage 1 (§2.2.1, §3.3): customers move towards attractive firms. Returns B.

    B + μ·(D·A/ΣA − B), at least 1e-9, with A as calculated at the end of the step before.
    """
    customers = sector.demand / sector.attraction * firm.attractiveness
    return maximum(towards(firm.B, customers, taste.churn), CUSTOMER_FLOOR)


@inlined
def lumps(market, B, scratch, place):
    """Stage 1: customers come and go in lumps, the smaller the larger a firm is. Returns B."""
    if market.demand_noise > 0.0:
        B = minimum(maximum(B * get(scratch, WORK.lump, place), CUSTOMER_FLOOR), DEMAND_CAP)
    return B


@inlined
def cost_of_the_frontier(market, sector):
    """Stage 1 (§3.3): the factor by which the fixed cost of a sector's firms has grown with its technology."""
    if market.frontier_cost > 0.0 and sector.firms > 0.0:
        return frontier_cost(market.frontier_cost, sector.mean_T, sector.start_T)
    return 1.0


@inlined
def commercialisation_challenge(firm, market):
    """Stage 2 (§2.2.3, §2.3): stress H of a firm whose funds fall short of the runway."""
    return stress(firm.F, market.runway)


@inlined
def innovation(firm, market):
    """Stage 3 (§2.2.1, §3.3): a lead ℓ in technology slows a firm, V, and costs, c. Returns V, T0·c."""
    T0_lead = lead(firm.T, firm.T0)  # T0·ℓ
    T0_c = research_cost(market.technology_cost, firm.theta, T0_lead, firm.T0)
    return innovation_speed(market.innovation_drag, T0_lead, firm.T0), T0_c


@inlined
def targets(firm, market, H, V):
    """Stage 4 (§4.2, §2.2.2): where the article's equations draw T, C and P."""
    reading, strain = market.reading, market.stress_response * H
    gain_T = shared_out(pull(reading, firm.k1, firm.C, firm.C0), 2.0 * firm.theta, strain)
    weight = 2.0 * (1.0 - firm.theta) * (2.0 * (1.0 - firm.omega)) * V
    gain_C = shared_out(pull(reading, firm.k2, firm.R, firm.R0), weight, strain)
    gain_P = pull(reading, firm.k3, firm.T, firm.T0)
    return (
        anchor(reading, firm.T0, firm.T) + saturate(gain_T, market.technology_ceiling),
        anchor(reading, firm.C0, firm.C) + saturate(gain_C, market.competitiveness_ceiling),
        anchor(reading, firm.R0, firm.P) + saturate(gain_P, market.return_ceiling),
    )


@inlined
def adjustment(firm, market, sector, target, V, scratch, place):
    """Stage 5 (§3.2, §2.2.2): state moves towards its targets, technology spills over, models age, chance strikes.

    Returns T, C, P, Q, of which T and Q are relative to a frontier that moves on.
    """
    target_T, target_C, target_P = target
    shock_T, shock_C = get(scratch, WORK.shock_T, place), get(scratch, WORK.shock_C, place)
    kept = 1.0 - market.frontier_growth
    learned = spillover(market.spillover, firm.T, sector.mean_T)
    T = (towards(firm.T, target_T, market.technology_speed) + learned) * fma(market.technology_noise, shock_T, 1.0)
    C = towards(firm.C, target_C, market.competitiveness_speed) * fma(market.competitiveness_noise, shock_C, 1.0)
    P = towards(firm.P, target_P, market.return_speed)
    deployed = shipped(firm.omega, V, market.optimisation_speed / market.release_odds)
    if market.release_odds < 1.0:
        deployed = select(get(scratch, WORK.release, place) < market.release_odds, deployed, 0.0)
    # Q + deployed·(T − Q) − δ·Q, with the technology of the step's start
    Q = fma(deployed, firm.T - firm.Q, (1.0 - market.quality_decay) * firm.Q)
    return maximum(T * kept, STATE_FLOOR), maximum(C, STATE_FLOOR), maximum(P, 0.0), maximum(Q * kept, STATE_FLOOR)


@inlined
def realised_return(firm, market, B, P, fixed_cost, T0_c, scratch, place):
    """Stage 5, its end (§2.2.3, §3.3): R = P·d/c, with realised demand d, and chance; at most 1e21."""
    # d = B / serving_cost and c = T0_c / T0: one division for three
    R = P * (B * firm.T0 / (serving_cost(B, market.variable_cost_share, fixed_cost) * T0_c))
    if market.return_noise > 0.0:
        R = shaken(R, market.return_noise, get(scratch, WORK.shock_R, place))
    return minimum(R, RETURN_CAP)


@inlined
def funds(firm, market, sector, T, R):
    """Stage 6 (§3.2): funds gain what is earned beyond cost, and outside capital follows technology."""
    raised = outside_capital(market.outside_capital, T, sector.mean_T)
    return minimum(firm.F + R - 1.0 + raised, market.funds_cap * market.runway)


@inlined
def reviews_at(age, interval):
    """Whether firms of an age review their strategy."""
    return nearest_integer(age * (1.0 / interval)) * interval == age


@inlined
def ageing(firm, market, R):
    """Stage 7, first half: age, smoothed return, and which firms are due for a review."""
    age = firm.age + 1.0
    return age, towards(firm.R_smoothed, R, SMOOTHING), reviews_at(age, market.review_interval)


@inlined
def review_firm(firm, i, parameters, sector, key):
    """Stage 7, second half (§3.2 step 4): the new θ and ω of firm i, which is due.

    Writes its direction, or its rule's memory, and the return that it has reviewed, which no other firm reads.
    """
    theta, omega, market = firm.theta[i], firm.omega[i], parameters.market[0]
    strategy = int(firm.strategy[i])
    policy = parameters.strategies[strategy].policy
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
    elif policy == RULE:
        theta, omega = _follow_rule(firm, i, parameters.rules[strategy], parameters, sector, key)
    return theta, omega


@inlined
def _follow_rule(firm, i, rule, parameters, sector, key):
    """θ and ω by a rule of the user's own, which also gives the firm's memory; NaN for both if one of the three is."""
    draw, _ = uniforms(key.seed, IMITATION, key.sector, key.place + i, key.step)
    B = firm.B[i] if firm.B[i] > 0.0 else firm.last_B[i]  # of a firm that has just left
    own = parameters.sectors[key.sector]
    # As `RuleFirm` and `RuleSector` of `abm.market.rules` name them.
    seen = (
        *(firm.T[i], firm.C[i], firm.P[i], firm.R[i], firm.Q[i], B, firm.F[i], firm.theta[i], firm.omega[i]),
        *(firm.age[i], firm.R_smoothed[i], firm.R_reviewed[i], firm.direction[i]),
        *(firm.T0[i], firm.C0[i], firm.R0[i], firm.k1[i], firm.k2[i], firm.k3[i]),
        *(B / sector.reviewing, stress(firm.F[i], parameters.market[0].runway)),
        *(sector.mean_T, sector.mean_R, sector.firms, sector.demand),
        *(own.competitiveness_elasticity, own.quality_elasticity, draw),
    )
    theta, omega, memory = call_rule(rule, seen)
    if np.isnan(theta) or np.isnan(omega) or np.isnan(memory):
        return np.nan, np.nan
    firm.direction[i], firm.R_reviewed[i] = memory, firm.R_smoothed[i]
    return min(max(theta, WEIGHT_FLOOR), WEIGHT_CAP), min(max(omega, WEIGHT_FLOOR), WEIGHT_CAP)


@inlined
def departures(lived, T, C, P, Q, F):
    """Stage 8, first half: which firms exit, and which of them because they diverge."""
    diverges = lived & (largest_state(T, C, P, Q) > DIVERGENCE)
    return diverges | (lived & (F < 0.0)), diverges


@inlined
def entries(firms, parameters, sector, block, key):
    """Stage 8, second half: vacant slots of a block fill by the profit of the sector. Returns how many do."""
    mean_return = sector.mean_R if sector.firms > 0.0 else 1.0
    probability = min(1.0, parameters.market[0].entry_rate * mean_return)
    found = 0
    if probability > 0.0:
        firm = firm_of(firms, block.start, block.stop)
        for i in range(block.start, block.stop, WIDTH):
            vacant = first_lanes(block.stop - i) & (get(firms, FIRM.B_before, i) == 0.0)
            if some(vacant):
                place = i - block.start
                draw, _ = uniforms(key.seed, ENTRY, key.sector, counted(key.place + place), key.step)
                filled = vacant & (draw < probability)
                while some(filled):
                    lane, filled = lowest(filled)
                    found_firm(firm, place + lane, parameters, sector, key)
                    found += 1
    return found


@inlined
def compare_shares(firms, block, bases, before, sums):
    """Stage 9: Σ|s − s of the step before| in market and sector, and each firm's largest share of its sector so far.

    `bases` and `before` hold ΣB of the market and of the sector, now and a step before. Without firms they are 0,
    and so are the shares.
    """
    per_market, per_sector = 1.0 / max(bases[0], _TINY), 1.0 / max(bases[1], _TINY)
    per_market_before, per_sector_before = 1.0 / max(before[0], _TINY), 1.0 / max(before[1], _TINY)
    in_market, in_sector = splat(0.0), splat(0.0)
    for i in range(block.start, block.stop, WIDTH):
        here, firm = first_lanes(block.stop - i), firms_at(firms, i)
        B, B_before = select(here, firm.B, 0.0), select(here, firm.B_before, 0.0)
        share = B * per_sector
        in_market += abs(fma(B, per_market, -(B_before * per_market_before)))
        in_sector += abs(fma(B_before, -per_sector_before, share))
        put(firms, FIRM.peak_share, i, maximum(firm.peak_share, share), here)
    sums[SUM.shift_market], sums[SUM.shift_sector] = total(in_market), total(in_sector)
