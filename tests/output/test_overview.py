"""The picture of a run: drawn for every kind of run, labelled, and with no text over another."""

import itertools
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from abm.output.division import _apart
from abm.output.number_text import axis_number
from abm.output.overview import POINTS, _ratio_ticks, overview
from abm.output.style import save, strategy_colours
from abm.scenario.scenario import Scenario
from abm.simulation.simulate import simulate

INF = float("inf")
BASE = Scenario.load("four-sectors").replace(capacity=80, steps=40)
NO_CEILING = {"technology_ceiling": INF, "competitiveness_ceiling": INF, "return_ceiling": INF}
DYING = {"R0": 1e-3, "k3": 0.0, "runway": 0.5, "entry_rate": 0.0}
TWENTY = [
    {"name": f"strategy_with_a_long_name_{place:02d}", "technology_weight": 0.5, "weight": 1 + place % 3}
    for place in range(20)
]


def changed(result, **changes):
    """A run with some of its tables replaced."""
    kept = {name: getattr(result, name) for name in ("scenario", "seed", "steps", "firms", "lives", "outcomes")}
    return SimpleNamespace(**(kept | changes))


def a_million_firms():
    result = simulate(BASE, seed=1)
    many = 1_000_000 // len(result.firms) + 1
    firms = result.firms.iloc[np.tile(np.arange(len(result.firms)), many)[:1_000_000]]
    firms = firms.assign(id=np.arange(1_000_000), share=firms["share"] / many)
    steps = result.steps.assign(firms=1_000_000, hhi=0.01, sector_hhi=0.04)
    outcomes = pd.concat([result.outcomes.drop("peak_firms"), pd.Series({"peak_firms": 1_000_000})])
    return changed(result, firms=firms, steps=steps, outcomes=outcomes)


def returns_up_to_a_million():
    result = simulate(BASE, seed=1)
    R = 10.0 ** np.linspace(-3, 6, len(result.firms))
    columns = [f"{q}_R" for q in ("mean", "sd", "q10", "q50", "q90")]
    growing = result.steps[columns].mul(10.0 ** np.linspace(0, 6, len(result.steps)), axis=0)
    return changed(result, firms=result.firms.assign(R=R), steps=result.steps.assign(**growing))


def no_return_at_all():
    result = simulate(BASE.replace(steps=5), seed=1)
    return changed(result, firms=result.firms.assign(R=0.0), steps=result.steps.assign(q10_R=0.0, q50_R=0.0))


def a_monopoly():
    return simulate(Scenario.load("one-market").replace(network_effect=1.6, entry_rate=0.0, capacity=80, steps=200))


RUNS = {
    "four sectors": lambda: simulate(BASE, seed=1),
    "level light": lambda: simulate(BASE, seed=1, collect="light"),
    "level light with a wide spread": lambda: simulate(
        BASE.replace(reading="increment", **NO_CEILING), seed=1, collect="light"
    ),
    "one strategy and one sector": lambda: simulate(Scenario(capacity=50, steps=30)),
    "twenty strategies": lambda: simulate(Scenario(strategies=TWENTY, capacity=200, steps=30)),
    "one step": lambda: simulate(BASE.replace(steps=1)),
    "two steps": lambda: simulate(BASE.replace(steps=2)),
    "one firm": lambda: simulate(Scenario(capacity=1, steps=20)),
    "monopoly": a_monopoly,
    "empty at the end": lambda: simulate(BASE.replace(**DYING)),
    "empty later": lambda: simulate(BASE.replace(**(DYING | {"runway": 20.0}))),
    "infinite runway": lambda: simulate(BASE.replace(runway=INF)),
    "divergence": lambda: simulate(BASE.replace(reading="rate", **NO_CEILING, k1=5, k2=5, k3=5, initial_momentum=1)),
    "no step kept": lambda: simulate(BASE, every=0),
    "each tenth step kept": lambda: simulate(BASE, every=10),
    "long": lambda: simulate(BASE.replace(capacity=20, steps=5_000)),
    "large baselines": lambda: simulate(BASE.replace(T0=1234.5, C0=0.001, k1=1e-3)),
    "a name in Chinese with signs": lambda: simulate(BASE.replace(name="大模型 $x_1$ {市场} " * 9), seed=2**63 - 1),
    "names in Chinese": lambda: simulate(BASE.replace(name="大模型企业：技术与市场")),
    "a hundred thousand firms": lambda: simulate(Scenario(capacity=100_000, steps=10)),
    "a million firms": a_million_firms,
    "returns up to a million": returns_up_to_a_million,
    "no return at all": no_return_at_all,
}


