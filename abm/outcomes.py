"""Outcomes of a run: what is left of it in one row.

The kernel `outcome_numbers` takes from a finished market what is numeric; `outcome_table` makes the named outcomes of
any number of runs from those numbers at once.
"""

import numpy as np

from abm import state as at
from abm.compilation import allocating, kernel
from abm.growth import ABS_GROWTHS, BIN_SUMS, BINS, FIRST_BIN, GROWTH_PLACES, GROWTHS
from abm.measures import DEMAND, GINI, SPREADS, measure_names
from abm.run import (
    FIRST_MEASURE,
    LEADER_CHANGES,
    LEADER_STEPS,
    PEAK_FIRMS,
    PEAK_STEP,
    TAKE_OFF_STEP,
    TAU_N,
    TAUS,
)
from abm.vectormath import log

# Behind the window means in a row of outcome numbers; the growth record follows.
SURVIVAL, PEAK_FIRMS_AT, PEAK_STEP_AT, HILL, ALIVE, HAZARD, TAKE_OFF_AT, TAU = range(8)
FIRST_GROWTH = 8

LEAST_FIRMS = 100  # below, no tail exponent
LEAST_GROWTHS = 200  # below, neither Subbotin exponent nor size–variance slope
MONOPOLY, CONCENTRATED, MODERATE = (
    6400.0,
    1800.0,
    1000.0,
)  # HHI; the last two of the 2023 US merger guidelines
_SUBBOTIN_RANGE = (0.1, 50.0)
ORDER_STATISTICS = {GINI, *(SPREADS + 5 * x + q for x in range(5) for q in (2, 3, 4))}


def numbers_of(measures: int) -> int:
    """Length of a row of outcome numbers."""
    return measures + FIRST_GROWTH + GROWTH_PLACES


@allocating
def _hill(firms, n):
    k = n // 10
    if n < LEAST_FIRMS:
        return np.nan
    bases = np.sort(firms[at.B])
    least = bases[bases.size - k - 1]
    total = 0.0
    for rank in range(k):
        total += log(bases[bases.size - 1 - rank]) - log(least)
    return k / total if total > 0.0 else np.nan


@kernel
def outcome_numbers(state, tally, out):
    """The numbers that a run's outcomes are made of.

    Parameters
    ----------
    state : State
        At the end of the run.
    tally : float64 array
        Of the run's `Record`.
    out : float64 array, shape (measures + 8 + 42,)
        Filled with the means of the window, the constants of this module, and the growth record.
    """
    measures = out.size - FIRST_GROWTH - GROWTH_PLACES
    for place in range(measures):
        known = tally[FIRST_MEASURE + measures + place] > 0.0
        out[place] = tally[FIRST_MEASURE + place] if known else np.nan
    alive, survivors = 0, 0
    for i in range(state.firms.shape[1]):
        if state.firms[at.B, i] > 0.0:
            alive += 1
            survivors += 1 if state.firms[at.ID, i] < state.counters[at.INITIAL_FIRMS] else 0
    out[measures + SURVIVAL] = survivors / state.counters[at.INITIAL_FIRMS]
    out[measures + PEAK_FIRMS_AT] = tally[PEAK_FIRMS]
    out[measures + PEAK_STEP_AT] = tally[PEAK_STEP]
    out[measures + HILL] = _hill(state.firms, alive)
    out[measures + ALIVE] = alive
    out[measures + HAZARD] = tally[LEADER_CHANGES] / tally[LEADER_STEPS]
    out[measures + TAKE_OFF_AT] = tally[TAKE_OFF_STEP]
    out[measures + TAU] = tally[TAUS] / tally[TAU_N]
    for place in range(GROWTH_PLACES):
        out[measures + FIRST_GROWTH + place] = tally[FIRST_MEASURE + 2 * measures + place]


def subbotin(mean_absolute: np.ndarray) -> np.ndarray:
    """Shape b of the Subbotin density by the moment E|z| of values with mean square 1.

    Parameters
    ----------
    mean_absolute : float64 array, shape (n,)

    Returns
    -------
    float64 array, shape (n,)
        The b in [0.1, 50] with Γ(2/b)² / (Γ(1/b)·Γ(3/b)) = E|z|²; NaN where none has it. 1 is Laplace, 2 normal.

    Examples
    --------
    >>> subbotin(np.array([np.sqrt(2 / np.pi), np.sqrt(0.5)])).round(9)
    array([2., 1.])
    """
    from scipy.optimize.elementwise import find_root
    from scipy.special import gammaln

    def excess(b, wanted):
        return np.exp(2.0 * gammaln(2.0 / b) - gammaln(1.0 / b) - gammaln(3.0 / b)) - wanted

    wanted = np.asarray(mean_absolute) ** 2
    low, high = (np.full(wanted.shape, bound) for bound in _SUBBOTIN_RANGE)
    inside = (excess(low, wanted) <= 0.0) & (excess(high, wanted) >= 0.0)  # False where wanted is NaN
    found = np.full(wanted.shape, np.nan)
    if inside.any():
        found[inside] = find_root(excess, (low[inside], high[inside]), args=(wanted[inside],)).x
    return found


