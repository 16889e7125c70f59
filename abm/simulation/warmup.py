"""Kernels compiled, or loaded, before there is work for them: once for all commands."""

from collections.abc import Callable
from functools import lru_cache

from abm.market.aggregate import recompute_bases
from abm.numerics.compilation import CACHE_FOLDER, COLD_SECONDS, is_cold
from abm.scenario.scenario import Scenario
from abm.simulation.market import Market
from abm.simulation.simulate import simulate

NO_CACHE = "no folder for compiled code can be written; set NUMBA_CACHE_DIR or XDG_CACHE_HOME to one that can"


def compile_if_cold(say: Callable[[str], None], many: bool = True) -> None:
    """Compile the kernels, with a message, if a command would otherwise have to.

    Without a cache nothing is compiled here, because it would help this process only; the message says what helps.
    `many` is false for a command that makes one run and needs no kernel of many.
    """
    if many:
        import abm.market.whole_run  # noqa: F401  kernels that are imported are those that must be there
    if CACHE_FOLDER is None:
        say(f"each process compiles anew, about {COLD_SECONDS} s: {NO_CACHE}")
    elif is_cold():
        say(f"compiling once for {'all commands' if many else 'all single runs'}, about {COLD_SECONDS} s")
        warm_up(many)


@lru_cache(maxsize=1)
def warm_up(many: bool = True) -> None:
    """Load or compile the kernels, so that their time does not count as a run's."""
    small = Scenario(capacity=4, steps=2)
    for threads in (1, 2):
        simulate(small, threads=threads)
    if many:
        from abm.simulation.simulate_many import simulate_many

        simulate_many([small], [0])
    recompute_bases(Market(small, 0).state, 0)  # which changes by hand need
