"""Rules of the user's own in stage 7: what they see and return, and that they give the same bits on every path."""

import math
import pickle
import subprocess
import sys

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abm import InputError, MarketModel, Scenario, simulate, simulate_many
from abm.errors import StepError
from abm.market.rules import rule_address
from abm.market.user_functions import user_function
from abm.scenario.rules import UserFunction
from tests import twin
from tests.markets import Draws, plain, scenarios
from tests.mesa_view import BUSY, assert_equals_engine, assert_same_frame
from tests.scenario_texts import refusal

SOURCE = """
import math

def adaptive(firm, sector, draw):
    direction = firm.memory
    if firm.R_smoothed < firm.R_reviewed:
        direction = -direction
    return firm.theta + 0.05 * direction, firm.omega, direction

def everything(firm, sector, draw):
    here = firm.T + 2 * firm.C + 3 * firm.P + 5 * firm.R + 7 * firm.Q + 11 * firm.B + 13 * min(firm.F, 99.0)
    mind = firm.theta + 2 * firm.omega + 3 * firm.age + 5 * firm.R_smoothed + 7 * firm.R_reviewed + 0.1 * firm.memory
    traits = firm.T0 + 2 * firm.C0 + 3 * firm.R0 + 5 * firm.k1 + 7 * firm.k2 + 11 * firm.k3
    there = sector.mean_T + 2 * sector.mean_R + 3 * sector.firms + 5 * sector.demand
    tastes = sector.competitiveness_elasticity + 2 * sector.quality_elasticity
    sight = here + mind + traits + there + tastes + 17 * firm.share + 19 * firm.stress + 23 * draw
    return 0.5 + 0.4 * math.sin(0.001 * sight), 0.5 + 0.4 * math.sin(0.003 * sight), sight

def far(firm, sector, draw):
    return 7.0 * firm.memory, -7.0 * firm.memory, firm.memory

def nan_at_nine(firm, sector, draw):
    memory = firm.memory / (firm.age - 9.0) * (firm.age - 9.0)
    return 0.5, 0.5, memory

def raises(firm, sector, draw):
    if firm.age > 9:
        raise ValueError("too old")
    return 0.5, 0.5, 1.0

def whole_numbers(firm, sector, draw):
    return 1, firm.T > 1.0, 0
"""


def rule(name: str) -> UserFunction:
    return UserFunction(f"rules.py:{name}", SOURCE)


def following(name: str, scenario: Scenario = BUSY, of: str = "adaptive") -> Scenario:
    """A scenario in which a strategy follows a rule instead of its policy."""
    return scenario.replace(**{f"strategies.{of}.policy": rule(name)})


def test_a_rule_that_restates_adaptive_gives_its_bits():
    ours, theirs = simulate(following("adaptive"), 3), simulate(BUSY, 3)
    for name in ("steps", "sectors", "lives"):
        assert_same_frame(getattr(ours, name), getattr(theirs, name))
    assert_same_frame(ours.firms.drop(columns="memory"), theirs.firms)
    assert (ours.firms["memory"] == ours.firms["direction"]).all()
    pd.testing.assert_series_equal(ours.outcomes, theirs.outcomes, check_exact=True)


def test_a_rule_gives_the_same_bits_on_every_path():
    scenario = following("everything")
    result = simulate(scenario, 3)
    assert not result.steps.equals(simulate(BUSY, 3).steps)
    assert_same_frame(simulate(scenario, 3, threads=2).steps, result.steps)
    model = MarketModel(scenario, rng=3)
    model.run_model()
    assert_equals_engine(model, result)
    many = simulate_many([scenario], seeds=[2, 3], collect="full")
    assert_same_frame(many.steps.loc[0, 3], result.steps)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=scenarios(), seed=st.integers(0, 2**63 - 1))
def test_a_rule_sees_what_the_plain_twin_hands_to_it(scenario, seed):
    name = scenario.strategies[0].name
    ruled = following("everything", scenario, of=name)
    result, draws = simulate(ruled, seed), Draws(seed)
    values, sectors, strategies = plain(scenario)
    strategies[0]["policy"] = user_function(rule("everything"))
    market = twin.start(values, sectors, strategies, draws)
    for step in result.steps.to_dict("records"):
        row, _ = twin.step(market, draws)
        for column in ("mean_theta", "mean_omega", "mean_T", "mean_C", "hhi"):
            assert step[column] == pytest.approx(row[column], rel=1e-7, abs=1e-7, nan_ok=True), column


def test_weights_are_clipped_and_memory_is_kept_from_review_to_review():
    scenario = following("far").replace(review_interval=1, steps=1)
    firms = simulate(scenario, 3).firms.query("strategy == 'adaptive'")
    ahead = firms["memory"] > 0
    assert set(firms["memory"]) == {-1.0, 1.0}
    assert set(firms.loc[ahead, "theta"]) == set(firms.loc[~ahead, "omega"]) == {0.95}
    assert set(firms.loc[ahead, "omega"]) == set(firms.loc[~ahead, "theta"]) == {0.05}
    assert (firms["R_reviewed"] == firms["R_smoothed"]).all()


