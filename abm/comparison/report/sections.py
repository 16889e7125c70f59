"""The sections of a comparison's report, in reading order: sentences, pictures and tables."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.comparison.report import curves, pictures
from abm.comparison.report.market_sections import change_effects, paths, regimes, survival, winners
from abm.comparison.report.page import SENTENCES, Picture, Section, Table, View
from abm.comparison.report.wording import by_effect_size, effect_texts, largest, leading, sentence, short_label
from abm.output.number_text import MISSING, interval, number, percent

if TYPE_CHECKING:
    import pandas as pd

_WIDTHS, _IN_SENTENCE = 4, 1  # half-widths in enough.csv, widest first; the index of the one in a sentence
_LACKING = 6  # outcomes with missing values that a sentence names
_METHODS = {"interval": "Interval of a mean", "difference": "Difference", "p": "p", "cliffs_delta": "Cliff's δ",
            "missing": "Missing values", "yes_no": "Yes/no outcomes"}  # fmt: skip


def sections(view: View, command: str) -> list[Section]:
    """The report's sections; `command` makes the comparison again."""
    made: list[Callable[[View], Section]] = [what, effects, regimes, paths, survival, winners, sample_size]
    if not view.comparison.change_effects.empty:
        made.insert(made.index(paths) + 1, change_effects)
    return [make(view) for make in made] + [method(view, command)]


def what(view: View) -> Section:
    """What was compared."""
    runs = view.runs
    table = view.frame("comparison")
    counts = runs.frame["group"].value_counts()
    kinds = "values of " + view.title if view.by else "directories"
    others = [group for group in runs.groups if group != runs.baseline]
    paired = [group for group in others if runs.paired[group]]
    about = runs.sources[0].required
    facts = [f"scenario {about['scenario']}"] if "scenario" in about else []
    facts += [f"{about['steps']:,} steps"] if "steps" in about else []
    labels = ", ".join(dict.fromkeys(source.label for source in runs.sources))
    sentences = [
        f"Read from {labels}{': ' if facts else ''}{', '.join(facts)}.",
        f"{len(runs.groups)} groups of runs, the {kinds}, in {len(set(table['outcome']))} outcomes. "
        f"{view.full_label(view.baseline)} is the baseline.",
    ]
    if len(paired) == len(others):
        sentences.append(
            "All groups share their seeds with the baseline and are compared with it run by run, as pairs."
        )
    elif paired:
        names = ", ".join(short_label(group, view.by) for group in paired)
        sentences.append(
            f"Compared with the baseline run by run, as pairs with the same seed: {names}; the others are unpaired."
        )
    else:
        sentences.append("The groups are compared as independent samples, without pairs of runs with the same seed.")
    rows = [
        (name + " (baseline)" * (name == view.baseline),
         *(f"{each[group]:,}" for each in (counts, runs.failed, runs.missing)))
        for name, group in zip(view.groups, runs.groups)
    ]  # fmt: skip
    heads = (view.title or "group", "runs", "failed", "a value missing")
    tables = [Table("runs", heads, rows, "comparison.csv (n, failed, missing)")]
    lacking = [f"{view.full_label(name)}: {text}." for name in view.groups if (text := _lacking(table, name))]
    return Section("What was compared", sentences, lacking, tables=tables, warnings=view.comparison.notes)


def _lacking(table: "pd.DataFrame", group: str) -> str:
    """Which outcomes have missing values in a group, among those that some run has."""
    has = table.groupby("outcome")["n"].transform("max") > 0
    own = table[has & (table["group"] == group) & (table["missing"] > 0)].sort_values("missing", ascending=False)
    if own.empty:
        return ""
    named = [f"{row['outcome']} ({row['missing']:,} run{'s' * (row['missing'] != 1)})" for _, row in own.iterrows()]
    more = f" and {len(named) - _LACKING} more" if len(named) > _LACKING else ""
    return f"no value of {', '.join(named[:_LACKING])}{more}; these runs still count in the other outcomes"


def effects(view: View) -> Section:
    """What differs, the largest effects first."""
    table = view.frame("comparison")
    every = by_effect_size(table, view.baseline)
    if every.empty:
        return Section("What differs", ["No outcome has a value in two groups."])
    alpha = 1.0 - view.level
    names = list(dict.fromkeys(every["outcome"]))
    found = set(every.loc[every["p_holm"] < alpha, "outcome"])
    shown = leading(every)
    chosen = shown if every["group"].nunique() <= 3 else largest(every)
    bullets = [
        sentence(row, view.full_label(row["group"]), view.baseline_text) for _, row in chosen.head(SENTENCES).iterrows()
    ]
    sentences = [
        f"{len(found)} of {len(names)} outcomes differ from the baseline in at least one group "
        f"(p after Holm below {number(alpha)} over all outcomes and groups)."
    ]
    same = [name for name in names if name not in found]
    closing = [
        f"No difference found in any group: {', '.join(same)}. Their intervals in comparison.csv show how large a "
        "difference remains possible."
    ]
    picture = Picture(
        "effects",
        pictures.effects(table, view.baseline, view.title, view.baseline_text, view.full_label),
        "Differences from the baseline with their intervals, outcomes with the largest effects first. The axis is in "
        "standard deviations of a run, so that outcomes of different units share it; the numbers on the right are in "
        "the outcome's unit.",
        "comparison.csv",
    )
    order = {name: number for number, name in enumerate(dict.fromkeys(shown["outcome"]))}
    table = table[table["outcome"].isin(order)].sort_values("outcome", key=lambda each: each.map(order), kind="stable")
    rows = [_effect_row(row, row["group"] == view.baseline) for _, row in table.iterrows()]
    to = f"difference to {view.baseline_text}"
    heads = ("outcome", view.title or "group", "n", "mean", to, "Cliff's δ", "p (Holm)", "variance ratio")
    caption = (
        f"The {len(order)} outcomes with the largest effects of {len(names)}. Variance ratio: how many times as many "
        "runs an unpaired comparison would need."
    )
    tables = [Table("effects", heads, rows, "comparison.csv", caption, words=2)]
    return Section("What differs", sentences, bullets, [picture], tables, closing=closing if same else ())


