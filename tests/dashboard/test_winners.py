"""Who gained from whom, and why: against the engine's own attractiveness and the result of the same run."""

import numpy as np
import pytest

from abm import simulate
from abm.dashboard import winners
from abm.market.firms import FIRM
from tests.watching import market_of


def test_what_gainers_have_of_losers_sums_to_their_gains_and_to_the_losses():
    for seed in range(20):
        shares = np.random.default_rng(seed).dirichlet(np.ones(5), size=2)
        change = shares[1] - shares[0]
        pairs = winners.exchanged(change)
        np.testing.assert_allclose(pairs.sum(axis=1), np.maximum(change, 0.0), atol=1e-12)
        np.testing.assert_allclose(pairs.sum(axis=0), np.maximum(-change, 0.0), atol=1e-12)
    assert (winners.exchanged(np.zeros(4)) == 0.0).all()


@pytest.mark.parametrize("change", [None, {"name": "open", "step": 10, "network_effect": 0.9}])
def test_the_parts_sum_to_the_engines_attractiveness_against_the_mean_of_the_sector(change):
    market = market_of(made=25, capacity=80, changes=[change] if change else [])
    state = market.market.state.firms
    sectors = np.repeat(np.arange(4), market.market.layout.slots)
    living = state[FIRM.B] > 0
    rows = winners.leaders(market)
    for row in rows:
        place = market.market.sector_names.index(row["sector"])
        own = living & (sectors == place)
        logs = np.log(state[FIRM.attractiveness, own])
        assert row["A"] == pytest.approx(np.log(state[FIRM.attractiveness, row["slot"]]) - logs.mean(), abs=1e-9)
        assert row["A"] == pytest.approx(row["C"] + row["Q"] + row["B"], abs=1e-12)
        strategy = market.market.strategy_names.index(row["strategy"])
        assert state[FIRM.B, row["slot"]] == state[FIRM.B, own & (state[FIRM.strategy] == strategy)].max()
    pairs = market.firms.groupby(["sector", "strategy"]).ngroups
    assert len(rows) == pairs


def test_the_table_of_gains_has_the_changes_of_the_same_run_and_says_how_they_are_worked_out():
    market = market_of(made=30, capacity=80)
    sectors = simulate(market.scenario.replace(steps=30), seed=3).sectors
    names = market.market.strategy_names
    tables = [sectors[sectors["step"] == step].set_index("sector") for step in (10, 30)] if "step" in sectors else [
        sectors.loc[step].set_index("sector") for step in (10, 30)
    ]  # fmt: skip
    before, now = (100.0 * table[[f"share_{name}" for name in names]].to_numpy() for table in tables)
    text = winners.gains_table(market, np.vstack([before[:1], before]), np.vstack([now[:1], now]), 10)
    for change in (now - before)[0]:
        assert f">{winners.signed(change)}</td>" in text
    text = winners.gains_table(market, now, now - 0.01, 10)
    assert "since step 10" in text and " from " in text and "−0.0" not in text and "+0.0" not in text


def test_names_are_not_read_as_html_and_an_empty_market_is_said():
    market = market_of(made=30, capacity=20, runway=0.5, k1=0.0, k2=0.0, R0=0.1, entry_rate=0.0)
    assert winners.leaders(market) == []
    nothing = np.full((5, 5), np.nan)
    assert "no firm is left" in winners.gains_table(market, nothing, nothing, 0)
    assert "<tbody></tbody>" in winners.leaders_table(market, [])
    row = {"sector": "s", "strategy": "balanced", "slot": 0, "firm": "<b>", "share": 0.5, "C": 1.0, "Q": 0.0, "B": 0.0}
    assert "&lt;b&gt;" in winners.leaders_table(market, [row | {"A": 1.0}])
