"""What a page shows of a market over its steps: panels over columns of its history, grouped into tabs."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from abm.dashboard.firms import dots
from abm.dashboard.panels import View
from abm.dashboard.watched import WatchedMarket
from abm.output.charts import Line, Panel
from abm.output.division import HHI_BANDS, HHI_FAR
from abm.output.style import ORANGE, dashes, hatch, strategy_colours

RETURN = "R, return (revenue / cost)"  # what R is called everywhere
PAIRED = {  # what two runs are compared by: column to title and unit
    "mean_T": ("Mean T", "T"),
    "mean_C": ("Mean C", "C"),
    "weighted_R": ("R by customers", "R"),
    "sector_hhi": ("HHI within sectors", "HHI"),
    "firms": ("Firms", "firms"),
}


def spread(x: str, title: str, level: float, *more: Line) -> Panel:
    """The middle of one state over the firms, and where most of them are."""
    lines = [
        Line("median", f"q50_{x}"),
        Line("percentile 10", f"q10_{x}", edge=True),
        Line("90", f"q90_{x}", edge=True),
    ]
    return Panel(title, x, [*lines, *more], level=level)


def _each(names: Sequence[str], column: str) -> list[Line]:
    """A line for each strategy or sector."""
    return [
        Line(name, column.format(name), colour, dashes(place), hatch(place))
        for place, (name, colour) in enumerate(strategy_colours(names).items())
    ]


def shares(title: str, strategies: Sequence[str], column: str, shape: float = 0.62) -> Panel:
    """Shares of customers by strategy, one upon the other."""
    lines = _each(strategies, column)[::-1]  # the first strategy at the bottom, as in every picture
    return Panel(title, "share of customers (%)", lines, stacked=True, top=100.0, shape=shape)


def market_view(market: WatchedMarket) -> list[Panel]:
    """The market as a whole: T, C, R, shares, concentration, firms."""
    scenario = market.scenario
    bands = [(name, low, high) for name, (low, high) in HHI_BANDS.items()]
    several = len(scenario.sectors) > 1
    hhi = [Line("whole market", "hhi", ORANGE)] * several
    hhi += [Line("within sectors", "sector_hhi") if several else Line("market", "hhi")]
    firms = [
        Line("firms", "firms"),
        Line("entries", "entries", "#06802F", right=True),
        Line("exits", "exits", ORANGE, right=True),
        Line("of which diverged", "diverged", "ink", (2.0, 2.0), right=True),
    ]
    return [
        spread("T", "T, technology accumulation", scenario.T0),
        spread("C", "C, market competitiveness", scenario.C0),
        spread("R", RETURN, 1.0),
        shares("Strategies", market.market.strategy_names, "share_{}"),
        Panel("Concentration", "HHI", hhi, zones=bands, far=HHI_FAR),
        Panel("Firms, entries and exits", "firms", firms, right="a step"),
    ]


def firm_view(market: WatchedMarket) -> list[Panel]:
    """The firm that is followed beside the others; none where none is."""
    if market.followed is None:
        return []
    titles = {
        "T": ("T, technology accumulation", market.scenario.T0),
        "C": ("C, market competitiveness", market.scenario.C0),
    }
    titles["R"] = RETURN, 1.0
    name = market.followed.said["title"]
    return [spread(x, title, level, Line(name, f"firm/{x}", "ink")) for x, (title, level) in titles.items()]


def sector_view(market: WatchedMarket) -> list[Panel]:
    """The sectors beside each other."""
    names = market.market.sector_names
    measures = {
        "mean_T": ("T, technology accumulation", "mean T"),
        "weighted_R": (f"{RETURN}, weighted by customers", "R"),
        "hhi": ("Concentration", "HHI"),
        "firms": ("Firms", "firms"),
    }
    return [
        Panel(title, y, _each(names, f"{{}}/{measure}"), level=1.0 if y == "R" else None)
        for measure, (title, y) in measures.items()
    ]


def strategy_view(market: WatchedMarket) -> list[Panel]:
    """Which strategy wins where: its share of each sector's customers."""
    strategies = market.market.strategy_names
    return [shares(name, strategies, f"{name}/share_{{}}", 0.55) for name in market.market.sector_names]


def pair_view(market: WatchedMarket) -> list[Panel]:
    """Two runs, and beside each measure their difference; none where there is no second run."""
    if market.other is None:
        return []
    name, value = market.changed_parameter
    panels = []
    for column, (title, unit) in compared_measures(market).items():
        both = [Line("this run", column), Line(f"{name.split('.', 1)[-1]} = {value}", f"other/{column}", ORANGE)]
        panels.append(Panel(title, unit, both, shape=0.5))
        drawn = [Line("difference, for this seed", f"difference/{column}", "ink")]
        panels.append(Panel(f"{title}: second run less this one", difference_in(unit), drawn, level=0.0, shape=0.5))
    return panels


def compared_measures(market: WatchedMarket) -> dict[str, tuple[str, str]]:
    """What two runs are compared by, the share of each strategy too where there are several: column to title, unit."""
    names = market.market.strategy_names
    return PAIRED | {f"share_{name}": (f"Share of {name}", "%") for name in names if len(names) > 1}


def difference_in(unit: str) -> str:
    """What an axis of differences is called.

    Examples
    --------
    >>> difference_in("HHI"), difference_in("%")
    ('difference (HHI)', 'difference (percentage points)')
    """
    return f"difference ({'percentage points' if unit == '%' else unit})"


def drawn_per_unit(measure: str) -> float:
    """By what a measure is multiplied to be drawn: shares are drawn in percent."""
    return 100.0 if measure.startswith("share_") else 1.0


VIEWS: dict[str, Callable[[WatchedMarket], list[Panel]]] = {
    "Market": market_view,
    "Firms": firm_view,
    "Sectors": sector_view,
    "Strategies": strategy_view,
    "Two runs": pair_view,
}


def view_of(market: WatchedMarket, name: str) -> View:
    """The panels of a tab, and what they draw."""
    return View(VIEWS[name](market), lambda columns, since: table(market, columns, since), name == "Firms")


def table(market: WatchedMarket, columns: Sequence[str], since: int = 0) -> np.ndarray:
    """Columns of a market's history from one step on, a row a step.

    Parameters
    ----------
    market : WatchedMarket
    columns : sequence of str
        `step`, measures of the market, `SECTOR/MEASURE`, `firm/T` of the firm that is followed, `other/MEASURE` of the
        second run and `difference/MEASURE` of the two. Shares of strategies are in percent.
    since : int

    Returns
    -------
    float64 array, shape (steps, columns)
    """
    collected = market.datacollector

    def column(name: str) -> Any:
        group, _, measure = name.rpartition("/")
        if name == "step":
            return np.arange(since, market.steps_done + 1)
        unit = drawn_per_unit(measure)
        if not group:
            return unit * collected.rows([measure], since)[:, 0]
        if group == "firm":
            return market.followed.column(measure, since)
        if group not in ("other", "difference"):
            return unit * market.sector_rows(group, measure, since)
        # At the moment that a second market is put beside the first it may not be there yet.
        other = market.other.datacollector.rows([measure], since)[:, 0]
        return unit * (other - collected.rows([measure], since)[:, 0] if group == "difference" else other)

    return np.column_stack([column(name) for name in columns])


def news(market: WatchedMarket, view: View) -> dict[str, Any]:
    """What a page does not have yet of a view."""
    with market.lock:
        new = view.news(market.steps_done + 1)
        if view.plane:
            new |= {"dots": dots(market), "followed": market.followed and market.followed.ring()}
    return new
