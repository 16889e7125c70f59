"""The report: self-contained, legible, escaped, and with numbers that stand in the tables."""

import html
import io
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from abm.comparison.analysis import compare
from abm.comparison.report.html import report_html, write_report
from abm.comparison.report.terminal import print_comparison
from abm.comparison.report.wording import by_effect_size, largest, leading, sentence
from abm.output.files import versions
from tests.comparison.sections import frame_of, whole

NASTY = '<script>alert("1")</script> & $x_1$ {{ 7 * 7 }}'
HEADINGS = ["What was compared", "What differs", "Regimes", "Paths", "Survival of firms", "Winners",
            "Sample size", "Method"]  # fmt: skip


@pytest.fixture(scope="module")
def page_of_three(three):
    return report_html(three, "abm compare")


class Page(HTMLParser):
    """What of a page asks for something else, its headings and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses, self.tags, self.headings, self.words = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "srcset", "data", "action")]

    def handle_data(self, text):
        (self.headings if self.tags[-1:] == ["h2"] and text.strip() else self.words).append(text.strip())


def test_the_report_asks_for_nothing_outside_itself(page_of_three):
    page, text = Page(page_of_three), page_of_three
    assert page.addresses and all(address.startswith(("data:image/svg+xml;base64,", "#")) for address in page.addresses)
    assert not {"link", "iframe", "object", "embed"} & set(page.tags)
    assert "@import" not in text and "url(" not in text
    assert "<script src" not in text and "default-src 'none'" in text


def test_the_report_is_read_in_its_order_and_ends_with_versions_and_command(three, tmp_path):
    command = "abm compare s1 --by network_effect --out 'my dir'"
    path = write_report(three, tmp_path, command)
    text = path.read_text("utf-8")
    assert path.name == "report.html"
    assert Page(text).headings == HEADINGS
    assert html.unescape(re.search("<pre>(.*)</pre>", text, re.DOTALL)[1]) == command
    for name, version in versions().items():
        assert f"{name} {version}" in text
    assert re.search(r"scipy \d", text) and re.search(r"matplotlib \d", text)


def test_equal_comparisons_have_equal_reports(three, page_of_three):
    assert report_html(three, "abm compare") == page_of_three


def test_every_number_of_a_sentence_stands_in_the_table(three):
    rows = by_effect_size(three.comparison, "0")
    for _, row in rows.iterrows():
        said = sentence(row, "GROUP", "BASE").replace(row["outcome"], "OUTCOME").replace("−", "-")
        numbers = [float(each.replace(",", "")) for each in re.findall(r"\d[\d,]*\.?\d*(?:e[+-]\d+)?", said)]
        there = row[["difference", "difference_low", "difference_high", "cliffs_delta", "variance_ratio"]]
        there = there.abs().to_numpy(float)
        assert len(numbers) >= 4
        for number in numbers:  # to three digits; p to two
            close = np.isclose(there, number, rtol=5.1e-3, atol=1e-12).any()
            close |= np.isclose(max(row["p_holm"], 0.001), number, rtol=0.051)
            assert close, said


def test_percentages_and_steps_of_the_other_sections_stand_in_their_tables(three, page_of_three):
    text = page_of_three
    row = three.regimes.sort_values("share").iloc[-1]
    assert f"{100 * row['share']:.0f}% [" in text
    share = three.survival.query(
        "group == '0.5' and strategy == sector == cohort == 'all' and step == 20"
    ).survival.iloc[0]
    assert f"scenario = 0.5: {100 * share:.0f}% [" in text and "of the firms survive for more than 20 steps" in text
    assert "HHI within sectors of scenario = 0.5 lies above that of scenario = 0 from step 7 on." in html.unescape(text)


def test_direction_size_and_worth_are_said_in_words():
    row = pd.Series({"outcome": "hhi", "difference": -812.4, "difference_low": -930.2, "difference_high": -700.4,
                     "cliffs_delta": -0.93, "cliffs_word": "large", "p_holm": 0.0321, "paired": True,
                     "variance_ratio": 3.14})  # fmt: skip
    assert sentence(row, "churn=0.2", "0.1") == (
        "With churn=0.2 hhi is 812 lower [700, 930] than with 0.1, Cliff's δ −0.93 (large), p = 0.032; paired "
        "(unpaired, 3.14 times as many runs would be needed)."
    )
    unsure = sentence(row.replace(-700.4, 12.0), "churn=0.2", "0.1")
    assert "not found to differ (−812 [−930, 12])" in unsure
    assert "; not paired." in sentence(row.replace(True, False), "a", "b")
    assert "pairing did not reduce the variance: ratio 0.5" in sentence(row.replace(3.14, 0.5), "a", "b")


def test_the_largest_effects_come_first_and_one_group_speaks_for_an_outcome():
    deltas = {"a": (0.2, -0.9), "b": (1.0, 1.0), "c": (0.1, 0.0)}
    rows = [{"outcome": name, "group": group, "sd": 1.0, "difference": scale * delta, "difference_low": 0.0,
             "difference_high": 1.0, "cliffs_delta": delta}
            for name, pair in deltas.items() for group, delta, scale in zip(("x", "y"), pair, (1.0, 2.0))]  # fmt: skip
    rows += [{"outcome": name, "group": "base", "sd": 1.0, "difference": np.nan} for name in deltas]
    found = by_effect_size(pd.DataFrame(rows), "base")
    assert list(dict.fromkeys(found.outcome)) == ["b", "a", "c"] and set(found.group) == {"x", "y"}
    assert list(zip(largest(found).outcome, largest(found).group)) == [("b", "y"), ("a", "y"), ("c", "x")]
    assert leading(found).equals(found)


def test_names_from_files_are_texts_of_the_page():
    made = whole(["0", NASTY])
    text = report_html(made, NASTY)
    assert NASTY not in text and "<script>alert" not in text and "49 }}" not in text
    assert NASTY in html.unescape(text)


def test_sections_that_are_left_out_are_named_with_the_setting_that_gives_them(tmp_path):
    made = compare(frame_of(["0", "0.5"]), by="scenario")
    page = Page(report_html(made, "abm compare"))
    assert page.headings == HEADINGS
    said = " ".join(page.words)
    for name in ("steps", "lives"):
        assert f"Left out: {made.runs.left_out(name)}" in said
    for note in made.notes:
        assert note in said


HARD = {
    "one run a group": {"churn": [0.1, 0.2], "seed": [1, 1], "hhi": [1.0, 2.0], "same": [3.0, 3.0]},
    "nothing varies": {"churn": [0.1, 0.2] * 3, "seed": [1, 1, 2, 2, 3, 3], "hhi": 5.0},
    "no value at all": {"churn": [0.1, 0.2] * 3, "seed": [1, 1, 2, 2, 3, 3], "hhi": np.nan},
    "yes or no": {"churn": [0.1, 0.2] * 5, "seed": np.arange(10), "yes": [True, False] * 5},
    "twenty-five groups": {"churn": np.arange(50) % 25, "seed": np.arange(50) // 25, "hhi": np.arange(50.0) ** 2},
}


@pytest.mark.parametrize("case", HARD)
def test_a_poor_comparison_has_a_whole_report_and_a_screen(case):
    made = compare(pd.DataFrame(HARD[case]), by="churn")
    assert Page(report_html(made, "abm compare")).headings == HEADINGS
    file = io.StringIO()
    print_comparison(made, Console(file=file, width=80, color_system=None))
    assert len(file.getvalue().splitlines()) <= 25 and "groups by churn" in file.getvalue()
