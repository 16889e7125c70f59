"""Frames as users have them: types, orders and gaps that other programs leave."""

import decimal

import numpy as np
import pandas as pd
import pytest

from abm import InputError, compare

RNG = np.random.default_rng(4)


def frame_of(levels, count=6, **columns) -> pd.DataFrame:
    """A row a run, the levels in turn."""
    values = {"x": RNG.normal(size=count * len(levels))}
    seeds = np.repeat(np.arange(count), len(levels))
    return pd.DataFrame({"churn": list(levels) * count, "seed": seeds} | values | columns)


@pytest.mark.parametrize("kind", [float, np.float64, decimal.Decimal, lambda x: round(float(x))])
@pytest.mark.parametrize("gap", [False, True])
def test_numbers_in_a_column_of_objects_are_numbers(kind, gap):
    frame = frame_of([0.1, 0.2])
    frame["x"] = [None if gap and index == 3 else kind(100 * value) for index, value in enumerate(frame["x"])]
    frame["churn"] = frame["churn"].astype(object)
    found = compare(frame.astype({"x": object}), by="churn")
    assert found.comparison["outcome"].unique().tolist() == ["x"]
    assert found.comparison["missing"].sum() == gap
    assert found.runs.groups == ["0.1", "0.2"]


def test_truth_values_in_a_column_of_objects_are_yes_or_no():
    frame = frame_of([0.1, 0.2], won=pd.Series([True, None, False] * 4, dtype=object))
    assert "won" in compare(frame, by="churn").comparison["outcome"].tolist()


@pytest.mark.parametrize("seeded", [True, False])
def test_the_first_group_is_the_first_in_the_frame_whatever_the_outcomes_are(seeded):
    frame = frame_of(["literal", "rate"]).sort_values(["churn", "x"])
    frame = frame.rename(columns={"churn": "reading"})
    frame = frame if seeded else frame.drop(columns="seed")
    assert compare(frame, by="reading").runs.baseline == "literal"
    assert compare(frame.assign(x=-frame["x"]), by="reading").runs.baseline == "literal"
    turned = frame.iloc[::-1]
    assert compare(turned, by="reading").runs.baseline == "rate"


def test_the_order_of_a_category_counts_before_that_of_rows():
    frame = frame_of(["high", "low", "middle"]).rename(columns={"churn": "how"})
    frame["how"] = pd.Categorical(frame["how"], ["low", "middle", "unused", "high"], ordered=True)
    runs = compare(frame, by="how").runs
    assert (runs.groups, runs.baseline) == (["low", "middle", "high"], "low")
    frame = frame_of([1, 5, 10])
    frame["churn"] = pd.Categorical(frame["churn"], [10, 5, 1])
    runs = compare(frame, by="churn").runs
    assert (runs.groups, runs.baseline) == (["10", "5", "1"], "10")


def test_numbers_are_in_their_order_and_the_first_row_has_the_baseline():
    runs = compare(frame_of([0.5, 0.1, 0.9]), by="churn").runs
    assert (runs.groups, runs.baseline) == (["0.1", "0.5", "0.9"], "0.5")


def test_the_first_of_several_factors_is_the_first_level_of_each():
    frame = frame_of(["b", "a"], count=8).rename(columns={"churn": "one"}).assign(two=["y", "y", "x", "x"] * 4)
    frame["seed"] = np.repeat(np.arange(4), 4)
    assert compare(frame, by=["one", "two"]).runs.baseline == "one=b, two=y"


def test_runs_without_a_seed_count_each_and_have_no_partner():
    frame = frame_of([0.1, 0.2], count=20)
    frame["seed"] = frame["seed"].astype(float).where(frame["seed"] > 2)
    found = compare(frame, by="churn")
    assert found.comparison["n"].tolist() == [20, 20]
    assert found.comparison["pairs"].tolist() == [0, 17]
    assert any(note.startswith("6 runs without a seed") for note in found.notes)
    frame["seed"] = pd.array([pd.NA] * 40, dtype="Int64")
    assert compare(frame, by="churn").comparison["n"].tolist() == [20, 20]


def test_a_frame_of_words_needs_no_seed():
    frame = pd.DataFrame({"churn": [0.1, 0.2] * 6, "winner": ["a", "b", "b"] * 4})
    assert compare(frame, by="churn").comparison["n"].tolist() == [6, 6] * 2


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pd.DataFrame(), "frame: has no rows"),
        (frame_of([0.1, 0.2])[:0], "frame: has no rows"),
        (frame_of([1, "1"]), "churn has both 1 and '1', which have the same label"),
    ],
)
def test_what_cannot_be_grouped_is_refused_by_name(frame, said):
    with pytest.raises(InputError, match=said):
        compare(frame, by="churn")


@pytest.mark.parametrize("label", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)"])
def test_a_label_is_no_formula_of_a_spreadsheet(tmp_path, label):
    frame = frame_of([label, "b"]).rename(columns={"churn": "how"})
    found = compare(frame, by="how", out=tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "comparison.csv")
    assert table["group"].tolist() == [f"'{label}", "b"] and found.runs.groups == [label, "b"]
    assert pd.read_parquet(tmp_path / "out" / "comparison.parquet")["group"].tolist() == [label, "b"]


def test_a_number_with_its_sign_is_no_formula(tmp_path):
    compare(frame_of([-0.5, 0.5]), by="churn", out=tmp_path / "out")
    assert pd.read_csv(tmp_path / "out" / "comparison.csv")["group"].tolist() == [-0.5, 0.5]