@pytest.fixture(scope="module", params=RUNS)
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


def panels_of(figure: Figure) -> list:
    return figure.axes[:8]


@pytest.mark.filterwarnings("error")
def test_every_kind_of_run_is_drawn_and_written_without_a_warning(drawn, tmp_path):
    figure = overview(drawn[0])
    save(figure, tmp_path / "overview.png")
    with Image.open(tmp_path / "overview.png") as picture:
        assert picture.size == (1600, 900)


def test_no_text_lies_over_another_and_none_is_cut(drawn):
    _, figure, renderer = drawn
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts_of(figure)]
    for (one, box), (other, another) in itertools.combinations(boxes, 2):
        overlap = (
            min(box.x1, another.x1) - max(box.x0, another.x0),
            min(box.y1, another.y1) - max(box.y0, another.y0),
        )
        # Boxes of text have a pixel or two of air above and below.
        assert overlap[0] <= 1 or overlap[1] <= 2, f"{one!r} over {other!r}"
    for text, box in boxes:
        assert min(box.x0, box.y0, 1600 - box.x1, 900 - box.y1) >= 0, f"{text!r} is cut"


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
        ("R: return on investment", "R (revenue / cost, 1 = break-even)", "R (revenue / cost; log scale)"),
        ("T: technology accumulation", f"T (baseline ≈ {T0:g})", f"T (baseline ≈ {T0:g}; log scale)"),
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


def test_a_long_run_is_drawn_as_means_and_says_so():
    result = simulate(BASE.replace(capacity=20, steps=5_000))
    ax = panels_of(overview(result))[5]
    assert ax.get_xlabel() == "step (quarter); means of 10"
    assert ax.lines[0].get_ydata()[0] == pytest.approx(result.steps["firms"].iloc[:10].mean())


def test_the_colours_of_strategies_are_distinct_and_depend_on_their_place_alone():
    names = [f"s{place}" for place in range(70)]
    colours = strategy_colours(names)
    assert len(set(colours.values())) == 70
    assert strategy_colours(names[:5]) == {name: colours[name] for name in names[:5]}
    near = [np.abs(np.subtract(to_rgb(a), to_rgb(b))).max() for a, b in itertools.combinations(colours.values(), 2)]
    twenty = list(colours.values())[:20]
    far = [np.abs(np.subtract(to_rgb(a), to_rgb(b))).max() for a, b in itertools.combinations(twenty, 2)]
    assert min(far) > 0.09
    assert min(near) > 0


def test_break_even_is_the_middle_of_the_colour_map_whatever_the_returns():
    for result in (simulate(BASE, seed=1), returns_up_to_a_million(), no_return_at_all()):
        points = panels_of(overview(result))[3].collections[0]
        assert points.norm(0.0) == pytest.approx(0.5)  # log10 of R = 1


def test_firms_beyond_five_thousand_are_thinned_evenly_and_the_panel_says_so():
    ax = panels_of(overview(a_million_firms()))[3]
    assert len(ax.collections[0].get_offsets()) == POINTS
    assert "5,000 of 1M; area: share" in [text.get_text() for text in ax.texts]


def test_every_strategy_is_named_beside_its_share_or_counted_among_the_smaller():
    few = simulate(BASE, seed=1)
    labels = [text.get_text() for text in panels_of(overview(few))[7].texts]
    for strategy in few.scenario.strategies:
        assert f"{strategy.name} {100 * few.steps[f'share_{strategy.name}'].iloc[-1]:.0f}%" in labels
    many = panels_of(overview(RUNS["twenty strategies"]()))[7].texts
    assert many[-1].get_text().startswith("6 smaller")


