"""Markets as a page watches them."""

from abm.dashboard.origins import find_origin
from abm.dashboard.watched import WatchedMarket

FOUR = find_origin("four-sectors")


def market_of(made: int = 0, rng: int = 3, changed=None, **changes) -> WatchedMarket:
    market = WatchedMarket(FOUR.scenario.replace(**changes), rng=rng, origin=FOUR, changed=changed)
    for _ in range(made):
        market.step()
    return market
