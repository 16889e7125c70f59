"""What tests share: kernels compiled before the first that needs them, experiments run once, a page and a browser."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from abm import Scenario, simulate
from tests.compared import runs, sweeps  # noqa: F401 - fixtures of several files
from tests.pages import browser, served
from tests.sweep_folders import expected, finished, whole  # noqa: F401

# Names of which a test file that runs markets has one.
RUNS_MARKETS = ("cli", "main", "served", "sweep", "simulate", "simulate_many", "MarketModel")


@pytest.fixture(scope="session")
def compiled_kernels() -> None:
    """Compile, or load from the cache, what a run needs."""
    simulate(Scenario(capacity=2, steps=2))


@pytest.fixture(scope="module", autouse=True)
def _compiled_where_a_market_runs(request: pytest.FixtureRequest) -> None:
    """Kernels are compiled before a file whose tests run markets: its commands have no time for that, nor say so."""
    if request.path.name.startswith("test_") and any(name in vars(request.module) for name in RUNS_MARKETS):
        request.getfixturevalue("compiled_kernels")


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
