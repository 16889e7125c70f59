"""Survival of firms by strategy, sector and cohort of entry: Kaplan-Meier curves with intervals over runs.

Time is a firm's age. A firm that is active at its run's end is censored there. The firms of a run share its market and
are not independent: intervals use the variance between runs (between replications, where a group has several runs of
one), not between firms.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.comparison.inputs.outcomes import strategies_in

if TYPE_CHECKING:
    import pandas as pd

    from abm.comparison.runs import Runs

ALL = "all"  # label of a curve that is not restricted to one strategy, sector or cohort
INITIAL = "initial"
QUARTERS = 4  # of the run; each is a cohort of entrants
MOST_STEPS = 500  # ages of a curve and steps of a path in a table; longer ones are reduced to this number
COLUMNS = ("group", "strategy", "step", "at_risk", "survival", "low", "high", "sector", "cohort", "runs")
LOG_RANK = ("group", "strategy", "sector", "cohort", "against", "firms", "exits", "expected", "ratio", "chi_square")


def evenly_spaced(length: int, first: int = 0) -> np.ndarray:
    """At most `MOST_STEPS` whole numbers from first to length, evenly spaced, including both ends."""
    return np.unique(np.linspace(first, length, min(length - first + 1, MOST_STEPS)).round().astype(np.int64))


@dataclass(frozen=True)
class Firms:
    """The observed age of each firm of a sample.

    Attributes
    ----------
    age : int64 array, shape (firms,)
        In steps, at exit or where it was censored.
    exited : bool array, shape (firms,)
    cluster : int64 array, shape (firms,)
        Firms of one cluster may depend on each other; clusters are independent.
    """

    age: np.ndarray
    exited: np.ndarray
    cluster: np.ndarray

    def __getitem__(self, chosen: np.ndarray) -> "Firms":
        return Firms(self.age[chosen], self.exited[chosen], self.cluster[chosen])

    def counts(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Exits and firms at risk at each age up to `length`; a firm is at risk at the age where it is censored."""
        exits = np.bincount(self.age[self.exited], minlength=length + 1)
        observed = np.bincount(self.age, minlength=length + 1)
        return exits, np.cumsum(observed[::-1])[::-1]


def kaplan_meier(firms: Firms, level: float = 0.95) -> "pd.DataFrame":
    """The share of firms that survive beyond each age, by the product-limit estimator.

    `step at_risk survival low high runs` for ages at which firms are at risk. The interval is Student's t on the
    log(-log) scale, with the variance between clusters of the linearised estimator (Williams 1995, Biometrics 51);
    with each firm its own cluster it equals Greenwood's to the first order. Missing where there is only one cluster.
    """
    import pandas as pd
    from scipy import stats

    exits, at_risk = firms.counts(int(firms.age.max(initial=0)))
    hazard = exits / np.maximum(at_risk, 1)
    with np.errstate(divide="ignore"):
        log_survival = np.cumsum(np.log1p(-hazard))
    steps = evenly_spaced(len(exits) - 1)
    at_step = log_survival[steps]
    runs = len(np.unique(firms.cluster))
    # From the exit of the last firm on there is no variance; the bound of the age before is kept.
    known = np.isfinite(at_step)
    low, high = np.where(known, 1.0, 0.0), np.ones(len(steps))
    if runs < 2:
        low[:], high[:] = np.nan, np.nan
    else:
        error = np.sqrt(runs / (runs - 1) * _squared_influence(firms, exits, at_risk, steps))
        reach = stats.t.ppf(0.5 + level / 2.0, runs - 1) * error
        inside = known & (at_step < 0.0)
        reach = reach[inside] / -at_step[inside]
        low[inside], high[inside] = (np.exp(at_step[inside] * np.exp(sign * reach)) for sign in (1.0, -1.0))
        if not known.all():
            high[~known] = high[known][-1] if known.any() else 1.0
    columns = {"step": steps, "at_risk": at_risk[steps], "survival": np.exp(at_step), "low": low, "high": high}
    return pd.DataFrame(columns | {"runs": runs})


