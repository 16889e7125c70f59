"""The records of a market's tables: parameters, sectors, blocks, counters, changes and firms that left.

A record is a row of a table with named columns (`block.exits`) or, for kernels and read once, its numbers (`market_of`,
`taste_of`, `sector_of`).
"""

from collections import namedtuple
from typing import Any

import numpy as np

from abm.market.firms import Firm
from abm.numerics.views import numbers_of
from abm.scenario.parameters import MARKET, SECTOR, SECTOR_OWN, STRATEGY


def _record(kind: type, *names: str) -> np.dtype:
    return np.dtype([(name, kind) for name in names], align=True)


POLICIES = STRATEGY["policy"].choices
RULE = len(POLICIES)  # stands for a rule of the user's own

# A parameter that is a choice is held as its place among the choices.
MARKET_PARAMETERS = _record(
    np.float64,
    *MARKET,
    "funds_unit",  # in which funds are summed: 1, or less where a sum or a square of them would overflow
)
SECTOR_PARAMETERS = _record(
    np.float64,
    *SECTOR,
    *SECTOR_OWN,  # the market's where the sector has none of its own
    "start_demand",
)
STRATEGY_PARAMETERS = _record(
    np.float64,
    *STRATEGY,
    "cumulative_weight",  # of this strategy and those before it, of 1
)

MARKET_STATE = _record(
    np.float64,
    "frontier",  # Φ
)

# All but the demand and `start_T` follows from the firms as they stand.
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
    "best",  # id of the firm with the largest Q, of steps whose measures or whose next step's are wanted
    "start_T",  # mean T of the first step at whose start there were firms; 0 before
    "growth_firms",  # number of firms whose growth is known, and its mean
    "mean_growth",
    "reviewing",  # ΣB of the firms of the step's start, for rules of the user's own
)


def _numbers(table: np.dtype, name: str) -> Any:
    """For kernels: a record of a table as a named tuple of its numbers, as (table, place) -> named tuple."""
    return numbers_of(namedtuple(name, table.names))


market_of = _numbers(MARKET_PARAMETERS, "MarketParameters")
taste_of = _numbers(SECTOR_PARAMETERS, "SectorParameters")
sector_of = _numbers(SECTOR_STATE, "SectorState")

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

COUNTERS = _record(
    np.int64,
    "step",
    "next_id",
    "lives",
    "market_leader",
    "market_best",
    "initial_firms",
    "measured",  # 1 where the measures of this step are wanted
    "due",  # number of firms due for a review at this step
    "unfinished",  # 1 where exits of the step under way may have no room in the record of exits
    "ahead",  # 1 where the measures of the next step are wanted, which compare with this one
    "seed",  # by which draws are keyed
    "next_change",  # the next step at which a parameter changes; 0: not known yet
    "halted",  # the slot, from 1, of a firm whose rule gave no number; below 0 the place of a measure that failed
)

# A number that changes on the way: in which table and at which place of its numbers, row by row (of demand: which
# sector's), when, and what it becomes.
IN_MARKET, IN_SECTORS, IN_STRATEGIES, IN_DEMAND, IN_SEED = range(5)
NEVER = 2**62
CHANGES = np.dtype(
    [(name, np.int64) for name in ("table", "place", "step", "until", "ramp", "seed")] + [("value", np.float64)],
    align=True,
)

REASONS = ("failed", "diverged", "closed", "acquired")  # the last two by hand, between two steps

# A firm that exited: when and why, then its traits and its state at exit.
LIFE = np.dtype(
    [(name, np.int64) for name in ("id", "sector", "strategy", "entry_step", "exit_step", "reason")]
    + [(name, np.float64) for name in ("peak_share", *Firm._fields[:9], *Firm._fields[13:19])]
    + [(name, np.float64) for name in ("theta_entry", "omega_entry")],
    align=True,
)
