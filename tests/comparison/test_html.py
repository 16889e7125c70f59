"""The report and the terminal screen: self-contained, legible, escaped, and with numbers that stand in the tables."""

import dataclasses
import html
import io
import itertools
import re
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from rich.console import Console

from abm.comparison.analysis import compare
from abm.comparison.report import curves, pictures
from abm.comparison.report.html import report_html, write_report
from abm.comparison.report.page import View
from abm.comparison.report.terminal import print_comparison
from abm.comparison.report.wording import by_effect_size, largest, leading, sentence
from abm.comparison.tables.survival import COLUMNS as SURVIVAL
from abm.output.files import versions

STRATEGIES = ("technology_first", "market_first", "a_strategy_with_a_very_long_name_indeed")
LONG = "a group whose name is much longer than any picture has room for, number {}"
NASTY = '<script>alert("1")</script> & $x_1$ {{ 7 * 7 }}'
HEADINGS = ["What was compared", "What differs", "Regimes", "Paths", "Survival of firms", "Winners",
            "Sample size", "Method"]  # fmt: skip


def frame_of(groups, runs: int = 12, factor: str = "scenario") -> pd.DataFrame:
    """Outcomes of runs in which some differ between the groups and some do not."""
    generator = np.random.default_rng(len(groups))
    rows = []
    for index, group in enumerate(groups):
        shared = np.random.default_rng(0).normal(size=runs)
        shares = generator.dirichlet([3, 2, 1 + index], runs)
        columns = {factor: group, "seed": np.arange(runs)}
        columns |= {f"share_{name}": shares[:, number] for number, name in enumerate(STRATEGIES)}
        columns["sector_hhi"] = 900.0 + 400.0 * index + 50.0 * shared + generator.normal(0, 20, runs)
        for number in range(14):
            columns[f"outcome_{number}"] = shared + (index * number / 10) + generator.normal(size=runs)
        columns["winner"] = np.array(STRATEGIES, dtype=object)[shares.argmax(axis=1)]
        columns["structure"] = generator.choice(["moderate", "oligopoly", "monopoly", "collapsed"], runs)
        columns["growth"] = np.where(columns["structure"] == "collapsed", None, "virtuous")
        rows.append(pd.DataFrame(columns))
    return pd.concat(rows, ignore_index=True)


def paths_of(groups) -> pd.DataFrame:
    """A stand-in for what `trajectories` makes."""
    steps = np.arange(1, 41)
    parts = []
    for (index, group), measure in itertools.product(
        enumerate(groups), ["mean_T", "sector_hhi", *(f"share_{s}" for s in STRATEGIES)]
    ):
        middle = np.sqrt(steps) * (1 + index)
        columns = {"group": group, "measure": measure, "step": steps, "median": middle, "low": middle - 0.1}
        parts.append(pd.DataFrame(columns | {"high": middle + 0.1, "q10": middle - 0.5, "q90": middle + 0.5, "n": 12}))
    return pd.concat(parts, ignore_index=True)


def survival_of(groups) -> pd.DataFrame:
    """A stand-in for what `survival` makes."""
    steps = np.arange(41)
    labels = [
        ("all", "all", "all"),
        *((name, "all", "all") for name in STRATEGIES),
        ("all", "x", "all"),
        ("all", "all", "initial"),
    ]
    parts = []
    for (index, group), (strategy, sector, cohort) in itertools.product(enumerate(groups), labels):
        curve = np.exp(-steps * (0.01 + 0.01 * index))
        columns = {"group": group, "strategy": strategy, "step": steps, "at_risk": 100, "survival": curve}
        columns |= {"low": curve * 0.9, "high": curve * 0.9 + 0.1, "sector": sector, "cohort": cohort, "runs": 12}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def whole(groups, **options):
    """A comparison that has all sections, of runs that kept nothing but outcomes."""
    made = compare(frame_of(groups), by="scenario", **options)
    kept = ("frame", "by", "baseline", "groups", "failed", "missing", "paired", "notes", "sources")
    runs = SimpleNamespace(**{name: getattr(made.runs, name) for name in kept})
    runs.left_out = lambda name: None
    parted = {
        "measure": "sector_hhi",
        "group": groups[0],
        "other": groups[1],
        "step": 7,
        "step_median": 3,
        "higher": groups[1],
    }
    nothing = parted | {"measure": "mean_T", "step": pd.NA, "step_median": pd.NA, "higher": None}
    return dataclasses.replace(made, runs=runs, trajectories=paths_of(groups), survival=survival_of(groups),
                               partings=pd.DataFrame([parted, nothing]))  # fmt: skip


