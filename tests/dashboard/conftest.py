"""A page that a test watches."""

from collections.abc import Iterator

import pytest

from tests.pages import Served, Watched


@pytest.fixture
def watched(server: Served, chromium) -> Iterator[Watched]:
    """A page that has no errors, and whose market the server lets go after the test."""
    page = Watched(chromium, server.url)
    yield page
    page.close()
    assert page.errors == []
    assert server.let_go()
    assert server.said == []
