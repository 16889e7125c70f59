"""What a run starts with: scenario, seed and a slider for each parameter, made from the table of parameters."""

import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import solara
from mesa.visualization.utils import force_update, update_counter

from abm.dashboard.controls import FIRST, choose, groups_of, positions, written
from abm.dashboard.inputs import Control, Menu, Whole
from abm.dashboard.moves import is_movable, with_moves
from abm.dashboard.origins import Origin, find_origin, origin_names
from abm.dashboard.watched import WatchedMarket, second_scenario
from abm.errors import InputError
from abm.scenario.changes import Change
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
    taken: solara.Reactive[Scenario | None] = solara.use_reactive(None)  # by the next step of the run, if it is moved
    scenario: Scenario = chosen.value["scenario"]
    origin: Origin = chosen.value["origin"]

    def refuse(problem: InputError) -> None:
        refusal.value = str(problem)
        refusals.value += 1

    def start_with(changed: Scenario, found: Origin) -> bool:
        """Whether Reset can start with a scenario; if it cannot the choice stays what it was, and why is said."""
        beside, run = chosen.value["changed"] if found is origin else None, market.peek()
        try:
            check_memory(changed, 0, copies=2)
            if beside:
                second_scenario(changed, beside)
            if found is run.origin and not run.steps_done:  # it may be made anew, with its moves
                with_moves(changed, run.moves)
        except InputError as problem:
            refuse(problem)
            return False
        refusal.value = ""
        chosen.value = {**chosen.value, "scenario": changed, "origin": found, "changed": beside}
        return True

    def load(name: str) -> None:
        found = find_origin(name)
        if start_with(found.scenario, found):
            refusals.value += 1
            if is_moved(market.peek(), found):
                move(WatchedMarket.undo)

    def change(name: str, value: Any) -> None:
        try:
            changed = choose(chosen.value["scenario"], name, value)
        except InputError as problem:  # values that are allowed one by one, but not together
            refuse(problem)
            return
        if start_with(changed, origin) and is_movable(name) and is_moved(market.peek(), origin):
            move(WatchedMarket.move, name, **{name: value})

    def move(by: Callable[..., None], *named: str, **values: Any) -> None:
        try:
            by(market.peek(), *named, **values)
        except InputError as problem:  # a runway to or from infinity
            text = re.sub(r'^changes(\[\d+\] ".*?")?: ', "", str(problem))  # the name of the move says no more
            refuse(InputError(f"{text}; it waits for Reset"))
        look()
        force_update()

    def look() -> None:
        run = market.peek()
        taken.value = run.taken_next() if is_moved(run, chosen.peek()["origin"]) else None

    def take_seed(seed: int) -> None:
        chosen.value = {**chosen.value, "rng": seed}

    def follow(name: str) -> None:
        refusal.value = ""
        start_anew(market, chosen)
        move(WatchedMarket.move, name, **POLICIES[name])

    def shown(name: str) -> Scenario:
        return taken.value if taken.value and is_movable(name) else scenario

    EachFrame(look, [market.value, origin])
    as_loaded = scenario == origin.scenario and (taken.value is None or market.value.undone == market.value.moves)
    Menu("Scenario", origin_names(), origin.name, load)
    with solara.Row(gap="8px", style={"align-items": "center"}):
        Whole("Seed", chosen.value["rng"], SEEDS - 1, take_seed, "the seed stays")
        solara.Button("Undo changes", on_click=lambda: load(origin.name), disabled=as_loaded, outlined=True)
    with solara.Div():  # present also without an error, so that the page does not jump and groups stay open
        if refusal.value:
            solara.Error(refusal.value, dense=True)
    # After a refusal the sliders are made anew: in the browser one has moved, but its value was not taken.
    with solara.Div(classes=["abm-sliders"]):
        for name in FIRST:
            ParameterControl(origin.scenario, shown(name), name, change).key(f"{name} {refusals.value}")
    Groups(origin.scenario, shown, change, refusals.value, lambda: Policies(market.value, follow))


def is_moved(run: WatchedMarket, origin: Origin) -> bool:
    """Whether the sliders of an origin move a run, rather than say what the next one starts with."""
    return origin is run.origin and run.is_under_way


@solara.component
def EachFrame(look: Callable[[], None], of: list[Any]):
    """Looks at the run at each frame; draws nothing."""
    solara.use_effect(look, [update_counter.get(), *of])


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
        moves = before.moves if before.origin is chosen.peek()["origin"] else ()
        market.value = WatchedMarket(**chosen.peek(), moves=moves)
        before.close()


@solara.component
def Groups(
    origin: Scenario,
    shown: Callable[[str], Scenario],
    change: Callable[[str, Any], None],
    refusals: int,
    policies: Callable[[], solara.Element],
):
    """The folded groups, policies first; the sliders of a group exist while it is open."""
    opened, set_opened = solara.use_state("")
    sectors, strategies = (tuple(each.name for each in part) for part in (origin.sectors, origin.strategies))
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
                        ParameterControl(origin, shown(name), name, change).key(f"{name} {refusals}")


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
def Pending(market: WatchedMarket, chosen: dict[str, Any]):
    """What was moved in this run, and what waits for the next one."""
    update_counter.get()  # drawn again at each frame, also when a run ends
    waiting, sentences = differences(market, chosen), []
    if market.moves:
        moved = [in_words(move, when=True) for move in market.moves[-3:]]
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


def in_words(move: Change, when: bool = False) -> str:
    """What a move changes, and when.

    Examples
    --------
    >>> in_words(Change(name="open", step=3, ramp=8, spillover=0.1))
    'spillover = 0.1 (over 8 steps)'
    >>> in_words(Change(name="churn", step=3, until=9, churn=0.5), when=True)
    'churn = 0.5 from step 3 to 8'
    """
    values = ", ".join(f"{name} = {written(value)}" for name, value in move.values.items())
    values += f" (over {move.ramp} steps)" if move.ramp > 1 else ""
    until = "on" if math.isinf(move.until) else f"to {move.until - 1:,}"
    return f"{values} from step {move.step:,} {until}" if when else values
