"""Sums over the firms of a block of slots, and how those of blocks become those of sectors and of the market.

Sums are taken eight slots at a time in each block while it is in the cache, the eight of them are added up in one
order, and blocks are merged in theirs, so that neither the number of threads nor the width of a processor's registers
shows in the bits. Spreads are sums of squares about each
block's own mean, merged by the formulas of Chan, Golub and LeVeque (1979), which do not cancel.
"""

from collections import namedtuple

import numpy as np

from abm.equations import loop_gain
from abm.market.arrays import WORK
from abm.market.firms import FIRM, firms_at
from abm.market.mechanisms import attractiveness, innovation_speed, lead, stress
from abm.numerics.compilation import inlined
from abm.numerics.elementwise import fma, maximum, minimum, select
from abm.numerics.lanes import (
    WIDTH,
    first_lanes,
    get,
    largest_lane,
    lowest,
    put,
    slots_from,
    smallest_lane,
    splat,
    total,
)
from abm.numerics.vectormath import LN2, log2

# Columns of State.sums, all but these over the firms that live: `top_1` to `top_4` are the largest customer bases,
# `leader` is the slot of the largest (-1 if no firm lives), `best` that of the largest Q, and M2 a sum of squares about
# the mean.
Sums = namedtuple(
    "Sums",
    "N B B2 B_ln_B B_T B_C B_R theta omega stress speed virtuous B_virtuous loop_gain attraction "
    "top_1 top_2 top_3 top_4 leader best_Q best shift_market shift_sector growth growth_N abs_growth growth2 "
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
def _plus(so_far, counts, x):
    """A sum and one more number in the lanes that count."""
    return select(counts, so_far + x, so_far)


@inlined
def _plus_product(so_far, counts, x, y):
    return select(counts, fma(x, y, so_far), so_far)


@inlined
def _largest(top, slot):
    """The largest of eight numbers above 0 and its slot, the lowest on a tie; -1 if none is above 0."""
    largest = largest_lane(top)
    return largest, smallest_lane(select(top == largest, slot, np.inf)) if largest > 0.0 else -1.0


@inlined
def attract_and_sum(firms, block, taste, scratch, sums):
    """The attractiveness of each firm, 0 of a vacant slot, and the sums that the next step needs.

    These are the number of firms, B, T, R, attractiveness and the leader. Leaves log2 B in the scratch.
    """
    gamma, tau, beta = taste.competitiveness_elasticity, taste.quality_elasticity, taste.network_effect
    n, sum_B, sum_T, sum_R, attraction = splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    top, leader = splat(0.0), splat(-1.0)
    for i in range(block.start, block.stop, WIDTH):
        here, firm = first_lanes(block.stop - i), firms_at(firms, i)
        alive = here & (firm.B > 0.0)
        B, log2_B = select(alive, firm.B, 0.0), log2(firm.B)
        A = select(alive, attractiveness(firm.C, firm.Q, log2_B, gamma, tau, beta), 0.0)
        put(scratch, WORK.log2_B, i - block.start, log2_B, first_lanes(WIDTH))
        put(firms, FIRM.attractiveness, i, A, here)
        n = _plus(n, alive, 1.0)
        sum_B += B
        attraction += A
        sum_T = _plus(sum_T, alive, firm.T)
        sum_R = _plus(sum_R, alive, firm.R)
        above = top < B
        top, leader = select(above, B, top), select(above, slots_from(i), leader)
    sums[SUM.N], sums[SUM.B], sums[SUM.T], sums[SUM.R] = total(n), total(sum_B), total(sum_T), total(sum_R)
    sums[SUM.attraction] = total(attraction)
    sums[SUM.top_1], sums[SUM.leader] = _largest(top, leader)


@inlined
def sum_best(firms, block, sums):
    """The largest Q and its slot."""
    top, best = splat(0.0), splat(-1.0)
    for i in range(block.start, block.stop, WIDTH):
        firm = firms_at(firms, i)
        above = first_lanes(block.stop - i) & (firm.B > 0.0) & (top < firm.Q)
        top, best = select(above, firm.Q, top), select(above, slots_from(i), best)
    sums[SUM.best_Q], sums[SUM.best] = _largest(top, best)


@inlined
def sum_bases(firms, block):
    """ΣB of a block, as `attract_and_sum` takes it."""
    sum_B = splat(0.0)
    for i in range(block.start, block.stop, WIDTH):
        sum_B += select(first_lanes(block.stop - i), get(firms, FIRM.B, i), 0.0)
    return total(sum_B)


@inlined
def sum_weights(firms, block, sums):
    """Sums of θ and ω, which a review changes after the rest has been summed."""
    theta, omega = splat(0.0), splat(0.0)
    for i in range(block.start, block.stop, WIDTH):
        firm = firms_at(firms, i)
        alive = first_lanes(block.stop - i) & (firm.B > 0.0)
        theta, omega = _plus(theta, alive, firm.theta), _plus(omega, alive, firm.omega)
    sums[SUM.theta], sums[SUM.omega] = total(theta), total(omega)


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
def _sum_levels(firms, block, market, scratch, sums):
    """Sums of what is averaged over firms, by number or by customers."""
    none = splat(0.0)
    B2, B_ln_B, B_T, B_C, B_R = none, none, none, none, none
    sum_C, sum_Q, sum_F, sum_stress, sum_speed = none, none, none, none, none
    theta, omega, virtuous, B_virtuous, gain = none, none, none, none, none
    for i in range(block.start, block.stop, WIDTH):
        firm = firms_at(firms, i)
        alive = first_lanes(block.stop - i) & (firm.B > 0.0)
        B = select(alive, firm.B, 0.0)  # a product with it needs no further choice
        B2 = fma(B, B, B2)
        B_ln_B = fma(B, get(scratch, WORK.log2_B, i - block.start), B_ln_B)
        B_T, B_C, B_R = fma(B, firm.T, B_T), fma(B, firm.C, B_C), fma(B, firm.R, B_R)
        sum_C = _plus(sum_C, alive, firm.C)
        sum_Q = _plus(sum_Q, alive, firm.Q)
        sum_F = _plus_product(sum_F, alive, firm.F, market.funds_unit)
        sum_stress = _plus(sum_stress, alive, stress(firm.F, market.runway))
        V = innovation_speed(market.innovation_drag, lead(firm.T, firm.T0), firm.T0)
        sum_speed = _plus(sum_speed, alive, V)
        theta, omega = _plus(theta, alive, firm.theta), _plus(omega, alive, firm.omega)
        above = alive & (firm.T > firm.T0) & (firm.C > firm.C0) & (firm.R > firm.R0)
        virtuous, B_virtuous = _plus(virtuous, above, 1.0), _plus(B_virtuous, above, B)
        gain = _plus(gain, alive, loop_gain(firm.k1, firm.k2, firm.k3, firm.T0, firm.C0, firm.R0))
    sums[SUM.B2], sums[SUM.B_ln_B] = total(B2), LN2 * total(B_ln_B)
    sums[SUM.B_T], sums[SUM.B_C], sums[SUM.B_R] = total(B_T), total(B_C), total(B_R)
    sums[SUM.C], sums[SUM.Q], sums[SUM.F] = total(sum_C), total(sum_Q), total(sum_F)
    sums[SUM.stress], sums[SUM.speed] = total(sum_stress), total(sum_speed)
    sums[SUM.theta], sums[SUM.omega] = total(theta), total(omega)
    sums[SUM.virtuous], sums[SUM.B_virtuous], sums[SUM.loop_gain] = total(virtuous), total(B_virtuous), total(gain)


@inlined
def _sum_spreads(firms, block, unit, sums):
    """Squared distances of T, C, R, Q and F from the block's own means, and the four largest customer bases."""
    n = max(sums[SUM.N], 1.0)
    mean_T, mean_C, mean_R = sums[SUM.T] / n, sums[SUM.C] / n, sums[SUM.R] / n
    mean_Q, mean_F = sums[SUM.Q] / n, sums[SUM.F] / n
    none = splat(0.0)
    M2_T, M2_C, M2_R, M2_Q, M2_F = none, none, none, none, none
    first, second, third, fourth = none, none, none, none
    for i in range(block.start, block.stop, WIDTH):
        firm = firms_at(firms, i)
        alive = first_lanes(block.stop - i) & (firm.B > 0.0)
        M2_T = _plus_product(M2_T, alive, firm.T - mean_T, firm.T - mean_T)
        M2_C = _plus_product(M2_C, alive, firm.C - mean_C, firm.C - mean_C)
        M2_R = _plus_product(M2_R, alive, firm.R - mean_R, firm.R - mean_R)
        M2_Q = _plus_product(M2_Q, alive, firm.Q - mean_Q, firm.Q - mean_Q)
        F = fma(firm.F, unit, -mean_F)
        M2_F = _plus_product(M2_F, alive, F, F)
        # The four largest of each lane: a base pushes what is smaller one place on.
        base = select(alive, firm.B, 0.0)
        first, base = maximum(first, base), minimum(first, base)
        second, base = maximum(second, base), minimum(second, base)
        third, base = maximum(third, base), minimum(third, base)
        fourth = maximum(fourth, base)
    sums[SUM.M2_T], sums[SUM.M2_C], sums[SUM.M2_R] = total(M2_T), total(M2_C), total(M2_R)
    sums[SUM.M2_Q], sums[SUM.M2_F] = total(M2_Q), total(M2_F)
    for rank in range(4):
        largest = largest_lane(first)
        sums[SUM.top_1 + rank] = largest
        _, others = lowest(first == largest)
        taken = (first == largest) & ~others
        first, second = select(taken, second, first), select(taken, third, second)
        third, fourth = select(taken, fourth, third), select(taken, 0.0, fourth)


@inlined
def _sum_strategies(firms, block, sums):
    """ΣB and number of firms of each strategy, two at a time, since a sum waits for its last addition."""
    strategies = strategies_in(sums)
    none = splat(0.0)
    for k in range(0, strategies, 2):
        bases, count, next_bases, next_count = none, none, none, none
        for i in range(block.start, block.stop, WIDTH):
            firm = firms_at(firms, i)
            alive = first_lanes(block.stop - i) & (firm.B > 0.0)
            follows, follows_next = alive & (firm.strategy == k), alive & (firm.strategy == k + 1)
            bases, count = _plus(bases, follows, firm.B), _plus(count, follows, 1.0)
            next_bases, next_count = _plus(next_bases, follows_next, firm.B), _plus(next_count, follows_next, 1.0)
        own = STRATEGY_SUMS + k
        sums[own], sums[own + strategies] = total(bases), total(count)
        if k + 1 < strategies:
            sums[own + 1], sums[own + 1 + strategies] = total(next_bases), total(next_count)


@inlined
def sum_block(firms, block, market, taste, measured, sums, scratch):
    """Sums over the firms of one block as they stand, and their attractiveness.

    Parameters
    ----------
    firms : float64 array, shape (30, capacity)
    block : record
    market : MarketParameters
    taste : SectorParameters
        Of the block's sector.
    measured : bool
        False leaves out what the next step does not need.
    sums : float64 array, shape (sums,)
        Filled. The sums of F are infinite or NaN where the runway is infinite.
    scratch : float64 array, shape (6, BLOCK)
    """
    attract_and_sum(firms, block, taste, scratch, sums)
    if measured:
        _sum_levels(firms, block, market, scratch, sums)
        _sum_spreads(firms, block, market.funds_unit, sums)
        _sum_strategies(firms, block, sums)


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
    if part[SUM.best_Q] > into[SUM.best_Q]:
        into[SUM.best_Q], into[SUM.best] = part[SUM.best_Q], part[SUM.best]


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
    sums[SUM.leader], sums[SUM.best] = -1.0, -1.0
