"""The model that a function of the user's sees at each step of a run that `simulate` makes."""

from collections.abc import Callable
from typing import Any, NoReturn

from abm.agents.adapter import Model
from abm.agents.model import MarketModel
from abm.errors import InputError
from abm.market.measures import MARKET_LACKS, ORDER_STATISTICS
from abm.simulation.market import Market


class PresentMeasures:
    """The measures of the market at the last step, in the place of a collector: nothing is kept."""

    def __init__(self, market: Market) -> None:
        self._market = market
        lacks = MARKET_LACKS if market.full else MARKET_LACKS | ORDER_STATISTICS
        self._places = {name: place for place, name in enumerate(market.measures) if place not in lacks}
        self.model_reporters = {name: name for name in self._places}

    def last(self, name: str) -> float:
        """A measure of the market at the last step."""
        return float(self._market.record.present[0, self._places[name]])


class SteppedModel(MarketModel):
    """A `MarketModel` whose steps are made by `simulate`: the same but for a collector and for steps of its own."""

    def __init__(self, market: Market, function: Callable[[MarketModel], Any]) -> None:
        Model.__init__(self, rng=market.seed)
        self._function = function
        self._hold(market, PresentMeasures(market))

    def make_step(self, progress: Callable[[int], None] | None = None) -> None:
        """Call the user's function, then make a step."""
        self._function(self)
        self._advance(progress)

    def step(self) -> NoReturn:
        """Refused, since the run makes the steps."""
        raise InputError("model.step(): the run makes the steps; the function is called before each of them")

    def outcomes(self) -> NoReturn:
        """Refused, since the run is not over."""
        raise InputError("model.outcomes(): the outcomes of a run are known when it is over")
