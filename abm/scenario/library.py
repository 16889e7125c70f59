"""TOML files that are named: bundled ones by their bare name, others by their path."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from abm.errors import InputError, nearest


class NamedText(NamedTuple):
    """The text of a TOML file.

    Attributes
    ----------
    text : str
    name : str
        The bare name of a bundled file, else the file's name without its ending.
    source : str
        What stands before every message about it.
    folder : Path
        What paths in the text are relative to.
    """

    text: str
    name: str
    source: str
    folder: Path


def bundled_names(kind: str) -> list[str]:
    """The bare names of all bundled files of a kind.

    Parameters
    ----------
    kind : {"scenario", "design", "calibration"}

    Examples
    --------
    >>> bundled_names("design")
    ['network-effect', 'open-weights', 'screening']
    """
    files = _folder(kind).iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def find_text(name: str | os.PathLike, kind: str, folder: str | os.PathLike = "") -> NamedText:
    """A bundled file by its bare name, or any file by its path.

    A text with a separator or ending in .toml is a path; any other is first looked for among the bundled files,
    then as a file.

    Parameters
    ----------
    name : str or path
    kind : {"scenario", "design", "calibration"}
    folder : path
        What a path is relative to; by default where the process is.

    Raises
    ------
    InputError
        If there is no such file, or it is no text.
    """
    if not isinstance(name, str | os.PathLike):
        raise InputError(f"{kind} {name!r} is neither a name nor a path")
    given, known = os.fsdecode(name), bundled_names(kind)
    if not given:
        raise InputError(f"{kind} '' is neither a name nor a path")
    if given in known:
        path = _folder(kind) / f"{given}.toml"
        return NamedText(path.read_text("utf-8"), given, f"{kind} {given!r}", path.parent)
    place = os.path.join(folder, given)
    is_path = "/" in given or os.sep in given or given.endswith((".toml", ".json"))
    if not is_path and not os.path.exists(place):
        raise InputError(
            f"unknown {kind} {given!r}{nearest(given, known)}: give a path to a TOML file or one of {', '.join(known)}"
        )
    try:
        text = Path(place).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{place}: not a text file in UTF-8") from None
    except OSError as error:
        raise InputError(f"{place}: {error.strerror}") from None
    except ValueError as error:  # a path that no file can have
        raise InputError(f"{place!r}: {error}") from None
    return NamedText(text, Path(place).stem, place, Path(place).parent)


@contextmanager
def reading(source: str) -> Iterator[None]:
    """In the block, whatever is wrong with a TOML text raises `InputError` with its source before the message.

    Examples
    --------
    >>> import tomllib
    >>> with reading("my.toml"):
    ...     tomllib.loads("churn = ")
    Traceback (most recent call last):
    abm.errors.InputError: my.toml: Invalid value (at end of document)
    """
    try:
        yield
    except RecursionError:
        raise InputError(f"{source}: nested too deeply") from None
    except ValueError as problem:  # a mistake in the syntax, with its line, or an InputError
        raise InputError(f"{source}: {problem}") from None


def _folder(kind: str) -> Path:
    return Path(str(resources.files("abm"))) / f"{kind}s"
