"""Sums over the firms of a block of slots, and how those of blocks become those of sectors and of the market.

Sums are taken slot by slot in each block while it is in the cache, and merged in block order, so that neither the
number of threads nor the width of a processor's vectors shows in their bits. Spreads are sums of squares about each
block's own mean, merged by the formulas of Chan, Golub and LeVeque (1979), which do not cancel.
"""

from collections import namedtuple

from abm.equations import loop_gain
from abm.market.mechanisms import attractiveness, innovation_speed, lead, stress
from abm.numerics.compilation import inlined
from abm.numerics.elementwise import select
from abm.numerics.vectormath import log

# Columns of State.sums, all but these over the firms that live: `top_1` to `top_4` are the largest customer bases,
# `leader` is the slot of the largest (-1 if no firm lives), and M2 a sum of squares about the mean.
Sums = namedtuple(
    "Sums",
    "N B B2 B_ln_B B_T B_C B_R theta omega stress speed virtuous B_virtuous loop_gain attraction "
    "top_1 top_2 top_3 top_4 leader shift_market shift_sector growth growth_N abs_growth growth2 "
    "T C R Q F M2_T M2_C M2_R M2_Q M2_F",
)
SUM = Sums(*range(len(Sums._fields)))
STRATEGY_SUMS = len(SUM)  # then ΣB of each strategy, then its number of firms
SPREAD = 5  # T C R Q F, whose sums lie side by side, and so do their M2


def sums_of(strategies: int) -> int:
    """Number of columns of State.sums for a number of strategies.

    Examples
    --------
    >>> sums_of(2) - sums_of(0)
    4
    """
    return STRATEGY_SUMS + 2 * strategies


@inlined
def strategies_in(sums):
    """The number of strategies of which there are sums."""
    return (sums.size - STRATEGY_SUMS) // 2


@inlined
def attract(firm, market, sector, work):
    """The attractiveness of each firm, 0 of a vacant slot; leaves ln B behind."""
    gamma, tau, beta = sector.competitiveness_elasticity, sector.quality_elasticity, market.network_effect
    for i in range(firm.B.size):
        work.ln_B[i] = log(firm.B[i])
    for i in range(firm.B.size):
        A = attractiveness(firm.C[i], firm.Q[i], work.ln_B[i], gamma, tau, beta)
        firm.attractiveness[i] = select(firm.B[i] > 0.0, A, 0.0)


@inlined
def sum_carried(firm, start, sums):
    """The sums that the next step needs: number of firms, B, T, R, attractiveness and the leader."""
    n, sum_B, sum_T, sum_R, attraction, top, leader = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1
    for i in range(firm.B.size):
        B = firm.B[i]
        if B > 0.0:
            n += 1.0
            sum_B += B
            sum_T += firm.T[i]
            sum_R += firm.R[i]
            attraction += firm.attractiveness[i]
            if top < B:
                top, leader = B, start + i
    sums[SUM.N], sums[SUM.B], sums[SUM.T], sums[SUM.R], sums[SUM.attraction] = n, sum_B, sum_T, sum_R, attraction
    sums[SUM.top_1], sums[SUM.leader] = top, leader


@inlined
def sum_weights(firm, sums):
    """Sums of θ and ω, which a review changes after the rest has been summed."""
    theta, omega = 0.0, 0.0
    for i in range(firm.B.size):
        if firm.B[i] > 0.0:
            theta += firm.theta[i]
            omega += firm.omega[i]
    sums[SUM.theta], sums[SUM.omega] = theta, omega


@inlined
def _rank(sums, base):
    """Put a customer base among the second to fourth largest if it is one."""
    if base > sums[SUM.top_4]:
        sums[SUM.top_4] = base
        if base > sums[SUM.top_3]:
            sums[SUM.top_4], sums[SUM.top_3] = sums[SUM.top_3], base
        if base > sums[SUM.top_2]:
            sums[SUM.top_3], sums[SUM.top_2] = sums[SUM.top_2], base


@inlined
def _recompute(firm, market, work):
    """Stress H and innovation speed V of the firms as they stand."""
    runway, phi = market.runway, market.innovation_drag
    for i in range(firm.F.size):
        work.challenge[i] = stress(firm.F[i], runway)
    for i in range(firm.T.size):
        work.speed[i] = innovation_speed(phi, lead(firm.T[i], firm.T0[i]))


