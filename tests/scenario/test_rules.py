"""Policies that name a rule of the user's own: how they are read, and what of them a scenario keeps."""

import copy
import pickle

import pytest

from abm import Scenario
from abm.scenario.rules import UserFunction, rules_of
from tests.scenario_texts import refusal

GREEDY = "def greedy(firm, sector, draw):\n    return 0.9, 0.5, 0.0\n"
TEXT = """
[[strategies]]
name = "own"
technology_weight = 0.5
policy = "rules.py:greedy"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "rules.py").write_text(GREEDY)
    (tmp_path / "market.toml").write_text(TEXT)
    return tmp_path


def test_a_rule_is_read_from_the_scenarios_folder_and_not_run(folder):
    (folder / "rules.py").write_text(f"raise SystemExit\n{GREEDY}")
    scenario = Scenario.load(folder / "market.toml")
    (rule,) = rules_of(scenario)
    assert (rule, rule.name, rule.source) == ("rules.py:greedy", "greedy", f"raise SystemExit\n{GREEDY}")
    assert scenario.to_dict()["strategies"][0]["policy"] == "rules.py:greedy"


def test_its_text_stays_with_all_that_is_made_of_a_scenario(folder):
    scenario = Scenario.load(folder / "market.toml")
    (folder / "rules.py").unlink()
    for made in (
        scenario.replace(churn=0.3),
        scenario.replace(weight=2),
        scenario.with_settings(["steps=10"]),
        pickle.loads(pickle.dumps(scenario)),
        copy.deepcopy(scenario),
        Scenario(**scenario.to_dict()),
    ):
        assert rules_of(made)[0].source == GREEDY
    assert rules_of(scenario.replace(policy="fixed")) == []


def test_a_setting_names_a_file_from_where_the_process_is(folder, monkeypatch):
    monkeypatch.chdir(folder)
    scenario = Scenario().with_settings(["policy=rules.py:greedy"])
    assert rules_of(scenario)[0].source == GREEDY
    assert rules_of(Scenario().replace(policy="rules.py:greedy"))[0].digest == rules_of(scenario)[0].digest


def test_scenarios_with_other_texts_of_a_rule_differ(folder):
    scenario = Scenario.load(folder / "market.toml")
    assert scenario == Scenario.load(folder / "market.toml")
    (folder / "rules.py").write_text(GREEDY.replace("0.9", "0.8"))
    assert scenario != Scenario.load(folder / "market.toml")


def test_a_stored_scenario_names_its_rule_and_looks_for_no_file(folder):
    (folder / "rules.py").unlink()
    (rule,) = rules_of(Scenario.stored(folder / "market.toml"))
    assert isinstance(rule, UserFunction)
    assert rule.source is None


@pytest.mark.parametrize(
    ("policy", "source", "message"),
    [
        ("rules.py:greedy", None, "rules.py: No such file or directory"),
        ("rules.py:greddy", GREEDY, "defines no function 'greddy' (did you mean 'greedy'?)"),
        ("rules.py:greedy", "def greedy(firm:\n", "rules.py, line 1: "),
        ("rules.py:greedy", "\ndef greedy(firm):\n    pass", "line 2: greedy takes (firm); it is called with (firm"),
        ("rules.py:greedy", "def greedy(*a):\n    pass", "greedy takes (*a); it is called with (firm, sector, draw)"),
        ("rules.py:greedy", "def greedy(firm, sector, draw, x=1):\n    pass", "takes (firm, sector, draw, x=1); it is"),
        ("rules.py:greedy", "def greedy(firm, sector, draw, *, x=1):\n    pass", "takes (firm, sector, draw, *, x=1)"),
        ("rules.py:greedy", b"\xff\xfe", "is not a text file in UTF-8"),
        ("rules.py", GREEDY, "is not fixed, adaptive or imitate, nor FILE.py:NAME, a rule of your own"),
        ("adaptve", GREEDY, "nor FILE.py:NAME, a rule of your own (did you mean 'adaptive'?)"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused(tmp_path, policy, source, message):
    (tmp_path / "market.toml").write_text(TEXT.replace("rules.py:greedy", policy))
    if source is not None:
        (tmp_path / "rules.py").write_bytes(source if isinstance(source, bytes) else source.encode())
    told = refusal(Scenario.load, tmp_path / "market.toml")
    assert told.startswith(f"{tmp_path / 'market.toml'}: ")
    assert f"policy = {policy!r}" in told
    assert message in told
