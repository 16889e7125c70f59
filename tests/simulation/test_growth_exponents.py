"""The exponents of growth and size: beside known distributions, planted slopes and the panel of a run."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats

from abm import Scenario, simulate
from abm.simulation.outcomes import size_variance_slope, subbotin
from tests.simulation.windows import window_of


@pytest.mark.parametrize("b", [0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 4.0, 8.0, 20.0])
def test_subbotin_recovers_the_shape_from_the_exact_moment_of_its_distribution(b):
    # E|x| and E x² of the density of shape b, by numerical integration.
    density = stats.gennorm(b)
    edge = density.isf(1e-15) if b > 1 else math.inf
    absolute = 2 * density.expect(lambda x: x, lb=0, ub=edge)
    square = 2 * density.expect(lambda x: x * x, lb=0, ub=edge)
    assert subbotin(np.array([absolute / math.sqrt(square)]))[0] == pytest.approx(b, rel=1e-5)


@pytest.mark.parametrize(("draw", "b"), [("laplace", 1.0), ("normal", 2.0)])
def test_subbotin_of_a_sample_is_one_for_laplace_and_two_for_normal_growth(draw, b):
    g = getattr(np.random.default_rng(7), draw)(size=400_000)
    z = (g - g.mean()) / g.std()
    assert subbotin(np.array([np.abs(z).mean()]))[0] == pytest.approx(b, rel=0.02)


def test_subbotin_of_nearly_uniform_growth_is_large_and_beyond_fifty_there_is_none():
    # Of the uniform distribution E|z| is √3/2, the limit for large b.
    n = 200_000
    x = stats.gennorm(20.0).ppf((np.arange(n) + 0.5) / n)
    assert subbotin(np.array([np.abs(x).mean() / x.std()]))[0] == pytest.approx(20.0, rel=1e-3)
    assert np.isnan(subbotin(np.array([math.sqrt(3) / 2, 1.0, 1e-6, math.nan]))).all()


def test_subbotin_keeps_to_its_range_at_both_ends():
    def moment(b):
        return math.exp(special.gammaln(2 / b) - (special.gammaln(1 / b) + special.gammaln(3 / b)) / 2)

    found = subbotin(np.array([moment(b) for b in (0.099, 0.101, 49.9, 50.1)]))
    assert np.isnan(found).tolist() == [True, False, False, True]
    assert found[1:3] == pytest.approx([0.101, 49.9], rel=1e-6)


def bins_of(sizes, spreads, counts):
    """Sums of bins whose growths are ± their spread about 0."""
    counts = np.asarray(counts, dtype=float)
    return np.stack([counts, 0 * counts, counts * spreads**2, counts * sizes], axis=-1)[np.newaxis]


@pytest.mark.parametrize("slope", [-0.5, -0.17, 0.0, 0.3])
def test_the_size_variance_slope_recovers_a_planted_slope(slope):
    sizes = np.exp(np.linspace(-2, 3, 10))
    assert size_variance_slope(bins_of(sizes, 0.2 * sizes**slope, [40] * 10))[0] == pytest.approx(slope, abs=1e-12)


def test_the_size_variance_slope_is_the_least_squares_line_over_the_bins_that_have_a_spread():
    rng = np.random.default_rng(8)
    sizes, spreads = np.exp(rng.normal(size=10)), np.exp(rng.normal(size=10))
    counts = np.array([50, 60, 0, 30, 70, 1, 40, 80, 20, 90])
    spreads[3] = 0.0
    used = [0, 1, 4, 6, 7, 8, 9]
    expected = np.polyfit(np.log(sizes[used]), np.log(spreads[used]), 1)[0]
    assert size_variance_slope(bins_of(sizes, spreads, counts))[0] == pytest.approx(expected, rel=1e-10)


def test_the_spread_of_a_bin_is_about_its_own_mean():
    sizes = np.exp(np.linspace(-1, 1, 10))
    bins = bins_of(sizes, 0.3 * sizes**-0.2, [40] * 10)
    shift = np.linspace(-1, 1, 10)  # Σ(g + c) = n·c and Σ(g + c)² = Σg² + n·c²
    bins[0, :, 1] = 40 * shift
    bins[0, :, 2] += 40 * shift**2
    assert size_variance_slope(bins)[0] == pytest.approx(-0.2, abs=1e-9)


def test_below_two_hundred_growths_and_without_different_sizes_there_is_no_slope():
    sizes = np.exp(np.linspace(-2, 3, 10))
    enough, short = [20] * 10, [20] * 9 + [19]
    assert size_variance_slope(bins_of(sizes, sizes**-0.2, enough))[0] == pytest.approx(-0.2, abs=1e-9)
    assert np.isnan(size_variance_slope(bins_of(sizes, sizes**-0.2, short))[0])
    assert np.isnan(size_variance_slope(bins_of(np.ones(10), sizes**-0.2, enough))[0])


def growths_of_panel(result):
    """Of each step a frame: B of its start and growth less the sector's mean, of firms of 20 steps that stay."""
    kept = {}
    for step in range(1, result.scenario.steps + 1):
        before, after = (result.panel[result.panel["step"] == s].set_index("id") for s in (step - 1, step))
        both = before[before["age"] >= 20].join(after["B"].rename("B_after"), how="inner").sort_index()
        both["g"] = np.log(both["B_after"] / both["B"])
        groups = both.groupby("sector")["g"]
        both["g"] -= groups.transform("mean")
        kept[step] = both[groups.transform("size") >= 2]
    return kept


