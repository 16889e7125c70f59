"""Which strategy wins where: who gained since a step and from whom, and why the largest firms attract customers."""

import html
from typing import Any

import numpy as np

from abm.agents.firm import read
from abm.agents.model import MarketModel
from abm.market.firms import FIRM
from abm.output.style import strategy_colours

NOTHING = 0.05  # percentage points that are written as 0.0
PARTS = {"C": "competitiveness_elasticity", "Q": "quality_elasticity", "B": "network_effect"}


def exchanged(change: np.ndarray) -> np.ndarray:
    """What each gainer has of each loser: a loss is divided among the gainers in proportion to their gains.

    Parameters
    ----------
    change : float64 array, shape (strategies,)
        Changes of shares, which sum to 0.

    Returns
    -------
    float64 array, shape (strategies, strategies)
        Gained by the row's strategy from the column's.

    Examples
    --------
    >>> exchanged(np.array([4.0, 2.0, -6.0])).tolist()
    [[0.0, 0.0, 4.0], [0.0, 0.0, 2.0], [0.0, 0.0, 0.0]]
    """
    gained, lost = np.maximum(change, 0.0), np.maximum(-change, 0.0)
    return np.outer(gained, lost) / max(lost.sum(), 1e-12)


def leaders(market: MarketModel) -> list[dict[str, Any]]:
    """The largest firm of each strategy in each sector, and why it attracts more or less than its rivals.

    Attractiveness is A = C^γ · Q^τ · B^β, so that its logarithm is a sum of three parts. Each is taken against the mean
    over the sector's firms, so that a part of 0.1 makes a firm about 10 % more attractive than is usual there.

    Returns
    -------
    list of dict
        `sector`, `strategy`, `slot`, `firm`, `share` of its sector, `C`, `Q` and `B`, and `A`, their sum.

    Examples
    --------
    >>> row = leaders(MarketModel("one-market", rng=1))[0]
    >>> abs(row["C"] + row["Q"] + row["B"] - row["A"]) < 1e-12
    True
    """
    state, parameters = market.market.state.firms, market.market.parameters.sectors
    ends = np.cumsum(market.market.layout.slots)
    rows = []
    for place, (sector, end) in enumerate(zip(market.market.sector_names, ends)):
        slots = np.arange(end - market.market.layout.slots[place], end)
        slots = slots[state[FIRM.B, slots] > 0.0]
        parts = {x: parameters[power][place] * np.log(state[getattr(FIRM, x), slots]) for x, power in PARTS.items()}
        share = read(market, "share", slots)
        for number, strategy in enumerate(market.market.strategy_names):
            own = np.flatnonzero(state[FIRM.strategy, slots] == number)
            if own.size:
                first = own[np.argmax(share[own])]
                found = {x: float(values[first] - values.mean()) for x, values in parts.items()}
                slot = slots[first : first + 1]
                name = read(market, "name", slot)[0] or f"firm {read(market, 'unique_id', slot)[0]}"
                row = {"sector": sector, "strategy": strategy, "slot": int(slot[0]), "firm": name}
                rows.append(row | {"share": float(share[first])} | found | {"A": sum(found.values())})
    return rows


def gains_table(market: Any, before: np.ndarray, now: np.ndarray, since: int) -> str:
    """Changes of shares since a step as a table of HTML: a row for the market and for each sector.

    Parameters
    ----------
    market : MarketModel
    before, now : float64 array, shape (1 + sectors, strategies)
        Shares in percent, the market's first.
    since : int
    """
    strategies, sectors = market.market.strategy_names, market.market.sector_names
    names = ["whole market", *sectors] if len(sectors) > 1 else list(sectors)
    widest = max(np.nanmax(np.abs(now - before), initial=0.0), 1.0)
    rows = []
    for name, change in zip(names, (now - before)[-len(names) :]):
        cells = "".join(bar(value, widest, signed(value)) for value in change)
        said = f"<td class='abm-said'>{html.escape(_said(change, strategies))}</td>"
        rows.append(f"<tr><th scope='row'>{html.escape(name)}</th>{cells}{said}</tr>")
    heads = "".join(f"<th scope='col'>{_named(each, market)}</th>" for each in strategies)
    head = f"<thead><tr><td></td>{heads}<th scope='col'>gained from</th></tr></thead>"
    return f"<table aria-label='Who gained from whom since step {since:,}'>{head}<tbody>{''.join(rows)}</tbody></table>"


def leaders_table(market: Any, rows: list[dict[str, Any]]) -> str:
    """The largest firms of each strategy, and what attracts their customers, as a table of HTML."""
    widest = max((abs(row[x]) for row in rows for x in (*PARTS, "A")), default=1.0)
    body = "".join(
        f"<tr><th scope='row'>{html.escape(row['sector'])}</th><td>{_named(row['strategy'], market)}</td>"
        f"<td>{html.escape(row['firm'])}</td><td>{100.0 * row['share']:.1f}%</td>"
        + "".join(bar(row[x], widest, f"{signed(row[x], 2)}") for x in (*PARTS, "A"))
        + "</tr>"
        for row in rows
    )
    heads = ("sector", "strategy", "its largest firm", "share", "by C", "by Q", "by B", "in all, ln A")
    return (
        "<table aria-label='What makes the largest firm of each strategy attractive'><thead><tr>"
        + "".join(f"<th scope='col'>{head}</th>" for head in heads)
        + f"</tr></thead><tbody>{body}</tbody></table>"
    )


def signed(value: float, digits: int = 1) -> str:
    """A difference with its sign, and a dash for a missing one.

    Examples
    --------
    >>> signed(-0.123), signed(2.0), signed(-0.01), signed(float("nan"))
    ('−0.1', '+2.0', '0.0', '–')
    """
    if value != value:
        return "–"
    rounded = round(value, digits)
    return f"{rounded:+.{digits}f}".replace("-", "−") if rounded else f"{0.0:.{digits}f}"


def bar(value: float, widest: float, text: str) -> str:
    """A cell of a table with a bar behind its number, to the right of the middle if it is positive."""
    end = 50.0 + 50.0 * min(max(value / widest, -1.0), 1.0) if value == value else 50.0
    return f'<td class="abm-bar" style="--from:{min(end, 50.0):.0f}%;--to:{max(end, 50.0):.0f}%">{text}</td>'


def _named(strategy: str, market: Any) -> str:
    """The name of a strategy with its colour."""
    shade = strategy_colours(market.market.strategy_names)[strategy]
    return f'<span class="abm-swatch" style="--shade:{shade}">{html.escape(strategy)}</span>'


def _said(change: np.ndarray, names: tuple[str, ...]) -> str:
    """Who gained how much from whom, in words."""
    if not np.isfinite(change).all():
        return "no firm is left"
    pairs = exchanged(change)
    said = []
    for row in np.argsort(-change):
        losers = [each for each in np.argsort(-pairs[row]) if pairs[row, each] >= NOTHING]
        if losers:
            said.append(f"{names[row]} from " + ", ".join(f"{names[each]} {pairs[row, each]:.1f}" for each in losers))
    return "; ".join(said) or "nothing has changed hands"
