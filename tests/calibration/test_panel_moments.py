"""Moments of a panel beside the same in pandas, and on panels whose moments are known."""

import numpy as np
import pandas as pd
import pytest

from abm import simulate
from abm.calibration.panel_moments import MOMENTS, Panel, jackknife_errors, moments_of

NAMES = tuple(MOMENTS)


def drawn(rng: np.random.Generator, firms: int = 200, steps: int = 12, slope: float = 0.6) -> pd.DataFrame:
    """Firms whose growth and return are AR(1)s of a known slope."""
    growth, R = np.zeros((2, firms, steps))
    for step in range(1, steps):
        growth[:, step] = slope * growth[:, step - 1] + 0.1 * rng.normal(size=firms)
        R[:, step] = slope * R[:, step - 1] + rng.normal(size=firms)
    frame = pd.DataFrame({"firm": np.repeat(np.arange(firms), steps), "step": np.tile(4 * np.arange(steps), firms)})
    frame["B"], frame["R"] = np.exp(growth.cumsum(axis=1)).ravel(), R.ravel()
    return frame.assign(sector=frame["firm"] % 3)


def panel_of(frame: pd.DataFrame) -> Panel:
    return Panel(*(frame[name].to_numpy() for name in ("firm", "step", "sector", "B", "R")))


def test_moments_equal_those_of_pandas_also_with_gaps_in_any_order():
    frame = drawn(np.random.default_rng(1)).sample(frac=0.9, random_state=2)
    found = dict(zip(NAMES, moments_of(panel_of(frame), NAMES)))
    frame = frame.assign(size=frame["B"] / frame.groupby(["sector", "step"])["B"].transform("mean"))
    frame["excess"] = frame["R"] - frame.groupby(["sector", "step"])["R"].transform("mean")
    before = frame.assign(step=frame["step"] + 4)
    both = frame.merge(before, on=["firm", "step"], suffixes=("", "_0"))
    both["change"] = np.log(both["B"] / both["B_0"])
    both["growth"] = both["change"] - both.groupby(["sector", "step"])["change"].transform("mean")
    assert found["growth_sd"] == pytest.approx(both["growth"].std(ddof=0))
    lagged = both.merge(both.assign(step=both["step"] + 4), on=["firm", "step"], suffixes=("", "_1"))
    assert found["growth_autocorrelation"] == pytest.approx(lagged["growth"].corr(lagged["growth_1"]))
    assert found["chesher_slope"] == pytest.approx(np.polyfit(np.log(both["size_0"]), np.log(both["size"]), 1)[0])
    assert found["profit_persistence"] == pytest.approx(np.polyfit(both["excess_0"], both["excess"], 1)[0])
    firms = frame.groupby("step")["firm"].agg(set)
    moved = sum(len(a ^ b) for a, b in zip(firms.iloc[:-1], firms.iloc[1:]))
    assert found["churn_rate"] == pytest.approx(moved / firms.iloc[:-1].map(len).sum())
    assert found["growth_autocorrelation"] == pytest.approx(0.6, abs=0.1)


def test_size_variance_slope_finds_the_slope_that_growth_was_drawn_with():
    rng = np.random.default_rng(3)
    size = np.exp(rng.normal(size=4000))
    later = size * np.exp(0.1 * size**-0.2 * rng.normal(size=4000))
    panel = Panel(np.tile(np.arange(4000), 2), np.repeat([0, 1], 4000), np.zeros(8000, int), np.append(size, later))
    assert moments_of(panel, ("size_variance_slope",))[0] == pytest.approx(-0.2, abs=0.03)


def test_the_errors_of_moments_are_the_spread_between_samples_of_firms():
    found = [panel_of(drawn(np.random.default_rng(seed))) for seed in range(60)]
    names = ("growth_sd", "growth_autocorrelation", "profit_persistence")
    spread = np.std([moments_of(each, names) for each in found], axis=0)
    errors = np.mean([jackknife_errors(each, names) for each in found[:20]], axis=0)
    assert errors == pytest.approx(spread, rel=0.3)


def test_a_run_gives_the_same_moments_from_its_stored_panel_as_in_a_worker():
    from abm import Scenario
    from abm.calibration.worker import Wanted, runs_of

    scenario = Scenario.load("one-market").replace(capacity=60, steps=40, initial_firms=60)
    stored = simulate(scenario, 3, panel=4).panel
    kept = stored[stored["step"] >= 8]
    panel = Panel(kept["id"].to_numpy(), kept["step"].to_numpy(), np.zeros(len(kept), int), kept["B"].to_numpy(),
                  kept["R"].to_numpy())  # fmt: skip
    table = runs_of(scenario, [3], False, Wanted(moments=NAMES, steps=tuple(panel.steps.tolist())))
    assert [table[f"moments.{name}"][0].as_py() for name in NAMES] == pytest.approx(moments_of(panel, NAMES))
    assert table["firms"][0].as_py() == simulate(scenario, 3, collect="light").outcomes["firms"]
