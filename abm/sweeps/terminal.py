"""What a terminal shows of a sweep: its progress, its end and the state of its folder."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from abm.output.terminal import progress_bar
from abm.sweeps.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

    from abm.sweeps.sweep_results import SweepResults

_OTHER_COLUMNS = {"point", "replication", "seed", "error", "traceback"}  # of failed runs, beside the factors
_NAMED = 5  # failed runs of one error on a terminal
_LINE_INTERVAL = 30.0  # seconds between two lines where the output is no terminal


def duration(seconds: float | None) -> str:
    """A duration as text.

    Examples
    --------
    >>> duration(0.26), duration(75), duration(9000), duration(200_000), duration(None)
    ('0.3 s', '1 min 15 s', '2 h 30 min', '2 d 7 h', 'unknown')
    """
    if seconds is None or seconds != seconds:
        return "unknown"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    for unit, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= size:
            whole, rest = divmod(round(seconds), size)
            return f"{whole} {unit} {rest // part} {smaller}" if rest >= part else f"{whole} {unit}"
    return ""


def size(number: float) -> str:
    """A number of bytes as text.

    Examples
    --------
    >>> size(512), size(2_500_000)
    ('512 B', '2.5 MB')
    """
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            return f"{number:.0f} {unit}" if unit == "B" or number >= 10 else f"{number:.1f} {unit}"
        number /= 1000
    return ""


def progress_line(progress: Progress) -> str:
    """How far a sweep has come, in one line."""
    finished = progress.done + progress.failed
    failed = f", {progress.failed:,} failed" if progress.failed else ""
    rate = f", {progress.rate():,.1f} runs a second" if progress.fresh else ""
    missing = f", {progress.missing}" if progress.missing else ""
    return (
        f"{finished:,} of {progress.total:,} runs{failed}{rate}{missing}, time left {duration(progress.seconds_left())}"
    )


@contextmanager
def shown_progress(console: Console) -> Iterator[Callable[[Progress], None]]:
    """Show a bar on a terminal, elsewhere a line every half minute; yields a function of the `Progress`."""
    printed = 0
    last = time.monotonic()
    with progress_bar(console, counts=False) as show:

        def watch(progress: Progress) -> None:
            nonlocal printed, last
            for note in progress.notes[printed:]:
                console.print(Text(f"note: {note}"), soft_wrap=True)
                printed += 1
            if console.is_terminal:
                show(progress_line(progress), progress.done + progress.failed, progress.total)
            elif time.monotonic() - last >= _LINE_INTERVAL:
                last = time.monotonic()
                console.print(Text(progress_line(progress)), soft_wrap=True)

        yield watch


def print_end(results: "SweepResults", console: Console) -> None:
    """Print the number of runs, the time and the tables of a finished sweep."""
    summary = results.summary
    sizes = f"{summary['points']:,} points, {summary['replications']:,} replications"
    console.print(Text(f"{results.folder}: {summary['done']:,} runs done ({sizes})", style="bold"), soft_wrap=True)
    console.print(
        f"{summary['seconds_a_run'] * 1e3:,.1f} ms a run, {duration(summary['run_seconds'])} of work in all",
        soft_wrap=True,
    )
    rows = ", ".join(f"{name}.parquet ({count:,} rows)" for name, count in summary["rows"].items() if count)
    console.print(Text(f"tables: points.parquet, {rows}"), soft_wrap=True)


def print_status(facts: dict[str, str], console: Console) -> None:
    """Print facts of a sweep, one a line."""
    width = max(map(len, facts))
    for name, text in facts.items():
        console.print(Text.assemble((name.ljust(width), "bold"), "  ", text), soft_wrap=True)


def print_failures(failures: "pd.DataFrame", console: Console) -> None:
    """Print the failed runs grouped by error, and the traceback of the first of each group."""
    kinds = failures.groupby("error", sort=False)
    for error, group in kinds:
        console.print(Text(f"{len(group):,} x {error}", style="bold"), soft_wrap=True)
        shown = group.head(_NAMED) if console.is_terminal else group
        for _, run in shown.iterrows():
            factors = [f"{name} = {run[name]}" for name in group if name not in _OTHER_COLUMNS]
            where = ", ".join([f"point {run['point']}, replication {run['replication']}", *factors])
            console.print(Text(f"  {where}"), soft_wrap=True)
        if len(group) > len(shown):
            console.print(f"  and {len(group) - len(shown):,} more")
        if trace := group["traceback"].iloc[0]:
            console.print(Text(trace.rstrip(), style="dim"), soft_wrap=True)