@pytest.fixture(scope="module")
def three():
    return whole(["0", "0.5", "0.9"])


@pytest.fixture(scope="module")
def page_of_three(three):
    return report_html(three, "abm compare")


@pytest.fixture(scope="module")
def ten():
    return whole([LONG.format(number) for number in range(10)])


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
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    assert "@import" not in text and "url(" not in text


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
        said = sentence(row, "GROUP", "BASE").replace(row["outcome"], "OUTCOME")
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
    assert f"scenario=0.5: {100 * share:.0f}% [" in text and "of the firms survive for more than 20 steps" in text
    assert "HHI within sectors of scenario=0.5 lies above that of 0 from step 7 on." in html.unescape(text)


def test_direction_size_and_worth_are_said_in_words():
    row = pd.Series({"outcome": "hhi", "difference": -812.4, "difference_low": -930.2, "difference_high": -700.4,
                     "cliffs_delta": -0.93, "cliffs_word": "large", "p_holm": 0.0321, "paired": True,
                     "variance_ratio": 3.14})  # fmt: skip
    assert sentence(row, "churn=0.2", "0.1") == (
        "With churn=0.2 hhi is 812 lower [700, 930] than with 0.1, Cliff's δ -0.93 (large), p = 0.032; paired "
        "(unpaired, 3.14 times as many runs would be needed)."
    )
    unsure = sentence(row.replace(-700.4, 12.0), "churn=0.2", "0.1")
    assert "not found to differ (-812 [-930, 12])" in unsure
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
    assert "<script" not in text and "{{" not in re.sub(re.escape(html.escape("{{ 7 * 7 }}")), "", text)
    assert NASTY in html.unescape(text) and "49 }}" not in text


def test_sections_that_are_left_out_are_named_with_the_setting_that_gives_them(tmp_path):
    made = compare(frame_of(["0", "0.5"]), by="scenario")
    page = Page(report_html(made, "abm compare"))
    assert page.headings == HEADINGS
    said = " ".join(page.words)
    for name in ("steps", "lives"):
        assert f"Left out: {made.runs.left_out(name)}" in said
    for note in made.notes:
        assert note in said


@pytest.mark.parametrize("name", ["three", "ten"])
def test_the_terminal_says_it_in_one_screen(name, request):
    made = request.getfixturevalue(name)
    made = dataclasses.replace(
        made, notes=[f"{number}: a note that is far too long for a line of {'x' * 90}" for number in range(9)]
    )
    file = io.StringIO()
    print_comparison(made, Console(file=file, width=80, color_system=None))
    lines = file.getvalue().splitlines()
    assert len(lines) <= 25 and max(map(len, lines)) <= 80
    assert "difference [95%]" in file.getvalue() and "sector_hhi" in file.getvalue() and "wins" in file.getvalue()
    told = re.sub(r"\s", "", file.getvalue())
    shown = [note for note in made.notes if re.sub(r"\s", "", note) in told]
    assert shown  # whole, wrapped
    assert f"({len(made.notes) - len(shown)} more notes in report.html)" in file.getvalue()
    assert "x…" not in file.getvalue()


def test_a_note_is_not_cut_on_the_terminal(three):
    note = (
        "Intervals of the mean may cover the true value less often than 95%, since these are too skewed: "
        + "hill, " * 12
    )
    file = io.StringIO()
    print_comparison(dataclasses.replace(three, notes=[note]), Console(file=file, width=80, color_system=None))
    assert f"note: {' '.join(note.split())}" in " ".join(file.getvalue().split())
    assert max(map(len, file.getvalue().splitlines())) <= 80


