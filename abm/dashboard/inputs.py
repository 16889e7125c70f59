"""Menus, sliders and fields; a value that is not offered, which no page of ours sends, is ignored."""

from collections.abc import Callable
from typing import Any

import solara

from abm.dashboard.controls import written
from abm.errors import InputError
from abm.scenario.numerals import hint, literal
from abm.scenario.parameters import Parameter


@solara.component_vue("menu.vue")
def _Menu(label: str, texts: list[str], place: int, meaning: str, event_take: Callable[[Any], None]):
    pass


@solara.component_vue("slider.vue")
def _Slider(
    label: str, texts: list[str], place: int, typed: str, unit: str, allowed: str, meaning: str, refusal: str,
    answered: tuple[int, int],
    event_take: Callable[[Any], None], event_write: Callable[[Any], None],
):  # fmt: skip
    pass


@solara.component
def Menu(label: str, offered: list[Any], value: Any, take: Callable[[Any], None], meaning: str = ""):
    """A menu of some values."""

    def take_offered(place: Any) -> None:
        if is_place(place, offered):
            take(offered[place])

    texts = [str(each) for each in offered]
    _Menu(label=label, texts=texts, place=offered.index(value), meaning=meaning, event_take=take_offered)


@solara.component
def Control(label: str, parameter: Parameter, offered: list[Any], value: Any, take: Callable[[Any], None]):
    """A slider over some values of a parameter, with a field for any other that is allowed, or a menu of its choices.

    A text that is refused stays in the field and is not used.
    """
    refused: solara.Reactive[tuple[str, str] | None] = solara.use_reactive(None)  # a text, and why it is not used
    answered = solara.use_reactive((0, -1))

    def take_offered(place: Any) -> None:
        if is_place(place, offered):
            refused.value = None
            take(offered[place])
            answered.value = answered.value[0] + 1, place  # taken or not: the slider goes to the value that holds

    def write(text: Any) -> None:
        text = str(text).replace("∞", "inf")
        try:
            number = parameter.check(literal(text), whole_floats=True)
        except InputError as problem:
            refused.value = text, f"{problem}{hint(text)}"
            return
        refused.value = None
        take(number)
        answered.value = answered.value[0] + 1, -1

    texts = solara.use_memo(lambda: [written(each) for each in offered], [offered])
    typed, refusal = refused.value or (written(value, exact=True), "")
    if parameter.choices:
        Menu(label, offered, value, take, parameter.meaning)
    else:
        _Slider(
            label=label,
            texts=texts,
            place=offered.index(value),
            typed=typed,
            unit="" if parameter.unit == "–" else f" {parameter.unit}",
            allowed=parameter.allowed,
            meaning=parameter.meaning,
            refusal=refusal,
            answered=answered.value,
            event_take=take_offered,
            event_write=write,
        )


@solara.component
def Whole(label: str, value: int, most: int, take: Callable[[int], None], stays: str):
    """A field for a whole number from 0 on; a text that is none stays in the field and is not used."""
    text = solara.use_reactive(str(value))
    good = is_whole(text.value, most)
    solara.use_effect(lambda: take(int(text.value)) if good else None, [text.value, good])  # the most may grow
    error = False if good else f"an integer from 0 to {most:,}; {stays} {value}"
    solara.InputText(
        label, value=text.value, on_value=lambda new: text.set(str(new)), error=error, continuous_update=True
    )


def is_whole(text: str, most: int) -> bool:
    """Whether a text is a whole number from 0 to a largest one.

    Examples
    --------
    >>> is_whole("7", 9), is_whole("-1", 9), is_whole("1.5", 9), is_whole("10", 9)
    (True, False, False, False)
    """
    return text.isascii() and text.isdigit() and len(text) <= len(str(most)) and int(text) <= most


def is_place(place: Any, offered: list[Any]) -> bool:
    """Whether something that a browser has sent is the index of one of some values.

    Examples
    --------
    >>> is_place(1, ["a", "b"]), is_place(2, ["a", "b"]), is_place("1", ["a", "b"]), is_place(None, [])
    (True, False, False, False)
    """
    return type(place) is int and 0 <= place < len(offered)
