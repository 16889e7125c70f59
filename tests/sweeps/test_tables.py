"""What is in the tables of a sweep: what `simulate` gives for each run."""

import pandas as pd
import pyarrow.parquet as pq
import pytest

from abm import Scenario, load_sweep, simulate
from tests.sweep_folders import small
from tests.sweeping import TABLES, InProcess, design_of, make, tables_of

KEYS = ["point", "replication", "seed"]


def scenario_of(changes: dict) -> Scenario:
    return Scenario.load("four-sectors").replace(steps=12, capacity=20, runway=2.0, **changes)


def test_every_table_holds_what_simulate_gives_for_its_point_and_seed(whole):
    results = load_sweep(whole)
    assert results.tables == ["outcomes", "steps", "sectors", "lives", "firms", "panel", "failures"]
    tables = {name: getattr(results, name) for name in results.tables}
    assert tables["failures"].empty
    seeds = tables["outcomes"]["seed"].tolist()
    values = [(effect, policy) for effect in (0.0, 0.9) for policy in ("fixed", "imitate")]
    for point, (effect, policy) in enumerate(values):
        for replication in range(2):
            seed = seeds[2 * point + replication]
            scenario = scenario_of({"network_effect": effect, "policy": policy})
            result = simulate(scenario, seed, collect="full", every=3, panel=5)
            expected = {"steps": result.steps.reset_index(), "outcomes": result.outcomes.to_frame().T}
            expected |= {name: getattr(result, name) for name in ("sectors", "lives", "firms", "panel")}
            for name, frame in expected.items():
                mine = tables[name].query(f"point == {point} and replication == {replication}")
                assert set(mine["seed"]) == {seed}
                assert set(mine["network_effect"]) == {effect} and set(mine["policy"]) == {policy}
                mine = mine.drop(columns=[*KEYS, "network_effect", "policy"]).reset_index(drop=True)
                pd.testing.assert_frame_equal(
                    mine, frame.reset_index(drop=True), check_dtype=name != "outcomes", check_exact=True
                )
    assert len(set(seeds)) == 2 and seeds[:2] == seeds[-2:]


def test_rows_are_in_the_order_of_points_replications_and_time(whole):
    for name in ("outcomes", "steps", "sectors", "panel", "lives", "firms"):
        frame = pd.read_parquet(whole / f"{name}.parquet")
        order = [*KEYS[:2], *(column for column in ("step", "id") if column in frame and name != "sectors")]
        assert frame[order].apply(tuple, axis=1).is_monotonic_increasing, name
    outcomes = pd.read_parquet(whole / "outcomes.parquet")
    assert outcomes["point"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert outcomes["replication"].tolist() == 4 * [0, 1]


def test_the_columns_have_plain_types(whole):
    texts = {"winner", "structure", "growth", "sector", "strategy", "name", "reason"}
    integers = {*KEYS, "step", "id", "slot", "entry_step", "exit_step", "direction", "age", "peak_firms", "peak_step"}
    for name in TABLES[1:]:
        for field in pq.read_schema(whole / f"{name}.parquet"):
            kind = str(field.type)
            assert kind in ("int64", "double", "string"), (name, field)
            assert (kind == "string") == (field.name in texts), (name, field)
            if field.name in integers:
                assert kind == "int64", (name, field)
    points = {field.name: str(field.type) for field in pq.read_schema(whole / "points.parquet")}
    assert points["point"] == "int64" and points["network_effect"] == "double" and "string" in points["policy"]


def test_outcomes_alone_are_those_of_simulate_although_runs_are_made_together(tmp_path):
    text = 'scenario = "four-sectors"\nset = {capacity = 30}\n[factors]\nsteps = [10, 25]\nchurn = [0.1, 0.6]\n'
    make(text + "[replications]\ncount = 4", tmp_path / "out")
    outcomes = pd.read_parquet(tmp_path / "out" / "outcomes.parquet")
    assert sorted(path.name for path in (tmp_path / "out").glob("*.parquet")) == [
        *("failures.parquet", "keys.parquet", "outcomes.parquet", "points.parquet", "runs.parquet")
    ]
    values = [(steps, churn) for steps in (10, 25) for churn in (0.1, 0.6)]
    for _, row in outcomes.iterrows():
        steps, churn = values[row["point"]]
        scenario = Scenario.load("four-sectors").replace(capacity=30, steps=steps, churn=churn)
        expected = simulate(scenario, row["seed"], collect="light").outcomes
        pd.testing.assert_series_equal(row.drop(KEYS), expected, check_names=False, check_exact=True)


def test_a_factor_of_steps_gives_tables_of_different_lengths(tmp_path):
    text = 'scenario = "four-sectors"\nset = {capacity = 10}\n[factors]\nsteps = [4, 9, 4]\n'.replace(", 4]", "]")
    make(text + '[replications]\ncount = 2\n[collect]\nsteps = "all"', tmp_path / "out")
    steps = pd.read_parquet(tmp_path / "out" / "steps.parquet")
    assert steps.groupby(["point", "replication"]).size().tolist() == [4, 4, 9, 9]
    seed = int(steps["seed"].iloc[-1])
    expected = simulate(Scenario.load("four-sectors").replace(capacity=10, steps=9), seed, collect="light").steps
    mine = steps.tail(9).drop(columns=KEYS).reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, expected.reset_index(), check_exact=True)


