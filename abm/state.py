"""A market's whole state and its parameters, as two plain structures of arrays.

`State` is what changes from step to step, `Parameters` what drives it. Both are named tuples of NumPy arrays, so
that compiled kernels take them as they are, a run can be saved by saving its arrays, and a market of any size costs
a handful of allocations. A slot whose customer base B is 0 is vacant.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from abm.compilation import inlined
from abm.equations import READINGS
from abm.scenario import Scenario

# Rows of State.firms, a column a slot. Symbols are those of the model: state, then traits, then what a step keeps.
T, C, P, R, Q, B, F, THETA, OMEGA, AGE, R_SMOOTHED, R_REVIEWED, DIRECTION = range(13)
T0, C0, R0, K1, K2, K3, STRATEGY, ID = range(13, 21)
B_BEFORE = 21  # B at the step's start, 0 where the slot was vacant
ATTRACTIVENESS = 22  # of the state as it stands, for the next step's demand
PEAK_SHARE = 23  # largest share of the sector at any step's end so far
NEXT_THETA, NEXT_OMEGA = 24, 25  # results of a review until all have reviewed
DUE_NOW = 24  # whether a firm is due for a review, in the same row until it has had it
GROWTH = 24  # growth of B, in the same row once the reviews are done
B_QUARTER = 26  # B at the end of the last quarter of the run that is over; of a firm that has just left, its last B
THETA_ENTRY, OMEGA_ENTRY = 27, 28  # θ and ω as the firm came
ENTERED = 29  # the step at which the firm entered, which no change by hand touches; 0 for the first firms
FIRM_ROWS = 30

# Columns of State.sectors. All but DEMAND follow from the firms as they stand.
DEMAND, FIRMS, MEAN_T, MEAN_R, ATTRACTION, BASE, BASE_BEFORE, LEADER, GROWTH_FIRMS, MEAN_GROWTH = range(10)
SECTOR_COLUMNS = 10

# Columns of State.blocks: a block is a run of slots of one sector.
SECTOR, START, STOP, FIRST_SLOT, SECTOR_SLOTS = range(5)

# Columns of State.events, a row a block: what happened in it at this step.
ENTRIES, EXITS, DIVERGED, DUE, FIRST_ID, FIRST_LIFE = range(6)

# Places of State.counters.
STEP, NEXT_ID, LIVES, MARKET_LEADER, INITIAL_FIRMS = range(5)

# Columns of State.lives, a row a firm that left.
LIFE_ID, LIFE_SECTOR, LIFE_STRATEGY, ENTRY_STEP, EXIT_STEP, REASON, LIFE_PEAK = range(7)
LIFE_ROWS = (*range(OMEGA + 1), *range(T0, K3 + 1), THETA_ENTRY, OMEGA_ENTRY)  # of State.firms, in the columns behind
LIFE_COLUMNS = 7 + len(LIFE_ROWS)
REASONS = ("failed", "diverged")

# Slots of a block: few enough that a block's rows stay in the cache through the stages of a step. The sums of a
# step depend on it in their last bits, so it is one constant on every path.
BLOCK = 512
SCRATCH_ROWS = 10

# Places of Parameters.market.
MARKET_PARAMETERS = (
    "network_effect", "churn", "variable_cost_share", "technology_cost", "innovation_drag", "stress_response",
    "technology_ceiling", "competitiveness_ceiling", "return_ceiling", "runway", "funds_cap", "outside_capital",
    "spillover", "entrant_catch_up", "entry_rate", "entrant_base", "technology_noise", "competitiveness_noise",
    "technology_speed", "competitiveness_speed", "return_speed", "optimisation_speed", "quality_decay",
    "learning_step", "review_interval", "T0", "C0", "R0", "k1", "k2", "k3", "heterogeneity", "initial_momentum",
)  # fmt: skip
(
    NETWORK_EFFECT, CHURN, VARIABLE_COST_SHARE, TECHNOLOGY_COST, INNOVATION_DRAG, STRESS_RESPONSE,
    TECHNOLOGY_CEILING, COMPETITIVENESS_CEILING, RETURN_CEILING, RUNWAY, FUNDS_CAP, OUTSIDE_CAPITAL,
    SPILLOVER, ENTRANT_CATCH_UP, ENTRY_RATE, ENTRANT_BASE, TECHNOLOGY_NOISE, COMPETITIVENESS_NOISE,
    TECHNOLOGY_SPEED, COMPETITIVENESS_SPEED, RETURN_SPEED, OPTIMISATION_SPEED, QUALITY_DECAY,
    LEARNING_STEP, REVIEW_INTERVAL, MEDIAN_T0, MEDIAN_C0, MEDIAN_R0, MEDIAN_K1, MEDIAN_K2, MEDIAN_K3,
    HETEROGENEITY, INITIAL_MOMENTUM, READING, FUNDS_UNIT,
) = range(35)  # fmt: skip

# Columns of Parameters.sectors and of Parameters.strategies.
COMPETITIVENESS_ELASTICITY, QUALITY_ELASTICITY, DEMAND_GROWTH, MONETISATION, START_DEMAND = range(5)
TECHNOLOGY_WEIGHT, OPTIMISATION_WEIGHT, POLICY, CUMULATIVE_WEIGHT = range(4)
FIXED, ADAPTIVE, IMITATE = 0, 1, 2
POLICIES = ("fixed", "adaptive", "imitate")

# Bounds that the model sets on its state.
CUSTOMER_FLOOR = 1e-9  # B of a living firm
STATE_FLOOR = 1e-6  # T, C, Q
DIVERGENCE = 1e9  # T, C, P, Q beyond which a firm exits
DEMAND_FLOOR, DEMAND_CAP = 1e-9, 1e12
WEIGHT_FLOOR, WEIGHT_CAP = 0.05, 0.95


class Parameters(NamedTuple):
    """What drives a market, as numbers.

    Attributes
    ----------
    market : float64 array, shape (35,)
        `MARKET_PARAMETERS` in order, the reading as its place in `abm.equations.READINGS`, and the unit in which
        funds are summed: 1, or less where a sum or a square of funds would overflow (see `funds_unit`).
    sectors : float64 array, shape (sectors, 5)
    strategies : float64 array, shape (strategies, 4)
    changes : float64 array, shape (changes, 5)
        Step, table (0 to 2 in the order above), row, column and the value that the parameter takes from this step on;
        the market counts as a table of one row. Empty unless a scenario changes on its way.
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
        A row a variable, a column a slot; a sector's slots lie side by side.
    sectors : float64 array, shape (sectors, 10)
        Demand, and what the next step needs of the sector's firms.
    blocks : int64 array, shape (blocks, 5)
        Sector, first slot, end, and first slot and number of slots of the sector.
    events : int64 array, shape (blocks, 6)
    sums : float64 array, shape (blocks + sectors + 1, sums)
        Sums over the firms of each block, each sector and the market (see `abm.sums`).
    counters : int64 array, shape (5,)
    lives : float64 array, shape (room, 24)
        Firms that left, in the order of their leaving; `counters[LIVES]` of them.
    """

    firms: np.ndarray
    sectors: np.ndarray
    blocks: np.ndarray
    events: np.ndarray
    sums: np.ndarray
    counters: np.ndarray
    lives: np.ndarray


@inlined
def span(state, block):
    """Sector, first slot and end of a block."""
    return state.blocks[block, SECTOR], state.blocks[block, START], state.blocks[block, STOP]


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


def parameters_of(scenario: Scenario) -> Parameters:
    """The parameters of a scenario as arrays.

    Examples
    --------
    >>> parameters_of(Scenario(churn=0.4)).market[CHURN]
    np.float64(0.4)
    """
    shares = demand_shares(scenario)
    weights = np.array([strategy.weight for strategy in scenario.strategies])
    market = [getattr(scenario, name) for name in MARKET_PARAMETERS]
    market += [READINGS.index(scenario.reading), funds_unit(scenario.runway)]
    sectors = [
        (
            sector.competitiveness_elasticity,
            sector.quality_elasticity,
            sector.demand_growth,
            sector.monetisation,
            min(max(share * scenario.market_size, DEMAND_FLOOR), DEMAND_CAP),
        )
        for sector, share in zip(scenario.sectors, shares, strict=True)
    ]
    strategies = [
        (
            strategy.technology_weight,
            strategy.optimisation_weight,
            POLICIES.index(strategy.policy),
            cumulative,
        )
        for strategy, cumulative in zip(scenario.strategies, np.cumsum(weights / weights.sum()), strict=True)
    ]
    return Parameters(
        market=np.array(market, dtype=np.float64),
        sectors=np.array(sectors, dtype=np.float64),
        strategies=np.array(strategies, dtype=np.float64),
        changes=np.empty((0, 5)),
    )


def funds_unit(largest: float) -> float:
    """A factor by which funds up to `largest` can be summed and squared.

    Examples
    --------
    >>> funds_unit(8.0), funds_unit(1e300) < 1e-100
    (1.0, True)
    """
    return 2.0**-600 if 1e100 < largest < np.inf else 1.0


def demand_shares(scenario: Scenario) -> np.ndarray:
    """Demand shares of the sectors, normalised to sum 1; shape (sectors,)."""
    shares = np.array([sector.demand_share for sector in scenario.sectors])
    return shares / shares.sum()


def _quotas(weights: Sequence[float], total: int) -> list[Fraction]:
    """A number in exact proportion to weights, as written: a tie must not depend on how 0.1 is rounded."""
    exact = [Fraction(repr(weight)) for weight in weights]
    part = total / sum(exact)
    return [weight * part for weight in exact]


def split(weights: Sequence[float], total: int) -> np.ndarray:
    """Split a number in proportion to weights by largest remainder, ties to the earlier.

    Examples
    --------
    >>> split([0.5, 0.25, 0.25], 5)
    array([3, 1, 1])
    """
    return np.array(_counts(tuple(weights), total), dtype=np.int64)


@lru_cache(maxsize=4096)  # exact arithmetic is slow, and many runs share their weights
def _counts(weights: tuple[float, ...], total: int) -> list[int]:
    quotas = _quotas(weights, total)
    whole = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(whole)), key=lambda place: whole[place] - quotas[place])
    for place in by_remainder[: total - sum(whole)]:
        whole[place] += 1
    return whole


def layout_of(scenario: Scenario) -> Layout:
    """Slots and initial firms of a start by draws.

    Examples
    --------
    >>> layout_of(Scenario(capacity=10, initial_firms=6)).firms
    array([6])
    """
    shares = [sector.demand_share for sector in scenario.sectors]
    weights = [strategy.weight for strategy in scenario.strategies]
    slots, firms = split(shares, scenario.capacity), split(shares, scenario.initial_firms)
    homeless = int(np.maximum(firms - slots, 0).sum())
    firms = np.minimum(firms, slots)
    for _ in range(homeless):
        firms[np.argmax(slots - firms)] += 1
    deals = np.array([split(weights, int(count)) for count in firms])
    return Layout(slots, firms, deals)


def layout_for(rows: np.ndarray, scenario: Scenario) -> Layout:
    """Slots around the firms of a table, the rest of the capacity dealt to the sector that lacks most.

    Parameters
    ----------
    rows : int64 array, shape (sectors,)
        The table's rows in each sector.
    scenario : Scenario
        With a capacity of at least the number of rows.
    """
    lack = _quotas([sector.demand_share for sector in scenario.sectors], scenario.capacity)
    lack = [quota - int(row) for quota, row in zip(lack, rows, strict=True)]
    slots = rows.copy()
    rest = scenario.capacity - int(slots.sum())
    while rest > 0:
        most = max(lack)
        neediest = [place for place, lacking in enumerate(lack) if lacking > most - 1]
        others = [lacking for place, lacking in enumerate(lack) if place not in neediest]
        # Dealing one by one goes round the neediest sectors until the next one is as much in need; whole rounds are
        # dealt at once, since capacities go to 1e9.
        room = min(lack[place] for place in neediest) - max(others) if others else rest
        rounds = min(rest // len(neediest), int(room))
        if not rounds:
            rounds, neediest = 1, [lack.index(most)]
        for place in neediest:
            slots[place] += rounds
            lack[place] -= rounds
        rest -= rounds * len(neediest)
    return Layout(slots, rows, np.zeros((len(slots), len(scenario.strategies)), dtype=np.int64))


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
        blocks += [(sector, start, min(start + BLOCK, starts.stop), first, int(slots)) for start in starts]
        first += int(slots)
    return State(
        firms=np.zeros((FIRM_ROWS, capacity)),
        sectors=np.zeros((count, SECTOR_COLUMNS)),
        blocks=np.array(blocks, dtype=np.int64).reshape(-1, 5),
        events=np.zeros((len(blocks), 6), dtype=np.int64),
        sums=np.zeros((len(blocks) + count + 1, sums)),
        counters=np.zeros(5, dtype=np.int64),
        lives=np.empty((lives, LIFE_COLUMNS)),
    )
