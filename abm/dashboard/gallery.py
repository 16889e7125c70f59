"""The tabs of the page, of which only the open one is drawn: views of the market, the second run, downloads."""

from collections.abc import Callable
from functools import partial
from typing import Any

import solara
import solara.lab
from mesa.visualization.utils import force_update, update_counter

from abm.dashboard.controls import FIRST, positions, written
from abm.dashboard.downloads import (
    firms_csv,
    picture,
    run_line,
    scenario_toml,
    so_far,
    steps_csv,
    with_rules_beside,
)
from abm.dashboard.inputs import Control, Menu, is_place
from abm.dashboard.many_seeds import SEEDS, ManySeeds, comparison_in_words, design_scenario, design_toml
from abm.dashboard.pictures import Differences, FollowedFirm, FrameDrawn, Pictures, WhoWins
from abm.dashboard.ranking import Asked, firm_page
from abm.dashboard.views import VIEWS
from abm.dashboard.watched import MovedMarket, WatchedMarket, second_scenario
from abm.errors import InputError
from abm.scenario.parameters import SECTOR, STRATEGY

TABS = [*VIEWS, "Download"]
_ALONE = (*SECTOR, *STRATEGY)  # keys that stand for all sectors or strategies


@solara.component
def Gallery(market: solara.Reactive[WatchedMarket], chosen: solara.Reactive[dict[str, Any]], tab: solara.Reactive[str]):
    """Tabs, and the view of the one that is open."""

    def open_tab(place: Any) -> None:
        if is_place(place, TABS):
            tab.value = TABS[place]

    with solara.v.Tabs(v_model=TABS.index(tab.value), on_v_model=open_tab, show_arrows=True):
        for name in TABS:
            solara.v.Tab(children=[name])
    if tab.value == "Two runs":
        Rival(market, chosen)
        OverSeeds(market.value)
    if tab.value in VIEWS:
        Pictures(market.value, tab.value)
    else:
        Download(market.value)
    if tab.value == "Strategies":
        WhoWins(market.value)
    if tab.value == "Firms":
        FollowedFirm(market.value)
        Firms(market.value)
    FrameDrawn(market.value)


@solara.component
def Firms(market: WatchedMarket):
    """All firms as a table, a page at a time: sorted by a column, and those that a text is found in."""
    frame = update_counter.get()
    asked = solara.use_reactive(Asked())

    def ask(new: Any) -> None:
        asked.value = asked.value.with_(new)

    found = solara.use_memo(lambda: firm_page(market, asked.value), [market, frame, asked.value])
    _Firms(**found, event_ask=ask)
    solara.FileDownload(lambda: locked(market, firms_csv), "firms.csv", label="firms.csv")


@solara.component_vue("firms.vue")
def _Firms(
    columns: list[str], rows: list[list[str]], firms: int, page: int, pages: int, column: str, descending: bool,
    text: str, event_ask: Callable[[Any], None],
):  # fmt: skip
    pass


def locked(market: WatchedMarket, content: Callable[[MovedMarket], Any], run: MovedMarket | None = None) -> Any:
    """The content of a file about a market, or the one beside it, while no step is made."""
    with market.lock:
        return content(run or market)


@solara.component
def Rival(market: solara.Reactive[WatchedMarket], chosen: solara.Reactive[dict[str, Any]]):
    """Chooses a second run with the same seed and one parameter changed, and compares it with the first."""
    update_counter.get()  # drawn again at each frame: a second run may have come or gone
    scenario = market.value.given
    there = scenario.flat()  # a change on the way could have any key
    names = [name for name in scenario.settable() if name not in ("steps", *_ALONE)]
    names = [name for name in names if not name.startswith("changes.") or name in there]
    changed = market.value.changed_parameter or (FIRST[0], None)
    name, picked = solara.use_reactive(changed[0]), solara.use_reactive(changed[1])
    refusal = solara.use_reactive("")
    own = name.value if name.value in names else FIRST[0]
    parameter, value = scenario.settable()[own], scenario.get(own)
    offered = solara.use_memo(lambda: positions(parameter, value), [scenario, own])
    other = value if picked.value is None else picked.value
    if other not in offered:  # it was typed
        offered = sorted([*offered, other])

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
        with solara.Div(style={"width": "330px", "max-width": "100%"}):
            Menu("Changed in the second run", first + [each for each in names if each not in first], own, choose_name)
        with solara.Div(style={"width": "330px", "max-width": "100%"}):
            Control(f"second run, this run starts with {written(value)}", parameter, offered, other, picked.set)
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
            "Both runs draw the same firms and the same shocks, so the difference between them is the parameter's, for "
            "this seed alone: with another one it may have the other sign.",
            classes=["abm-quiet"],
        )


