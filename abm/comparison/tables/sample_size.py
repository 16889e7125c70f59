"""Sample size: how wide intervals are with fewer and more runs, and how many runs a given width takes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from abm.comparison.statistics.sample_size import runs_needed, width_curve
from abm.comparison.tables.effects import count_and_mean, samples_of, stacked, yes_no

if TYPE_CHECKING:
    import pandas as pd

    from abm.comparison.runs import Runs

COLUMNS = ("outcome", "group", "given", "runs", "half_width", "relative", "n")
# Half-widths relative to the mean; absolute ones for the share of a yes/no outcome.
TARGETS = np.array([[0.1], [0.05], [0.02], [0.01]])


def sample_sizes(runs: "Runs", level: float = 0.95) -> "pd.DataFrame":
    """The half-width of the interval of each mean and the number of runs, one given the other.

    `outcome group given runs half_width relative n`: rows with `given` = `runs` give the half-width to be expected from
    that number of runs; rows with `half_width` give the number of runs for a half-width of 10, 5, 2 or 1 % of the mean,
    of a yes/no outcome 0.1, 0.05, 0.02 or 0.01. `relative` is the half-width over the absolute mean; `n` is the present
    number of runs. Missing where it cannot be estimated.
    """
    names = runs.names
    binary = yes_no(runs, names)
    parts = []
    for sample in samples_of(runs, names):
        n, mean = count_and_mean(sample.values)
        numbers, widths = width_curve(sample.values, level, sample.blocks, binary=binary)
        target = np.where(binary, TARGETS, TARGETS * np.abs(mean))
        target = np.where(np.isfinite(target) & (target > 0.0), target, np.nan)
        needed = runs_needed(sample.values, np.nan_to_num(target, nan=1.0), level, sample.blocks, binary=binary)
        needed = np.where(np.isfinite(target) & np.isfinite(needed), needed, np.nan)
        about = {"outcome": names, "index": np.arange(len(names)), "n": n}
        for given, count, width in (("runs", numbers[:, np.newaxis], widths), ("half_width", needed, target)):
            parts.append(_part(about, count, width, np.abs(mean), sample.unit).assign(group=sample.group, given=given))
    # A stable sort: within a group the rows of `runs` stay first.
    return stacked(parts, runs.groups, ["index", "group"])[list(COLUMNS)].astype({"runs": "Int64"})


def _part(
    about: dict[str, Any], runs: np.ndarray, half_width: np.ndarray, size: np.ndarray, unit: np.ndarray
) -> "pd.DataFrame":
    """A row for each half-width: all outcomes for the first number of runs, then for the next."""
    import pandas as pd

    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        numbers = {"half_width": half_width * unit, "relative": half_width / size}
    numbers["runs"] = np.broadcast_to(runs, half_width.shape).astype(float)
    repeated = {name: np.tile(each, len(half_width)) for name, each in about.items()}
    return pd.DataFrame(repeated | {name: each.ravel() for name, each in numbers.items()})
