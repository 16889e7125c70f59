"""What every refusal of bad input raises and how it shows names and values, and what else ends work."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input from outside: the message names the thing, the value and what is allowed.

    The command line prints the message and ends with exit code 2.
    """


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