@solara.component
def OverSeeds(market: WatchedMarket):
    """Both runs with many seeds, made in the background, and the design of a sweep that has more."""
    update_counter.get()
    seeds: ManySeeds | None = market.many_seeds

    def begin() -> None:
        market.many_seeds = ManySeeds(market, force_update)
        force_update()

    def cancel() -> None:
        market.many_seeds.cancelled = True
        force_update()

    if market.other is None:
        return
    solara.HTML("h2", f"Beyond this seed: {SEEDS} seeds of both runs")
    with solara.Row(gap="8px", style={"flex-wrap": "wrap", "align-items": "center"}):
        if seeds and seeds.current and not seeds.view and not seeds.refusal:
            solara.Text(f"{seeds.finished} of {2 * SEEDS} runs are made.")
            solara.Button("Cancel", on_click=cancel, outlined=True)
        else:
            solara.Button(f"Run {SEEDS} seeds of both", on_click=begin, outlined=True)
        solara.FileDownload(lambda: locked(market, design_toml), "design.toml", label="design.toml")
        scenario = partial(locked, market, design_scenario)
        solara.FileDownload(scenario, "design-scenario.toml", label="design-scenario.toml")
        RuleFiles(market)
    solara.Text(
        f"The seeds and the files, saved side by side the design of a sweep with 100 seeds, compare "
        f"{comparison_in_words(market)}. "
        "A band that does not hold 0 is a difference that more than chance explains, at that step taken by itself.",
        classes=["abm-quiet"],
    )
    if seeds and seeds.refusal:
        solara.Error(seeds.refusal, dense=True)
    if seeds and seeds.current and seeds.view:
        Differences(market, seeds)


@solara.component
def Download(market: WatchedMarket):
    """Files of what is on screen, and the command that makes it again."""
    update_counter.get()
    if market.moves:
        note = to_save(market)
    elif market.steps_done:
        note = f"This command makes the run on screen, up to step {market.steps_done:,}, again to the last bit:"
    else:
        note = "No step is made yet. This command makes the whole run:"
    Files(market, market, "", note)
    if market.steps_done:
        solara.Text("The run so far in one picture, as abm run draws it:")
        with solara.Row(gap="8px", style={"flex-wrap": "wrap", "margin": "12px 0"}):
            for kind in ("svg", "pdf", "png"):
                drawn = partial(_overview, market, kind)
                solara.FileDownload(drawn, f"overview.{kind}", label=f"overview.{kind}")
    if market.other:
        name, value = market.changed_parameter
        note = to_save(market.other, "-second") if market.moves else "This command makes it again:"
        Files(market, market.other, "-second", f"The second run, with {name} = {written(value)}. {note}")


def to_save(run: MovedMarket, suffix: str = "") -> str:
    """What of a run with moves must be saved for its command, and what that makes."""
    scenario, last = f"scenario{suffix}.toml", run.scenario.steps
    files = " and ".join([scenario, *with_rules_beside(run.scenario)[1]])
    beyond = f" {scenario} goes on to step {last:,}, with every move." if 0 < run.steps_done < last else ""
    return (
        f"Save {files} in one folder.{beyond} This command makes the run up to step {run.steps_done or last:,} again:"
    )


@solara.component
def RuleFiles(run: MovedMarket):
    """The files of rules that the file of a scenario names beside it."""
    for name, text in with_rules_beside(run.scenario)[1].items():
        solara.FileDownload(text, name, label=name)


def _overview(market: WatchedMarket, kind: str) -> bytes:
    """The picture of the run so far; steps go on while it is drawn."""
    return picture(locked(market, so_far), kind)


@solara.component
def Files(market: WatchedMarket, run: MovedMarket, suffix: str, note: str):
    """The files and the command of one of the two runs."""
    update_counter.get()  # its arguments stay the same during a run, so they would not cause a new drawing

    contents = {"steps.csv": steps_csv, "firms.csv": firms_csv, "scenario.toml": scenario_toml}
    files = solara.use_memo(
        lambda: {name: partial(locked, market, each, run) for name, each in contents.items()}, [run]
    )
    with solara.Row(gap="8px", style={"flex-wrap": "wrap", "margin": "12px 0"}):
        for name, content in files.items():
            own = name.replace(".", f"{suffix}.")
            solara.FileDownload(content, own, label=own)
        RuleFiles(run)
    solara.Text(note)
    line = run_line(run, suffix)
    _Line(text=line)


@solara.component_vue("line.vue")
def _Line(text: str):
    pass
