"""The factors of a design: levels, ranges and the files of lists."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.scenario.parameters import MARKET, SECTOR, STRATEGY
from abm.sweeps.design.design import Design
from abm.sweeps.design.factors import Factor
from tests.design_texts import HEAD, refused


def design(text, folder="."):
    return Design.from_toml(HEAD + text, "my.toml", folder)


def factor(name, given):
    return Factor.read(name, given, (MARKET | SECTOR | STRATEGY)[name])


def test_the_levels_of_a_range_are_even_and_its_ends_exact():
    assert factor("churn", {"low": 0.1, "high": 0.7}).levels(4) == pytest.approx([0.1, 0.3, 0.5, 0.7])
    log = factor("churn", {"low": 0.001, "high": 1, "scale": "log"}).levels(4)
    assert log == pytest.approx([0.001, 0.01, 0.1, 1.0])
    assert (log[0], log[-1]) == (0.001, 1.0)


def test_integers_are_rounded_half_up_and_not_repeated():
    assert factor("steps", {"low": 1, "high": 4}).levels(3).tolist() == [1, 3, 4]  # 2.5 is between
    assert factor("steps", {"low": 2, "high": 5}).levels(3).tolist() == [2, 4, 5]  # 3.5 is between
    assert factor("steps", {"low": 1, "high": 3}).levels(9).tolist() == [1, 2, 3]
    assert factor("steps", {"low": 1, "high": 3.0}).levels(2).dtype == np.int64


def test_a_list_divides_the_places_into_equal_bins():
    three = factor("policy", ["fixed", "imitate", "adaptive"])
    places = [0.0, 0.333, 1 / 3, 0.5, 0.666, 2 / 3, 0.999, 1.0]
    words = ["fixed", "fixed", "imitate", "imitate", "imitate", "adaptive", "adaptive", "adaptive"]
    assert three.at(places).tolist() == words
    assert three.at(places).dtype == object


@given(
    st.floats(1e-6, 1e6),
    st.floats(1e-6, 1e6),
    st.sampled_from(["linear", "log"]),
    st.lists(st.floats(0, 1), min_size=1),
)
def test_places_go_from_end_to_end_without_leaving_the_range(one, other, scale, places):
    low, high = sorted((one, other))
    if low == high:
        return
    ranged = factor("T0", {"low": low, "high": high, "scale": scale})
    assert ranged.at([0.0, 1.0]).tolist() == [low, high]
    values = ranged.at(np.sort(places))
    assert (values >= low).all() and (values <= high).all()
    assert (np.diff(values) >= -1e-9 * high).all()
    function = (lambda u: low + u * (high - low)) if scale == "linear" else (lambda u: low * (high / low) ** u)
    assert values == pytest.approx([function(u) for u in np.sort(places)])


def test_levels_may_be_infinite_and_whole_floats():
    assert factor("runway", [8, float("inf")]).levels().tolist() == [8.0, np.inf]
    assert factor("steps", [1e2, 200]).listed == (100, 200)


LIST = '[design]\nmethod = "list"\nfile = "points.csv"'


def listed(folder: Path, content: str) -> Design:
    (folder / "points.csv").write_text(content)
    return design(LIST, folder)


def list_refused(folder: Path, content: str) -> str:
    (folder / "points.csv").write_text(content)
    return refused(LIST, folder).removeprefix(f"[design] {folder / 'points.csv'}: ")


def test_a_list_is_its_file_in_its_order(tmp_path):
    whole = listed(
        tmp_path,
        "\ufeffrunway, policy ,steps,sectors.enterprise.weight\n".replace("weight", "demand_share")
        + 'inf,imitate,1e2,0.5\n8, "fixed",2_0,1\n\n8,imitate,5.0,0.5\n',
    )
    values = whole.values()
    assert list(values.itertuples(index=False, name=None)) == [
        (np.inf, "imitate", 100, 0.5),
        (8.0, "fixed", 20, 1.0),
        (8.0, "imitate", 5, 0.5),
    ]
    assert [str(each) for each in values.dtypes] == ["float64", "object", "int64", "float64"]
    assert whole.factor_names == ("runway", "policy", "steps", "sectors.enterprise.demand_share")
    assert whole.factors["policy"].listed == ("imitate", "fixed")
    assert whole.points is None
    values.loc[0, "runway"] = 1.0
    assert whole.values().runway[0] == np.inf  # the caller's copy


@pytest.mark.parametrize(
    "content",
    [
        "churn;runway;policy\n,5;Inf;imitate\n0,25;8;fixed\n",
        '"","churn","runway","policy"\n"1",.5,Inf,"imitate"\n"2",.25,8,"fixed"\n',
        "point,churn,runway,policy\n0,0.5,inf,imitate\n1,2.5e-1,8.,fixed\n",
    ],
)
def test_a_list_may_be_written_as_firm_tables_may(tmp_path, content):
    values = listed(tmp_path, content).values()
    assert list(values.itertuples(index=False, name=None)) == [(0.5, np.inf, "imitate"), (0.25, 8.0, "fixed")]


def test_a_parquet_file_gives_the_same_points_as_a_csv(tmp_path):
    frame = pd.DataFrame({"churn": [0.5, 1], "steps": [3.0, 4.0], "policy": ["fixed", "imitate"]})
    frame.to_csv(tmp_path / "points.csv", index=False)
    frame.set_index("churn").to_parquet(tmp_path / "points.parquet")
    csv, parquet = design(LIST, tmp_path), design(LIST.replace("csv", "parquet"), tmp_path)
    pd.testing.assert_frame_equal(csv.values(), parquet.values())
    assert csv.factors == parquet.factors


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("churn,steps\n0.5,3\n,4\n", "row 2 (line 3): churn is missing or nan; allowed is (0, 1]"),
        ("churn,steps\n0.5\n", "row 1 (line 2) has 1 cells for 2 columns"),
        ("churn\n0.5\n2\n", "row 2 (line 3): churn = 2.0 is outside (0, 1]"),
        ("churn\nnan\n", "row 1 (line 2): churn is missing or nan; allowed is (0, 1]"),
        ("churn\nhalf\n", "row 1 (line 2): churn = 'half' is not a number; allowed is (0, 1]"),
        ("steps\n2.5\n", "row 1 (line 2): steps = 2.5 is not an integer; allowed is [1, 1e7]"),
        ("policy\nimitat\n", f"row 1 (line 2): policy = 'imitat' is not {STRATEGY['policy'].allowed}"),
        (
            "sectors.enterprise.quality_elasticity\n11\n",
            "row 1 (line 2): column 'sectors.enterprise.quality_elasticity': quality_elasticity = 11.0 is outside",
        ),
        ("chrun\n0.5\n", "unknown column 'chrun' (did you mean 'churn'?)"),
        ("churn,churn\n0.5,0.5\n", "column 'churn' is there twice"),
        ("churn,steps\n", "no rows; a file of points has a row a point and a column a factor"),
        ("", "empty; a file of points starts with the names of its columns"),
        ("churn\n0.5,3\n", "row 1 (line 2) has 2 cells for 1 columns (a decimal comma"),
    ],
)
def test_a_list_is_refused_by_file_row_and_column(tmp_path, content, message):
    assert list_refused(tmp_path, content).startswith(message)


def test_parquet_files_are_refused_likewise(tmp_path):
    text = LIST.replace("csv", "parquet")
    path = tmp_path / "points.parquet"
    path.write_bytes(b"PAR1")
    assert refused(text, tmp_path).startswith(f"[design] {path}: not a readable Parquet file: ")
    pd.DataFrame({"churn": [[0.5], [0.6]]}).to_parquet(path)
    assert f"{path}: row 1: churn = array([0.5]) is not a number" in refused(text, tmp_path)
    pd.DataFrame({"churn": [0.5, None]}).to_parquet(path)
    assert refused(text, tmp_path) == f"[design] {path}: row 2: churn is missing or nan; allowed is (0, 1]"
    pd.DataFrame({"churn": [True]}).to_parquet(path)
    assert refused(text, tmp_path).endswith("row 1: churn = True is not a number; allowed is (0, 1]")


def test_a_list_has_its_factors_in_the_file_alone(tmp_path):
    (tmp_path / "points.csv").write_text("churn\n0.5\n")
    assert refused(f"[factors]\nchurn = [0.5]\n{LIST}", tmp_path) == (
        '[factors] must be empty for method = "list": its file has a column a factor'
    )
    assert design(f"[factors]\n{LIST}", tmp_path).factor_names == ("churn",)
    assert refused(f"{LIST}\npoints = 3", tmp_path) == (
        '[design] points = 3 means nothing for method = "list" without a range'
    )
    assert refused(f"[set]\nchurn = 0.5\n{LIST}", tmp_path) == "[set] churn would be overwritten by the factor churn"
    missing = tmp_path / "other.csv"
    assert refused(LIST.replace("points", "other"), tmp_path) == (f"[design] {missing}: No such file or directory")
