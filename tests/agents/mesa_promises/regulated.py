"""An agent and a model of a user's own."""

import mesa

from abm import MarketModel
from tests.mesa_view import BUSY


def number_of_firms(model):
    return len(model.agents)


def times(firm, factor):
    return factor * firm.T


class Regulator(mesa.Agent):
    """An agent of a user's own."""

    def __init__(self, model, limit=0.1):
        super().__init__(model)
        self.limit = limit
        self.seen = []

    def step(self):
        self.seen.append(self.model.top_share)


class Regulated(MarketModel):
    """A model of a user's own."""

    def __init__(self, scenario=BUSY, limit=0.1, **kwargs):
        super().__init__(scenario, **kwargs)
        self.limit = limit
        Regulator(self, limit)
        self.datacollector = mesa.DataCollector(
            {"hhi": "hhi", "entries": "entries", "limit": "limit", "firms": number_of_firms},
            {"T": "T", "twice": [times, [2]]},
            {Regulator: {"limit": "limit"}},
            {"notes": ["step", "note"]},
        )

    def step(self):
        super().step()
        self.agents_by_type[Regulator].do("step")
        self.datacollector.collect(self)
