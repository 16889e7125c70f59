"""The sections of a report on markets: regimes, paths, survival of firms and winners."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from abm.comparison.inputs.outcomes import STRATEGY
from abm.comparison.report import charts, curves, pictures
from abm.comparison.report.page import SENTENCES, Picture, Section, Table, View
from abm.comparison.report.wording import MOST_BANDS, measure_name, share_with_interval
from abm.comparison.tables.change_effects import marks
from abm.comparison.tables.survival import ALL
from abm.output.marks import marks_in_words
from abm.output.number_text import MISSING, interval, number, percent, points


def regimes(view: View) -> Section:
    """How often each regime occurs."""
    table, changes = view.frame("regimes"), view.frame("regime_changes")
    if table.empty:
        return _noted(view, "Regimes")
    bullets = []
    for group, own in table.groupby("group", sort=False):
        most = own.loc[own["share"].idxmax()]
        name = pictures.regime_name(most["structure"], most["growth"])
        bullets.append(f"{view.full_label(group)}: most often {name}, {share_with_interval(most)} of the runs.")
    moved = changes[(changes["low"] > 0.0) | (changes["high"] < 0.0)]
    order = moved["difference"].abs().sort_values(ascending=False, kind="stable").index
    for _, row in moved.loc[order].head(SENTENCES // 2).iterrows():
        name = pictures.regime_name(row["structure"], row["growth"])
        more = f"{points(row['difference'])} percentage points [{points(row['low'])}, {points(row['high'])}]"
        bullets.append(f"{view.full_label(row['group'])} against {view.baseline_text}: {name} {more}.")
    figure = pictures.regime_bars(table, view.title, view.full_label)
    shown = [Picture("regimes", figure, "Share of runs that end in each regime.", "regimes.csv")]
    if len(view.by) == 2:
        caption = "The most frequent regime and the share of runs that end in it; paler where that share is smaller."
        shown.append(Picture("regime_map", pictures.regime_map(table, view.by), caption, "regimes.csv"))
    kinds = {kind: pictures.regime_name(*kind) for kind in dict.fromkeys(zip(table["structure"], table["growth"]))}
    cells = {(row["group"], (row["structure"], row["growth"])): share_with_interval(row) for _, row in table.iterrows()}
    tables = [_by_group(view, "regimes", kinds, cells, "regimes.csv", "Share of runs with its interval.")]
    return Section("Regimes", (), bullets, shown, tables)


def paths(view: View) -> Section:
    """How markets develop, and when the groups' paths diverge."""
    import pandas as pd

    table, divergences = view.frame("trajectories"), view.frame("partings")
    if table.empty:
        return Section("Paths", [f"Left out: {view.runs.left_out('steps') or 'the runs have no rows of steps'}."])
    from_baseline = divergences[(divergences["group"] == view.baseline) | (divergences["other"] == view.baseline)]
    bullets, rows = [], []
    for _, row in from_baseline.iterrows():
        other = row["other"] if row["group"] == view.baseline else row["group"]
        name = measure_name(row["measure"])
        steps = ["never" if pd.isna(row[each]) else f"{row[each]:,}" for each in ("step", "step_median")]
        rows.append((name, other, *steps, row["higher"] if isinstance(row["higher"], str) else MISSING))
        if steps[0] != "never":
            side = f"lies {'above' if row['higher'] == other else 'below'} that of {view.baseline_text}"
            bullets.append(f"{name} of {view.full_label(other)} {side} from step {steps[0]} on.")
    sentences = ["No band of a group (10% to 90% of its runs) stays separate from the baseline's until the last step."]
    if bullets:
        sentences = ["From these steps on, the bands (10% to 90% of the runs) do not overlap until the last step:"]
    few = table["group"].nunique() <= MOST_BANDS
    caption = f"Median over runs by step{', with bands from 10% to 90% of the runs' if few else ''}."
    heads = ("measure", view.title or "group", "bands diverge at step", "medians diverge at step", "higher")
    note = f"The first step from which each group stays separate from {view.baseline_text} until the last step."
    changes = marks(view.runs)
    if said := marks_in_words(changes):
        rest = [f"{len(said) - SENTENCES} more"] if len(said) > SENTENCES else []
        caption += f" Changes: {', '.join(said[:SENTENCES] + rest)}."
    figure, chart = curves.paths(table, view.title, changes), charts.paths(table, changes)
    shown = [Picture("paths", figure, caption, "trajectories.csv", chart)]
    return Section(
        "Paths", sentences, bullets[:SENTENCES], shown, [Table("partings", heads, rows, "partings.csv", note, words=2)]
    )


