"""Firms that diverge and markets that are empty: counted in the tables, and said with the step."""

import io

import numpy as np
import pytest
from rich.console import Console

from abm.output.endings import ends_of, ends_of_rows
from abm.output.terminal import print_summary
from abm.scenario.scenario import Scenario
from abm.simulation.simulate import simulate

INF = float("inf")
BASE = Scenario.load("four-sectors").replace(capacity=80, steps=40)
NO_CEILING = dict.fromkeys(("technology_ceiling", "competitiveness_ceiling", "return_ceiling"), INF)
DIVERGING = BASE.replace(reading="rate", **NO_CEILING, k1=5, k2=5, k3=5, initial_momentum=1)
DYING = BASE.replace(R0=1e-3, k3=0.0, runway=20.0, entry_rate=0.0)


@pytest.fixture(scope="module")
def diverged():
    return simulate(DIVERGING)


@pytest.fixture(scope="module")
def empty():
    return simulate(DYING)


def test_diverged_firms_are_counted_with_the_first_step(diverged):
    flows = diverged.steps["diverged"]
    assert ends_of(diverged) == [f"{flows.sum():,.0f} firms diverged, the first at step {flows[flows > 0].index[0]}"]


def test_an_empty_market_is_so_from_the_first_step_without_a_firm(empty):
    firms = empty.steps["firms"]
    assert ends_of(empty) == [f"no firm from step {firms[firms == 0].index[0]} on"]


@pytest.mark.parametrize("name", ["diverged", "empty"])
def test_lives_and_rows_say_the_same(name, request):
    result = request.getfixturevalue(name)
    firms = np.append(BASE.initial_firms, result.steps["firms"])
    assert ends_of_rows(firms, np.append(0, result.steps["diverged"])) == ends_of(result)


def test_of_a_market_that_lives_nothing_is_said():
    assert ends_of(simulate(BASE.replace(steps=5))) == []


def test_the_summary_of_a_run_says_it(diverged, empty):
    for result in (diverged, empty):
        console = Console(file=io.StringIO(), color_system=None)
        print_summary(result, [], console)
        (said,) = ends_of(result)
        assert said in console.file.getvalue()
