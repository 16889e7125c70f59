"""A comparison on the terminal: one screen, nothing cut."""

import dataclasses
import io
import re

import pytest
from rich.console import Console

from abm.comparison.report.terminal import print_comparison


@pytest.mark.parametrize("name", ["three", "ten"])
def test_the_terminal_says_it_in_one_screen(name, request):
    made = request.getfixturevalue(name)
    made = dataclasses.replace(
        made, notes=[f"{number}: a note that is far too long for a line of {'x' * 90}" for number in range(9)]
    )
    file = io.StringIO()
    print_comparison(made, Console(file=file, width=80, color_system=None))
    lines = file.getvalue().splitlines()
    assert len(lines) <= 25 and max(map(len, lines)) <= 80
    assert "difference [95%]" in file.getvalue() and "sector_hhi" in file.getvalue() and "wins" in file.getvalue()
    told = re.sub(r"\s", "", file.getvalue())
    shown = [note for note in made.notes if re.sub(r"\s", "", note) in told]
    assert shown  # whole, wrapped
    assert f"({len(made.notes) - len(shown)} more notes in report.html)" in file.getvalue()
    assert "x…" not in file.getvalue()


def test_a_note_is_not_cut_on_the_terminal(three):
    note = (
        "Intervals of the mean may cover the true value less often than 95%, since these are too skewed: "
        + "hill, " * 12
    )
    file = io.StringIO()
    print_comparison(dataclasses.replace(three, notes=[note]), Console(file=file, width=80, color_system=None))
    assert f"note: {' '.join(note.split())}" in " ".join(file.getvalue().split())
    assert max(map(len, file.getvalue().splitlines())) <= 80
