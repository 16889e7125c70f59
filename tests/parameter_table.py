"""The table of parameters as `abm/docs/parameters.md` has it: what tests of ranges compare the package with."""

from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "abm" / "docs" / "parameters.md"


def documented(*, changes: bool = False) -> dict[str, dict[str, str]]:
    """The rows of the document by parameter, each a dict from the head of a column to its cell.

    Those of the keys that only a change on the way has, or all others.
    """
    lines = [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("|")]
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    by_name = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    return {name: row for name, row in by_name.items() if (row["level"] == "change") == changes}


def interval(allowed: str) -> tuple[float, float, bool, bool]:
    """The ends of a range such as "(0, 1]", and whether each end itself is refused."""
    low, high = (float(end) for end in allowed[1:-1].split(","))
    return low, high, allowed.startswith("("), allowed.endswith(")")
