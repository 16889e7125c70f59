"""Sums over the firms of a block of slots, and how those of blocks become those of sectors and of the market.

Sums are taken slot by slot in each block while it is in the cache, and merged in block order, so that neither the
number of threads nor the width of a processor's vectors shows in their bits. Spreads are sums of squares about each
block's own mean, merged by the formulas of Chan, Golub and LeVeque (1979), which do not cancel.
"""

import numpy as np

from abm import state as at
from abm.compilation import inlined
from abm.equations import loop_gain
from abm.vectormath import exp, log

# Columns of State.sums.
(
    N, SUM_B, SUM_B2, SUM_B_LN_B, SUM_BT, SUM_BC, SUM_BR, SUM_THETA, SUM_OMEGA, SUM_STRESS, SUM_SPEED, SUM_VIRTUOUS,
    SUM_B_VIRTUOUS, SUM_GAIN, SUM_ATTRACTION, TOP_1, TOP_2, TOP_3, TOP_4, LEADER, SHIFT_MARKET, SHIFT_SECTOR,
    SUM_GROWTH, GROWTH_N, ABS_GROWTH, GROWTH_2, SUM_T, SUM_C, SUM_R, SUM_Q, SUM_F, M2_T, M2_C, M2_R, M2_Q, M2_F,
) = range(36)  # fmt: skip
STRATEGY_SUMS = 36  # then ΣB of each strategy, then its number of firms

# Rows of a thread's scratch that the sums use; the stages of a step use them before.
_LN_B, _STRESS, _SPEED = range(3)


def sums_of(strategies: int) -> int:
    """Number of columns of State.sums for a number of strategies.

    Examples
    --------
    >>> sums_of(2) - sums_of(0)
    4
    """
    return STRATEGY_SUMS + 2 * strategies


@inlined
def stress(funds, runway, out):
    """Stage 2, commercialisation challenge: H = clip(1 − F/F̄, 0, 1), and 0 without a runway (§2.2.3)."""
    if runway == np.inf:
        for i in range(out.size):
            out[i] = 0.0
    else:
        for i in range(out.size):
            out[i] = min(max(1.0 - funds[i] / runway, 0.0), 1.0)


@inlined
def innovation_speed(technology, baseline, drag, out):
    """Stage 3: V = 1 / (1 + φℓ) with the lead ℓ = max(0, T/T0 − 1) (§2.2.1)."""
    for i in range(out.size):
        out[i] = 1.0 / (1.0 + drag * max(0.0, technology[i] / baseline[i] - 1.0))


@inlined
def attractiveness(firms, a, b, gamma, tau, beta, ln_b):
    """Stage 1: A = C^γ · Q^τ · B^β, 0 for a vacant slot; leaves ln B in `ln_b`."""
    customers, competitiveness, quality = firms[at.B, a:b], firms[at.C, a:b], firms[at.Q, a:b]
    appeal = firms[at.ATTRACTIVENESS, a:b]
    for i in range(b - a):
        ln_b[i] = log(customers[i])
    for i in range(b - a):
        power = gamma * log(competitiveness[i]) + tau * log(quality[i]) + beta * ln_b[i]
        appeal[i] = exp(power) if customers[i] > 0.0 else 0.0


@inlined
def sum_carried(firms, a, b, sums):
    """The sums that the next step needs: number of firms, B, T, R, attractiveness and the leader."""
    customers, appeal = firms[at.B, a:b], firms[at.ATTRACTIVENESS, a:b]
    technology, returns = firms[at.T, a:b], firms[at.R, a:b]
    n, sum_b, sum_t, sum_r, attraction, top, leader = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1
    for i in range(b - a):
        base = customers[i]
        if base > 0.0:
            n += 1.0
            sum_b += base
            sum_t += technology[i]
            sum_r += returns[i]
            attraction += appeal[i]
            if base > top:
                top, leader = base, a + i
    sums[N], sums[SUM_B], sums[SUM_T], sums[SUM_R], sums[SUM_ATTRACTION] = n, sum_b, sum_t, sum_r, attraction
    sums[TOP_1], sums[LEADER] = top, leader


