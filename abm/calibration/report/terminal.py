"""A calibration in one terminal screen, or whole in a pipe."""

from rich.console import Console
from rich.text import Text

from abm.calibration.report.wording import estimate_rows, fit_rows, test_sentence
from abm.calibration.results import Calibration
from abm.output.tables import new_table, print_table, print_text

_MOST = 8  # rows of a table on a terminal


def print_calibration(calibration: Calibration, console: Console) -> None:
    """Print what is not identified first, then estimates, the fit, and notes.

    Parameters
    ----------
    calibration : Calibration
    console : rich.console.Console
    """

    def lines(text: str, style: str = "") -> None:
        print_text(text, console, style=style, indent="  ")

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
    """Print a table, on a terminal its first rows; a long name goes on in the next line, and numbers are never cut."""
    table, most = new_table(), _MOST if console.is_terminal else len(rows)
    table.add_column(heads[0], overflow="fold")
    for heading in heads[1:]:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows[:most]:
        table.add_row(*map(Text, row))
    print_table(table, console)
    if len(rows) > most:
        console.print(f"({len(rows) - most} more: {file})")
