"""The table in abm/docs/mesa.md names the tests here."""

import re
from importlib.resources import files
from pathlib import Path


def test_every_row_of_the_table_names_its_test_and_every_test_its_row():
    text = files("abm").joinpath("docs/mesa.md").read_text(encoding="utf-8")
    named = re.findall(r"^\|.*\| `(test_\w+)` \|$", text, flags=re.MULTILINE)
    here = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    assert sorted(named) == sorted(re.findall(r"^def (test_\w+)", "\n".join(here), flags=re.MULTILINE))