@inlined
def sum_weights(firms, a, b, sums):
    """Sums of θ and ω, which a review changes after the rest has been summed."""
    customers, theta, omega = firms[at.B, a:b], firms[at.THETA, a:b], firms[at.OMEGA, a:b]
    sum_theta, sum_omega = 0.0, 0.0
    for i in range(b - a):
        if customers[i] > 0.0:
            sum_theta += theta[i]
            sum_omega += omega[i]
    sums[SUM_THETA], sums[SUM_OMEGA] = sum_theta, sum_omega


@inlined
def _rank(sums, base):
    """Put a customer base among the second to fourth largest if it is one."""
    if base > sums[TOP_4]:
        sums[TOP_4] = base
        if base > sums[TOP_3]:
            sums[TOP_4], sums[TOP_3] = sums[TOP_3], base
        if base > sums[TOP_2]:
            sums[TOP_3], sums[TOP_2] = sums[TOP_2], base


@inlined
def _sum_levels(firms, a, b, strategies, unit, ln_b, challenge, speed, sums):
    """Sums of what is averaged over firms, by number or by customers, and the four largest customer bases."""
    customers, followed = firms[at.B, a:b], firms[at.STRATEGY, a:b]
    technology, competitiveness, returns = firms[at.T, a:b], firms[at.C, a:b], firms[at.R, a:b]
    quality, funds = firms[at.Q, a:b], firms[at.F, a:b]
    t0, c0, r0 = firms[at.T0, a:b], firms[at.C0, a:b], firms[at.R0, a:b]
    k1, k2, k3 = firms[at.K1, a:b], firms[at.K2, a:b], firms[at.K3, a:b]
    square, b_ln_b, bt, bc, br = 0.0, 0.0, 0.0, 0.0, 0.0
    sum_c, sum_q, sum_f, sum_stress, sum_speed = 0.0, 0.0, 0.0, 0.0, 0.0
    virtuous, b_virtuous, gain = 0.0, 0.0, 0.0
    sums[TOP_2 : TOP_4 + 1] = 0.0
    for place in range(STRATEGY_SUMS, STRATEGY_SUMS + 2 * strategies):
        sums[place] = 0.0
    for i in range(b - a):
        base = customers[i]
        if base > 0.0:
            square += base * base
            b_ln_b += base * ln_b[i]
            bt += base * technology[i]
            bc += base * competitiveness[i]
            br += base * returns[i]
            sum_c += competitiveness[i]
            sum_q += quality[i]
            sum_f += funds[i] * unit
            sum_stress += challenge[i]
            sum_speed += speed[i]
            above = (technology[i] > t0[i]) & (competitiveness[i] > c0[i]) & (returns[i] > r0[i])
            virtuous += 1.0 if above else 0.0
            b_virtuous += base if above else 0.0
            gain += loop_gain(k1[i], k2[i], k3[i], t0[i], c0[i], r0[i])
            place = STRATEGY_SUMS + int(followed[i])
            sums[place] += base
            sums[place + strategies] += 1.0
            if (base > sums[TOP_4]) & (a + i != sums[LEADER]):
                _rank(sums, base)
    sums[SUM_B2], sums[SUM_B_LN_B], sums[SUM_BT], sums[SUM_BC], sums[SUM_BR] = square, b_ln_b, bt, bc, br
    sums[SUM_C], sums[SUM_Q], sums[SUM_F], sums[SUM_STRESS], sums[SUM_SPEED] = (
        sum_c,
        sum_q,
        sum_f,
        sum_stress,
        sum_speed,
    )
    sums[SUM_VIRTUOUS], sums[SUM_B_VIRTUOUS], sums[SUM_GAIN] = virtuous, b_virtuous, gain


