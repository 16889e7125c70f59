"""The picture of a run: drawn for every kind of run, labelled, and with no text over another."""

import itertools
import time

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from abm.output.endings import ends_of
from abm.output.overview import POINTS, _ratio_ticks, overview
from abm.output.style import save
from abm.scenario.scenario import Scenario
from abm.simulation.simulate import simulate
from tests.output.fonts import needs_chinese
from tests.output.pictured import (
    BASE,
    RUNS,
    a_million_firms,
    changed,
    no_return_at_all,
    panels_of,
    returns_up_to_a_million,
)


@pytest.fixture(
    scope="module", params=[pytest.param(each, marks=needs_chinese if "Chinese" in each else ()) for each in RUNS]
)
def drawn(request):
    """A run, its picture, and the picture drawn."""
    result = RUNS[request.param]()
    figure = overview(result)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return result, figure, canvas.get_renderer()


def texts_of(figure: Figure) -> list[Text]:
    """The texts that are seen: of tick labels those inside the view."""
    axes = [side for ax in figure.axes for side in (ax.xaxis, ax.yaxis)]
    ticks = {label for side in axes for tick in side.get_major_ticks() for label in (tick.label1, tick.label2)}
    ticks |= {label for side in axes for tick in side.get_minor_ticks() for label in (tick.label1, tick.label2)}
    seen = [text for text in figure.findobj(Text) if text not in ticks]
    for side in axes:
        low, high = sorted(side.get_view_interval())
        places = zip(side.get_majorticklocs(), side.get_ticklabels(), strict=True)
        seen += [label for place, label in places if low <= place <= high]
    return [text for text in seen if text.get_visible() and text.get_text()]


def height_of(figure: Figure) -> int:
    return round(100 * figure.get_figheight())


@pytest.mark.filterwarnings("error")
def test_every_kind_of_run_is_drawn_and_written_without_a_warning(drawn, tmp_path):
    figure = overview(drawn[0])
    save(figure, tmp_path / "overview.png")
    with Image.open(tmp_path / "overview.png") as picture:
        assert picture.size == (1600, height_of(figure))


def test_no_text_lies_over_another_and_none_is_cut(drawn):
    result, figure, renderer = drawn
    assert height_of(figure) == (1200 if len(result.scenario.sectors) > 1 and len(result.sectors) else 900)
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts_of(figure)]
    for (one, box), (other, another) in itertools.combinations(boxes, 2):
        overlap = (
            min(box.x1, another.x1) - max(box.x0, another.x0),
            min(box.y1, another.y1) - max(box.y0, another.y0),
        )
        # Boxes of text have a pixel or two of air above and below.
        assert overlap[0] <= 1 or overlap[1] <= 2, f"{one!r} over {other!r}"
    for text, box in boxes:
        assert min(box.x0, box.y0, 1600 - box.x1, height_of(figure) - box.y1) >= 0, f"{text!r} is cut"


def test_changes_have_a_line_each_and_names_that_are_joined_where_they_are_near():
    result = RUNS["changes that are near"]()
    figure = overview(result)
    FigureCanvasAgg(figure).draw()
    ax = panels_of(figure)[0]
    lines = {line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 2 and len(set(line.get_xdata())) == 1}
    assert lines >= {12, 21, 22, 23, 24, 25, 30, 40}
    height = ax.get_window_extent().height
    names = [text for text in ax.texts if text.get_rotation() == 90]
    assert names[0].get_text() == "portability_at_12 and 1 more" and names[-1].get_text() == "churn_at_40"
    assert all(text.get_window_extent().height <= height for text in names)
    said = figure.texts[-1].get_text()
    assert said.startswith("Changes: portability_at_12 (from step 12 on), demand_shock_at_12 (from step 12 on), ")
    assert said.endswith(" more")


def test_text_is_at_least_ten_points_high(drawn):
    assert min(text.get_fontsize() for text in texts_of(drawn[1])) >= 10


def test_every_panel_has_a_title_and_axes_with_units(drawn):
    result, figure, _ = drawn
    labels = [(ax.get_title("left"), ax.get_xlabel(), ax.get_ylabel()) for ax in panels_of(figure)]
    assert all(all(texts) for texts in labels)
    by_title = {title: (x, y) for title, x, y in labels}
    T0 = result.scenario.T0
    scales = {ax.get_title("left"): ax.get_yscale() for ax in panels_of(figure)}
    for title, linear, logarithmic in (
        ("R, return (revenue / cost)", "R (1 = break-even)", "R (1 = break-even; log scale)"),
        ("T, technology accumulation", f"T (baseline ≈ {T0:g})", f"T (baseline ≈ {T0:g}; log scale)"),
        ("Concentration", "HHI (0–10,000)", "HHI (0–10,000, log scale)"),
    ):
        assert by_title[title][1] == (linear if scales[title] == "linear" else logarithmic)
    assert by_title["Strategies"][1] == "share of customers (%)"
    assert by_title["Firms"][1] == "firms"
    assert by_title["Entries and exits"][1].startswith("firms per step")
    assert all(x.startswith("step (quarter)") for title, (x, _) in by_title.items() if title != "Firms at the end")


