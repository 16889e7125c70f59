"""The measures of a market or of a sector at the end of a step: one row of numbers from the sums over its firms."""

from collections import namedtuple

import numpy as np

from abm.market.arrays import FIRM
from abm.market.sums import SPREAD, STRATEGY_SUMS, SUM, strategies_in
from abm.numerics.compilation import allocating, inlined
from abm.numerics.order_statistics import in_order, of_ranks
from abm.numerics.vectormath import log

# The one table of measures: their names in the order of a row, which is that of columns too. What needs order
# statistics is left out at the level `light`.
Measures = namedtuple(
    "Measures",
    "firms entries exits diverged hhi cr4 top_share entropy gini sector_hhi demand "
    "mean_T sd_T q10_T q50_T q90_T mean_C sd_C q10_C q50_C q90_C mean_R sd_R q10_R q50_R q90_R "
    "mean_Q sd_Q q10_Q q50_Q q90_Q mean_F sd_F q10_F q50_F q90_F weighted_T weighted_C weighted_R "
    "mean_theta mean_omega mean_stress mean_innovation_speed virtuous virtuous_share mean_loop_gain "
    "instability leader_changed consumer_surplus",
)
MEASURE = Measures(*range(len(Measures._fields)))  # the place of each in a row
STRATEGY_MEASURES = len(MEASURE)  # then the share of each strategy, then its number of firms
COUNTS = (MEASURE.firms, MEASURE.entries, MEASURE.exits, MEASURE.diverged, MEASURE.leader_changed)
ORDER_STATISTICS = {MEASURE.gini, *(MEASURE.mean_T + 5 * x + q for x in range(SPREAD) for q in (2, 3, 4))}
# What the tables of steps do not have: the market has no demand of its own, sectors have no HHI over sectors, and the
# consumer surplus is for the outcomes.
MARKET_LACKS = {MEASURE.demand, MEASURE.consumer_surplus}
SECTORS_LACK = {MEASURE.sector_hhi, MEASURE.consumer_surplus}

QUANTILES = (0.1, 0.5, 0.9)
_SPREAD_ROWS = (FIRM.T, FIRM.C, FIRM.R, FIRM.Q, FIRM.F)
_LARGEST = np.finfo(np.float64).max


def measure_names(strategies: tuple[str, ...]) -> list[str]:
    """Names of a row's columns.

    Examples
    --------
    >>> names = measure_names(("balanced",))
    >>> names[MEASURE.hhi], names[STRATEGY_MEASURES]
    ('hhi', 'share_balanced')
    """
    return [*MEASURE._fields, *(f"share_{name}" for name in strategies), *(f"firms_{name}" for name in strategies)]


@inlined
def fill_row(sums, funds_unit, row):
    """Measures of a group of firms from its sums; what needs order statistics or the step before is left to others.

    Parameters
    ----------
    sums : float64 array, shape (sums,)
    funds_unit : float
        In which funds were summed.
    row : float64 array, shape (measures,)
        Filled: NaN where no firm lives, but for counts.
    """
    n, B, strategies = sums[SUM.N], sums[SUM.B], strategies_in(sums)
    row[:] = np.nan
    row[MEASURE.firms] = n
    row[MEASURE.entries : MEASURE.diverged + 1] = 0.0
    row[MEASURE.instability] = 0.0
    row[MEASURE.leader_changed] = 0.0
    for k in range(strategies):
        row[STRATEGY_MEASURES + strategies + k] = sums[STRATEGY_SUMS + strategies + k]
    if n == 0.0:
        return
    row[MEASURE.hhi] = 1e4 * sums[SUM.B2] / (B * B)
    row[MEASURE.top_share] = sums[SUM.top_1] / B
    row[MEASURE.cr4] = (sums[SUM.top_1] + sums[SUM.top_2] + sums[SUM.top_3] + sums[SUM.top_4]) / B
    row[MEASURE.entropy] = log(B) - sums[SUM.B_ln_B] / B
    for x in range(SPREAD):
        if sums[SUM.T + x] < np.inf:  # funds without a runway are infinite
            unit = funds_unit if x == SPREAD - 1 else 1.0
            row[MEASURE.mean_T + 5 * x] = min(sums[SUM.T + x] / n / unit, _LARGEST)
            row[MEASURE.sd_T + 5 * x] = np.sqrt(sums[SUM.M2_T + x] / n) / unit
    row[MEASURE.weighted_T] = sums[SUM.B_T] / B
    row[MEASURE.weighted_C] = sums[SUM.B_C] / B
    row[MEASURE.weighted_R] = sums[SUM.B_R] / B
    row[MEASURE.mean_theta] = sums[SUM.theta] / n
    row[MEASURE.mean_omega] = sums[SUM.omega] / n
    row[MEASURE.mean_stress] = sums[SUM.stress] / n
    row[MEASURE.mean_innovation_speed] = sums[SUM.speed] / n
    row[MEASURE.virtuous] = sums[SUM.virtuous] / n
    row[MEASURE.virtuous_share] = sums[SUM.B_virtuous] / B
    row[MEASURE.mean_loop_gain] = sums[SUM.loop_gain] / n
    for k in range(strategies):
        row[STRATEGY_MEASURES + k] = sums[STRATEGY_SUMS + k] / B


@inlined
def _living(firms, row, kept):
    """A variable of the living firms in the order of their slots, so that those of a sector are side by side."""
    customers, values, n = firms[FIRM.B], firms[row], 0
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
    kept = np.empty(int(rows[0, MEASURE.firms]))
    for x in range(-1, SPREAD):
        if x == SPREAD - 1 and not finite_funds:
            continue
        _living(firms, FIRM.B if x < 0 else _SPREAD_ROWS[x], kept)
        end = 0
        for group in range(rows.shape[0]):
            begin = 0 if group == 0 else end
            stop = begin + int(rows[group, MEASURE.firms])
            end = 0 if group == 0 else stop
            if stop == begin:
                continue
            if x < 0:
                rows[group, MEASURE.gini] = _gini(kept[begin:stop])
            else:
                first = MEASURE.q10_T + 5 * x
                _fill_quantiles(kept[begin:stop], rows[group, first : first + 3])
