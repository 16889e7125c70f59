"""Outcomes of a run: exponents of growth beside known distributions, words at their thresholds, windows by hand."""

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats

from abm import Scenario, simulate
from abm.market.measures import measure_names
from abm.market.outcome_numbers import FIRST_GROWTH, numbers_of
from abm.simulation.outcomes import outcome_table, size_variance_slope, subbotin

# Fifty firms, two firms, and one that has nobody to be compared with.
FEW = [{"name": f"of_{count}", "demand_share": count} for count in (50, 2, 1)]
RUNS = [
    ("one-market", {"capacity": 120, "initial_firms": 90, "steps": 41}, 1),
    ("four-sectors", {"capacity": 150, "initial_firms": 150, "steps": 30, "entry_rate": 0.2}, 2),
    ("four-sectors", {"capacity": 400, "initial_firms": 20, "market_size": 300, "steps": 25, "entry_rate": 0.3}, 3),
    ("one-market", {"capacity": 12, "steps": 10}, 4),
    ("one-market", {"capacity": 53, "steps": 24, "entry_rate": 0.0, "runway": math.inf, "sectors": FEW}, 5),
]


@pytest.fixture(scope="module", params=RUNS, ids=lambda run: f"{run[0]}-{run[2]}")
def result(request):
    """A run whose firms are kept at the start and at every step."""
    name, changes, seed = request.param
    return simulate(Scenario.load(name).replace(**changes), seed, panel=1)


def table_of(strategies=("a", "b"), full=True, **means):
    """Outcomes of one run whose window means are as given; the rest is NaN."""
    names = measure_names(strategies)
    numbers = np.full(numbers_of(len(names)), np.nan)
    numbers[len(names) + FIRST_GROWTH :] = 0.0
    alive = means.pop("alive", 10.0)
    numbers[len(names) : len(names) + FIRST_GROWTH] = 1.0, 10.0, 0.0, math.nan, alive, 0.0, math.nan, 1.0
    filled = {"share_a": 0.5, "share_b": 0.5, "sector_hhi": 500.0, "virtuous_share": 0.0, "weighted_R": 1.0}
    for name, value in (filled | means).items():
        numbers[names.index(name)] = value
    return {name: values[0] for name, values in outcome_table(numbers[np.newaxis], strategies, full).items()}


def window_of(frame):
    """The last ceil(steps/4) rows."""
    return frame.iloc[len(frame) - math.ceil(len(frame) / 4) :]


# ------------------------------------------------------------------------------------------------- growth


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
    """Of each step a frame: B of the step's start and growth less the sector's mean, of firms alive at both ends."""
    kept = {}
    for step in range(1, result.scenario.steps + 1):
        before, after = (result.panel[result.panel["step"] == s].set_index("id") for s in (step - 1, step))
        both = before.join(after["B"].rename("B_after"), how="inner").sort_index()
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
        # The window is the second step alone, so there is one growth a firm.
        scenario = Scenario(steps=2, capacity=firms, entry_rate=0.0, runway=math.inf)
        return simulate(scenario, 4).outcomes

    for name in ("subbotin", "size_variance_slope"):
        assert math.isnan(outcomes(199)[name])
        assert math.isfinite(outcomes(200)[name])


def test_growth_that_is_equal_for_all_leaves_no_exponent():
    scenario = Scenario(steps=8, capacity=300, heterogeneity=0.0, runway=math.inf, entry_rate=0.0)
    still = simulate(scenario.replace(technology_noise=0.0, competitiveness_noise=0.0)).outcomes
    assert math.isnan(still["subbotin"])
    assert math.isnan(still["size_variance_slope"])


# ------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("hhi", "word"),
    [
        (10_000.0, "monopoly"),
        (6400.0, "monopoly"),
        (6399.9, "oligopoly"),
        (1800.0, "oligopoly"),
        (1799.9, "moderate"),
        (1000.0, "moderate"),
        (999.9, "fragmented"),
        (1.0, "fragmented"),
    ],
)
def test_structure_follows_its_thresholds(hhi, word):
    assert table_of(sector_hhi=hhi)["structure"] == word
    assert table_of(sector_hhi=hhi, alive=0.0)["structure"] == "collapsed"


def test_about_one_firm_with_80_percent_is_what_the_threshold_of_monopoly_means():
    bases = [80.0] + [1.0] * 20
    firms = pd.DataFrame({"B": bases}).assign(sector="market", strategy="balanced")
    result = simulate(Scenario(steps=1, churn=1e-16, entry_rate=0.0, capacity=21), firms=firms)
    assert result.outcomes["sector_hhi"] == pytest.approx(80.0**2 + 20 * 1.0**2, rel=1e-9)
    assert result.outcomes["structure"] == "monopoly"


