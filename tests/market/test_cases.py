"""Whole runs whose every number was computed independently: each case by the command line against its expected files.

A case holds a scenario, a firm table and the tables `expected_steps.csv`, `expected_sectors.csv` and
`expected_firms.csv`, made by programs that were written from the specification alone. No case draws a number, so any
seed must give them.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm import cli

CASES = sorted(path.parent for path in (Path(__file__).parents[1] / "cases").glob("*/scenario.toml"))
TABLES = ("steps", "sectors", "firms")
EXACT = {"id", "step", "age", "firms", "entries", "exits", "diverged", "leader_changed", "best_quality_changed"}


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def case(request, tmp_path_factory):
    """A case and the directory that the command line has written for it."""
    out = tmp_path_factory.mktemp("cases") / request.param.name
    arguments = ["run", str(request.param / "scenario.toml"), "--firms", str(request.param / "firms.csv")]
    assert cli.main([*arguments, "--no-picture", "--out", str(out)]) == 0
    return request.param, out


def test_there_are_nine_cases():
    names = [
        *("article-limit", "changes", "changes-entry", "edges", "entry", "four-sectors"),
        *("frontier", "increment", "review"),
    ]
    assert [case.name for case in CASES] == names


@pytest.mark.parametrize("table", TABLES)
def test_a_case_comes_out_as_expected(case, table):
    folder, out = case
    expected = pd.read_csv(folder / f"expected_{table}.csv")
    found = pd.read_parquet(out / f"{table}.parquet")
    assert set(expected) <= set(found)
    assert len(found) == len(expected) > 0
    for name in expected:
        if name in ("sector", "strategy") or name in EXACT or name.startswith("firms_"):
            assert found[name].tolist() == expected[name].tolist(), name
        else:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-9, equal_nan=True, err_msg=name)


def test_no_case_depends_on_the_seed(case):
    folder, out = case
    again = out.with_name(f"{out.name}-again")
    arguments = ["run", str(folder / "scenario.toml"), "--firms", str(folder / "firms.csv"), "--seed", "99"]
    assert cli.main([*arguments, "--steps", "5", "--no-picture", "--out", str(again)]) == 0
    few = pd.read_parquet(again / "steps.parquet")
    pd.testing.assert_frame_equal(few, pd.read_parquet(out / "steps.parquet").head(5), check_exact=True)
