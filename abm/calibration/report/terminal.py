"""A calibration in one terminal screen."""

from textwrap import wrap

from rich.console import Console
from rich.table import Table
from rich.text import Text

from abm.calibration.report.wording import estimate_rows, fit_rows, test_sentence
from abm.calibration.results import Calibration

_WIDTH, _MOST = 79, 8  # rows of a table


def print_calibration(calibration: Calibration, console: Console) -> None:
    """Print what is not identified first, then estimates, the fit, and notes.

    Parameters
    ----------
    calibration : Calibration
    console : rich.console.Console
    """

    def lines(text: str, style: str = "") -> None:
        for each in wrap(text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False):
            console.print(Text(each, style=style), soft_wrap=True)

    lines(calibration.headline, "bold")
    for each in calibration.facts["directions"]:
        if not each["identified"]:
            lines(f"not identified: {each['text']}.")
    # Why a parameter has no standard error stands in the headline and in a note: a column for it has no room.
    rows = [row[:4] for row in estimate_rows(calibration)]
    _print_table(("parameter", "estimate", "std. error", "95% interval"), rows, console, "estimates.csv")
    console.print()
    _print_table(("target", "value", "error", "fit", "residual", "in errors"), fit_rows(calibration), console,
                 "fit.csv")  # fmt: skip
    if not calibration.fit["error_given"].all():
        lines("* no error given: the spread of a run, or that of your firms where it is larger")
    lines(test_sentence(calibration))
    directions = calibration.facts["directions"]
    if directions and directions[-1]["identified"]:
        lines(f"least identified: {directions[-1]['text']}.")
    for note in calibration.notes:
        lines(f"note: {note}")


def _print_table(heads: tuple[str, ...], rows: list[list[str]], console: Console, file: str) -> None:
    """Print the first rows of a table; a long name goes on in the next line, and numbers are never cut."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column(heads[0], overflow="fold")
    for heading in heads[1:]:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows[:_MOST]:
        table.add_row(*map(Text, row))
    console.print(table)
    if len(rows) > _MOST:
        console.print(f"({len(rows) - _MOST} more: {file})")
