"""Sensitivity indices of sampled sweeps beside closed forms, and what `abm analyse` writes and says."""

import numpy as np
import pandas as pd
import pytest

from abm import InputError, analyse, compare
from abm.cli import main
from abm.sensitivity.indices import indices
from abm.sweeps.design.samples import SAMPLES
from tests.sweeping import make

DESIGN = """
scenario = "one-market"
set = {steps = 10, capacity = 20}
replications = {count = 1}
design = {method = "%s", points = %d}
[factors]
churn = {low = 0.05, high = 0.8, scale = "log"}
runway = {low = 2, high = 32}
policy = ["imitate", "fixed"]
"""


def ishigami(unit: np.ndarray) -> np.ndarray:
    """Ishigami and Homma's function, of which the indices are known: first order 0.314, 0.442, 0."""
    x, y, z = (2.0 * unit.T - 1.0) * np.pi
    return np.sin(x) + 7.0 * np.sin(y) ** 2 + 0.1 * z**4 * np.sin(x)


def test_saltellis_indices_are_those_of_ishigamis_function():
    sample = SAMPLES["saltelli"](3, 2048, 1)
    found = indices("saltelli", sample, 1e6 * ishigami(sample), 0.95, 0)
    for name, exact in (("first_order", [0.314, 0.442, 0.0]), ("total", [0.558, 0.442, 0.244])):
        assert found[name] == pytest.approx(exact, abs=0.03)
        assert (found[f"{name}_low"] <= exact + np.array(0.02)).all() and (found[f"{name}_high"] >= exact).all()


@pytest.mark.parametrize("method", ["morris", "saltelli", "sobol", "latin"])
@pytest.mark.parametrize("seed", [0, 7])
def test_intervals_are_equal_to_the_last_bit_when_they_are_made_again(method, seed):
    sample = SAMPLES[method](3, 64, 1)
    once, again = (indices(method, sample, ishigami(sample), 0.95, seed) for _ in range(2))
    assert all((once[name] == again[name]).all() for name in once)


@pytest.mark.parametrize("method", ["sobol", "latin"])
def test_first_order_indices_of_plain_samples_are_those_of_ishigamis_function(method):
    sample = SAMPLES[method](3, 2048, 1)
    found = indices(method, sample, ishigami(sample), 0.95, 0)
    assert found["first_order"] == pytest.approx([0.314, 0.442, 0.0], abs=0.05)


def test_morris_effects_of_a_plane_are_its_slopes():
    sample = SAMPLES["morris"](3, 10, 1)
    found = indices("morris", sample, sample @ [300.0, -2.0, 0.0] + 7.0, 0.95, 0)
    assert found["mu_star"] == pytest.approx([300.0, 2.0, 0.0], abs=1e-9)
    assert found["mu"] == pytest.approx([300.0, -2.0, 0.0], abs=1e-9)
    assert found["sigma"] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("method", "points", "column"), [("morris", 8, "mu_star"), ("saltelli", 8, "total"), ("sobol", 64, "first_order")]
)
def test_a_sweep_is_analysed_and_compare_points_there(tmp_path, capsys, method, points, column):
    make(DESIGN % (method, points), tmp_path / "swept")
    assert main(["analyse", str(tmp_path / "swept"), "--out", str(tmp_path / "out"), "--outcome", "firms"]) == 0
    screen = capsys.readouterr()
    assert "firms: " in screen.out and not screen.err
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"indices.csv", "indices.parquet", "indices.png", "analysis.json"}
    table = pd.read_csv(tmp_path / "out" / "indices.csv")
    assert set(table["factor"]) == {"churn", "runway", "policy"} and table[column].is_monotonic_decreasing
    found = analyse(tmp_path / "swept", outcomes="firms").indices
    assert table[column].to_numpy() == pytest.approx(found[column].to_numpy())
    with pytest.raises(InputError, match="abm analyse shows which factors matter"):
        compare(tmp_path / "swept")


def test_what_has_no_indices_is_refused(tmp_path):
    make('scenario = "one-market"\nset = {steps = 1, capacity = 2}\nfactors = {churn = [0.1, 0.2]}', tmp_path / "grid")
    with pytest.raises(InputError, match=r"a grid design has no sensitivity indices.*abm compare"):
        analyse(tmp_path / "grid")
    make(DESIGN % ("morris", 2), tmp_path / "swept")
    with pytest.raises(InputError, match=r"unknown outcome 'firm' \(did you mean 'firms'\?\)"):
        analyse(tmp_path / "swept", outcomes="firm", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
