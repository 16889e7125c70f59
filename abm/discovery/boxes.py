"""Boxes in the space of factors: what they hold, how dense they are, and which limit could be chance.

A box is, of each factor, which of its values are in it; the runs in a box are those of the points in it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from abm.discovery.space import Space

Box = list[np.ndarray]
CHANCE = 0.05  # quasi-p above which a limit is taken away again
CLEARLY = 0.01  # by how much a moved limit must make the association larger
FEWEST = 5  # points that a box holds at least


class Limit(NamedTuple):
    """A side of a box that holds less than the whole: `low` or `high` of numbers, `words` of words."""

    factor: int
    side: str


class Held(NamedTuple):
    """What a box holds."""

    points: int
    runs: int
    cases: int
    coverage: float
    density: float
    mass: float


def inside(space: Space, box: Box) -> np.ndarray:
    """Which points lie in a box; bool array, shape (points,)."""
    found = np.ones(len(space.codes), dtype=bool)
    for index, allowed in enumerate(box):
        if not allowed.all():
            found &= allowed[space.codes[:, index]]
    return found


def held(space: Space, points: np.ndarray) -> Held:
    """What some points hold: coverage is the share of all cases, density that of the runs there that are cases."""
    runs, cases = int(space.runs[points].sum()), int(space.cases[points].sum())
    of_all = int(space.cases.sum())
    return Held(
        int(points.sum()),
        runs,
        cases,
        cases / of_all if of_all else float("nan"),
        cases / runs if runs else float("nan"),
        runs / int(space.runs.sum()),
    )


def limits(space: Space, box: Box) -> list[Limit]:
    """The sides of a box that hold less than the whole, in the order of the factors."""
    found = []
    for index, (factor, allowed) in enumerate(zip(space.factors, box)):
        if factor.is_word:
            found += [] if allowed.all() else [Limit(index, "words")]
            continue
        found += [] if allowed[0] else [Limit(index, "low")]
        found += [] if allowed[-1] else [Limit(index, "high")]
    return found


def without(box: Box, limit: Limit) -> Box:
    """A box with one of its limits taken away."""
    allowed = box[limit.factor].copy()
    places = np.flatnonzero(allowed)
    if limit.side == "words":
        allowed[:] = True
    elif limit.side == "low":
        allowed[: places[0]] = True
    else:
        allowed[places[-1] :] = True
    return [allowed if index == limit.factor else each for index, each in enumerate(box)]


def quasi_p(space: Space, box: Box, limit: Limit) -> float:
    """How likely a box is as dense as it is by chance, if one of its limits did nothing (Bryant and Lempert 2010).

    One-sided binomial, the density without the limit being the truth. Counts points, each by its share of cases, not
    runs: those of a point are not independent of each other. With a run a point it is the usual one.
    """
    from scipy.special import betainc

    points, more = inside(space, box), inside(space, without(box, limit))
    shares = space.cases / space.runs
    count, found = int(points.sum()), float(shares[points].sum())
    chance = float(shares[more].mean())
    if found <= 0.0:
        return 1.0
    return float(betainc(found, count - found + 1.0, chance))


def association(space: Space, points: np.ndarray) -> float:
    """The correlation over runs between lying in a box and being a case; 0 for a box that holds all or nothing."""
    return float(_associations(space, space.runs[points].sum(), space.cases[points].sum()))


def _associations(space: Space, in_box: np.ndarray, both: np.ndarray) -> np.ndarray:
    """The correlation for boxes that hold so many runs and cases."""
    runs, cases = float(space.runs.sum()), float(space.cases.sum())
    in_box, both = np.asarray(in_box, dtype=np.float64), np.asarray(both, dtype=np.float64)
    spread = in_box * (runs - in_box) * cases * (runs - cases)
    return np.where(spread > 0.0, (runs * both - in_box * cases) / np.sqrt(np.maximum(spread, 1e-300)), 0.0)


def moved(space: Space, box: Box) -> Box:
    """A box with its limits moved, one at a time, as long as that makes its association clearly larger.

    Peeling takes away what is best at each step and cannot go back: of factors of few levels it can take the wrong one.
    """
    now = association(space, inside(space, box))
    while True:
        tried = [_best_move(space, box, index) for index in range(len(box))]
        index = int(np.argmax([worth for worth, _ in tried]))
        worth, allowed = tried[index]
        if worth <= now + CLEARLY:
            return box
        now, box = worth, [allowed if other == index else each for other, each in enumerate(box)]


def _best_move(space: Space, box: Box, index: int) -> tuple[float, np.ndarray]:
    """The best values of one factor that moving one limit of it, or taking in or out one word, gives."""
    opened = [np.ones_like(each) if other == index else each for other, each in enumerate(box)]
    there, codes, allowed = inside(space, opened), space.codes[:, index], box[index]
    weights = np.array([np.ones(len(codes)), space.runs, space.cases])[:, there]
    by_value = np.array([np.bincount(codes[there], each, len(allowed)) for each in weights])
    if space.factors[index].is_word:
        options = allowed ^ np.eye(len(allowed), dtype=bool)
        sums = by_value @ options.T
    else:
        ranks, (first, last) = np.arange(len(allowed)), np.flatnonzero(allowed)[[0, -1]]
        below = np.concatenate([np.zeros((3, 1)), np.cumsum(by_value, axis=1)], axis=1)
        # The widest first, so that of equally good ones it is taken.
        lows, highs = ranks[: last + 1], ranks[first:][::-1]
        sums = np.concatenate([below[:, [last + 1]] - below[:, lows], below[:, highs + 1] - below[:, [first]]], axis=1)
    worth = np.where(sums[0] >= FEWEST, _associations(space, sums[1], sums[2]), 0.0)
    best = int(np.argmax(worth))
    if space.factors[index].is_word:
        return float(worth[best]), options[best]
    if best < len(lows):
        return float(worth[best]), (ranks >= lows[best]) & (ranks <= last)
    return float(worth[best]), (ranks >= first) & (ranks <= highs[best - len(lows)])


def chosen(space: Space, boxes: Sequence[Box]) -> tuple[int, Box]:
    """The box of a trajectory with the largest association, its limits moved, less those that could be chance.

    Parameters
    ----------
    space : Space
    boxes : sequence of Box
        The first holds all.

    Returns
    -------
    index : int
        Of the box among those given.
    box : Box
    """
    found = [inside(space, box) for box in boxes]
    worth = [association(space, points) if points.sum() >= FEWEST else 0.0 for points in found]
    index = int(np.argmax(worth))
    box = moved(space, boxes[index])
    while sides := limits(space, box):
        chances = [quasi_p(space, box, limit) for limit in sides]
        worst = int(np.argmax(chances))
        if chances[worst] <= CHANCE:
            break
        box = without(box, sides[worst])
    return index, box
