"""A comparison on the terminal: one screen; in a pipe all of it, nothing cut."""

import dataclasses
import io
import re

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from abm import compare
from abm.comparison.report.terminal import print_comparison
from abm.comparison.report.wording import by_effect_size


@pytest.mark.parametrize("name", ["three", "ten"])
def test_the_terminal_says_it_in_one_screen(name, request):
    made = request.getfixturevalue(name)
    made = dataclasses.replace(
        made, notes=[f"{number}: a note that is far too long for a line of {'x' * 90}" for number in range(9)]
    )
    file = io.StringIO()
    print_comparison(made, Console(file=file, width=80, color_system=None, force_terminal=True))
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
    print_comparison(
        dataclasses.replace(three, notes=[note]), Console(file=file, width=80, color_system=None, force_terminal=True)
    )
    assert f"note: {' '.join(note.split())}" in " ".join(file.getvalue().split())
    assert max(map(len, file.getvalue().splitlines())) <= 80


def test_in_a_pipe_every_outcome_group_and_note_is_there_in_a_line(ten):
    notes = [f"{number}: a note that is far too long for a line of {'x' * 90}" for number in range(9)]
    file = io.StringIO()
    print_comparison(dataclasses.replace(ten, notes=notes), Console(file=file, width=40, color_system=None))
    lines = file.getvalue().splitlines()
    assert "…" not in file.getvalue()
    assert all(f"note: {note}" in lines for note in notes)
    rows = by_effect_size(ten.comparison, ten.runs.baseline)
    first = {line.split()[0] for line in lines if line}
    assert set(rows["outcome"]) <= first
    assert all(any(line.startswith(f"{group}: ") for line in lines) for group in ten.runs.groups)


def test_in_a_pipe_the_names_of_as_many_groups_as_a_terminal_has_are_whole():
    names = [f"a group with a rather long name, number {number}" for number in range(4)]
    runs = pd.DataFrame({"label": np.repeat(names, 5), "y": np.random.default_rng(0).normal(size=20), "winner": "a"})
    file = io.StringIO()
    print_comparison(compare(runs, by=["label"]), Console(file=file, color_system=None))
    assert re.findall("^(.*): a wins 100%$", file.getvalue(), re.MULTILINE) == names
