"""The report of a comparison: one HTML file that needs nothing else, for the screen and for paper."""

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
    """The report's text, equal for equal comparisons.

    Parameters
    ----------
    comparison : Findings
    command : str
        What makes it again; printed as it is.
    """
    view = View(comparison)
    title = f"Market outcomes by {view.title}" if view.by else "Market outcomes of " + ", ".join(view.groups)
    return page(title, sections(view, command))


def page(title: str, parts: Sequence[Section]) -> str:
    """Sections as one page, which holds its pictures.

    Parameters
    ----------
    title : str
    parts : sequence of Section
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # Names of groups and outcomes come from files: they are texts in the page, never parts of it.
    pages = Environment(
        loader=PackageLoader("abm.comparison", "report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    return pages.get_template(f"{REPORT}.j2").render(title=title, sections=parts)


def write_report(comparison: "Findings", folder: str | os.PathLike, command: str) -> Path:
    """Write `report.html` into a folder, beside the tables that its numbers stand in.

    Parameters
    ----------
    comparison : Findings
    folder : path
    command : str
        What makes it again.

    Returns
    -------
    Path
        Of the file.
    """
    path = Path(folder) / REPORT
    path.write_text(report_html(comparison, command), encoding="utf-8")
    return path
