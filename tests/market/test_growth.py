"""Growths in bins by size: against ranks that pandas gives."""

import numpy as np
import pandas as pd
import pytest

from abm.market.arrays import Layout, allocate
from abm.market.firms import FIRM
from abm.market.growth import BIN_SUMS, BINS, FIRST_BIN, GROWTH_PLACES, pool_growths
from abm.market.sums import STRATEGY_SUMS


def market_of(bases: np.ndarray, growths: np.ndarray):
    """A market of one sector whose firms had these customers and grew so; a base of 0 is a vacant slot."""
    slots = np.array([len(bases)])
    state = allocate(Layout(slots, slots, np.zeros((1, 1), dtype=np.int64)), STRATEGY_SUMS, 0)
    state.firms[FIRM.B_before], state.firms[FIRM.growth] = bases, growths
    state.firms[FIRM.age] = 21.0
    state.firms[FIRM.B] = np.where(bases > 0.0, 1.0, 0.0)
    state.sectors["growth_firms"] = np.count_nonzero(bases)
    return state


@pytest.mark.parametrize("count", [2, 7, 10, 11, 95, 3_000, 20_001])
@pytest.mark.parametrize("kinds", [3, None])
def test_bins_hold_equally_many_firms_by_size_the_earlier_slot_first(count, kinds):
    rng = np.random.default_rng(count)
    bases = rng.lognormal(0.0, 2.0, count) if kinds is None else rng.integers(0, kinds, count) + 0.5
    bases[2:][rng.random(count - 2) < 0.1] = 0.0
    growths = rng.normal(size=count)
    found = np.zeros(GROWTH_PLACES)
    pool_growths(market_of(bases, growths), 1, found)
    frame = pd.DataFrame({"base": bases, "growth": growths, "square": growths**2})[bases > 0.0]
    rank = frame["base"].rank(method="first") - 1
    groups = frame.groupby((BINS * rank // len(frame)).astype(int))
    expected = groups.agg(
        count=("base", "size"), growth=("growth", "sum"), square=("square", "sum"), base=("base", "sum")
    )
    expected = expected.reindex(range(BINS), fill_value=0.0)
    np.testing.assert_allclose(found[FIRST_BIN:].reshape(BINS, BIN_SUMS), expected, rtol=1e-9, atol=1e-9)
