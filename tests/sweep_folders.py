"""Small sweeps in folders of their own, made in this process."""

from pathlib import Path

import pytest

from abm import InputError
from tests.run_directories import contents
from tests.sweeping import EVERYTHING, design_of, make, tables_of

DESIGN = """
scenario = "four-sectors"
[set]
steps = 6
capacity = 8
[factors]
network_effect = [0.0, 0.5]
policy = ["fixed", "imitate"]
[replications]
count = 2
"""


def refused(text: str, out: Path, inside: Path | str = ".", **options) -> str:
    """The message of a refusal, which must not change the folder."""
    before = contents(out)
    with pytest.raises(InputError) as refusal:
        make(design_of(text, inside), out, **options)
    assert contents(out) == before
    message = str(refusal.value)
    assert "\n" not in message
    return message.removeprefix(f"{out}: ")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "out"
    assert make(DESIGN, out) == 8
    return out


@pytest.fixture
def expected(finished) -> dict[str, bytes]:
    return tables_of(finished)


def small(factors: str, count: int = 3, design: str = "", more: str = "") -> str:
    """A design with the tables that are made run by run, and light runs."""
    head = f'scenario = "four-sectors"\nset = {{steps = 6, capacity = 8, runway = 2.0}}\n[factors]\n{factors}\n'
    rest = f"[design]\n{design}\n[replications]\ncount = {count}\n[collect]\nsteps = 2\nlives = true\n{more}\n"
    return head + rest


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of EVERYTHING, made in one call."""
    out = tmp_path_factory.mktemp("whole") / "out"
    assert make(EVERYTHING, out) == 8
    return out
