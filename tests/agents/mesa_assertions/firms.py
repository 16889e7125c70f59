"""Markets of ten firms, agents of a user's own and functions, for the assertions of Mesa's tests."""

import mesa

from abm import InputError, MarketModel, Scenario

REFUSED = (InputError, AttributeError)
TEN = Scenario(name="ten", capacity=10, initial_firms=10, steps=60, runway=float("inf"))


def ten_firms(**arguments) -> MarketModel:
    return MarketModel(TEN, rng=3, **arguments)


def by_id(firm):
    return firm.unique_id


def is_late(firm):
    return firm.unique_id > 4


def mean(values):
    return sum(values) / len(values)


class Observer(mesa.Agent):
    """An agent of a user's own."""

    def __init__(self, model, limit=0.0, note=None):
        super().__init__(model)
        self.limit, self.note = limit, note
        self.age = 0

    def step(self):
        self.age += 1
        self.limit += 1.0


class Auditor(Observer):
    """Another, whose class is below the first one's."""


class Broker(Observer):
    """A third."""
