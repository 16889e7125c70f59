"""How stable a box is: the search over resamples of the design points, and what it finds on points left out of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from abm.discovery.boxes import Box, chosen, held, inside, limits
from abm.discovery.peeling import quick_trajectory
from abm.discovery.space import Space

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.9  # of the ranges over resamples
_SHUFFLES = 999  # the smallest p is one in a thousand


@dataclass(frozen=True, eq=False)
class Resamples:
    """What the search found in resamples.

    Attributes
    ----------
    boxes : list of Box
        The chosen one of each resample.
    density, coverage : float64 array, shape (resamples,)
        Of that box among the points that the resample has not; NaN where it holds none of them, or they have no case.
    p : float
        How often outcomes shuffled among the points are as dense in those boxes.
    """

    boxes: list[Box]
    density: np.ndarray
    coverage: np.ndarray
    p: float


def resampled(space: Space, count: int, seed: int, advance: Callable[[], None]) -> Resamples:
    """Search anew in bootstrap resamples of the points; the runs of a point stay together.

    Parameters
    ----------
    space : Space
    count : int
        Of resamples.
    seed : int
        Each resample has draws of its own, keyed by the seed and its number.
    advance : callable
        Called when one is done.
    """
    total = len(space.codes)
    boxes, densities, coverages = [], [], []
    votes = np.zeros(total)  # how often a point that was left out lies in the box
    for number in range(count):
        drawn = np.random.default_rng([seed, number]).integers(total, size=total)
        box = _searched(_taken(space, drawn))
        out = np.ones(total, dtype=bool)
        out[drawn] = False
        points = inside(space, box) & out
        votes += points
        found = held(replace(space, cases=space.cases * out, runs=space.runs * out), points)
        boxes.append(box)
        densities.append(found.density)
        coverages.append(found.coverage)
        advance()
    return Resamples(boxes, np.array(densities), np.array(coverages), _chance(space, votes, seed))


def _taken(space: Space, drawn: np.ndarray) -> Space:
    """The space of some points, each as often as it was drawn."""
    return replace(space, codes=space.codes[drawn], cases=space.cases[drawn], runs=space.runs[drawn])


def _searched(space: Space) -> Box:
    """The chosen box; the whole where there is nothing to search."""
    if space.cases.sum() in (0, space.runs.sum()):
        return space.whole
    return chosen(space, quick_trajectory(space))[1]


def _chance(space: Space, votes: np.ndarray, seed: int) -> float:
    """How often shuffled outcomes are as dense where points that were left out lie in the boxes."""
    if np.ptp(votes) == 0.0:
        return 1.0

    def density(order: np.ndarray) -> float:
        return float((votes * space.cases[order]).sum() / (votes * space.runs[order]).sum())

    rng = np.random.default_rng([seed, 2**31])
    own = density(np.arange(len(votes)))
    as_dense = sum(density(rng.permutation(len(votes))) >= own * (1.0 - 1e-12) for _ in range(_SHUFFLES))
    return (1 + as_dense) / (1 + _SHUFFLES)


def middle_and_ends(values: np.ndarray) -> tuple[float, float, float]:
    """Median and the ends of the middle nine tenths; NaN where nothing is known.

    Examples
    --------
    >>> middle_and_ends(np.arange(101.0))
    (50.0, 5.0, 95.0)
    """
    known = values[~np.isnan(values)]
    if not known.size:
        return float("nan"), float("nan"), float("nan")
    # Values that occur, so that infinite ones are none of a mean.
    low, middle, high = np.quantile(known, [(1.0 - LEVEL) / 2.0, 0.5, (1.0 + LEVEL) / 2.0], method="nearest")
    return float(middle), float(low), float(high)


def stability_table(space: Space, box: Box | None, found: Resamples) -> "pd.DataFrame":
    """How often each limit is found in resamples, and where it lies.

    Parameters
    ----------
    space : Space
    box : Box or None
        The chosen one, if there is one.
    found : Resamples

    Returns
    -------
    DataFrame
        A row a limit: `factor`, `limit` (`low`, `high`, or `not WORD` for a word that is left out), `in_box` (whether
        the chosen box has it), `value` there, `share` of resamples that have it, and of those the `median`, `low` and
        `high` of the value.
    """
    import pandas as pd

    rows = []
    sides = [set(limits(space, each)) for each in found.boxes]
    own = set() if box is None else set(limits(space, box))
    for index, factor in enumerate(space.factors):
        if factor.is_word:
            for code, word in enumerate(factor.values):
                share = float(np.mean([not each[index][code] for each in found.boxes]))
                is_out = box is not None and not bool(box[index][code])
                rows.append((factor.name, f"not {word}", is_out, np.nan, share, np.nan, np.nan, np.nan))
            continue
        for end, side in enumerate(("low", "high")):
            has = [(index, side) in each for each in sides]
            values = [_limit(factor, each[index])[end] for each, there in zip(found.boxes, has) if there]
            value = _limit(factor, box[index])[end] if (index, side) in own else np.nan
            ends = middle_and_ends(np.array(values, dtype=float))
            rows.append((factor.name, side, (index, side) in own, value, float(np.mean(has)), *ends))
    names = ["factor", "limit", "in_box", "value", "share", "median", "low", "high"]
    return pd.DataFrame(rows, columns=names)


def _limit(factor, allowed: np.ndarray) -> tuple[float, float]:
    places = np.flatnonzero(allowed)
    return factor.limit(int(places[0]), int(places[-1]))
