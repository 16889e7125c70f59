"""Growth of firms' customer bases over a step, for the outcomes that rest on it.

g = ln(B'/B) of firms that lived at both ends of a step and were settled at its start, less the mean of their sector:
young firms that are about to fail would make two humps. What a run's outcomes need of it
is pooled step by step, so that no growth is kept: for the Subbotin exponent the number of growths and the sum of
|g| in units of the step's standard deviation, for the size–variance slope four sums in each of ten bins by size
(Bottazzi and Secchi; Pammolli and others, PNAS 2008).
"""

import numpy as np

from abm.market.firms import FIRM, firms_at
from abm.market.sums import SUM
from abm.numerics.compilation import inlined, part
from abm.numerics.elementwise import fma, select
from abm.numerics.lanes import WIDTH, first_lanes, put, splat, total
from abm.numerics.order_statistics import of_ranks
from abm.numerics.vectormath import LN2, log2

# Places of a step's growth record; then for each bin: number, Σg, Σg², ΣB of the step's start.
GROWTHS, ABS_GROWTHS = 0, 1
BINS, BIN_SUMS, FIRST_BIN = 10, 4, 2
GROWTH_PLACES = FIRST_BIN + BINS * BIN_SUMS

SETTLED = 20  # age in steps from which on a firm's growth counts

# Growths that are all equal differ by rounding alone; a spread below this is 0.
NO_SPREAD = 1e-13


@inlined
def _counts(B, B_before, age):
    """Whether a firm lived at both ends of the step and was settled at its start; its age is that of the end."""
    return (B > 0.0) & (B_before > 0.0) & (age > SETTLED)


@inlined
def _grow(state, place):
    """Growth of each firm of a block (0 for other slots), their sum and number."""
    block, sums = state.blocks[place], state.sums[place]
    count, summed = splat(0.0), splat(0.0)
    for i in range(block.start, block.stop, WIDTH):
        here, firm = first_lanes(block.stop - i), firms_at(state.firms, i)
        stayed = here & _counts(firm.B, firm.B_before, firm.age)
        growth = select(stayed, LN2 * log2(select(stayed, firm.B / firm.B_before, 1.0)), 0.0)
        put(state.firms, FIRM.growth, i, growth, here)
        count = select(stayed, count + 1.0, count)
        summed += growth
    sums[SUM.growth], sums[SUM.growth_N] = total(summed), total(count)


@inlined
def _demean(state, place):
    """Growths less the sector's mean, and the sums of their absolute values and squares."""
    block, sums = state.blocks[place], state.sums[place]
    sector = state.sectors[block.sector]
    counted, mean = sector.growth_firms >= 2.0, sector.mean_growth
    absolute, square = splat(0.0), splat(0.0)
    for i in range(block.start, block.stop, WIDTH):
        here, firm = first_lanes(block.stop - i), firms_at(state.firms, i)
        stayed = here & _counts(firm.B, firm.B_before, firm.age) & counted
        growth = select(stayed, firm.growth - mean, 0.0)
        put(state.firms, FIRM.growth, i, growth, here)
        absolute += abs(growth)
        square = fma(growth, growth, square)
    sums[SUM.abs_growth], sums[SUM.growth2] = total(absolute), total(square)


@part
def growths(state, begin, end):
    """Growth of the firms of blocks `begin` to `end`."""
    for place in range(begin, end):
        _grow(state, place)


@part
def mean_growths(state):
    """Number and mean of growth in each sector, from the sums of its blocks."""
    for place in range(state.sectors.size):
        state.sectors[place].growth_firms = 0.0
        state.sectors[place].mean_growth = 0.0
    for place in range(state.blocks.size):
        sector = state.sectors[state.blocks[place].sector]
        sector.growth_firms += state.sums[place, SUM.growth_N]
        sector.mean_growth += state.sums[place, SUM.growth]
    for place in range(state.sectors.size):
        state.sectors[place].mean_growth /= max(state.sectors[place].growth_firms, 1.0)


@part
def growth_spreads(state, begin, end):
    """Growth less its sector's mean, of blocks `begin` to `end`; after `mean_growths`."""
    for place in range(begin, end):
        _demean(state, place)


@part
def pool_growths(state, full, growth):
    """The step's growth record, from the sums of the blocks.

    Parameters
    ----------
    state : State
    full : int
        1 fills the bins too.
    growth : float64 array, shape (42,)
        Filled.
    """
    growth[:] = 0.0
    number, absolute, square = 0.0, 0.0, 0.0
    for place in range(state.sectors.size):
        if state.sectors[place].growth_firms >= 2.0:
            number += state.sectors[place].growth_firms
    for place in range(state.blocks.size):
        absolute += state.sums[place, SUM.abs_growth]
        square += state.sums[place, SUM.growth2]
    if number == 0.0:
        return
    sd = np.sqrt(square / number)
    if sd > NO_SPREAD:
        growth[GROWTHS] = number
        growth[ABS_GROWTHS] = absolute / sd
    if full == 1:
        _bin_growths(state, int(number), growth)


@inlined
def _stayed(state, bases, slots):
    """Slots, and customers at the step's start, of the firms whose growth counts; returns their number."""
    firms, n = state.firms, 0
    for place in range(state.blocks.size):
        block = state.blocks[place]
        if state.sectors[block.sector].growth_firms >= 2.0:
            for i in range(block.start, block.stop):
                if _counts(firms[FIRM.B, i], firms[FIRM.B_before, i], firms[FIRM.age, i]):
                    slots[n] = i
                    bases[n] = firms[FIRM.B_before, i]
                    n += 1
    return n


@part
def _bin_growths(state, number, growth):
    """Put firms by the rank of their size into ten bins, of equal sizes the earlier slot first."""
    bases, slots = np.empty(number), np.empty(number, dtype=np.int64)
    n = _stayed(state, bases, slots)
    # A bin begins with the firm of this rank, whose base separates it from the bin before; where several firms have
    # that base, the first few of them by slot belong to the bin before.
    ranks, found = np.empty((1, BINS - 1), dtype=np.int64), np.empty((1, BINS - 1))
    before = np.empty(BINS - 1, dtype=np.int64)
    for border in range(BINS - 1):
        before[border] = ((border + 1) * n + BINS - 1) // BINS  # as many firms are in the bins before
        ranks[0, border] = min(before[border], n - 1)
    of_ranks(bases, np.array([0, n]), ranks, found)
    least = found[0]
    for j in range(n):
        for border in range(BINS - 1):
            before[border] -= 1 if bases[j] < least[border] else 0
    for j in range(n):
        place = FIRST_BIN
        for border in range(BINS - 1):
            beyond = bases[j] > least[border]
            if bases[j] == least[border]:
                beyond = before[border] <= 0
                before[border] -= 1
            place += BIN_SUMS if beyond else 0
        change = state.firms[FIRM.growth, slots[j]]
        growth[place] += 1.0
        growth[place + 1] += change
        growth[place + 2] += change * change
        growth[place + 3] += bases[j]
