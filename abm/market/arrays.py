"""A market's whole state and its parameters, as two plain structures of arrays.

`State` is what changes from step to step, `Parameters` what drives it. Both are named tuples of NumPy arrays, so
that compiled kernels take them as they are, a run can be saved by saving its arrays, and a market of any size costs
a handful of allocations. A slot whose customer base B is 0 is vacant.

Kernels work on views: `firm_of` names the rows of `State.firms`, `work_of` those of a thread's scratch, and a record
is a row of a table with named columns (`market.churn`, `sector.demand`, `block.exits`).
"""

from typing import NamedTuple

import numpy as np

from abm.numerics.views import columns_of
from abm.scenario.parameters import MARKET, SECTOR, STRATEGY

# Slots of a block: few enough that a block's rows stay in the cache through the stages of a step. The sums of a
# step depend on it in their last bits, so it is one constant on every path.
BLOCK = 512

# Bounds that the model sets on its state.
CUSTOMER_FLOOR = 1e-9  # B of a living firm
STATE_FLOOR = 1e-6  # T, C, Q
DIVERGENCE = 1e9  # T, C, P, Q beyond which a firm exits
DEMAND_FLOOR, DEMAND_CAP = 1e-9, 1e12
WEIGHT_FLOOR, WEIGHT_CAP = 0.05, 0.95

POLICIES = STRATEGY["policy"].choices
REASONS = ("failed", "diverged")


class Firm(NamedTuple):
    """What is known of firms, a column each; symbols are those of the model: state, traits, then what a step keeps.

    Attributes
    ----------
    T, C, P, R, Q, B, F, theta, omega, age, R_smoothed, R_reviewed, direction : float64 array, shape (slots,)
        The state. `direction` is 1 or -1.
    T0, C0, R0, k1, k2, k3, strategy, id : float64 array, shape (slots,)
        The traits. `strategy` is an index into the scenario's strategies; `id` is -1 in a vacant slot.
    B_before : float64 array, shape (slots,)
        B at the step's start, 0 where the slot was vacant.
    attractiveness : float64 array, shape (slots,)
        Of the state as it stands, for the next step's demand.
    peak_share : float64 array, shape (slots,)
        The largest share of the sector at any step's end so far.
    next_theta, next_omega : float64 array, shape (slots,)
        Results of a review until all have reviewed.
    B_quarter : float64 array, shape (slots,)
        B at the end of the last quarter of the run that is over.
    theta_entry, omega_entry : float64 array, shape (slots,)
        θ and ω as the firm entered.
    entered : float64 array, shape (slots,)
        The step at which the firm entered, which no change by hand touches; 0 for the first firms.
    due, growth : float64 array, shape (slots,)
        Whether a firm is due for a review, and growth of B. They share the row of `next_theta`: the one is read before
        a review fills it, the other is written after it has been read.
    last_B : float64 array, shape (slots,)
        The last B of a firm that has just left, in the row of `B_quarter`, of which it has no more need.
    """

    T: np.ndarray
    C: np.ndarray
    P: np.ndarray
    R: np.ndarray
    Q: np.ndarray
    B: np.ndarray
    F: np.ndarray
    theta: np.ndarray
    omega: np.ndarray
    age: np.ndarray
    R_smoothed: np.ndarray
    R_reviewed: np.ndarray
    direction: np.ndarray
    T0: np.ndarray
    C0: np.ndarray
    R0: np.ndarray
    k1: np.ndarray
    k2: np.ndarray
    k3: np.ndarray
    strategy: np.ndarray
    id: np.ndarray
    B_before: np.ndarray
    attractiveness: np.ndarray
    peak_share: np.ndarray
    next_theta: np.ndarray
    next_omega: np.ndarray
    B_quarter: np.ndarray
    theta_entry: np.ndarray
    omega_entry: np.ndarray
    entered: np.ndarray
    due: np.ndarray
    growth: np.ndarray
    last_B: np.ndarray


FIRM_ROWS = 30
# The row of State.firms that each column of a `Firm` is.
FIRM = Firm(*range(FIRM_ROWS), due=24, growth=24, last_B=26)


# For kernels: the firms of slots `start` to `stop` as (State.firms, start, stop) -> Firm.
firm_of = columns_of(Firm, FIRM)


def firms_in(firms: np.ndarray, slots: np.ndarray) -> Firm:
    """The firms of some slots as copies."""
    return Firm(*(firms[row, slots] for row in FIRM))


