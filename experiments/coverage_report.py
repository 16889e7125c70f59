"""The picture of the coverage study and its README, all numbers from its tables."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import binom

from abm.comparison.statistics.intervals import wilson

LOW, HIGH = 0.93, 0.97  # what a 95 % interval should cover
COLOURS = {"bootstrap-t": "#0072B2", "score": "#0072B2", "BCa": "#E69F00", "t": "#999999"}
OFFSETS = {"bootstrap-t": -0.22, "score": -0.22, "BCa": 0.0, "t": 0.22}
LEFT = 80.0  # per cent; what covers less is drawn there
LABELS = {"bootstrap-t": "bootstrap-t (used)", "score": "score interval (used)", "BCa": "BCa", "t": "Student's t"}


def picture(frame: pd.DataFrame) -> Figure:
    """Coverage of each method by distribution, a panel an n."""
    figure = Figure(figsize=(12, 8), dpi=100)
    names = list(frame["distribution"].unique())
    for place, n in enumerate(frame["n"].unique()):
        axes = figure.add_axes((0.265 + 0.37 * place, 0.08, 0.345, 0.81))
        axes.axvspan(100 * LOW, 100 * HIGH, color="#009E73", alpha=0.15, lw=0)
        axes.axvline(95, color="#009E73", lw=1)
        for method, colour in COLOURS.items():
            rows = frame[(frame["n"] == n) & (frame["method"] == method)]
            if method == "bootstrap-t":
                rows = rows[rows["used"]]
            heights = [names.index(name) + OFFSETS[method] for name in rows["distribution"]]
            shown = (100 * rows["coverage"]).clip(lower=LEFT)
            style = {"fmt": "D" if method == "score" else "o", "ms": 6 if rows["used"].any() else 4.5, "lw": 1.2}
            axes.errorbar(
                shown, heights, xerr=200 * rows["standard_error"], color=colour, label=LABELS[method], **style
            )
        for height, name in enumerate(names):
            axes.axhline(height + 0.5, color="#dddddd", lw=0.6, zorder=0)
            if place == 0:
                axes.text(-0.03, height, name, transform=axes.get_yaxis_transform(), ha="right", va="center")
        axes.set(xlim=(LEFT - 0.7, 100.6), ylim=(len(names) - 0.5, -0.5), yticks=[])
        axes.set_xticks(range(80, 101, 5), ["≤ 80", "85", "90", "95", "100"])
        axes.set_xlabel("intervals that hold the truth (%), ± 2 standard errors", color="#666666")
        axes.set_title(f"n = {n}", loc="left", fontsize=12)
        axes.spines[["top", "right", "left"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper right", ncols=len(labels), frameon=False, bbox_to_anchor=(0.985, 0.99))
    figure.text(0.012, 0.965, "Coverage of 95 % intervals", fontsize=14, weight="bold", va="center")
    return figure


def readme(tables: dict[str, pd.DataFrame], quick: bool) -> str:
    """What the study found."""
    coverage, positives, cautions = tables["coverage"], tables["false_positives"], tables["warnings"]
    used = coverage[coverage["used"]]
    largest = positives.loc[positives["false_positives"].idxmax()]
    lines = [
        "# Coverage of the intervals of `abm.comparison`",
        "",
        f"Made by `python -m experiments.coverage{' --quick' * quick}`.",
        "A 95 % interval should hold the truth in 93 to 97 % of data sets.",
        "",
        "![Coverage by distribution and method](coverage.png)",
        "",
        "## Coverage (%)",
        "",
        "Used: bootstrap-t for numbers; for yes/no outcomes Wilson's interval of a share, Newcombe's of a difference",
        "and Bonett and Price's of a paired difference. ↓ and ↑ mark what lies outside of 93 to 97 by more than two",
        f"standard errors (at most {200 * used['standard_error'].max():.1f} points).",
        "",
        *_coverage_table(coverage),
        "",
        *_outside(used),
        "",
        *_exact(list(used["n"].unique())),
        "",
        "## Which bootstrap",
        "",
        *_choice(coverage),
        "",
        "## A skewed outcome",
        "",
        *_skewed(used),
        "A report warns where the skewness of the sample over √n is large (`intervals.skewed`):",
        "",
        *_markdown(
            ["outcome", "n", "coverage", "samples warned of"],
            [(r.distribution, r.n, _percent(r.coverage), _percent(r.warned)) for r in cautions.itertuples()],
        ),
        "",
        *_warned(cautions),
        "",
        "## False positives",
        "",
        "Twenty outcomes correlated by 0.5, none of which differs: how often is any called different (5 %, Holm)?",
        "",
        *_markdown(
            ["outcomes", "design", "n", "any of 20 after Holm", "single outcome, p < 0.05"],
            [
                (r.outcomes, r.design, r.n, _percent(r.false_positives), _percent(r.single_outcome))
                for r in positives.itertuples()
            ],
        ),
        "",
        f"The most is {_percent(largest['false_positives'])} % ± {200 * largest['standard_error']:.1f}",
        f"(two standard errors): {largest['outcomes']}, {largest['design']}, n = {largest['n']}.",
        "The test is Student's t of pairs or blocks, or Welch's t, joined by a permutation test where groups differ in",
        "size.",
        "",
    ]
    return "\n".join(lines)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _markdown(head: list[str], rows: list[tuple]) -> list[str]:
    return [f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows)]


def _mark(row: pd.Series) -> str:
    margin = 2.0 * row["standard_error"]
    return " ↓" * bool(row["coverage"] < LOW - margin) + " ↑" * bool(row["coverage"] > HIGH + margin)


def _coverage_table(coverage: pd.DataFrame) -> list[str]:
    sizes = list(coverage["n"].unique())
    columns = ["used", "BCa", "t"]
    head = ["distribution", *(f"{name}, n = {n}" for n in sizes for name in columns)]
    rows = []
    for name, part in coverage.groupby("distribution", sort=False):
        cells = []
        for n in sizes:
            for column in columns:
                chosen = part[(part["n"] == n) & (part["used"] if column == "used" else part["method"] == column)]
                row = chosen.iloc[0]
                cells.append(_percent(row["coverage"]) + (_mark(row) if column == "used" else ""))
        rows.append((name, *cells))
    return _markdown(head, rows)


def _outside(used: pd.DataFrame) -> list[str]:
    """Distributions and sample sizes whose coverage misses its target, by name."""
    outside = used[(used["coverage"] < LOW) | (used["coverage"] > HIGH)]
    if outside.empty:
        return ["All that is used lies between 93 and 97 %."]
    listed = "; ".join(f"{r.distribution}, n = {r.n}: {_percent(r.coverage)}" for r in outside.itertuples())
    return [
        f"Outside of 93 to 97 %: {listed}.",
        "Lognormal outcomes fall short while n is small, see below. Yes/no outcomes cover more than 97 % where a",
        "sample holds a handful of the rare answer, so that coverage cannot be had in small steps, and where six",
        "blocks hardly tell the design effect, which is then taken for at least 1: both err to the wide side.",
    ]


def _exact(sizes: list[int]) -> list[str]:
    """Coverage of Wilson's interval without simulation."""
    lines = []
    for n in sizes:
        successes = np.arange(n + 1)
        low, high = wilson(successes, n)

        def covered(share: float, n: int = n, successes: np.ndarray = successes, low=low, high=high) -> float:
            return binom.pmf(successes, n, share)[(low <= share) & (share <= high)].sum()

        every = [covered(share) for share in np.linspace(0.05, 0.95, 1801)]
        span = f"{_percent(min(every))} to {_percent(max(every))}"
        lines.append(
            f"- n = {n}: {_percent(covered(0.3))} % of a share of 30 %, {_percent(covered(0.05))} % of one of 5 %; "
            f"over all shares from 5 to 95 % {_percent(np.mean(every))} % ({span})."
        )
    return [
        "Wilson's interval covers now more, now less as the share grows. By the binomial distribution:",
        "",
        *lines,
    ]


