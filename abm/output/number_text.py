"""Numbers as texts that people read, with a minus sign and not a hyphen: for sentences, tables and axes."""

import re
from typing import Any

MISSING = "–"
# Before a number: at a text's beginning, after a space, a bracket or an edge of a table, or in an exponent.
_HYPHEN = re.compile(r"(?:(?<![^\s(\[|])|(?<=\de))-(?=\.?\d)")


def minus(text: str) -> str:
    """A number's text with minus signs in place of hyphens.

    Examples
    --------
    >>> minus("-1.5e-07")
    '−1.5e−07'
    """
    return text.replace("-", "−")


def minus_signs(text: str) -> str:
    """A text with minus signs in place of the hyphens of its numbers alone.

    Examples
    --------
    >>> minus_signs("-1.5 [-2, -1e-07] in 2025-11, 40-49, GPT-4 and --rounds 3")
    '−1.5 [−2, −1e−07] in 2025-11, 40-49, GPT-4 and --rounds 3'
    """
    return _HYPHEN.sub("−", text)


def number(value: float | None) -> str:
    """A number with three digits, as a whole number from 1,000 on, and a dash for a missing one.

    Examples
    --------
    >>> [number(value) for value in (812.4, 2500.6, 0.0123, -1.5, 0.0, float("nan"), 1e-7, 3e12)]
    ['812', '2,501', '0.0123', '−1.5', '0', '–', '1e−07', '3e+12']
    """
    if value is None or value != value:
        return MISSING
    return minus(f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}")


def table_number(value: float) -> str:
    """A number with about three digits and fixed decimals, for columns, and a dash for a missing one.

    Examples
    --------
    >>> [table_number(value) for value in (1.0, 12.34, 1234.5, 0.001, float("nan"))]
    ['1.00', '12.3', '1,234', '1.0e−03', '–']
    """
    size = abs(value)
    if size != size:
        return MISSING
    if size >= 1e6 or 0 < size < 0.01:
        return minus(f"{value:.1e}")
    return minus(f"{value:,.{2 if size < 10 else 1 if size < 100 else 0}f}")


def axis_number(value: float, _: Any = None) -> str:
    """A number as short as an axis needs it; Matplotlib passes a second argument.

    Examples
    --------
    >>> [axis_number(value) for value in (1000, 10_000, 2.5e6, 1e9, 1e-4)]
    ['1,000', '10k', '2.5M', '1e9', '1e−4']
    """
    size = abs(value)
    if size >= 1e9 or 0 < size < 1e-3:
        digits, _, exponent = f"{value:.0e}".partition("e")
        return minus(f"{digits}e{int(exponent)}")
    if size >= 1e4:
        value = float(f"{value:.3g}")
        return minus(f"{value / 1e6:g}M" if abs(value) >= 1e6 else f"{value / 1e3:g}k")
    return minus(f"{value:,.10g}")


def percent(share: float) -> str:
    """A share in percent.

    Examples
    --------
    >>> percent(0.8333), percent(0.0123), percent(1.0), percent(float("nan"))
    ('83%', '1.2%', '100%', '–')
    """
    if share != share:
        return MISSING
    value = 100.0 * share
    return minus(f"{value:.0f}%" if abs(value) >= 10 or value == 0 else f"{value:.2g}%")


def points(share: float) -> str:
    """A difference of shares in percentage points, with its sign.

    Examples
    --------
    >>> points(0.631), points(-0.002), points(-0.2)
    ('+63', '0', '−20')
    """
    value = round(100.0 * share)
    return minus(f"{value:+d}") if value else "0"


def interval(low: float, high: float) -> str:
    """An interval in brackets.

    Examples
    --------
    >>> interval(0.5, 2.0)
    '[0.5, 2]'
    """
    return f"[{number(low)}, {number(high)}]"
