"""Markets timed in a process of its own, whose `abm` may be another checkout's or compiled for another processor.

It is run as a file. Each line that it reads names a market and whether to `make` it or to `go` on with it, or asks for
its `clock`; it answers with a line when that is done: the seconds of the processor's time that it has taken by then.
"""

import sys
import time

from abm import Scenario
from abm.simulation.market import Market

STEPS_BEFORE, STEPS = 200, 100
FOUR = Scenario.load("four-sectors")
# Neither entry nor review, as in the peers.
BARE = FOUR.replace(entry_rate=0.0, review_interval=1_000_000, policy="fixed")


def fresh(firms: int, steps: int, full: bool, every: int = 1, threads: int = 1) -> tuple[Market, int]:
    """A market of its first firms after one step, and the step to go on to."""
    last = steps + 1
    market = Market(BARE.replace(capacity=firms, steps=last), 0, full=full, every=every, steps=last, threads=threads)
    market.advance(1)
    return market, last


def steady(firms: int) -> tuple[Market, int]:
    """A market with turnover, after so many steps that as many firms enter as exit."""
    last = STEPS_BEFORE + STEPS
    market = Market(FOUR.replace(capacity=firms, steps=last), 0, full=False, every=1, steps=last, threads=1)
    market.advance(STEPS_BEFORE)
    return market, last


def go_on(made: tuple[Market, int]) -> None:
    """Advance a market to its last step."""
    market, last = made
    market.advance(last)


MARKETS = {
    "fresh": lambda: fresh(10_000, 100, full=False),
    "full": lambda: fresh(100_000, 20, full=True),
    "steady": lambda: steady(10_000),
}
SLOT_STEPS = {"fresh": 10_000 * 100, "full": 100_000 * 20, "steady": 10_000 * STEPS}


def serve() -> None:
    """Answer each line of standard input."""
    made: dict[str, tuple[Market, int]] = {}
    for line in sys.stdin:
        order, name = line.split()
        if order == "make":
            made[name] = MARKETS[name]()
        elif order == "go":
            go_on(made.pop(name))
        print(time.process_time(), flush=True)


if __name__ == "__main__":
    serve()
