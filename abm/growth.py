"""Growth of firms' customer bases over a step, for the outcomes that rest on it.

g = ln(B'/B) of firms that lived at both ends of a step, less the mean of their sector. What a run's outcomes need of it
is pooled step by step, so that no growth is kept: for the Subbotin exponent the number of growths and the sum of
|g| in units of the step's standard deviation, for the size–variance slope four sums in each of ten bins by size
(Bottazzi and Secchi; Pammolli and others, PNAS 2008).
"""

import numpy as np

from abm import state as at
from abm import sums as at_sum
from abm.compilation import allocating, inlined, kernel
from abm.ordering import of_ranks
from abm.vectormath import log

# Places of a step's growth record; then for each bin: number, Σg, Σg², ΣB of the step's start.
GROWTHS, ABS_GROWTHS = 0, 1
BINS, BIN_SUMS, FIRST_BIN = 10, 4, 2
GROWTH_PLACES = FIRST_BIN + BINS * BIN_SUMS

# Growths that are all equal differ by rounding alone; a spread below this is 0.
NO_SPREAD = 1e-13


@inlined
def block_growths(firms, a, b, sums):
    """Growth of each firm of a block (0 for other slots), their sum and number."""
    customers, before, growth = firms[at.B, a:b], firms[at.B_BEFORE, a:b], firms[at.GROWTH, a:b]
    for i in range(b - a):
        stayed = (customers[i] > 0.0) & (before[i] > 0.0)
        growth[i] = log(customers[i]) - log(before[i]) if stayed else 0.0
    count, total = 0, 0.0
    for i in range(b - a):
        count += 1 if (customers[i] > 0.0) & (before[i] > 0.0) else 0
        total += growth[i]
    sums[at_sum.SUM_GROWTH], sums[at_sum.GROWTH_N] = total, count


@inlined
def block_growth_spread(firms, a, b, sector, sums):
    """Growths less the sector's mean, and the sums of their absolute values and squares."""
    customers, before, growth = firms[at.B, a:b], firms[at.B_BEFORE, a:b], firms[at.GROWTH, a:b]
    counted, mean = sector[at.GROWTH_FIRMS] >= 2.0, sector[at.MEAN_GROWTH]
    absolute, square = 0.0, 0.0
    for i in range(b - a):
        stayed = counted & (customers[i] > 0.0) & (before[i] > 0.0)
        growth[i] = growth[i] - mean if stayed else 0.0
    for i in range(b - a):
        absolute += abs(growth[i])
        square += growth[i] * growth[i]
    sums[at_sum.ABS_GROWTH], sums[at_sum.GROWTH_2] = absolute, square


@kernel
def mean_growths(state):
    """Number and mean of growth in each sector, from the sums of its blocks."""
    state.sectors[:, at.GROWTH_FIRMS] = 0.0
    state.sectors[:, at.MEAN_GROWTH] = 0.0
    for block in range(state.blocks.shape[0]):
        sector = state.sectors[state.blocks[block, at.SECTOR]]
        sector[at.GROWTH_FIRMS] += state.sums[block, at_sum.GROWTH_N]
        sector[at.MEAN_GROWTH] += state.sums[block, at_sum.SUM_GROWTH]
    for place in range(state.sectors.shape[0]):
        sector = state.sectors[place]
        sector[at.MEAN_GROWTH] /= max(sector[at.GROWTH_FIRMS], 1.0)


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
    for place in range(state.sectors.shape[0]):
        if state.sectors[place, at.GROWTH_FIRMS] >= 2.0:
            number += state.sectors[place, at.GROWTH_FIRMS]
    for block in range(state.blocks.shape[0]):
        absolute += state.sums[block, at_sum.ABS_GROWTH]
        square += state.sums[block, at_sum.GROWTH_2]
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
    for block in range(state.blocks.shape[0]):
        if state.sectors[state.blocks[block, at.SECTOR], at.GROWTH_FIRMS] >= 2.0:
            for i in range(state.blocks[block, at.START], state.blocks[block, at.STOP]):
                if firms[at.B, i] > 0.0 and firms[at.B_BEFORE, i] > 0.0:
                    slots[n] = i
                    bases[n] = firms[at.B_BEFORE, i]
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
        change = state.firms[at.GROWTH, slots[j]]
        growth[place] += 1.0
        growth[place + 1] += change
        growth[place + 2] += change * change
        growth[place + 3] += bases[j]
