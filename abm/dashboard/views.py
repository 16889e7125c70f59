"""What a page shows of a market: panels over its columns, grouped into tabs.

A view is made once for a market and shows it again and again: `show` reads the columns and moves lines and areas.
"""

from typing import Any

import numpy as np
from matplotlib.colors import TwoSlopeNorm
from matplotlib.ticker import FuncFormatter, NullLocator

from abm.dashboard.panels import (
    Panel,
    Picture,
    baseline,
    hold,
    hold_around_zero,
    hold_counts,
    hold_on_both_axes,
    short_legend,
    thinned,
)
from abm.dashboard.watched import SECTOR_MEASURES, WatchedMarket
from abm.market.arrays import FIRM
from abm.output.division import HHI_BANDS, LABELS
from abm.output.number_text import axis_number
from abm.output.style import BLUE, DOTTED, GREY, INK, ORANGE, TEXT, fit, strategy_colours

DOTS = 5_000  # firms drawn in the plane
LARGEST = 500  # firms that are drawn in any case
_LARGER = (4.5, 3.3)  # inches
_BAND = {"alpha": 0.22, "lw": 0}


class Spread(Panel):
    """The middle of one state over the firms, and where most of them are."""

    def __init__(self, market: WatchedMarket, x: str, title: str, reference: float) -> None:
        super().__init__(f"{x}: {title}", [x])
        ax = self.axes[0]
        baseline(ax, reference)
        (self._middle,) = ax.plot([], [], color=BLUE, lw=2)
        self._band = ax.fill_between([0, 0], [0, 0], color=BLUE, **_BAND)
        self.add(self._band, self._middle)
        short_legend(ax, [self._middle, self._band], ["median", "10–90% of firms"])
        self._x, self._reference = x, reference

    def show(self, market: WatchedMarket, steps: Any) -> None:
        low, middle, high = (steps[f"{q}_{self._x}"].to_numpy() for q in ("q10", "q50", "q90"))
        hold(self.axes[0], np.concatenate([middle, high, [self._reference]]))
        self._middle.set_data(steps.index, middle)
        self._band.set_data(steps.index, low, high)
        self.note(f"median {middle[-1]:.3g}" if np.isfinite(middle[-1]) else "–")


