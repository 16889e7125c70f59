"""Small sweeps in folders of their own, made in this process."""

from pathlib import Path

import pytest

from abm import InputError
from tests.run_directories import contents
from tests.sweeping import design_of, make, tables_of

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
