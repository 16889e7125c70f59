"""How many runs are enough: how wide intervals are with fewer and more runs, and how many a wished width takes."""

from typing import TYPE_CHECKING

import numpy as np

from abm.comparison.precision import runs_needed, width_curve
from abm.comparison.table import samples_of, yes_no

if TYPE_CHECKING:
    import pandas as pd

    from abm.comparison.groups import Runs

COLUMNS = ("outcome", "group", "given", "runs", "half_width", "relative", "n")
WISHED = (0.1, 0.05, 0.02, 0.01)  # half-widths: of the mean; of a yes/no outcome's share, as they are


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
    >>> from abm.comparison.groups import collect_runs
    >>> frame = pd.DataFrame({"churn": [0.1, 0.2] * 3, "hhi": [90.0, 80.0, 95.0, 70.0, 100.0, 75.0]})
    >>> enough(collect_runs(frame, by="churn")).head(5).round(2)
      outcome group       given  runs  half_width  relative  n
    0     hhi   0.1        runs     5        6.21      0.07  3
    1     hhi   0.1        runs    10        3.58      0.04  3
    2     hhi   0.1        runs    20        2.34      0.02  3
    3     hhi   0.1  half_width     4        9.50      0.10  3
    4     hhi   0.1  half_width     7        4.75      0.05  3
    """
    import pandas as pd

    names = runs.names
    binary = yes_no(runs, names)
    parts = []
    for sample in samples_of(runs, names):
        known = ~np.isnan(sample.values)
        n = known.sum(axis=0)
        with np.errstate(invalid="ignore"):
            mean = np.where(known, sample.values, 0.0).sum(axis=0) / n
        numbers, widths = width_curve(sample.values, level, sample.blocks, binary=binary)
        parts.append(_part(names, sample.group, "runs", np.broadcast_to(numbers[:, None], widths.shape), widths))
        for share in WISHED:
            wished = np.where(binary, share, share * np.abs(mean))
            some = np.isfinite(wished) & (wished > 0.0)
            needed = runs_needed(sample.values, np.where(some, wished, 1.0), level, sample.blocks, binary=binary)
            needed = np.where(some & np.isfinite(needed), needed, np.nan)
            parts.append(_part(names, sample.group, "half_width", needed, np.where(some, wished, np.nan)))
        for part in parts[-1 - len(WISHED) :]:
            rounds = len(part) // len(names)
            with np.errstate(divide="ignore", invalid="ignore"):
                part["relative"] = part["half_width"] / np.tile(np.abs(mean), rounds)
            part["n"] = np.tile(n, rounds)
    table = pd.concat(parts, ignore_index=True)
    table["group"] = pd.Categorical(table["group"], runs.groups, ordered=True)
    table["given"] = pd.Categorical(table["given"], ["runs", "half_width"], ordered=True)
    table = table.sort_values(["place", "group", "given"], kind="stable", ignore_index=True)
    table["given"] = table["given"].astype(object)
    return table[list(COLUMNS)].astype({"runs": "Int64"})


def _part(names: list[str], group: str, given: str, runs: np.ndarray, half_width: np.ndarray) -> "pd.DataFrame":
    """Rows of all outcomes, again and again where there are several numbers of runs."""
    import pandas as pd

    times = half_width.size // len(names)
    about = {"outcome": names * times, "group": group, "given": given, "place": np.tile(np.arange(len(names)), times)}
    return pd.DataFrame(about | {"runs": np.ravel(runs).astype(float), "half_width": np.ravel(half_width)})
