"""Commands of sweeps that are run in this process."""

from pathlib import Path

import pytest

from abm.cli import main
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