def _choice(coverage: pd.DataFrame) -> list[str]:
    numbers = coverage[~coverage["distribution"].str.contains("yes/no")]
    lines = []
    for n, part in numbers.groupby("n"):
        parts = []
        for method in ("bootstrap-t", "BCa", "t"):
            rows = part[part["method"] == method]
            inside = rows["coverage"].between(LOW, HIGH).sum()
            worst = rows.loc[rows["coverage"].idxmin()]
            parts.append(
                f"{method} {inside} of {len(rows)} (least {_percent(worst['coverage'])}, {worst['distribution']})"
            )
        lines.append(f"- n = {n}: of the outcomes that are numbers these cover 93 to 97 %: {'; '.join(parts)}.")
    return ["Bootstrap-t is the default, as it covers best:", "", *lines]


def _skewed(used: pd.DataFrame) -> list[str]:
    rows = used[used["distribution"] == "lognormal"]
    parts = " and ".join(f"{_percent(r.coverage)} % at n = {r.n}" for r in rows.itertuples())
    return [f"A lognormal outcome (standard deviation of the logarithm 1) reaches {parts}."]


def _warned(cautions: pd.DataFrame) -> list[str]:
    """How often the warning comes where an interval covers too little, and where it does not."""
    low = cautions[cautions["coverage"] < LOW]
    missed = low[low["warned"] < 0.5]
    listed = "; ".join(f"{r.distribution}, n = {r.n}" for r in missed.itertuples())
    return [
        f"{len(low)} of the {len(cautions)} rows cover less than 93 %; of these most samples are warned of in "
        f"{len(low) - len(missed)}{f', not in: {listed}' if listed else ''}.",
    ]
