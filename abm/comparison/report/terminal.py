"""A comparison on one terminal screen, or whole in a pipe: the largest effects, the regimes and the winners."""

from collections.abc import Iterator
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from abm.comparison.report.page import View
from abm.comparison.report.wording import by_effect_size, effect_texts, largest
from abm.output.number_text import percent
from abm.output.tables import LINE, cut, new_table, print_table

if TYPE_CHECKING:
    import pandas as pd

    from abm.comparison.analysis import Comparison

LINES = 25
_OUTCOMES = 10  # rows of the table at most
_GROUPS = 4  # of which regime and winner are printed
_NAME = 22  # letters of a group's name before its regime and winner
_NOTE_LINES = 6  # for notes; the first note is whole even if longer
_LEAST = 3  # rows of the table, however long the notes are


def print_comparison(comparison: "Comparison", console: Console) -> None:
    """Print the largest effects, the regimes and the winners: on a terminal in at most 25 lines of 80 columns."""
    view, runs, screen = View(comparison), comparison.runs, console.is_terminal
    rows = by_effect_size(view.frame("comparison"), view.baseline)

    def line(text: str, style: str = "") -> None:
        console.print(Text(cut(text) if screen else text, style=style), soft_wrap=True)

    counts = runs.frame["group"].value_counts()
    sizes = f"{counts.min():,}" if counts.min() == counts.max() else f"{counts.min():,} to {counts.max():,}"
    groups = f"{len(runs.groups)} groups by {view.title or 'directory'}"
    line(f"{groups}, {sizes} run{'s' * (sizes != '1')} each, baseline {view.baseline_text}", "bold")
    others = [group for group in runs.groups if group != runs.baseline]
    pairs = sum(runs.paired[group] for group in others)
    kind = f"run by run in {pairs} groups" if pairs else "unpaired"
    kind = "run by run (common seeds)" if pairs == len(others) else kind
    found = rows[rows["p_holm"] < 1.0 - view.level]
    line(f"{found['outcome'].nunique()} of {rows['outcome'].nunique()} outcomes differ (p after Holm); compared {kind}")
    facts = list(_facts(view, screen))
    notes = list(_note_lines(comparison.notes)) if screen else [f"note: {note}" for note in comparison.notes]
    console.print()
    # The lines above, an empty one and the heading, the lines below, and the prompt.
    room = LINES - 2 - 2 - len(facts) - len(notes) - 1
    print_table(_effects(rows, min(_OUTCOMES, max(room, _LEAST)) if screen else None, view.level), console)
    for text in facts:
        line(text)
    for text in notes:
        console.print(Text(text), soft_wrap=True)


def _effects(rows: "pd.DataFrame", most: int | None, level: float) -> Table:
    """A row for the largest effect of each outcome; where there are one or two groups, for all their effects."""
    groups = max(rows["group"].nunique(), 1)
    chosen = (rows if groups <= 2 else largest(rows)).iloc[:most]
    cells = [effect_texts(row) for _, row in chosen.iterrows()]
    heads = (f"difference [{percent(level)}]", "Cliff's δ", "p")
    widths = [max(map(len, column)) for column in zip(heads, *cells)]
    # Names get the width that the numbers leave, and are cut where it is too small.
    room = LINE - sum(widths) - 2 * (len(heads) + 1)
    table = new_table()
    outcome = min(max(map(len, [*chosen["outcome"], "outcome"])), room - 12, 24)
    table.add_column("outcome", overflow="ellipsis", no_wrap=True, max_width=outcome)
    table.add_column("group", overflow="ellipsis", no_wrap=True, max_width=room - outcome)
    for heading, width in zip(heads, widths):
        table.add_column(heading, justify="right", no_wrap=True, min_width=width)
    for (_, row), texts in zip(chosen.iterrows(), cells):
        table.add_row(Text(str(row["outcome"])), Text(str(row["group"])), *map(Text, texts))
    return table


def _facts(view: View, screen: bool) -> Iterator[str]:
    """A line for each group, of the first on a terminal: its most frequent regime and winner."""
    regimes, winners = view.frame("regimes"), view.frame("winners")
    if regimes.empty and winners.empty:
        return
    yield ""
    shown = view.groups[:_GROUPS] if screen else view.groups
    for group in shown:
        parts = []
        if not regimes.empty:
            row = regimes[regimes["group"] == group].sort_values("share", kind="stable").iloc[-1]
            parts.append(f"{row['structure']}, {row['growth']} {percent(row['share'])}")
        if not winners.empty:
            row = winners[winners["group"] == group].sort_values("share", kind="stable").iloc[-1]
            parts.append(f"{row['strategy']} wins {percent(row['share'])}")
        yield f"{cut(group, _NAME) if screen else group}: {'; '.join(parts)}"
    if more := len(view.groups) - len(shown):
        yield f"({more} more groups: regimes.csv, winners.csv)"


def _note_lines(notes: list[str]) -> Iterator[str]:
    """The first notes, each whole and wrapped, and the number of the others."""
    shown, left = [], _NOTE_LINES
    for note in notes:
        lines = wrap(f"note: {note}", LINE, subsequent_indent="  ", break_on_hyphens=False)
        if shown and len(lines) > left:
            break
        shown.append(lines)
        left -= len(lines)
    yield from (line for lines in shown for line in lines)
    if more := len(notes) - len(shown):
        yield f"({more} more note{'s' * (more != 1)} in report.html)"
