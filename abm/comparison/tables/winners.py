"""Winners: which strategy has most customers at the end of a run, how often, and by how much."""

from typing import TYPE_CHECKING

import numpy as np

from abm.comparison.inputs.outcomes import NONE, SHARE, filled, strategies_in
from abm.comparison.statistics.rounding import differences
from abm.comparison.tables.regimes import share_tables

if TYPE_CHECKING:
    import pandas as pd

    from abm.comparison.runs import Runs

COLUMNS = ("group", "strategy", "n", "share", "low", "high", "margin")


def winners(runs: "Runs", level: float = 0.95) -> "pd.DataFrame":
    """How often each strategy wins, and the share of customers by which it does.

    Parameters
    ----------
    runs : Runs
    level : float
        Of the intervals of the shares of runs.

    Returns
    -------
    DataFrame
        `group strategy n share low high margin`: n of `runs`, which comes behind, and of the runs that it wins the mean
        distance of its share of customers from the second's; NaN where it never wins. The strategy `none` stands for
        empty markets.

    Examples
    --------
    >>> import pandas as pd
    >>> from abm.comparison.runs import collect_runs
    >>> shares = {"share_a": [0.7, 0.4, 0.8, 0.9], "share_b": [0.3, 0.6, 0.2, 0.1], "winner": ["a", "b", "a", "a"]}
    >>> frame = pd.DataFrame({"churn": [0.1, 0.2] * 2, "seed": [1, 1, 2, 2]} | shares)
    >>> winners(collect_runs(frame, by="churn"))[["group", "strategy", "n", "share", "margin"]].round(3)
      group strategy  n  share  margin
    0   0.1        a  2    1.0     0.5
    1   0.1        b  0    0.0     NaN
    2   0.2        a  1    0.5     0.8
    3   0.2        b  1    0.5     0.2
    """
    import pandas as pd

    frame = runs.frame
    if "winner" not in frame:
        return pd.DataFrame(columns=[*COLUMNS, "runs"])
    won = filled(frame["winner"])
    names = strategies_in(frame)
    names += [name for name in dict.fromkeys(won) if name not in names]
    flags = pd.DataFrame({name: (won == name).astype(np.float64) for name in names})
    table, _ = share_tables(runs, flags, level)
    margins = _margins(frame, won).groupby([frame["group"], won], observed=True).mean()
    table["margin"] = margins.reindex(zip(table["group"], table["key"])).to_numpy(np.float64)
    table = table.rename(columns={"key": "strategy"})
    return table[[*COLUMNS, "runs", *runs.factor_columns(runs.baseline)]]


def _margins(frame: "pd.DataFrame", won: "pd.Series") -> "pd.Series":
    """By how much the winner of each run has more customers than the second."""
    import pandas as pd

    names = [name for name in frame if name.startswith(SHARE)]
    shares = frame[names].to_numpy(np.float64, na_value=0.0)
    if len(names) < 2:
        return pd.Series(np.nan, index=frame.index)
    first_two = np.sort(np.nan_to_num(shares), axis=1)[:, -2:]
    margin = differences(first_two[:, 1:], first_two[:, :1])[:, 0]
    return pd.Series(np.where(won == NONE, np.nan, margin), index=frame.index)