def _effect_row(row: Any, is_baseline: bool) -> tuple[str, ...]:
    """A row of the table of effects."""
    own = (row["outcome"], row["group"], f"{row['n']:,}", f"{number(row['mean'])} {interval(row['low'], row['high'])}")
    if is_baseline:
        return (*own, "baseline", "", "", "")
    ratio = number(row["variance_ratio"]) if row["paired"] else "not paired"
    return (*own, *effect_texts(row), ratio)


def sample_size(view: View) -> Section:
    """How many runs an interval of a given width takes."""
    title, table = "Sample size", view.frame("enough")
    names = list(dict.fromkeys(leading(by_effect_size(view.frame("comparison"), view.baseline))["outcome"]))
    table = table[table["outcome"].isin(names)]
    target = table[table["given"] == "half_width"]
    target = target.assign(index=target.groupby(["outcome", "group"], sort=False).cumcount())
    target = target[target["runs"].notna()]
    if target.empty:
        return Section(title, ["Not estimated: no outcome has different values in two runs of a group."])
    # Each outcome's group that needs most runs, at the smallest width that is known.
    most = target.sort_values(["index", "runs"], kind="stable").drop_duplicates("outcome", keep="last")
    worst = dict(zip(most["outcome"], most["group"]))
    rows, bullets, lines = [], [], {}
    for name in (name for name in names if name in worst):
        own = table[(table["outcome"] == name) & (table["group"] == worst[name])]
        lines[name] = own[(own["given"] == "runs") & (own["relative"] > 0.0) & np.isfinite(own["relative"])]
        needed = target.loc[target.index.intersection(own.index)].set_index("index")[["runs", "half_width"]]
        now, group = f"{own['n'].iloc[0]:,}", worst[name]
        takes = [f"{row.runs:,} (±{number(row.half_width)})" for row in needed.itertuples()]
        by_width = dict(zip(needed.index, takes))
        rows.append((name, group, now, *(by_width.get(index, MISSING) for index in range(_WIDTHS))))
        if _IN_SENTENCE in needed.index and len(bullets) < 3:
            chosen = needed.loc[_IN_SENTENCE]
            width = f"±{number(chosen['half_width'])}"
            bullets.append(
                f"To know the mean {name} of {view.full_label(group)} within {width}, {int(chosen['runs']):,} runs are "
                f"needed; there are {now}."
            )
    lines = {name: own for name, own in lines.items() if len(own)}
    caption = (
        "Expected half-width of the interval by the number of runs, for each outcome's group that needs most runs."
    )
    heads = ("outcome", view.title or "group", "runs now", "for ±10%", "±5%", "±2%", "±1%")
    note = (
        "Runs needed for a half-width in percent of the mean (yes/no outcomes: in percentage points), and that width."
    )
    tables = [Table("enough", heads, rows, "enough.csv", note, words=2)]
    shown = []
    if lines:
        figure = curves.widths(dict(list(lines.items())[:7]), view.full_label)
        shown = [Picture("enough", figure, caption, "enough.csv")]
    return Section(title, (), bullets, shown, tables)


def method(view: View, command: str) -> Section:
    """How the numbers were made, and how to make them again."""
    settings = view.comparison.method
    sentences = [f"Level of all intervals: {percent(view.level)}."]
    sentences += [f"{heading}. {settings[name]}" for name, heading in _METHODS.items() if name in settings]
    sentences += [
        "Survival. Kaplan and Meier's estimator by age; a firm that is active at the end of its run is censored there. "
        "Intervals are Student's t on the log(-log) scale with the variance between replications (Williams 1995), "
        "since the firms of a run depend on each other. For the same reason the statistic in log_rank.csv is a "
        "description and no test.",
        "Paths. Median over runs by step with Woodruff's interval (1952), and the band from the 10% to the 90% "
        "quantile of the runs.",
    ]
    if not view.comparison.change_effects.empty:
        sentences.append(
            "Effects of a change. Differences of the paths of two runs with the same seed, which agree to the last bit "
            "before it. By step: median over pairs with Woodruff's interval, and the band from the 10% to the 90% "
            "quantile of the pairs. Sums over the steps from the change on: mean over pairs, bootstrap-t."
        )
    used = ", ".join(f"{name} {version}" for name, version in settings["versions"].items())
    sentences.append(f"Made with {used}. This command makes the same comparison:")
    return Section("Method", sentences, code=command)
