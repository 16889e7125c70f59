"""The report of a comparison: one HTML file without other files, for the screen and for paper."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from abm.comparison.report.page import Section, View
from abm.comparison.report.sections import sections

if TYPE_CHECKING:
    from abm.comparison.findings import Findings

REPORT = "report.html"


def report_html(comparison: "Findings", command: str) -> str:
    """The report's text; equal comparisons have equal texts. `command` makes the comparison again."""
    view = View(comparison)
    title = f"Market outcomes by {view.title}" if view.by else "Market outcomes of " + ", ".join(view.groups)
    return page(title, sections(view, command))


def page(title: str, parts: Sequence[Section]) -> str:
    """Sections as one HTML page that contains its pictures."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # Names of groups and outcomes come from files: they are texts in the page, never parts of it.
    pages = Environment(
        loader=PackageLoader("abm.comparison", "report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    return pages.get_template(f"{REPORT}.j2").render(title=title, sections=parts)


def write_report(comparison: "Findings", folder: str | os.PathLike, command: str) -> Path:
    """Write `report.html` into a folder and return its path."""
    path = Path(folder) / REPORT
    path.write_text(report_html(comparison, command), encoding="utf-8")
    return path
