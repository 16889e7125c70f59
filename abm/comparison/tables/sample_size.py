"""How many runs are enough: how wide intervals are with fewer and more runs, and how many a wished width takes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from abm.comparison.statistics.sample_size import runs_needed, width_curve
from abm.comparison.tables.effects import count_and_mean, samples_of, stacked, yes_no

if TYPE_CHECKING:
    import pandas as pd

    from abm.comparison.runs import Runs

COLUMNS = ("outcome", "group", "given", "runs", "half_width", "relative", "n")
# Half-widths: of the mean; of a yes/no outcome's share, as they are.
WISHED = np.array([[0.1], [0.05], [0.02], [0.01]])


def enough(runs: "Runs", level: float = 0.95) -> "pd.DataFrame":
    """The half-width of the interval of each mean by the number of runs, read both ways.

    Parameters
    ----------
    runs : Runs
    level : float
        Of the intervals.

    Returns
    -------
    DataFrame
        `outcome group given runs half_width relative n`. Rows whose `given` is `runs` say which half-width to expect of
        so many runs; those with `half_width` say how many runs a half-width of 10, 5, 2 or 1 % of the mean takes, of a
        yes/no outcome one of 0.1, 0.05, 0.02 or 0.01. `relative` is the half-width over the absolute mean, `n` the
        number of runs that all this is judged by. Missing where the runs do not tell.

    Examples
    --------
    >>> import pandas as pd
    >>> from abm.comparison.runs import collect_runs
    >>> frame = pd.DataFrame({"churn": [0.1, 0.2] * 3, "hhi": [90.0, 80.0, 95.0, 70.0, 100.0, 75.0]})
    >>> enough(collect_runs(frame, by="churn")).head(5).round(2)
      outcome group       given  runs  half_width  relative  n
    0     hhi   0.1        runs     5        6.21      0.07  3
    1     hhi   0.1        runs    10        3.58      0.04  3
    2     hhi   0.1        runs    20        2.34      0.02  3
    3     hhi   0.1  half_width     4        9.50      0.10  3
    4     hhi   0.1  half_width     7        4.75      0.05  3
    """
    names = runs.names
    binary = yes_no(runs, names)
    parts = []
    for sample in samples_of(runs, names):
        n, mean = count_and_mean(sample.values)
        numbers, widths = width_curve(sample.values, level, sample.blocks, binary=binary)
        wished = np.where(binary, WISHED, WISHED * np.abs(mean))
        wished = np.where(np.isfinite(wished) & (wished > 0.0), wished, np.nan)
        needed = runs_needed(sample.values, np.nan_to_num(wished, nan=1.0), level, sample.blocks, binary=binary)
        needed = np.where(np.isfinite(wished) & np.isfinite(needed), needed, np.nan)
        about = {"outcome": names, "place": np.arange(len(names)), "n": n}
        for given, count, width in (("runs", numbers[:, np.newaxis], widths), ("half_width", needed, wished)):
            parts.append(_part(about, count, width, np.abs(mean), sample.unit).assign(group=sample.group, given=given))
    # Within a group rows stay as they were made, those of `runs` first.
    return stacked(parts, runs.groups, ["place", "group"])[list(COLUMNS)].astype({"runs": "Int64"})


def _part(
    about: dict[str, Any], runs: np.ndarray, half_width: np.ndarray, size: np.ndarray, unit: np.ndarray
) -> "pd.DataFrame":
    """A row for each half-width, all outcomes for one number of runs after all for another."""
    import pandas as pd

    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        numbers = {"half_width": half_width * unit, "relative": half_width / size}
    numbers["runs"] = np.broadcast_to(runs, half_width.shape).astype(float)
    repeated = {name: np.tile(each, len(half_width)) for name, each in about.items()}
    return pd.DataFrame(repeated | {name: each.ravel() for name, each in numbers.items()})
