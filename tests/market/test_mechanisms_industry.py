"""Lumps of customers, frontier cost, return noise, the moving frontier and releases: against formulas of their own."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abm import Scenario, simulate
from tests.one_step import BASE, STILL, after, near, run, within_4_se

MANY = 20_000
# Each firm attracts as many customers, so that it has 1 before a lump.
ALIKE = {"competitiveness_elasticity": 0.0, "quality_elasticity": 0.0}


def many(seed=1, steps=1, row=STILL, **changes):
    """Many equal firms after some steps."""
    firms = pd.DataFrame([row | {"theta": 0.5, "omega": 0.5}] * MANY)
    return simulate(
        Scenario().neutral().replace(capacity=MANY, steps=steps, **ALIKE, **changes), seed, firms=firms
    ).firms


@pytest.mark.parametrize(("s", "p"), [(0.12, 0.2), (0.3, 1.0), (0.2, 0.05)])
def test_lumps_have_the_moments_of_their_formula(s, p):
    B = many(demand_noise=s, demand_noise_odds=p)["B"].to_numpy()
    a, ln_B = s / math.sqrt(p), np.log(B)
    struck = ln_B != 0.0
    assert within_4_se(struck.mean(), p, max(math.sqrt(p * (1 - p) / MANY), 1e-12))
    assert stats.kstest((ln_B[struck] + a**2 / 2) / a, "norm").pvalue > 1e-4
    assert within_4_se(B.mean(), 1.0, math.sqrt(p * (math.exp(a**2) - 1) / MANY))
    # ln B is I·(aζ − a²/2): raw moments of the normal part, times p
    m, v = -(a**2) / 2, a**2
    raw = [p * each for each in (m, m**2 + v, m**3 + 3 * m * v, m**4 + 6 * m**2 * v + 3 * v**2)]
    variance = raw[1] - raw[0] ** 2
    fourth = raw[3] - 4 * raw[0] * raw[2] + 6 * raw[0] ** 2 * raw[1] - 3 * raw[0] ** 4
    assert within_4_se(ln_B.var(), variance, math.sqrt((fourth - variance**2) / MANY))
    assert stats.kurtosis(ln_B, fisher=False) == pytest.approx(fourth / variance**2, rel=0.15)  # about 3/p


def test_a_lump_is_never_wider_than_two_logarithms():
    ln_B = np.log(many(demand_noise=1.0, demand_noise_odds=0.04)["B"].to_numpy())  # 1/√0.04 is 5
    struck = ln_B[ln_B != 0.0]
    assert within_4_se(struck.std(), 2.0, 2.0 / math.sqrt(2 * len(struck)))
    assert within_4_se(struck.mean(), -2.0, 2.0 / math.sqrt(len(struck)))


@pytest.mark.parametrize("nu", [0.0, 0.2, 0.5])
def test_the_spread_of_lumps_falls_with_size_by_the_power_nu(nu):
    sizes = np.repeat([0.01, 0.1, 1.0, 10.0], MANY // 4)
    firms = pd.DataFrame([STILL] * MANY).assign(B=sizes, theta=0.5, omega=0.5)
    churn = 1e-12  # customers stay, so that sizes are those of the table
    scenario = Scenario().neutral().replace(
        capacity=MANY, steps=1, churn=churn, demand_noise=0.1, demand_noise_odds=1.0, size_dependence=nu, **ALIKE
    )  # fmt: skip
    growth = np.log(simulate(scenario, 3, firms=firms).firms["B"] / sizes)
    deviations = growth.groupby(sizes).std()
    assert np.polyfit(np.log(deviations.index), np.log(deviations), 1)[0] == pytest.approx(-nu, abs=0.01)
    assert deviations.to_numpy() == pytest.approx(0.1 * (deviations.index.to_numpy() / sizes.mean()) ** -nu, rel=0.04)


def test_the_next_step_is_attracted_by_what_a_lump_has_left():
    changes = {"demand_noise": 0.5, "demand_noise_odds": 1.0, "network_effect": 0.7, "market_size": 3.0} | ALIKE
    first = run({}, {}, {}, seed=4, **changes)
    then = run({}, {}, {}, seed=4, steps=2, demand_growth=0.0, **changes)
    appeal = first.firms["B"].to_numpy() ** 0.7
    before_lump = 3.0 * appeal / appeal.sum()
    # the lumps of the second step, from a run whose customers have not been moved by the first
    free = run({}, {}, {}, seed=4, steps=2, **(changes | {"network_effect": 0.0}))
    assert then.firms["B"].to_numpy() == pytest.approx(before_lump * free.firms["B"].to_numpy(), rel=1e-12)


def test_the_fixed_cost_grows_with_the_mean_technology_of_rivals():
    xi, w, rows = 1.5, 0.25, [{}, {"T": 3.0, "T0": 2.0, "k1": 0.3}]
    changes = {"frontier_cost": xi, "variable_cost_share": w}
    for row in after(*rows, **changes):  # at the first step the frontier is where it started
        assert row["R"] == near(row["B"] / (1 - w + w * row["B"]) * row["P"])
    start = np.mean([BASE["T"], 3.0])
    grown = np.mean([row["T"] for row in after(*rows, **changes)])
    assert grown != start
    for row in after(*rows, steps=2, **changes):
        fixed = (1 - w) * (grown / start) ** xi
        assert row["R"] == near(row["B"] / (fixed + w * row["B"]) * row["P"])


def test_return_noise_multiplies_returns_and_stops_at_zero():
    still = many()["R"].to_numpy()
    shaken = many(return_noise=0.3)["R"].to_numpy() / still - 1.0
    assert within_4_se(shaken.mean(), 0.0, 0.3 / math.sqrt(MANY))
    assert stats.kstest(shaken / 0.3, "norm").pvalue > 1e-4
    wild = many(return_noise=1.0)["R"].to_numpy()
    assert (wild >= 0.0).all()
    odds = stats.norm.cdf(-1.0)
    assert within_4_se((wild == 0.0).mean(), odds, math.sqrt(odds * (1 - odds) / MANY))


def test_quality_is_a_staircase_that_rises_at_releases():
    odds, delta, speed = 0.3, 0.1, 0.2
    changes = {"release_odds": odds, "quality_decay": delta, "optimisation_speed": speed}
    panel = simulate(
        Scenario().neutral().replace(capacity=1, steps=2000, T0=1.5, k1=0.0, **changes),
        5,
        firms=pd.DataFrame([STILL | {"T0": 1.5, "theta": 0.5, "omega": 0.5}]),
        panel=1,
    ).panel
    Q, T = panel["Q"].to_numpy(), 1.5
    kept, released = Q[:-1] - delta * Q[:-1], Q[:-1] + speed / odds * (T - Q[:-1]) - delta * Q[:-1]
    is_released = np.isclose(Q[1:], released, rtol=1e-12)
    assert (is_released | np.isclose(Q[1:], kept, rtol=1e-12)).all()
    assert within_4_se(is_released.mean(), odds, math.sqrt(odds * (1 - odds) / 2000))


def test_a_release_ships_at_most_all_that_there_is():
    (firm,) = after({"Q": 0.5}, release_odds=0.5, optimisation_speed=1.0, seed=1)  # the second draw of seed 1 is 0.25
    assert firm["Q"] == BASE["T"]


def test_the_frontier_moves_away_from_technology_and_quality():
    g = 0.2
    (still,), (left_behind,) = after({}), after({}, frontier_growth=g)
    assert left_behind["T"] == near(still["T"] * (1 - g))
    assert left_behind["Q"] == near(still["Q"] * (1 - g))
    assert (left_behind["C"], left_behind["R"]) == (still["C"], still["R"])
    steps = run({}, steps=5, frontier_growth=g).steps
    assert steps["frontier"].to_numpy() == pytest.approx(0.8 ** -np.arange(1.0, 6.0))
    far = run({}, steps=1100, frontier_growth=0.5, runway=math.inf).steps["frontier"].iloc[-1]
    assert far == pytest.approx(1e300)


def test_a_sector_has_its_own_network_effect_and_churn_or_the_markets():
    sectors = [{"name": name, "demand_share": 1.0} for name in ("a", "b")]
    base = Scenario(capacity=40, steps=20, sectors=sectors)
    own = base.replace(**{"sectors.a.network_effect": 0.9, "sectors.a.churn": 0.7})
    market = base.replace(network_effect=0.9, churn=0.7)
    results = [simulate(each, 2).sectors.set_index("sector") for each in (base, own, market)]
    pd.testing.assert_frame_equal(results[1].loc[["a"]], results[2].loc[["a"]], check_exact=True)
    pd.testing.assert_frame_equal(results[1].loc[["b"]], results[0].loc[["b"]], check_exact=True)
    assert not results[1].loc["a"].equals(results[0].loc["a"])


def test_a_return_is_bounded_where_the_frontier_cost_vanishes():
    # T̂ falls from 1e9 to its floor: the fixed cost is 1e-150 of what it was, and all cost is fixed
    firms = pd.DataFrame([STILL | {"T": 1e9, "T0": 1e-6, "theta": 0.5, "omega": 0.5}] * 2)
    scenario = Scenario().neutral().replace(capacity=2, steps=4, frontier_cost=10.0, variable_cost_share=0.0)
    result = simulate(scenario, 1, firms=firms)
    assert result.firms["R"].tolist() == [1e21, 1e21]
    assert np.isfinite(result.steps.select_dtypes("number").drop(columns=result.steps.filter(regex="_F$"))).all(
        axis=None
    )
