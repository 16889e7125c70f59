"""What tests share: kernels compiled before the first of them, experiments run once, a served page and a browser."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from abm import Scenario, simulate
from tests.compared import runs, sweeps  # noqa: F401 - fixtures of several files
from tests.pages import browser, served
from tests.sweep_folders import expected, finished  # noqa: F401


@pytest.fixture(scope="session", autouse=True)
def compiled_kernels() -> None:
    """Compile, or load from the cache, what a run needs."""
    simulate(Scenario(capacity=2, steps=2))


@pytest.fixture(scope="session")
def quick_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of an experiment's quick run, made when first asked for."""
    made: dict[str, Path] = {}

    def of(name: str) -> Path:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            command = [sys.executable, "-m", f"experiments.{name}", "--quick", "--out", str(folder)]
            root = Path(__file__).parents[1]
            done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300, check=False)
            assert done.returncode == 0, done.stderr
            made[name] = folder
        return made[name]

    return of


@pytest.fixture(scope="module")
def server():
    with served("four-sectors") as each:
        yield each


@pytest.fixture(scope="module")
def chromium():
    with browser() as each:
        yield each
