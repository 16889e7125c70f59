"""Files of the user's own: what they are run as, and what is refused of them in a line."""

import builtins

import pytest

from abm import simulate
from abm.market.own_measures import measure_addresses
from abm.market.rules import rule_address
from abm.market.user_functions import user_function
from abm.scenario.rules import UserFunction
from tests.mesa_view import BUSY
from tests.scenario_texts import refusal

RULE = "def rule(firm, sector, draw):\n    return 0.5, 0.5, 1.0\n"


@pytest.mark.parametrize("file", ["./rules/r.py", "../r.py", ".r.py", "/somewhere/a.b/r.py", "r.py"])
def test_a_file_may_have_any_path(file):
    assert rule_address(UserFunction(f"{file}:rule", f"{RULE}# {file}\n"))  # a text of its own is compiled


def test_a_file_in_the_present_folder_is_run_once(tmp_path, monkeypatch):
    source = f"import builtins\nbuiltins.times_run = getattr(builtins, 'times_run', 0) + 1\n{RULE}"
    (tmp_path / "own_r.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")  # as under python -m abm
    monkeypatch.setattr(builtins, "times_run", 0, raising=False)
    rule_address(UserFunction("own_r.py:rule", source))
    assert builtins.times_run == 1


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        ("rule = 3", "r.py:rule: at the end of its file rule is 3, not a function"),
        ("del rule", "r.py:rule: at the end of its file rule is deleted, not a function"),
        ("raise SystemExit(3)", "r.py:rule, line 3: SystemExit: 3"),
        ("raise ValueError('of\\ntwo lines')", "r.py:rule, line 3: ValueError: of two lines"),
        ("rule = lambda firm: 1.0", "r.py, line 3: <lambda> takes (firm); it is called with (firm, sector, draw)"),
        ("rule = float", "<class 'float'> is not a function of (firm, sector, draw) made by def or lambda"),
    ],
)
def test_what_a_file_leaves_under_the_name_is_the_function(ending, message):
    assert message in refusal(rule_address, UserFunction("r.py:rule", f"{RULE}{ending}\n"))


def test_an_interruption_while_a_file_is_run_is_one():
    with pytest.raises(KeyboardInterrupt):
        user_function(UserFunction("r.py:rule", f"{RULE}raise KeyboardInterrupt\n"))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os", "Use of unsupported opcode (IMPORT_NAME) found (r.py, line 4)"),
        (
            "try:\n        x = 1.0\n    except Exception as e:\n        pass",
            "cannot be stored into variable (e) (r.py, line ",
        ),
        ("with open('x') as f:\n        pass", "construct is not supported (r.py, line "),
        ("global Z\n    Z = 1.0", "(STORE_GLOBAL) found (r.py, line 5)"),
        ("class A:\n        pass", "(LOAD_BUILD_CLASS) found (r.py, line 4)"),
        ("given.T = 0.4", "NotImplementedError: No definition for lowering"),
        ("given.T = 0.4", " (r.py, line 4)"),
        ("x = nothing", "NameError: name 'nothing' is not defined (r.py, line 4)"),
        ("np.nothing()", "AttributeError: module 'numpy' has no attribute 'nothing' (r.py, line 4)"),
    ],
)
def test_what_cannot_be_compiled_is_refused_with_numbas_reason_and_the_line(code, message):
    source = "import numpy as np\ndef {}:\n    given = {}\n    " + code + "\n    return {}\n"
    rule = UserFunction("r.py:rule", source.format("rule(firm, sector, draw)", "firm", "0.5, 0.5, 1.0"))
    measure = UserFunction("r.py:own", source.format("own(firms)", "firms", "1.0"))
    for told in (refusal(rule_address, rule), refusal(measure_addresses, {"own": measure})):
        assert "it cannot be compiled: " in told
        assert message in told


class Holder:
    def method(self, firms):
        return 1.0


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        (lambda a, b: 1.0, "<lambda> takes (a, b); it is called with (firms)"),
        (lambda firms, x=1.0: x, "<lambda> takes (firms, x=1.0); it is called with (firms)"),
        (lambda *firms: 1.0, "<lambda> takes (*firms); it is called with (firms)"),
        (Holder().method, "is not a function of (firms) made by def or lambda"),
    ],
)
def test_a_measure_takes_the_firms_and_nothing_else(measure, message):
    told = refusal(simulate, BUSY, 3, measures={"own": measure})
    assert told.startswith("measure own: ")
    assert message in told
