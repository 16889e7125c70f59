"""What a reader of a calibration must know first: its headline and its notes, a sentence each."""

from typing import TYPE_CHECKING, Any

from abm.calibration.search import Found
from abm.calibration.specification import Specification
from abm.output.number_text import number

if TYPE_CHECKING:
    import pandas as pd


def headline_of(spec: Specification, estimates: "pd.DataFrame") -> str:
    """The most important result: which parameters the targets do not identify, or that they identify all."""
    count, targets = len(estimates), len(spec.targets)
    bound = list(estimates.loc[estimates["on_bound"] != "", "parameter"])
    blind = list(estimates.loc[~estimates["identified"] & (estimates["on_bound"] == ""), "parameter"])
    parts = []
    if targets < count:
        parts.append(f"{targets} target{'s' * (targets != 1)} cannot identify {count} parameters")
    if blind:
        parts.append(f"the targets do not identify {_listed(blind)}")
    if bound:
        parts.append(f"on the end of the range searched: {_listed(bound)}")
    said = "; ".join(parts) or f"the targets identify all {count} parameters" * (count > 1)
    said = said or "the targets identify the parameter"
    return f"{said[:1].upper()}{said[1:]}."


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def notes_of(
    spec: Specification, estimates: "pd.DataFrame", optima: "pd.DataFrame", facts: dict[str, Any], found: Found
) -> list[str]:
    notes = list(found.notes)
    for _, row in optima[optima["as_good"]].iterrows():
        where = ", ".join(f"{name} = {number(row[name])}" for name in spec.parameters)
        notes.append(f"Another optimum fits as well as the best, within the data's errors: {where}.")
    for _, row in estimates[estimates["on_bound"] != ""].iterrows():
        end = row["range_low"] if row["on_bound"] == "low" else row["range_high"]
        notes.append(
            f"{row['parameter']} is on the {row['on_bound']} end of its range, {number(end)}: it has no standard "
            "error, and those of the others hold for it fixed there."
        )
    if facts["failed_points"]:
        some = facts["failed_points"]
        notes.append(
            f"{some} point{'s' * (some != 1)} of {facts['points'] + 1 + 2 * len(estimates)} failed: "
            f"{facts['failed_runs']} runs failed or lack a target."
        )
    if facts["degrees_of_freedom"] > 0 and facts["p"] < 0.05:
        notes.append("The targets cannot all be met together by any parameters near the estimate (J test).")
    if not len(optima) or (optima["start"] < 0).all():
        notes.append("The budget was used up by the screening: the estimate is the best of its points.")
    return notes
