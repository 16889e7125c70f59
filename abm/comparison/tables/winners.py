"""Winners: which strategy has most customers at the end of a run, how often, and by how much."""

from typing import TYPE_CHECKING

import numpy as np

from abm.comparison.inputs.outcomes import NONE, SHARE, strategies_in, with_none
from abm.comparison.statistics.rounding import differences
from abm.comparison.tables.regimes import share_tables

if TYPE_CHECKING:
    import pandas as pd

    from abm.comparison.runs import Runs

COLUMNS = ("group", "strategy", "n", "share", "low", "high", "margin")


def winners(runs: "Runs", level: float = 0.95) -> "pd.DataFrame":
    """The share of runs that each strategy wins, and the mean margin in market share.

    `group strategy n share low high margin runs`: `margin` is the mean difference between the winner's share of
    customers and the second's over the runs that the strategy wins, NaN where there are none. The strategy `none`
    stands for empty markets.
    """
    import pandas as pd

    frame = runs.frame
    if "winner" not in frame:
        return pd.DataFrame(columns=[*COLUMNS, "runs"])
    won = with_none(frame["winner"])
    names = strategies_in(frame)
    names += [name for name in dict.fromkeys(won) if name not in names]
    flags = pd.DataFrame({name: (won == name).astype(np.float64) for name in names})
    table, _ = share_tables(runs, flags, level)
    margins = _margins(frame, won).groupby([frame["group"], won], observed=True).mean()
    table["margin"] = margins.reindex(zip(table["group"], table["key"])).to_numpy(np.float64)
    table = table.rename(columns={"key": "strategy"})
    return table[[*COLUMNS, "runs", *runs.factor_columns(runs.baseline)]]


def _margins(frame: "pd.DataFrame", won: "pd.Series") -> "pd.Series":
    """The winner's share of customers minus the second's, for each run."""
    import pandas as pd

    names = [name for name in frame if name.startswith(SHARE)]
    shares = frame[names].to_numpy(np.float64, na_value=0.0)
    if len(names) < 2:
        return pd.Series(np.nan, index=frame.index)
    first_two = np.sort(np.nan_to_num(shares), axis=1)[:, -2:]
    margin = differences(first_two[:, 1:], first_two[:, :1])[:, 0]
    return pd.Series(np.where(won == NONE, np.nan, margin), index=frame.index)
