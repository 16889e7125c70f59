"""The ten lines of the documents that make a page of one's own with Mesa's SolaraViz."""

import re
from pathlib import Path

import solara
from ipywidgets import Image

import abm

DOCUMENT = Path(abm.__file__).parent / "docs" / "mesa.md"


def test_the_page_of_ten_lines_in_the_documents_shows_its_pictures():
    (code,) = re.findall(
        r"^```python\n(from mesa.visualization .*?)^```", DOCUMENT.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert len([line for line in code.splitlines() if line]) <= 10
    made: dict = {}
    exec(code, made)  # what a reader copies
    _, context = solara.render(made["page"], handle_error=False)
    assert len(context.find(Image).widgets) == 2
    context.close()
