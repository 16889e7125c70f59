"""Commands of sweeps that are run in this process, and what tests of faults share."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from abm.cli import main
from tests.faults.commands import DaskCluster, run_sweep, tables, write_design
from tests.sweeping import InProcess
from tests.sweeps.commanded import DESIGN


@pytest.fixture
def here(compiled_kernels, tmp_path, monkeypatch) -> InProcess:
    """An executor in this process, in a folder with a design; compiling would be said by the first command."""
    executor = InProcess(2)
    monkeypatch.setattr("abm.sweeps.work.executors.local.LocalProcesses", lambda workers=2: executor)
    monkeypatch.chdir(tmp_path)
    Path("my.toml").write_text(DESIGN)
    return executor


@pytest.fixture
def said(capsys):
    """A function that runs a command and returns its exit code, stdout and stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["sweep", *words])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out, printed.err

    return run


@pytest.fixture(scope="module")
def design(tmp_path_factory) -> Path:
    """The design whose sweeps are disturbed."""
    return write_design(tmp_path_factory.mktemp("design"))


@pytest.fixture(scope="module")
def undisturbed_sweep(compiled_kernels, tmp_path_factory, design) -> tuple[Path, float]:
    """The folder of a sweep without faults, and its duration in seconds."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    started = time.monotonic()
    code, _, errors = run_sweep(design, out)
    assert (code, errors) == (0, "")
    return out, time.monotonic() - started


@pytest.fixture(scope="module")
def undisturbed(undisturbed_sweep) -> dict[str, bytes]:
    """The tables of a sweep without faults."""
    return tables(undisturbed_sweep[0])


@pytest.fixture
def dask(tmp_path) -> Iterator[DaskCluster]:
    """A cluster of Dask that ends with the test."""
    with contextlib.ExitStack() as stack:
        yield DaskCluster(tmp_path, stack)
