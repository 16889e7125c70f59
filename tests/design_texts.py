"""Designs from texts."""

import pytest

from abm.errors import InputError
from abm.sweeps.design.design import Design

HEAD = 'scenario = "four-sectors"\n'
CHURN_RANGE = "churn = {low = 0.05, high = 0.5}"


def refusal(text, folder="."):
    with pytest.raises(InputError) as caught:
        Design.from_toml(text, "my.toml", folder)
    message = str(caught.value)
    assert message.startswith("my.toml: ") and "\n" not in message
    return message.removeprefix("my.toml: ")


def refused(text, folder="."):
    return refusal(HEAD + text, folder)
