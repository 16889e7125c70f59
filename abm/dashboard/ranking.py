"""The largest firms of a market, as a table of text."""

import numpy as np

from abm.agents.firm import read
from abm.dashboard.watched import WatchedMarket
from abm.market.arrays import FIRM

LARGEST = 10


def largest_firms(market: WatchedMarket) -> list[dict[str, str]]:
    """The ten firms with the largest shares of their sectors, as rows of text."""
    with market.lock:
        slots = np.flatnonzero(market.market.state.firms[FIRM.B] > 0.0)
        share = read(market, "share", slots)
        order = np.argsort(-share, kind="stable")[:LARGEST]
        columns = {
            name: read(market, name, slots[order])
            for name in ("unique_id", "name", "sector", "strategy", "age", "T", "C", "R")
        }
    return [
        {
            "firm": str(columns["name"][place] or f"firm {columns['unique_id'][place]}"),
            "sector": str(columns["sector"][place]),
            "strategy": str(columns["strategy"][place]),
            "age": f"{columns['age'][place]:,}",
            "share": f"{100.0 * share[order][place]:.2f}%",
            **{x: f"{columns[x][place]:.3g}" for x in "TCR"},
        }
        for place in range(len(order))
    ]
