"""A numba that no longer compiles lanes is refused in one line, which names the versions that do."""

import subprocess
import sys

import numba
import pytest
from numba.core import cgutils

from abm.errors import Stopped
from abm.simulation import compiler_check
from abm.simulation.compiler_check import check_numba


@pytest.fixture
def cold(monkeypatch):
    """A process that has not compiled kernels yet."""
    monkeypatch.setattr(compiler_check, "is_cold", lambda: True)
    check_numba.cache_clear()
    yield monkeypatch
    check_numba.cache_clear()


def test_this_version_compiles_lanes(cold):
    check_numba()


def gone(*_, **__):
    raise AttributeError("module 'numba.core.cgutils' has no attribute 'pointer_add'")


def test_a_numba_whose_code_for_lanes_fails_is_refused_in_a_line(cold):
    cold.setattr(cgutils, "pointer_add", gone)
    with pytest.raises(Stopped) as told:
        check_numba()
    assert "\n" not in str(told.value)
    assert str(told.value).startswith(f"numba {numba.__version__} does not compile what kernels calculate with (")
    assert str(told.value).endswith("versions 0.61 to 0.68 are known to")


def test_a_numba_that_compiles_lanes_to_other_numbers_is_refused(cold):
    cold.setattr(compiler_check, "DUE", 0.0)
    with pytest.raises(Stopped, match=r"\(33\.0 where 0\.0 is due\)"):
        check_numba()


def test_a_numba_that_lacks_what_lanes_import_ends_a_command_in_a_line(tmp_path):
    code = (
        "import sys, numba.np.arrayobj as arrays; del arrays.make_array\n"
        f"from abm.cli import main; sys.exit(main(['run', 'one-market', '--out', {str(tmp_path / 'run')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"abm: stopped: numba {numba.__version__} does not compile") and "make_array" in line
    assert not (tmp_path / "run").exists()
