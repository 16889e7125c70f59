"""A small design for commands, and their refusals."""

import re
from pathlib import Path

DESIGN = """
scenario = "four-sectors"
[set]
steps = 6
capacity = 8
[factors]
network_effect = [0.0, 0.5]
[replications]
count = 3
"""


def refusal(said, *words: str) -> str:
    """The message of a refusal, in one line; the folder must be unchanged."""
    before = sorted(Path.cwd().rglob("*"))
    code, out, err = said(*words)
    assert (code, out) == (2, "")
    assert sorted(Path.cwd().rglob("*")) == before
    assert re.fullmatch(r"abm: error: [^\n]*\n", err), err
    return err.removeprefix("abm: error: ").strip()