def test_whole_numbers_and_truths_are_taken_as_numbers():
    firms = simulate(following("whole_numbers").replace(review_interval=1, steps=1), 3).firms
    ruled = firms.query("strategy == 'adaptive'")
    assert set(ruled["theta"]) == {0.95}
    assert (ruled["memory"] == 0.0).all()
    assert (ruled["direction"] == 1).all()


def test_a_run_goes_on_from_its_firms_with_what_they_remember(tmp_path):
    scenario = following("everything").replace(technology_noise=0.0, competitiveness_noise=0.0, entry_rate=0.0)
    first = simulate(scenario.replace(steps=20), 3)
    first.save(tmp_path / "run", picture=False)
    model = MarketModel(scenario.replace(steps=21), rng=3, firms=tmp_path / "run" / "firms.parquet")
    table = first.firms
    assert model.agents.get("memory").tolist() == table["memory"].tolist()
    assert not set(table["memory"]) <= {-1.0, 1.0}
    kept = simulate(scenario.replace(steps=1), 3, firms=table)
    kept.save(tmp_path / "on", picture=False)
    stored = pd.read_parquet(tmp_path / "on" / "firm_table.parquet")
    assert stored["memory"].tolist() == table["memory"].tolist()


@pytest.mark.parametrize("name", ["nan_at_nine", "raises"])
def test_a_rule_that_gives_no_number_ends_the_run_with_its_firm_and_step(name):
    scenario = following(name)
    message = (
        rf"^policy = 'rules\.py:{name}': it returned NaN, or raised an error, for firm (\d+) \(adaptive\) at step "
    )
    told = set()
    for run in (
        lambda: simulate(scenario, 3),
        lambda: simulate(scenario, 3, threads=2),
        lambda: simulate_many([scenario], [3]),
        lambda: MarketModel(scenario, rng=3).run_model(),
    ):
        with pytest.raises(StepError, match=message) as caught:
            run()
        told.add(str(caught.value))
    assert len(told) == 1


def test_what_a_rule_remembers_is_lost_with_another_strategy():
    model = MarketModel(following("everything"), rng=3)
    for _ in range(10):
        model.step()
    firm = model.agents.select(model.agents.get("strategy") == "adaptive")[0]
    assert firm.memory not in (-1.0, 1.0)
    assert firm.direction == math.copysign(1, firm.memory)
    firm.strategy = "balanced"
    assert firm.memory == firm.direction


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("return 0.5, 0.5", "it returns 2 numbers; due are three numbers, (theta, omega, memory)"),
        ("return firm.theta", "it returns number; due are three numbers"),
        ("pass", "it returns none; due are three numbers"),
        ("return firm.theat, 0.5, 1.0", "compiled: Unknown attribute 'theat' of type RuleFirm (r.py, line 2)"),
        ("return theta, 0.5, 1.0", "compiled: NameError: name 'theta' is not defined (r.py, line 2)"),
        ("return open('x'), 0.5, 1.0", "it cannot be compiled"),
    ],
)
def test_a_rule_that_cannot_be_compiled_is_refused_in_a_line(code, message):
    broken = UserFunction("r.py:broken", f"def broken(firm, sector, draw):\n    {code}\n")
    assert message in refusal(rule_address, broken)


def test_a_file_that_cannot_be_run_is_refused_with_its_line():
    broken = UserFunction(
        "r.py:rule", "import math\nx = 1 / 0\ndef rule(firm, sector, draw):\n    return 0.5, 0.5, x\n"
    )
    assert refusal(rule_address, broken) == "r.py:rule, line 2: ZeroDivisionError: division by zero"


def test_a_rule_without_its_text_is_not_run():
    message = refusal(simulate, BUSY.replace(policy=UserFunction("rules.py:adaptive")), 3)
    assert "is not run from a folder of results" in message


def test_a_pickled_market_finds_its_rules_in_another_process(tmp_path):
    model = MarketModel(following("everything"), rng=3)
    for _ in range(10):
        model.step()
    (tmp_path / "model").write_bytes(pickle.dumps(model))
    code = (
        "import pickle, pathlib\n"
        f"model = pickle.loads(pathlib.Path({str(tmp_path / 'model')!r}).read_bytes())\n"
        "for _ in range(10):\n    model.step()\nprint(repr(float(model.agents.get('theta').sum())))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for _ in range(10):
        model.step()
    assert float(printed) == float(model.agents.get("theta").sum())


def test_rules_with_the_same_text_are_compiled_once():
    assert rule_address(rule("far")) == rule_address(UserFunction("other/rules.py:far", SOURCE))
    with pytest.raises(InputError):
        rule_address(UserFunction("rules.py:far", None))