def test_the_title_tells_scenario_seed_length_structure_and_growth_in_words():
    result = simulate(BASE, seed=7)
    outcomes = result.outcomes.copy()
    outcomes["structure"], outcomes["growth"] = "moderate", "vicious"
    name, facts = (text.get_text() for text in overview(changed(result, outcomes=outcomes)).texts)
    assert name == "four-sectors"
    assert facts == "seed 7  ·  40 steps  ·  moderately concentrated market, vicious decline"


def test_the_legend_says_what_the_band_is_at_either_level():
    full, light = (overview(simulate(BASE, collect=level)) for level in ("full", "light"))
    for figure, words in ((full, ["median", "10–90% of firms"]), (light, ["mean", "± 1 std. deviation"])):
        assert [text.get_text() for text in panels_of(figure)[0].get_legend().get_texts()] == words


def test_lines_show_the_columns_of_the_frame():
    result = simulate(BASE, seed=1)
    technology, competitiveness, returns, _, concentration, firms, *_ = panels_of(overview(result))
    for ax, column in (
        (technology, "q50_T"),
        (competitiveness, "q50_C"),
        (returns, "q50_R"),
        (firms, "firms"),
    ):
        line = max(ax.lines, key=lambda line: len(line.get_xdata()))
        np.testing.assert_array_equal(line.get_xdata(), result.steps.index)
        np.testing.assert_array_equal(line.get_ydata(), result.steps[column])
    market, sectors = concentration.lines
    np.testing.assert_array_equal(market.get_ydata(), result.steps["hhi"])
    np.testing.assert_array_equal(sectors.get_ydata(), result.steps["sector_hhi"])


def test_a_long_run_is_drawn_with_the_peaks_of_every_stretch():
    result = simulate(Scenario(capacity=20, steps=20_000))
    hhi = result.steps["hhi"].to_numpy(copy=True)
    hhi[12_344] = 9_999.0
    figure = overview(changed(result, steps=result.steps.assign(hhi=hhi)))
    line = panels_of(figure)[4].lines[0]
    steps, values = line.get_xdata(), line.get_ydata()
    assert len(steps) < 10_000 and steps[values.argmax()] == 12_345
    stretch = (steps > 80 * 100) & (steps <= 80 * 101)
    whole = hhi[80 * 100 : 80 * 101]
    assert (values[stretch].min(), values[stretch].max()) == (whole.min(), whole.max())


def test_the_headline_says_since_when_firms_diverge_or_none_is_left():
    for name in ("divergence", "empty later"):
        result = RUNS[name]()
        (said,) = ends_of(result)
        assert any(text.get_text().endswith(f"  ·  {said}") for text in overview(result).texts)


def test_break_even_is_the_middle_of_the_colour_map_whatever_the_returns():
    for result in (simulate(BASE, seed=1), returns_up_to_a_million(), no_return_at_all()):
        points = panels_of(overview(result))[3].collections[0]
        assert points.norm(0.0) == pytest.approx(0.5)  # log10 of R = 1


def test_firms_beyond_five_thousand_are_thinned_evenly_and_the_panel_says_so():
    ax = panels_of(overview(a_million_firms()))[3]
    assert len(ax.collections[0].get_offsets()) == POINTS
    assert "5,000 of 1M; area: share" in [text.get_text() for text in ax.texts]


def test_a_picture_takes_less_than_a_second():
    result = simulate(BASE, seed=1)
    FigureCanvasAgg(overview(result)).draw()  # the first one loads fonts
    times = []
    for _ in range(3):
        begin = time.process_time()  # not what other programs take
        overview(result)
        times.append(time.process_time() - begin)
    assert min(times) < 1.0


def test_a_logarithmic_axis_says_so():
    figure = overview(returns_up_to_a_million())
    assert {ax.get_title("left"): ax.get_ylabel() for ax in panels_of(figure)}["R, return (revenue / cost)"] == (
        "R (1 = break-even; log scale)"
    )
    for ax in panels_of(figure):
        assert ("log scale" in ax.get_ylabel()) == (ax.get_yscale() == "log")


def test_ticks_of_the_colour_bar_have_break_even_and_at_most_four_a_side():
    for low, high in ((-0.31, 0.31), (-6, 21), (-3.2, 0.5), (-0.9, 6.0)):
        ticks = _ratio_ticks(low, high)
        assert 0.0 in ticks
        assert ticks == sorted(ticks)
        assert all(low <= tick <= high for tick in ticks)
        assert max(sum(tick < 0 for tick in ticks), sum(tick > 0 for tick in ticks)) <= 4