def size_variance_slope(bins: np.ndarray) -> np.ndarray:
    """Slope of ln sd of growth on ln mean B over the bins.

    Parameters
    ----------
    bins : float64 array, shape (runs, 10, 4)
        Number, Σg, Σg² and ΣB of each bin.

    Returns
    -------
    float64 array, shape (runs,)
        Least squares over the bins that have a spread; NaN under 200 values or where the sizes do not differ.
    """
    number = np.maximum(bins[..., 0], 1.0)
    variance = bins[..., 2] / number - (bins[..., 1] / number) ** 2
    usable = (bins[..., 0] > 1.0) & (variance > 0.0)
    y = 0.5 * np.log(np.where(usable, variance, 1.0))
    x = np.log(np.where(usable, bins[..., 3] / number, 1.0))
    count = usable.sum(axis=1, keepdims=True)
    dx = np.where(usable, x - (x * usable).sum(axis=1, keepdims=True) / np.maximum(count, 1), 0.0)
    spread = (dx * dx).sum(axis=1)
    known = (bins[..., 0].sum(axis=1) >= LEAST_GROWTHS) & (spread > 0.0)
    return np.where(known, (dx * y).sum(axis=1) / np.where(known, spread, 1.0), np.nan)


def _chosen(conditions: list, words: list, otherwise: str) -> np.ndarray:
    return np.select(conditions, [np.array(word, dtype=object) for word in words], np.array(otherwise, dtype=object))


def _derived(means: dict[str, np.ndarray], full: bool) -> dict[str, np.ndarray]:
    """Outcomes that follow from window means."""
    with np.errstate(divide="ignore", invalid="ignore"):
        firms = np.where(means["firms"] > 0.0, means["firms"], np.nan)
        equal_share = 1.0 / firms
        share = means["hhi"] / 1e4
        derived = {
            "n_eff": 1.0 / share,
            "hhi_normalised": np.where(equal_share < 1.0, (share - equal_share) / (1.0 - equal_share), share / share),
            "turnover_rate": (means["entries"] + means["exits"]) / firms,
        }
        if full:
            derived["frontier_gap"] = means["q90_T"] / means["q10_T"]
    return derived


def outcome_table(numbers: np.ndarray, strategies: tuple[str, ...], full: bool) -> dict[str, np.ndarray]:
    """Named outcomes of runs.

    Parameters
    ----------
    numbers : float64 array, shape (runs, numbers)
        Rows filled by `outcome_numbers`.
    strategies : tuple of str
    full : bool
        Whether order statistics were collected; without them their names are left out.

    Returns
    -------
    dict
        Name to array of shape (runs,). `abm.outcome_list` defines each.
    """
    names = measure_names(strategies)
    means, rest = numbers[:, : len(names)], numbers[:, len(names) :]
    kept = [place for place in range(len(names)) if place != DEMAND and (full or place not in ORDER_STATISTICS)]
    table = {names[place]: means[:, place] for place in kept}
    shares = means[:, [names.index(f"share_{name}") for name in strategies]]
    empty = np.isnan(shares).all(axis=1)
    winner = np.array(strategies, dtype=object)[np.argmax(np.where(np.isnan(shares), -1.0, shares), axis=1)]
    record = rest[:, FIRST_GROWTH:]
    enough = record[:, GROWTHS] >= LEAST_GROWTHS
    mean_absolute = np.where(enough, record[:, ABS_GROWTHS] / np.maximum(record[:, GROWTHS], 1.0), np.nan)
    table["survival"] = rest[:, SURVIVAL]
    table["peak_firms"] = rest[:, PEAK_FIRMS_AT].astype(np.int64)
    table["peak_step"] = rest[:, PEAK_STEP_AT].astype(np.int64)
    table["winner"] = np.where(empty, None, winner)
    table["hill"] = rest[:, HILL]
    table["subbotin"] = subbotin(mean_absolute)
    if full:
        table["size_variance_slope"] = size_variance_slope(record[:, FIRST_BIN:].reshape(-1, BINS, BIN_SUMS))
    table |= _derived(table, full)
    table["rank_tau"], table["leader_hazard"] = rest[:, TAU], rest[:, HAZARD]
    table["take_off_step"] = rest[:, TAKE_OFF_AT]
    concentration = table["sector_hhi"]
    table["structure"] = _chosen(
        [
            rest[:, ALIVE] == 0.0,
            concentration >= MONOPOLY,
            concentration >= CONCENTRATED,
            concentration >= MODERATE,
        ],
        ["collapsed", "monopoly", "oligopoly", "moderate"],
        "fragmented",
    )
    growth = _chosen([table["virtuous_share"] > 0.5, table["weighted_R"] < 1.0], ["virtuous", "vicious"], "stagnant")
    table["growth"] = np.where(empty, None, growth)
    return table
