"""Runs in groups: which run belongs to which group, and which runs of two groups form a pair."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.comparison.grouping import baseline_of, group_labels, paired_groups
from abm.comparison.inputs.comparable import check_comparable
from abm.comparison.inputs.labels import differing_parameters, short_list
from abm.comparison.inputs.outcomes import STRATEGY, by_strategy, chosen_outcomes, is_text, numbers_of
from abm.comparison.inputs.reading import read_sources
from abm.comparison.inputs.rows import row_codes, row_numbers, run_table, without_duplicates
from abm.comparison.inputs.sources import Source
from abm.comparison.statistics.rounding import merge_close
from abm.errors import InputError, nearest, shown

if TYPE_CHECKING:
    import pandas as pd

_MOST_VALUES = 100  # different values of a text that is an outcome


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs in groups.

    Attributes
    ----------
    frame : DataFrame
        A row for each run (for each run and strategy where strategies are the groups): `group` (an ordered category),
        `pair` (equal where the seed and all other factors are), `block` (equal where the seed is: one replication), a
        column for each of `by`, then the outcomes: texts, and all outcomes as numbers.
    by : tuple of str
        The factors whose levels are the groups; empty where directories are.
    baseline : str
        The group that the others are compared with.
    names : list of str
        The compared outcomes, all numbers; `structure=oligopoly` is 1 for runs with that structure, else 0.
    yes_no : frozenset of str
        Outcomes that are yes/no by their kind: values of texts, and truth values.
    failed, missing : dict
        Each group's number of failed runs, and of runs without a value of an outcome that other runs have.
    paired : dict
        Whether each group is compared with the baseline run by run; False for the baseline.
    notes : list of str
        What a reader must know, a sentence each.
    sources : list of Source
        Where `table` reads from.
    """

    frame: "pd.DataFrame"
    by: tuple[str, ...]
    baseline: str
    names: list[str]
    yes_no: frozenset[str]
    failed: dict[str, int]
    missing: dict[str, int]
    paired: dict[str, bool]
    notes: list[str]
    sources: list[Source] = field(repr=False)
    _rows: "pd.DataFrame" = field(repr=False)

    @property
    def groups(self) -> list[str]:
        """The groups' labels in their order."""
        return list(self.frame["group"].cat.categories)

    @property
    def all_paired(self) -> bool:
        """Whether all groups are compared with the baseline run by run."""
        return all(paired for group, paired in self.paired.items() if group != self.baseline)

    def factor_columns(self, group: str) -> dict[str, Any]:
        """A group's level of each factor, or nothing where one factor makes the groups and the label is its level."""
        if len(self.by) < 2:
            return {}
        rows = self.frame.index[self.frame["group"] == group]
        return {name: self.frame.at[rows[0], name] for name in self.by}

    def changes(self) -> "pd.DataFrame":
        """What changes on the way of each run: a row as in `frame`, a column for each name `changes.NAME.KEY`.

        A value is missing where a run has no such change. Without columns where strategies are the groups.
        """
        import pandas as pd

        known = {name: None for source in self.sources for name in (*source.factors, *source.values)}
        names = [name for name in known if name.startswith("changes.") and STRATEGY not in self.by]
        own = self._rows[["source", "row"]].to_numpy()
        columns = {name: np.full(len(self.frame), np.nan, dtype=object) for name in names}
        for number, source in enumerate(self.sources) if names else ():
            mine = own[:, 0] == number
            for name in names:
                if name in source.factors:
                    columns[name][mine] = source.frame[name].to_numpy()[own[mine, 1]]
                elif name in source.values:
                    columns[name][mine] = source.values[name]
        return pd.DataFrame(columns, index=self.frame.index)

    def left_out(self, name: str) -> str | None:
        """Why a table is missing, with the setting that keeps it, or None where it exists."""
        if STRATEGY in self.by and name in ("steps", "sectors"):
            return f"{name} are of the whole market, and the groups are its strategies"
        for source in self.sources:
            if setting := source.left_out(name):
                return f"the runs of {source.label} did not keep {name} ({setting})"
        return None

    def table(self, name: str, columns: Iterable[str] | None = None) -> "pd.DataFrame | None":
        """A table that the runs kept, or None; each row has `group`, `pair`, `block` and the run's `length`."""
        import pandas as pd

        if self.left_out(name):
            return None
        wanted = None if columns is None else list(columns)
        if wanted is not None and STRATEGY in self.by and STRATEGY not in wanted:
            wanted.append(STRATEGY)
        parts = []
        for number, source in enumerate(self.sources):
            rows = source.read(name, wanted)
            index = row_numbers(self._rows, number, source)[rows.pop("run").to_numpy()]
            keep = index >= 0
            rows, index = (rows, index) if keep.all() else (rows[keep].reset_index(drop=True), index[keep])
            parts.append(self._about(index, rows).join(rows))
        return pd.concat(parts, ignore_index=True)

    def _about(self, index: np.ndarray, rows: "pd.DataFrame") -> "pd.DataFrame":
        """Group, pair, block and length of the runs with some row numbers."""
        import pandas as pd

        if STRATEGY in self.by:  # a run's rows lie one after the other, a row a strategy
            names = list(dict.fromkeys(self.frame[STRATEGY]))
            index = index * len(names) + pd.Index(names).get_indexer(rows[STRATEGY])
        columns = {name: self.frame[name].array.take(index) for name in ("group", "pair", "block")}
        per_run = len(self.frame) // len(self._rows)
        return pd.DataFrame(columns | {"length": self._rows["length"].to_numpy()[index // per_run]})


def collect_runs(
    what: Any,
    *,
    by: str | Sequence[str] = (),
    baseline: Any = None,
    outcomes: Iterable[str] = (),
    allow_different: bool = False,
    paired: bool | None = None,
    partial: bool = False,
) -> Runs:
    """Read runs and put them into groups; the options are those of `abm.compare`."""
    import pandas as pd

    by, outcomes = ((each,) if isinstance(each, str) else tuple(each) for each in (by, outcomes))
    if len(set(by)) < len(by):
        raise InputError(f"by = {', '.join(by)} names a factor twice")
    sources = read_sources(what, by, partial=partial, complete_only=paired is not False)
    notes = [source.note for source in sources if source.note] + check_comparable(sources, by, allow_different)
    swept = list(dict.fromkeys(name for source in sources for name in source.factors))
    varying = swept + [
        name for name in differing_parameters([source.values for source in sources]) if name not in swept
    ]
    by = by or _only_factor(sources)
    for name in by:
        _check_factor(name, sources, varying)
    factors = [name for name in by if name != STRATEGY]
    # Where directories are the groups, what differs between them is compared and must not separate pairs.
    others = [name for name in (varying if by else swept) if name not in factors]
    for source in sources:
        if source.frame.empty:
            raise InputError(f"{source.label}: all {len(source.failures):,} runs failed, so nothing can be compared")
    rows = run_table(sources, [*factors, *others], notes)
    rows["block"], rows["pair"] = row_codes(rows, ["seed"]), row_codes(rows, ["seed", *others])
    rows, frame = without_duplicates(rows, ["pair", *factors] if by else ["pair", "source"], sources, notes)
    keys = ["pair", "block", *factors]
    frame = pd.concat([rows[keys], frame], axis=1)
    if STRATEGY in by:
        frame, more = by_strategy(frame, rows, sources, keys)
        notes += more
        keys.append(STRATEGY)
    labels, failed, first = group_labels(frame, rows, sources, by)
    groups = list(labels.categories)
    lost = {group: count for group, count in failed.items() if group not in groups}
    all_failed = f"all runs failed in {short_list(f'{group} ({count:,})' for group, count in lost.items())}"
    if len(groups) < 2 and lost:
        raise InputError(f"nothing to compare {groups[0]} with: {all_failed}")
    if lost:
        notes.append(f"Groups are left out: {all_failed}.")
    if len(groups) < 2:
        constant = f"{by[0]} is {groups[0]} in all runs" if len(by) == 1 else f"all runs are of {groups[0]}"
        raise InputError(f"one group only: {constant}; name another directory, or a factor by --by")
    numbers, texts, yes_no = _outcomes(frame.drop(columns=keys), notes)
    names = chosen_outcomes(numbers, outcomes)
    if not names:
        raise InputError("there is no outcome to compare")
    columns = pd.DataFrame({name: values for each in numbers.values() for name, values in each.items()})
    columns = pd.DataFrame(merge_close(columns.to_numpy())[0], columns=columns.columns)
    frame = pd.concat([frame[["pair", "block", *by, *texts]], columns], axis=1)
    frame.insert(0, "group", labels)
    base = baseline_of(baseline, groups, first, lost)
    missing = _missing(frame, names, notes)
    pairs = paired_groups(frame, base, paired, notes)
    return Runs(frame, by, base, names, yes_no, failed, missing, pairs, notes, sources, rows)


def _outcomes(own: "pd.DataFrame", notes: list[str]) -> tuple[dict[str, Any], list[str], frozenset[str]]:
    """Outcomes as numbers, the text columns, and which outcomes are yes/no."""
    texts = [name for name in own if is_text(own[name])]
    if wordy := [name for name in texts if own[name].nunique() > _MOST_VALUES]:
        notes.append(f"Texts with more than {_MOST_VALUES} different values are left out: {', '.join(wordy)}.")
        own, texts = own.drop(columns=wordy), [name for name in texts if name not in wordy]
    numbers = numbers_of(own)
    yes_no = frozenset(each for n in own if n in texts or own[n].dtype == bool for each in numbers[n])
    return numbers, texts, yes_no


def _missing(frame: "pd.DataFrame", names: Sequence[str], notes: list[str]) -> dict[str, int]:
    """Each group's number of runs without a value of an outcome that other runs have."""
    empty = frame[list(names)].isna()
    if nowhere := [name for name in names if empty[name].all()]:
        notes.append(f"No run has a value of these outcomes, so their rows are empty: {', '.join(nowhere)}.")
    lacking = empty.drop(columns=nowhere).any(axis=1).groupby(frame["group"], observed=False).sum()
    return {str(group): int(count) for group, count in lacking.items()}


def _only_factor(sources: Sequence[Source]) -> tuple[str, ...]:
    """The default factors: the only one of a single sweep; none where several directories are the groups."""
    if len(sources) > 1:
        return ()
    source = sources[0]
    if not source.factors:
        raise InputError(
            f"{source.label}: one group only, no parameter varies; name another directory, or --by strategy"
        )
    if source.is_sample:
        raise InputError(
            f"{source.label}: its points are a sample, so levels do not form groups; abm analyse shows which "
            "factors matter, and --by strategy compares strategies"
        )
    if len(source.factors) > 1:
        names = ", ".join(source.factors)
        raise InputError(f"{source.label}: several factors vary; choose with --by: {names} (or strategy)")
    return source.factors


def _check_factor(name: str, sources: Sequence[Source], varying: Sequence[str]) -> None:
    """Refuse a factor that does not vary or that a source lacks."""
    if name == STRATEGY and STRATEGY not in varying:
        return
    if name in varying:
        for source in sources:
            if name not in source.factors and name not in source.values:
                raise InputError(f"{source.label}: has no value of {name}")
        return
    constant = [source.values[name] for source in sources if name in source.values]
    if constant:
        others = ", ".join(varying) or "nothing"
        raise InputError(f"one group only: {name} = {shown(constant[0])} in all runs (what varies: {others})")
    known = [*varying, STRATEGY, *sources[0].values]
    raise InputError(f"unknown factor {name!r}{nearest(name, known)}; what varies: {', '.join([*varying, STRATEGY])}")
