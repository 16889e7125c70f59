"""What marks of a picture tell is what the comparison's tables say, where the mark is."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from abm.comparison.analysis import compare
from abm.comparison.report import pictures
from abm.comparison.report.canvas import spots
from abm.comparison.report.html import report_html
from abm.comparison.report.page import View
from abm.comparison.report.sections import sections
from tests.comparison.sections import STRATEGIES, whole

HOSTILE = """<b>"' onfocus="alert(1)" style="color:red" x='{{ 7 * 7 }}"""


@pytest.fixture(scope="module")
def told(three):
    """The spots of each picture of the report."""
    made = sections(View(three), "abm compare")
    return {picture.name: picture.spots for section in made for picture in section.pictures}


def numbers_in(text: str) -> list[float]:
    return [float(each.replace(",", "")) for each in re.findall(r"-?\d[\d,]*\.?\d*", text.replace("−", "-"))]


def test_an_effect_is_told_with_its_outcome_its_group_and_its_interval(three, told):
    table = three.comparison.set_index(["outcome", "group"])
    names = [spot.text.split("\n")[:2] for spot in told["effects"]]
    assert len(names) == 24 and len(set(map(tuple, names))) == 24
    for spot in told["effects"]:
        outcome, groups, difference, delta = spot.text.split("\n")
        group = re.fullmatch(r"scenario = (.*) against scenario = 0", groups)[1]
        row = table.loc[outcome, group]
        expected = row[["difference", "difference_low", "difference_high"]].to_numpy(float)
        np.testing.assert_allclose(numbers_in(difference), expected, rtol=5.1e-3)
        assert np.isclose(numbers_in(delta)[0], row["cliffs_delta"], rtol=5.1e-3) and row["cliffs_word"] in delta


def test_an_effect_is_told_where_it_is_drawn(told):
    """Above one another in the order of the picture; those below 0 lie to the left of those above it."""
    height = [spot.y for spot in told["effects"]]
    assert height == sorted(height) and len(set(height)) == len(height)
    sides = {True: [], False: []}
    for spot in told["effects"]:
        sides[numbers_in(spot.text.split("\n")[2])[0] > 0].append(spot.x)
    assert sides[False] and max(sides[False]) < min(sides[True])
    left, right = 100 * 2.2 / 8.0, 100 * 5.8 / 8.0  # of the axes, whose room the largest effect needs
    ends = [side for spot in told["effects"] for side in (spot.x - spot.width / 2, spot.x + spot.width / 2)]
    assert left < min(ends) < left + 3 and right - 3 < max(ends) < right


def test_a_regime_is_told_with_its_share_and_its_runs_over_the_whole_bar(three, told):
    table = three.regimes[three.regimes["share"] > 0]
    assert len(told["regimes"]) == len(table)
    scale = 100 * 5.6 / 8.0  # of the picture's width is that of its axes
    for spot in told["regimes"]:
        group, name, share = spot.text.split("\n")
        structure, _, growth = name.partition(", ")
        own = table[(table["group"] == group.removeprefix("scenario = ")) & (table["structure"] == structure)]
        ((_, row),) = own.iterrows()
        assert growth == ("" if structure == "collapsed" else "virtuous")
        assert spot.width == pytest.approx(scale * row["share"], abs=0.02)
        expected = [100 * row["share"], 100 * row["low"], 100 * row["high"], row["n"], row["runs"]]
        np.testing.assert_allclose(numbers_in(share), expected, rtol=0.06, atol=0.5)
        assert numbers_in(share)[-2:] == expected[-2:]


def test_a_winner_is_told_with_its_strategy_and_its_share(three, told):
    table = three.winners.set_index(["group", "strategy"])
    assert len(told["winners"]) == len(table) == 3 * len(STRATEGIES)
    for spot in told["winners"]:
        group, strategy, share = spot.text.split("\n")
        row = table.loc[group.removeprefix("scenario = "), strategy]
        np.testing.assert_allclose(numbers_in(share)[0], 100 * row["share"], rtol=0.06, atol=0.5)
        assert numbers_in(share)[-2:] == [row["n"], row["runs"]]
        width = 70 * (row["high"] - row["low"])
        assert width <= spot.width <= width + 1.0  # the dot sticks out


def test_a_width_is_told_at_its_number_of_runs(three, told):
    table = three.enough[three.enough["given"] == "runs"].set_index(["outcome", "group", "runs"])
    assert len(told["enough"]) > 20
    for spot in told["enough"]:
        outcome, group, text = spot.text.split("\n")
        runs, relative, width = numbers_in(text)
        row = table.loc[outcome, group.removeprefix("scenario = "), int(runs)]
        assert np.isclose(relative, 100 * row["relative"], rtol=5.1e-3)
        assert np.isclose(width, row["half_width"], rtol=5.1e-3)


def test_cells_of_a_map_are_told_in_reading_order():
    rows = [{"b": b, "a": a, "structure": "monopoly", "growth": "virtuous", "share": share, "low": 0.1, "high": 0.9,
             "n": int(20 * share), "runs": 20}
            for b, a, share in ((10, "x", 0.4), (9, "y", 0.6), (10, "y", 0.8), (9, "x", 0.5))]  # fmt: skip
    found = spots(pictures.regime_map(pd.DataFrame(rows), ["b", "a"]))
    assert [spot.text.split("\n") for spot in found] == [
        [f"b = {b}, a = {a}", "monopoly, virtuous", f"{share}% [10%, 90%], {share // 5} of 20 runs"]
        for b, a, share in ((9, "x", 50), (9, "y", 60), (10, "x", 40), (10, "y", 80))
    ]
    assert found[0].x < found[1].x and found[0].y < found[2].y and found[0].x == found[2].x


class Marks(HTMLParser):
    """The attributes of a page's marks."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "span" and dict(attributes).get("class", "").startswith("spot"):
            self.found.append(dict(attributes))


def test_names_from_files_stay_texts_of_their_mark():
    found = Marks(report_html(whole(["0", HOSTILE]), "abm compare")).found
    assert {name for each in found for name in each} == {"class", "role", "aria-label", "tabindex", "style"}
    assert sum(f"scenario = {HOSTILE}\n" in each["aria-label"] for each in found) > 5
    assert all(re.fullmatch(r"(\w+:-?[\d.]+%;?){4}", each["style"]) for each in found)


def test_a_value_that_is_missing_is_nowhere_told():
    """With one run a group there is no interval, and no unit in which effects are drawn."""
    frame = pd.DataFrame({"churn": [0.1, 0.2], "seed": [1, 1], "hhi": [1.0, 2.0], "winner": ["a", "b"]})
    found = Marks(report_html(compare(frame, by="churn"), "abm compare")).found
    assert {each["aria-label"].split("\n")[1] for each in found} == {"a", "b"}
    assert all(re.fullmatch(r"(\w+:-?[\d.]+%;?){4}", each["style"]) for each in found)
