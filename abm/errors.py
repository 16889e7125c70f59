"""What every refusal of bad input raises and how it shows names and values, and what else ends work."""

import difflib
import unicodedata
from collections.abc import Iterable, Mapping
from importlib.util import find_spec


class InputError(ValueError):
    """Bad input from outside: the message names the thing, the value and what is allowed.

    The command line prints the message and ends with exit code 2.
    """


class StepError(InputError):
    """A run that cannot go on at some step because of what it was given, as a rule that gives no numbers."""


class Stopped(Exception):
    """Work that cannot go on for a reason outside of it; the message is one line for the user."""


def nearest(name: object, names: Iterable[str]) -> str:
    """A hint to the name that was probably meant, or nothing.

    Examples
    --------
    >>> nearest("netwrok_effect", ["network_effect", "churn"])
    " (did you mean 'network_effect'?)"
    >>> nearest("zzz", ["network_effect", "churn"])
    ''
    """
    by_lower_case = {known.lower(): known for known in names}
    found = difflib.get_close_matches(str(name).lower(), by_lower_case, n=1)
    return f" (did you mean {by_lower_case[found[0]]!r}?)" if found else ""


def shown(value: object) -> str:
    """A value as it is written in Python, cut to a length that fits a message.

    Examples
    --------
    >>> shown("literal"), len(shown("x" * 1000))
    ("'literal'", 60)
    """
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def one_line(name: str, text: str | None) -> None:
    """Refuse a text for a script that would be more than a line of it.

    Examples
    --------
    >>> one_line("--out", "a b")
    >>> one_line("--out", "a\\nb")
    Traceback (most recent call last):
    abm.errors.InputError: --out 'a\\nb' holds a control character, which no job script can
    """
    if text is not None and any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text):
        raise InputError(f"{name} {shown(text)} holds a control character, which no job script can")


def check_share(name: str, value: object) -> None:
    """Refuse what is no number between 0 and 1, the ends left out.

    Examples
    --------
    >>> check_share("level", 0.95)
    >>> check_share("level", 95)
    Traceback (most recent call last):
    abm.errors.InputError: level = 95 is not a number between 0 and 1
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value < 1.0:
        raise InputError(f"{name} = {shown(value)} is not a number between 0 and 1")


def need_packages(modules: Mapping[str, str], what: str, extra: str) -> None:
    """Refuse where a package of an extra is not installed; `modules` has the package of each module.

    Examples
    --------
    >>> need_packages({"json": "json", "no_module": "some-package"}, "the page", "dashboard")
    Traceback (most recent call last):
    abm.errors.InputError: the page needs some-package: pip install -e '.[dashboard]' in a clone of abm
    """
    if missing := [package for module, package in modules.items() if find_spec(module) is None]:
        raise InputError(f"{what} needs {' and '.join(missing)}: pip install -e '.[{extra}]' in a clone of abm")
