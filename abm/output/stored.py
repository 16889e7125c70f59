"""Files that the program reads back: JSON, whose shape is checked and refused by file and key, and damaged Parquet.

A JSON file holds the number of its format and, in `digest`, a digest of its other contents when it was written. Files
of releases before formats were numbered have neither.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from abm.errors import InputError, shown
from abm.output.files import plain

FORMAT = 1  # of folders that this release writes; a reader refuses higher ones


class Damaged(InputError):
    """A file that is not as the program writes it."""


class Shape(BaseModel):
    """The keys of a file's object; further keys are allowed."""

    model_config = ConfigDict(strict=True, extra="allow")


class MemberShape(Shape):
    """A sector, a strategy or a change."""

    name: str


class ScenarioShape(Shape):
    """A scenario's values, as `Scenario.to_dict` gives them."""

    __pydantic_extra__: dict[str, bool | int | float | str | None]

    name: str
    steps: int
    sectors: list[MemberShape]
    strategies: list[MemberShape]
    changes: list[MemberShape] = Field(default_factory=list)


def sealed(value: Mapping[str, Any]) -> dict[str, Any]:
    """An object with its format as first key and its digest as last."""
    content = plain({"format": FORMAT} | dict(value))
    return content | {"digest": _digest(content)}


def read_object(path: Path, shape: type[Shape], way_out: str = "") -> dict[str, Any]:
    """An object of a file.

    Parameters
    ----------
    path : Path
    shape : type of Shape
        What it must have.
    way_out : str
        Advice at the end of the message.

    Raises
    ------
    FileNotFoundError
    Damaged
        If it is not of this shape, or not as it was written, by file and key.
    InputError
        If it is of a later format.
    """
    try:
        if path.is_symlink():
            raise Damaged(f"{path}: is a link, which the program does not write{way_out}")
        text = path.read_bytes()
        found = json.loads(text)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(os.fspath(path)) from None
    except OSError as problem:
        raise Damaged(f"{path}: cannot be read: {problem.strerror}{way_out}") from None
    except (ValueError, RecursionError) as problem:
        raise Damaged(f"{path}: is damaged: {' '.join(str(problem).split())}{way_out}") from None
    if not isinstance(found, dict):
        raise Damaged(f"{path}: is damaged: it holds {shown(found)} and no object{way_out}")
    if "format" in found:
        _check_format(path, found["format"], way_out)
    try:
        shape.model_validate_json(text)
    except ValidationError as problem:
        raise Damaged(f"{path}: {_first(problem, found)}{way_out}") from None
    if "format" in found:
        if "digest" not in found:
            raise Damaged(f"{path}: key 'digest' is missing{way_out}")
        if found["digest"] != _digest({name: value for name, value in found.items() if name != "digest"}):
            raise Damaged(f"{path}: was changed: its key 'digest' is that of another content{way_out}")
    return found


def parquet_errors() -> tuple[type[Exception], ...]:
    """What a damaged Parquet file raises: in Arrow, perhaps only where a cell is read, or in pandas by its metadata."""
    from pyarrow import ArrowException

    return (ArrowException, OSError, ValueError, TypeError, AttributeError, LookupError, OverflowError)


def _check_format(path: Path, number: Any, way_out: str) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise Damaged(f"{path}: key 'format' = {shown(number)} is not an integer of at least 1{way_out}")
    if number > FORMAT:
        raise InputError(f"{path}: is of format {number}, written by a later release; this one reads up to {FORMAT}")


def _first(problem: ValidationError, found: Any) -> str:
    """The first error, with the path of its key."""
    first = problem.errors(include_url=False)[0]
    place, within, is_one_of = [], found, False
    for part in first["loc"]:
        if (isinstance(within, dict) and part in within) or (
            isinstance(within, list) and isinstance(part, int) and part < len(within)
        ):
            place.append(str(part))
            within = within[part]
        elif first["type"] == "missing":
            place.append(str(part))
        else:  # a value that may be of several types
            is_one_of = True
    key = ".".join(place)
    if first["type"] == "missing":
        return f"key {key!r} is missing"
    reason = "is of another type" if is_one_of else first["msg"].removeprefix("Value error, ")
    return f"key {key!r} = {shown(within)}: {reason[:1].lower()}{reason[1:]}"


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
