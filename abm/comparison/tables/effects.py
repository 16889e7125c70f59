"""The comparison table: each outcome of each group with its interval, and its difference from the baseline."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from abm.comparison.statistics.effects import cliffs_delta, cliffs_word, holm, p_values, variance_ratio
from abm.comparison.statistics.intervals import (
    difference_intervals,
    is_binary,
    mean_intervals,
    paired_intervals,
    skewed,
)
from abm.comparison.statistics.means import FEWEST
from abm.comparison.statistics.rounding import differences, merge_close, unit_of

if TYPE_CHECKING:
    import pandas as pd

    from abm.comparison.runs import Runs

QUANTILES = {"q10": 0.1, "q25": 0.25, "median": 0.5, "q75": 0.75, "q90": 0.9}
FIXED = (
    *("outcome", "group", "n", "failed", "mean", "sd", "median", "low", "high"),
    *("difference", "difference_low", "difference_high", "cliffs_delta", "p_holm", "paired"),
)
_IN_UNITS = ("mean", "sd", *QUANTILES, "low", "high", "difference", "difference_low", "difference_high")
FURTHER = ("q10", "q25", "q75", "q90", "missing", "cliffs_word", "variance_ratio", "p", "pairs", "method", "warning")


class Sample(NamedTuple):
    """The runs of a group.

    Attributes
    ----------
    group : str
    values : float64 array, shape (runs, outcomes)
    pair : int64 array, shape (runs,)
        In rising order, each once.
    blocks : int64 array, shape (runs,), or None
        None where each run is a replication of its own.
    unit : float64 array, shape (outcomes,)
        The values are divided by it; the same for all groups, and 1 unless they are too large or small to be squared.
    """

    group: str
    values: np.ndarray
    pair: np.ndarray
    blocks: np.ndarray | None
    unit: np.ndarray | float = 1.0

    def take(self, rows: np.ndarray) -> "Sample":
        """The runs with some row numbers."""
        blocks = None if self.blocks is None else self.blocks[rows]
        return self._replace(values=self.values[rows], pair=self.pair[rows], blocks=blocks)

    def pairs_with(self, other: "Sample") -> tuple["Sample", "Sample"]:
        """The runs of both samples that form pairs, row by row."""
        _, own, theirs = np.intersect1d(self.pair, other.pair, assume_unique=True, return_indices=True)
        return self.take(own), other.take(theirs)


def samples_of(runs: "Runs", columns: list[str], frame: "pd.DataFrame | None" = None) -> Iterator[Sample]:
    """The runs of each group, the baseline's first; `columns` of `frame`, or of the runs' own frame."""
    frame = runs.frame if frame is None else frame
    codes, pair, block = frame["group"].cat.codes.to_numpy(), frame["pair"].to_numpy(), frame["block"].to_numpy()
    groups, matrix = runs.groups, frame[columns].to_numpy(np.float64)
    unit = unit_of(matrix)
    matrix = matrix / unit
    for index in sorted(range(len(groups)), key=lambda index: groups[index] != runs.baseline):
        rows = np.flatnonzero(codes == index)
        rows = rows[np.argsort(pair[rows], kind="stable")]
        blocks = block[rows] if len(np.unique(block[rows])) < len(rows) else None
        yield Sample(groups[index], matrix[rows], pair[rows], blocks, unit)


def stacked(parts: Sequence["pd.DataFrame"], groups: Sequence[str], by: list[str]) -> "pd.DataFrame":
    """Tables one below the other, sorted by some columns, with `group` in the order of the groups."""
    import pandas as pd

    table = pd.concat(parts, ignore_index=True)
    table["group"] = pd.Categorical(table["group"], groups, ordered=True)
    return table.sort_values(by, kind="stable", ignore_index=True)


def count_and_mean(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each outcome's number of runs with a value, and its mean over them (NaN without any), shape (outcomes,)."""
    known = ~np.isnan(values)
    n = known.sum(axis=0)
    # Relative to a value of each column, so that the mean of equal values is exactly that value.
    centre = np.where(known, values, np.inf).min(axis=0, initial=np.inf)
    centre = np.where(n > 0, centre, np.nan)
    with np.errstate(invalid="ignore"):
        return n, centre + np.where(known, values - centre, 0.0).sum(axis=0) / n


def quantile(ordered: np.ndarray, n: np.ndarray, share: float | np.ndarray) -> np.ndarray:
    """Quantiles by linear interpolation of the first `n` values of each sorted column; NaN where n is 0."""
    last = np.maximum(n - 1, 0)
    index = np.clip(share, 0.0, 1.0) * last
    known = np.isfinite(index) & (n > 0)
    lower = np.floor(np.where(known, index, 0.0)).astype(np.int64)
    columns = np.arange(len(n))
    one, other = ordered[lower, columns], ordered[np.minimum(lower + 1, last), columns]
    return np.where(known, one + (index - lower) * (other - one), np.nan)


