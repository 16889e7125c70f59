"""The command `abm discover`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from abm.output.options import whole

if TYPE_CHECKING:
    from rich.console import Console

    from abm.discovery.analysis import Discovery

_LIMITS, _NOTES, _FACTORS = 8, 4, 3  # how many of each are printed on a terminal


def discover(
    sweep: Annotated[Path, typer.Argument(metavar="SWEEP", help="Directory of a finished sweep.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Directory to write.")],
    where: Annotated[
        str | None,
        typer.Option(metavar="CONDITION", help="On outcomes, as in \"structure == 'monopoly' and survival < 0.2\"."),
    ] = None,
    above: Annotated[str | None, typer.Option(metavar="OUTCOME=VALUE", help="The outcome lies above a value.")] = None,
    below: Annotated[str | None, typer.Option(metavar="OUTCOME=VALUE", help="The outcome lies below a value.")] = None,
    factor: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Search this factor only. May be repeated.")
    ] = None,
    resamples: Annotated[
        int, typer.Option(metavar="N", parser=whole(10, 100_000), help="Bootstrap resamples of the design points.")
    ] = 100,
    seed: Annotated[
        int, typer.Option(metavar="N", parser=whole(0, 2**53 - 1), help="Seed of resamples and trees.")
    ] = 0,
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write for a paper too: the pictures as PDF and SVG.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as one JSON object.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a discovery that DIR holds.")] = False,
) -> None:
    """Find where among the factors an outcome happens.

    The answer is a box of limits, found by PRIM.
    """
    from rich.console import Console

    from abm.discovery.analysis import discover as made
    from abm.output.terminal import progress_bar

    with progress_bar(Console(stderr=True)) as show:
        discovery = made(
            sweep,
            where,
            above=above,
            below=below,
            factors=factor or (),
            resamples=resamples,
            seed=seed,
            out=out,
            overwrite=overwrite,
            figures=figures,
            progress=lambda done, total: show("searching", done, total),
        )
    if as_json:
        import json

        from abm.output.files import plain

        text = json.dumps(plain(discovery.to_dict()), indent=2, ensure_ascii=False, allow_nan=False)
        typer.echo(text)
        return
    print_discovery(discovery, Console(), out)


def print_discovery(discovery: "Discovery", console: "Console", out: Path) -> None:
    """Print the answer, how stable its limits are and which factors matter, on a terminal in one screen."""
    from rich.text import Text

    from abm.discovery.scores import RANDOM
    from abm.output.number_text import number, percent
    from abm.output.tables import print_text

    screen = console.is_terminal

    def say(text: str, style: str = "", indent: str = "") -> None:
        print_text(text, console, style=style, indent=indent)

    say(discovery.answer, "bold")
    for sentence in discovery.beside:
        say(sentence)
    chosen = discovery.stability[discovery.stability["in_box"]]
    parts = []
    for row in chosen.iloc[: _LIMITS if screen else None].to_dict("records"):
        side = {"low": "from below", "high": "from above"}.get(row["limit"], row["limit"])
        parts.append(f"{row['factor']} {side} {percent(row['share'])}")
    if parts:
        say(f"resamples that find the limit: {'; '.join(parts)}", indent="  ")
    scores = discovery.scores[discovery.scores["factor"] != RANDOM].iloc[: _FACTORS if screen else None]
    if len(scores):
        random = discovery.scores.loc[discovery.scores["factor"] == RANDOM, "extra_trees"].iloc[0]
        listed = "; ".join(f"{row['factor']} {number(row['extra_trees'])}" for row in scores.to_dict("records"))
        say(f"scores by extra-trees: {listed}; random numbers {number(random)}", indent="  ")
    for note in discovery.notes[: _NOTES if screen else None]:
        say(f"note: {note}", indent="  ")
    if screen and (more := len(discovery.notes) - _NOTES) > 0:
        say(f"({more} more notes in report.html)")
    console.print(Text(f"report: {out / 'report.html'}"), soft_wrap=True)
