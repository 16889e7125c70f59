"""The numbers in abm/docs/mesa.md are those of the assertions here."""

import re
from importlib.resources import files
from pathlib import Path

ASSERTION = re.compile(r"^ +(?:assert|with pytest\.(?:raises|warns)).*$", re.MULTILINE)
CLASS = re.compile(r"^class (Test\w+):\n(.*?)(?=^\S|\Z)", re.DOTALL | re.MULTILINE)


def test_the_documents_numbers_are_those_of_the_assertions_here():
    counted = {}
    for path in Path(__file__).parent.glob("test_*.py"):
        for name, block in CLASS.findall(path.read_text("utf-8")):
            found = ASSERTION.findall(block)
            other = sum("# differs" in line for line in found)
            counted[name] = (len(found), len(found) - other, other)
    text = files("abm").joinpath("docs/mesa.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .* \| (\d+) \| (\d+) \| (\d+) \| `(\w+)` \|$", text, flags=re.MULTILINE)
    assert {name: tuple(map(int, numbers)) for *numbers, name in rows} == counted
    total = re.search(r"(\d+) assertions.*?(\d+) hold.*?(\d+) do not", text, flags=re.DOTALL)
    assert tuple(map(int, total.groups())) == tuple(sum(column) for column in zip(*counted.values(), strict=True))
