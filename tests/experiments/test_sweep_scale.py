"""Workers that do nothing in simulated time: what is known without a simulation comes out."""

import pandas as pd
import pytest

from abm.sweeps.work.chunks import least_seconds
from experiments.sweep_scale import Costs, simulate, sizes, told

COSTS = Costs(
    chunk=0.004, part=0.01, part_bytes=2e5, plan_point=1e-4, kept_point=1e-5, status_part=1e-3, merge_run=1e-5,
    disk_run=300.0,
)  # fmt: skip


def test_few_workers_lose_hardly_any_time():
    found = simulate(4, 200.0, 0.004, 0.01)
    assert 0.97 < found["efficiency"] < 1.02  # the noise of chunks has no mean of exactly 1
    assert found["idle_at_the_end_s"] < 2.0


def test_a_coordinator_hands_out_no_more_chunks_than_its_time_allows():
    """With 0.4 s a chunk it can serve 5 / 0.4 workers; 100 workers wait for it."""
    found = simulate(100, 60.0, 0.4, 0.0)
    assert found["coordinator_busy"] == pytest.approx(1.0, abs=0.1)
    assert found["seconds"] == pytest.approx(found["chunks"] * 0.4, rel=0.2)
    assert found["efficiency"] < 0.3
    assert simulate(100, 60.0, 0.0, 0.0)["efficiency"] > 0.95


def test_chunks_are_those_of_the_products_rule():
    """None but the last, which has what is left, is shorter than the rule's least; a run takes 0.4 s give or take."""
    found = simulate(1000, 60.0, 0.004, 0.0)
    assert found["coordinator_busy"] < 1.0
    assert found["seconds"] / found["chunks"] * 1000 > 0.8 * least_seconds(1000)


def test_sizes_are_arithmetic():
    table = sizes(COSTS).set_index("runs")
    assert table.loc[1e9, "core_hours"] == pytest.approx(1e9 * 0.004 / 3600)
    assert table.loc[1e9, "parts"] == 8e5
    assert table.loc[1e9, "merge_hours"] == pytest.approx(1e4 / 3600)
    assert (table.loc[1e9] / table.loc[1e6]).drop("parts").to_numpy() == pytest.approx(1000.0)


def test_costs_are_told_in_readable_units():
    table = told(COSTS)
    assert isinstance(table, pd.DataFrame)
    assert dict(zip(table["what"], table["cost"], strict=True))["coordinator, a chunk"] == pytest.approx(4.0)
