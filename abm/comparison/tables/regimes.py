"""Regimes: how often each structure of the market occurs with each kind of growth, by group."""

from typing import TYPE_CHECKING

import numpy as np

from abm.comparison.inputs.outcomes import categories_in, with_none
from abm.comparison.statistics.intervals import mean_intervals
from abm.comparison.tables.effects import difference_interval, samples_of, stacked

if TYPE_CHECKING:
    import pandas as pd

    from abm.comparison.runs import Runs

REGIME = ("structure", "growth")
COLUMNS = ("group", *REGIME, "n", "share", "low", "high")
CHANGES = ("group", *REGIME, "difference", "low", "high", "paired")


def regimes(runs: "Runs", level: float = 0.95) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """The share of each group's runs that end in each regime, and that share minus the baseline's.

    `group structure growth n share low high runs` and `group structure growth difference low high paired`, each factor
    where several make the groups. Growth is `none` where the market is empty. Both are empty without these outcomes.
    """
    import pandas as pd

    if not all(name in runs.frame for name in REGIME):
        return pd.DataFrame(columns=[*COLUMNS, "runs"]), pd.DataFrame(columns=list(CHANGES))
    texts = {name: with_none(runs.frame[name]) for name in REGIME}
    rank = {name: {word: index for index, word in enumerate(categories_in(runs.frame[name]))} for name in REGIME}
    occurring = dict.fromkeys(zip(texts["structure"], texts["growth"]))
    found = sorted(occurring, key=lambda regime: [rank[name][word] for name, word in zip(REGIME, regime)])
    flags = {
        f"{index}": ((texts["structure"] == structure) & (texts["growth"] == growth)).astype(np.float64)
        for index, (structure, growth) in enumerate(found)
    }
    shares, changes = share_tables(runs, pd.DataFrame(flags), level)
    for table in (shares, changes):
        for index, name in enumerate(REGIME):
            table[name] = [found[int(key)][index] for key in table["key"]]
    factors = runs.factor_columns(runs.baseline)
    return shares[[*COLUMNS, "runs", *factors]], changes[[*CHANGES, *factors]]


def share_tables(runs: "Runs", flags: "pd.DataFrame", level: float) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """Shares of runs by group, and their differences from the baseline.

    `flags` has a column of 0 and 1 for each thing that is counted, whose name is the tables' `key`:
    `group key n share low high runs`, and `group key difference low high paired`; each with the factors.
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
        ours, theirs = sample.pairs_with(base) if paired else (sample, base)
        low, high = difference_interval(ours, theirs, paired, binary, level)
        difference = ours.values.mean(axis=0) - theirs.values.mean(axis=0)
        changes.append(pd.DataFrame(about | {"difference": difference, "low": low, "high": high, "paired": paired}))
    return stacked(shares, runs.groups, ["group"]), stacked(changes, runs.groups, ["group"])
