"""What a discovery holds, for its report and its screen."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from abm.discovery.search import Search

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Findings:
    """What `discover` finds.

    Attributes
    ----------
    answer : str
        The rule with its density and coverage, or that nothing is found, in one sentence.
    found : bool
    box : DataFrame
        A row a limited factor: `factor low high words quasi_p least most`; empty where nothing is found.
    trajectory : DataFrame
        Of the peeling, a row a box: `box coverage density mass restricted runs cases quasi_p chosen rule`.
    stability : DataFrame
        How often each limit is found in resamples (see `abm.discovery.stability.stability_table`).
    tree : DataFrame
        Leaves of the decision tree: `rule points runs cases coverage density mass`.
    scores : DataFrame
        Of each factor `extra_trees` and, where the design has them, sensitivity indices.
    notes : list of str
    method : dict
        Numbers of the whole, how they were made, versions, and the command that makes them again.
    beside : list of str
        Sentences that stand below the answer.
    search : Search
        What the pictures are drawn of.
    scales : dict
        Of factors that the design varies over a range, `linear` or `log`.
    """

    answer: str
    found: bool
    box: "pd.DataFrame"
    trajectory: "pd.DataFrame"
    stability: "pd.DataFrame"
    tree: "pd.DataFrame"
    scores: "pd.DataFrame"
    notes: list[str]
    method: dict[str, Any] = field(repr=False)
    beside: list[str] = field(repr=False)
    search: Search = field(repr=False)
    scales: dict[str, str] = field(repr=False)
