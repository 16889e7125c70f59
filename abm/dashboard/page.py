"""The page that Solara serves: what is chosen and the market it makes; each page has its own.

Of Mesa's `SolaraViz` the page has the counter of frames. Its other parts can neither fold sliders nor explain them,
call tabs by numbers, cut figures by a fixed grid, and its buttons stay active when a run has ended.
"""

import html
from importlib import resources
from typing import Any

import solara
from mesa.visualization.utils import update_counter

from abm.dashboard.address import address_of, visit
from abm.dashboard.chooser import Chooser, Pending
from abm.dashboard.gallery import TABS, Gallery
from abm.dashboard.player import TO_THE_END, Drive, Player
from abm.dashboard.watched import WatchedMarket
from abm.dashboard.words import run_in_words
from abm.equilibrium.text import equations_in_words

STYLE = resources.files("abm.dashboard").joinpath("page.css").read_text("utf-8")


@solara.component
def Page():
    """One page, with a market of its own for as long as it is open."""
    router = solara.use_router()
    first = solara.use_memo(lambda: visit(router.search), [])
    chosen: solara.Reactive[dict[str, Any]] = solara.use_reactive(first.chosen)
    market: solara.Reactive[WatchedMarket] = solara.use_reactive(first.market, equals=lambda one, other: one is other)
    tab = solara.use_reactive(first.tab if first.tab in TABS else TABS[0])
    drive: solara.Reactive[Drive | None] = solara.use_reactive((TO_THE_END, 0, first.step) if first.step else None)

    def leave_when_closed():
        def leave() -> None:
            market.peek().close()

        return leave

    solara.use_effect(leave_when_closed, [])
    solara.Title("abm")
    solara.Style(STYLE)
    with solara.Div(classes=["abm-page"]):
        with solara.Div(classes=["abm-side"]):
            with solara.Div(classes=["abm-play"]):
                Player(market, chosen, drive)
            with solara.Div(classes=["abm-choose"]):
                if first.complaint:
                    solara.Warning(first.complaint, dense=True)
                Pending(market.value, chosen.value)
                Chooser(market, chosen)
        with solara.Div(classes=["abm-main"]):
            Words(market.value)
            Gallery(market, chosen, tab)
    Address(market.value, chosen.value, tab.value, drive.value is None)


@solara.component
def Address(market: WatchedMarket, chosen: dict[str, Any], tab: str, rests: bool):
    """Keeps the browser's address at what is on screen, whenever it rests."""
    frame = update_counter.get()
    moved = [rests, market, chosen, tab, market.changed_parameter, market.moves] + ([frame] if rests else [])
    _AddressBar(query=solara.use_memo(lambda: address_of(market, tab, chosen), moved))


@solara.component_vue("address.vue")
def _AddressBar(query: str):
    pass


@solara.component
def Words(market: WatchedMarket):
    """The run in words, and the equations."""
    frame = update_counter.get()
    sentence = solara.use_memo(lambda: run_in_words(market), [market, frame])
    equations = solara.use_memo(lambda: equations_in_words(market.scenario), [market])
    name = html.escape(market.scenario.name)
    with solara.Div(classes=["abm-words"]):
        solara.HTML(
            "div", unsafe_innerHTML=f"<h1>{name}</h1><span>, seed {market.seed}. {html.escape(sentence)}</span>"
        )
        solara.HTML("p", unsafe_innerHTML=html.escape(equations), classes=["abm-quiet"])
