"""What a run starts with: scenario, seed and a slider for each parameter, made from the table of parameters."""

from collections.abc import Callable
from functools import partial
from typing import Any

import solara
from mesa.visualization.utils import force_update, update_counter

from abm.dashboard.controls import FIRST, choose, groups_of, positions, written
from abm.dashboard.inputs import Control, Menu
from abm.dashboard.origins import Origin, find_origin, origin_names
from abm.dashboard.watched import WatchedMarket, second_scenario
from abm.errors import InputError
from abm.scenario.changes import Change
from abm.scenario.parameters import FIXED
from abm.scenario.policies import POLICIES
from abm.scenario.scenario import Scenario
from abm.scenario.settings import settings_between
from abm.simulation.market import check_memory
from abm.simulation.simulate import SEEDS

POLICY = "Policies, from the next step on"


@solara.component
def Chooser(market: solara.Reactive[WatchedMarket], chosen: solara.Reactive[dict[str, Any]]):
    """Scenario, seed, policies, a dozen sliders, and the others folded in groups.

    What can change on the way acts from the next step of the run on screen; all of it is what Reset starts with.
    """
    refusal, refusals = solara.use_reactive(""), solara.use_reactive(0)
    scenario: Scenario = chosen.value["scenario"]
    origin: Origin = chosen.value["origin"]

    def load(name: str) -> None:
        refusal.value = ""
        found = find_origin(name)
        chosen.value = {**chosen.value, "scenario": found.scenario, "origin": found, "changed": None}

    def change(name: str, value: Any) -> None:
        try:
            changed = choose(chosen.value["scenario"], name, value)
            check_memory(changed, 0, copies=2)
            if beside := chosen.value["changed"]:
                second_scenario(changed, beside)
        except InputError as problem:  # values that are allowed one by one, but not together
            refusal.value = str(problem)
            refusals.value += 1
            return
        refusal.value = ""
        chosen.value = {**chosen.value, "scenario": changed}
        run = market.peek()
        if run.steps_done and run.running and origin is run.origin and name.split(".")[-1] not in FIXED:
            move(name, **{name: value})

    def move(name: str, **values: Any) -> None:
        try:
            market.peek().move(name, **values)
        except InputError as problem:  # a runway to or from infinity: it waits for Reset
            refusal.value = str(problem)
        force_update()

    def follow(name: str) -> None:
        refusal.value = ""
        start_anew(market, chosen)
        move(name, **POLICIES[name])

    Menu("Scenario", origin_names(), origin.name, load)
    with solara.Row(gap="8px", style={"align-items": "center"}):
        Seed(chosen)
        solara.Button(
            "Undo changes", on_click=lambda: load(origin.name), disabled=scenario == origin.scenario, outlined=True
        )
    with solara.Div():  # present also without an error, so that the page does not jump and groups stay open
        if refusal.value:
            solara.Error(refusal.value, dense=True)
    # After a refusal the sliders are made anew: in the browser one has moved, but its value was not taken.
    with solara.Div(classes=["abm-sliders"]):
        for name in FIRST:
            ParameterControl(origin.scenario, scenario, name, change).key(f"{name} {refusals.value}")
    Groups(origin.scenario, scenario, change, refusals.value, lambda: Policies(market.value, follow))


@solara.component
def Policies(market: WatchedMarket, follow: Callable[[str], None]):
    """Buttons for policies, which act from the next step on."""
    update_counter.get()  # a run ends with a frame
    with solara.Row(gap="8px", style={"flex-wrap": "wrap"}):
        for name, values in POLICIES.items():
            solara.Button(
                name, on_click=partial(follow, name), disabled=not market.running, outlined=True, small=True,
                attributes={"title": in_words(Change(name="policy", step=1, **values))},
            )  # fmt: skip


def start_anew(market: solara.Reactive[WatchedMarket], chosen: solara.Reactive[dict[str, Any]]) -> None:
    """Make the market of what is chosen, if it has made no step and something else was chosen since."""
    before = market.peek()
    if not before.steps_done and differences(before, chosen.peek()):
        market.value = WatchedMarket(**chosen.peek())
        before.close()


