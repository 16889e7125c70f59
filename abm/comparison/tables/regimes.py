"""Regimes: how often each structure of the market meets each kind of growth, by group."""

from typing import TYPE_CHECKING

import numpy as np

from abm.comparison.inputs.outcomes import filled, words
from abm.comparison.statistics.intervals import mean_intervals
from abm.comparison.tables.effects import difference_ends, samples_of, stacked

if TYPE_CHECKING:
    import pandas as pd

    from abm.comparison.runs import Runs

REGIME = ("structure", "growth")
COLUMNS = ("group", *REGIME, "n", "share", "low", "high")
CHANGES = ("group", *REGIME, "difference", "low", "high", "paired")


def regimes(runs: "Runs", level: float = 0.95) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """How often each regime occurs, and how much more often than in the baseline.

    Parameters
    ----------
    runs : Runs
    level : float
        Of the intervals: Wilson's, with the effective number of runs where several share a replication.

    Returns
    -------
    regimes : DataFrame
        `group structure growth n share low high` for each regime that occurs in any group; n of `runs`, which comes
        behind. Growth is `none` where the market was empty. Then each factor's own column where there are several.
    changes : DataFrame
        `group structure growth difference low high paired`, of shares, for all groups but the baseline.

    Examples
    --------
    >>> import pandas as pd
    >>> from abm.comparison.runs import collect_runs
    >>> frame = pd.DataFrame({"churn": [0.1, 0.2] * 2, "seed": [1, 1, 2, 2], "growth": "vicious"})
    >>> frame["structure"] = ["moderate", "monopoly", "moderate", "moderate"]
    >>> shares, changes = regimes(collect_runs(frame, by="churn"))
    >>> shares[["group", "structure", "growth", "n", "share"]]
      group structure   growth  n  share
    0   0.1  monopoly  vicious  0    0.0
    1   0.1  moderate  vicious  2    1.0
    2   0.2  monopoly  vicious  1    0.5
    3   0.2  moderate  vicious  1    0.5
    >>> changes[["group", "structure", "difference"]]
      group structure  difference
    0   0.2  monopoly         0.5
    1   0.2  moderate        -0.5
    """
    import pandas as pd

    if not all(name in runs.frame for name in REGIME):
        return pd.DataFrame(columns=[*COLUMNS, "runs"]), pd.DataFrame(columns=list(CHANGES))
    texts = {name: filled(runs.frame[name]) for name in REGIME}
    rank = {name: {word: place for place, word in enumerate(words(runs.frame[name]))} for name in REGIME}
    occurring = dict.fromkeys(zip(texts["structure"], texts["growth"]))
    found = sorted(occurring, key=lambda regime: [rank[name][word] for name, word in zip(REGIME, regime)])
    flags = {
        f"{place}": ((texts["structure"] == structure) & (texts["growth"] == growth)).astype(np.float64)
        for place, (structure, growth) in enumerate(found)
    }
    shares, changes = share_tables(runs, pd.DataFrame(flags), level)
    for table in (shares, changes):
        for place, name in enumerate(REGIME):
            table[name] = [found[int(key)][place] for key in table["key"]]
    factors = runs.factor_columns(runs.baseline)
    return shares[[*COLUMNS, "runs", *factors]], changes[[*CHANGES, *factors]]


def share_tables(runs: "Runs", flags: "pd.DataFrame", level: float) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """Shares of runs by group, and their differences to the baseline.

    Parameters
    ----------
    runs : Runs
    flags : DataFrame
        0 or 1 for each run; a column each of what is counted.
    level : float

    Returns
    -------
    shares : DataFrame
        `group key n share low high runs`, key the flag's name, and the factors where there are several.
    changes : DataFrame
        `group key difference low high paired`, and the factors.
    """
    import pandas as pd

    keys = list(flags)
    binary = np.ones(len(keys), dtype=bool)
    frame = pd.concat([runs.frame[["group", "pair", "block"]], flags], axis=1)
    shares, changes, base = [], [], None
    for sample in samples_of(runs, keys, frame):
        about = {"group": sample.group, "key": keys} | runs.factor_columns(sample.group)
        low, high = mean_intervals(sample.values, level, sample.blocks, binary=binary)
        n, count = sample.values.sum(axis=0).astype(np.int64), len(sample.values)
        shares.append(pd.DataFrame(about | {"n": n, "share": n / count, "low": low, "high": high, "runs": count}))
        if base is None:
            base = sample
            continue
        paired = runs.paired[sample.group]
        ours, theirs = sample.beside(base) if paired else (sample, base)
        low, high = difference_ends(ours, theirs, paired, binary, level)
        difference = ours.values.mean(axis=0) - theirs.values.mean(axis=0)
        changes.append(pd.DataFrame(about | {"difference": difference, "low": low, "high": high, "paired": paired}))
    return stacked(shares, runs.groups, ["group"]), stacked(changes, runs.groups, ["group"])
