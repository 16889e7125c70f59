"""What groups are called, which one is the baseline, and which are compared with it run by run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.comparison.columns import STRATEGY, strategies_in
from abm.comparison.labels import level_texts
from abm.comparison.sources import Source
from abm.errors import InputError, nearest, shown

if TYPE_CHECKING:
    import pandas as pd

_ENOUGH_PAIRS = 0.5  # of each of two groups' runs must have a partner for a paired analysis


def group_labels(
    frame: "pd.DataFrame", rows: "pd.DataFrame", sources: Sequence[Source], by: Sequence[str], notes: list[str]
) -> tuple[Any, dict[str, int]]:
    """The group of each row, and how many runs of each group failed.

    Parameters
    ----------
    frame : DataFrame
        With a column for each of `by`.
    rows : DataFrame
        With the number of each run's `source`, for groups that are sources.
    sources : sequence of Source
    by : sequence of str
    notes : list of str
        Gets one where no run of a group finished.

    Returns
    -------
    Categorical, dict of str to int
        Ordered as the factors' levels are.
    """
    import pandas as pd

    if not by:
        labels = [source.label for source in sources]
        failed = {source.label: len(source.failures) for source in sources}
        return pd.Categorical.from_codes(rows["source"], labels, ordered=True), failed
    failures = pd.concat([_failure_factors(source, by) for source in sources], ignore_index=True)
    every = pd.concat([frame[list(by)], failures], ignore_index=True) if len(failures) else frame[list(by)]
    codes, texts = zip(*(level_texts(every[name]) for name in by))
    sizes = tuple(len(each) for each in texts)
    flat = np.ravel_multi_index(codes, sizes)
    own, of_failures = flat[: len(frame)], flat[len(frame) :]
    there = np.unique(own)
    labels = [
        texts[0][places[0]] if len(by) == 1 else ", ".join(f"{n}={t[p]}" for n, t, p in zip(by, texts, places))
        for places in zip(*np.unravel_index(there, sizes))
    ]
    counts = {label: int((of_failures == code).sum()) for label, code in zip(labels, there)}
    lost = len(of_failures) - sum(counts.values())
    if lost:
        notes.append(f"{lost:,} failed runs are of groups of which no run finished; those groups are left out.")
    return pd.Categorical.from_codes(np.searchsorted(there, own), labels, ordered=True), counts


def _failure_factors(source: Source, by: Sequence[str]) -> "pd.DataFrame":
    """The factors of a source's failed runs, a row for each strategy where groups are strategies."""
    failures = source.failures
    frame = failures.reindex(columns=[name for name in by if name in source.factors])
    for name in by:
        if name not in source.factors and name != STRATEGY:
            frame[name] = source.values[name]
    if STRATEGY in by:
        import pandas as pd

        frame = frame.merge(pd.DataFrame({STRATEGY: strategies_in(source.outcomes)}), how="cross")
    return frame[list(by)].astype(object)


def baseline_of(given: Any, groups: Sequence[str]) -> str:
    """The label of the baseline: the first group, or the one that is named.

    Parameters
    ----------
    given : str or number, optional
    groups : sequence of str

    Raises
    ------
    InputError
        If there is no such group.

    Examples
    --------
    >>> baseline_of(None, ["0", "0.5"]), baseline_of("0.50", ["0", "0.5"]), baseline_of("b=1,c=2", ["b=1, c=2"])
    ('0', '0.5', 'b=1, c=2')
    >>> baseline_of("hgih", ["low", "high"])
    Traceback (most recent call last):
    abm.errors.InputError: unknown baseline 'hgih' (did you mean 'high'?); the groups are low, high
    """
    if given is None:
        return groups[0]
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
    few = ", ".join(groups[:10]) + (", …" if len(groups) > 10 else "")
    raise InputError(f"unknown baseline {shown(given)}{nearest(text, groups)}; the groups are {few}")


def paired_groups(frame: "pd.DataFrame", baseline: str, asked: bool | None, notes: list[str]) -> dict[str, bool]:
    """Of each group whether it is compared with the baseline run by run.

    Parameters
    ----------
    frame : DataFrame
        With `group` and `pair`.
    baseline : str
    asked : bool, optional
        Refuse what cannot be paired, or pair nothing; by default each group is paired of whose runs, and of the
        baseline's, at least half have a partner.
    notes : list of str
        Gets one where some have none.

    Raises
    ------
    InputError
        If it was asked for and cannot be done.
    """
    pairs = frame.groupby("group", observed=False)["pair"].unique()
    base = set(pairs[baseline])
    found = {}
    for group in pairs.index:
        own = set(pairs[group])
        common = len(base & own)
        fits = group != baseline and common >= 2 and common >= _ENOUGH_PAIRS * max(len(base), len(own))
        found[group] = fits and asked is not False
        if asked and group != baseline and not fits:
            raise InputError(
                f"group {group} has {common:,} of {len(own):,} runs with the seed and other factors of a run of "
                f"{baseline}: it cannot be compared run by run (--unpaired does without)"
            )
        if found[group] and common < max(len(base), len(own)):
            notes.append(
                f"{group} and {baseline} have {common:,} pairs of runs; {len(own) - common:,} and "
                f"{len(base) - common:,} runs without a partner count for the means, not for the difference."
            )
    return found
