"""What a person sees of a sweep: its progress, how it ended, and what is in a folder."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from abm.sweeps.progress import Progress

_PLAIN = 30.0  # seconds between two lines where the output is no terminal


def duration(seconds: float | None) -> str:
    """Seconds for reading.

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
    """Bytes for reading.

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


def line(progress: Progress) -> str:
    """How far a sweep has come, in a line."""
    finished = progress.done + progress.failed
    failed = f", {progress.failed:,} failed" if progress.failed else ""
    rate = f", {progress.rate():,.1f} runs a second" if progress.fresh else ""
    missing = f", {progress.missing}" if progress.missing else ""
    return f"{finished:,} of {progress.total:,} runs{failed}{rate}{missing}, time left {duration(progress.left())}"


@contextmanager
def shown_progress(console: Console) -> Iterator[Callable[[Progress], None]]:
    """Show a bar on a terminal, and a plain line each half minute elsewhere; each note once.

    Yields
    ------
    callable
        To be called with the `Progress` now and then.
    """
    said = 0

    def say_notes(progress: Progress) -> None:
        nonlocal said
        for note in progress.notes[said:]:
            console.print(Text(f"note: {note}"), soft_wrap=True)
            said += 1

    if not console.is_terminal:
        last = time.monotonic()

        def say(progress: Progress) -> None:
            nonlocal last
            say_notes(progress)
            if time.monotonic() - last >= _PLAIN:
                last = time.monotonic()
                console.print(Text(line(progress)), soft_wrap=True)

        yield say
        return
    with Bar(BarColumn(bar_width=24), TextColumn("{task.description}"), console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(progress: Progress) -> None:
            say_notes(progress)
            finished = progress.done + progress.failed
            bar.update(task, total=max(progress.total, 1), completed=finished, description=line(progress))

        yield show


def print_end(results: Any, console: Console) -> None:
    """Print how a sweep ended and what to do with it."""
    summary = results.summary
    sizes = f"{summary['points']:,} points, {summary['replications']:,} replications"
    console.print(Text(f"{results.folder}: {summary['done']:,} runs done ({sizes})", style="bold"), soft_wrap=True)
    console.print(f"{summary['seconds_a_run'] * 1e3:,.1f} ms a run, {duration(summary['run_seconds'])} of work in all")
    rows = ", ".join(f"{name}.parquet ({count:,} rows)" for name, count in summary["rows"].items() if count)
    console.print(Text(f"tables: points.parquet, {rows}"), soft_wrap=True)


def print_status(facts: dict[str, str], console: Console) -> None:
    """Print facts of a sweep, one below the other."""
    width = max(map(len, facts))
    for name, text in facts.items():
        console.print(Text.assemble((name.ljust(width), "bold"), "  ", text), soft_wrap=True)


def print_failures(failures: Any, console: Console) -> None:
    """Print each failed run with its error, and the traceback of the first of each kind."""
    kinds = failures.groupby("error", sort=False)
    for error, group in kinds:
        console.print(Text(f"{len(group):,} x {error}", style="bold"), soft_wrap=True)
        for _, run in group.head(5).iterrows():
            factors = [f"{name} = {run[name]}" for name in group if name not in _OWN]
            where = ", ".join([f"point {run['point']}, replication {run['replication']}", *factors])
            console.print(Text(f"  {where}"), soft_wrap=True)
        if len(group) > 5:
            console.print(f"  and {len(group) - 5:,} more")
        if trace := group["traceback"].iloc[0]:
            console.print(Text(trace.rstrip(), style="dim"), soft_wrap=True)


_OWN = {"point", "replication", "seed", "error", "traceback"}