@pytest.mark.parametrize(
    ("virtuous_share", "weighted_R", "word"),
    [
        (0.51, 2.0, "virtuous"),
        (0.51, 0.5, "virtuous"),
        (0.5, 0.99, "vicious"),
        (0.0, 0.5, "vicious"),
        (0.5, 1.0, "stagnant"),
        (0.2, 3.0, "stagnant"),
    ],
)
def test_growth_follows_its_thresholds(virtuous_share, weighted_R, word):
    assert table_of(virtuous_share=virtuous_share, weighted_R=weighted_R)["growth"] == word


def test_the_winner_has_the_largest_mean_share_and_a_tie_goes_to_the_earlier():
    assert table_of(share_a=0.4, share_b=0.6)["winner"] == "b"
    assert table_of(share_a=0.6, share_b=0.4)["winner"] == "a"
    assert table_of(share_a=0.5, share_b=0.5)["winner"] == "a"
    assert table_of(("z", "a", "b"), share_z=0.2, share_a=0.4, share_b=0.4)["winner"] == "a"


def test_a_market_that_was_empty_throughout_the_window_has_neither_winner_nor_growth():
    empty = dict.fromkeys(("share_a", "share_b", "sector_hhi", "virtuous_share", "weighted_R"), math.nan)
    table = table_of(alive=0.0, **empty)
    assert (table["structure"], table["winner"], table["growth"]) == ("collapsed", None, None)
    # Refilled at the very end of a window it would have both: emptiness is that of the window.
    assert table_of(alive=0.0)["winner"] == "a"


# ------------------------------------------------------------------------------------------------- windows


@pytest.mark.parametrize("steps", range(1, 14))
def test_outcomes_are_means_over_the_last_quarter_of_the_steps_rounded_up(steps):
    result = simulate(Scenario(steps=steps, capacity=15, technology_noise=0.2), 5)
    length = {1: 1, 2: 1, 3: 1, 4: 1, 5: 2, 6: 2, 7: 2, 8: 2, 9: 3, 10: 3, 11: 3, 12: 3, 13: 4}[steps]
    for name in ("mean_T", "hhi", "firms", "instability", "entries"):
        expected = result.steps[name].to_numpy()[-length:].mean()
        assert result.outcomes[name] == pytest.approx(expected, rel=1e-9, abs=1e-12), name


def test_every_column_of_the_steps_has_its_window_mean_under_its_name(result):
    window = window_of(result.steps)
    expected = window.mean(skipna=True)
    for name in window.columns:
        assert result.outcomes[name] == pytest.approx(expected[name], rel=1e-9, abs=1e-9, nan_ok=True), name


def test_survival_is_the_share_of_initial_firms_alive_at_the_end(result):
    initial = result.scenario.initial_firms
    assert result.outcomes["survival"] == pytest.approx((result.firms["id"] < initial).sum() / initial, rel=1e-12)
    first = result.lives[result.lives["entry_step"] == 0]
    assert len(first) == initial
    assert result.outcomes["survival"] == pytest.approx(first["exit_step"].isna().mean(), rel=1e-12)


def test_the_peak_is_the_largest_number_of_firms_and_the_first_step_that_has_it(result):
    counts = [result.scenario.initial_firms, *result.steps["firms"]]
    assert result.outcomes["peak_firms"] == max(counts)
    assert result.outcomes["peak_step"] == counts.index(max(counts))


def test_the_peak_counts_the_start():
    falling = simulate(Scenario(steps=30, capacity=60, entry_rate=0.0, R0=0.6), 1)
    assert falling.steps["firms"].max() <= 60
    assert (falling.outcomes["peak_firms"], falling.outcomes["peak_step"]) == (60, 0)
    rising = simulate(Scenario(steps=3, capacity=60, initial_firms=10, entry_rate=1e9, runway=math.inf), 1)
    assert (rising.outcomes["peak_firms"], rising.outcomes["peak_step"]) == (60, 1)


def test_hill_of_a_run_is_that_of_its_final_firms(result):
    bases = np.sort(result.firms["B"])[::-1]
    if len(bases) < 100:
        assert math.isnan(result.outcomes["hill"])
        return
    k = len(bases) // 10
    assert result.outcomes["hill"] == pytest.approx(1 / np.log(bases[:k] / bases[k]).mean(), rel=1e-9)


def test_words_of_a_run_are_those_of_its_window(result):
    window = window_of(result.steps).mean()
    shares = window[[name for name in window.index if name.startswith("share_")]]
    assert result.outcomes["winner"] == shares.idxmax().removeprefix("share_")
    bands = pd.cut([window["sector_hhi"]], [0, 1000, 1800, 6400, 10_001], right=False)
    assert result.outcomes["structure"] == ("fragmented", "moderate", "oligopoly", "monopoly")[bands.codes[0]]
    if window["virtuous_share"] > 0.5:
        assert result.outcomes["growth"] == "virtuous"
    else:
        assert result.outcomes["growth"] == ("vicious" if window["weighted_R"] < 1 else "stagnant")