@inlined
def _sum_levels(firm, start, unit, sums, work):
    """Sums of what is averaged over firms, by number or by customers, and the four largest customer bases."""
    strategies = strategies_in(sums)
    B2, B_ln_B, B_T, B_C, B_R = 0.0, 0.0, 0.0, 0.0, 0.0
    sum_C, sum_Q, sum_F, sum_stress, sum_speed = 0.0, 0.0, 0.0, 0.0, 0.0
    virtuous, B_virtuous, gain = 0.0, 0.0, 0.0
    sums[SUM.top_2 : SUM.top_4 + 1] = 0.0
    sums[STRATEGY_SUMS:] = 0.0
    for i in range(firm.B.size):
        B = firm.B[i]
        if B > 0.0:
            B2 += B * B
            B_ln_B += B * work.ln_B[i]
            B_T += B * firm.T[i]
            B_C += B * firm.C[i]
            B_R += B * firm.R[i]
            sum_C += firm.C[i]
            sum_Q += firm.Q[i]
            sum_F += firm.F[i] * unit
            sum_stress += work.challenge[i]
            sum_speed += work.speed[i]
            above = (firm.T[i] > firm.T0[i]) & (firm.C[i] > firm.C0[i]) & (firm.R[i] > firm.R0[i])
            virtuous += 1.0 if above else 0.0
            B_virtuous += B if above else 0.0
            gain += loop_gain(firm.k1[i], firm.k2[i], firm.k3[i], firm.T0[i], firm.C0[i], firm.R0[i])
            strategy = STRATEGY_SUMS + int(firm.strategy[i])
            sums[strategy] += B
            sums[strategy + strategies] += 1.0
            if (sums[SUM.top_4] < B) & (start + i != sums[SUM.leader]):
                _rank(sums, B)
    sums[SUM.B2], sums[SUM.B_ln_B], sums[SUM.B_T], sums[SUM.B_C], sums[SUM.B_R] = B2, B_ln_B, B_T, B_C, B_R
    sums[SUM.C], sums[SUM.Q], sums[SUM.F], sums[SUM.stress], sums[SUM.speed] = (
        sum_C,
        sum_Q,
        sum_F,
        sum_stress,
        sum_speed,
    )
    sums[SUM.virtuous], sums[SUM.B_virtuous], sums[SUM.loop_gain] = virtuous, B_virtuous, gain


@inlined
def _sum_spreads(firm, unit, sums):
    """Squared distances of T, C, R, Q and F from the block's own means."""
    n = max(sums[SUM.N], 1.0)
    mean_T, mean_C, mean_R = sums[SUM.T] / n, sums[SUM.C] / n, sums[SUM.R] / n
    mean_Q, mean_F = sums[SUM.Q] / n, sums[SUM.F] / n
    M2_T, M2_C, M2_R, M2_Q, M2_F = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(firm.B.size):
        if firm.B[i] > 0.0:
            M2_T += (firm.T[i] - mean_T) * (firm.T[i] - mean_T)
            M2_C += (firm.C[i] - mean_C) * (firm.C[i] - mean_C)
            M2_R += (firm.R[i] - mean_R) * (firm.R[i] - mean_R)
            M2_Q += (firm.Q[i] - mean_Q) * (firm.Q[i] - mean_Q)
            M2_F += (firm.F[i] * unit - mean_F) * (firm.F[i] * unit - mean_F)
    sums[SUM.M2_T], sums[SUM.M2_C], sums[SUM.M2_R], sums[SUM.M2_Q], sums[SUM.M2_F] = M2_T, M2_C, M2_R, M2_Q, M2_F


@inlined
def sum_block(firm, start, market, sector, measured, sums, work):
    """Sums over the firms of one block as they stand, and their attractiveness.

    Parameters
    ----------
    firm : Firm
    start : int
        The block's first slot.
    market, sector : records
        The parameters of the market and of the block's sector.
    measured : bool
        False leaves out what the next step does not need.
    sums : float64 array, shape (sums,)
        Filled. The sums of F are infinite or NaN where the runway is infinite.
    work : Work
    """
    attract(firm, market, sector, work)
    sum_carried(firm, start, sums)
    if measured:
        _recompute(firm, market, work)
        _sum_levels(firm, start, market.funds_unit, sums, work)
        _sum_spreads(firm, market.funds_unit, sums)
        sum_weights(firm, sums)


@inlined
def merge_carried(into, part):
    """Add what the next step needs of one group of firms to that of another; `into` may be empty (all 0)."""
    into[SUM.N] += part[SUM.N]
    into[SUM.B] += part[SUM.B]
    into[SUM.T] += part[SUM.T]
    into[SUM.R] += part[SUM.R]
    into[SUM.attraction] += part[SUM.attraction]
    if part[SUM.top_1] > into[SUM.top_1]:
        into[SUM.top_1], into[SUM.leader] = part[SUM.top_1], part[SUM.leader]


@inlined
def merge(into, part):
    """Add all sums of one group of firms to those of another; `into` may be empty (all 0)."""
    before, after = into[SUM.N], into[SUM.N] + part[SUM.N]
    if part[SUM.N] > 0.0:
        for x in range(SPREAD):
            gap = 0.0 if before == 0.0 else part[SUM.T + x] / part[SUM.N] - into[SUM.T + x] / before
            into[SUM.M2_T + x] += part[SUM.M2_T + x] + gap * gap * before * part[SUM.N] / after
    for place in range(SUM.top_2, SUM.top_4 + 1):
        _rank(into, part[place])
    # The loser of the two largest ranks among the others.
    _rank(into, min(into[SUM.top_1], part[SUM.top_1]))
    merge_carried(into, part)
    for place in range(SUM.B2, SUM.attraction):
        into[place] += part[place]
    for place in range(SUM.shift_market, SUM.growth2 + 1):
        into[place] += part[place]
    into[SUM.C] += part[SUM.C]
    into[SUM.Q] += part[SUM.Q]
    into[SUM.F] += part[SUM.F]
    for place in range(STRATEGY_SUMS, into.size):
        into[place] += part[place]


@inlined
def clear(sums):
    """Empty sums: no firm, no leader."""
    sums[:] = 0.0
    sums[SUM.leader] = -1.0
