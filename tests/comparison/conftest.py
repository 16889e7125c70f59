"""Comparisons that several files look at."""

import pytest

from abm import compare
from tests.comparison.frames import frame_of
from tests.comparison.sections import LONG, whole


@pytest.fixture(scope="package")
def frame():
    return frame_of()


@pytest.fixture(scope="package")
def found(frame):
    return compare(frame, by="network_effect")


@pytest.fixture(scope="package")
def three():
    """A comparison of three groups with all sections."""
    return whole(["0", "0.5", "0.9"])


@pytest.fixture(scope="package")
def ten():
    """One of ten groups with long names."""
    return whole([LONG.format(number) for number in range(10)])
