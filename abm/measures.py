"""The measures of a market or of a sector at the end of a step: one row of numbers from the sums over its firms."""

import numpy as np

from abm import state as at
from abm.compilation import allocating, inlined
from abm.ordering import in_order, of_ranks
from abm.sums import (
    M2_T,
    STRATEGY_SUMS,
    SUM_B,
    SUM_B2,
    SUM_B_LN_B,
    SUM_B_VIRTUOUS,
    SUM_BC,
    SUM_BR,
    SUM_BT,
    SUM_GAIN,
    SUM_OMEGA,
    SUM_SPEED,
    SUM_STRESS,
    SUM_T,
    SUM_THETA,
    SUM_VIRTUOUS,
    TOP_1,
    TOP_2,
    TOP_3,
    TOP_4,
    N,
)
from abm.vectormath import log

# Places of a row of measures, of the market or of a sector. Each of T C R Q F has five: mean, sd, three quantiles.
FIRMS, ENTRIES, EXITS, DIVERGED, HHI, CR4, TOP_SHARE, ENTROPY, GINI, SECTOR_HHI, DEMAND = range(11)
SPREADS = 11
MEAN_T = SPREADS
_SPREAD_ROWS = (at.T, at.C, at.R, at.Q, at.F)
(
    WEIGHTED_T, WEIGHTED_C, WEIGHTED_R, MEAN_THETA, MEAN_OMEGA, MEAN_STRESS, MEAN_SPEED, VIRTUOUS, VIRTUOUS_SHARE,
    MEAN_LOOP_GAIN, INSTABILITY, LEADER_CHANGED, CONSUMER_SURPLUS,
) = range(36, 49)  # fmt: skip
STRATEGY_MEASURES = 49  # then the share of each strategy, then its number of firms
QUANTILES = (0.1, 0.5, 0.9)
# What the tables of steps do not have: the market has no demand of its own, sectors have no HHI over sectors, and the
# consumer surplus is for the outcomes.
MARKET_LACKS, SECTORS_LACK = {DEMAND, CONSUMER_SURPLUS}, {SECTOR_HHI, CONSUMER_SURPLUS}
_LARGEST = np.finfo(np.float64).max


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
        "consumer_surplus",
        *(f"share_{name}" for name in strategies),
        *(f"firms_{name}" for name in strategies),
    ]


@inlined
def fill_row(sums, strategies, funds_unit, row):
    """Measures of a group of firms from its sums; what needs order statistics or the step before is left to others.

    Parameters
    ----------
    sums : float64 array, shape (sums,)
    strategies : int
    funds_unit : float
        In which funds were summed.
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
        if sums[SUM_T + x] < np.inf:  # funds without a runway are infinite
            unit = funds_unit if x == 4 else 1.0
            row[SPREADS + 5 * x] = min(sums[SUM_T + x] / n / unit, _LARGEST)
            row[SPREADS + 5 * x + 1] = np.sqrt(sums[M2_T + x] / n) / unit
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
def _living(firms, row, kept):
    """A variable of the living firms in the order of their slots, so that those of a sector are side by side."""
    customers, values, n = firms[at.B], firms[row], 0
    for i in range(customers.size):
        if customers[i] > 0.0:
            kept[n] = values[i] + 0.0  # makes -0.0 a plain zero, whose bits are in order
            n += 1


@allocating
def _gini(customers):
    ordered, n, ranked = in_order(customers), customers.size, 0.0
    for i in range(n):
        ranked += (2.0 * i + 1.0 - n) * ordered[i]
    return ranked / (n * ordered.sum())


@allocating
def _fill_quantiles(values, quantiles):
    ranks, found, last = np.empty(6, dtype=np.int64), np.empty(6), values.size - 1
    for q in range(3):
        low = int(QUANTILES[q] * last)
        ranks[2 * q], ranks[2 * q + 1] = low, min(low + 1, last)
    of_ranks(values, ranks, found)
    for q in range(3):
        position, low, high = QUANTILES[q] * last, found[2 * q], found[2 * q + 1]
        quantiles[q] = low + (high - low) * (position - int(position))


@allocating
def fill_order_statistics(firms, finite_funds, rows):
    """Gini of B and the quantiles of T C R Q F by linear interpolation, over the living firms of each row's group.

    Parameters
    ----------
    firms : float64 array, shape (30, capacity)
    finite_funds : bool
    rows : float64 array, shape (1 + sectors, measures)
        The market's and the sectors', with their numbers of firms.
    """
    kept = np.empty(int(rows[0, FIRMS]))
    for x in range(-1, 5):
        if x == 4 and not finite_funds:
            continue
        _living(firms, at.B if x < 0 else _SPREAD_ROWS[x], kept)
        end = 0
        for group in range(rows.shape[0]):
            begin = 0 if group == 0 else end
            stop = begin + int(rows[group, FIRMS])
            end = 0 if group == 0 else stop
            if stop == begin:
                continue
            if x < 0:
                rows[group, GINI] = _gini(kept[begin:stop])
            else:
                first = SPREADS + 5 * x + 2
                _fill_quantiles(kept[begin:stop], rows[group, first : first + 3])
