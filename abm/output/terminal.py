"""What a person reads in the terminal of a run: its start, its progress and its summary."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from abm.market.run import window_start
from abm.output.endings import ends_of
from abm.output.number_text import MISSING, percent, table_number
from abm.output.tables import new_table, print_table, print_text
from abm.scenario.regimes import LEAST_HHI

STRATEGIES = 8  # by name on a terminal, where the whole summary stays within 25 lines at 80 columns

# What each word means, printed beside the number that it is read from.
STRUCTURES = {
    "monopoly": f"{LEAST_HHI['monopoly']:,} or more: about one firm with 80%",
    "oligopoly": f"{LEAST_HHI['oligopoly']:,} or more: highly concentrated",
    "moderate": f"{LEAST_HHI['moderate']:,} or more: moderately concentrated",
    "fragmented": f"below {LEAST_HHI['moderate']:,}",
}
GROWTHS = {
    "virtuous": "more than half of customers",
    "vicious": "weighted R below 1",
    "stagnant": "neither more than half of customers, nor R below 1",
}


def print_summary(result: Any, files: Iterable[str | os.PathLike], console: Console) -> None:
    """Print what came of a run: who survived, concentration, growth and where the files are.

    Parameters
    ----------
    result : Result
        Of `abm.simulate`.
    files : iterable of paths
        What the run wrote.
    console : rich.console.Console
        Where to.
    """
    scenario, outcomes = result.scenario, result.outcomes
    sizes = [
        _count(scenario.steps, "step"),
        _count(len(scenario.sectors), "sector"),
        _count(len(scenario.strategies), "strategy", "strategies"),
    ]
    console.print(Text(f"{scenario.name}, seed {result.seed}: {', '.join(sizes)}", style="bold"), soft_wrap=True)
    console.print()
    print_table(_strategy_table(result, STRATEGIES if console.is_terminal else None), console)
    console.print()
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, text in _facts(outcomes, len(result.firms), scenario.steps + 1 - window_start(scenario.steps)):
        facts.add_row(name, Text(text))
    for text in ends_of(result):
        facts.add_row("note", Text(text))
    print_table(facts, console)
    for folder, names in _by_folder(files).items():
        # Not wrapped, so that a path can be copied.
        console.print(Text.assemble(("files      ", "bold"), f"{folder}{os.sep} {', '.join(names)}"), soft_wrap=True)


def print_starts(starts: Iterable[Any], console: Console) -> None:
    """Print each sector's demand beside the bases of its firms, and where they are far apart.

    Parameters
    ----------
    starts : iterable of abm.simulation.firm_start.SectorStart
    console : rich.console.Console
        Where to.
    """
    starts = list(starts)
    table = new_table()
    table.add_column("sector", overflow="ellipsis", no_wrap=True)
    for heading in ("firms", "sum of B", "demand", "demand / B"):
        table.add_column(heading, justify="right", no_wrap=True)
    for start in starts:
        ratio = f"{start.demand / start.bases:.3g}" if start.firms else MISSING
        table.add_row(Text(start.name), f"{start.firms:,}", f"{start.bases:,.6g}", f"{start.demand:,.6g}", ratio)
    print_table(table, console)
    for start in starts:
        if start.is_far:
            happens = "win" if start.demand > start.bases else "lose"
            text = f"warning: in {start.name} demand is {start.demand / start.bases:.3g} times the firms' bases: "
            text += f"they {happens} customers from the first step; market_size or demand_share can bring them together"
            print_text(text, console, style="yellow")


def _facts(outcomes: Mapping[str, Any], at_end: int, window: int) -> Iterator[tuple[str, str]]:
    """What the outcomes say, each as a name and a line or two."""
    structure, growth, winner = outcomes["structure"], outcomes["growth"], outcomes["winner"]
    if structure in STRUCTURES:
        hhi, sector_hhi = table_number(outcomes["hhi"]), table_number(outcomes["sector_hhi"])
        largest = f"four largest {percent(outcomes['cr4'])}"
        yield (
            "structure",
            f"{structure}: sector HHI {sector_hhi} ({STRUCTURES[structure]}), HHI {hhi}, {largest}",
        )
    else:
        yield "structure", f"{structure}: no firm is left"
    if isinstance(growth, str):
        circle = f"{percent(outcomes['virtuous_share'])} of customers are with firms above all their baselines"
        yield "growth", f"{growth} ({GROWTHS[growth]}): {circle}, weighted R {table_number(outcomes['weighted_R'])}"
    else:
        yield "growth", f"none to judge: no firm in the last {_count(window, 'step')}"
    at = f"at step {int(outcomes['peak_step']):,}" if outcomes["peak_step"] else "at the start"
    yield "firms", f"peak of {int(outcomes['peak_firms']):,} {at}, {at_end:,} at the end"
    yield "survival", f"{percent(outcomes['survival'])} of the initial firms are still there"
    if isinstance(winner, str):
        yield "winner", f"{winner}, {percent(outcomes[f'share_{winner}'])} of customers"
        yield "", f"(structure, growth and winner: means over the last {_count(window, 'step')})"
    else:
        yield "winner", "none"


def _strategy_table(result: Any, most: int | None) -> Table:
    """Firms at the start and at the end, customers and mean state of each strategy, largest first; `most` by name."""
    names = [strategy.name for strategy in result.scenario.strategies]
    initial = result.lives["strategy"][result.lives["entry_step"] == 0].value_counts().reindex(names, fill_value=0)
    living = result.firms.groupby("strategy", observed=True)
    state = living[["T", "C", "R"]].mean().reindex(names)
    state["start"], state["end"] = initial, living.size().reindex(names, fill_value=0)
    state["customers"] = living["B"].sum().reindex(names, fill_value=0.0) / max(result.firms["B"].sum(), 1e-300)
    state = state.sort_values("customers", ascending=False, kind="stable")

    table = new_table()
    table.add_column("strategy", overflow="ellipsis", no_wrap=True)
    for heading in ("firms at start", "at end", "customers", "mean T", "mean C", "mean R"):
        table.add_column(heading, justify="right", no_wrap=True, min_width=len(heading))
    shown = state.iloc[:most]
    for name, row in shown.iterrows():
        means = [table_number(row[x]) for x in ("T", "C", "R")]
        table.add_row(Text(name), f"{row['start']:,.0f}", f"{row['end']:,.0f}", percent(row["customers"]), *means)
    rest = state.iloc[len(shown) :]
    if len(rest):
        counts = f"{rest['start'].sum():,.0f}", f"{rest['end'].sum():,.0f}"
        table.add_row(f"{len(rest)} smaller", *counts, percent(rest["customers"].sum()), "", "", "")
    if len(names) > 1:
        means = [table_number(result.firms[x].mean()) for x in ("T", "C", "R")]
        total = f"{initial.sum():,}", f"{len(result.firms):,}", "100%" if len(result.firms) else "0%"
        table.add_row("all", *total, *means, style="bold")
    return table


def _by_folder(files: Iterable[str | os.PathLike]) -> dict[Path, list[str]]:
    folders: dict[Path, list[str]] = {}
    for file in map(Path, files):
        folders.setdefault(file.parent, []).append(file.name)
    return folders


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


@contextmanager
def progress(total: int, description: str, console: Console | None = None) -> Iterator[Callable[..., None]]:
    """Show how far a task has come and how long it will take; on a terminal only, and gone when done.

    Parameters
    ----------
    total : int
        Parts of the task.
    description : str
        What is being done.
    console : rich.console.Console, optional
        Standard error by default.

    Yields
    ------
    callable
        To be called with the number of parts (1 by default) that were finished since the last call.

    Examples
    --------
    >>> import io
    >>> with progress(3, "runs", Console(file=io.StringIO())) as advance:
    ...     advance()
    """
    done = 0.0
    with progress_bar(console or Console(stderr=True)) as show:
        show(description, done, total)

        def advance(parts: float = 1) -> None:
            nonlocal done
            done += parts
            show(description, done, total)

        yield advance


@contextmanager
def progress_bar(console: Console, *, counts: bool = True) -> Iterator[Callable[[str, float, float], None]]:
    """Show a bar on a terminal, and nothing elsewhere; it is removed when the block ends.

    Parameters
    ----------
    console : rich.console.Console
    counts : bool
        Whether the number of finished parts and the times stand behind the bar; otherwise the bar comes first, and what
        is being done, which may be long, behind it.

    Yields
    ------
    callable
        To be called with what is being done, the number of finished parts and of all parts.

    Examples
    --------
    >>> import io
    >>> with progress_bar(Console(file=io.StringIO())) as show:
    ...     show("runs", 1, 3)
    """
    bar, description = BarColumn(bar_width=24), TextColumn("{task.description}", markup=False)
    columns = [bar, description]
    if counts:
        columns = [description, bar, TextColumn("{task.completed:,.0f} of {task.total:,.0f}"), TextColumn("time left")]
        columns += [TimeRemainingColumn(compact=True), TextColumn("after"), TimeElapsedColumn()]
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task("", total=None, visible=False)

        def show(description: str, done: float, total: float) -> None:
            shown.update(task, description=description, completed=done, total=max(total, 1), visible=True)

        yield show
