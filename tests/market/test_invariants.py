"""What holds in every market: balances, shares, numbering, and measures that follow from the firms as they stand."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abm import simulate
from tests.markets import changing, scenarios

STATE = ["T0", "C0", "R0", "k1", "k2", "k3", "theta", "omega", "T", "C", "P", "R", "Q", "B", "R_smoothed", "R_reviewed"]
some_runs = given(scenario=scenarios(), seed=st.integers(0, 2**63 - 1))
quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def names_of(scenario):
    return [strategy.name for strategy in scenario.strategies]


def rows_of(result):
    """The market's rows and each sector's, in order of steps."""
    yield result.steps
    for _, rows in result.sectors.groupby("sector", sort=False):
        yield rows.set_index("step")


def close(one, other):
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


# ------------------------------------------------------------------------------------------ shares and state


@quick
@some_runs
def test_shares_of_strategies_and_of_sectors_sum_to_one_where_firms_live(scenario, seed):
    result = simulate(scenario, seed)
    for rows in rows_of(result):
        shares = rows[[f"share_{name}" for name in names_of(scenario)]]
        living = rows["firms"] > 0
        close(shares[living].sum(axis=1), 1.0)
        assert shares[~living].isna().all(axis=None)
        assert (rows[[f"firms_{name}" for name in names_of(scenario)]].sum(axis=1) == rows["firms"]).all()
    if len(result.firms):
        close(result.firms.groupby("sector")["share"].sum(), 1.0)


@quick
@some_runs
def test_living_firms_have_funds_and_a_finite_state_within_its_bounds(scenario, seed):
    result = simulate(scenario, seed, panel=1)
    firms, panel = result.firms, result.panel
    assert np.isfinite(firms[STATE].to_numpy()).all()
    for funds in (firms["F"], panel["F"]):
        assert np.isinf(funds).all() if math.isinf(scenario.runway) else np.isfinite(funds).all()
        assert (funds >= 0.0).all()
        assert (funds <= scenario.funds_cap * scenario.runway).all()
    assert firms["theta"].between(0.05, 0.95).all()
    assert firms["omega"].between(0.05, 0.95).all()
    assert panel["theta"].between(0.05, 0.95).all()
    assert panel[["T", "C"]].to_numpy().min(initial=1.0) >= 1e-6
    assert firms["Q"].min() >= 1e-6 or firms.empty
    assert firms["P"].min() >= 0.0 or firms.empty
    assert panel["B"].min() >= 1e-9 or panel.empty
    assert firms[["T", "C", "P", "Q"]].to_numpy().max(initial=0.0) <= 1e9
    assert set(firms["direction"]) <= {-1, 1}
    assert (firms["age"] <= scenario.steps).all()


@quick
@some_runs
def test_measures_stay_within_what_they_can_be(scenario, seed):
    for rows in rows_of(simulate(scenario, seed)):
        rows = rows[rows["firms"] > 0]
        n = rows["firms"]
        slack = 1e-9
        assert rows["hhi"].between(1e4 / n - slack, 1e4 + slack).all()
        assert rows["top_share"].between(1.0 / n - slack, 1.0 + slack).all()
        assert rows["cr4"].between(np.minimum(4.0 / n, 1.0) - slack, 1.0 + slack).all()
        assert rows["entropy"].between(-slack, np.log(n) + slack).all()
        assert rows["gini"].between(-slack, 1.0 - 1.0 / n + slack).all()
        assert rows["instability"].between(0.0, 1.0 + slack).all()
        for name in ("mean_stress", "virtuous", "virtuous_share"):
            assert rows[name].between(-slack, 1.0 + slack).all()
        assert rows["mean_innovation_speed"].between(0.0, 1.0 + slack).all()
        assert rows["leader_changed"].isin([0, 1]).all() and rows["best_quality_changed"].isin([0, 1]).all()
        for x in "TCRQ" + ("" if math.isinf(scenario.runway) else "F"):
            assert (rows[f"q10_{x}"] <= rows[f"q50_{x}"]).all()
            assert (rows[f"q50_{x}"] <= rows[f"q90_{x}"]).all()
            assert (rows[f"sd_{x}"] >= 0.0).all()


# ------------------------------------------------------------------------------------------ counts and lives


@quick
@some_runs
def test_counts_balance_at_each_step(scenario, seed):
    result = simulate(scenario, seed, panel=1)
    start = result.panel[result.panel.step == 0]
    before = [scenario.initial_firms] + [(start.sector == sector.name).sum() for sector in scenario.sectors]
    assert sum(before[1:]) == scenario.initial_firms
    for first, rows in zip(before, rows_of(result), strict=True):
        earlier = rows["firms"].shift(1, fill_value=first)
        assert (earlier + rows["entries"] - rows["exits"] == rows["firms"]).all()
        assert (rows["diverged"] <= rows["exits"]).all()
    counts = ["firms", "entries", "exits", "diverged"] + [f"firms_{name}" for name in names_of(scenario)]
    by_step = result.sectors.groupby("step")[counts].sum()
    assert by_step.to_numpy().tolist() == result.steps[counts].to_numpy().tolist()
    assert (result.steps["firms"] <= scenario.capacity).all()
    assert len(result.firms) == result.steps["firms"].iloc[-1]
    assert (
        result.panel.groupby("step").size().reindex(result.steps.index, fill_value=0).tolist()
        == result.steps["firms"].tolist()
    )


@quick
@some_runs
def test_ids_are_unique_and_entrants_are_numbered_by_step_then_slot(scenario, seed):
    result = simulate(scenario, seed)
    firms, lives = result.firms, result.lives
    assert lives["id"].tolist() == list(range(len(lives)))
    assert lives["entry_step"].is_monotonic_increasing
    assert (lives["entry_step"] == 0).sum() == scenario.initial_firms
    assert firms["id"].is_monotonic_increasing
    assert firms["id"].is_unique
    assert firms["slot"].is_unique
    assert firms["slot"].between(0, scenario.capacity - 1).all()
    entry_step = scenario.steps - firms["age"]
    assert (
        firms.assign(entry_step=entry_step).sort_values(["entry_step", "slot"])["id"].tolist() == firms["id"].tolist()
    )
    order = [sector.name for sector in scenario.sectors]  # a sector's slots lie side by side
    assert firms.sort_values("slot")["sector"].map(order.index).is_monotonic_increasing


@quick
@some_runs
def test_lives_agree_with_steps_and_with_the_firms_that_live(scenario, seed):
    result = simulate(scenario, seed, panel=1)
    lives, steps, firms = result.lives, result.steps, result.firms
    for name, sector in (("exits", None), ("diverged", None), *(("exits", each.name) for each in scenario.sectors)):
        left = lives[lives.exit_step.notna() & ((lives.reason == "diverged") | (name == "exits"))]
        rows = steps if sector is None else result.sectors[result.sectors.sector == sector].set_index("step")
        left = left if sector is None else left[left.sector == sector]
        assert left.groupby("exit_step").size().reindex(rows.index, fill_value=0).tolist() == rows[name].tolist()
    entered = lives[lives.entry_step > 0].groupby("entry_step").size()
    assert entered.reindex(steps.index, fill_value=0).tolist() == steps["entries"].tolist()
    living = lives[lives.exit_step.isna()]
    assert living["id"].tolist() == firms["id"].tolist()
    assert living["reason"].isna().all()
    assert living["sector"].tolist() == firms["sector"].tolist()
    assert living["strategy"].tolist() == firms["strategy"].tolist()
    assert (scenario.steps - living["entry_step"]).tolist() == firms["age"].tolist()
    left = lives[lives.exit_step.notna()]
    assert left["reason"].isin(["failed", "diverged"]).all()
    assert (left["exit_step"] > left["entry_step"]).all()
    assert lives["peak_share"].between(0.0, 1.0, inclusive="right").all()
    # the panel has every firm at every step's end: the largest share of its sector is its peak
    panel = result.panel
    share = panel["B"] / panel.groupby(["step", "sector"])["B"].transform("sum")
    peak = share.groupby(panel["id"]).max()
    close(lives.set_index("id")["peak_share"].loc[peak.index], peak)


@quick
@some_runs
def test_survival_and_peak_follow_from_lives_and_steps(scenario, seed):
    result = simulate(scenario, seed)
    initial = result.lives[result.lives.entry_step == 0]
    assert result.outcomes["survival"] == pytest.approx(initial["exit_step"].isna().mean())
    firms = pd.concat([pd.Series({0: scenario.initial_firms}), result.steps["firms"]])
    assert (result.outcomes["peak_firms"], result.outcomes["peak_step"]) == (firms.max(), firms.idxmax())
    window = result.steps.tail(math.ceil(scenario.steps / 4))
    for name in result.steps:
        assert result.outcomes[name] == pytest.approx(window[name].mean(), rel=1e-9, abs=1e-9, nan_ok=True), name


# ------------------------------------------------------------------------------------------ measures from the firms


def measures(firms, scenario):
    """The measures that a final state determines, from the definitions and by pandas alone."""
    strategies = names_of(scenario)
    if firms.empty:
        return {"firms": 0} | {f"firms_{name}": 0 for name in strategies}
    s = firms["B"] / firms["B"].sum()
    lead = (firms["T"] / firms["T0"] - 1.0).clip(lower=0.0)
    speed = 1.0 / (1.0 + scenario.innovation_drag * lead)
    stress = (1.0 - firms["F"] / scenario.runway).clip(0.0, 1.0) if math.isfinite(scenario.runway) else 0.0 * s
    virtuous = ((firms["T"] > firms["T0"]) & (firms["C"] > firms["C0"]) & (firms["R"] > firms["R0"])).astype(float)
    B = firms["B"].to_numpy()
    row = {
        "firms": len(firms),
        "hhi": 1e4 * (s**2).sum(),
        "cr4": s.nlargest(4).sum(),
        "top_share": s.max(),
        "entropy": -(s * np.log(s)).sum(),
        # half the mean absolute difference of all pairs, relative to the mean
        "gini": np.abs(B[:, None] - B[None, :]).mean() / (2.0 * B.mean()),
        "mean_theta": firms["theta"].mean(),
        "mean_omega": firms["omega"].mean(),
        "mean_stress": stress.mean(),
        "mean_innovation_speed": speed.mean(),
        "virtuous": virtuous.mean(),
        "virtuous_share": (s * virtuous).sum(),
        "mean_loop_gain": firms[["k1", "k2", "k3", "T0", "C0", "R0"]].prod(axis=1).mean(),
    }
    row |= {f"weighted_{x}": (s * firms[x]).sum() for x in "TCR"}
    for x in "TCRQ" + ("F" if math.isfinite(scenario.runway) else ""):
        row |= {f"mean_{x}": firms[x].mean(), f"sd_{x}": firms[x].std(ddof=0)}
        row |= {f"q{q}_{x}": firms[x].quantile(q / 100) for q in (10, 50, 90)}
    row |= {f"share_{name}": s[firms.strategy == name].sum() for name in strategies}
    return row | {f"firms_{name}": (firms.strategy == name).sum() for name in strategies}


CHANGES = {
    "entries", "exits", "diverged", "instability", "leader_changed", "best_quality_changed", "frontier", "demand",
    "sector_hhi",
}  # fmt: skip


def assert_row_follows(row, firms, scenario):
    expected = measures(firms, scenario)
    for name in set(row.index) - CHANGES - {"step", "sector"}:
        if name in expected:
            assert row[name] == pytest.approx(expected[name], rel=1e-9, abs=1e-9), name
        else:
            assert math.isnan(row[name]), name


@quick
@some_runs
def test_the_last_rows_follow_from_the_firms_that_live(scenario, seed):
    result = simulate(scenario, seed)
    firms = result.firms
    assert_row_follows(result.steps.iloc[-1], firms, scenario)
    last = result.sectors[result.sectors.step == scenario.steps].set_index("sector")
    for sector in scenario.sectors:
        members = firms[firms.sector == sector.name]
        assert_row_follows(last.loc[sector.name], members, scenario)
        close(members["share"], members["B"] / members["B"].sum())
    served = last[last["firms"] > 0]
    expected = (served["hhi"] * served["demand"]).sum() / served["demand"].sum() if len(served) else math.nan
    assert result.steps["sector_hhi"].iloc[-1] == pytest.approx(expected, rel=1e-9, nan_ok=True)


@quick
@some_runs
def test_instability_and_changes_of_the_leader_follow_from_the_panel(scenario, seed):
    result = simulate(scenario, seed, panel=1)
    # A vacated slot fills a step later at the earliest, so a firm stands for its slot.
    for sector in (None, *(each.name for each in scenario.sectors)):
        panel = result.panel if sector is None else result.panel[result.panel.sector == sector]
        rows = result.steps if sector is None else result.sectors[result.sectors.sector == sector].set_index("step")
        bases = panel.pivot_table(index="step", columns="id", values="B").reindex(range(scenario.steps + 1)).fillna(0.0)
        shares = bases.div(bases.sum(axis=1), axis=0).fillna(0.0)
        close(rows["instability"], 0.5 * shares.diff().abs().sum(axis=1).iloc[1:])
        for step in range(1, scenario.steps + 1):
            if bases.shape[1] == 0 or step == 1 or shares.loc[step].sum() == 0.0 or shares.loc[step - 1].sum() == 0.0:
                assert rows.loc[step, "leader_changed"] == 0
                continue
            now, before = (shares.loc[each].nlargest(2) for each in (step, step - 1))
            if all(top.size == 1 or top.iloc[0] > top.iloc[1] * (1.0 + 1e-9) for top in (now, before)):
                assert rows.loc[step, "leader_changed"] == (now.index[0] != before.index[0])


@quick
@some_runs
def test_changes_of_the_best_quality_and_the_frontier_follow_from_the_panel(scenario, seed):
    result = simulate(scenario, seed, panel=1)
    for sector in (None, *(each.name for each in scenario.sectors)):
        panel = result.panel if sector is None else result.panel[result.panel.sector == sector]
        rows = result.steps if sector is None else result.sectors[result.sectors.sector == sector].set_index("step")
        # ids do not run with slots, so that a tie is left out
        best = {
            step: firms["id"].to_numpy()[firms["Q"] == firms["Q"].max()].tolist()
            for step, firms in panel.groupby("step")
        }
        for step in range(1, scenario.steps + 1):
            now, before = best.get(step, []), best.get(step - 1, [])
            if step == 1 or not now or not before:
                assert rows.loc[step, "best_quality_changed"] == 0
            elif len(now) == len(before) == 1:
                assert rows.loc[step, "best_quality_changed"] == (now != before)
    frontier = (1.0 - scenario.frontier_growth) ** -np.arange(1.0, scenario.steps + 1)
    living = result.steps["firms"] > 0
    close(result.steps["frontier"][living], frontier[living])
    assert result.steps["frontier"][~living].isna().all()


@quick
@some_runs
def test_demand_of_each_sector_grows_from_its_share_of_the_market(scenario, seed):
    sectors = simulate(scenario, seed).sectors
    whole = sum(sector.demand_share for sector in scenario.sectors)
    for sector in scenario.sectors:
        start = scenario.market_size * sector.demand_share / whole
        grown = start * (1.0 + sector.demand_growth) ** np.arange(scenario.steps)
        close(sectors["demand"][sectors.sector == sector.name], grown)


@quick
@some_runs
def test_customers_add_up_to_demand_when_all_choose_anew(scenario, seed):
    # with churn 1 and no exit and entry at the last step, ΣB is the demand of each served sector
    still = {"entry_rate": 0.0, "runway": math.inf, "entrant_catch_up": 0.0, "demand_noise": 0.0}
    anew = {f"sectors.{sector.name}.churn": 1.0 for sector in scenario.sectors}
    result = simulate(scenario.replace(**still, **anew), seed)
    last = result.sectors[result.sectors.step == scenario.steps].set_index("sector")
    customers = result.firms.groupby("sector")["B"].sum()
    for sector, row in last.iterrows():
        if row["firms"] and not row["exits"]:
            assert customers[sector] == pytest.approx(row["demand"], rel=1e-6, abs=1e-7)


# ------------------------------------------------------------------------------------------ changes on the way

IDENTITIES = [
    test_shares_of_strategies_and_of_sectors_sum_to_one_where_firms_live,
    test_measures_stay_within_what_they_can_be,
    test_counts_balance_at_each_step,
    test_ids_are_unique_and_entrants_are_numbered_by_step_then_slot,
    test_lives_agree_with_steps_and_with_the_firms_that_live,
    test_survival_and_peak_follow_from_lives_and_steps,
    test_instability_and_changes_of_the_leader_follow_from_the_panel,
]


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: identity.__name__.removeprefix("test_"))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=changing(), seed=st.integers(0, 2**63 - 1))
def test_it_holds_where_parameters_change_on_the_way(identity, scenario, seed):
    identity.hypothesis.inner_test(scenario, seed)