def comparison_table(runs: "Runs", level: float = 0.95, advance: Callable[[], None] = lambda: None) -> "pd.DataFrame":
    """Each outcome of each group, and its difference from the baseline.

    Runs without a value of an outcome are left out of its numbers and counted in `missing`. Where groups share seeds,
    the difference is that of the pairs; runs without a partner then count in the mean only. Columns: `FIXED`, each
    factor where several make the groups, and `FURTHER`. `advance` is called after each group.
    """
    import pandas as pd

    names = runs.names
    binary = yes_no(runs, names)
    parts, base = [], None
    for sample in samples_of(runs, names):
        part = _group_statistics(sample, binary, level) | {"failed": runs.failed[sample.group]}
        if base is None:
            base = sample
            part |= {"paired": False, "pairs": 0}
        else:
            difference, is_skewed = _difference_statistics(sample, base, runs.paired[sample.group], binary, level)
            part |= difference | {"warning": np.where((part["warning"] == "") & is_skewed, "skewed", part["warning"])}
        with np.errstate(over="ignore"):
            part |= {name: part[name] * sample.unit for name in _IN_UNITS if name in part}
        about = {"outcome": names, "group": sample.group, "index": np.arange(len(names))}
        parts.append(pd.DataFrame(about | runs.factor_columns(sample.group) | part))
        advance()
    table = stacked(parts, runs.groups, ["index", "group"])
    table["p_holm"] = holm(table["p"].to_numpy(np.float64))
    return table[[*FIXED, *runs.factor_columns(runs.baseline), *FURTHER]]


def yes_no(runs: "Runs", names: list[str]) -> np.ndarray:
    """Which outcomes are yes/no, by their kind or by their values in all groups, shape (outcomes,)."""
    found = is_binary(runs.frame[names].to_numpy(np.float64))
    return found | np.array([name in runs.yes_no for name in names])


def difference_interval(
    ours: Sample, theirs: Sample, paired: bool, binary: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of each outcome's difference between two groups; their rows are pairs where `paired`."""
    if paired:
        return paired_intervals(ours.values, theirs.values, level, ours.blocks, binary=binary)
    return difference_intervals(ours.values, theirs.values, level, ours.blocks, theirs.blocks, binary=binary)


def _group_statistics(sample: Sample, binary: np.ndarray, level: float) -> dict[str, np.ndarray]:
    """The columns of a group by itself, each of shape (outcomes,)."""
    values = sample.values
    known = ~np.isnan(values)
    n, mean = count_and_mean(values)
    centred = np.where(known, values - mean, 0.0)
    sd = np.sqrt((centred**2).sum(axis=0) / np.where(n > 1, n - 1, np.nan))
    low, high = mean_intervals(values, level, sample.blocks, binary=binary)
    replications = _replications(sample, known)
    method = np.select([replications < 2, binary, replications < FEWEST], ["", "Wilson", "Student's t"], "bootstrap-t")
    is_skewed = skewed(values, sample.blocks) & ~binary
    warning = np.select([n == 0, replications < FEWEST, is_skewed], ["no value", "few runs", "skewed"], "")
    columns = {"n": n, "mean": mean, "sd": sd, "low": low, "high": high, "missing": len(values) - n}
    ordered = np.sort(values, axis=0)  # NaN last
    columns |= {name: quantile(ordered, n, share) for name, share in QUANTILES.items()}
    return columns | {"method": method, "warning": warning}


def _replications(sample: Sample, known: np.ndarray) -> np.ndarray:
    """Each outcome's number of replications with a value."""
    if sample.blocks is None:
        return known.sum(axis=0)
    order = np.argsort(sample.blocks, kind="stable")
    starts = np.flatnonzero(np.diff(sample.blocks[order], prepend=-1))
    return np.logical_or.reduceat(known[order], starts, axis=0).sum(axis=0)


def _difference_statistics(
    sample: Sample, base: Sample, paired: bool, binary: np.ndarray, level: float
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The columns of a group beside the baseline, and which outcomes have skewed differences of pairs."""
    ours, theirs = sample.pairs_with(base) if paired else (sample, base)
    options = {"paired": paired, "blocks": ours.blocks, "baseline_blocks": theirs.blocks}
    low, high = difference_interval(ours, theirs, paired, binary, level)
    if paired:
        both = np.isfinite(ours.values) & np.isfinite(theirs.values)
        distances = np.where(both, differences(ours.values, theirs.values), np.nan)
        difference, is_skewed = count_and_mean(distances)[1], skewed(distances, ours.blocks) & ~binary
    else:
        both, is_skewed = np.zeros_like(ours.values, dtype=bool), np.zeros(len(binary), dtype=bool)
        means = [count_and_mean(each)[1][np.newaxis] for each in merge_close(ours.values, theirs.values)]
        difference = differences(*means)[0]
    delta = cliffs_delta(sample.values, base.values)
    found = {
        "difference": difference,
        "difference_low": low,
        "difference_high": high,
        "cliffs_delta": delta,
        "cliffs_word": [cliffs_word(each) for each in delta],
        "p": p_values(ours.values, theirs.values, **options),
        "variance_ratio": variance_ratio(ours.values, theirs.values, ours.blocks) if paired else np.nan,
        "paired": paired,
        "pairs": both.sum(axis=0),
    }
    return found, is_skewed
