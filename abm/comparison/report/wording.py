"""Numbers, labels and sentences of a report; every number of a sentence is also in a table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.output.number_text import interval, number, percent
from abm.simulation import outcome_list

if TYPE_CHECKING:
    import pandas as pd


MOST_ROWS = 40  # of effects in a picture or table that can still be read
MOST_BANDS = 4  # lines with bands in a panel; more bands would cover each other
_TITLES = {"mean_T": "mean T", "mean_C": "mean C", "mean_R": "mean R", "sector_hhi": "HHI within sectors",
           "firms": "number of firms"}  # fmt: skip


def measure_name(measure: str) -> str:
    """A measure's name for a reader.

    Examples
    --------
    >>> measure_name("sector_hhi"), measure_name("share_balanced"), measure_name("mean_stress")
    ('HHI within sectors', 'share of balanced', 'mean_stress')
    """
    share = measure.removeprefix("share_")
    return _TITLES.get(measure) or (f"share of {share}" if share != measure else measure)


def definition(shown: str) -> str:
    """Definition, unit and source of an outcome by its name, as a table shows it; empty if it is not built in.

    Examples
    --------
    >>> definition("HHI within sectors") == definition("sector_hhi")
    True
    >>> definition("share of balanced")
    "Share of customers of the strategy's firms. Unit: share. Source: article §3.2."
    """
    titles = {title: name for name, title in _TITLES.items()}
    name = titles.get(shown) or shown.replace("share of ", "share_", 1).partition("=")[0]
    entry = outcome_list.entry_of(name)
    if entry is None:
        return ""
    unit = f" Unit: {entry.unit}." if entry.unit != "–" else ""
    return f"{entry.definition}{unit} Source: {entry.source}."


def p_text(p: float) -> str:
    """A p-value for a table."""
    if p != p:
        return "no p"
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def p_in_sentence(p: float) -> str:
    """A p-value for a sentence."""
    text = p_text(p)
    return text if p != p else f"p {text}" if text.startswith("<") else f"p = {text}"


def short_label(group: str, by: Sequence[str]) -> str:
    """A group's label without the names of the factors."""
    if len(by) < 2:
        return str(group)
    text = f", {group}"
    for name in by:
        text = text.replace(f", {name}=", ", ", 1)
    return text[2:]


def effect_texts(row: Any) -> tuple[str, str, str]:
    """A row's difference with its interval, Cliff's δ and p, for a table."""
    difference = f"{number(row['difference'])} {interval(row['difference_low'], row['difference_high'])}"
    return difference, f"{number(row['cliffs_delta'])} {row['cliffs_word']}", p_text(row["p_holm"])


def by_effect_size(comparison: "pd.DataFrame", baseline: str) -> "pd.DataFrame":
    """The rows that are compared with the baseline, outcomes with the largest effects first.

    An outcome's effect is the largest |Cliff's δ| of its groups, and where these are equal the largest standardised
    difference. Adds `standardised`, `standardised_low` and `standardised_high`: the difference and its interval in
    standard deviations of a run, the root mean square over the groups.
    """
    deviation, outcome = comparison["sd"], comparison["outcome"]
    largest = deviation.groupby(outcome).transform("max").replace(0.0, np.nan)  # so that no square overflows
    unit = largest * np.sqrt((deviation / largest).pow(2).groupby(outcome).transform("mean"))
    rows = comparison.assign(
        standardised=comparison["difference"] / unit,
        standardised_low=comparison["difference_low"] / unit,
        standardised_high=comparison["difference_high"] / unit,
    )
    rows = rows[(rows["group"].astype(str) != str(baseline)) & rows["difference"].notna()]
    sizes = rows[["cliffs_delta", "standardised"]].abs().groupby(rows["outcome"]).max()
    order = sizes.sort_values(["cliffs_delta", "standardised"], ascending=False, kind="stable").index
    index = {name: number for number, name in enumerate(order)}
    return rows.sort_values("outcome", key=lambda names: names.map(index), kind="stable").reset_index(drop=True)


def leading(rows: "pd.DataFrame") -> "pd.DataFrame":
    """The rows of the first outcomes: at most twelve, and fewer where there are many groups."""
    outcomes = list(dict.fromkeys(rows["outcome"]))
    groups = max(rows["group"].nunique(), 1)
    return rows[rows["outcome"].isin(outcomes[: max(4, min(12, MOST_ROWS // groups))])]


def largest(rows: "pd.DataFrame") -> "pd.DataFrame":
    """One row for each outcome: of the group with the largest effect."""
    sizes = rows.assign(size=rows["cliffs_delta"].abs(), distance=rows["standardised"].abs())
    order = sizes.sort_values(["size", "distance"], ascending=False, kind="stable").drop_duplicates("outcome").index
    return rows.loc[sorted(order)]


def sentence(row: "pd.Series", group: str, baseline: str) -> str:
    """A row of the comparison as a sentence."""
    difference = row["difference"]
    if row["difference_low"] > 0.0 or row["difference_high"] < 0.0:
        ends = sorted((abs(row["difference_low"]), abs(row["difference_high"])))
        what = f"{number(abs(difference))} {'higher' if difference > 0 else 'lower'} {interval(*ends)} than"
    else:
        ends = interval(row["difference_low"], row["difference_high"])
        what = f"not found to differ ({number(difference)} {ends}) from that"
    sentences = f"With {group} {row['outcome']} is {what} with {baseline}"
    sentences += f", Cliff's δ {number(row['cliffs_delta'])}"
    sentences += f" ({row['cliffs_word']}), {p_in_sentence(row['p_holm'])}"
    return f"{sentences}{_paired(row)}."


def _paired(row: Any) -> str:
    """The end of a sentence: how much pairing helped."""
    if not row["paired"]:
        return "; not paired"
    ratio = row["variance_ratio"]
    if not np.isfinite(ratio):
        return "; paired"
    if ratio >= 1.0:
        return f"; paired (unpaired, {number(ratio)} times as many runs would be needed)"
    return f"; paired (pairing did not reduce the variance: ratio {number(ratio)})"


def share_with_interval(row: Any, name: str = "share") -> str:
    """A share and its interval, in percent."""
    ends = f" [{percent(row['low'])}, {percent(row['high'])}]" if row["low"] == row["low"] else ""
    return f"{percent(row[name])}{ends}"
