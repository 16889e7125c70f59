"""The peers of the speed benchmark make the same market as this package: without noise they agree."""

import numpy as np
import pandas as pd
import pytest

from abm import simulate
from experiments.peers import MesaMarket, NaiveMarket, NumpyMarket, start
from experiments.speed.worker import BARE

FIRMS, STEPS = 400, 120


@pytest.fixture(scope="module")
def ours():
    """The market's measures of a run from the firms that the peers start from."""
    drawn = start(FIRMS)
    names = [sector.name for sector in BARE.sectors], [strategy.name for strategy in BARE.strategies]
    table = pd.DataFrame({name: drawn[name] for name in ("T0", "C0", "R0", "k1", "k2", "k3", "theta", "omega", "B")})
    table["sector"], table["strategy"] = np.take(names[0], drawn["sector"]), np.take(names[1], drawn["strategy"])
    scenario = BARE.replace(steps=STEPS, capacity=FIRMS, technology_noise=0.0, competitiveness_noise=0.0)
    return simulate(scenario, firms=table, collect="light").steps


def agree(ours: pd.DataFrame, theirs: dict[str, np.ndarray]) -> None:
    for name, column in theirs.items():
        if name in ours:
            np.testing.assert_allclose(ours[name], column, rtol=1e-9, atol=1e-12, err_msg=name)


def market_of(statistics: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: column if column.ndim == 1 else column[:, 0] for name, column in statistics.items()}


def test_numpy(ours):
    statistics = market_of(NumpyMarket(FIRMS, noise=False).run(STEPS))
    assert ours["exits"].sum() > 50
    assert len(set(statistics) & set(ours)) > 40
    agree(ours, statistics)


def test_jax(ours):
    # A peer of the speed benchmark alone, and none of the packages that are installed with `dev`: this is tested where
    # somebody installs it for `python -m experiments.speed`, which leaves it out as well where it is missing.
    pytest.importorskip("jax", reason="JAX is an optional peer and is not installed")
    from experiments.peers.jax_market import JaxMarket

    agree(ours, market_of(JaxMarket(FIRMS, noise=False).run(STEPS)))


def test_mesa(ours):
    market = MesaMarket(FIRMS, noise=False)
    for _ in range(STEPS):
        market.step()
    frame = market.datacollector.get_model_vars_dataframe()
    assert len(frame.columns) == 10
    agree(ours, {name: frame[name].to_numpy() for name in frame})


def test_naive_numpy_as_long_as_nobody_exits(ours):
    before_exits = int(np.argmax(ours["exits"].to_numpy() > 0))
    assert before_exits > 3
    frame = pd.DataFrame(NaiveMarket(FIRMS, noise=False).run(before_exits))
    assert len(frame.columns) == 6
    agree(ours[:before_exits], {name: frame[name].to_numpy() for name in frame})
