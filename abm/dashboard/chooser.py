"""What a run starts with: scenario, seed and a slider for each parameter, made from the table of parameters."""

from collections.abc import Callable
from typing import Any

import solara
from mesa.visualization.utils import update_counter

from abm.dashboard.controls import FIRST, about, choose, groups_of, positions, written
from abm.dashboard.downloads import settings
from abm.dashboard.inputs import Menu, OneOf
from abm.dashboard.origins import Origin, find_origin, origin_names
from abm.dashboard.watched import WatchedMarket, second_scenario
from abm.errors import InputError
from abm.scenario.scenario import Scenario
from abm.simulation.market import check_memory
from abm.simulation.simulate import SEEDS


@solara.component
def Chooser(chosen: solara.Reactive[dict[str, Any]]):
    """Scenario, seed, a dozen sliders, and the others folded in groups; all of it is applied by Reset."""
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
    Groups(origin.scenario, scenario, change, refusals.value)


@solara.component
def Groups(origin: Scenario, scenario: Scenario, change: Callable[[str, Any], None], refusals: int):
    """The folded groups; the sliders of a group exist while it is open."""
    opened, set_opened = solara.use_state(None)
    sectors, strategies = (tuple(each.name for each in part) for part in (scenario.sectors, scenario.strategies))
    with solara.v.ExpansionPanels(v_model=opened, on_v_model=set_opened, accordion=True, flat=True):
        for place, (heading, names) in enumerate(groups_of(sectors, strategies).items()):
            with solara.v.ExpansionPanel():
                solara.v.ExpansionPanelHeader(children=[heading])
                with solara.v.ExpansionPanelContent(), solara.Div(classes=["abm-sliders"]):
                    for name in names if place == opened else ():
                        ParameterControl(origin, scenario, name, change).key(f"{name} {refusals}")


@solara.component
def ParameterControl(origin: Scenario, scenario: Scenario, name: str, change: Callable[[str, Any], None]):
    """A slider over the values offered for a parameter, with the value in its label, or a menu."""
    parameter, value = scenario.settable()[name], scenario.get(name)
    offered = solara.use_memo(lambda: positions(parameter, origin.get(name)), [origin, name])
    key = name.split(".")[-1]
    if value not in offered:  # it was changed together with another parameter
        offered = sorted([*offered, value])
    symbol = "" if parameter.symbol in ("–", key) else f"{parameter.symbol} "
    label = key if parameter.choices else f"{symbol}{key} = {written(value)}"
    OneOf(label, about(key, parameter), offered, value, lambda new: change(name, new), slides=not parameter.choices)


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
    """The changes that take effect at the next Reset."""
    update_counter.get()  # drawn again at each frame, also when a run ends
    parts, scenario = [], chosen["scenario"]
    before = market.scenario
    if chosen["origin"] != market.origin:
        parts.append(chosen["origin"].name)
        before = chosen["origin"].scenario
    parts += [each.replace("=", " = ") for each in settings(before, scenario)]
    if scenario.steps != before.steps:
        parts.append(f"steps = {scenario.steps:,}")
    if chosen["rng"] != market.seed:
        parts.append(f"seed {chosen['rng']}")
    if parts:
        text = f"Reset starts a run with {', '.join(parts)}."
    elif market.running:
        text = "What is changed takes effect at Reset."
    else:
        text = "This run is finished; Reset starts it anew."
    solara.Text(text, classes=["abm-quiet", "abm-pending"])
