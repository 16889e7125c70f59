"""The measures of a market or of a sector at the end of a step: one row of numbers from the sums over its firms."""

from collections import namedtuple
from collections.abc import Iterable

import numpy as np

from abm.market.firms import FIRM
from abm.market.sums import SPREAD, STRATEGY_SUMS, SUM, strategies_in
from abm.numerics.compilation import inlined, part
from abm.numerics.order_statistics import in_order, merged, of_ranks
from abm.numerics.vectormath import log

# The one table of measures: their names in the order of a row, which is that of columns too. What needs order
# statistics is left out at the level `light`.
Measures = namedtuple(
    "Measures",
    "firms entries exits diverged hhi cr4 top_share entropy gini sector_hhi demand "
    "mean_T sd_T q10_T q50_T q90_T mean_C sd_C q10_C q50_C q90_C mean_R sd_R q10_R q50_R q90_R "
    "mean_Q sd_Q q10_Q q50_Q q90_Q mean_F sd_F q10_F q50_F q90_F weighted_T weighted_C weighted_R "
    "mean_theta mean_omega mean_stress mean_innovation_speed virtuous virtuous_share mean_loop_gain "
    "instability leader_changed best_quality_changed frontier consumer_surplus",
)
MEASURE = Measures(*range(len(Measures._fields)))  # the place of each in a row
STRATEGY_MEASURES = len(MEASURE)  # then the share of each strategy, then its number of firms
COUNTS = (
    *(MEASURE.firms, MEASURE.entries, MEASURE.exits, MEASURE.diverged),
    *(MEASURE.leader_changed, MEASURE.best_quality_changed),
)
ORDER_STATISTICS = {MEASURE.gini, *(MEASURE.mean_T + 5 * x + q for x in range(SPREAD) for q in (2, 3, 4))}
# What the tables of steps do not have: the market has no demand of its own, sectors have no HHI over sectors and no
# frontier of their own, and the consumer surplus is for the outcomes.
MARKET_LACKS = {MEASURE.demand, MEASURE.consumer_surplus}
SECTORS_LACK = {MEASURE.sector_hhi, MEASURE.frontier, MEASURE.consumer_surplus}

QUANTILES = (0.1, 0.5, 0.9)
_SPREAD_ROWS = (FIRM.T, FIRM.C, FIRM.R, FIRM.Q, FIRM.F)
_LARGEST = np.finfo(np.float64).max


def measure_names(strategies: tuple[str, ...], own: Iterable[str] = ()) -> list[str]:
    """Names of a row's columns; those of the user's own come last.

    Examples
    --------
    >>> names = measure_names(("balanced",))
    >>> names[MEASURE.hhi], names[STRATEGY_MEASURES]
    ('hhi', 'share_balanced')
    """
    of_strategies = [f"{kind}_{name}" for kind in ("share", "firms") for name in strategies]
    return [*MEASURE._fields, *of_strategies, *own]


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
    row[MEASURE.best_quality_changed] = 0.0
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
        kept[n] = values[i] + 0.0  # makes -0.0 a plain zero, whose bits are in order
        n += 1 if customers[i] > 0.0 else 0  # the next is written over a vacant slot's


@part
def _gini(ordered):
    n, ranked = ordered.size, 0.0
    for i in range(n):
        ranked += (2.0 * i + 1.0 - n) * ordered[i]
    return ranked / (n * ordered.sum())


@part
def _groups(rows):
    """Where the firms of each sector begin among the living, and the ranks of the quantiles in each row's group."""
    bounds, ranks = np.zeros(rows.shape[0], dtype=np.int64), np.zeros((rows.shape[0], 6), dtype=np.int64)
    for group in range(rows.shape[0]):
        n = int(rows[group, MEASURE.firms])
        if group > 0:
            bounds[group] = bounds[group - 1] + n
        for q in range(3):
            ranks[group, 2 * q] = int(QUANTILES[q] * (n - 1))
            ranks[group, 2 * q + 1] = min(ranks[group, 2 * q] + 1, n - 1)
    return bounds, ranks


@part
def fill_order_statistics(firms, finite_funds, rows):
    """Gini of B and the quantiles of T C R Q F by linear interpolation, over the living firms of each row's group.

    Parameters
    ----------
    firms : float64 array, shape (30, capacity)
    finite_funds : bool
    rows : float64 array, shape (1 + sectors, measures)
        The market's and the sectors', with their numbers of firms.
    """
    n = int(rows[0, MEASURE.firms])
    if n == 0:
        return
    (bounds, ranks), room = _groups(rows), np.empty(n + 1)
    kept, found = room[:n], np.empty(ranks.shape)
    _living(firms, FIRM.B, room)
    for group in range(1, rows.shape[0]):
        if rows[group, MEASURE.firms] > 0.0:
            own = kept[bounds[group - 1] : bounds[group]]
            own[:] = in_order(own)
            rows[group, MEASURE.gini] = _gini(own)
    rows[0, MEASURE.gini] = _gini(merged(kept, bounds))
    for x in range(SPREAD if finite_funds else SPREAD - 1):
        _living(firms, _SPREAD_ROWS[x], room)
        of_ranks(kept, bounds, ranks, found)
        for group in range(rows.shape[0]):
            last = rows[group, MEASURE.firms] - 1.0
            for q in range(3 if last >= 0.0 else 0):
                position, low, high = QUANTILES[q] * last, found[group, 2 * q], found[group, 2 * q + 1]
                rows[group, MEASURE.q10_T + 5 * x + q] = low + (high - low) * (position - int(position))
