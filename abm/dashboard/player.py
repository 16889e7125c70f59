"""What drives the market of a page: Reset, play, pause, Step and a run to the end.

Mesa's controller is not used: it does not notice that a run was ended elsewhere, so that its buttons would stay active
and do nothing.
"""

import itertools
import math
import time
from typing import Any

import solara
import solara.lab
from mesa.visualization.utils import force_update, update_counter

from abm.dashboard.chooser import start_anew
from abm.dashboard.inputs import Menu
from abm.dashboard.watched import WatchedMarket

FRAME = 0.25  # seconds between two frames while a run goes to its end

# What a press of play does: name to seconds between steps, at least, and steps a frame. After Pause one more step may
# come, which was being made.
SPEEDS = {
    "2 steps a second": (0.5, 1),
    "1 step a frame": (0.0, 1),
    "5 steps a frame": (0.0, 5),
    "25 steps a frame": (0.0, 25),
}

PLAY, TO_THE_END = "play", "to the end"
Drive = tuple[str, int, float]
"""The button that moves the market on, the number of the press (only the last counts), and the step it moves to."""

_presses = itertools.count(1)


@solara.component
def Player(
    market: solara.Reactive[WatchedMarket],
    chosen: solara.Reactive[dict[str, Any]],
    drive: solara.Reactive[Drive | None],
):
    """The buttons and the speed of play."""
    speed = solara.use_reactive("1 step a frame")
    seconds, _ = SPEEDS[speed.value]
    to_the_end = drive.value is not None and drive.value[0] == TO_THE_END

    def go() -> None:
        driven, by = market.peek(), drive.peek()

        def goes_on() -> bool:
            mine = by is not None and drive.peek() == by and driven is market.peek()
            return mine and driven.running and driven.steps_done < by[2]

        while goes_on():
            latest = time.monotonic() + FRAME
            for made in itertools.count(1):
                driven.step()
                is_frame = time.monotonic() >= latest if to_the_end else made >= SPEEDS[speed.peek()][1]
                if is_frame or not goes_on():
                    break
            force_update()
        if drive.peek() == by:
            drive.value = None

    def set_pace() -> None:
        market.value.pace = 0.0 if to_the_end else seconds

    solara.use_effect(set_pace, [market.value, seconds, to_the_end])
    solara.lab.use_task(go, dependencies=[drive.value], prefer_threaded=True)
    Buttons(market, chosen, drive, speed)


@solara.component
def Buttons(
    market: solara.Reactive[WatchedMarket],
    chosen: solara.Reactive[dict[str, Any]],
    drive: solara.Reactive[Drive | None],
    speed: solara.Reactive[str],
):
    """The buttons; one that would do nothing is inactive."""
    update_counter.get()  # a run ends with a frame
    ended = not market.value.running
    by = None if ended or drive.value is None else drive.value[0]

    def reset() -> None:
        drive.value = None
        before, market.value = market.value, WatchedMarket(**chosen.value)
        before.close()

    def press(kind: str) -> None:
        start_anew(market, chosen)
        drive.value = None if by == kind else (kind, next(_presses), math.inf)

    def step() -> None:
        start_anew(market, chosen)
        for _ in range(SPEEDS[speed.value][1]):
            market.peek().step()
        force_update()

    with solara.Row(gap="8px", style={"flex-wrap": "wrap"}):
        solara.Button(
            "❚❚ Pause" if by == PLAY else "▶ Play", on_click=lambda: press(PLAY), disabled=ended or by == TO_THE_END,
            color="primary", attributes={"aria-label": "Pause" if by == PLAY else "Play"},
        )  # fmt: skip
        solara.Button("Step", on_click=step, disabled=ended or by is not None, color="primary")
        solara.Button(
            "Stop" if by == TO_THE_END else "Run to end",
            on_click=lambda: press(TO_THE_END),
            disabled=ended or by == PLAY,
            outlined=True,
        )
        solara.Button("Reset", on_click=reset, outlined=True)
    Menu("Speed of play, and of Step", list(SPEEDS), speed.value, speed.set)
