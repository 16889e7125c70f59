"""Scenarios from texts."""

import pytest

from abm.errors import InputError

TWO_SECTORS = """
[[sectors]]
name = "retail"
demand_share = 1

[[sectors]]
name = "enterprise"
demand_share = 3
"""


def refusal(function, *arguments, **keywords) -> str:
    with pytest.raises(InputError) as caught:
        function(*arguments, **keywords)
    message = str(caught.value)
    assert message and "\n" not in message
    return message


def sector(name="retail", **values):
    return {"name": name, "demand_share": 1.0} | values


def strategy(name="bold", **values):
    return {"name": name, "technology_weight": 0.5} | values
