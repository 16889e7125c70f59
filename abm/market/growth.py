"""Growth of firms' customer bases over a step, for the outcomes that rest on it.

g = ln(B'/B) of firms that lived at both ends of a step, less the mean of their sector. What a run's outcomes need of it
is pooled step by step, so that no growth is kept: for the Subbotin exponent the number of growths and the sum of
|g| in units of the step's standard deviation, for the size–variance slope four sums in each of ten bins by size
(Bottazzi and Secchi; Pammolli and others, PNAS 2008).
"""

import numpy as np

from abm.market.arrays import FIRM, firm_of
from abm.market.sums import SUM
from abm.numerics.compilation import allocating, inlined, kernel
from abm.numerics.order_statistics import of_ranks
from abm.numerics.vectormath import log

# Places of a step's growth record; then for each bin: number, Σg, Σg², ΣB of the step's start.
GROWTHS, ABS_GROWTHS = 0, 1
BINS, BIN_SUMS, FIRST_BIN = 10, 4, 2
GROWTH_PLACES = FIRST_BIN + BINS * BIN_SUMS

# Growths that are all equal differ by rounding alone; a spread below this is 0.
NO_SPREAD = 1e-13


@inlined
def _grow(state, place):
    """Growth of each firm of a block (0 for other slots), their sum and number."""
    block, sums = state.blocks[place], state.sums[place]
    firm = firm_of(state.firms, block.start, block.stop)
    for i in range(firm.B.size):
        stayed = (firm.B[i] > 0.0) & (firm.B_before[i] > 0.0)
        firm.growth[i] = log(firm.B[i]) - log(firm.B_before[i]) if stayed else 0.0
    count, total = 0, 0.0
    for i in range(firm.B.size):
        count += 1 if (firm.B[i] > 0.0) & (firm.B_before[i] > 0.0) else 0
        total += firm.growth[i]
    sums[SUM.growth], sums[SUM.growth_N] = total, count


@inlined
def _demean(state, place):
    """Growths less the sector's mean, and the sums of their absolute values and squares."""
    block, sums = state.blocks[place], state.sums[place]
    firm, sector = firm_of(state.firms, block.start, block.stop), state.sectors[block.sector]
    counted, mean = sector.growth_firms >= 2.0, sector.mean_growth
    absolute, square = 0.0, 0.0
    for i in range(firm.B.size):
        stayed = counted & (firm.B[i] > 0.0) & (firm.B_before[i] > 0.0)
        firm.growth[i] = firm.growth[i] - mean if stayed else 0.0
    for i in range(firm.B.size):
        absolute += abs(firm.growth[i])
        square += firm.growth[i] * firm.growth[i]
    sums[SUM.abs_growth], sums[SUM.growth2] = absolute, square


@kernel
def growths(state, begin, end):
    """Growth of the firms of blocks `begin` to `end`."""
    for place in range(begin, end):
        _grow(state, place)


@kernel
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


@kernel
def growth_spreads(state, begin, end):
    """Growth less its sector's mean, of blocks `begin` to `end`; after `mean_growths`."""
    for place in range(begin, end):
        _demean(state, place)


@kernel
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
                if firms[FIRM.B, i] > 0.0 and firms[FIRM.B_before, i] > 0.0:
                    slots[n] = i
                    bases[n] = firms[FIRM.B_before, i]
                    n += 1
    return n


@allocating
def _bin_growths(state, number, growth):
    """Put firms by the rank of their size into ten bins, of equal sizes the earlier slot first."""
    bases, slots = np.empty(number), np.empty(number, dtype=np.int64)
    n = _stayed(state, bases, slots)
    # A bin begins with the firm of this rank, whose base separates it from the bin before; where several firms have
    # that base, the first few of them by slot belong to the bin before.
    ranks, least, before = np.empty(BINS - 1, dtype=np.int64), np.empty(BINS - 1), np.empty(BINS - 1, dtype=np.int64)
    for border in range(BINS - 1):
        before[border] = ((border + 1) * n + BINS - 1) // BINS  # as many firms are in the bins before
        ranks[border] = min(before[border], n - 1)
    of_ranks(bases, ranks, least)
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
