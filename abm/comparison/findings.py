"""What a comparison found: a table for each question, and how each number was made."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from abm.comparison.runs import Runs

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Findings:
    """The tables of a comparison, as its report reads them; `Comparison` describes them and writes them."""

    comparison: "pd.DataFrame"
    regimes: "pd.DataFrame"
    regime_changes: "pd.DataFrame"
    winners: "pd.DataFrame"
    enough: "pd.DataFrame"
    survival: "pd.DataFrame"
    log_rank: "pd.DataFrame"
    trajectories: "pd.DataFrame"
    partings: "pd.DataFrame"
    change_paths: "pd.DataFrame"
    change_effects: "pd.DataFrame"
    notes: list[str]
    method: dict[str, Any]
    runs: Runs = field(repr=False)
