"""Menus and sliders; a value that is not offered, which no page of ours sends, is ignored."""

from collections.abc import Callable
from typing import Any

import solara


@solara.component
def Menu(
    label: str, offered: list[Any], value: Any, take: Callable[[Any], None], tip: str | None = None, dense: bool = False
):
    """A menu of some values."""

    def take_offered(new: Any) -> None:
        for each in offered:
            if each == new:
                take(each)
                return

    explained = {"title": tip} if tip else {}
    solara.v.Select(
        label=label, items=offered, v_model=value, on_v_model=take_offered, dense=dense, attributes=explained
    )


@solara.component
def Slider(label: str, offered: list[Any], value: Any, take: Callable[[Any], None], tip: str):
    """A slider over some values in their order."""

    def take_offered(place: Any) -> None:
        if is_place(place, offered):
            take(offered[place])

    solara.v.Slider(
        label=label, min=0, max=len(offered) - 1, step=1, v_model=offered.index(value), on_v_model=take_offered,
        hide_details=True, dense=True, class_="abm-slider", attributes={"title": tip},
    )  # fmt: skip


@solara.component
def OneOf(label: str, tip: str, offered: list[Any], value: Any, take: Callable[[Any], None], slides: bool):
    """A slider over some values, or a menu of them."""
    if slides:
        Slider(label, offered, value, take, tip)
    else:
        Menu(label, offered, value, take, tip, dense=True)


def is_place(place: Any, offered: list[Any]) -> bool:
    """Whether something that a browser has sent is the index of one of some values.

    Examples
    --------
    >>> is_place(1, ["a", "b"]), is_place(2, ["a", "b"]), is_place("1", ["a", "b"]), is_place(None, [])
    (True, False, False, False)
    """
    return type(place) is int and 0 <= place < len(offered)
