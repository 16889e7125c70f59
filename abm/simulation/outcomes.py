"""Outcomes of a run: its results in one row.

A run leaves a row of numbers (`abm.market.outcome_numbers`); `outcome_table` makes the named outcomes of any number of
runs from their rows at once.
"""

from collections.abc import Iterable

import numpy as np

from abm.market.growth import ABS_GROWTHS, BIN_SUMS, BINS, FIRST_BIN, GROWTHS
from abm.market.measures import MEASURE, ORDER_STATISTICS, measure_names
from abm.market.outcome_numbers import FIRST_GROWTH, NUMBER
from abm.scenario.regimes import COLLAPSED, FRAGMENTED, LEAST_HHI, STAGNANT, VICIOUS, VIRTUOUS
from abm.simulation.bracketed_root import bracketed_root

LEAST_GROWTHS = 200  # below, neither Subbotin exponent nor size–variance slope
_SUBBOTIN_RANGE = (0.1, 50.0)


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
    from scipy.special import gammaln

    def excess(b, wanted):
        return np.exp(2.0 * gammaln(2.0 / b) - gammaln(1.0 / b) - gammaln(3.0 / b)) - wanted

    wanted = np.asarray(mean_absolute) ** 2
    low, high = (np.full(wanted.shape, bound) for bound in _SUBBOTIN_RANGE)
    inside = (excess(low, wanted) <= 0.0) & (excess(high, wanted) >= 0.0)  # False where wanted is NaN
    found = np.full(wanted.shape, np.nan)
    if inside.any():
        found[inside] = bracketed_root(lambda b: excess(b, wanted[inside]), low[inside], high[inside])
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


def outcome_table(
    numbers: np.ndarray, strategies: tuple[str, ...], full: bool, own: Iterable[str] = ()
) -> dict[str, np.ndarray]:
    """Named outcomes of runs.

    Parameters
    ----------
    numbers : float64 array, shape (runs, numbers)
        Rows filled by `outcome_numbers`.
    strategies : tuple of str
    full : bool
        Whether order statistics were collected; without them their names are left out.
    own : iterable of str
        Names of measures of the user's own.

    Returns
    -------
    dict
        Name to array of shape (runs,). `abm.simulation.outcome_list` defines each.
    """
    names = measure_names(strategies, own)
    means, rest = numbers[:, : len(names)], numbers[:, len(names) :]
    kept = [place for place in range(len(names)) if place != MEASURE.demand and (full or place not in ORDER_STATISTICS)]
    table = {names[place]: means[:, place] for place in kept}
    shares = means[:, [names.index(f"share_{name}") for name in strategies]]
    empty = np.isnan(shares).all(axis=1)
    winner = np.array(strategies, dtype=object)[np.argmax(np.where(np.isnan(shares), -1.0, shares), axis=1)]
    record = rest[:, FIRST_GROWTH:]
    enough = record[:, GROWTHS] >= LEAST_GROWTHS
    mean_absolute = np.where(enough, record[:, ABS_GROWTHS] / np.maximum(record[:, GROWTHS], 1.0), np.nan)
    table["survival"] = rest[:, NUMBER.survival]
    table["peak_firms"] = rest[:, NUMBER.peak_firms].astype(np.int64)
    table["peak_step"] = rest[:, NUMBER.peak_step].astype(np.int64)
    table["winner"] = np.where(empty, None, winner)
    table["hill"] = rest[:, NUMBER.hill]
    table["subbotin"] = subbotin(mean_absolute)
    if full:
        table["size_variance_slope"] = size_variance_slope(record[:, FIRST_BIN:].reshape(-1, BINS, BIN_SUMS))
    table |= _derived(table, full)
    table["rank_tau"], table["leader_hazard"] = rest[:, NUMBER.rank_tau], rest[:, NUMBER.leader_hazard]
    table["take_off_step"] = rest[:, NUMBER.take_off_step]
    concentration = table["sector_hhi"]
    table["structure"] = _chosen(
        [rest[:, NUMBER.alive] == 0.0, *(concentration >= least for least in LEAST_HHI.values())],
        [COLLAPSED, *LEAST_HHI],
        FRAGMENTED,
    )
    growth = _chosen([table["virtuous_share"] > 0.5, table["weighted_R"] < 1.0], [VIRTUOUS, VICIOUS], STAGNANT)
    table["growth"] = np.where(empty, None, growth)
    return table