@solara.component
def Groups(
    origin: Scenario,
    scenario: Scenario,
    change: Callable[[str, Any], None],
    refusals: int,
    policies: Callable[[], solara.Element],
):
    """The folded groups, policies first; the sliders of a group exist while it is open."""
    opened, set_opened = solara.use_state("")
    sectors, strategies = (tuple(each.name for each in part) for part in (scenario.sectors, scenario.strategies))
    with solara.Div(classes=["abm-group-list"]):
        for heading, names in {POLICY: (), **groups_of(sectors, strategies)}.items():
            here = heading == opened
            solara.Button(
                f"{'▾' if here else '▸'} {heading}", on_click=partial(set_opened, "" if here else heading), text=True,
                classes=["abm-group"], attributes={"aria-expanded": str(here).lower(), "aria-label": heading},
            )  # fmt: skip
            if here and heading == POLICY:
                policies()
            elif here:
                with solara.Div(classes=["abm-sliders"]):
                    for name in names:
                        ParameterControl(origin, scenario, name, change).key(f"{name} {refusals}")


@solara.component
def ParameterControl(origin: Scenario, scenario: Scenario, name: str, change: Callable[[str, Any], None]):
    """A slider over the values offered for a parameter, or a menu."""
    parameter, value = scenario.settable()[name], scenario.get(name)
    offered = solara.use_memo(lambda: positions(parameter, origin.get(name)), [origin, name])
    key = name.split(".")[-1]
    if value not in offered:  # it was typed, or changed together with another parameter
        offered = sorted([*offered, value])
    symbol = "" if parameter.symbol in ("–", key) else f"{parameter.symbol} "
    Control(f"{symbol}{key}", parameter, offered, value, lambda new: change(name, new))


@solara.component
def Seed(chosen: solara.Reactive[dict[str, Any]]):
    """The seed; an invalid text stays in the field and is not used."""
    text = solara.use_reactive(str(chosen.value["rng"]))
    good = is_seed(text.value)

    def take(new: str) -> None:
        text.value = str(new)
        if is_seed(text.value):
            chosen.value = {**chosen.value, "rng": int(text.value)}

    message = f"an integer from 0 to {SEEDS - 1:,}; the seed stays {chosen.value['rng']}"
    solara.InputText("Seed", value=text.value, on_value=take, error=False if good else message, continuous_update=True)


def is_seed(text: str) -> bool:
    """Whether a text is a seed.

    Examples
    --------
    >>> is_seed("7"), is_seed("-1"), is_seed("1.5"), is_seed(str(2**63))
    (True, False, False, False)
    """
    return text.isascii() and text.isdigit() and len(text) <= 19 and int(text) < SEEDS


@solara.component
def Pending(market: WatchedMarket, chosen: dict[str, Any]):
    """What was moved in this run, and what waits for the next one."""
    update_counter.get()  # drawn again at each frame, also when a run ends
    waiting, sentences = differences(market, chosen), []
    if market.moves:
        moved = [f"{in_words(move)} from step {move.step:,} on" for move in market.moves[-3:]]
        sentences.append(f"In this run: {'… ' if len(market.moves) > 3 else ''}{'; '.join(moved)}.")
    if waiting:
        start = "Reset starts a run" if market.steps_done else "The run will start"
        sentences.append(f"{start} with {', '.join(waiting)}.")
    elif not market.running:
        sentences.append("This run is finished; Reset starts it anew.")
    elif not market.moves:
        sentences.append("Sliders act from the next step on; what cannot change on the way waits for Reset.")
    solara.Text(" ".join(sentences), classes=["abm-quiet", "abm-pending"])


def differences(market: WatchedMarket, chosen: dict[str, Any]) -> list[str]:
    """In what a run started now would differ from the start of the one on screen."""
    parts, scenario = [], chosen["scenario"]
    before = market.given
    if chosen["origin"] is not market.origin:
        parts.append(chosen["origin"].name)
        before = chosen["origin"].scenario
    parts += [each.replace("=", " = ") for each in settings_between(before, scenario)]
    if chosen["rng"] != market.seed:
        parts.append(f"seed {chosen['rng']}")
    return parts


def in_words(move: Change) -> str:
    """What a move changes.

    Examples
    --------
    >>> in_words(Change(name="open", step=3, ramp=8, spillover=0.1))
    'spillover = 0.1 (over 8 steps)'
    """
    values = ", ".join(f"{name} = {written(value)}" for name, value in move.values.items())
    return values if move.ramp == 1 else f"{values} (over {move.ramp} steps)"
