"""The charts of a report: the numbers of its tables, with their peaks."""

import numpy as np
import pandas as pd

from abm.comparison.report import charts
from abm.comparison.report.page import View
from abm.comparison.report.wording import definition, measure_name
from abm.output.thinning import rows_with_peaks
from abm.simulation.outcome_list import ENTRIES


def test_a_chart_has_the_medians_and_the_bands_of_the_table(three):
    table = View(three).frame("trajectories")
    made = charts.paths(table, [("shock", 9.0, np.inf)])
    assert [panel["title"] for panel in made["panels"]] == [measure_name(each) for each in table["measure"].unique()]
    assert made["marks"] == [("shock", 9.0, None)] and made["ends"] == [table["step"].min(), table["step"].max()]
    for panel, (_, own) in zip(made["panels"], table.groupby("measure", sort=False), strict=True):
        lines = iter(panel["lines"])
        for group, rows in own.groupby("group", sort=False):
            for column in ("median", "q10", "q90"):
                line = next(lines)
                assert line["label"] == group and line["edge"] == (column != "median")
                np.testing.assert_allclose(panel["columns"][line["at"]], rows[column], rtol=1e-4)
        assert panel["columns"][0] == own["step"].unique().tolist()


def test_survival_by_strategy_is_a_panel_a_group_and_a_line_a_strategy(three):
    table = View(three).frame("survival")
    by_part = charts.survival(table, "strategy")["panels"]
    assert [panel["title"] for panel in by_part] == list(dict.fromkeys(table["group"].astype(str)))
    assert {line["label"] for line in by_part[0]["lines"]} == set(table["strategy"].astype(str)) - {"all"}
    (whole,) = charts.survival(table)["panels"]
    assert [line["label"] for line in whole["lines"] if not line["edge"]] == [panel["title"] for panel in by_part]


def test_a_missing_value_is_null_and_a_peak_of_one_step_is_kept():
    steps = np.arange(1, 20_001)
    values = np.sin(steps / 900.0)
    values[12_345] = 7.0
    values[50:60] = np.nan
    table = pd.DataFrame(
        {"measure": "mean_T", "group": "a", "step": steps, "median": values, "q10": values, "q90": values}
    )
    panel = charts.paths(table)["panels"][0]
    assert len(panel["columns"][0]) < 1_600
    assert max(each for each in panel["columns"][1] if each is not None) == 7.0
    assert None in charts.paths(table[:100])["panels"][0]["columns"][1]


def test_thinned_lines_keep_the_extremes_of_every_stretch_of_every_line():
    lines = np.random.default_rng(1).normal(size=(1_000, 3))
    rows = rows_with_peaks(lines, 10)
    for begin in range(0, 1_000, 100):
        kept = lines[rows[(rows >= begin) & (rows < begin + 100)]]
        assert (kept.min(axis=0) == lines[begin : begin + 100].min(axis=0)).all()
        assert (kept.max(axis=0) == lines[begin : begin + 100].max(axis=0)).all()
    assert len(rows) <= 2 + 10 * 6 and rows_with_peaks(lines[:20], 10).tolist() == list(range(20))


def test_every_outcome_of_the_table_of_outcomes_has_its_definition_and_unit():
    for entry in ENTRIES:
        said = definition(entry.name.replace("NAME", "some_strategy"))
        assert entry.definition in said and entry.source in said
        assert entry.unit == "–" or f"Unit: {entry.unit}." in said
    assert definition("structure=monopoly") == definition("structure")
    assert definition(measure_name("share_x")) == definition("share_x") != ""
    assert definition("my_own_measure") == ""
