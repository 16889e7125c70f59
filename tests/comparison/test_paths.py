"""Paths over runs: against NumPy and brute force; intervals of the median cover it; when groups part."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abm.comparison.tables.paths import divergences, path_statistics, trajectories


def runs_with(steps: pd.DataFrame, kept: bool = True) -> SimpleNamespace:
    """What `trajectories` asks of runs."""
    names = [name for name in steps if name not in ("group", "pair", "block", "length", "step")]

    def table(name, columns):
        return steps[["group", "pair", "block", "length", *columns]]

    frame = pd.DataFrame(columns=names)
    return SimpleNamespace(
        factor_columns=lambda group: {}, by=(), frame=frame, table=table, left_out=lambda name: None if kept else "no"
    )


def some_steps(generator, groups=("a", "b"), runs: int = 11, length: int = 6) -> pd.DataFrame:
    frames = []
    for index, group in enumerate(groups):
        columns = {"group": group, "pair": np.repeat(np.arange(runs), length), "length": length}
        columns |= {"block": columns["pair"], "step": np.tile(np.arange(1, length + 1), runs)}
        for name in ("mean_T", "sector_hhi", "share_first", "share_second", "firms"):
            columns[name] = generator.normal(index, 1.0, runs * length)
        frames.append(pd.DataFrame(columns))
    steps = pd.concat(frames, ignore_index=True)
    return steps.assign(group=steps["group"].astype("category"))


def test_paths_are_quantiles_over_runs_at_each_step():
    steps = some_steps(np.random.default_rng(1))
    paths = trajectories(runs_with(steps.sample(frac=1.0, random_state=2)))
    assert list(paths)[:6] == ["group", "measure", "step", "median", "low", "high"]
    assert set(paths.measure) == {"mean_T", "sector_hhi", "share_first", "share_second"}
    assert len(paths) == 2 * 4 * 6
    for (group, measure, step), row in paths.set_index(["group", "measure", "step"]).iterrows():
        values = steps[(steps.group == group) & (steps.step == step)][measure]
        assert row[["q10", "median", "q90"]].tolist() == pytest.approx(np.quantile(values, [0.1, 0.5, 0.9]).tolist())
        assert row.q10 <= row.low <= row["median"] <= row.high <= row.q90 or row.n < 15


def test_runs_without_a_value_are_left_out_of_a_step():
    values = np.random.default_rng(3).normal(size=(9, 4))
    values[2, 1] = values[5, 1] = np.nan
    values[:, 3] = np.nan
    path = path_statistics(values, np.arange(9))
    assert path["n"].tolist() == [9, 7, 9, 0]
    assert path["median"][:3] == pytest.approx(np.nanmedian(values[:, :3], axis=0))
    for name in ("median", "low", "high", "q10", "q90"):
        assert np.isnan(path[name][3])


@pytest.mark.parametrize(("runs", "per_block"), [(30, 1), (200, 1), (200, 4)])
def test_intervals_cover_the_median(runs, per_block):
    generator = np.random.default_rng(runs + per_block)
    blocks = np.repeat(np.arange(runs // per_block), per_block)
    # Each column is a sample of its own: skewed, and within a block alike.
    shared = generator.normal(size=(runs // per_block, 2000))[blocks]
    own = generator.normal(size=(runs, 2000))
    path = path_statistics(np.exp(shared + (0.5 if per_block > 1 else 1.0) * own), blocks)
    covered = ((path["low"] <= 1.0) & (path["high"] >= 1.0)).mean()
    assert 0.93 <= covered <= 0.975
    if per_block > 1:  # taken for independent they would cover it too seldom
        naive = path_statistics(np.exp(shared + 0.5 * own), np.arange(runs))
        assert ((naive["low"] <= 1.0) & (naive["high"] >= 1.0)).mean() < 0.85


def test_the_interval_of_independent_runs_is_nearly_the_binomial_one():
    values = np.arange(1.0, 201.0)[:, np.newaxis]
    path = path_statistics(values, np.arange(200))
    low, high = stats.binom.ppf([0.025, 0.975], 200, 0.5)
    assert path["low"][0] == pytest.approx(low, abs=1.5) and path["high"][0] == pytest.approx(high + 1, abs=1.5)


def test_one_run_has_a_path_and_no_interval():
    path = path_statistics(np.array([[1.0, 2.0]]), np.zeros(1, int))
    assert path["median"].tolist() == [1.0, 2.0] and np.isnan(path["low"]).all() and np.isnan(path["high"]).all()


def brute_force(low, high, other_low, other_high):
    """The first step from which two bands are apart at all steps, with the same one above."""
    for first in range(len(low)):
        if all(other_low[t] > high[t] for t in range(first, len(low))):
            return first
        if all(other_high[t] < low[t] for t in range(first, len(low))):
            return first
    return None


def test_groups_part_where_every_later_band_is_apart():
    generator = np.random.default_rng(4)
    parted = 0
    for _ in range(80):
        frames, bands = [], {}
        for group, drift in (("a", 0.0), ("b", generator.choice([-0.4, 0.0, 0.4]))):
            middle = drift * np.arange(8) + generator.normal(0, 0.4, 8)
            bands[group] = middle - 0.5, middle + 0.5
            columns = {"group": group, "measure": "m", "step": np.arange(10, 18), "q10": bands[group][0]}
            columns |= {"q90": bands[group][1], "low": middle - 0.1, "high": middle + 0.1}
            frames.append(pd.DataFrame(columns))
        found = divergences(pd.concat(frames)).iloc[0]
        index = brute_force(*bands["a"], *bands["b"])
        assert pd.isna(found.step) if index is None else found.step == 10 + index
        if index is not None:
            parted += 1
            assert found.higher == ("b" if bands["b"][0][-1] > bands["a"][1][-1] else "a")
            assert found.step_median <= found.step
    assert 10 < parted < 70


def test_a_market_that_is_empty_at_the_end_parts_from_none():
    columns = {"measure": "m", "step": [1, 2], "low": [0.0, np.nan], "high": [1.0, np.nan]}
    one = pd.DataFrame(columns | {"group": "a"}).assign(q10=lambda f: f.low, q90=lambda f: f.high)
    two = one.assign(group="b", low=5.0, high=6.0, q10=5.0, q90=6.0)
    found = divergences(pd.concat([one, two])).iloc[0]
    assert pd.isna(found.step) and pd.isna(found.step_median) and found.higher is None


def test_runs_that_kept_no_steps_have_an_empty_table():
    paths = trajectories(runs_with(pd.DataFrame(), kept=False))
    assert paths.empty and list(paths)[:6] == ["group", "measure", "step", "median", "low", "high"]
    assert divergences(paths).empty


def test_a_long_path_is_thinned_to_values_of_the_whole(monkeypatch):
    runs = runs_with(some_steps(np.random.default_rng(5), length=40))
    whole = trajectories(runs)
    monkeypatch.setattr("abm.comparison.tables.survival.MOST_STEPS", 9)
    few = trajectories(runs)
    assert few.groupby(["group", "measure"], observed=True).size().unique().tolist() == [9]
    both = few.merge(whole, on=["group", "measure", "step"], suffixes=("", "_whole"))
    assert len(both) == len(few) and both["median"].equals(both["median_whole"])
