"""Sweeps whose runs call functions of the user's own: rules, and an intervention before each step."""

import json

import pytest

from abm import Scenario, compare, simulate
from abm.market.user_functions import user_function
from abm.scenario.rules import UserFunction
from abm.sweeps import Design, load_sweep, sweep
from abm.sweeps.design.plan import plan_of
from abm.sweeps.estimate import estimate
from abm.sweeps.status import run_again
from tests.scenario_texts import refusal
from tests.sweeping import InProcess, make

RULE = "rules.py:greedy"
GREEDY = "def greedy(firm, sector, draw):\n    return firm.theta + 0.1, firm.omega, draw\n"
POLICIES = """
seen = []

def closing(model):
    seen.append(model.steps_done)
    if len(seen) == 10:
        model.close(model.agents.select(at_most=3))

def failing(model):
    if model.steps_done == 5:
        raise ValueError("no idea")

def leaving(model):
    raise SystemExit("enough")
"""
DESIGN = """
scenario = "one-market"
[set]
steps = 20
capacity = 30
[factors]
"strategies.balanced.policy" = ["fixed", "rules.py:greedy"]
[replications]
count = 2
"""
INTERVENED = """
scenario = "one-market"
[set]
steps = 20
capacity = 30
[factors]
churn = [0.1, 0.5]
[replications]
count = 2
[collect]
lives = true
[intervention]
function = "policies.py:closing"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "rules.py").write_text(GREEDY)
    (tmp_path / "policies.py").write_text(POLICIES)
    (tmp_path / "design.toml").write_text(DESIGN)
    (tmp_path / "intervened.toml").write_text(INTERVENED)
    return tmp_path


def test_runs_of_a_sweep_by_a_rule_are_those_of_simulate(folder, monkeypatch):
    design = Design.load(folder / "design.toml")
    monkeypatch.chdir("/")
    make(design, folder / "out")
    outcomes = load_sweep(folder / "out").outcomes
    rule = UserFunction(RULE, GREEDY)
    scenario = Scenario.load("one-market").replace(steps=20, capacity=30)
    for _, row in outcomes.iterrows():
        policy = row["strategies.balanced.policy"]
        own = scenario.replace(**{"strategies.balanced.policy": rule if policy == RULE else policy})
        assert row["hhi"] == simulate(own, int(row["seed"]), collect="light").outcomes["hhi"]
    by_policy = outcomes.groupby("strategies.balanced.policy")["mean_theta"].mean()
    assert by_policy[RULE] != by_policy["fixed"]


def test_a_changed_rule_makes_new_runs_and_the_other_points_keep_theirs(folder):
    first = plan_of(Design.load(folder / "design.toml"))
    make(Design.load(folder / "design.toml"), folder / "out")
    assert make(Design.load(folder / "design.toml"), folder / "out") == 0
    (folder / "rules.py").write_text(GREEDY.replace("0.1", "0.2"))
    assert make(Design.load(folder / "design.toml"), folder / "out") == 2
    second = plan_of(Design.load(folder / "design.toml"))
    assert (first.keys == second.keys).tolist() == [True, False]
    manifest = json.loads((folder / "out" / "manifest.json").read_text())
    assert "0.2" in manifest["functions"][f"policy {RULE}"]["source"]


def test_an_intervention_is_called_anew_in_every_run_and_is_part_of_their_identity(folder):
    design = Design.load(folder / "intervened.toml")
    make(design, folder / "out")
    results = load_sweep(folder / "out")
    closed = results.lives[results.lives["reason"] == "closed"]
    assert closed.groupby(["point", "replication"]).size().tolist() == [3] * 4
    assert set(closed["exit_step"]) == {10}
    row = results.outcomes.iloc[-1]
    function = user_function(UserFunction("policies.py:closing", POLICIES))
    alone = simulate(design.scenario_at({"churn": 0.5}), int(row["seed"]), collect="light", each_step=function)
    assert row["hhi"] == alone.outcomes["hhi"]
    (folder / "policies.py").write_text(POLICIES.replace("at_most=3", "at_most=2"))
    changed = Design.load(folder / "intervened.toml")
    assert not set(plan_of(changed).keys) & set(plan_of(design).keys)
    assert make(changed, folder / "out") == 4
    plain = Design.from_toml(INTERVENED.partition("[intervention]")[0])
    assert not set(plan_of(plain).keys) & set(plan_of(design).keys)


MEASURED = """
scenario = "one-market"
[set]
steps = 20
capacity = 30
[factors]
churn = [0.1, 0.5]
[replications]
count = 3
[collect]
steps = 5
measures = "mine.py:young,large"
"""
MINE = """
def young(firms):
    return (firms.age < 8).mean()

