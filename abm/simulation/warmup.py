"""All kernels compiled, or loaded, before there is work for them: one compilation for all commands."""

from collections.abc import Callable
from functools import lru_cache

from abm.numerics.compilation import CACHE_FOLDER, COLD_SECONDS, is_cold
from abm.scenario.scenario import Scenario
from abm.simulation.simulate import simulate
from abm.simulation.simulate_many import simulate_many

NO_CACHE = "no folder for compiled code can be written; set NUMBA_CACHE_DIR or XDG_CACHE_HOME to one that can"


def compile_if_cold(say: Callable[[str], None]) -> None:
    """Compile the kernels, with a message, if a command would otherwise have to.

    Without a cache nothing is compiled here, because it would help this process only; the message says what helps.
    """
    if CACHE_FOLDER is None:
        say(f"each process compiles anew, about {COLD_SECONDS} s: {NO_CACHE}")
    elif is_cold():
        say(f"compiling once for all commands, about {COLD_SECONDS} s")
        warm_up()


@lru_cache(maxsize=1)
def warm_up() -> None:
    """Load or compile the kernels, so that their time does not count as a run's."""
    small = Scenario(capacity=4, steps=2)
    for threads in (1, 2):
        simulate(small, threads=threads)
    simulate_many([small], [0])
