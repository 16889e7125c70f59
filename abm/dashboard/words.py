"""What a page says of a run in words: how far it is, what market it is, and what the article's equations say of it."""

from abm.dashboard.watched import WatchedMarket
from abm.equilibrium import describe
from abm.equilibrium_report import in_words
from abm.figures import GROWTHS, STRUCTURES
from abm.scenario import Scenario


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
    parts = [f"{alive:,} firms", f"{kind} (HHI within sectors {outcomes['sector_hhi']:,.0f})"]
    if isinstance(outcomes["growth"], str):
        parts.append(f"{GROWTHS[outcomes['growth']]} (R {outcomes['weighted_R']:.3g} by customers)")
    if isinstance(outcomes["winner"], str) and len(scenario.strategies) > 1:
        share = 100.0 * outcomes[f"share_{outcomes['winner']}"]
        parts.append(f"ahead so far: {outcomes['winner']} ({share:.0f}% of customers)")
    return f"{place}: {', '.join(parts)}."


def equations_in_words(scenario: Scenario) -> str:
    """Loop gain and take-off threshold of the median firm, and of sectors whose monetisation makes them differ.

    Examples
    --------
    >>> equations_in_words(Scenario())
    'The equations without ceilings: loop gain 0.729: the baseline is stable; firms pushed above T = 1.11 take off.'
    """
    described = describe(scenario)
    sentences = [in_words(described)]
    told = {described["k"]["k3"]}
    for sector in described["sectors"]:
        if sector["k3"] not in told:
            sentences.append(f"in {sector['name']} {in_words(sector)}")
            told.add(sector["k3"])
    return f"The equations without ceilings: {'; '.join(sentences)}."
