"""The sections of a comparison's report, in their reading order: sentences, pictures and tables made of its frames."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.comparison.report import curves, pictures
from abm.comparison.report.market_sections import paths, regimes, survival, winners
from abm.comparison.report.page import SENTENCES, Picture, Section, Table, View
from abm.comparison.report.wording import (
    between,
    effect_texts,
    largest,
    leading,
    number,
    percent,
    ranked,
    sentence,
    short,
)

if TYPE_CHECKING:
    import pandas as pd

_WIDTHS, _SAID = 4, 1  # wished half-widths in enough.csv, widest first; the one that a sentence has
_LACKING = 6  # outcomes named that runs of a group lack
_METHODS = {"interval": "Interval of a mean", "difference": "Difference", "p": "p", "cliffs_delta": "Cliff's δ",
            "missing": "Missing values", "yes_no": "Yes/no outcomes"}  # fmt: skip


def sections(view: View, command: str) -> list[Section]:
    """The report's sections.

    Parameters
    ----------
    view : View
    command : str
        What makes the comparison again.
    """
    made: list[Callable[[View], Section]] = [what, effects, regimes, paths, survival, winners, enough]
    return [make(view) for make in made] + [method(view, command)]


def what(view: View) -> Section:
    """What was compared."""
    runs = view.runs
    table = view.frame("comparison")
    counts = runs.frame["group"].value_counts()
    kinds = "values of " + view.title if view.by else "directories"
    others = [group for group in runs.groups if group != runs.baseline]
    paired = [group for group in others if runs.paired[group]]
    about = runs.sources[0].sameness
    facts = [f"scenario {about['scenario']}"] if "scenario" in about else []
    facts += [f"{about['steps']:,} steps"] if "steps" in about else []
    places = ", ".join(dict.fromkeys(source.label for source in runs.sources))
    says = [
        f"Read from {places}{': ' if facts else ''}{', '.join(facts)}.",
        f"{len(runs.groups)} groups of runs, the {kinds}, in {len(set(table['outcome']))} outcomes. "
        f"{view.spelled(view.baseline)} is the baseline.",
    ]
    if len(paired) == len(others):
        says.append("All groups share their seeds with the baseline: they are compared run by run, as pairs.")
    elif paired:
        names = ", ".join(short(group, view.by) for group in paired)
        says.append(f"Compared with the baseline run by run, as pairs of one seed: {names}; the others unpaired.")
    else:
        says.append("The groups are compared as independent samples: their runs are no pairs of one seed.")
    rows = [
        (name + " (baseline)" * (name == view.baseline),
         *(f"{each[group]:,}" for each in (counts, runs.failed, runs.missing)))
        for name, group in zip(view.groups, runs.groups)
    ]  # fmt: skip
    heads = (view.title or "group", "runs", "failed", "lack an outcome")
    tables = [Table("runs", heads, rows, "comparison.csv (n, failed, missing)")]
    lacking = [f"{view.spelled(name)}: {text}." for name in view.groups if (text := _lacking(table, name))]
    return Section("What was compared", says, lacking, tables=tables, warnings=view.comparison.notes)


def _lacking(table: "pd.DataFrame", group: str) -> str:
    """Which outcomes runs of a group lack, of those that some run has."""
    has = table.groupby("outcome")["n"].transform("max") > 0
    own = table[has & (table["group"] == group) & (table["missing"] > 0)].sort_values("missing", ascending=False)
    if own.empty:
        return ""
    named = [f"{row['outcome']} ({row['missing']:,} run{'s' * (row['missing'] != 1)})" for _, row in own.iterrows()]
    more = f" and {len(named) - _LACKING} more" if len(named) > _LACKING else ""
    return f"without a value of {', '.join(named[:_LACKING])}{more}; left out of its numbers alone"


def effects(view: View) -> Section:
    """What differs, the largest effects first."""
    table = view.frame("comparison")
    every = ranked(table, view.baseline)
    if every.empty:
        return Section("What differs", ["No outcome has a value in two groups."])
    alpha = 1.0 - view.level
    names = list(dict.fromkeys(every["outcome"]))
    found = set(every.loc[every["p_holm"] < alpha, "outcome"])
    shown = leading(every)
    chosen = shown if every["group"].nunique() <= 3 else largest(every)
    bullets = [
        sentence(row, view.spelled(row["group"]), view.base_text) for _, row in chosen.head(SENTENCES).iterrows()
    ]
    says = [
        f"{len(found)} of {len(names)} outcomes differ from the baseline in at least one group "
        f"(p after Holm below {number(alpha)} over all outcomes and groups)."
    ]
    same = [name for name in names if name not in found]
    closing = [
        f"Not found to differ in any group: {', '.join(same)}. comparison.csv says how large a difference their "
        "intervals leave possible."
    ]
    picture = Picture(
        "effects",
        pictures.effects(table, view.baseline, view.title),
        "Differences to the baseline with their intervals, outcomes with the largest effects first. The axis is in "
        "standard deviations of a run, so that outcomes of different units share it; the numbers beside are in the "
        "outcome's own unit.",
        "comparison.csv",
    )
    place = {name: number for number, name in enumerate(dict.fromkeys(shown["outcome"]))}
    table = table[table["outcome"].isin(place)].sort_values("outcome", key=lambda each: each.map(place), kind="stable")
    rows = [_effect_row(row, row["group"] == view.baseline) for _, row in table.iterrows()]
    heads = ("outcome", view.title or "group", "n", "mean", "difference", "Cliff's δ", "p (Holm)", "worth")
    caption = (
        f"The {len(place)} outcomes with the largest effects of {len(names)}. Worth: how many times fewer runs pairing "
        "made do."
    )
    tables = [Table("effects", heads, rows, "comparison.csv", caption, words=2)]
    return Section("What differs", says, bullets, [picture], tables, closing=closing if same else ())


def _effect_row(row: Any, is_baseline: bool) -> tuple[str, ...]:
    own = (row["outcome"], row["group"], f"{row['n']:,}", f"{number(row['mean'])} {between(row['low'], row['high'])}")
    if is_baseline:
        return (*own, "baseline", "", "", "")
    worth = number(row["variance_ratio"]) if row["paired"] else "not paired"
    return (*own, *effect_texts(row), worth)


def enough(view: View) -> Section:
    """How many runs an interval takes."""
    title, table = "How many runs are enough", view.frame("enough")
    names = list(dict.fromkeys(leading(ranked(view.frame("comparison"), view.baseline))["outcome"]))
    table = table[table["outcome"].isin(names)]
    wished = table[table["given"] == "half_width"]
    wished = wished.assign(place=wished.groupby(["outcome", "group"], sort=False).cumcount())
    wished = wished[wished["runs"].notna()]
    if wished.empty:
        return Section(title, ["The runs do not tell: no outcome varies in two runs or more."])
    # Of each outcome the group that takes most runs, at the finest width that is known.
    most = wished.sort_values(["place", "runs"], kind="stable").drop_duplicates("outcome", keep="last")
    worst = dict(zip(most["outcome"], most["group"]))
    rows, bullets, lines = [], [], {}
    for name in (name for name in names if name in worst):
        own = table[(table["outcome"] == name) & (table["group"] == worst[name])]
        lines[name] = own[(own["given"] == "runs") & (own["relative"] > 0.0) & np.isfinite(own["relative"])]
        needed = wished.loc[wished.index.intersection(own.index)].set_index("place")[["runs", "half_width"]]
        now, group = f"{own['n'].iloc[0]:,}", worst[name]
        takes = [f"{row.runs:,} (±{number(row.half_width)})" for row in needed.itertuples()]
        rows.append((name, group, now, *(dict(zip(needed.index, takes)).get(place, "-") for place in range(_WIDTHS))))
        if _SAID in needed.index and len(bullets) < 3:
            said = needed.loc[_SAID]
            width = f"±{number(said['half_width'])} around {name} of {view.spelled(group)}"
            bullets.append(f"An interval of {width} takes {int(said['runs']):,} runs; there are {now}.")
    lines = {name: own for name, own in lines.items() if len(own)}
    caption = "Half-width of the interval to be expected of so many runs, of each outcome in the group that takes most."
    heads = ("outcome", view.title or "group", "runs now", "for ±10%", "±5%", "±2%", "±1%")
    note = "Runs for a half-width in percent of the mean, of yes/no outcomes in percentage points; the width beside."
    tables = [Table("enough", heads, rows, "enough.csv", note, words=2)]
    shown = [Picture("enough", curves.widths(dict(list(lines.items())[:7])), caption, "enough.csv")] if lines else []
    return Section(title, (), bullets, shown, tables)


def method(view: View, command: str) -> Section:
    """How the numbers were made, and how to make them again."""
    settings = view.comparison.method
    says = [f"Level of all intervals: {percent(view.level)}."]
    says += [f"{heading}. {settings[name]}" for name, heading in _METHODS.items() if name in settings]
    says += [
        "Survival. Kaplan and Meier's estimator by age; who lives at the end of its run is censored there. Intervals "
        "are Student's t on the log(-log) scale with the variance between replications (Williams 1995), since the "
        "firms of a run depend on each other. log_rank.csv has the exits beside those to be expected under a common "
        "hazard: a description, no test, for the same reason.",
        "Paths. Median over runs by step with Woodruff's interval (1952), and the band from the 10% to the 90% "
        "quantile of the runs.",
    ]
    used = settings["versions"]
    says.append("Made with " + ", ".join(f"{name} {version}" for name, version in used.items()) + ". Made again with:")
    return Section("Method", says, code=command)
