"""Groups of runs: which run belongs to which group, and which runs of two groups are a pair."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.comparison.grouping import baseline_of, group_labels, paired_groups
from abm.comparison.inputs.alike import check_alike
from abm.comparison.inputs.labels import differences, few_of
from abm.comparison.inputs.outcomes import STRATEGY, by_strategy, chosen_outcomes, is_text, numbers_of
from abm.comparison.inputs.reading import read_sources
from abm.comparison.inputs.rows import each_run_once, numbered, places_in, run_level
from abm.comparison.inputs.sources import Source
from abm.comparison.statistics.rounding import settled
from abm.errors import InputError, nearest, shown

if TYPE_CHECKING:
    import pandas as pd

_MOST_WORDS = 100  # that a text can have to be an outcome


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs in groups.

    Attributes
    ----------
    frame : DataFrame
        A row a run (a run and strategy where groups are strategies): `group` (an ordered category), `pair` (equal in
        all groups where the seed and all other factors are), `block` (equal where the seed is), a column for each of
        `by`, then the outcomes: those that are texts, and all as numbers.
    by : tuple of str
        The factors whose values are the groups; empty where they are directories.
    baseline : str
        The group that others are compared with.
    names : list of str
        The outcomes that are compared, all numbers; `structure=oligopoly` is 1 for the runs that are one.
    yes_no : frozenset of str
        Outcomes that are yes/no whatever values occur: words of texts, and truth values.
    failed : dict
        Of each group how many runs failed.
    missing : dict
        Of each group how many runs lack an outcome that other runs have.
    paired : dict
        Of each group whether it is compared with the baseline run by run; False for the baseline.
    notes : list of str
        What the reader should know, a sentence each.
    sources : list of Source
        What was read, for `table`.
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
        """Labels in order."""
        return list(self.frame["group"].cat.categories)

    @property
    def common(self) -> bool:
        """Whether all groups are compared run by run."""
        return all(paired for group, paired in self.paired.items() if group != self.baseline)

    def factor_columns(self, group: str) -> dict[str, Any]:
        """A group's level of each factor, or nothing where one factor makes the groups and the label is its level."""
        if len(self.by) < 2:
            return {}
        rows = self.frame.index[self.frame["group"] == group]
        return {name: self.frame.at[rows[0], name] for name in self.by}

    def left_out(self, name: str) -> str | None:
        """Why there is no table of this name, with the setting that keeps it, or None where there is one."""
        if STRATEGY in self.by and name in ("steps", "sectors"):
            return f"{name} are of the whole market, and the groups are its strategies"
        for source in self.sources:
            if setting := source.left_out(name):
                return f"the runs of {source.label} did not keep {name} ({setting})"
        return None

    def table(self, name: str, columns: Iterable[str] | None = None) -> "pd.DataFrame | None":
        """A table that the runs kept, or None.

        Parameters
        ----------
        name : str
            `steps`, `sectors`, `lives`, `firms` or `panel`.
        columns : iterable of str, optional
            Those that are wanted; all by default.

        Returns
        -------
        DataFrame or None
            `group`, `pair` and `block` of each row's run, `length`, its number of steps, and the columns.
        """
        import pandas as pd

        if self.left_out(name):
            return None
        wanted = None if columns is None else list(columns)
        if wanted is not None and STRATEGY in self.by and STRATEGY not in wanted:
            wanted.append(STRATEGY)
        parts = []
        for number, source in enumerate(self.sources):
            rows = source.read(name, wanted)
            place = places_in(self._rows, number, source)[rows.pop("run").to_numpy()]
            keep = place >= 0
            rows, place = (rows, place) if keep.all() else (rows[keep].reset_index(drop=True), place[keep])
            parts.append(self._about(place, rows).join(rows))
        return pd.concat(parts, ignore_index=True)

    def _about(self, place: np.ndarray, rows: "pd.DataFrame") -> "pd.DataFrame":
        """Group, pair, block and length of rows of the runs at some places."""
        import pandas as pd

        if STRATEGY in self.by:  # a run's rows lie one after the other, a row a strategy
            names = list(dict.fromkeys(self.frame[STRATEGY]))
            place = place * len(names) + pd.Index(names).get_indexer(rows[STRATEGY])
        columns = {name: self.frame[name].array.take(place) for name in ("group", "pair", "block")}
        per_run = len(self.frame) // len(self._rows)
        return pd.DataFrame(columns | {"length": self._rows["length"].to_numpy()[place // per_run]})


def collect_runs(
    what: Any,
    *,
    by: str | Sequence[str] = (),
    baseline: Any = None,
    outcomes: Iterable[str] = (),
    allow_different: bool = False,
    paired: bool | None = None,
) -> Runs:
    """Read runs and put them into groups.

    Parameters
    ----------
    what, by, baseline, outcomes, allow_different, paired
        As of `abm.compare`.

    Raises
    ------
    InputError
        If the runs cannot be compared as asked.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"churn": [0.1, 0.2] * 2, "seed": [1, 1, 2, 2], "hhi": [900.0, 800.0, 950.0, 700.0]})
    >>> runs = collect_runs(frame, by="churn")
    >>> runs.baseline, runs.names, runs.common
    ('0.1', ['hhi'], True)
    >>> runs.frame
      group  pair  block  churn    hhi
    0   0.1     0      0    0.1  900.0
    1   0.2     0      0    0.2  800.0
    2   0.1     1      1    0.1  950.0
    3   0.2     1      1    0.2  700.0
    """
    import pandas as pd

    by, outcomes = ((each,) if isinstance(each, str) else tuple(each) for each in (by, outcomes))
    if len(set(by)) < len(by):
        raise InputError(f"by = {', '.join(by)} names a factor twice")
    sources = read_sources(what, by)
    notes = check_alike(sources, by, allow_different)
    swept = list(dict.fromkeys(name for source in sources for name in source.factors))
    varying = swept + [name for name in differences([source.values for source in sources]) if name not in swept]
    by = by or _only_factor(sources)
    for name in by:
        _check_factor(name, sources, varying)
    factors = [name for name in by if name != STRATEGY]
    # What differs between directories is what is compared where they are the groups.
    others = [name for name in (varying if by else swept) if name not in factors]
    for source in sources:
        if source.frame.empty:
            raise InputError(f"{source.label}: all {len(source.failures):,} runs failed, so nothing can be compared")
    rows = run_level(sources, [*factors, *others], notes)
    rows["block"], rows["pair"] = numbered(rows, ["seed"]), numbered(rows, ["seed", *others])
    rows, frame = each_run_once(rows, ["pair", *factors] if by else ["pair", "source"], sources, notes)
    keys = ["pair", "block", *factors]
    frame = pd.concat([rows[keys], frame], axis=1)
    if STRATEGY in by:
        frame, more = by_strategy(frame, rows, sources, keys)
        notes += more
        keys.append(STRATEGY)
    labels, failed, first = group_labels(frame, rows, sources, by)
    groups = list(labels.categories)
    lost = {group: count for group, count in failed.items() if group not in groups}
    all_failed = f"all runs failed of {few_of(f'{group} ({count:,})' for group, count in lost.items())}"
    if len(groups) < 2 and lost:
        raise InputError(f"nothing to compare {groups[0]} with: {all_failed}")
    if lost:
        notes.append(f"Groups are left out: {all_failed}.")
    if len(groups) < 2:
        alike = f"{by[0]} is {groups[0]} in all runs" if len(by) == 1 else f"all runs are of {groups[0]}"
        raise InputError(f"one group only: {alike}; name another directory, or a factor by --by")
    numbers, texts, yes_no = _outcomes(frame.drop(columns=keys), notes)
    names = chosen_outcomes(numbers, outcomes)
    if not names:
        raise InputError("there is no outcome to compare")
    columns = pd.DataFrame({name: values for each in numbers.values() for name, values in each.items()})
    columns = pd.DataFrame(settled(columns.to_numpy())[0], columns=columns.columns)
    frame = pd.concat([frame[["pair", "block", *by, *texts]], columns], axis=1)
    frame.insert(0, "group", labels)
    base = baseline_of(baseline, groups, first, lost)
    missing = _missing(frame, names, notes)
    pairs = paired_groups(frame, base, paired, notes)
    return Runs(frame, by, base, names, yes_no, failed, missing, pairs, notes, sources, rows)


def _outcomes(own: "pd.DataFrame", notes: list[str]) -> tuple[dict[str, Any], list[str], frozenset[str]]:
    """Outcomes as numbers, the columns that are texts, and which outcomes are yes/no."""
    texts = [name for name in own if is_text(own[name])]
    if wordy := [name for name in texts if own[name].nunique() > _MOST_WORDS]:
        notes.append(f"Texts of more than {_MOST_WORDS} words are no outcomes and left out: {', '.join(wordy)}.")
        own, texts = own.drop(columns=wordy), [name for name in texts if name not in wordy]
    numbers = numbers_of(own)
    yes_no = frozenset(each for n in own if n in texts or own[n].dtype == bool for each in numbers[n])
    return numbers, texts, yes_no


def _missing(frame: "pd.DataFrame", names: Sequence[str], notes: list[str]) -> dict[str, int]:
    """Of each group how many runs lack an outcome that others have."""
    empty = frame[list(names)].isna()
    if nowhere := [name for name in names if empty[name].all()]:
        notes.append(f"Without a value in any run, so that their rows are empty: {', '.join(nowhere)}.")
    lacking = empty.drop(columns=nowhere).any(axis=1).groupby(frame["group"], observed=False).sum()
    return {str(group): int(count) for group, count in lacking.items()}


def _only_factor(sources: Sequence[Source]) -> tuple[str, ...]:
    """The factors that are the groups where nothing was said: a sweep's only one; none for several directories."""
    if len(sources) > 1:
        return ()
    source = sources[0]
    if not source.factors:
        raise InputError(
            f"{source.label}: one group only, no parameter varies; name another directory, or --by strategy"
        )
    if source.is_sample:
        raise InputError(
            f"{source.label}: its points are a sample, of which values are no groups: abm analyse tells which factors "
            "matter (--by strategy compares strategies)"
        )
    if len(source.factors) > 1:
        names = ", ".join(source.factors)
        raise InputError(f"{source.label}: several factors vary; say which by --by: {names} (or strategy)")
    return source.factors


def _check_factor(name: str, sources: Sequence[Source], varying: Sequence[str]) -> None:
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
