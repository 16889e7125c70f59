"""The list of outcomes: exactly the columns that a run's files have, and readable wherever it is printed."""

import io
import json

import pandas as pd
import pytest
from rich.console import Console

from abm import Scenario, simulate
from abm.cli import main
from abm.output.tables import outcome_listing
from abm.simulation import outcome_list

NAMES = ("technology_first", "market_first", "balanced", "adaptive", "imitative")


@pytest.mark.parametrize("level", ["light", "full"])
def test_a_run_has_exactly_the_columns_and_outcomes_of_the_list(level):
    result = simulate(Scenario.load("four-sectors").replace(steps=4, capacity=40), collect=level)
    full = level == "full"
    assert set(result.steps.columns) == set(outcome_list.names("steps", NAMES, full))
    assert set(result.sectors.columns) - {"step", "sector"} == set(outcome_list.names("sectors", NAMES, full))
    assert set(result.outcomes.index) == set(outcome_list.names("outcomes", NAMES, full))


def test_the_files_of_a_run_have_exactly_the_columns_of_the_list(tmp_path):
    out = tmp_path / "run"
    assert main(["run", "four-sectors", "--steps", "4", "--set", "capacity=40", "--no-picture", "--out", str(out)]) == 0
    steps, sectors = (pd.read_parquet(out / f"{name}.parquet") for name in ("steps", "sectors"))
    assert set(steps) - {"step"} == set(outcome_list.names("steps", NAMES, True))
    assert set(sectors) - {"step", "sector"} == set(outcome_list.names("sectors", NAMES, True))
    assert set(json.loads((out / "outcomes.json").read_text())) == set(outcome_list.names("outcomes", NAMES, True))


def test_no_name_is_twice_in_the_list_and_each_has_definition_unit_and_source():
    names = [entry.name for entry in outcome_list.ENTRIES]
    assert len(names) == len(set(names))
    for entry in outcome_list.ENTRIES:
        assert entry.definition.endswith(".")
        assert entry.unit
        assert entry.source
        assert entry.where


def test_the_list_is_one_row_a_line_in_a_pipe_and_whole_on_eighty_columns():
    for width, terminal in ((80, False), (80, True), (150, True)):
        file = io.StringIO()
        outcome_listing(
            outcome_list.rows(), Console(file=file, width=width, force_terminal=terminal, color_system=None)
        )
        text = file.getvalue()
        lines = text.splitlines()
        if terminal:
            assert max(map(len, lines)) <= width
        else:
            assert len(lines) == 1 + len(outcome_list.ENTRIES)
            assert all(line == line.rstrip() for line in lines)
        words = " ".join(text.split())
        for entry in outcome_list.ENTRIES:
            assert entry.name in text
            assert width == 150 or f"{entry.definition} [{entry.unit}; {entry.source}]" in words


def test_the_command_prints_the_list_as_json(capsys):
    assert main(["outcomes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == outcome_list.rows()
