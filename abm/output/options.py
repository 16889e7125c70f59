"""Options and arguments that several commands of the command line share."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer


def whole(least: int, most: int) -> Callable[[str], int]:
    """A parser of integers whose refusals, unlike typer's own, show the value."""

    def parse(given: str | int) -> int:
        text = str(given)  # a default is an integer already
        if not re.fullmatch("[+-]?[0-9]{1,30}", text) or not least <= int(text) <= most:
            raise typer.BadParameter(f"{text[:60]!r} is not an integer from {least} to {most}")
        return int(text)

    return parse


ScenarioName = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A bundled scenario's name or the path of a TOML file.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Change a parameter: NAME, sectors.NAME.KEY, strategies.NAME.KEY, or a KEY for all of them.",
    ),
]
Firms = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Start from a table of firms (CSV or Parquet), or from where a run ended (its DIR)."
    ),
]
Threads = Annotated[
    int | None, typer.Option(metavar="N", parser=whole(1, 1024), help="Changes only the speed. Default: by size.")
]
Plot = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="Draw the picture into a file, .pdf, .svg or .png. May be repeated."),
]
Markdown = Annotated[bool, typer.Option("--markdown", help="As a Markdown table.")]