def test_the_subbotin_exponent_of_a_run_is_that_of_the_growths_of_its_window(result):
    steps = result.scenario.steps
    growths = growths_of_panel(result)
    z = [growths[step]["g"] / growths[step]["g"].std(ddof=0) for step in window_of(result.steps).index]
    z = pd.concat([part for part in z if np.isfinite(part).all()])
    if len(z) < 200:
        assert steps == 10  # the small run
        assert math.isnan(result.outcomes["subbotin"])
        return
    wanted = z.abs().mean() ** 2 / (z**2).mean()

    def excess(b):
        return special.gamma(2 / b) ** 2 / (special.gamma(1 / b) * special.gamma(3 / b)) - wanted

    if excess(0.1) * excess(50.0) > 0.0:
        assert result.scenario.steps in (40, 45)  # the runs of many entrants
        assert math.isnan(result.outcomes["subbotin"])
        return
    assert result.outcomes["subbotin"] == pytest.approx(optimize.brentq(excess, 0.1, 50, xtol=1e-13), rel=1e-9)


def test_the_size_variance_slope_of_a_run_is_that_of_the_deciles_of_its_window(result):
    growths = growths_of_panel(result)
    frames = []
    for step in window_of(result.steps).index:
        frame = growths[step]
        ranks = frame["B"].rank(method="first") - 1  # ties by id, and ids run with the slots
        frames.append(frame.assign(bin=np.floor(10 * ranks / len(frame))))
    pooled = pd.concat(frames)
    if len(pooled) < 200:
        assert math.isnan(result.outcomes["size_variance_slope"])
        return
    by_bin = pooled.groupby("bin")
    line = stats.linregress(np.log(by_bin["B"].mean()), np.log(by_bin["g"].std(ddof=0)))
    assert result.outcomes["size_variance_slope"] == pytest.approx(line.slope, rel=1e-9)


def test_both_exponents_are_none_just_below_two_hundred_growths_and_there_from_two_hundred_on():
    def outcomes(firms):
        # In the window all firms are old enough at the last step alone, so there is one growth a firm.
        scenario = Scenario(steps=21, capacity=firms, entry_rate=0.0, runway=math.inf)
        return simulate(scenario, 4).outcomes

    for name in ("subbotin", "size_variance_slope"):
        assert math.isnan(outcomes(199)[name])
        assert math.isfinite(outcomes(200)[name])


def test_growth_that_is_equal_for_all_leaves_no_exponent():
    scenario = Scenario(steps=28, capacity=300, heterogeneity=0.0, runway=math.inf, entry_rate=0.0)
    still = simulate(scenario.replace(technology_noise=0.0, competitiveness_noise=0.0)).outcomes
    assert math.isnan(still["subbotin"])
    assert math.isnan(still["size_variance_slope"])
