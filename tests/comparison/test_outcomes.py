"""Which outcomes are compared: numbers, the values of texts, and names that users give."""

import numpy as np
import pandas as pd
import pytest

from abm import InputError
from abm.comparison.inputs.outcomes import categories_in, chosen_outcomes, numbers_of, strategies_in
from abm.scenario.regimes import GROWTHS, STRUCTURES


@pytest.mark.parametrize("names", [STRUCTURES, GROWTHS])
def test_regimes_are_in_their_order_and_missing_ones_last(names):
    column = pd.Series([*reversed(names), None])
    assert categories_in(column) == [*names, "none"]


def test_other_texts_are_in_alphabetical_order():
    assert categories_in(pd.Series(["b", "a"])) == ["a", "b"]


def test_each_value_of_a_text_is_an_outcome_of_zeros_and_ones():
    found = numbers_of(pd.DataFrame({"hhi": [1, np.inf], "winner": ["a", None]}))
    assert list(found["winner"]) == ["winner=a", "winner=none"]
    assert found["winner"]["winner=a"].tolist() == [1.0, 0.0] and found["winner"]["winner=none"].tolist() == [0.0, 1.0]
    assert found["hhi"]["hhi"][0] == 1.0 and np.isnan(found["hhi"]["hhi"][1])


def test_a_column_stands_for_all_its_outcomes_and_an_unknown_name_is_refused():
    known = {"hhi": ["hhi"], "winner": ["winner=a", "winner=b"]}
    assert chosen_outcomes(known, ["winner", "hhi"]) == ["winner=a", "winner=b", "hhi"]
    assert chosen_outcomes(known, []) == ["hhi", "winner=a", "winner=b"]
    with pytest.raises(InputError, match=r"unknown outcome 'hhl' \(did you mean 'hhi'\?\)"):
        chosen_outcomes(known, ["hhl"])


def test_strategies_are_those_with_a_share():
    assert strategies_in(["hhi", "share_bold", "share_shy"]) == ["bold", "shy"]
