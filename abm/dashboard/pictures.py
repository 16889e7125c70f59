"""The pictures of the page: charts that the browser draws, and what is said beside them."""

import html
from collections.abc import Callable
from typing import Any

import numpy as np
import solara
from mesa.visualization.utils import force_update, update_counter

from abm.dashboard.firms import Path, plane, said_of
from abm.dashboard.inputs import Whole, is_place
from abm.dashboard.many_seeds import ManySeeds
from abm.dashboard.views import news, table, view_of
from abm.dashboard.watched import WatchedMarket
from abm.dashboard.winners import gains_table, leaders, leaders_table
from abm.output.charts import marks_described
from abm.output.marks import marks_in_words, marks_of

WORDS = (
    "The market records shares, not the moves of single customers. Who gained from whom is therefore worked out: each "
    "loss is divided among the gainers in proportion to their gains. Attractiveness is A = C<sup>γ</sup> · "
    "Q<sup>τ</sup> · B<sup>β</sup>, with the powers of each sector; its logarithm is the sum of a part by market "
    "competitiveness C, one by quality Q and one by the customers B that a firm has already. Each part is the firm's "
    "less the mean over its sector: +0.1 attracts about 10% more than is usual there."
)


@solara.component
def Pictures(market: WatchedMarket, name: str):
    """The charts of a tab at this frame."""
    frame = update_counter.get()
    followed, pointed = market.followed, solara.use_reactive(None)
    key = f"{name} {id(market)} {market.changed_parameter} {name == 'Firms' and followed and followed.id}"
    view = solara.use_memo(lambda: view_of(market, name), [key])
    asked, set_asked = solara.use_state(0)
    slots = range(market.market.state.firms.shape[1])

    def ask(_: Any = None) -> None:
        view.send_all()
        set_asked(asked + 1)

    def follow(slot: Any) -> None:
        with market.lock:
            if is_place(slot, slots) and said_of(market, slot):
                market.followed = Path(market, slot)
        force_update()

    def point(slot: Any) -> None:
        pointed.value = slot if is_place(slot, slots) else None

    new = solara.use_memo(lambda: news(market, view), [key, frame, asked])
    with solara.Div():
        Panels(
            panels=solara.use_memo(lambda: [plane(market)] * view.plane + view.described(), [key]),
            columns=len(view.columns),
            frame=new,
            marks=solara.use_memo(lambda: marks_described(marks_of(market.scenario)), [market, market.scenario]),
            steps=market.scenario.steps,
            wide=name not in ("Market", "Firms"),
            pointed=solara.use_memo(lambda: said_of(market, pointed.value), [market, pointed.value, frame]),
            event_ask=ask,
            event_point=point,
            event_follow=follow,
        ).key(key)
        Changes(market)


@solara.component
def Differences(market: WatchedMarket, seeds: ManySeeds):
    """The charts of the differences over many seeds."""
    asked, set_asked = solara.use_state(0)

    def rows() -> dict[str, Any]:
        seeds.view.send_all()
        return seeds.view.news(seeds.rows)

    Panels(
        panels=solara.use_memo(seeds.view.described, [seeds]),
        columns=len(seeds.view.columns),
        frame=solara.use_memo(rows, [seeds, asked]),
        marks=solara.use_memo(lambda: marks_described(marks_of(seeds.of[0])), [seeds]),
        steps=market.scenario.steps,
        wide=True,
        pointed=None,
        event_ask=lambda _=None: set_asked(asked + 1),
        event_point=lambda _: None,
        event_follow=lambda _: None,
    ).key(str(id(seeds)))


@solara.component
def Changes(market: WatchedMarket):
    """All changes on the way: where lines are near, charts join their names."""
    update_counter.get()  # a move comes with a frame
    if said := marks_in_words(marks_of(market.scenario)):
        solara.Text(f"Changes: {', '.join(said)}.", classes=["abm-quiet"])


@solara.component_vue("panels.vue", vuetify=False)
def Panels(
    panels: list[dict[str, Any]],
    columns: int,
    frame: dict[str, Any],
    marks: list[Any],
    steps: int,
    wide: bool,
    pointed: dict[str, Any] | None,
    event_ask: Callable[[Any], None],
    event_point: Callable[[Any], None],
    event_follow: Callable[[Any], None],
):
    """All charts of a tab in one message; if a frame is lost the browser asks for all rows."""


@solara.component
def FrameDrawn(market: WatchedMarket):
    """Reports to the market that the frame is drawn; draws nothing."""
    frame = update_counter.get()

    def tell() -> None:
        market.frame_drawn = frame

    solara.use_effect(tell, [market, frame])


@solara.component
def FollowedFirm(market: WatchedMarket):
    """What is said of the firm that is followed, or how to follow one."""
    update_counter.get()
    path = market.followed
    if path is None:
        solara.Text("Point at a firm to see its numbers; click it to follow it.", classes=["abm-quiet"])
        return

    def leave() -> None:
        market.followed = None
        force_update()

    rows = "".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in path.said["rows"])
    since = f"Followed since step {path.since:,}. {path.exit}"
    with solara.Div(classes=["abm-followed"]):
        solara.HTML("div", unsafe_innerHTML=f"<b>{html.escape(path.said['title'])}</b> {since}<dl>{rows}</dl>")
        solara.Button("Stop following", on_click=leave, text=True)


@solara.component
def WhoWins(market: WatchedMarket):
    """Who gained from whom since a step, and why."""
    frame = update_counter.get()
    since, set_since = solara.use_state(0)
    wanted = min(since, market.steps_done)
    strategies = market.market.strategy_names
    groups = ["", *(f"{name}/" for name in market.market.sector_names)]
    columns = [f"{group}share_{name}" for group in groups for name in strategies]

    def shares(step: int) -> np.ndarray:
        return table(market, columns, step)[0].reshape(len(groups), -1)

    def tables() -> dict[str, str]:
        with market.lock:
            gains = gains_table(market, shares(wanted), shares(market.steps_done), wanted)
            return {
                f"Who gained from whom since step {wanted:,}: change of shares in percentage points": gains,
                "Why: what makes the largest firm of each strategy attractive": leaders_table(market, leaders(market)),
            }

    with solara.Div(style={"width": "250px"}):
        Whole("Since step", wanted, market.steps_done, set_since, "the table stays at")
    for title, content in solara.use_memo(tables, [market, frame, wanted]).items():
        solara.HTML("h2", unsafe_innerHTML=title, classes=["abm-caption"])
        with solara.Div(classes=["abm-table"], attributes={"tabindex": "0", "role": "region", "aria-label": title}):
            solara.HTML("div", unsafe_innerHTML=content)
    solara.HTML("p", unsafe_innerHTML=WORDS, classes=["abm-quiet"])
