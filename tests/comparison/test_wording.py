"""Sentences of a report: p-values and labels."""

import pytest

from abm.comparison.report.wording import p_in_sentence, p_text, share_with_interval, short_label


@pytest.mark.parametrize(
    ("p", "cell", "words"),
    [(0.0, "< 0.001", "p < 0.001"), (0.0321, "0.032", "p = 0.032"), (float("nan"), "no p", "no p")],
)
def test_a_p_value_has_two_digits_and_a_lower_limit(p, cell, words):
    assert (p_text(p), p_in_sentence(p)) == (cell, words)


@pytest.mark.parametrize(
    ("group", "by", "label"),
    [("churn=0.9, k1=2", ["churn", "k1"], "0.9, 2"), ("0.9", ["churn"], "0.9"), ("my-sweep", [], "my-sweep")],
)
def test_a_short_label_leaves_out_the_names_of_the_factors(group, by, label):
    assert short_label(group, by) == label


def test_a_share_has_its_interval_if_there_is_one():
    assert share_with_interval({"share": 0.5, "low": 0.4, "high": 0.6}) == "50% [40%, 60%]"
    assert share_with_interval({"share": 0.5, "low": float("nan"), "high": 0.6}) == "50%"
