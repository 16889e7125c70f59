"""The pictures of a report: no label is cut or lies over another."""

import itertools

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from abm.comparison.report import curves, pictures
from abm.comparison.report.page import View
from abm.comparison.tables.survival import COLUMNS as SURVIVAL
from tests.comparison.sections import STRATEGIES, survival_of


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
    widths = pd.DataFrame({"group": "0", "runs": [5, 50, 500], "relative": [0.3, 0.1, 0.03], "half_width": 2.0})
    lines = dict.fromkeys(STRATEGIES, widths)
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
        {
            "a": a,
            "b": b,
            "structure": word,
            "growth": "virtuous",
            "share": share,
            "low": 0,
            "high": 1,
            "n": 1,
            "runs": 2,
        }
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


def test_long_names_of_groups_stay_apart_when_shortened(drawn):
    of_ten = drawn["ten"]
    for figure in (of_ten["paths"], of_ten["survival"]):
        assert len({text.get_text() for text in figure.legends[0].get_texts()}) == 10
    assert len({label.get_text() for label in of_ten["regimes"].axes[0].get_yticklabels()}) == 10
    assert len({ax.get_title(loc="left") for ax in of_ten["by strategy"].axes}) == 10
