"""Whether results of several places may be compared: same scenario, length, firms and model."""

from collections.abc import Sequence

from abm.comparison.inputs.labels import differences, few_of
from abm.comparison.inputs.sources import Source
from abm.errors import InputError, shown


def check_alike(sources: Sequence[Source], by: Sequence[str], allow_different: bool) -> list[str]:
    """Refuse runs of different scenarios, lengths, firm tables or models, and say which parameters differ.

    Parameters
    ----------
    sources : sequence of Source
    by : sequence of str
        Factors that are compared, and may differ.
    allow_different : bool
        Note instead of refuse.

    Returns
    -------
    list of str
        Notes.

    Raises
    ------
    InputError
        By name of what differs.
    """
    first, *others = sources
    found = {}
    for other in others:
        for name in first.sameness.keys() & other.sameness.keys() - set(by):
            if first.sameness[name] != other.sameness[name] and name not in found:
                found[name] = (
                    f"{name}: {first.label} has {shown(first.sameness[name])}, "
                    f"{other.label} has {shown(other.sameness[name])}"
                )
    text = "; ".join(found[name] for name in first.sameness if name in found)
    if text and not allow_different:
        raise InputError(f"different runs are compared: {text} (--allow-different compares them all the same)")
    notes = [f"Different runs are compared, as was allowed: {text}."] if text else []
    differing = [name for name in differences([source.values for source in sources]) if name not in by]
    if differing:
        values = {name: ", ".join(dict.fromkeys(shown(each.values[name]) for each in sources)) for name in differing}
        notes.append(f"Directories differ in {few_of(f'{name} ({each})' for name, each in values.items())}.")
    return notes
