"""The markets that are timed: this package's and its peers'."""

import importlib.util

from abm import MarketModel, Scenario, simulate_many
from abm.simulation.market import Market
from experiments.peers import MesaMarket, NumpyMarket
from experiments.speed.turns import Candidate

# The peers know neither entry nor review.
BASE = Scenario.load("four-sectors").replace(entry_rate=0.0, review_interval=1_000_000, policy="fixed")
HAS_JAX = importlib.util.find_spec("jax") is not None


def engine(firms: int, threads: int, steps: int, *, full: bool = False, every: int = 1) -> Candidate:
    """The bare engine from its second step to its last, the growths of the last fourth included; noise on."""

    def make() -> Market:
        scenario = BASE.replace(capacity=firms, steps=steps + 1)
        market = Market(scenario, 0, full=full, every=every, steps=scenario.steps, threads=threads)
        market.advance(1)
        return market

    name = f"abm, {threads} thread{'s' * (threads > 1)}"
    return Candidate(name, firms * steps, make, lambda market: market.advance(steps + 1))


def model(firms: int, steps: int) -> Candidate:
    """The Mesa model of this package, light, with as many threads as the engine takes by itself."""

    def make() -> MarketModel:
        market = MarketModel(BASE.replace(capacity=firms), rng=0, collect="light")
        market.step()
        return market

    def go(market: MarketModel) -> None:
        for _ in range(steps):
            market.step()

    return Candidate("MarketModel", firms * steps, make, go)


def engine_step_by_step(firms: int, steps: int) -> Candidate:
    """The engine as the model drives it: without an end, a call a step, its rows read at each."""

    def make() -> Market:
        market = Market(BASE.replace(capacity=firms), 0, full=False, every=0, steps=None)
        market.advance(1)
        return market

    def go(market: Market) -> None:
        for step in range(2, steps + 2):
            market.advance(step)

    return Candidate("engine", firms * steps, make, go)


def many(runs: int, firms: int, steps: int, threads: int) -> Candidate:
    """`simulate_many`, outcomes only."""
    scenario = BASE.replace(capacity=firms, steps=steps)
    return Candidate(
        "simulate_many",
        runs * firms * steps,
        lambda: None,
        lambda _: simulate_many([scenario], range(runs), every=0, threads=threads),
    )


def numpy_peer(firms: int, steps: int) -> Candidate:
    """The NumPy formulation, one thread."""

    def make() -> NumpyMarket:
        market = NumpyMarket(firms)
        market.run(1)
        return market

    return Candidate("NumPy", firms * steps, make, lambda market: market.run(steps))


def mesa_peer(firms: int, steps: int) -> Candidate:
    """Mesa agents with a step method each."""

    def go(market: MesaMarket) -> None:
        for _ in range(steps):
            market.step()

    return Candidate("Mesa objects", firms * steps, lambda: MesaMarket(firms), go)


def jax_peer(firms: int, steps: int) -> Candidate:
    """JAX on all cores; what it compiles is compiled before the clock starts, for it compiles twice."""
    from experiments.peers.jax_market import JaxMarket

    market = JaxMarket(firms)

    def make() -> JaxMarket:
        market.run(steps)
        return market

    market.run(steps)
    return Candidate("JAX", firms * steps, make, lambda market: market.run(steps))