def change_effects(view: View) -> Section:
    """What a change on the way brings about, by step since the change and in sum."""
    paths, sums = view.frame("change_paths"), view.frame("change_effects")
    found = sums[(sums["sum_low"] > 0.0) | (sums["sum_high"] < 0.0)]
    # Of measures in different units the size is told by the distance of the interval from 0.
    clear = found["mean"].abs() / (found["mean_high"] - found["mean_low"]).replace(0.0, 1e-300)
    bullets = []
    for _, row in found.loc[clear.sort_values(ascending=False, kind="stable").index].head(SENTENCES).iterrows():
        ends = sorted((abs(row["mean_low"]), abs(row["mean_high"])))
        side = f"{'higher' if row['mean'] > 0 else 'lower'} {interval(*ends)} than that of {view.baseline_text}"
        bullets.append(
            f"{measure_name(row['measure'])} of {view.full_label(row['group'])} is {number(abs(row['mean']))} "
            f"{side}, on average over the {row['steps']:,.0f} steps from step {row['since']:,.0f} on."
        )
    sentences = ["No interval of a sum of differences leaves out 0."]
    if bullets:
        sentences = [
            "Runs with the same seed agree to the last bit before the change; since then they differ by its effect:"
        ]
    rows = [
        (measure_name(row["measure"]), row["group"], f"{row['steps']:,.0f}",
         f"{number(row['mean'])} {interval(row['mean_low'], row['mean_high'])}",
         f"{number(row['sum'])} {interval(row['sum_low'], row['sum_high'])}")
        for _, row in sums.iterrows()
    ]  # fmt: skip
    heads = ("measure", view.title or "group", "steps", "mean difference", "sum of differences")
    note = f"Differences from {view.baseline_text} over all steps from the change on; sums in units times steps."
    caption = "Difference from the baseline with the same seed by step since the change: median over pairs of runs."
    figure, chart = curves.change_paths(paths, view.title), charts.change_paths(paths)
    shown = [Picture("change_paths", figure, caption, "change_paths.csv", chart)]
    tables = [Table("change_effects", heads, rows, "change_effects.csv", note, words=2)]
    return Section("Effects of the change", sentences, bullets, shown, tables)


def survival(view: View) -> Section:
    """How long firms survive."""
    table = view.frame("survival")
    if table.empty:
        why = view.runs.left_out("lives") or "the runs have no rows of lives"
        return Section("Survival of firms", [f"Left out: {why}."])
    middle = int(table["step"].max()) // 2
    age = int(table.loc[(table["step"] - middle).abs().idxmin(), "step"])
    at_age = table[table["step"] == age]
    whole = (at_age["strategy"] == ALL) & (at_age["sector"] == ALL) & (at_age["cohort"] == ALL)
    longer = f"of the firms survive for more than {age:,} steps"
    bullets = [
        f"{view.full_label(row['group'])}: {share_with_interval(row, 'survival')} {longer}."
        for _, row in at_age[whole].iterrows()
    ]
    caption = "Share of firms that survive beyond each age (Kaplan and Meier), with intervals over runs."
    figure, chart = curves.survival_by_group(table, view.title), charts.survival(table)
    shown = [Picture("survival", figure, caption, "survival.csv", chart)]
    tables = []
    for part in ("strategy", "sector", "cohort"):
        names = list(dict.fromkeys(table.loc[table[part] != ALL, part]))
        if not names or (part == STRATEGY and STRATEGY in view.by):  # then each group is of one strategy
            continue
        if part == STRATEGY:
            figure = curves.survival_by_part(table, part)
            caption, chart = "The same by strategy, a panel a group.", charts.survival(table, part, view.full_label)
            shown.append(Picture("survival_by_strategy", figure, caption, "survival.csv", chart))
        cells = {(row["group"], row[part]): share_with_interval(row, "survival") for _, row in at_age.iterrows()}
        by = "cohort of entry" if part == "cohort" else part
        note = f"Share of firms that survive for more than {age:,} steps, by {by}."
        tables.append(_by_group(view, f"survival_by_{part}", dict(zip(names, names)), cells, "survival.csv", note))
    return Section("Survival of firms", (), bullets, shown, [*tables, *_exits(view)])


def _exits(view: View) -> Iterator[Table]:
    """The table of observed and expected exits of each group and strategy, if there is one."""
    table = view.frame("log_rank")
    table = table[(table["sector"] == ALL) & (table["cohort"] == ALL)]
    if table.empty:
        return
    rows = [
        (row["group"], "all firms" if row["strategy"] == ALL else row["strategy"], row["against"],
         f"{row['firms']:,}", f"{row['exits']:,}", number(row["expected"]), number(row["ratio"]))
        for _, row in table.iterrows()
    ]  # fmt: skip
    heads = (view.title or "group", "firms", "compared with", "number", "exits", "expected", "exits / expected")
    note = "Exits, and the exits expected if both samples had the same hazard at the same age; above 1: more exits."
    yield Table("log_rank", heads, rows, "log_rank.csv", note, words=3)


def winners(view: View) -> Section:
    """Which strategy wins."""
    table = view.frame("winners")
    if table.empty:
        return _noted(view, "Winners")
    bullets = []
    for group, own in table.groupby("group", sort=False):
        most = own.loc[own["share"].idxmax()]
        by = f", by {percent(most['margin'])} of customers on average" if most["margin"] == most["margin"] else ""
        wins = f"most often {most['strategy']}, {share_with_interval(most)} of the runs{by}"
        bullets.append(f"{view.full_label(group)}: {wins}.")
    cells = {(row["group"], row["strategy"]): share_with_interval(row) for _, row in table.iterrows()}
    names = {name: name for name in table["strategy"]}
    caption = "Share of runs in which each strategy has most customers at the end, with its interval."
    shown = [Picture("winners", pictures.winners(table, view.title, view.full_label), caption, "winners.csv")]
    return Section(
        "Winners", (), bullets, shown, [_by_group(view, "winners", names, cells, "winners.csv", "Share of runs won.")]
    )


def _noted(view: View, section: str) -> Section:
    """A section without data: the note that gives the reason."""
    return Section(section, [note for note in view.comparison.notes if note.startswith(section)][:1])


def _by_group(
    view: View, name: str, names: Mapping[Any, str], cells: Mapping[tuple[str, Any], str], file: str, caption: str
) -> Table:
    """A table with a row for each group and a column for each name."""
    rows: Sequence = [(group, *(cells.get((group, key), MISSING) for key in names)) for group in view.groups]
    return Table(name, (view.title or "group", *names.values()), rows, file, caption)
