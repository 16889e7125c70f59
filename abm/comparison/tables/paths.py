"""Paths of markets: medians and bands over runs at each step, and when the paths of two groups diverge."""

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.comparison.inputs.outcomes import SHARE
from abm.comparison.statistics.rounding import differences
from abm.comparison.tables.effects import quantile
from abm.comparison.tables.survival import evenly_spaced

if TYPE_CHECKING:
    import pandas as pd

    from abm.comparison.runs import Runs

MEASURES = ("mean_T", "mean_C", "mean_R", "sector_hhi")  # and the share of each strategy
BAND = (0.1, 0.9)  # quantiles over runs
COLUMNS = ("group", "measure", "step", "median", "low", "high", "q10", "q90", "n")
PARTINGS = ("measure", "group", "other", "step", "step_median", "higher")


def trajectories(runs: "Runs", level: float = 0.95) -> "pd.DataFrame":
    """Paths of T, C, R, concentration within sectors and the strategies' shares, of each group.

    `group measure step median low high q10 q90 n`: the median over runs with its interval, the band from the 10 %
    to the 90 % quantile, and the number of runs with a value (a market without firms has none). Empty without `steps`.
    """
    import pandas as pd

    if runs.left_out("steps"):
        return pd.DataFrame(columns=list(COLUMNS))
    known = list(runs.frame)
    measures = [name for name in MEASURES if name in known] + [name for name in known if name.startswith(SHARE)]
    paths = []
    for measure in measures:  # one at a time, to save memory
        frame = runs.table("steps", ["step", measure])
        for group, steps, blocks, values in _by_group(frame, measure):
            path = pd.DataFrame(
                path_statistics(values, blocks, level) | {"group": group, "measure": measure, "step": steps}
            )
            path = path[list(COLUMNS)]
            paths.append(path.assign(**runs.factor_columns(group)))
    return pd.concat(paths, ignore_index=True)


def _by_group(frame: "pd.DataFrame", measure: str) -> Iterator[tuple[Any, np.ndarray, np.ndarray, np.ndarray]]:
    """Each group's steps, the block of each run, and values of shape (runs, steps)."""
    chosen = frame["step"].isin(evenly_spaced(int(frame["step"].max()), int(frame["step"].min()))) if len(frame) else []
    for group, own in frame[chosen].groupby("group", observed=True, sort=False):
        table = own.pivot(index=["block", "pair"], columns="step", values=measure)
        yield group, table.columns.to_numpy(), table.index.get_level_values("block").to_numpy(), table.to_numpy(float)


def path_statistics(values: np.ndarray, blocks: np.ndarray, level: float = 0.95) -> dict[str, np.ndarray]:
    """Median, its interval, the band and the number of runs at each step, each of shape (steps,).

    The interval is Woodruff's (1952, JASA 47): the share of runs below the median has a standard error, from the
    variance between blocks; its limits, ½ ± t·error, are converted to values by the sample's quantiles. It assumes no
    distribution, and it holds where runs depend on each other within blocks.

    Parameters
    ----------
    values : float64 array, shape (runs, steps)
        NaN where a run has none.
    blocks : int64 array, shape (runs,)
        Runs of one block may depend on each other.
    level : float
    """
    from scipy import stats

    ordered = np.sort(values, axis=0)  # NaN last
    n = np.isfinite(values).sum(axis=0)
    median = quantile(ordered, n, 0.5)
    _, block = np.unique(blocks, return_inverse=True)
    count = block.max() + 1
    # A value equal to the median counts as half below it, so that the residuals have the mean 0 with ties too.
    below = np.where(np.isfinite(values), 0.5 * (values < median) + 0.5 * (values <= median) - 0.5, 0.0)
    totals = np.zeros((count, len(n)))
    np.add.at(totals, block, below)
    clusters = np.zeros((count, len(n)), dtype=bool)
    np.logical_or.at(clusters, block, np.isfinite(values))
    clusters = clusters.sum(axis=0)
    few = np.maximum(clusters - 1, 1)
    error = np.sqrt(clusters / few * (totals**2).sum(axis=0)) / np.maximum(n, 1)
    reach = np.where(clusters > 1, stats.t.ppf(0.5 + level / 2.0, few) * error, np.nan)
    names = {"low": 0.5 - reach, "high": 0.5 + reach, **dict(zip(("q10", "q90"), BAND))}
    return {
        "median": median,
        **{name: quantile(ordered, n, share) for name, share in names.items()},
        "n": n,
    }


def divergences(paths: "pd.DataFrame") -> "pd.DataFrame":
    """The first step from which two groups' paths stay separate to the end, for each measure and pair of groups.

    `measure group other step step_median higher`: from `step` on the bands from 10 to 90 % of the runs do not overlap,
    from `step_median` on the intervals of the medians do not; missing where they overlap at the last step. `higher` is
    the group with the higher path at the end.
    """
    import pandas as pd

    rows = []
    for measure, own in paths.groupby("measure", sort=False):
        sides = {name: own.pivot(index="step", columns="group", values=name) for name in ("low", "high", "q10", "q90")}
        every = sides["low"].index.to_numpy()
        kept = {group: np.isin(every, rows["step"]) for group, rows in own.groupby("group", observed=True)}
        for group, other in combinations(dict.fromkeys(own["group"]), 2):
            found, above = [], None
            both = kept[group] & kept[other]  # of runs of different lengths, the steps that both have
            steps = every[both]
            for low, high in (("q10", "q90"), ("low", "high")):
                over = _above(sides[low][other], sides[high][group])[both]
                under = _above(sides[low][group], sides[high][other])[both]
                index = _first_permanent(over, under)
                found.append(pd.NA if index is None else steps[index])
                if index is not None:
                    above = other if over[-1] else group
            rows.append((measure, group, other, *found, above))
    frame = pd.DataFrame(rows, columns=list(PARTINGS))
    return frame.astype({"step": "Int64", "step_median": "Int64"})


def _above(one: "pd.Series", other: "pd.Series") -> np.ndarray:
    """Where the first is above the second by more than rounding."""
    return differences(one.to_numpy()[:, np.newaxis], other.to_numpy()[:, np.newaxis])[:, 0] > 0.0


def _first_permanent(over: np.ndarray, under: np.ndarray) -> int | None:
    """The first index from which one of two conditions holds to the end."""
    holding = over if over[-1:].any() else under
    if not holding[-1:].any():
        return None
    broken = np.flatnonzero(~holding)
    return int(broken[-1]) + 1 if broken.size else 0
