"""Tables and sentences on the terminal: within its width there, and whole in a pipe, a row or a sentence a line."""

import io
from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

LINE = 79  # columns of a sentence on a terminal, however wide that is
NARROW = 120  # columns below which the table of parameters leaves out symbols and neutral values
_PIPED = 100_000  # columns of what is piped into another program: no row is as long


def cut(text: str, width: int = LINE) -> str:
    """A text on one line, cut to a width.

    Examples
    --------
    >>> cut("a rather\\nlong name", 10), cut("short")
    ('a rather …', 'short')
    """
    text = " ".join(text.split())
    return text if len(text) <= width else f"{text[: width - 1]}…"


def new_table() -> Table:
    """A table without lines, whose headings are dim."""
    return Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")


def print_table(table: Table, console: Console) -> None:
    """Print a table within the terminal's width, or into a pipe: whole, a row a line, whatever the environment says.

    Parameters
    ----------
    table : rich.table.Table
    console : rich.console.Console
        Where to.

    Examples
    --------
    >>> table = new_table()
    >>> for heading in ("firm", "share"):
    ...     table.add_column(heading, no_wrap=True, max_width=8)
    >>> table.add_row("a-rather-long-name", "3%")
    >>> print_table(table, Console(width=20, color_system=None))
    firm                share
    a-rather-long-name  3%
    """
    if console.is_terminal:
        console.print(table)
        return
    for column in table.columns:
        column.max_width = None
    lines = Console(file=io.StringIO(), width=_PIPED, color_system=None)
    lines.print(table)
    for line in lines.file.getvalue().splitlines():
        console.file.write(line.rstrip() + "\n")


def print_text(text: str, console: Console, *, style: str = "", indent: str = "") -> None:
    """Print a sentence in lines of a terminal, or as one line into a pipe.

    Parameters
    ----------
    text : str
    console : rich.console.Console
        Where to.
    style : str
        Of rich.
    indent : str
        Before each line but the first.

    Examples
    --------
    >>> print_text("A sentence " * 9, Console(color_system=None))
    A sentence A sentence A sentence A sentence A sentence A sentence A sentence A sentence A sentence
    """
    width = LINE if console.is_terminal else _PIPED
    for line in wrap(text, width, subsequent_indent=indent, break_on_hyphens=False):
        console.print(Text(line, style=style), soft_wrap=True)


def parameter_table(rows: Sequence[Mapping[str, str]], console: Console) -> None:
    """Print the rows of `abm.scenario.listing.listing_rows`, one below the other, grouped by level.

    Parameters
    ----------
    rows : sequence of mappings
        With the keys `parameter symbol level allowed default neutral unit section meaning`.
    console : rich.console.Console
        Where to.
    """
    level, found = "market", []
    for row in rows:
        notes = ", ".join(row[name] for name in ("unit", "section") if row[name] != "–")
        cells = {name: row[name] for name in ("parameter", "symbol", "allowed", "default", "neutral")}
        cells["meaning [unit, section of the article]"] = row["meaning"] + (f" [{notes}]" if notes else "")
        told = row["allowed"] + (f", default {row['default']}" if row["default"] != "–" else "")
        found.append(("" if row["level"] == level else f"for each {row['level']}", cells, told))
        level = row["level"]
    _print_listing(found, console)


def outcome_listing(rows: Sequence[Mapping[str, str]], console: Console) -> None:
    """Print the rows of `abm.simulation.outcome_list.rows`, one below the other.

    Parameters
    ----------
    rows : sequence of mappings
        With the keys `name where level unit source definition`.
    console : rich.console.Console
        Where to.
    """
    found = []
    for row in rows:
        cells = {name: row[name] for name in ("name", "where", "level")}
        cells["definition [unit; source]"] = f"{row['definition']} [{row['unit']}; {row['source']}]"
        found.append(("", cells, f"{row['where']}; {row['level']}"))
    _print_listing(found, console)


def _print_listing(rows: Sequence[tuple[str, Mapping[str, str], str]], console: Console) -> None:
    """Print rows as a table, or on a narrow terminal each as a line and its indented text below.

    Each row is a heading above it (or ""), its cells by column, the last of which is the text, and what a narrow
    terminal has beside the first cell.
    """
    heads = list(rows[0][1])
    if console.is_terminal and console.width < NARROW:
        for above, cells, told in rows:
            if above:
                console.print(Text(f"\n{above}", style="dim"))
            first, *_, text = cells.values()
            console.print(Text.assemble((first, "bold"), f"  {told}"))
            console.print(Padding(Text(text), (0, 0, 0, 4)))
        return
    table = new_table()
    for name in heads[:-1]:
        wraps = name == "allowed" and console.is_terminal
        table.add_column(name, no_wrap=not wraps, max_width=16 if wraps else None)
    table.add_column(Text(heads[-1]), ratio=1 if console.is_terminal else None)  # a text, whose brackets are not rich's
    for above, cells, _ in rows:
        if above:
            table.add_row()
            table.add_row(Text(above, style="dim"))
        table.add_row(*map(Text, cells.values()))
    print_table(table, console)


def scenario_table(rows: Iterable[tuple[str, str]], console: Console) -> None:
    """Print names beside descriptions.

    Parameters
    ----------
    rows : iterable of (str, str)
        Name and description.
    console : rich.console.Console
        Where to.

    Examples
    --------
    >>> scenario_table([("small", "Two firms.")], Console(color_system=None))
    small  Two firms.
    """
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, description in rows:
        table.add_row(Text(name), Text(description))
    print_table(table, console)
