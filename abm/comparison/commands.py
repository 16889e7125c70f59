"""The command `abm compare`."""

from pathlib import Path
from typing import Annotated

import typer

from abm.errors import InputError


def level_of(text: str | float) -> float:
    """The level of intervals that an option gives."""
    try:
        level = float(text)
    except ValueError:
        level = float("nan")
    if not 0.0 < level < 1.0:
        raise typer.BadParameter(f"{str(text)[:60]!r} is not a number between 0 and 1")
    return level


def compare(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR", help="Directories of sweeps or runs.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Directory to write.")],
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="FACTOR", help="Factor whose levels are the groups, or strategy. May be repeated."),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="VALUE", help="The group that others are compared with. Default: the first.")
    ] = None,
    outcome: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Compare this outcome only. May be repeated.")
    ] = None,
    level: Annotated[float, typer.Option(metavar="P", parser=level_of, help="Level of the intervals.")] = 0.95,
    paired: Annotated[
        bool | None,
        typer.Option("--paired/--unpaired", help="Compare run by run, or not. Default: where groups share seeds."),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Read sweeps that are not finished, also while they run.")
    ] = False,
    allow_different: Annotated[
        bool, typer.Option("--allow-different", help="Compare runs of different scenarios, lengths or firm tables.")
    ] = False,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Directory for a paper: pictures as PDF and SVG, tables as LaTeX."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a comparison that DIR holds.")] = False,
) -> None:
    """Compare outcomes between groups of runs."""
    from rich.console import Console

    if any("\0" in str(folder) for folder in folders):
        raise InputError("a directory's name cannot have a null character")
    from abm.comparison.analysis import compare as made
    from abm.comparison.report.terminal import print_comparison
    from abm.output.terminal import progress_bar

    with progress_bar(Console(stderr=True)) as show:
        comparison = made(
            folders,
            by=by or (),
            baseline=baseline,
            outcomes=outcome or (),
            level=level,
            allow_different=allow_different,
            paired=paired,
            partial=partial,
            out=out,
            overwrite=overwrite,
            figures=figures,
            progress=show,
        )
    print_comparison(comparison, Console())
