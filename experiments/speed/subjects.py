"""The markets that are timed: this package's and its peers'."""

import importlib.util
import time

from abm import MarketModel, simulate_many
from abm.simulation.market import Market
from experiments.peers import MesaMarket, NaiveMarket, NumpyMarket
from experiments.speed import worker
from experiments.speed.turns import Candidate
from experiments.speed.worker import BARE

STEADY = "abm in its steady state, 1 thread"
HAS_JAX = importlib.util.find_spec("jax") is not None


def engine(firms: int, threads: int, steps: int, *, full: bool = False, every: int = 1) -> Candidate:
    """The bare engine from its second step to its last, the growths of the last fourth included; noise on."""
    return Candidate(
        f"abm, {threads} thread{'s' * (threads > 1)}",
        firms * steps,
        lambda: worker.fresh(firms, steps, full, every, threads),
        worker.go_on,
        time.process_time if threads == 1 else time.perf_counter,
    )


def steady(firms: int) -> Candidate:
    """A market with entry, exit and review once as many firms enter as exit; its work is counted in slots."""
    return Candidate(STEADY, firms * worker.STEPS, lambda: worker.steady(firms), worker.go_on, time.process_time)


def model(firms: int, steps: int) -> Candidate:
    """The Mesa model of this package, light, with as many threads as the engine takes by itself."""

    def make() -> MarketModel:
        market = MarketModel(BARE.replace(capacity=firms), rng=0, collect="light")
        market.step()
        return market

    def go(market: MarketModel) -> None:
        for _ in range(steps):
            market.step()

    return Candidate("MarketModel", firms * steps, make, go)


def engine_step_by_step(firms: int, steps: int) -> Candidate:
    """The engine as the model drives it: without an end, a call a step, its rows read at each."""

    def make() -> Market:
        market = Market(BARE.replace(capacity=firms), 0, full=False, every=0, steps=None)
        market.advance(1)
        return market

    def go(market: Market) -> None:
        for step in range(2, steps + 2):
            market.advance(step)

    return Candidate("engine", firms * steps, make, go)


def many(runs: int, firms: int, steps: int, threads: int) -> Candidate:
    """`simulate_many`, outcomes only."""
    scenario = BARE.replace(capacity=firms, steps=steps)
    return Candidate(
        "simulate_many",
        runs * firms * steps,
        lambda: None,
        lambda _: simulate_many([scenario], range(runs), every=0, threads=threads),
    )


def numpy_peer(firms: int, steps: int) -> Candidate:
    """The NumPy formulation, one thread."""
    return _numpy("NumPy", NumpyMarket, firms, steps)


def naive_peer(firms: int, steps: int) -> Candidate:
    """NumPy as one writes it in an afternoon: six statistics, no exits, one thread."""
    return _numpy("naive NumPy", NaiveMarket, firms, steps)


def _numpy(name: str, kind: type[NumpyMarket | NaiveMarket], firms: int, steps: int) -> Candidate:
    """A market from its second step to its last."""

    def make() -> NumpyMarket | NaiveMarket:
        market = kind(firms)
        market.run(1)
        return market

    return Candidate(name, firms * steps, make, lambda market: market.run(steps), time.process_time)


def mesa_peer(firms: int, steps: int) -> Candidate:
    """Mesa agents with a step method each."""

    def go(market: MesaMarket) -> None:
        for _ in range(steps):
            market.step()

    return Candidate("Mesa objects", firms * steps, lambda: MesaMarket(firms), go, time.process_time)


def jax_peer(firms: int, steps: int) -> Candidate:
    """JAX on all cores; what it compiles is compiled before the clock starts, for it compiles twice."""
    from experiments.peers.jax_market import JaxMarket

    market = JaxMarket(firms)

    def make() -> JaxMarket:
        market.run(steps)
        return market

    market.run(steps)
    return Candidate("JAX", firms * steps, make, lambda market: market.run(steps))