class Work(NamedTuple):
    """What stages of a step hand on to later ones, for the slots of one block."""

    challenge: np.ndarray  # H
    speed: np.ndarray  # V
    cost: np.ndarray  # c
    demand: np.ndarray  # d
    target_T: np.ndarray
    target_C: np.ndarray
    target_P: np.ndarray
    shock_T: np.ndarray
    shock_C: np.ndarray
    draw: np.ndarray
    ln_B: np.ndarray


WORK_ROWS = len(Work._fields)


# For kernels: a thread's scratch, float64 of shape (11, BLOCK), as (scratch, start, stop) -> Work.
work_of = columns_of(Work, range(WORK_ROWS))


def _record(kind: type, *names: str) -> np.dtype:
    return np.dtype([(name, kind) for name in names], align=True)


# A parameter that is a choice is held as its place among the choices.
MARKET_PARAMETERS = _record(
    np.float64,
    *MARKET,
    "funds_unit",  # in which funds are summed: 1, or less where a sum or a square of them would overflow
)
SECTOR_PARAMETERS = _record(np.float64, *SECTOR, "start_demand")
STRATEGY_PARAMETERS = _record(
    np.float64,
    *STRATEGY,
    "cumulative_weight",  # of this strategy and those before it, of 1
)

# All but the demand follows from the firms as they stand.
SECTOR_STATE = _record(
    np.float64,
    "demand",  # D
    "firms",  # n
    "mean_T",
    "mean_R",
    "attraction",  # ΣA
    "base",  # ΣB
    "base_before",  # ΣB of the step before
    "leader",  # id of the firm with the largest B, -1 if there is none
    "growth_firms",  # number of firms whose growth is known, and its mean
    "mean_growth",
)

# A block is a run of slots of one sector: where it lies, then what happened in it at this step.
BLOCK_STATE = _record(
    np.int64,
    "sector",
    "start",
    "stop",
    "first_slot",  # of the sector
    "sector_slots",
    "entries",
    "exits",
    "diverged",
    "due",  # number of firms due for a review
    "first_id",  # of the block's entrants
    "first_life",  # place of its first exit among all
)

COUNTERS = _record(np.int64, "step", "next_id", "lives", "market_leader", "initial_firms")

# A firm that exited: when and why, then its traits and its state at exit.
LIFE = np.dtype(
    [(name, np.int64) for name in ("id", "sector", "strategy", "entry_step", "exit_step", "reason")]
    + [(name, np.float64) for name in ("peak_share", *Firm._fields[:9], *Firm._fields[13:19])]
    + [(name, np.float64) for name in ("theta_entry", "omega_entry")],
    align=True,
)


class Parameters(NamedTuple):
    """What drives a market, as numbers.

    Attributes
    ----------
    market : MARKET_PARAMETERS array, shape (1,)
    sectors : SECTOR_PARAMETERS array, shape (sectors,)
    strategies : STRATEGY_PARAMETERS array, shape (strategies,)
    changes : float64 array, shape (changes, 4)
        Step, table (0 to 2 in the order above), place in the table's numbers, row by row, and the value that the
        parameter takes from this step on. Empty unless a scenario changes on its way.
    """

    market: np.ndarray
    sectors: np.ndarray
    strategies: np.ndarray
    changes: np.ndarray


class State(NamedTuple):
    """A market as it stands.

    Attributes
    ----------
    firms : float64 array, shape (30, capacity)
        A row a variable (see `Firm`), a column a slot; a sector's slots lie side by side.
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
    sectors: np.ndarray
    blocks: np.ndarray
    sums: np.ndarray
    counters: np.ndarray
    lives: np.ndarray

    @property
    def step(self) -> int:
        """Number of steps made so far."""
        return int(self.counters["step"][0])

    @property
    def left(self) -> np.ndarray:
        """The records of the firms that exited."""
        return self.lives[: self.counters["lives"][0]]


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
        firms=np.zeros((FIRM_ROWS, capacity)),
        sectors=np.zeros(count, dtype=SECTOR_STATE),
        blocks=np.array(blocks, dtype=BLOCK_STATE),
        sums=np.zeros((len(blocks) + count + 1, sums)),
        counters=np.zeros(1, dtype=COUNTERS),
        lives=np.empty(lives, dtype=LIFE),
    )
