"""The tabs of the page, of which only the open one is drawn: views of the market, the second run, downloads."""

import html
from collections.abc import Callable
from functools import partial
from typing import Any

import solara
import solara.lab
from mesa.visualization.utils import force_update, update_counter

from abm.agents.model import MarketModel
from abm.dashboard.controls import FIRST, about, positions, written
from abm.dashboard.downloads import firms_csv, run_line, scenario_toml, steps_csv
from abm.dashboard.inputs import Menu, OneOf, is_place
from abm.dashboard.panels import Panel
from abm.dashboard.ranking import largest_firms
from abm.dashboard.views import VIEWS, pictures
from abm.dashboard.watched import WatchedMarket, second_scenario
from abm.errors import InputError
from abm.scenario.parameters import SECTOR, STRATEGY

_ALONE = (*SECTOR, *STRATEGY)  # keys that stand for all sectors or strategies


@solara.component
def Gallery(market: solara.Reactive[WatchedMarket], chosen: solara.Reactive[dict[str, Any]]):
    """Tabs, and the view of the one that is open."""
    place, set_place = solara.use_state(0)
    names = [*VIEWS, "Download"]

    def open_tab(new: Any) -> None:
        if is_place(new, names):
            set_place(new)

    with solara.v.Tabs(v_model=place, on_v_model=open_tab, show_arrows=True):
        for name in names:
            solara.v.Tab(children=[name])
    name = names[place]
    if name == "Two runs":
        Rival(market, chosen)
    if name in VIEWS:
        Pictures(market.value, name)
    else:
        Download(market.value)
    if name == "Firms":
        Largest(market.value)
    FrameDrawn(market.value)


@solara.component
def Pictures(market: WatchedMarket, name: str):
    """The panels of a view at this frame; they are kept, so that a tab that was open before is shown at once."""
    frame = update_counter.get()
    changed = market.changed_parameter
    kept: dict[str, list[Panel]] = solara.use_memo(dict, [market, changed])
    if name not in kept:
        kept[name] = VIEWS[name](market)
    drawn = solara.use_memo(lambda: pictures(market, kept[name]), [market, name, changed, frame])
    Panels(
        titles=[each.title for each in drawn],
        stills=[each.still for each in drawn],
        moving=[each.moving for each in drawn],
        wide=name != "Market",
    )


@solara.component_vue("panels.vue")
def Panels(titles: list[str], stills: list[str], moving: list[str], wide: bool):
    """All panels of a view in one message, of which a frame sends what has changed."""


@solara.component
def FrameDrawn(market: WatchedMarket):
    """Reports to the market that the frame is drawn; draws nothing."""
    frame = update_counter.get()

    def tell() -> None:
        market.frame_drawn = frame

    solara.use_effect(tell, [market, frame])


@solara.component
def Largest(market: WatchedMarket):
    """The ten largest firms as a table."""
    frame = update_counter.get()
    rows = solara.use_memo(lambda: largest_firms(market), [market, frame])
    head = "".join(f"<th>{html.escape(name)}</th>" for name in rows[0]) if rows else "<th>no firm is left</th>"
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row.values()) + "</tr>" for row in rows)
    with solara.Div(classes=["abm-table"]):
        solara.HTML("table", unsafe_innerHTML=f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>")
    if rows:
        solara.Text("The ten largest by share of their sector's customers.", classes=["abm-quiet"])


@solara.component
def Rival(market: solara.Reactive[WatchedMarket], chosen: solara.Reactive[dict[str, Any]]):
    """Chooses a second run with the same seed and one parameter changed, and compares it with the first."""
    update_counter.get()  # drawn again at each frame: a second run may have come or gone
    scenario = market.value.scenario
    names = [name for name in scenario.settable() if name not in ("steps", *_ALONE)]
    changed = market.value.changed_parameter or (FIRST[0], None)
    name, picked = solara.use_reactive(changed[0]), solara.use_reactive(changed[1])
    refusal = solara.use_reactive("")
    own = name.value if name.value in names else FIRST[0]
    parameter, value = scenario.settable()[own], scenario.get(own)
    offered = solara.use_memo(lambda: positions(parameter, value), [scenario, own])
    other = picked.value if picked.value in offered else value

    def choose_name(new: str) -> None:
        name.value, picked.value = new, None

    def compare(changed: tuple[str, Any]) -> None:
        try:  # Reset will put it beside what is chosen, which may have other sectors
            for each in (chosen.value["scenario"], scenario):
                second_scenario(each, changed)
        except InputError as problem:
            refusal.value = str(problem)
            return
        refusal.value = ""
        chosen.value = {**chosen.value, "changed": changed}
        bring(market.value, changed)

    def put_beside(beside: WatchedMarket, changed: tuple[str, Any]) -> None:
        beside.compare_with(changed)
        force_update()

    def remove() -> None:
        chosen.value = {**chosen.value, "changed": None}
        market.value.compare_with(None)
        force_update()

    bring = solara.lab.use_task(put_beside, dependencies=None, prefer_threaded=True)

    first = [each for each in FIRST if each in names]
    with solara.Row(gap="16px", style={"align-items": "center", "flex-wrap": "wrap"}):
        with solara.Div(style={"width": "260px"}):
            Menu("Changed in the second run", first + [each for each in names if each not in first], own, choose_name)
        with solara.Div(style={"width": "260px"}):
            label = f"second run: {written(other)}, this run: {written(value)}"
            OneOf(label, about(own, parameter), offered, other, picked.set, slides=not parameter.choices)
        there = market.value.changed_parameter == chosen.value["changed"] == (own, other)
        solara.Button(
            "Compare",
            on_click=lambda: compare((own, other)),
            disabled=other == value or there or bring.pending,
            outlined=True,
        )
        if market.value.other:
            solara.Button("Remove second run", on_click=remove, disabled=bring.pending, text=True)
    if refusal.value:
        solara.Error(refusal.value, dense=True)
    if bring.pending:
        solara.Text(f"The second run is brought to step {market.value.steps_done:,} …", classes=["abm-quiet"])
    elif not market.value.other:
        solara.Text(
            "Both runs draw the same firms and the same shocks, so the difference between them is the parameter's.",
            classes=["abm-quiet"],
        )


@solara.component
def Download(market: WatchedMarket):
    """Files of what is on screen, and the command that makes it again."""
    update_counter.get()
    if market.steps_done:
        note = f"This command makes the run on screen, up to step {market.steps_done:,}, again to the last bit:"
    else:
        note = "No step is made yet. This command makes the whole run:"
    Files(market, market, "", note)
    if market.other:
        name, value = market.changed_parameter
        Files(market, market.other, "-second", f"The second run, with {name} = {written(value)}:")


@solara.component
def Files(market: WatchedMarket, run: MarketModel, suffix: str, note: str):
    """The files and the command of one of the two runs."""
    update_counter.get()  # its arguments stay the same during a run, so they would not cause a new drawing

    def locked(content: Callable[[MarketModel], str]) -> str:
        with market.lock:
            return content(run)

    contents = {"steps.csv": steps_csv, "firms.csv": firms_csv, "scenario.toml": scenario_toml}
    files = solara.use_memo(lambda: {name: partial(locked, each) for name, each in contents.items()}, [run])
    with solara.Row(gap="8px", style={"flex-wrap": "wrap", "margin": "12px 0"}):
        for name, content in files.items():
            own = name.replace(".", f"{suffix}.")
            solara.FileDownload(content, own, label=own)
    solara.Text(note)
    line = run_line(run, market.origin, suffix)
    solara.HTML("div", unsafe_innerHTML=html.escape(line), classes=["abm-line"])
