"""Numbers as texts: for sentences and tables, and for axes."""

from typing import Any


def number(value: float | None) -> str:
    """A number with three digits, as a whole number from 1,000 on, and a dash for a missing one.

    Examples
    --------
    >>> [number(value) for value in (812.4, 2500.6, 0.0123, -1.5, 0.0, float("nan"), 1e-7, 3e12)]
    ['812', '2,501', '0.0123', '-1.5', '0', '-', '1e-07', '3e+12']
    """
    if value is None or value != value:
        return "-"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"


def table_number(value: float) -> str:
    """A number with about three digits and fixed decimals, for columns, and a dash for a missing one.

    Examples
    --------
    >>> [table_number(value) for value in (1.0, 12.34, 1234.5, 0.001, float("nan"))]
    ['1.00', '12.3', '1,234', '1.0e-03', '-']
    """
    size = abs(value)
    if size != size:
        return "-"
    if size >= 1e6 or 0 < size < 0.01:
        return f"{value:.1e}"
    return f"{value:,.{2 if size < 10 else 1 if size < 100 else 0}f}"


def axis_number(value: float, _: Any = None) -> str:
    """A number as short as an axis needs it; Matplotlib passes a second argument.

    Examples
    --------
    >>> [axis_number(value) for value in (1000, 10_000, 2.5e6, 1e9, 1e-4)]
    ['1,000', '10k', '2.5M', '1e9', '1e-4']
    """
    size = abs(value)
    if size >= 1e9 or 0 < size < 1e-3:
        digits, _, exponent = f"{value:.0e}".partition("e")
        return f"{digits}e{int(exponent)}"
    if size >= 1e4:
        value = float(f"{value:.3g}")
        return f"{value / 1e6:g}M" if abs(value) >= 1e6 else f"{value / 1e3:g}k"
    return f"{value:,.10g}"


def percent(share: float) -> str:
    """A share in percent.

    Examples
    --------
    >>> percent(0.8333), percent(0.0123), percent(1.0), percent(float("nan"))
    ('83%', '1.2%', '100%', '-')
    """
    if share != share:
        return "-"
    value = 100.0 * share
    return f"{value:.0f}%" if value >= 10 or value == 0 else f"{value:.2g}%"


def points(share: float) -> str:
    """A difference of shares in percentage points, with its sign.

    Examples
    --------
    >>> points(0.631), points(-0.002), points(-0.2)
    ('+63', '0', '-20')
    """
    value = round(100.0 * share)
    return f"{value:+d}" if value else "0"


def interval(low: float, high: float) -> str:
    """An interval in brackets.

    Examples
    --------
    >>> interval(0.5, 2.0)
    '[0.5, 2]'
    """
    return f"[{number(low)}, {number(high)}]"
