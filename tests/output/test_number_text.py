"""Numbers as texts."""

import pytest

from abm.output.number_text import axis_number


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1, "1"), (0.25, "0.25"), (1000, "1,000"), (20_000, "20k"), (999_979, "1M"), (1e6, "1M"),
     (1e9, "1e9"), (1e-4, "1e−4"), (-5, "−5"), (123_456_789, "123M")],
)  # fmt: skip
def test_numbers_on_axes_are_short(value, text):
    assert axis_number(value) == text
