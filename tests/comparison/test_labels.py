"""Labels of groups: levels as texts, lists in sentences, and what tells scenarios and directories apart."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm import InputError
from abm.comparison.inputs.labels import (
    differing_parameters,
    factor_levels,
    level_text,
    path_labels,
    short_list,
)
from abm.scenario.flat_names import flat_with_common


@pytest.mark.parametrize(("level", "text"), [(0.5, "0.5"), (np.float64(0), "0"), (True, "true"), ("fixed", "fixed")])
def test_a_level_is_written_as_a_user_would_type_it(level, text):
    assert level_text(level) == text


def test_a_sentence_names_eight_and_counts_the_others():
    assert short_list(["b", "a", "b"]) == "b, a"
    assert short_list("abcdefghij") == "a, b, c, d, e, f, g, h and 2 more"


def test_numbers_are_sorted_and_other_levels_keep_the_order_in_which_they_are_named():
    codes, labels, positions = factor_levels(pd.Series([0.5, 0.0, 0.5]), [0.5, 0.0])
    assert (codes.tolist(), labels, positions.tolist()) == ([1, 0, 1], ["0", "0.5"], [1, 0])
    codes, labels, positions = factor_levels(pd.Series(["b", "a"]), ["a", "b"])
    assert (codes.tolist(), labels, positions.tolist()) == ([1, 0], ["a", "b"], [0, 1])
    assert factor_levels(pd.Series([1, 5]), [5, 1], as_named=True)[1] == ["5", "1"]


def test_levels_with_the_same_label_are_refused():
    with pytest.raises(InputError, match="churn has both 1 and '1'"):
        factor_levels(pd.Series([1, "1"], name="churn", dtype=object), [1, "1"])


def test_a_parameter_of_sectors_has_a_name_of_its_own_where_all_sectors_agree():
    sectors = [{"name": "a", "demand_share": 0.5, "monetisation": 1.0}, {"name": "b", "demand_share": 0.5}]
    found = flat_with_common({"name": "two", "churn": 0.2, "runway": "inf", "sectors": sectors})
    assert found["sectors.a.demand_share"] == found["demand_share"] == 0.5
    assert found["runway"] == np.inf and "name" not in found and "monetisation" not in found


def test_parameters_differ_where_all_have_them_and_values_are_not_equal():
    assert differing_parameters([{"churn": 0.1, "k1": 0.9}, {"churn": 0.2, "k1": 0.9, "k2": 0.9}]) == ["churn"]


def test_directories_are_called_by_the_shortest_ends_that_differ():
    paths = [Path("/a/base/sweep"), Path("/a/strong/sweep"), Path("/a/base/sweep")]
    assert path_labels(paths) == ["base/sweep", "strong/sweep", "base/sweep (2)"]