def test_a_picture_takes_less_than_a_second():
    result = simulate(BASE, seed=1)
    FigureCanvasAgg(overview(result)).draw()  # the first one loads fonts
    times = []
    for _ in range(3):
        begin = time.process_time()  # not what other programs take
        overview(result)
        times.append(time.process_time() - begin)
    assert min(times) < 1.0


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1, "1"), (0.25, "0.25"), (1000, "1,000"), (20_000, "20k"), (999_979, "1M"), (1e6, "1M"),
     (1e9, "1e9"), (1e-4, "1e-4"), (-5, "-5"), (123_456_789, "123M")],
)  # fmt: skip
def test_numbers_on_axes_are_short(value, text):
    assert axis_number(value) == text


def test_an_empty_market_has_no_share_and_no_line_across_the_empty_part():
    ax = panels_of(overview(RUNS["empty later"]()))[7]
    texts = [text.get_text() for text in ax.texts]
    assert any(text.startswith("empty from step 2") for text in texts)
    assert not any("%" in text for text in texts)
    assert {strategy.name for strategy in BASE.strategies} <= set(texts)
    beside = [line.get_xdata() for line in ax.lines]
    assert beside and all(min(x) > 1.0 for x in beside)  # in shares of the panel: all of them are outside


def test_the_concentration_of_very_many_firms_has_a_scale_of_its_own():
    result = RUNS["a hundred thousand firms"]()
    ax = panels_of(overview(result))[4]
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), result.steps["hhi"])
    assert ax.get_ylim()[1] < 2 * result.steps["hhi"].max()


@pytest.mark.parametrize("height", [1200.0, 1300.0, 3000.0, 8000.0])
def test_no_name_of_a_band_lies_upon_a_line(height):
    result = simulate(BASE, seed=1)
    wave = height * (1.0 + 0.2 * np.sin(result.steps.index))
    figure = overview(changed(result, steps=result.steps.assign(sector_hhi=wave, hhi=wave / 9)))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    ax = panels_of(figure)[4]
    assert ax.texts
    for text in ax.texts:
        box = text.get_window_extent(canvas.get_renderer())
        for line in ax.lines:
            fine = np.linspace(result.steps.index[0], result.steps.index[-1], 2000)
            points = np.column_stack([fine, np.interp(fine, line.get_xdata(), line.get_ydata())])
            assert not box.count_contains(ax.transData.transform(points)), (text.get_text(), height)


def test_a_logarithmic_axis_says_so():
    figure = overview(returns_up_to_a_million())
    assert {ax.get_title("left"): ax.get_ylabel() for ax in panels_of(figure)}["R: return on investment"] == (
        "R (revenue / cost; log scale)"
    )
    for ax in panels_of(figure):
        assert ("log scale" in ax.get_ylabel()) == (ax.get_yscale() == "log")


def test_labels_are_moved_apart_and_stay_in_order_and_inside():
    for heights in (
        [0.0, 0.0, 0.0, 1.0],
        [0.5, 0.51, 0.52],
        [0.98, 0.99, 1.0],
        [0.0],
        list(np.linspace(0, 1, 15)),
    ):
        moved = _apart(np.array(heights), 1 / 15)
        assert np.all(np.diff(moved) >= 1 / 15 - 1e-9)
        assert moved[0] >= -1e-9
        assert moved[-1] <= 1


def test_ticks_of_the_colour_bar_have_break_even_and_at_most_four_a_side():
    for low, high in ((-0.31, 0.31), (-6, 21), (-3.2, 0.5), (-0.9, 6.0)):
        ticks = _ratio_ticks(low, high)
        assert 0.0 in ticks
        assert ticks == sorted(ticks)
        assert all(low <= tick <= high for tick in ticks)
        assert max(sum(tick < 0 for tick in ticks), sum(tick > 0 for tick in ticks)) <= 4
