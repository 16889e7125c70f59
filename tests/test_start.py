"""What a command or a run imports: nothing heavy that it does not use, since importing is most of a short run."""

import subprocess
import sys

import pytest

HEAVY = ("matplotlib", "mesa", "numba", "numpy", "pandas", "pyarrow", "pydantic", "rich", "scipy", "solara")
# Numba itself imports scipy.linalg, when compiled code is loaded.
_RUN = {"numba", "numpy", "pydantic", "scipy"}


def imported_by(code: str) -> set[str]:
    """The modules that a process of its own has after some lines of code."""
    listing = "import sys; print('\\n' + ' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{listing}"], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import abm", set()),
        ("from abm.cli import main\nmain(['--help'])", set()),
        ("from abm.cli import main\nmain(['run', '--help'])", {"pydantic"}),  # typer's, for choices
        (
            "from abm import Scenario\nfrom abm.simulation.market import Market\n"
            "Market(Scenario.load('one-market'), 0).advance(3)",
            _RUN,
        ),
        ("from abm import simulate\nsimulate('one-market')", _RUN),
        ("from abm import simulate\nsimulate('one-market').outcomes", {*_RUN, "pandas", "pyarrow"}),
    ],
)
def test_nothing_heavy_is_imported_that_is_not_used(code, allowed):
    assert imported_by(code) & set(HEAVY) <= allowed


def test_outcomes_need_no_optimiser():
    found = imported_by("from abm import simulate\nsimulate('one-market').outcomes")
    assert "scipy.special" in found
    assert not {"scipy.optimize", "scipy.stats"} & found
