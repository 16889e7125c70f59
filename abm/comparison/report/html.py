"""The report of a comparison: one HTML file without other files, for the screen and for paper."""

import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from abm.comparison.report.page import Section, View
from abm.comparison.report.sections import sections
from abm.comparison.report.wording import definition

if TYPE_CHECKING:
    from abm.comparison.findings import Findings

REPORT = "report.html"
_DEFINED = ("outcome", "measure", "target")  # headings of columns whose names are explained
_UPLOT = "uplot@1.6.32"
# What the page's charts need, by its name in the template, among the assets of `abm.output`.
_CHARTS = {"licence": f"{_UPLOT}/LICENSE.txt", "style": f"{_UPLOT}/uPlot.min.css",
           "uplot": f"{_UPLOT}/uPlot.iife.min.js", "steps": "charts.js"}  # fmt: skip


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
    charts = {}
    if any(picture.chart for section in parts for picture in section.pictures):
        files = resources.files("abm.output") / "assets"
        charts = {name: (files / path).read_text(encoding="utf-8") for name, path in _CHARTS.items()}
    return pages.get_template(f"{REPORT}.j2").render(
        title=title, sections=parts, definition=definition, charts=charts, defined=_DEFINED
    )


def write_report(comparison: "Findings", folder: str | os.PathLike, command: str) -> Path:
    """Write `report.html` into a folder and return its path."""
    path = Path(folder) / REPORT
    path.write_text(report_html(comparison, command), encoding="utf-8")
    return path