@pytest.mark.parametrize("name", ["firms.csv", "firms.pq", "FIRMS.PARQUET"])
def test_every_run_starts_from_the_firm_table(tmp_path, name):
    table = pd.DataFrame({"sector": ["enterprise", "search"][:1] * 3, "strategy": "balanced", "T": [1.0, 2.0, 3.0]})
    if name.endswith("csv"):
        table.to_csv(tmp_path / name, index=False)
    else:
        table.to_parquet(tmp_path / name)
    text = f'scenario = "four-sectors"\nfirms = "{name}"\nset = {{capacity = 20}}\n[factors]\nsteps = [5, 8]\n'
    make(design_of(text + "[replications]\ncount = 2\n[collect]\nfirms = true", tmp_path), tmp_path / "out")
    make(design_of(text + "[replications]\ncount = 2", tmp_path), tmp_path / "together")
    outcomes = pd.read_parquet(tmp_path / "out" / "outcomes.parquet")
    assert tables_of(tmp_path / "out")["outcomes"] == tables_of(tmp_path / "together")["outcomes"]
    for _, row in outcomes.iterrows():
        scenario = Scenario.load("four-sectors").replace(capacity=20, steps=[5, 8][row["point"]])
        expected = simulate(scenario, row["seed"], firms=tmp_path / name, collect="light").outcomes
        pd.testing.assert_series_equal(row.drop(KEYS), expected, check_names=False, check_exact=True)


def test_equal_points_are_run_once_and_are_in_every_row(tmp_path):
    (tmp_path / "points.csv").write_text("churn\n0.5\n0.25\n0.5\n")
    text = small("", 2, 'method = "list"\nfile = "points.csv"')
    executor = InProcess()
    assert make(design_of(text, tmp_path), tmp_path / "out", executor) == 4
    for name in ("outcomes", "steps", "lives"):
        table = pd.read_parquet(tmp_path / "out" / f"{name}.parquet")
        first, again = (table[table["point"] == point].drop(columns="point").reset_index(drop=True) for point in (0, 2))
        pd.testing.assert_frame_equal(first, again, check_exact=True)
        assert len(first) and not first.equals(table[table["point"] == 1].drop(columns="point").reset_index(drop=True))
    assert load_sweep(tmp_path / "out").outcomes["churn"].tolist() == [0.5, 0.5, 0.25, 0.25, 0.5, 0.5]
    assert make(design_of(text, tmp_path), tmp_path / "out", executor) == 0
