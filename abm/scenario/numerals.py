"""How numbers may be written: one reader for `--set`, firm tables and files of points."""

import re
import tomllib
from typing import Any

# What TOML takes and what spreadsheets, R and people write besides: .5, 5., +.5, Inf, a minus sign in print.
_DECIMAL = re.compile(r"[+-]?(?:[0-9](?:_?[0-9])*\.?(?:[0-9](?:_?[0-9])*)?|\.[0-9](?:_?[0-9])*)(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[+-]?(?:inf|infinity|nan)", re.IGNORECASE)
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:[,.'’\s ][0-9]{3})+(?:[.,][0-9]+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3}|\.[0-9]{3})+")
_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?")


def literal(text: str) -> Any:
    """A number in any accepted form; else the TOML value of the text; else the text itself.

    Examples
    --------
    >>> literal(".5"), literal("1e3"), literal("1_000"), literal("Inf"), literal('"imitate"'), literal("imitate")
    (0.5, 1000.0, 1000, inf, 'imitate', 'imitate')
    """
    text = text.strip()
    plain = text.replace("\N{MINUS SIGN}", "-")
    if _DECIMAL.fullmatch(plain):
        return float(plain) if re.search("[.eE]", plain) or len(plain) > 4000 else int(plain)
    if _WORD.fullmatch(plain):
        return float(plain)
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return parsed["value"] if len(parsed) == 1 else text


def has_decimal_comma(text: str) -> bool:
    """Whether a text is a number if its comma is read as a decimal point.

    Examples
    --------
    >>> has_decimal_comma("1,5"), has_decimal_comma("1.5"), has_decimal_comma("a,5")
    (True, False, False)
    """
    return bool(_COMMA.fullmatch(text))


def may_be_thousands(text: str) -> bool:
    """Whether a text with one kind of mark in it can be read in two ways.

    Examples
    --------
    >>> may_be_thousands("1.500"), may_be_thousands("1,500"), may_be_thousands("0.500"), may_be_thousands("1.50")
    (True, True, False, False)
    """
    return bool(_THOUSANDS.fullmatch(text))


def hint(text: str) -> str:
    """Why a text may not be the number that it was meant to be, or nothing.

    Examples
    --------
    >>> hint("1,5"), hint("half")
    ('; a decimal comma or a thousands separator: write 1234.5', '')
    """
    if has_decimal_comma(text) or _GROUPED.fullmatch(text):
        return "; a decimal comma or a thousands separator: write 1234.5"
    return ""
