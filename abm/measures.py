"""What is collected of a market at the end of a step: sums over firms by block, then one row of measures.

Sums are taken block by block while the block is in the cache, and merged in block order, so that any number of
threads gives the same bits. Spreads are sums of squares about each block's own mean, merged by the formulas of
Chan, Golub and LeVeque (1979), which do not cancel. Sums run over `LANES` interleaved partial sums, a shape that
processors with vectors of any width give the same bits for.
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
_SPREAD = (
    (at.T, SUM_T, M2_T),
    (at.C, SUM_C, M2_C),
    (at.R, SUM_R, M2_R),
    (at.Q, SUM_Q, M2_Q),
    (at.F, SUM_F, M2_F),
)
LANES = 16

# Scratch rows that the sums use; the stages of a step use the same ones before.
_WEIGHT, _LN_B, _VALUE, _STRESS, _SPEED, _LANES = range(6)


def sums_of(strategies: int) -> int:
    """Number of columns of State.sums for a number of strategies.

    Examples
    --------
    >>> sums_of(2) - sums_of(0)
    4
    """
    return STRATEGY_SUMS + 2 * strategies


# The three sums below are written out, and not made by one function from what they add: numba's cache tells compiled
# functions apart by name, and would take one made function for another.


@inlined
def _fold(lanes):
    width = LANES
    while width > 1:
        width //= 2
        for lane in range(width):
            lanes[lane] += lanes[lane + width]
    return lanes[0]


@inlined
def total(values, lanes):
    """Sum of values; `lanes` is room for `LANES` numbers."""
    whole = values.size - values.size % LANES
    for lane in range(LANES):
        lanes[lane] = 0.0
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            lanes[lane] += values[start + lane]
    for lane in range(values.size - whole):
        lanes[lane] += values[whole + lane]
    return _fold(lanes)


@inlined
def weighted_total(weights, values, lanes):
    """Sum of weights times values."""
    whole = values.size - values.size % LANES
    for lane in range(LANES):
        lanes[lane] = 0.0
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            lanes[lane] += weights[start + lane] * values[start + lane]
    for lane in range(values.size - whole):
        lanes[lane] += weights[whole + lane] * values[whole + lane]
    return _fold(lanes)


@inlined
def squares_about(weights, values, mean, lanes):
    """Sum of weights times squared distances of values from a mean."""
    whole = values.size - values.size % LANES
    for lane in range(LANES):
        lanes[lane] = 0.0
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            lanes[lane] += weights[start + lane] * ((values[start + lane] - mean) * (values[start + lane] - mean))
    for lane in range(values.size - whole):
        lanes[lane] += weights[whole + lane] * ((values[whole + lane] - mean) * (values[whole + lane] - mean))
    return _fold(lanes)


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
def _largest(customers, a, sums):
    """The four largest customer bases, and the slot of the largest (the lowest on a tie)."""
    first, second, third, fourth, leader = 0.0, 0.0, 0.0, 0.0, -1
    for i in range(customers.size):
        base = customers[i]
        if base > fourth:
            if base > first:
                first, second, third, fourth, leader = base, first, second, third, a + i
            elif base > second:
                second, third, fourth = base, second, third
            elif base > third:
                third, fourth = base, third
            else:
                fourth = base
    sums[TOP_1], sums[TOP_2], sums[TOP_3], sums[TOP_4], sums[LEADER] = first, second, third, fourth, leader


@inlined
def sum_weights(firms, a, b, sums, scratch):
    """Sums of θ and ω, which a review may change after the rest has been summed."""
    held = scratch[_WEIGHT, : b - a]
    customers = firms[at.B, a:b]
    for i in range(b - a):
        held[i] = 1.0 if customers[i] > 0.0 else 0.0
    sums[SUM_THETA] = weighted_total(held, firms[at.THETA, a:b], scratch[_LANES])
    sums[SUM_OMEGA] = weighted_total(held, firms[at.OMEGA, a:b], scratch[_LANES])


@inlined
def sum_block(firms, a, b, market, sector, strategies, sums, scratch):
    """All sums over the firms of one block, and their attractiveness, as the firms stand.

    Parameters
    ----------
    firms : float64 array, shape (26, capacity)
    a, b : int
        The block's slots.
    market, sector : float64 arrays
        The parameters of the market and of the block's sector.
    strategies : int
    sums : float64 array, shape (sums,)
        Filled.
    scratch : float64 array, shape (12, BLOCK)
    """
    n = b - a
    lanes, held, value = scratch[_LANES], scratch[_WEIGHT, :n], scratch[_VALUE, :n]
    ln_b, customers = scratch[_LN_B, :n], firms[at.B, a:b]
    technology, competitiveness, returns = firms[at.T, a:b], firms[at.C, a:b], firms[at.R, a:b]
    t0, c0, r0 = firms[at.T0, a:b], firms[at.C0, a:b], firms[at.R0, a:b]
    attractiveness(
        firms,
        a,
        b,
        sector[at.COMPETITIVENESS_ELASTICITY],
        sector[at.QUALITY_ELASTICITY],
        market[at.NETWORK_EFFECT],
        ln_b,
    )
    sums[SUM_ATTRACTION] = total(firms[at.ATTRACTIVENESS, a:b], lanes)
    sum_weights(firms, a, b, sums, scratch)
    sums[N] = total(held, lanes)
    sums[SUM_B] = total(customers, lanes)
    sums[SUM_B2] = weighted_total(customers, customers, lanes)
    sums[SUM_B_LN_B] = weighted_total(customers, ln_b, lanes)
    sums[SUM_BT] = weighted_total(customers, technology, lanes)
    sums[SUM_BC] = weighted_total(customers, competitiveness, lanes)
    sums[SUM_BR] = weighted_total(customers, returns, lanes)
    for row, mean_at, square_at in _SPREAD:
        if row == at.F and market[at.RUNWAY] == np.inf:
            sums[mean_at], sums[square_at] = np.nan, np.nan
        else:
            sums[mean_at] = weighted_total(held, firms[row, a:b], lanes)
            mean = sums[mean_at] / max(sums[N], 1.0)
            sums[square_at] = squares_about(held, firms[row, a:b], mean, lanes)
    stress(firms[at.F, a:b], market[at.RUNWAY], scratch[_STRESS, :n])
    innovation_speed(technology, t0, market[at.INNOVATION_DRAG], scratch[_SPEED, :n])
    sums[SUM_STRESS] = weighted_total(held, scratch[_STRESS, :n], lanes)
    sums[SUM_SPEED] = weighted_total(held, scratch[_SPEED, :n], lanes)
    for i in range(n):
        above = technology[i] > t0[i] and competitiveness[i] > c0[i] and returns[i] > r0[i]
        value[i] = held[i] if above else 0.0
    sums[SUM_VIRTUOUS] = total(value, lanes)
    sums[SUM_B_VIRTUOUS] = weighted_total(customers, value, lanes)
    k1, k2, k3 = firms[at.K1, a:b], firms[at.K2, a:b], firms[at.K3, a:b]
    for i in range(n):
        value[i] = loop_gain(k1[i], k2[i], k3[i], t0[i], c0[i], r0[i])
    sums[SUM_GAIN] = weighted_total(held, value, lanes)
    _largest(customers, a, sums)
    followed = firms[at.STRATEGY, a:b]
    for place in range(STRATEGY_SUMS, STRATEGY_SUMS + 2 * strategies):
        sums[place] = 0.0
    for i in range(n):
        place = STRATEGY_SUMS + int(followed[i])
        sums[place] += customers[i]
        sums[place + strategies] += held[i]


@inlined
def merge(into, part):
    """Add the sums of one group of firms to those of another; `into` may be empty (all 0)."""
    before, after = into[N], into[N] + part[N]
    if part[N] > 0.0:
        for _, mean_at, square_at in _SPREAD:
            gap = 0.0 if before == 0.0 else part[mean_at] / part[N] - into[mean_at] / before
            into[square_at] += part[square_at] + gap * gap * before * part[N] / after
            into[mean_at] += part[mean_at]
    if part[TOP_1] > into[TOP_1]:
        into[LEADER] = part[LEADER]
    for place in range(TOP_1, TOP_4 + 1):
        base, rank = part[place], TOP_4
        if base > into[rank]:
            while rank > TOP_1 and base > into[rank - 1]:
                into[rank] = into[rank - 1]
                rank -= 1
            into[rank] = base
    for place in range(TOP_1):
        into[place] += part[place]
    for place in range(SHIFT_MARKET, SUM_T):
        into[place] += part[place]
    for place in range(STRATEGY_SUMS, into.size):
        into[place] += part[place]


@inlined
def clear(sums):
    """Empty sums: no firm, no leader."""
    sums[:] = 0.0
    sums[LEADER] = -1.0


# Places of a row of measures, of the market or of a sector. Each of T C R Q F has five: mean, sd, three quantiles.
FIRMS, ENTRIES, EXITS, DIVERGED, HHI, CR4, TOP_SHARE, ENTROPY, GINI, SECTOR_HHI, DEMAND = range(11)
SPREADS = 11
(
    WEIGHTED_T, WEIGHTED_C, WEIGHTED_R, MEAN_THETA, MEAN_OMEGA, MEAN_STRESS, MEAN_SPEED, VIRTUOUS, VIRTUOUS_SHARE,
    MEAN_LOOP_GAIN, INSTABILITY, LEADER_CHANGED,
) = range(36, 48)  # fmt: skip
STRATEGY_MEASURES = 48  # then the share of each strategy, then its number of firms
QUANTILES = (0.1, 0.5, 0.9)


def measure_names(strategies: tuple[str, ...]) -> list[str]:
    """Names of a row's places.

    Examples
    --------
    >>> names = measure_names(("balanced",))
    >>> names[HHI], names[STRATEGY_MEASURES]
    ('hhi', 'share_balanced')
    """
    spreads = [f"{kind}_{x}" for x in "TCRQF" for kind in ("mean", "sd", "q10", "q50", "q90")]
    return [
        *(
            "firms",
            "entries",
            "exits",
            "diverged",
            "hhi",
            "cr4",
            "top_share",
            "entropy",
            "gini",
            "sector_hhi",
        ),
        "demand",
        *spreads,
        *("weighted_T", "weighted_C", "weighted_R", "mean_theta", "mean_omega", "mean_stress"),
        *("mean_innovation_speed", "virtuous", "virtuous_share", "mean_loop_gain", "instability"),
        "leader_changed",
        *(f"share_{name}" for name in strategies),
        *(f"firms_{name}" for name in strategies),
    ]


@inlined
def fill_row(sums, strategies, row):
    """Measures of a group of firms from its sums; what needs order statistics or the step before is left to others.

    Parameters
    ----------
    sums : float64 array, shape (sums,)
    strategies : int
    row : float64 array, shape (measures,)
        Filled: NaN where no firm lives, but for counts.
    """
    n, base = sums[N], sums[SUM_B]
    row[:] = np.nan
    row[FIRMS] = n
    row[INSTABILITY] = 0.0
    row[LEADER_CHANGED] = 0.0
    for k in range(strategies):
        row[STRATEGY_MEASURES + strategies + k] = sums[STRATEGY_SUMS + strategies + k]
    if n == 0.0:
        return
    row[HHI] = 1e4 * sums[SUM_B2] / (base * base)
    row[TOP_SHARE] = sums[TOP_1] / base
    row[CR4] = (sums[TOP_1] + sums[TOP_2] + sums[TOP_3] + sums[TOP_4]) / base
    row[ENTROPY] = log(base) - sums[SUM_B_LN_B] / base
    for x in range(5):
        row[SPREADS + 5 * x] = sums[SUM_T + x] / n
        row[SPREADS + 5 * x + 1] = np.sqrt(sums[M2_T + x] / n)
    row[WEIGHTED_T] = sums[SUM_BT] / base
    row[WEIGHTED_C] = sums[SUM_BC] / base
    row[WEIGHTED_R] = sums[SUM_BR] / base
    row[MEAN_THETA] = sums[SUM_THETA] / n
    row[MEAN_OMEGA] = sums[SUM_OMEGA] / n
    row[MEAN_STRESS] = sums[SUM_STRESS] / n
    row[MEAN_SPEED] = sums[SUM_SPEED] / n
    row[VIRTUOUS] = sums[SUM_VIRTUOUS] / n
    row[VIRTUOUS_SHARE] = sums[SUM_B_VIRTUOUS] / base
    row[MEAN_LOOP_GAIN] = sums[SUM_GAIN] / n
    for k in range(strategies):
        row[STRATEGY_MEASURES + k] = sums[STRATEGY_SUMS + k] / base


@inlined
def _living(firms, row, a, b):
    customers, values = firms[at.B], firms[row]
    kept = np.empty(b - a)
    n = 0
    for i in range(a, b):
        if customers[i] > 0.0:
            kept[n] = values[i]
            n += 1
    kept = kept[:n]
    kept.sort()
    return kept


@inlined
def fill_order_statistics(firms, a, b, finite_funds, row):
    """Gini of B and the quantiles of T C R Q F by linear interpolation, over the living firms of slots a to b."""
    customers = _living(firms, at.B, a, b)
    n = customers.size
    if n == 0:
        return
    ranked = 0.0
    for i in range(n):
        ranked += (2.0 * i + 1.0 - n) * customers[i]
    row[GINI] = ranked / (n * customers.sum())
    for x in range(5):
        if x == 4 and not finite_funds:
            continue
        values = _living(firms, _SPREAD[x][0], a, b)
        for q in range(3):
            position = QUANTILES[q] * (n - 1)
            low = int(position)
            high = min(low + 1, n - 1)
            row[SPREADS + 5 * x + 2 + q] = values[low] + (values[high] - values[low]) * (position - low)
