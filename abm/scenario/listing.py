"""The table of parameters as people read it: `abm parameters` and `abm/docs/parameters.md`."""

from typing import Any

from abm.scenario.parameters import LISTED


def _text(value: Any) -> str:
    return "–" if value is None else value if isinstance(value, str) else f"{value:g}"


def listing_rows() -> list[dict[str, str]]:
    """The table as rows of text, a parameter a row.

    Examples
    --------
    >>> rows = listing_rows()
    >>> rows[0]["parameter"], rows[0]["allowed"], rows[0]["default"], rows[0]["neutral"]
    ('steps', '[1, 1e7]', '400', '–')
    """
    return [
        {
            "parameter": parameter.name,
            "symbol": parameter.symbol,
            "level": parameter.level,
            "allowed": parameter.allowed,
            "default": _text(parameter.default),
            "neutral": _text(parameter.neutral),
            "unit": parameter.unit,
            "section": parameter.section,
            "source": parameter.source,
            "meaning": parameter.meaning,
        }
        for parameter in LISTED
    ]


def markdown() -> str:
    """The table as Markdown.

    Examples
    --------
    >>> print(markdown().splitlines()[0])
    | parameter | symbol | level | allowed | default | neutral | unit | source | meaning |
    """
    rows = [{name: cell for name, cell in row.items() if name != "section"} for row in listing_rows()]
    lines = [list(rows[0]), ["---"] * len(rows[0])] + [list(row.values()) for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
