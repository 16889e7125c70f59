"""Numbers, groups and findings as a reader is told them; whatever a sentence says stands in a table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


MOST_ROWS = 40  # of effects in a picture or table: with more than that it is not read


def number(value: float) -> str:
    """A number to three digits, whole ones from 1,000 on, and a dash for what is none.

    Examples
    --------
    >>> [number(value) for value in (812.4, 2500.6, 0.0123, -1.5, 0.0, float("nan"), 1e-7, 3e12)]
    ['812', '2,501', '0.0123', '-1.5', '0', '-', '1e-07', '3e+12']
    """
    if value is None or value != value:
        return "-"
    size = abs(value)
    if 1000 <= size < 1e9:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percent(share: float) -> str:
    """A share in percent.

    Examples
    --------
    >>> percent(0.8333), percent(0.0123), percent(1.0), percent(float("nan"))
    ('83%', '1.2%', '100%', '-')
    """
    if share != share:
        return "-"
    value = 100.0 * share
    return f"{value:.0f}%" if value >= 10 or value == 0 else f"{value:.2g}%"


def points(share: float) -> str:
    """A difference of shares in percentage points, with its sign.

    Examples
    --------
    >>> points(0.631), points(-0.002), points(-0.2)
    ('+63', '0', '-20')
    """
    value = round(100.0 * share)
    return f"{value:+d}" if value else "0"


def p_text(p: float) -> str:
    """A p value, for a table.

    Examples
    --------
    >>> p_text(0.0), p_text(0.0321), p_text(0.9999), p_text(float("nan"))
    ('< 0.001', '0.032', '1', 'no p')
    """
    if p != p:
        return "no p"
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def p_said(p: float) -> str:
    """A p value, for a sentence.

    Examples
    --------
    >>> p_said(0.0), p_said(0.0321), p_said(float("nan"))
    ('p < 0.001', 'p = 0.032', 'no p')
    """
    text = p_text(p)
    return text if p != p else f"p {text}" if text.startswith("<") else f"p = {text}"


def between(low: float, high: float) -> str:
    """An interval.

    Examples
    --------
    >>> between(0.5, 2.0)
    '[0.5, 2]'
    """
    return f"[{number(low)}, {number(high)}]"


def short(group: str, by: Sequence[str]) -> str:
    """A group as a label that has little room: the values without the names of their factors.

    Examples
    --------
    >>> short("churn=0.9, k1=2", ["churn", "k1"]), short("0.9", ["churn"]), short("my-sweep", [])
    ('0.9, 2', '0.9', 'my-sweep')
    """
    if len(by) < 2:
        return str(group)
    text = f", {group}"
    for name in by:
        text = text.replace(f", {name}=", ", ", 1)
    return text[2:]


def effect_texts(row: Any) -> tuple[str, str, str]:
    """A row's difference with its interval, Cliff's δ and p, for a table."""
    difference = f"{number(row['difference'])} {between(row['difference_low'], row['difference_high'])}"
    return difference, f"{number(row['cliffs_delta'])} {row['cliffs_word']}", p_text(row["p_holm"])


def ranked(comparison: "pd.DataFrame", baseline: str) -> "pd.DataFrame":
    """The rows that are compared with the baseline, outcomes with the largest effects first.

    An outcome's effect is the largest |Cliff's δ| among its groups, and among equal ones the largest standardised
    difference. Adds `standardised`, `standardised_low` and `standardised_high`: the difference and its interval in
    standard deviations of a run, the root mean square over the groups.

    Parameters
    ----------
    comparison : DataFrame
    baseline : str
    """
    deviation, outcome = comparison["sd"], comparison["outcome"]
    largest = deviation.groupby(outcome).transform("max").replace(0.0, np.nan)  # lest a square overflow
    unit = largest * np.sqrt((deviation / largest).pow(2).groupby(outcome).transform("mean"))
    rows = comparison.assign(
        standardised=comparison["difference"] / unit,
        standardised_low=comparison["difference_low"] / unit,
        standardised_high=comparison["difference_high"] / unit,
    )
    rows = rows[(rows["group"].astype(str) != str(baseline)) & rows["difference"].notna()]
    sizes = rows[["cliffs_delta", "standardised"]].abs().groupby(rows["outcome"]).max()
    order = sizes.sort_values(["cliffs_delta", "standardised"], ascending=False, kind="stable").index
    place = {name: number for number, name in enumerate(order)}
    return rows.sort_values("outcome", key=lambda names: names.map(place), kind="stable").reset_index(drop=True)


def leading(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Of `ranked` rows those of the first outcomes: twelve, and fewer where there are many groups to read.

    Parameters
    ----------
    rows : DataFrame
    """
    outcomes = list(dict.fromkeys(rows["outcome"]))
    groups = max(rows["group"].nunique(), 1)
    return rows[rows["outcome"].isin(outcomes[: max(4, min(12, MOST_ROWS // groups))])]


def largest(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Of `ranked` rows one an outcome: of the group with the largest effect.

    Parameters
    ----------
    rows : DataFrame
    """
    sizes = rows.assign(size=rows["cliffs_delta"].abs(), distance=rows["standardised"].abs())
    order = sizes.sort_values(["size", "distance"], ascending=False, kind="stable").drop_duplicates("outcome").index
    return rows.loc[sorted(order)]


def sentence(row: "pd.Series", group: str, baseline: str) -> str:
    """What a row of the comparison says.

    Parameters
    ----------
    row : Series
        Of `comparison`.
    group, baseline : str
        As the sentence has them.

    Examples
    --------
    >>> import pandas as pd
    >>> row = pd.Series({"outcome": "sector_hhi", "difference": 812.0, "difference_low": 700.0,
    ...     "difference_high": 930.0, "cliffs_delta": 0.93, "cliffs_word": "large", "p_holm": 1e-9, "paired": True,
    ...     "variance_ratio": 3.1})
    >>> sentence(row, "network_effect=0.9", "0")
    "With network_effect=0.9 sector_hhi is 812 higher [700, 930] than with 0, Cliff's δ 0.93 (large), p < 0.001; paired,
    worth 3.1 times fewer runs."
    """
    difference = row["difference"]
    if row["difference_low"] > 0.0 or row["difference_high"] < 0.0:
        ends = sorted((abs(row["difference_low"]), abs(row["difference_high"])))
        what = f"{number(abs(difference))} {'higher' if difference > 0 else 'lower'} {between(*ends)} than"
    else:
        ends = between(row["difference_low"], row["difference_high"])
        what = f"not found to differ ({number(difference)} {ends}) from that"
    says = f"With {group} {row['outcome']} is {what} with {baseline}"
    says += f", Cliff's δ {number(row['cliffs_delta'])}"
    says += f" ({row['cliffs_word']}), {p_said(row['p_holm'])}"
    return f"{says}{_paired(row)}."


def _paired(row: Any) -> str:
    if not row["paired"]:
        return "; not paired"
    ratio = row["variance_ratio"]
    if not np.isfinite(ratio):
        return "; paired"
    if ratio >= 1.0:
        return f"; paired, worth {number(ratio)} times fewer runs"
    return f"; paired, which was worth nothing here ({number(ratio)})"


def share_with_interval(row: Any, name: str = "share") -> str:
    """A share and its interval, in percent.

    Examples
    --------
    >>> share_with_interval({"share": 0.5, "low": 0.4, "high": 0.6})
    '50% [40%, 60%]'
    """
    ends = f" [{percent(row['low'])}, {percent(row['high'])}]" if row["low"] == row["low"] else ""
    return f"{percent(row[name])}{ends}"
