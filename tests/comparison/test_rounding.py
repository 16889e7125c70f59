"""Numbers that would mislead: rounding taken for a difference, skewed pairs, sizes that overflow, too few values."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abm import compare
from abm.comparison.statistics.effects import cliffs_delta, p_values, variance_ratio
from abm.comparison.statistics.intervals import paired_intervals
from abm.comparison.statistics.rounding import differences, merge_close, unit_of
from abm.comparison.tables.paths import divergences


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def frame_of(baseline, other, outcome="x", **columns) -> pd.DataFrame:
    """Runs of two groups with the same seeds, a row a run."""
    count = len(baseline)
    values = {outcome: np.concatenate([baseline, other])}
    return pd.DataFrame(
        {"churn": np.repeat([0.1, 0.2], count), "seed": np.tile(np.arange(count), 2)} | values | columns
    )


def row_of(frame: pd.DataFrame, **options) -> pd.Series:
    """What is said of the second group."""
    return compare(frame, by="churn", **options).comparison.iloc[1]


def jittered(values: np.ndarray, ulps: int, seed: int) -> np.ndarray:
    """The same values but for a few units in the last place."""
    return values + np.random.default_rng(seed).integers(-ulps, ulps + 1, len(values)) * np.spacing(values)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("size", [1e-300, 1e-9, 0.3, 1e12, 1e200])
def test_outcomes_that_are_equal_up_to_rounding_do_not_differ(paired, size):
    base = size * np.random.default_rng(1).uniform(0.5, 2.0, 12)
    row = row_of(frame_of(base, jittered(base, 3, 2)), paired=paired)
    assert (row["difference"], row["cliffs_delta"], row["p"], row["cliffs_word"]) == (0.0, 0.0, 1.0, "negligible")
    assert row["difference_low"] <= 0.0 <= row["difference_high"]
    if paired:
        assert row["difference_low"] == row["difference_high"] == 0.0


def test_a_shift_that_is_the_same_up_to_rounding_has_an_interval_that_holds_it():
    base = np.random.default_rng(1).uniform(0.5, 2.0, 12)
    row = row_of(frame_of(base, jittered(base + 0.1, 1, 2)))
    assert row["difference_low"] == row["difference"] == row["difference_high"] == pytest.approx(0.1)
    assert row["variance_ratio"] == np.inf


def test_a_difference_of_a_few_billionths_is_one():
    base = np.full(12, 0.5)
    row = row_of(frame_of(base, base + 1e-13 * np.arange(1, 13)))
    assert row["cliffs_delta"] == 1.0 and row["p"] < 0.001


@given(st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=2, max_size=30))
def test_values_that_are_apart_stay_as_they_are(values):
    values = np.round(np.array(values), 3)[:, np.newaxis]
    assert merge_close(values)[0] is values
    assert (differences(values, np.zeros_like(values)) == values).all()


def test_sizes_of_others_do_not_make_differences_one():
    values, baseline = np.array([[1e30], [2.0], [1.5]]), np.array([[1e30], [1.5], [1.75]])
    assert differences(values, baseline).ravel().tolist() == [0.0, 0.5, -0.25]


def test_functions_that_are_given_values_know_of_rounding_too():
    base = np.random.default_rng(1).uniform(0.5, 2.0, (12, 1))
    other = jittered(base[:, 0], 3, 2)[:, np.newaxis]
    assert cliffs_delta(other, base)[0] == 0.0
    for paired in (True, False):
        assert p_values(other, base, paired=paired)[0] == 1.0
    assert paired_intervals(other, base) == (0.0, 0.0)
    assert np.isinf(variance_ratio(other, base)[0])


def test_a_winner_by_rounding_wins_by_nothing():
    shares = {"share_a": [0.1 + 0.2, 0.7] * 2, "share_b": [0.3, 0.3] * 2, "winner": ["a"] * 4}
    frame = pd.DataFrame({"churn": [0.1, 0.2] * 2, "seed": [1, 1, 2, 2]} | shares)
    margins = compare(frame, by="churn").winners.set_index(["group", "strategy"])["margin"]
    assert margins["0.1", "a"] == 0.0 and margins["0.2", "a"] == pytest.approx(0.4)


def test_paths_that_rounding_parts_never_part():
    ends = {"low": 0.3, "high": 0.3, "q10": 0.3, "q90": 0.3}
    one = pd.DataFrame({"group": "a", "measure": "m", "step": [1, 2, 3]} | ends)
    two = one.assign(group="b", **dict.fromkeys(ends, 0.1 + 0.2))
    assert divergences(pd.concat([one, two]))["step"].isna().all()


def test_skewed_differences_of_pairs_are_warned_of_where_the_groups_are_not_skewed():
    rng = np.random.default_rng(5)
    base = rng.normal(1000.0, 300.0, 15)
    change = np.where(np.arange(15) == 3, -900.0, rng.normal(0.0, 5.0, 15))
    assert abs(stats.skew(change)) > 3.0 and abs(stats.skew(base)) < 1.0 and abs(stats.skew(base + change)) < 1.0
    found = compare(frame_of(base, base + change), by="churn")
    assert found.comparison["warning"].tolist() == ["", "skewed"]
    assert any("difference of pairs" in note and note.endswith(": x.") for note in found.notes)
    unpaired = compare(frame_of(base, base + change), by="churn", paired=False)
    assert unpaired.comparison["warning"].tolist() == ["", ""]


@pytest.mark.parametrize("size", [1e-250, 1e155, 1e300])
@pytest.mark.parametrize("paired", [True, False])
def test_values_of_any_size_are_compared_as_those_of_a_usual_one(tmp_path, size, paired):
    rng = np.random.default_rng(3)
    base, other = rng.lognormal(size=(2, 20))
    unit = 2.0 ** np.round(np.log2(size))  # a power of two, so that every number is the same number of it
    usual = compare(frame_of(base, other, y=other.tolist() * 2), by="churn", paired=paired)
    scaled = compare(
        frame_of(unit * base, unit * other, y=other.tolist() * 2), by="churn", paired=paired, out=tmp_path / "out"
    )
    one, two = (each.comparison[each.comparison["outcome"] == "x"] for each in (usual, scaled))
    for name in ("mean", "sd", "median", "low", "high", "q10", "difference", "difference_low", "difference_high"):
        assert two[name].to_numpy() == pytest.approx(unit * one[name].to_numpy(), rel=1e-12, nan_ok=True)
    for name in ("cliffs_delta", "p", "variance_ratio", "warning"):
        assert two[name].equals(one[name])
    enough = [each.enough[each.enough["outcome"] == "x"] for each in (usual, scaled)]
    assert enough[0]["runs"].equals(enough[1]["runs"]) and enough[0]["relative"].equals(enough[1]["relative"])
    assert (tmp_path / "out" / "report.html").stat().st_size > 1000


def test_units_are_powers_of_two_and_one_for_usual_sizes():
    values = np.array([[3.0, 1e-30, 1e201, 1e-200, np.nan, 0.0], [np.inf, 1.0, -1e200, 0.0, np.nan, 0.0]])
    units = unit_of(values)
    assert (np.frexp(units)[0] == 0.5).all()
    assert (units[[0, 1, 4, 5]] == 1.0).all() and units[2] > 1e200 and units[3] < 1e-199


def test_few_values_are_told_from_few_runs():
    base = np.random.default_rng(1).normal(size=5)
    frame = frame_of(base, base + 1.0, y=[1.0, 2.0, 3.0, 4.0, np.nan, 2.0, 3.0, 4.0, 5.0, 6.0])
    (note,) = (note for note in compare(frame, by="churn").notes if "Fewer than 5" in note)
    assert note.startswith("Fewer than 5 replications have a value of y (0.1: 4)")
    (note,) = (note for note in compare(frame[frame["seed"] < 4], by="churn").notes if "Fewer than 5" in note)
    assert note.startswith("Fewer than 5 replications in 0.1, 0.2:")
