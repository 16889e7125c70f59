"""The sentences of the page: the step, the kind of market, and the result of the article's equations."""

from typing import Any

from abm.dashboard.watched import WatchedMarket
from abm.equilibrium.equilibria import describe
from abm.equilibrium.text import OTHER_READINGS, in_words
from abm.output.overview import GROWTHS, STRUCTURES
from abm.scenario.scenario import Scenario


def run_in_words(market: WatchedMarket) -> str:
    """How far a run is, and its structure, growth and winner as far as it has come.

    Examples
    --------
    >>> from abm.dashboard.origins import Origin
    >>> scenario = Scenario(capacity=20, steps=40)
    >>> market = WatchedMarket(scenario, rng=1, origin=Origin("my.toml", scenario))
    >>> run_in_words(market).split(":")[0]
    'Step 0 of 40'
    """
    with market.lock:
        outcomes, scenario = market.outcomes(), market.scenario
        alive = len(market.agents)
        place = f"Step {market.steps_done:,} of {scenario.steps:,}"
    if not alive:
        return f"{place}: {STRUCTURES['collapsed']}, no firm is left."
    kind = STRUCTURES[outcomes["structure"]]
    place = f"{place}: {alive:,} firms"
    if not market.steps_done:
        return f"{place}."
    parts = [f"{kind} (HHI within sectors {outcomes['sector_hhi']:,.0f})"]
    if isinstance(outcomes["growth"], str):
        parts.append(f"{GROWTHS[outcomes['growth']]} (R weighted by customers {outcomes['weighted_R']:.3g})")
    if isinstance(outcomes["winner"], str) and len(scenario.strategies) > 1:
        share = 100.0 * outcomes[f"share_{outcomes['winner']}"]
        first = "winner" if market.steps_done == scenario.steps else "ahead so far"
        parts.append(f"{first}: {outcomes['winner']} ({share:.0f}% of customers)")
    return f"{place}. Means of the last fourth of these steps: {', '.join(parts)}."


def equations_in_words(scenario: Scenario) -> str:
    """Loop gain and take-off threshold of the median firm, and of sectors whose monetisation makes them differ.

    Examples
    --------
    >>> equations_in_words(Scenario())
    'The equations without ceilings: loop gain 0.729: the baseline is stable; firms pushed above T = 1.11 take off.'
    """
    described = describe(scenario)
    by_k3: dict[float, list[dict[str, Any]]] = {}
    for sector in described["sectors"]:
        by_k3.setdefault(sector["k3"], []).append(sector)
    usual = described["k"]["k3"]
    sentences = [in_words(described)] if usual in by_k3 else []
    for k3, sectors in by_k3.items():
        if k3 != usual:
            place = "all sectors" if len(by_k3) == 1 else " and ".join(sector["name"] for sector in sectors)
            sentences.append(f"in {place} {in_words(sectors[0])}")
    said = f"The equations without ceilings: {'; '.join(sentences)}."
    if scenario.reading in OTHER_READINGS:
        said += f" That is literal; {scenario.reading} is {OTHER_READINGS[scenario.reading]}."
    return said
