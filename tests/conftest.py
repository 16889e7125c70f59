"""What all tests share: kernels that are compiled before the first test, so that no test waits for or sees it."""

import pytest

from abm import Scenario, simulate


@pytest.fixture(scope="session", autouse=True)
def compiled_kernels() -> None:
    """Compile, or load from the cache, what a run needs."""
    simulate(Scenario(capacity=2, steps=2))
