"""`load_sweep`: frames of a finished sweep with the factors as columns."""

import math
import pickle
import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import abm
from abm import InputError, load_sweep, simulate
from abm.sweeps.status import run_again
from abm.sweeps.sweep_results import SweepResults
from tests.sweeping import design_of, make, make_shard

TEXT = """
scenario = "four-sectors"
[set]
steps = 6
capacity = 8
runway = 1.0
[factors]
policy = ["fixed", "imitate"]
T0 = [1.0, 2.0]
review_interval = [2, 4]
[replications]
count = 2
[collect]
steps = 3
lives = true
firms = true
"""
OWN = ["point", "replication", "seed"]


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> SweepResults:
    out = tmp_path_factory.mktemp("results") / "out"
    make(TEXT, out)
    return load_sweep(out)


def test_the_package_names_them():
    assert {"sweep", "load_sweep"} <= set(abm.__all__)
    assert abm.load_sweep is load_sweep


def test_points_have_a_column_a_factor_in_the_order_of_the_design(results):
    assert list(results.points) == results.factors == ["policy", "T0", "review_interval"]
    assert results.points.index.name == "point"
    expected = [(policy, T0, every) for policy in ("fixed", "imitate") for T0 in (1.0, 2.0) for every in (2, 4)]
    assert list(results.points.itertuples(index=False, name=None)) == expected


def test_factors_stand_before_a_tables_own_columns_in_every_row(results):
    values = results.points.to_dict("index")
    for name in ("outcomes", "steps", "sectors", "lives"):
        frame = getattr(results, name)
        named = {f"factor.{factor}" if f"factor.{factor}" in frame else factor: factor for factor in results.factors}
        assert list(frame.columns[:6]) == [*OWN, *named]
        assert not frame.columns.duplicated().any()
        for column, factor in named.items():
            assert frame[column].tolist() == [values[point][factor] for point in frame["point"]]
    assert len(results.outcomes) == 16
    assert len(results.steps) == 16 * 2
    assert len(results.sectors) == 16 * 2 * 4


def test_a_factor_of_a_name_that_the_table_has_is_told_apart(results):
    """Each firm draws its own T0 around the factor's value."""
    firms = results.firms
    assert not firms.columns.duplicated().any()
    assert set(firms["factor.T0"]) == {1.0, 2.0}
    assert firms["T0"].nunique() > 10
    assert list(firms.columns[:6]) == [*OWN, "policy", "factor.T0", "review_interval"]


def test_types_are_those_of_the_values(results):
    assert all(results.outcomes[name].dtype == np.int64 for name in [*OWN, "peak_firms", "peak_step"])
    assert results.outcomes["T0"].dtype == np.float64 and results.outcomes["review_interval"].dtype == np.int64
    assert (results.outcomes["T0"] > 1.5).any()
    assert results.outcomes["policy"].cat.categories.tolist() == ["fixed", "imitate"]
    assert results.outcomes["structure"].dtype == results.points["policy"].dtype == "str"
    exits = results.lives["exit_step"]
    assert exits.dtype == "Int64" and exits.isna().any() and exits.notna().any()
    assert (exits.isna() == results.lives["reason"].isna()).all()
    assert results.steps["firms"].dtype == np.int64


def test_levels_are_in_the_order_of_the_design(tmp_path):
    text = 'scenario = "one-market"\nset = {steps = 1, capacity = 2}\nreplications = {count = 1}\n'
    text += "[factors]\nrunway = [inf, 2]\npolicy = ['imitate', 'fixed']\nchurn = {low = 0.1, high = 0.2}\n"
    make(text + "[design]\nmethod = 'sobol'\npoints = 4", tmp_path / "out")
    results = load_sweep(tmp_path / "out")
    assert (results.levels["runway"], results.levels["policy"]) == ([np.inf, 2.0], ["imitate", "fixed"])
    assert results.outcomes["policy"].cat.categories.tolist() == ["imitate", "fixed"]


def test_missing_numbers_are_null_in_every_table(tmp_path):
    text = 'scenario = "one-market"\nset = {steps = 3, capacity = 2, runway = 0.1, entry_rate = 0.0}\n'
    text += "collect = {steps = 'all'}\nreplications = {count = 2}\nfactors = {R0 = [0.01, 1.0]}"
    make(text, tmp_path / "out")
    seen = 0
    for name in ("outcomes", "steps", "sectors"):
        table = pq.read_table(tmp_path / "out" / f"{name}.parquet")
        floats = [column for column in table.columns if pa.types.is_floating(column.type)]
        assert not any(pc.is_nan(column).to_pylist().count(True) for column in floats)
        seen += sum(column.null_count for column in floats)
    assert seen


def test_a_level_of_a_range_is_found_by_the_number_as_one_writes_it(tmp_path):
    text = 'scenario = "one-market"\nset = {steps = 1, capacity = 2}\nreplications = {count = 1}\n'
    text += "factors = {network_effect = {low = 0, high = 0.9}}\ndesign = {points = 4}"
    make(text, tmp_path / "out")
    assert len(load_sweep(tmp_path / "out").outcomes.query("network_effect == 0.3")) == 1


@pytest.mark.parametrize("points", [4, 128])
def test_values_of_a_range_are_numbers_however_many_there_are(tmp_path, points):
    text = 'scenario = "one-market"\nset = {steps = 1, capacity = 2}\nreplications = {count = 1}\n'
    text += f"factors = {{churn = {{low = 0.1, high = 0.9}}}}\ndesign = {{method = 'sobol', points = {points}}}"
    make(text, tmp_path / "out")
    churn = load_sweep(tmp_path / "out").outcomes["churn"]
    assert len(churn) == points and churn.mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("name", ["points", "outcomes"])