def _squared_influence(firms: Firms, exits: np.ndarray, at_risk: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Sum over clusters of the squared influence of each on ln S, at each of `steps`.

    A firm's influence on the cumulative hazard up to t is w(a)·1[exit at a ≤ t] − G(min(a, t)), with w = 1/(n − d) and
    G the sum of hazard times w. It is summed by cluster and by the ages in `steps` only, which saves memory.
    """
    hazard = exits / np.maximum(at_risk, 1)
    weight = 1.0 / np.maximum(at_risk - exits, 1)
    expected = np.cumsum(hazard * weight)
    _, cluster = np.unique(firms.cluster, return_inverse=True)
    shape = cluster.max() + 1, len(steps)
    index = cluster * len(steps) + np.searchsorted(steps, firms.age)

    def summed(weights: np.ndarray | None) -> np.ndarray:
        return np.cumsum(np.bincount(index, weights, shape[0] * shape[1]).reshape(shape), axis=1)

    left = summed(None)
    at_exit = summed(firms.exited * weight[firms.age] - expected[firms.age])
    return ((at_exit - expected[steps] * (left[:, -1:] - left)) ** 2).sum(axis=0)


def survival(runs: "Runs", level: float = 0.95) -> "pd.DataFrame":
    """Kaplan-Meier curves of each group: of all its firms, by strategy, by sector, and by cohort of entry.

    `group strategy step at_risk survival low high sector cohort runs`, and each factor where several make the groups.
    Strategy, sector and cohort are `all` where a curve is not restricted to one. Cohorts are the `initial` firms and
    the entrants of each fourth of the run. Empty without `lives`.
    """
    import pandas as pd

    curves = []
    for group, labels, firms in _samples(runs):
        curve = kaplan_meier(firms, level).assign(group=group, **labels)[list(COLUMNS)]
        factors = runs.factor_columns(group).items()
        curves.append(curve.assign(**{name: value for name, value in factors if name not in COLUMNS}))
    return pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(columns=list(COLUMNS))


def log_rank(runs: "Runs") -> "pd.DataFrame":
    """Observed exits beside the exits expected if all firms had the same hazard at the same age.

    `group strategy sector cohort against firms exits expected ratio chi_square`: the firms of a strategy, sector or
    cohort against the `others` of their group, and all firms of a group against the baseline's. A ratio above 1 means
    more exits than expected. The statistic describes; it is no test and has no p-value, since the firms of a run depend
    on each other.
    """
    import pandas as pd

    samples = list(_samples(runs))
    length = max((int(firms.age.max()) for _, _, firms in samples), default=0)
    whole = {group: firms.counts(length) for group, labels, firms in samples if set(labels.values()) == {ALL}}
    rows = []
    for group, labels, firms in samples:
        counts = firms.counts(length)
        if set(labels.values()) == {ALL}:
            against, others = str(runs.baseline), whole.get(runs.baseline)
            if group == runs.baseline or others is None:
                continue
        else:
            against = "others"
            others = tuple(every - own for every, own in zip(whole[group], counts))
        expected, chi_square = expected_exits(*counts, *others)
        row = {"group": group, **labels, "against": against, "firms": len(firms.age), "exits": int(counts[0].sum())}
        ratio = row["exits"] / expected if expected > 0.0 else np.nan
        rows.append(row | {"expected": expected, "ratio": ratio, "chi_square": chi_square})
    return pd.DataFrame(rows, columns=list(LOG_RANK))


def expected_exits(
    exits: np.ndarray, at_risk: np.ndarray, other_exits: np.ndarray, other_at_risk: np.ndarray
) -> tuple[float, float]:
    """Expected exits of a sample under the hazard of both samples, and the log-rank statistic (or NaN)."""
    n, d = at_risk + other_at_risk, exits + other_exits
    share = at_risk / np.maximum(n, 1)
    expected = float((d * share).sum())
    variance = float((d * share * (1.0 - share) * (n - d) / np.maximum(n - 1, 1)).sum())
    return expected, (float(exits.sum()) - expected) ** 2 / variance if variance > 0.0 else np.nan


def _samples(runs: "Runs") -> Iterator[tuple[Any, dict[str, str], Firms]]:
    """Each group's firms, and its parts by strategy, sector and cohort, each with its labels."""
    import pandas as pd

    lives = runs.table("lives", ["sector", "strategy", "entry_step", "exit_step"])
    if lives is None:
        return
    everything = {"strategy": ALL, "sector": ALL, "cohort": ALL}
    for group in lives["group"].cat.categories:
        of_group = (lives["group"] == group).to_numpy()
        own = lives[of_group]
        if own.empty:
            continue
        entry = own["entry_step"].to_numpy(np.int64)
        exits = own["exit_step"].to_numpy(float, na_value=np.nan)
        exited = np.isfinite(exits)
        length = own["length"].to_numpy()
        age = np.where(exited, exits, length).astype(np.int64) - entry
        firms = Firms(age, exited, own["block"].to_numpy())
        yield group, everything, firms
        quarter = -(-QUARTERS * entry // length)  # 0 for the initial firms
        cohorts = [INITIAL, *(f"fourth {number}" for number in range(1, QUARTERS + 1))]
        parts = {part: pd.factorize(own[part]) for part in ("strategy", "sector")}
        parts["cohort"] = quarter, cohorts
        for part, (codes, names) in parts.items():
            for name in _in_order(names, runs):
                chosen = codes == list(names).index(name)
                if chosen.any():
                    yield group, everything | {part: str(name)}, firms[chosen]


def _in_order(names: Iterable[str], runs: "Runs") -> list[str]:
    """Names of strategies in the order of the outcomes, which is the scenario's; other names as they come."""
    known = strategies_in(runs.frame)
    return sorted(names, key=lambda name: known.index(name) if name in known else len(known))