def doomed(steps):
    """Firms that earn half of what they spend and have funds for three steps: all fail at step 7."""
    scenario = Scenario(
        steps=steps, capacity=3, heterogeneity=0.0, R0=0.5, entry_rate=0.0, runway=3.0, stress_response=0.0
    )
    still = {"technology_noise": 0.0, "competitiveness_noise": 0.0, "funds_cap": 1.0}
    return simulate(scenario.replace(**still), collect="full")


def test_a_market_that_empties_within_the_window_keeps_the_means_of_the_steps_that_had_firms():
    # Funds after step n are 3 − n/2; below 0 first at step 7. The window of eight steps is 7 and 8, of 16 it is 13 on.
    assert doomed(8).steps["firms"].tolist() == [3] * 6 + [0, 0]
    late = doomed(24)
    assert late.steps["firms"].tolist() == [3] * 6 + [0] * 18
    for steps in (8, 24):
        outcomes = doomed(steps).outcomes
        assert (outcomes["structure"], outcomes["winner"], outcomes["growth"]) == ("collapsed", None, None)
        assert outcomes["firms"] == 0.0
        assert math.isnan(outcomes["hhi"])
    window = doomed(7).outcomes  # steps 6 and 7: firms only in the first
    assert window["firms"] == 1.5
    assert window["exits"] == 1.5
    assert window["hhi"] == pytest.approx(1e4 / 3, rel=1e-12)
    assert window["mean_R"] == pytest.approx(0.5, rel=1e-12)
    assert window["mean_F"] == pytest.approx(0.0, abs=1e-12)
    assert (window["structure"], window["winner"], window["growth"]) == ("collapsed", "balanced", "vicious")
    assert (window["survival"], window["peak_firms"], window["peak_step"]) == (0.0, 3, 0)


def test_the_light_level_leaves_out_order_statistics_and_changes_nothing_else():
    scenario = Scenario.load("four-sectors").replace(capacity=120, steps=20)
    full, light = (simulate(scenario, 6, collect=level).outcomes for level in ("full", "light"))
    missing = {"gini", "size_variance_slope", "frontier_gap"} | {
        f"{q}_{x}" for q in ("q10", "q50", "q90") for x in "TCRQF"
    }
    assert set(full.index) - set(light.index) == missing
    for name in light.index:
        assert light[name] == full[name] or (math.isnan(light[name]) and math.isnan(full[name])), name


def test_ranks_are_compared_between_the_ends_of_quarters(result):
    steps = result.scenario.steps
    ends = [math.ceil(quarter * steps / 4) for quarter in range(1, 5)]
    at = {step: frame.set_index("id")["B"] for step, frame in result.panel.groupby("step")}
    taus = []
    for then, now in pairwise(ends):
        both = pd.concat([at[then], at.get(now, pd.Series(dtype=float))], axis=1, join="inner").to_numpy()
        taus.append(stats.kendalltau(both[:, 0], both[:, 1]).statistic if len(both) > 1 else math.nan)
    assert result.outcomes["rank_tau"] == pytest.approx(np.nanmean(taus), rel=1e-9)


def test_take_off_leader_hazard_and_turnover_follow_from_the_steps(result):
    steps, outcomes = result.steps, result.outcomes
    start = result.panel[result.panel.step == 0]["T"].mean()
    grown = steps.index[steps["mean_T"] >= 1.5 * start]
    assert outcomes["take_off_step"] == pytest.approx(grown[0] if len(grown) else math.nan, nan_ok=True)
    window = window_of(steps)
    turnover = (window["entries"].mean() + window["exits"].mean()) / window["firms"].mean()
    assert outcomes["turnover_rate"] == pytest.approx(turnover, rel=1e-12)
    assert outcomes["n_eff"] == pytest.approx(1e4 / window["hhi"].mean(), rel=1e-12)
    n, hhi = window["firms"].mean(), window["hhi"].mean() / 1e4
    assert outcomes["hhi_normalised"] == pytest.approx((hhi - 1 / n) / (1 - 1 / n), rel=1e-9)
    if (steps["firms"] > 0).all():
        assert outcomes["leader_hazard"] == pytest.approx(steps["leader_changed"].iloc[1:].mean(), rel=1e-12)


def test_the_consumer_surplus_is_the_logits_inclusive_value_weighted_by_demand():
    scenario = Scenario.load("four-sectors").replace(capacity=80, steps=3)
    result = simulate(scenario, 5)
    surplus, demand = 0.0, 0.0
    last = result.sectors[result.sectors.step == 3].set_index("sector")
    for sector in scenario.sectors:
        firms = result.firms[result.firms.sector == sector.name]
        appeal = firms["C"] ** sector.competitiveness_elasticity * firms["Q"] ** sector.quality_elasticity
        surplus += last.demand[sector.name] * math.log((appeal * firms["B"] ** scenario.network_effect).sum())
        demand += last.demand[sector.name]
    assert result.outcomes["consumer_surplus"] == pytest.approx(surplus / demand, rel=1e-9)