def test_a_damaged_table_is_refused_by_name(results, tmp_path, name):
    out = tmp_path / "out"
    shutil.copytree(results.folder, out)
    table = out / f"{name}.parquet"
    data = bytearray(table.read_bytes())
    data[60] ^= 4  # in the first page of a column
    table.write_bytes(data)
    with pytest.raises(InputError, match=rf"{name}.parquet: is damaged: "):
        load_sweep(out).outcomes  # noqa: B018


def test_infinity_is_a_value_of_a_factor(tmp_path):
    text = 'scenario = "one-market"\nset = {steps = 1, capacity = 2}\nreplications = {count = 1}\n'
    make(text + "factors = {runway = [2.0, inf]}", tmp_path / "out")
    assert load_sweep(tmp_path / "out").outcomes["runway"].tolist() == [2.0, math.inf]


def test_columns_are_read_as_asked_for(results, monkeypatch):
    assert len(results.points) == 8  # read by now
    read = pd.read_parquet
    asked = []

    def counted(path, columns=None, **options):
        asked.append(columns)
        return read(path, columns=columns, **options)

    monkeypatch.setattr(pd, "read_parquet", counted)
    frame = results.read("steps", ["hhi", "firms", "hhi", "seed", "policy"])
    assert list(frame) == [*OWN, *results.factors, "hhi", "firms"]
    assert asked == [[*OWN, "hhi", "firms"]]
    monkeypatch.undo()
    pd.testing.assert_frame_equal(frame, results.steps[list(frame)])
    assert list(results.read("outcomes", "hhi")) == [*OWN, *results.factors, "hhi"]
    assert list(results.read("lives", iter(["exit_step"])))[-1] == "exit_step"
    assert list(results.read("outcomes", [])) == [*OWN, *results.factors]


def test_tables_are_read_when_asked_for(results, monkeypatch):
    fresh = load_sweep(results.folder)
    monkeypatch.setattr(pd, "read_parquet", lambda *arguments, **options: 1 / 0)
    assert (fresh.summary["done"], fresh.tables) == (16, results.tables)
    with pytest.raises(ZeroDivisionError):
        _ = fresh.outcomes


@pytest.mark.parametrize(
    ("table", "columns", "said"),
    [
        ("outcome", None, "has no table 'outcome' (did you mean 'outcomes'?)"),
        ("panel", None, "has no table 'panel' ([collect] in its design says what is kept)"),
        ("runs", None, "has no table 'runs'"),
        ("outcomes", ["hhi", "winer"], "has no column 'winer' (did you mean 'winner'?)"),
        ("steps", "winner", "has no column 'winner'"),
    ],
)
def test_a_table_or_column_that_is_not_there_is_refused_with_the_nearest_name(results, table, columns, said):
    with pytest.raises(InputError) as refusal:
        results.read(table, columns)
    assert said in str(refusal.value)


def test_a_table_that_was_not_kept_is_refused_as_an_attribute_too(results):
    with pytest.raises(InputError, match="has no table 'panel'"):
        _ = results.panel


def test_what_is_no_finished_sweep_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match=f"{folder}: holds no sweep"):
            load_sweep(folder)
    make_shard(TEXT, tmp_path / "out", 1, 8)
    with pytest.raises(InputError, match=r"is not finished; run its command again, or abm sweep finish"):
        load_sweep(tmp_path / "out")


def test_nothing_pickled_is_read(results, tmp_path):
    """A manifest alone is not a finished sweep."""

    class Bomb:
        def __reduce__(self):
            return (exec, ("raise AssertionError('it was run')",))

    (tmp_path / "manifest.json").write_bytes(pickle.dumps(Bomb(), protocol=0))
    with pytest.raises(InputError, match="is damaged"):
        load_sweep(tmp_path)


def test_a_design_without_factors_has_one_point(tmp_path):
    make('scenario = "one-market"\nset = {steps = 2, capacity = 4}', tmp_path / "out")
    results = load_sweep(tmp_path / "out")
    assert (results.factors, len(results.points)) == ([], 1)
    assert results.outcomes["replication"].tolist() == list(range(10))
    assert "no factors" in repr(results)


def test_what_it_looks_like(results):
    assert repr(results) == f"SweepResults({str(results.folder)!r}: 16 runs, policy, T0, review_interval)"


def test_one_run_can_be_made_again(results):
    row = results.outcomes.query("point == 6 and replication == 1").iloc[0]
    result = run_again(results.folder, 6, 1)
    assert result.seed == row["seed"]
    assert (result.scenario.T0, result.scenario.review_interval) == (2.0, 2)
    assert {strategy.policy for strategy in result.scenario.strategies} == {"imitate"}
    assert result.outcomes.equals(simulate(result.scenario, result.seed, collect="light").outcomes)
    assert all(row[name] == value or value != value for name, value in result.outcomes.items() if value is not None)
    assert len(result.steps) == 2
    for point, replication, said in ((8, 0, "point = 8 is not one of 0 to 7"), (0, 2, "replication = 2 is not one of")):
        with pytest.raises(InputError, match=said):
            run_again(results.folder, point, replication)


def test_one_run_from_a_firm_table_can_be_made_again_where_the_table_is_gone(tmp_path):
    (tmp_path / "firms.csv").write_text("sector,strategy,T\nenterprise,balanced,2\nenterprise,adaptive,3\n")
    design = design_of(f'firms = "firms.csv"\n{TEXT}', tmp_path)
    make(design, tmp_path / "out")
    (tmp_path / "firms.csv").unlink()
    row = load_sweep(tmp_path / "out").outcomes.iloc[3]
    result = run_again(tmp_path / "out", 1, 1)
    assert (result.seed, result.outcomes["hhi"]) == (row["seed"], row["hhi"])
    assert len(result.lives.query("entry_step == 0")) == 2
