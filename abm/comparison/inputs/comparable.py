"""Whether runs from several sources can be compared: same scenario, number of steps, firms and model."""

from collections.abc import Sequence

from abm.comparison.inputs.labels import differing_parameters, short_list
from abm.comparison.inputs.sources import Source
from abm.errors import InputError, shown


def check_comparable(sources: Sequence[Source], by: Sequence[str], allow_different: bool) -> list[str]:
    """Refuse sources whose required settings differ, unless allowed; return notes on what differs."""
    first, *others = sources
    found = {}
    for other in others:
        for name in first.required.keys() & other.required.keys() - set(by):
            if first.required[name] != other.required[name] and name not in found:
                found[name] = (
                    f"{name}: {first.label} has {shown(first.required[name])}, "
                    f"{other.label} has {shown(other.required[name])}"
                )
    text = "; ".join(found[name] for name in first.required if name in found)
    if text and not allow_different:
        raise InputError(f"the runs differ in {text}; --allow-different compares them nevertheless")
    notes = [f"The runs differ in settings, as --allow-different permits: {text}."] if text else []
    differing = [name for name in differing_parameters([source.values for source in sources]) if name not in by]
    if differing:
        values = {name: ", ".join(dict.fromkeys(shown(each.values[name]) for each in sources)) for name in differing}
        notes.append(f"Directories differ in {short_list(f'{name} ({each})' for name, each in values.items())}.")
    return notes
