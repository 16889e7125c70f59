"""The groups' labels, the baseline, and which groups are compared with it run by run."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.comparison.inputs.labels import factor_levels
from abm.comparison.inputs.outcomes import STRATEGY, strategies_in
from abm.comparison.inputs.sources import Source
from abm.errors import InputError, nearest, shown

if TYPE_CHECKING:
    import pandas as pd

_LEAST_SHARE_PAIRED = 0.5  # of each group's runs must have a partner in the other group


def group_labels(
    frame: "pd.DataFrame", rows: "pd.DataFrame", sources: Sequence[Source], by: Sequence[str]
) -> tuple[Any, dict[str, int], str]:
    """Each row's group (a Categorical in the levels' order), each group's count of failed runs, and the first group."""
    import pandas as pd

    if not by:
        labels = [source.label for source in sources]
        failed = {source.label: len(source.failures) for source in sources}
        return pd.Categorical.from_codes(rows["source"], labels, ordered=True), failed, labels[0]
    failures = pd.concat([_failure_factors(source, by) for source in sources], ignore_index=True)
    every = pd.concat([frame[list(by)], failures], ignore_index=True) if len(failures) else frame[list(by)]
    codes, texts, positions = zip(*(_levels(every[name], sources) for name in by))
    sizes = tuple(len(each) for each in texts)
    flat = np.ravel_multi_index(codes, sizes)
    own, of_failures = flat[: len(frame)], flat[len(frame) :]
    there, every_code = np.unique(own), np.unique(flat)
    labels = {
        code: texts[0][level[0]] if len(by) == 1 else ", ".join(f"{n}={t[p]}" for n, t, p in zip(by, texts, level))
        for code, *level in zip(every_code, *np.unravel_index(every_code, sizes))
    }
    ranks = [index[level] for index, level in zip(positions, np.unravel_index(there, sizes))]
    groups = [labels[code] for code in there]
    counts = {label: int((of_failures == code).sum()) for code, label in labels.items()}
    first = groups[np.lexsort(ranks[::-1])[0]]
    return pd.Categorical.from_codes(np.searchsorted(there, own), groups, ordered=True), counts, first


def _levels(column: "pd.Series", sources: Sequence[Source]) -> tuple[np.ndarray, list[str], np.ndarray]:
    """The levels of a factor, in the order in which the sources name them (see `factor_levels`)."""
    name = column.name
    named: dict[Any, None] = {}
    for source in sources:
        named |= dict.fromkeys(source.levels.get(name, [source.values[name]] if name in source.values else []))
    as_named = any(name in source.as_named for source in sources)
    return factor_levels(column, list(named or dict.fromkeys(column)), as_named=as_named)


def _failure_factors(source: Source, by: Sequence[str]) -> "pd.DataFrame":
    """The factors of a source's failed runs, with a row for each strategy where strategies are the groups."""
    failures = source.failures
    frame = failures.reindex(columns=[name for name in by if name in source.factors])
    for name in by:
        if name not in source.factors and name != STRATEGY:
            frame[name] = source.values[name]
    if STRATEGY in by:
        import pandas as pd

        frame = frame.merge(pd.DataFrame({STRATEGY: strategies_in(source.outcomes)}), how="cross")
    return frame[list(by)].astype(object)


def baseline_of(given: Any, groups: Sequence[str], first: str, failed: Collection[str] = ()) -> str:
    """The baseline's label: `first`, or the group that was given by its label or by an equal number."""
    if given is None:
        return first
    text = str(given).strip()
    named = {label: label for label in groups} | {label.replace(" ", ""): label for label in groups}
    if found := named.get(text) or named.get(text.replace(" ", "")):
        return found
    for label in groups:
        try:
            if float(label) == float(text):
                return label
        except ValueError:
            continue
    if text in failed:
        raise InputError(f"baseline {shown(given)}: all its runs failed")
    few = ", ".join(groups[:10]) + (", …" if len(groups) > 10 else "")
    raise InputError(f"unknown baseline {shown(given)}{nearest(text, groups)}; the groups are {few}")


def paired_groups(frame: "pd.DataFrame", baseline: str, asked: bool | None, notes: list[str]) -> dict[str, bool]:
    """Whether each group is compared with the baseline run by run.

    By default a group is paired where at least half of its runs, and of the baseline's, have a partner: a run with the
    same seed and other factors. `asked` is the user's wish; a note says how many runs have no partner.
    """
    pairs = frame.groupby("group", observed=False)["pair"].unique()
    base = set(pairs[baseline])
    found = {}
    for group in pairs.index:
        own = set(pairs[group])
        common = len(base & own)
        fits = group != baseline and common >= 2 and common >= _LEAST_SHARE_PAIRED * max(len(base), len(own))
        found[group] = fits and asked is not False
        if asked and group != baseline and not fits:
            raise InputError(
                f"group {group} has {common:,} of {len(own):,} runs with the seed and other factors of a run of "
                f"{baseline}, too few to compare it run by run; use --unpaired"
            )
        if found[group] and common < max(len(base), len(own)):
            notes.append(
                f"{group} and {baseline} have {common:,} pairs of runs; the other {len(own) - common:,} and "
                f"{len(base) - common:,} runs count in the means, not in the difference."
            )
    return found
