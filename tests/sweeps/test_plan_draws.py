"""How levels and seeds are drawn, and that sweeps of earlier versions keep theirs."""

import json
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm import load_sweep
from abm.scenario.parameters import MARKET
from abm.sweeps.design.factors import Factor
from abm.sweeps.store import folder as store
from tests.compared import without_format
from tests.sweeping import design_of, make

TEXT = """
scenario = "one-market"
set = {steps = 1, capacity = 2}
replications = {count = %d}
factors = {network_effect = {low = 0.1, high = 0.7}}
design = {points = 4}
"""


def beta(low, high, scale="linear") -> Factor:
    return Factor.read("network_effect", {"low": low, "high": high, "scale": scale}, MARKET["network_effect"])


@given(st.integers(0, 40), st.integers(1, 40), st.integers(2, 60))
def test_a_level_is_the_number_nearest_to_the_exact_one(low, width, points):
    levels = beta(low / 100, (low + width) / 100).levels(points)
    exact = [(Decimal(low) + Decimal(width) * place / (points - 1)) / 100 for place in range(points)]
    assert levels.tolist() == [float(value) for value in exact]


def test_levels_of_a_log_scale_read_as_one_writes_them():
    assert beta(0.0001, 0.1, "log").levels(4).tolist() == [0.0001, 0.001, 0.01, 0.1]


def test_a_morris_design_has_the_levels_of_a_grid():
    text = 'scenario = "one-market"\nfactors = {network_effect = {low = 0, high = 0.9}, churn = [0.1, 0.5]}\n'
    design = design_of(text + 'design = {method = "morris", points = 8}')
    assert set(design.values()["network_effect"]) == {0.0, 0.3, 0.6, 0.9}
    assert set(design.values()["churn"]) == {0.1, 0.5}


@pytest.mark.parametrize("common", ["true", "false"])
def test_a_sweep_of_an_earlier_version_goes_on_with_its_levels_and_seeds(tmp_path, monkeypatch, common):
    text = TEXT.replace("%d}", f"%d, common = {common}}}")
    with monkeypatch.context() as before:
        before.setattr(store, "DRAWS", 1)
        assert make(text % 2, tmp_path / "out") == 8
    path = tmp_path / "out" / "manifest.json"
    without_format(tmp_path / "out")
    manifest = json.loads(path.read_text())
    assert manifest.pop("draws") == 1
    path.write_text(json.dumps(manifest))
    first = load_sweep(tmp_path / "out").outcomes
    assert first["seed"].max() >= 2**53 and 0.49999999999999994 in set(first["network_effect"])
    assert make(text % 2, tmp_path / "out") == 0
    assert make(text % 3, tmp_path / "out") == 4
    both = load_sweep(tmp_path / "out").outcomes
    assert both[both["replication"] < 2].reset_index(drop=True).equals(first)
    assert json.loads(path.read_text())["draws"] == 1
    make(text % 2, tmp_path / "out", overwrite=True)
    anew = load_sweep(tmp_path / "out").outcomes
    assert anew["seed"].max() < 2**53 and np.isin([0.3, 0.5], anew["network_effect"]).all()
