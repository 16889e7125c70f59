"""The peeling trajectory of PRIM: by ema_workbench of the runs themselves, and quickly of their resamples.

Friedman and Fisher (1999); the lenient objective of Kwakkel and Jaxa-Rozen (2016). Numbers are searched by their ranks,
to which the search is indifferent: infinite and very large values do no harm.
"""

import warnings
from typing import TYPE_CHECKING

import numpy as np

from abm.discovery.boxes import FEWEST, Box
from abm.discovery.space import Space

if TYPE_CHECKING:
    import pandas as pd

PEEL = 0.05  # share of a box's runs that a step takes away
_LEAST_MASS = 0.05  # of a box, where cases are not rarer


def least_mass(space: Space) -> float:
    """The smallest share of runs that a box may hold: half the share of cases, at most 5%, but at least five points."""
    return max(FEWEST / len(space.codes), min(_LEAST_MASS, space.density / 2.0))


def trajectory(space: Space) -> tuple["pd.DataFrame", list[Box]]:
    """The peeling trajectory of ema_workbench's PRIM.

    Parameters
    ----------
    space : Space

    Returns
    -------
    DataFrame
        A row a box, the whole first: `coverage density mass restricted runs cases`, and `quasi_p`, the largest of its
        limits, by runs.
    boxes : list of Box
    """
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of optional libraries that it lacks, and of what pandas will change
        from ema_workbench.analysis.prim import Prim

        rows, cases = _rows(space)
        codes = space.codes[rows]
        columns = {
            str(index): pd.Categorical(codes[:, index]) if factor.is_word else codes[:, index].astype(np.float64)
            for index, factor in enumerate(space.factors)
        }
        # A threshold near 0 keeps boxes of any density: whether a box is denser than by chance is tested later.
        search = Prim(pd.DataFrame(columns), cases, threshold=1e-12, peel_alpha=PEEL, mass_min=least_mass(space))
        found = search.find_box()
    table = found.peeling_trajectory
    quasi = [max((p for pair in each.values() for p in pair), default=-1.0) for each in found.qp]
    table_of_boxes = pd.DataFrame({
        "coverage": table["coverage"], "density": table["density"], "mass": table["mass"],
        "restricted": table["res_dim"].astype(int), "runs": table["n"].astype(int), "cases": table["k"].astype(int),
        "quasi_p": np.where(np.array(quasi) < 0.0, np.nan, quasi),
    })  # fmt: skip
    return table_of_boxes, [_box(space, limits) for limits in found.box_lims]


def _rows(space: Space) -> tuple[np.ndarray, np.ndarray]:
    """The point of each run, and whether it is a case."""
    rows = np.repeat(np.arange(len(space.codes)), space.runs)
    first = np.cumsum(space.runs) - space.runs
    return rows, (np.arange(len(rows)) - first[rows] < space.cases[rows]).astype(np.int64)


def _box(space: Space, limits: "pd.DataFrame") -> Box:
    """A box of ema_workbench, two rows of limits a column."""
    box = []
    for index, factor in enumerate(space.factors):
        codes = np.arange(len(factor.values))
        low, high = limits[str(index)]
        box.append(np.isin(codes, list(low)) if factor.is_word else (codes >= low) & (codes <= high))
    return box


def quick_trajectory(space: Space) -> list[Box]:
    """The boxes of the same peeling, without the pasting behind it, a hundred times as fast: for resamples.

    Parameters
    ----------
    space : Space

    Returns
    -------
    list of Box
        The whole first.
    """
    rows, cases = _rows(space)
    numbers = [index for index, factor in enumerate(space.factors) if not factor.is_word]
    words = [index for index, factor in enumerate(space.factors) if factor.is_word]
    whole, least = len(rows), least_mass(space)
    codes = space.codes[rows]
    box, boxes = space.whole, [space.whole]
    while True:
        best = None
        for index in numbers:
            ordered = np.sort(codes[:, index])
            for side in ("high", "low"):
                value = _quantile(ordered, 1.0 - PEEL if side == "high" else PEEL)
                kept = codes[:, index] <= value if side == "high" else codes[:, index] >= value
                ranks = np.arange(len(box[index]))
                smaller = box[index] & ((ranks <= value) if side == "high" else (ranks >= value))
                best = _better(best, space, box, index, smaller, kept, cases)
        for index in words:
            entries = np.flatnonzero(box[index])
            for entry in entries if len(entries) > 1 else ():
                smaller = box[index].copy()
                smaller[entry] = False
                best = _better(best, space, box, index, smaller, codes[:, index] != entry, cases)
        if best is None:
            return boxes
        (gain, _), box_new, kept = best
        count = int(kept.sum())
        if not (count / whole >= least and count < len(cases) and gain > 0.0):
            return boxes
        box, codes, cases = box_new, codes[kept], cases[kept]
        boxes.append(box)


def _better(
    best: tuple | None, space: Space, box: Box, index: int, smaller: np.ndarray, kept: np.ndarray, cases: np.ndarray
) -> tuple:
    """The better of two steps: of the larger gain in density for a run taken away, then of fewer limited factors."""
    count = int(kept.sum())
    before, after = float(cases.mean()), float(cases[kept].mean()) if count else 0.0
    gain = (after - before) / (len(cases) - count) if after != before else 0.0
    new = [smaller if number == index else each for number, each in enumerate(box)]
    score = (gain, sum(bool(each.all()) for each in new))
    return (score, new, kept) if best is None or score > best[0] else best


def _quantile(ordered: np.ndarray, share: float) -> float:
    """The middle between the two values at a quantile that differ, as ema_workbench has it."""
    middle = (len(ordered) - 1) * share
    low, high = int(np.floor(middle)), int(np.ceil(middle))
    if share > 0.5:
        low = max(int(np.searchsorted(ordered, ordered[high], "left")) - 1, 0) if ordered[low] == ordered[high] else low
    elif ordered[low] == ordered[high]:
        high = min(int(np.searchsorted(ordered, ordered[low], "right")), len(ordered) - 1)
    return (float(ordered[low]) + float(ordered[high])) / 2.0