def figures_of(made) -> dict:
    view = View(made)
    table = view.frame("comparison")
    drawn = {
        "effects": pictures.effects(table, view.baseline, view.title),
        "winners": pictures.winners(view.frame("winners"), "w"),
    }
    drawn |= {
        "regimes": pictures.regime_bars(view.frame("regimes"), view.title),
        "paths": curves.paths(view.frame("trajectories"), "g"),
    }
    drawn["survival"] = curves.survival_by_group(view.frame("survival"), view.title)
    drawn["by strategy"] = curves.survival_by_part(view.frame("survival"), "strategy")
    lines = {name: pd.DataFrame({"runs": [5, 50, 500], "relative": [0.3, 0.1, 0.03]}) for name in STRATEGIES}
    return drawn | {"widths": curves.widths(lines)}


@pytest.fixture(scope="module")
def drawn(three, ten):
    """The pictures of both comparisons."""
    return {"three": figures_of(three), "ten": figures_of(ten)}


def texts_of(figure) -> list[Text]:
    """The texts that are seen: of tick labels those inside the view."""
    sides = [side for ax in figure.axes for side in (ax.xaxis, ax.yaxis)]
    ticks = {
        label
        for side in sides
        for tick in (*side.get_major_ticks(), *side.get_minor_ticks())
        for label in (tick.label1, tick.label2)
    }
    seen = [text for text in figure.findobj(Text) if text not in ticks]
    for side in sides:
        low, high = sorted(side.get_view_interval())
        positions = zip(side.get_majorticklocs(), side.get_ticklabels(), strict=True)
        seen += [label for index, label in positions if low <= index <= high]
    return [text for text in seen if text.get_visible() and text.get_text()]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["three", "ten"])
def test_no_label_of_a_picture_is_cut_or_lies_over_another(name, drawn):
    for title, figure in drawn[name].items():
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        width, height = canvas.get_width_height()
        boxes = [(text.get_text(), text.get_window_extent(canvas.get_renderer())) for text in texts_of(figure)]
        assert len(boxes) > 5
        for text, box in boxes:
            assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= -1, f"{title}: {text!r} is cut"
        for (one, box), (other, another) in itertools.combinations(boxes, 2):
            over = (
                min(box.x1, another.x1) - max(box.x0, another.x0),
                min(box.y1, another.y1) - max(box.y0, another.y0),
            )
            assert over[0] <= 1 or over[1] <= 3, f"{title}: {one!r} over {other!r}"


def test_a_map_of_two_factors_shows_the_most_frequent_regime_of_each_cell():
    rows = [
        {"a": a, "b": b, "structure": word, "growth": "virtuous", "share": share}
        for a, b in itertools.product((0.1, 0.2), ("x", "y"))
        for word, share in (("monopoly", 0.3 + a), ("moderate", 0.7 - a))
    ]
    figure = pictures.regime_map(pd.DataFrame(rows), ["a", "b"])
    said = [text.get_text() for text in figure.axes[0].texts]
    assert said.count("60%") == 2 and said.count("50%") == 2  # at 0.1 moderate leads, at 0.2 both have half
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["x", "y"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["0.1", "0.2"]


def test_curves_and_their_stand_ins_have_the_same_columns():
    assert set(survival_of(["0"])) == set(SURVIVAL)


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


def test_long_names_of_groups_stay_apart_when_shortened(drawn):
    of_ten = drawn["ten"]
    for figure in (of_ten["paths"], of_ten["survival"]):
        assert len({text.get_text() for text in figure.legends[0].get_texts()}) == 10
    assert len({label.get_text() for label in of_ten["regimes"].axes[0].get_yticklabels()}) == 10
    assert len({ax.get_title(loc="left") for ax in of_ten["by strategy"].axes}) == 10