@inlined
def _sum_spreads(firms, a, b, unit, sums):
    """Squared distances of T, C, R, Q and F from the block's own means."""
    customers, funds = firms[at.B, a:b], firms[at.F, a:b]
    technology, competitiveness = firms[at.T, a:b], firms[at.C, a:b]
    returns, quality = firms[at.R, a:b], firms[at.Q, a:b]
    n = max(sums[N], 1.0)
    mean_t, mean_c, mean_r = sums[SUM_T] / n, sums[SUM_C] / n, sums[SUM_R] / n
    mean_q, mean_f = sums[SUM_Q] / n, sums[SUM_F] / n
    square_t, square_c, square_r, square_q, square_f = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(b - a):
        if customers[i] > 0.0:
            square_t += (technology[i] - mean_t) * (technology[i] - mean_t)
            square_c += (competitiveness[i] - mean_c) * (competitiveness[i] - mean_c)
            square_r += (returns[i] - mean_r) * (returns[i] - mean_r)
            square_q += (quality[i] - mean_q) * (quality[i] - mean_q)
            square_f += (funds[i] * unit - mean_f) * (funds[i] * unit - mean_f)
    sums[M2_T], sums[M2_C], sums[M2_R], sums[M2_Q], sums[M2_F] = square_t, square_c, square_r, square_q, square_f


@inlined
def sum_block(firms, a, b, market, sector, strategies, measured, sums, scratch):
    """Sums over the firms of one block as they stand, and their attractiveness.

    Parameters
    ----------
    firms : float64 array, shape (26, capacity)
    a, b : int
        The block's slots.
    market, sector : float64 arrays
        The parameters of the market and of the block's sector.
    strategies : int
    measured : bool
        False leaves out what the next step does not need.
    sums : float64 array, shape (sums,)
        Filled. The sums of F are infinite or NaN where the runway is infinite.
    scratch : float64 array, shape (10, BLOCK)
    """
    ln_b, challenge, speed = scratch[_LN_B, : b - a], scratch[_STRESS, : b - a], scratch[_SPEED, : b - a]
    gamma, tau = sector[at.COMPETITIVENESS_ELASTICITY], sector[at.QUALITY_ELASTICITY]
    attractiveness(firms, a, b, gamma, tau, market[at.NETWORK_EFFECT], ln_b)
    sum_carried(firms, a, b, sums)
    if measured:
        stress(firms[at.F, a:b], market[at.RUNWAY], challenge)
        innovation_speed(firms[at.T, a:b], firms[at.T0, a:b], market[at.INNOVATION_DRAG], speed)
        unit = market[at.FUNDS_UNIT]
        _sum_levels(firms, a, b, strategies, unit, ln_b, challenge, speed, sums)
        _sum_spreads(firms, a, b, unit, sums)
        sum_weights(firms, a, b, sums)


@inlined
def merge_carried(into, part):
    """Add what the next step needs of one group of firms to that of another; `into` may be empty (all 0)."""
    into[N] += part[N]
    into[SUM_B] += part[SUM_B]
    into[SUM_T] += part[SUM_T]
    into[SUM_R] += part[SUM_R]
    into[SUM_ATTRACTION] += part[SUM_ATTRACTION]
    if part[TOP_1] > into[TOP_1]:
        into[TOP_1], into[LEADER] = part[TOP_1], part[LEADER]


@inlined
def merge(into, part):
    """Add all sums of one group of firms to those of another; `into` may be empty (all 0)."""
    before, after = into[N], into[N] + part[N]
    if part[N] > 0.0:
        for x in range(5):
            gap = 0.0 if before == 0.0 else part[SUM_T + x] / part[N] - into[SUM_T + x] / before
            into[M2_T + x] += part[M2_T + x] + gap * gap * before * part[N] / after
    for place in range(TOP_2, TOP_4 + 1):
        _rank(into, part[place])
    # The loser of the two largest ranks among the others.
    _rank(into, min(into[TOP_1], part[TOP_1]))
    merge_carried(into, part)
    for place in range(SUM_B2, SUM_ATTRACTION):
        into[place] += part[place]
    for place in range(SHIFT_MARKET, GROWTH_2 + 1):
        into[place] += part[place]
    into[SUM_C] += part[SUM_C]
    into[SUM_Q] += part[SUM_Q]
    into[SUM_F] += part[SUM_F]
    for place in range(STRATEGY_SUMS, into.size):
        into[place] += part[place]


@inlined
def clear(sums):
    """Empty sums: no firm, no leader."""
    sums[:] = 0.0
    sums[LEADER] = -1.0
