"""The panels of concentration and shares: bands in their order, and labels that are apart."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

from abm.output.division import _apart
from abm.output.overview import overview
from abm.output.style import strategy_colours
from abm.simulation.simulate import simulate
from tests.output.pictured import BASE, RUNS, changed, panels_of


def test_the_shares_of_each_sector_are_drawn_in_the_order_and_colours_of_the_market():
    result = simulate(BASE, seed=1)
    axes = [ax for ax in overview(result).axes if ax.get_title("left") in {each.name for each in BASE.sectors}]
    assert len(axes) == len(BASE.sectors)
    names = [strategy.name for strategy in BASE.strategies]
    for ax in axes:
        rows = result.sectors[result.sectors["sector"] == ax.get_title("left")]
        shares = 100.0 * rows[[f"share_{name}" for name in names]].to_numpy()
        for area, colour, top in zip(ax.collections, strategy_colours(names).values(), shares.cumsum(axis=1).T):
            assert tuple(area.get_facecolor()[0][:3]) == to_rgb(colour)
            (path,) = area.get_paths()
            assert path.vertices[:, 1].max() == pytest.approx(top.max())
        largest = int(shares[-1].argmax())
        assert ax.texts[0].get_text() == f"{names[largest]} {shares[-1, largest]:.0f}%"


def test_every_strategy_is_named_beside_its_share_or_counted_among_the_smaller():
    few = simulate(BASE, seed=1)
    labels = [text.get_text() for text in panels_of(overview(few))[7].texts]
    for strategy in few.scenario.strategies:
        assert f"{strategy.name} {100 * few.steps[f'share_{strategy.name}'].iloc[-1]:.0f}%" in labels
    many = panels_of(overview(RUNS["twenty strategies"]()))[7].texts
    assert many[-1].get_text().startswith("6 smaller")


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
