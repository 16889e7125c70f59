"""The page that Solara serves: what is chosen and the market it makes; each page has its own.

Of Mesa's `SolaraViz` the page has the counter of frames. Its other parts can neither fold sliders nor explain them,
call tabs by numbers, cut figures by a fixed grid, and its buttons stay active when a run has ended.
"""

import html
from typing import Any

import solara
from mesa.visualization.utils import update_counter

from abm.dashboard.chooser import Chooser
from abm.dashboard.gallery import Gallery
from abm.dashboard.origins import first_origin
from abm.dashboard.player import Player
from abm.dashboard.watched import WatchedMarket
from abm.dashboard.words import equations_in_words, run_in_words

STYLE = """
.abm-page { display: grid; grid-template: "play main" auto "choose main" 1fr / 320px minmax(0, 1fr); gap: 12px 24px;
            padding: 8px 16px; width: 100%; max-width: 1700px; margin: 0 auto; }
.abm-play { grid-area: play; max-width: 460px; min-width: 0; }
.abm-choose { grid-area: choose; min-width: 0; }
.abm-main { grid-area: main; min-width: 0; align-self: start; position: sticky; top: 8px; }
.abm-words { font-size: 15px; line-height: 1.45; min-height: 5.8em; }
.abm-words p { margin: 0 0 4px 0 !important; }
.abm-pending { min-height: 3.9em; }
.abm-quiet { color: #666; font-size: 13px; line-height: 1.4; }
.abm-panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 8px 16px; }
.abm-panels.abm-wide { grid-template-columns: repeat(auto-fit, minmax(350px, 1fr)); }
.abm-panel { position: relative; max-width: 660px; }
.abm-panel img { display: block; width: 100%; }
.abm-panel > div { position: absolute; inset: 0; }
.abm-panel svg { font-family: "DejaVu Sans", Verdana, sans-serif; }
.abm-slider .v-input__slot { flex-wrap: wrap; margin-bottom: 0; }
.abm-slider .v-label { flex: 0 0 100%; font-size: 13px; color: rgba(0, 0, 0, .87) !important; }
.abm-table { overflow-x: auto; }
.abm-table table { border-collapse: collapse; font-size: 13px; width: 100%; }
.abm-table th, .abm-table td { padding: 3px 10px 3px 0; text-align: left; white-space: nowrap; }
.abm-table th { border-bottom: 1px solid #999; font-weight: 500; }
.abm-line { font-family: monospace; font-size: 12px; overflow-wrap: anywhere; background: #f4f4f4; padding: 6px 8px; }
.abm-page .v-btn { text-transform: none; letter-spacing: 0; }
.abm-page .v-tab { text-transform: none; letter-spacing: 0; min-width: 0; }
.abm-page .v-expansion-panel-header { padding: 8px 12px; min-height: 40px; font-size: 14px; }
.abm-page .v-expansion-panel-content__wrap { padding: 0 12px 8px; }
@media (max-width: 1000px) {
  .abm-page { grid-template: "play" auto "main" auto "choose" auto / minmax(0, 1fr); }
  .abm-main { position: static; }
  .abm-sliders { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 0 20px; }
}
"""


def first_choice() -> dict[str, Any]:
    """The settings of the market of a new page."""
    origin = first_origin()
    return {"scenario": origin.scenario, "rng": 0, "origin": origin, "changed": None}


@solara.component
def Page():
    """One page, with a market of its own for as long as it is open."""
    first = solara.use_memo(first_choice, [])
    chosen: solara.Reactive[dict[str, Any]] = solara.use_reactive(first)
    market: solara.Reactive[WatchedMarket] = solara.use_reactive(
        solara.use_memo(lambda: WatchedMarket(**first), []), equals=lambda one, other: one is other
    )

    def leave_when_closed():
        def leave() -> None:
            market.peek().close()

        return leave

    solara.use_effect(leave_when_closed, [])
    solara.Title("abm")
    solara.Style(STYLE)
    with solara.Div(classes=["abm-page"]):
        with solara.Div(classes=["abm-play"]):
            Player(market, chosen)
        with solara.Div(classes=["abm-choose"]):
            Chooser(chosen)
        with solara.Div(classes=["abm-main"]):
            Words(market.value)
            Gallery(market, chosen)


@solara.component
def Words(market: WatchedMarket):
    """The run in words, and the equations."""
    frame = update_counter.get()
    sentence = solara.use_memo(lambda: run_in_words(market), [market, frame])
    equations = solara.use_memo(lambda: equations_in_words(market.scenario), [market])
    name = html.escape(market.scenario.name)
    with solara.Div(classes=["abm-words"]):
        solara.HTML("p", unsafe_innerHTML=f"<b>{name}</b>, seed {market.seed}. {html.escape(sentence)}")
        solara.HTML("p", unsafe_innerHTML=html.escape(equations), classes=["abm-quiet"])