def large(firms):
    return firms.B.max()
"""


def test_measures_stand_among_the_outcomes_and_steps_of_a_sweep_and_are_compared(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    design = Design.from_toml(MEASURED, "my.toml", tmp_path)
    make(design, tmp_path / "out")
    results = load_sweep(tmp_path / "out")
    row = results.outcomes.iloc[-1]
    functions = {name: user_function(UserFunction(f"mine.py:{name}", MINE)) for name in ("young", "large")}
    alone = simulate(design.scenario_at({"churn": 0.5}), int(row["seed"]), collect="light", every=5, measures=functions)
    assert row[["young", "large"]].tolist() == alone.outcomes[["young", "large"]].tolist()
    steps = results.steps
    assert steps[["young", "large"]].tail(4).to_numpy().tolist() == alone.steps[["young", "large"]].to_numpy().tolist()
    effects = compare(tmp_path / "out").comparison
    assert {"young", "large"} <= set(effects["outcome"])
    (tmp_path / "mine.py").write_text(MINE.replace("8", "9"))
    assert make(Design.from_toml(MEASURED, "my.toml", tmp_path), tmp_path / "out") == 6


@pytest.mark.slow
def test_local_processes_make_the_runs_of_this_process(folder):
    for name in ("design", "intervened"):
        design = Design.load(folder / f"{name}.toml")
        make(design, folder / name)
        sweep(design, folder / f"{name}-local", workers=2)
        ours, theirs = (load_sweep(folder / each).outcomes for each in (name, f"{name}-local"))
        assert ours.equals(theirs)


@pytest.mark.parametrize(
    ("function", "message"), [("failing", "ValueError: no idea"), ("leaving", "SystemExit: enough")]
)
def test_what_an_intervention_raises_fails_its_runs_with_its_message(folder, function, message):
    text = INTERVENED.replace("closing", function)
    make(Design.from_toml(text, "my.toml", folder), folder / "out")
    failures = load_sweep(folder / "out").failures
    assert set(failures["error"]) == {message}
    assert len(failures) == 4


def test_a_design_is_not_swept_whose_functions_no_run_could_call(folder):
    (folder / "rules.py").write_text("def greedy(firm, sector, draw):\n    return firm.theta\n")
    design = Design.load(folder / "design.toml")
    told = refusal(sweep, design, folder / "out", executor=InProcess())
    assert told.startswith(f"{folder / 'design.toml'}: policy = '{RULE}': it returns number; due are three numbers")
    assert not (folder / "out").exists()


def test_no_code_is_run_from_a_sweeps_folder(folder, monkeypatch):
    for name, told in (("design", "policy rules.py:greedy"), ("intervened", "intervention policies.py:closing")):
        make(Design.load(folder / f"{name}.toml"), folder / name)
        assert f"its runs called {told}, and no code is run" in refusal(run_again, folder / name, 0, 0)


def test_estimates_are_of_runs_with_the_users_functions(folder):
    design = Design.from_toml(INTERVENED.replace("closing", "failing"), "my.toml", folder)
    with pytest.raises(ValueError, match="no idea"):
        estimate(design, InProcess())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("policies.py:closing", "policies.py:clsing", "defines no function 'clsing' (did you mean 'closing'?)"),
        ("policies.py:closing", "none.py:closing", "none.py: No such file or directory"),
        ("policies.py:closing", "closing", "[intervention] function = 'closing' is not of the form FILE.py:NAME"),
        ("function", "functon", "[intervention] unknown key 'functon' (did you mean 'function'?)"),
        ("churn = [0.1, 0.5]", 'policy = ["fixed", "rules.py:gredy"]', "defines no function 'gredy'"),
    ],
)
def test_functions_that_a_design_cannot_find_are_refused(folder, old, new, message):
    text = INTERVENED.replace(old, new)
    told = refusal(Design.from_toml, text, "my.toml", folder)
    assert told.startswith("my.toml: [")
    assert message in told