class Shares(Panel):
    """Shares of customers by strategy, one upon the other."""

    def __init__(self, market: WatchedMarket) -> None:
        colours = strategy_colours(market.market.strategy_names)
        lines = -(-min(len(colours), LABELS) // 3)
        super().__init__("Strategies", ["share of customers (%)"], top=0.88 - 0.062 * lines)
        ax = self.axes[0]
        ax.set_ylim(0.0, 100.0)
        self._areas = [ax.fill_between([0, 0], [0, 0], color=colour, lw=0) for colour in colours.values()]
        self.add(*self._areas)
        short_legend(ax, self._areas[:LABELS], [fit(name, 1.3) for name in colours][:LABELS])

    def show(self, market: WatchedMarket, steps: Any) -> None:
        shares = 100.0 * steps[[f"share_{name}" for name in market.market.strategy_names]].to_numpy()
        tops = np.cumsum(shares, axis=1)
        for place, area in enumerate(self._areas):
            area.set_data(steps.index, tops[:, place] - shares[:, place], tops[:, place])


class Concentration(Panel):
    """Where firms meet, in their sectors, and over the whole market; the bands are what a structure is named by."""

    def __init__(self, market: WatchedMarket) -> None:
        super().__init__("Concentration", ["HHI"], right=0.81)
        ax = self.axes[0]
        ax.set_yscale("log")
        ax.set_ylim(10.0, 10_400.0)
        ax.set_yticks([10, 100, 1000, 10_000])
        ax.yaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_formatter(FuncFormatter(axis_number))
        for place, (name, (low, high)) in enumerate(HHI_BANDS.items()):
            ax.axhspan(low, high, color=INK, alpha=0.04 + 0.045 * place, lw=0)
            where = 1.02, np.sqrt(low * high)  # beside the axes, where no line runs over it
            ax.text(*where, name, transform=ax.get_yaxis_transform(), va="center", size=TEXT - 2, color=GREY)
        several = len(market.scenario.sectors) > 1
        self._columns = ["hhi", "sector_hhi"] if several else ["hhi"]
        colours, self._names = ([ORANGE, BLUE], ["whole market", "within sectors"]) if several else ([BLUE], ["market"])
        self._lines = [ax.plot([], [], color=colour, lw=2)[0] for colour in colours]
        self.add(*self._lines)
        short_legend(ax, self._lines, self._names)

    def show(self, market: WatchedMarket, steps: Any) -> None:
        ax = self.axes[0]
        lowest = np.nanmin(steps[self._columns].to_numpy(), initial=10.0)
        bottom = max(10.0 ** np.floor(np.log10(max(lowest, 1e-9))), 1e-3)
        if bottom < ax.get_ylim()[0]:
            ax.set_ylim(bottom, 10_400.0)
            ax.set_yticks(10.0 ** np.arange(np.log10(bottom), 5.0))
        for line, column in zip(self._lines, self._columns):
            line.set_data(steps.index, steps[column])
        now = steps[self._columns[-1]].iloc[-1]
        self.note(f"{self._names[-1]} {now:,.0f}" if np.isfinite(now) else "–")


class Firms(Panel):
    """How many firms there are, and how many enter and leave a step."""

    def __init__(self, market: WatchedMarket) -> None:
        super().__init__("Firms, entries and exits", ["firms", "a step"])
        above, below = self.axes
        (self._line,) = above.plot([], [], color=BLUE, lw=2)
        (self._entries,) = below.plot([], [], color=BLUE, lw=1.2)
        (self._exits,) = below.plot([], [], color=ORANGE, lw=1.2)
        self.add(self._line, self._entries, self._exits)
        short_legend(above, [self._entries, self._exits], ["entries", "exits"])

    def show(self, market: WatchedMarket, steps: Any) -> None:
        for ax, columns in zip(self.axes, (["firms"], ["entries", "exits"])):
            hold_counts(ax, steps[columns].to_numpy(float))
        self._line.set_data(steps.index, steps["firms"])
        self._entries.set_data(steps.index, steps["entries"])
        self._exits.set_data(steps.index, steps["exits"])
        self.note(f"{axis_number(int(steps['firms'].iloc[-1]))} firms")


class Plane(Panel):
    """Each firm by its T and C; blue firms earn more than they spend, red ones less."""

    def __init__(self, market: WatchedMarket) -> None:
        super().__init__("Firms now", ["C (market competitiveness)"], "T (technology accumulation)", (6.6, 4.6), 0.86,
                         0.85)  # fmt: skip
        ax = self.axes[0]
        ax.figure.subplots_adjust(left=0.10, bottom=0.115)
        norm = TwoSlopeNorm(0.0, -np.log10(4.0), np.log10(4.0))
        self._dots = ax.scatter([], [], s=[], c=[], cmap="RdBu", norm=norm, lw=0.3, ec=GREY)
        self.add(self._dots)
        ax.axvline(market.scenario.T0, **DOTTED)
        ax.axhline(market.scenario.C0, **DOTTED)
        bar = self.figure.add_axes((0.875, 0.115, 0.015, 0.70))
        colours = self.figure.colorbar(self._dots, cax=bar, extend="both")
        ticks = [0.25, 0.5, 1.0, 2.0, 4.0]
        colours.set_ticks(np.log10(ticks), labels=[f"{tick:g}" for tick in ticks])
        colours.outline.set_visible(False)
        bar.tick_params(labelsize=TEXT - 1, colors=GREY, labelcolor=INK, length=3)
        bar.set_title("R", fontsize=TEXT, color=INK, pad=12)
        self.figure.text(0.02, 0.92, "area: share of its sector; colour: revenue / cost, 1 is break-even",
                         size=TEXT - 1, color=GREY, va="top")  # fmt: skip

    def show(self, market: WatchedMarket, steps: Any) -> None:
        firms, sectors = market.market.state.firms, market.market.state.sectors
        slots = np.flatnonzero(firms[FIRM.B] > 0.0)
        living = len(slots)
        places = np.searchsorted(np.cumsum(market.market.layout.slots), slots, side="right")
        share = firms[FIRM.B, slots] / sectors["base"][places]
        mean = share.mean() if living else 1.0
        drawn = np.argsort(-share, kind="stable")  # small firms in front of large ones
        if living > DOTS:
            drawn = drawn[np.append(np.arange(LARGEST), np.linspace(LARGEST, living - 1, DOTS - LARGEST).astype(int))]
        T, C, R = (firms[row, slots[drawn]] for row in (FIRM.T, FIRM.C, FIRM.R))
        hold_on_both_axes(self.axes[0], T, C)
        self._dots.set_offsets(np.column_stack([T, C]))
        self._dots.set_array(np.log10(np.maximum(R, 1e-6)))
        area = (30.0 if living <= 1_000 else 8.0) * share[drawn] / mean
        self._dots.set_sizes(np.clip(area, 3.0, 400.0))
        self.note(
            f"the {LARGEST} largest and {DOTS - LARGEST:,} of {living - LARGEST:,} others"
            if living > DOTS
            else f"{living:,} firms"
        )


class Sectors(Panel):
    """One measure in each sector."""

    def __init__(self, market: WatchedMarket, measure: str, title: str, y: str) -> None:
        names = market.market.sector_names
        shown = names[:LABELS]
        lines = -(-len(shown) // 2)
        super().__init__(title, [y], size=_LARGER, top=0.88 - 0.058 * lines)
        ax = self.axes[0]
        self._lines = [ax.plot([], [], color=colour, lw=1.8)[0] for colour in strategy_colours(names).values()]
        self.add(*self._lines)
        short_legend(ax, self._lines[:LABELS], [fit(name, 1.6) for name in shown], columns=2)
        self._place = list(SECTOR_MEASURES).index(measure)

    def show(self, market: WatchedMarket, steps: Any) -> None:
        history = market.sector_history[steps.index, :, self._place]
        hold(self.axes[0], history)
        for place, line in enumerate(self._lines):
            line.set_data(steps.index, history[:, place])


class Pair(Panel):
    """One measure in two runs, and the difference below: the other's less this one's."""

    def __init__(self, market: WatchedMarket, column: str, title: str) -> None:
        super().__init__(title, ["", "difference"], size=_LARGER, top=0.83)
        above, below = self.axes
        (self._this,) = above.plot([], [], color=BLUE, lw=2)
        (self._other,) = above.plot([], [], color=ORANGE, lw=2)
        (self._difference,) = below.plot([], [], color=INK, lw=1.6)
        baseline(below, 0.0)
        self.add(self._this, self._other, self._difference)
        name, value = market.changed_parameter
        short_legend(above, [self._this, self._other], ["this run", fit(f"{name.split('.', 1)[-1]} = {value}", 2.2)])
        self._column = column

    def show(self, market: WatchedMarket, steps: Any) -> None:
        # At the moment that a second market is put beside the first it may not be there yet, or be gone already.
        other = market.other.datacollector.get_model_vars_dataframe()[self._column].to_numpy(float)[steps.index]
        this = steps[self._column].to_numpy(float)
        hold(self.axes[0], np.concatenate([this, other]))
        hold_around_zero(self.axes[1], other - this)
        self._this.set_data(steps.index, this)
        self._other.set_data(steps.index, other)
        self._difference.set_data(steps.index, other - this)
        self.note(f"difference {signed((other - this)[-1])}")


def signed(value: float) -> str:
    """A difference in three digits or a few more, with its sign.

    Examples
    --------
    >>> signed(-0.12345), signed(1251.7)
    ('-0.123', '+1,252')
    """
    return f"{value:+,.0f}" if abs(value) >= 1000 else f"{value:+.3g}"


def market_view(market: WatchedMarket) -> list[Panel]:
    """The market as a whole: T, C, R, shares, concentration, firms."""
    scenario = market.scenario
    return [
        Spread(market, "T", "technology accumulation", scenario.T0),
        Spread(market, "C", "market competitiveness", scenario.C0),
        Spread(market, "R", "return (revenue / cost)", 1.0),
        Shares(market),
        Concentration(market),
        Firms(market),
    ]


def firm_view(market: WatchedMarket) -> list[Panel]:
    """The firms of this step."""
    return [Plane(market)]


def sector_view(market: WatchedMarket) -> list[Panel]:
    """The sectors beside each other."""
    return [
        Sectors(market, "mean_T", "Technology accumulation", "mean T"),
        Sectors(market, "weighted_R", "Return, weighted by customers", "R"),
        Sectors(market, "hhi", "Concentration", "HHI"),
        Sectors(market, "firms", "Firms", "firms"),
    ]


def pair_view(market: WatchedMarket) -> list[Panel]:
    """Two runs; none where there is no second one."""
    if market.other is None:
        return []
    return [
        Pair(market, "mean_T", "Mean technology T"),
        Pair(market, "mean_C", "Mean competitiveness C"),
        Pair(market, "weighted_R", "Return R by customers"),
        Pair(market, "sector_hhi", "HHI within sectors"),
    ]


VIEWS = {"Market": market_view, "Firms": firm_view, "Sectors": sector_view, "Two runs": pair_view}


def pictures(market: WatchedMarket, panels: list[Panel]) -> list[Picture]:
    """The panels of a view as they are now."""
    with market.lock:
        steps = market.datacollector.get_model_vars_dataframe()
        steps = steps.iloc[thinned(len(steps))]
        for panel in panels:
            if not isinstance(panel, Plane):
                panel.reach(market.steps_done, market.scenario.steps)
            panel.show(market, steps)
    return [panel.picture() for panel in panels]
