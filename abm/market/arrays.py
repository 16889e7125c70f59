"""A market's whole state and its parameters, as two plain structures of arrays.

`State` is what changes from step to step, `Parameters` what drives it. Both are named tuples of NumPy arrays, so
that compiled kernels take them as they are, a run can be saved by saving its arrays, and a market of any size costs
a handful of allocations. A slot whose customer base B is 0 is vacant.

The columns of firms are those of `abm.market.firms`, the records of all other tables those of `abm.market.records`.
"""

from collections import namedtuple
from typing import Any, NamedTuple

import numpy as np

from abm.market.firms import rows_of_slots
from abm.market.records import BLOCK_STATE, COUNTERS, LIFE, MARKET_STATE, SECTOR_STATE

# Slots of a block: few enough that a block's rows stay in the cache through the stages of a step. The sums of a
# step depend on it in their last bits, so it is one constant on every path.
BLOCK = 512

# Bounds that the model sets on its state.
CUSTOMER_FLOOR = 1e-9  # B of a living firm
STATE_FLOOR = 1e-6  # T, C, Q
DIVERGENCE = 1e9  # T, C, P, Q beyond which a firm exits
DEMAND_FLOOR, DEMAND_CAP = 1e-9, 1e12
# R, so that it can be squared: a vanishing frontier cost or a huge entrant without variable cost leads beyond.
RETURN_CAP = 1e21
WEIGHT_FLOOR, WEIGHT_CAP = 0.05, 0.95


# The rows of a thread's scratch, float64 of shape (6, BLOCK): what a loop over the slots of a block hands to the next.
Work = namedtuple("Work", "shock_T shock_C shock_R lump release log2_B")
WORK = Work(*range(len(Work._fields)))


class Parameters(NamedTuple):
    """What drives a market, as numbers.

    Attributes
    ----------
    market : MARKET_PARAMETERS array, shape (1,)
    sectors : SECTOR_PARAMETERS array, shape (sectors,)
    strategies : STRATEGY_PARAMETERS array, shape (strategies,)
    given : tuple of three float64 arrays
        The numbers of the three tables, row by row, as they are before anything changes.
    changes : CHANGES array, shape (numbers that change,)
        In the order in which they are applied.
    rules : int64 array, shape (strategies,)
        The address of each strategy's rule, 0 where its policy is none (see `abm.market.rules`).
    """

    market: np.ndarray
    sectors: np.ndarray
    strategies: np.ndarray
    given: tuple[np.ndarray, np.ndarray, np.ndarray]
    changes: np.ndarray
    rules: np.ndarray


class State(NamedTuple):
    """A market as it stands.

    Attributes
    ----------
    firms : float64 array, shape (30, capacity)
        A row a variable (see `Firm`), a column a slot; a sector's slots lie side by side. Made by `rows_of_slots`.
    market : MARKET_STATE array, shape (1,)
    sectors : SECTOR_STATE array, shape (sectors,)
        Demand, and what the next step needs of the sector's firms.
    blocks : BLOCK_STATE array, shape (blocks,)
    sums : float64 array, shape (blocks + sectors + 1, sums)
        Sums over the firms of each block, each sector and the market (see `abm.market.sums`).
    counters : COUNTERS array, shape (1,)
    lives : LIFE array, shape (room,)
        Firms that exited, in the order of their exit; `counters` has their number.
    """

    firms: np.ndarray
    market: np.ndarray
    sectors: np.ndarray
    blocks: np.ndarray
    sums: np.ndarray
    counters: np.ndarray
    lives: np.ndarray

    def __deepcopy__(self, memo: dict[int, Any]) -> "State":
        firms = rows_of_slots(self.firms.shape[1])
        firms[:] = self.firms
        return State(firms, *(array.copy() for array in self[1:]))

    def __reduce__(self) -> tuple:
        return _restored, (np.ascontiguousarray(self.firms), *self[1:])

    @property
    def step(self) -> int:
        """Number of steps made so far."""
        return int(self.counters["step"][0])

    @property
    def left(self) -> np.ndarray:
        """The records of the firms that exited."""
        return self.lives[: self.counters["lives"][0]]


def _restored(firms: np.ndarray, *others: np.ndarray) -> State:
    """A state as it was before it was pickled."""
    rows = rows_of_slots(firms.shape[1])
    rows[:] = firms
    return State(rows, *others)


class Key(NamedTuple):
    """What the draws of a step are keyed by; `place` is the index of the first slot within its sector."""

    seed: int
    sector: int
    place: int
    step: int


class Layout(NamedTuple):
    """How slots and initial firms are split, which depends on the scenario alone.

    Attributes
    ----------
    slots, firms : int64 array, shape (sectors,)
    deals : int64 array, shape (sectors, strategies)
        How many of a sector's initial firms follow each strategy.
    """

    slots: np.ndarray
    firms: np.ndarray
    deals: np.ndarray


def allocate(layout: Layout, sums: int, lives: int) -> State:
    """An empty market.

    Parameters
    ----------
    layout : Layout
    sums, lives : int
        Number of sums kept for each block, and room for firms that leave.

    Returns
    -------
    State
        All slots vacant.
    """
    capacity, count = int(layout.slots.sum()), len(layout.slots)
    blocks = []
    first = 0
    for sector, slots in enumerate(layout.slots):
        starts = range(first, first + int(slots), BLOCK)
        blocks += [(sector, start, min(start + BLOCK, starts.stop), first, int(slots), *[0] * 6) for start in starts]
        first += int(slots)
    return State(
        firms=rows_of_slots(capacity),
        market=np.ones(1, dtype=MARKET_STATE),
        sectors=np.zeros(count, dtype=SECTOR_STATE),
        blocks=np.array(blocks, dtype=BLOCK_STATE),
        sums=np.zeros((len(blocks) + count + 1, sums)),
        counters=np.zeros(1, dtype=COUNTERS),
        lives=np.empty(lives, dtype=LIFE),
    )
