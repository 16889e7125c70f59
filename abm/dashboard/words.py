"""What the page says of a run: how far it is, the kind of market, who is ahead."""

from abm.dashboard.watched import WatchedMarket
from abm.output.endings import ends_of_rows
from abm.output.overview import GROWTHS, STRUCTURES


def run_in_words(market: WatchedMarket) -> str:
    """How far a run is, and its structure, growth and winner as far as it has come.

    Examples
    --------
    >>> from abm.dashboard.origins import Origin
    >>> from abm.scenario.scenario import Scenario
    >>> scenario = Scenario(capacity=20, steps=40)
    >>> market = WatchedMarket(scenario, rng=1, origin=Origin("my.toml", scenario))
    >>> run_in_words(market).split(":")[0]
    'Step 0 of 40'
    """
    with market.lock:
        outcomes, scenario = market.outcomes(), market.scenario
        alive = len(market.agents)
        ends = ends_of_rows(*market.datacollector.rows(["firms", "diverged"]).T)
        place = f"Step {market.steps_done:,} of {scenario.steps:,}"
    if not alive:
        return f"{place}: {STRUCTURES['collapsed']}, {'; '.join(reversed(ends))}."
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
    said = "".join(f" {each}." for each in ends)
    return f"{place}.{said} Means of the last fourth of these steps: {', '.join(parts)}."
