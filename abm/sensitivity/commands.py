"""The command `abm analyse`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from abm.comparison.commands import level_of

if TYPE_CHECKING:
    from rich.console import Console

    from abm.sensitivity.analysis import Analysis

_OUTCOMES, _FACTORS = 8, 3  # that are printed


def analyse(
    sweep: Annotated[Path, typer.Argument(metavar="SWEEP", help="A sweep's directory.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Directory to write.")],
    outcome: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Analyse this outcome only. May be repeated.")
    ] = None,
    level: Annotated[float, typer.Option(metavar="P", parser=level_of, help="Level of the intervals.")] = 0.95,
    partial: Annotated[
        bool, typer.Option("--partial", help="Analyse a sweep that is not finished by its complete replications.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an analysis that DIR holds.")] = False,
) -> None:
    """Sensitivity indices of a sweep over sampled factors.

    Its design is of the kind Morris, Saltelli, Sobol or Latin.
    """
    from rich.console import Console

    from abm.sensitivity.analysis import analyse as made

    print_analysis(
        made(sweep, outcomes=outcome or (), level=level, partial=partial, out=out, overwrite=overwrite), Console()
    )


def print_analysis(analysis: "Analysis", console: "Console") -> None:
    """Print the strongest factors of the first outcomes on one screen, or of all outcomes whole into a pipe."""
    from rich.text import Text

    from abm.output.number_text import interval, number
    from abm.output.tables import cut
    from abm.sensitivity.figure import SHOWN

    table, lead, screen = analysis.indices, analysis.leading, console.is_terminal
    known = list(dict.fromkeys(table["outcome"]))
    ordered = sorted(known, key=lambda name: SHOWN.index(name) if name in SHOWN else len(SHOWN))
    chosen = ordered[:_OUTCOMES] if screen else ordered
    what = {"mu_star": "mean absolute effect μ*", "total": "total index", "first_order": "first-order index"}[lead]
    lines = [(f"{len(known)} outcomes, {table['factor'].nunique()} factors; strongest by {what}", "bold")]
    for name in chosen:
        rows = table[table["outcome"] == name].head(_FACTORS)
        effects = (f"{row['factor']} {number(row[lead])} {interval(row[f'{lead}_low'], row[f'{lead}_high'])}"
                for _, row in rows.iterrows())  # fmt: skip
        lines.append((f"{name}: {'; '.join(effects)}", ""))
    if len(known) > len(chosen):
        lines.append((f"({len(known) - len(chosen)} more outcomes: indices.csv)", ""))
    lines += [(f"note: {note}", "") for note in analysis.notes]
    for text, style in lines:
        console.print(Text(cut(text) if screen else text, style=style), soft_wrap=True)
