"""Conditions on outcomes: what they mean, and what is refused before anything is computed."""

import numpy as np
import pandas as pd
import pytest

from abm import InputError
from abm.discovery.condition import Condition, beyond

RUNS = pd.DataFrame(
    {
        "hhi": [900.0, 7000.0, np.nan],
        "structure": ["fragmented", "monopoly", None],
        "sectors.a.mean_R": [1.0, 2.0, 3.0],
        "share_a-b": [0.1, 0.2, 0.3],
        "n": [1, 2, 3],
        "flag": [True, False, True],
        "note": ["a`b@c", "x'y", "a  b"],
    }
)


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("hhi > 6400", [False, True, False]),
        ("structure == 'monopoly'", [False, True, False]),
        ("structure in ['monopoly', 'none']", [False, True, True]),
        ("structure not in ('monopoly',)", [True, False, True]),
        ("`sectors.a.mean_R` > 1.5 and not flag", [False, True, False]),
        ("flag", [True, False, True]),
        ("`share_a-b` >= -.2", [True, True, True]),
        ("1 < n < 3 or n == 3", [False, True, True]),
        ("n >\n 1", [False, True, True]),
        ("hhi > n", [True, True, False]),
        ("note == 'a`b@c'", [True, False, False]),
        ("note == \"x'y\" or note == 'a  b'", [False, True, True]),
        ("'monopoly' == structure", [False, True, False]),
    ],
)
def test_a_condition_means_what_it_says(text, met):
    assert Condition.read(text, RUNS).met(RUNS)[0].tolist() == met


@pytest.mark.parametrize("text", ["hhi > 6400", "not hhi > 6400", "hhi != 1", "hhi < 1e9 or n == 3"])
def test_a_run_without_a_number_is_neither_met_nor_known(text):
    met, known = Condition.read(text, RUNS).met(RUNS)
    assert known.tolist() == [True, True, False] and not met[2]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hhi.max() > 3", "calls are not allowed"),
        ("__import__('os')", "calls are not allowed"),
        ("structure == str(1)", "calls are not allowed"),
        ("hhl > 3", r"unknown outcome 'hhl' \(did you mean 'hhi'\?\)"),
        ("index > 0", "unknown outcome 'index'"),
        ("`hhi.__class__` > 1", "unknown outcome"),
        ("hhi > '3'", "hhi is a number and '3' a text"),
        ("structure > 3", "structure is a text and 3 a number"),
        ("structure > 'a'", "only be equal"),
        ("n in [1, 'a']", "'a' in its list"),
        ("sectors.a.mean_R > 1", "between backticks: `sectors.a.mean_R`"),
        ("hhi.real > 1", "attributes are not allowed"),
        ("@hhi > 1", "@ is not allowed"),
        ("`hhi > 1", "a backtick is not closed"),
        ("hhi > 1 & n < 2", "write and, or"),
        ("~flag", "write not"),
        ("hhi + 1 > 2", "arithmetic is not allowed"),
        ("hhi", "no condition by itself"),
        ("1 < 2", "names no outcome"),
        ("hhi is 3", "write == or !="),
        ("hhi in []", "is empty"),
        ("hhi[0] > 1", "subscripts are not allowed"),
        ("f'{hhi}' == 'a'", "f-strings are not allowed"),
        ("[x for x in hhi]", "no comparison of an outcome"),
        ("hhi >", "cannot be read"),
        ("hhi > 1" + "0" * 400, "too large"),
        ("hhi > 1 " + "and hhi > 1 " * 200, "letters"),
        ("not " * 100 + "flag", "deep"),
        ("churn > 0.1", "churn is a factor"),
        ("", "is not a text such as"),
        (None, "is not a text such as"),
    ],
)
def test_what_is_no_condition_on_outcomes_is_refused(text, why):
    with pytest.raises(InputError, match=why):
        Condition.read(text, RUNS, ("churn",))


def test_a_word_that_no_run_has_is_told_with_the_nearest_one():
    (hint,) = Condition.read("structure == 'monopol'", RUNS).hints
    assert hint == "No run has structure 'monopol' (did you mean 'monopoly'?)."


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("structure=3", "structure is a text, not a number"),
        ("hhl=3", r"did you mean 'hhi'"),
        ("hhi=many", "'many' is not a number"),
        ("hhi=nan", "is not a number"),
        ("hhi", "is not OUTCOME=VALUE"),
    ],
)
def test_what_lies_above_or_below_nothing_is_refused(given, why):
    with pytest.raises(InputError, match=why):
        beyond(given, ">", RUNS)


def test_above_and_below_are_strict():
    for sign, met in ((">", [False, False, True]), ("<", [True, False, False])):
        text = beyond("sectors.a.mean_R=2", sign, RUNS)
        assert Condition.read(text, RUNS).met(RUNS)[0].tolist() == met
