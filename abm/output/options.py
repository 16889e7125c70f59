"""What several commands of the command line take."""

import re
from collections.abc import Callable

import typer


def whole(least: int, most: int) -> Callable[[str], int]:
    """A parser of integers whose refusals, unlike typer's own, show the value."""

    def parse(given: str | int) -> int:
        text = str(given)  # defaults come as they are
        if not re.fullmatch("[+-]?[0-9]{1,30}", text) or not least <= int(text) <= most:
            raise typer.BadParameter(f"{text[:60]!r} is not an integer from {least} to {most}")
        return int(text)

    return parse
