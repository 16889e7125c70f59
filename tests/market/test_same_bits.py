"""The same bits from the same scenario and seed, whatever the way there: threads, paths, batches, levels, lengths."""

import contextlib
import itertools
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abm import Scenario, simulate, simulate_many
from abm.output import terminal as report
from abm.simulation import market as engine
from abm.simulation import simulate_many as many_runs
from tests.markets import scenarios

# Everything is on: failures, entry, reviews of every policy, noise and growth, in sectors of several blocks of slots.
LIVELY = Scenario.load("four-sectors").replace(
    capacity=2_600, initial_firms=2_000, steps=24, runway=2.0, entry_rate=0.2, review_interval=3, demand_growth=0.01
)
SMALL = LIVELY.replace(capacity=90, initial_firms=60, steps=40)


def firm_table():
    """A table of 30 firms with the sectors and strategies of `SMALL`, away from its medians."""
    return simulate(SMALL.replace(capacity=30, initial_firms=30, steps=3, runway=float("inf")), 5).firms.drop(
        columns="F"
    )


def assert_same(one, other, tables=("steps", "sectors", "firms", "lives", "panel")):
    """Two results are equal to the last bit."""
    for name in tables:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True, obj=name)
    assert_same_series(one.outcomes, other.outcomes)


def assert_same_series(one, other):
    assert list(one.index) == list(other.index)
    for name in one.index:
        a, b = one[name], other[name]
        assert a == b or (pd.isna(a) and pd.isna(b)), f"{name}: {a!r} and {b!r}"


def has_everything(result):
    """The run has shown what could differ."""
    steps, lives = result.steps, result.lives
    return steps["entries"].sum() and steps["exits"].sum() and lives["exit_step"].notna().any() and len(result.firms)


# ------------------------------------------------------------------------------------------ threads and paths


def test_two_markets_at_once_share_their_helping_threads():
    alone = [simulate(LIVELY, seed) for seed in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda seed: simulate(LIVELY, seed, threads=3), (1, 2)))
    for one, other in zip(alone, together, strict=True):
        assert_same(one, other)


def test_any_number_of_threads_gives_the_same_bits_in_a_large_market():
    large = LIVELY.replace(capacity=engine.SMALL + 500, initial_firms=engine.SMALL - 500, steps=5)
    one, two, three, by_default = (simulate(large, 3, threads=threads, panel=5) for threads in (1, 2, 3, None))
    assert has_everything(one)
    assert_same(one, two)
    assert_same(one, three)
    assert_same(one, by_default)


@pytest.mark.parametrize(
    "scenario",
    [LIVELY, SMALL, SMALL.replace(reading="rate"), SMALL.replace(reading="increment", R0=0.1, runway=0.5)],
)
def test_the_compiled_run_equals_the_phases_shared_out_to_threads(scenario):
    compiled = simulate(scenario, 3, threads=1, panel=8)
    assert has_everything(compiled)
    for threads in (2, 3, 8):
        assert_same(compiled, simulate(scenario, 3, threads=threads, panel=8))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=scenarios(), seed=st.integers(0, 2**63 - 1))
def test_the_compiled_run_equals_the_phases_on_random_markets(scenario, seed):
    assert_same(simulate(scenario, seed, threads=1), simulate(scenario, seed, threads=2))


def test_a_market_that_counts_as_large_gives_the_bits_of_a_small_one(monkeypatch):
    small = [simulate(LIVELY, 3, panel=8), simulate(SMALL, 3, firms=firm_table())]
    monkeypatch.setattr(engine, "SMALL", 10)
    large = [simulate(LIVELY, 3, panel=8, threads=2), simulate(SMALL, 3, firms=firm_table(), threads=1)]
    for one, other in zip(small, large, strict=True):
        assert_same(one, other)


def test_a_repeated_run_gives_the_same_bits_and_another_seed_does_not():
    first, again, other = simulate(SMALL, 7, panel=5), simulate(SMALL, 7, panel=5), simulate(SMALL, 8, panel=5)
    assert has_everything(first)
    assert_same(first, again)
    assert not first.steps.equals(other.steps)
    assert not first.firms["T0"].equals(other.firms["T0"])


def test_seeds_far_apart_and_at_the_ends_are_different_runs():
    seeds = (0, 1, 2**32, 2**62, 2**63 - 1)
    results = [simulate(SMALL.replace(steps=2), seed) for seed in seeds]
    for one, other in itertools.combinations(results, 2):
        assert not one.firms["T"].equals(other.firms["T"])


def test_a_run_leaves_nothing_behind_for_the_next():
    alone = simulate(SMALL, 7)
    simulate(SMALL.replace(technology_noise=0.5, steps=3), 1)
    simulate(LIVELY.replace(steps=2), 2, threads=2)
    assert_same(alone, simulate(SMALL, 7))


# ------------------------------------------------------------------------------------------ many runs


MANY = (SMALL, SMALL.replace(churn=0.5, steps=17, capacity=70), LIVELY.replace(steps=6), SMALL.replace(entry_rate=0.0))
SEEDS = (5, 0, 2**63 - 1, 12)


def assert_many_equal_single_runs(many, listed, seeds, collect, every, firms=None):
    steps = many.steps.sort_index()
    for position, seed in itertools.product(range(len(listed)), seeds):
        single = simulate(listed[position], seed, collect=collect, every=every, firms=firms)
        names = list(single.outcomes.index)
        assert_same_series(many.outcomes.loc[(position, seed)][names], single.outcomes)
        if every:
            kept = steps.loc[(position, seed)][list(single.steps.columns)]
            pd.testing.assert_frame_equal(kept, single.steps, check_exact=True)
    assert many.outcomes.index.tolist() == list(itertools.product(range(len(listed)), seeds))


@pytest.mark.parametrize(("collect", "every"), [("light", 1), ("full", 1), ("light", 3), ("full", 0)])
def test_each_of_many_runs_equals_its_single_run(collect, every):
    many = simulate_many(MANY, SEEDS, collect=collect, every=every)
    assert_many_equal_single_runs(many, MANY, SEEDS, collect, every)
    assert len(many.steps) == (sum(scenario.steps // every for scenario in MANY) * len(SEEDS) if every else 0)


@pytest.mark.parametrize("collect", ["light", "full"])
def test_each_of_many_runs_of_a_firm_table_equals_its_single_run(collect):
    table, listed = firm_table(), (SMALL, SMALL.replace(churn=0.5))
    many = simulate_many(listed, SEEDS, firms=table, collect=collect)
    assert_many_equal_single_runs(many, listed, SEEDS, collect, 1, firms=table)
    assert many.outcomes["hhi"].nunique() == len(listed) * len(SEEDS)  # noise still depends on the seed


def test_the_order_of_scenarios_and_seeds_changes_nothing():
    listed = MANY[:2]
    many, turned = simulate_many(listed, SEEDS), simulate_many(listed[::-1], SEEDS[::-1])
    steps, turned_steps = many.steps.sort_index(), turned.steps.sort_index()
    for position, seed in itertools.product(range(2), SEEDS):
        assert_same_series(many.outcomes.loc[(position, seed)], turned.outcomes.loc[(1 - position, seed)])
        pd.testing.assert_frame_equal(
            steps.loc[(position, seed)], turned_steps.loc[(1 - position, seed)], check_exact=True
        )


def test_any_number_of_threads_gives_the_same_bits_in_many_runs():
    one, three = (simulate_many(MANY[:2], range(40), threads=threads) for threads in (1, 3))
    pd.testing.assert_frame_equal(one.outcomes, three.outcomes, check_exact=True)
    pd.testing.assert_frame_equal(one.steps, three.steps, check_exact=True)


@pytest.mark.parametrize("every", [0, 5])
def test_any_number_of_runs_a_batch_gives_the_same_tables(monkeypatch, every):
    whole = simulate_many(MANY, range(7), every=every)
    monkeypatch.setattr(many_runs, "_RUNS_A_BATCH", 3)
    reported = []
    stretched = simulate_many(MANY, range(7), every=every, progress=reported.append)
    pd.testing.assert_frame_equal(stretched.outcomes, whole.outcomes, check_exact=True)
    pd.testing.assert_frame_equal(stretched.steps, whole.steps, check_exact=True)
    assert reported == sorted(reported) and reported[-1] == 7 * len(MANY)


def test_a_bar_shows_the_time_left_of_many_runs(monkeypatch):
    shown = []

    @contextlib.contextmanager
    def bar(total, description):
        shown.append((total, description))
        yield shown.append

    monkeypatch.setattr(report, "progress", bar)
    simulate_many([SMALL], range(5), every=0, progress=True)
    assert shown[0] == (5, "runs") and sum(shown[1:]) == 5


def test_a_seed_that_is_asked_for_twice_gives_the_same_run_twice():
    many = simulate_many([SMALL, SMALL], [4])
    assert_same_series(many.outcomes.loc[(0, 4)], many.outcomes.loc[(1, 4)])


# ------------------------------------------------------------------------------------------ lengths and levels


@pytest.mark.parametrize("scenario", [SMALL, LIVELY.replace(steps=6)])
def test_a_run_is_the_beginning_of_a_longer_one(scenario):
    short = simulate(scenario, 3)
    long = simulate(scenario.replace(steps=2 * scenario.steps), 3, panel=scenario.steps)
    assert has_everything(short)
    n = scenario.steps
    pd.testing.assert_frame_equal(short.steps, long.steps.loc[:n], check_exact=True)
    of_long = long.sectors[long.sectors.step <= n]
    pd.testing.assert_frame_equal(short.sectors, of_long, check_exact=True)
    then = long.panel[long.panel.step == n].drop(columns=["step", "revenue"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(short.firms[list(then.columns)], then, check_exact=True)
    early = long.lives[long.lives.entry_step <= n].reset_index(drop=True)
    fixed = ["id", "sector", "strategy", "entry_step"]
    pd.testing.assert_frame_equal(short.lives[fixed], early[fixed], check_exact=True)
    left = short.lives.exit_step.notna()
    pd.testing.assert_frame_equal(short.lives[left], early[left], check_exact=True)
    assert (early.exit_step[~left].fillna(n + 1) > n).all()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("every", [2, 3, 7, 40])
def test_kept_steps_are_those_of_the_whole_run(every, threads):
    whole, kept = simulate(SMALL, 3), simulate(SMALL, 3, every=every, threads=threads)
    steps = range(every, SMALL.steps + 1, every)
    assert list(kept.steps.index) == list(steps)
    pd.testing.assert_frame_equal(kept.steps, whole.steps.loc[list(steps)], check_exact=True, check_index_type=False)
    of_whole = whole.sectors[whole.sectors.step.isin(steps)].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept.sectors, of_whole, check_exact=True)
    assert_same_series(kept.outcomes, whole.outcomes)
    pd.testing.assert_frame_equal(kept.firms, whole.firms, check_exact=True)
    pd.testing.assert_frame_equal(kept.lives, whole.lives, check_exact=True)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("every", [0, 41])
def test_a_run_that_keeps_no_step_has_the_same_outcomes(every, threads):
    whole, none = simulate(SMALL, 3), simulate(SMALL, 3, every=every, threads=threads)
    assert len(none.steps) == len(none.sectors) == 0
    assert list(none.steps.columns) == list(whole.steps.columns)
    assert_same_series(none.outcomes, whole.outcomes)
    pd.testing.assert_frame_equal(none.firms, whole.firms, check_exact=True)
    pd.testing.assert_frame_equal(none.lives, whole.lives, check_exact=True)


@pytest.mark.parametrize("panel", [1, 7, 40, 41])
def test_a_panel_changes_no_result(panel):
    without, with_panel = simulate(SMALL, 3), simulate(SMALL, 3, panel=panel)
    assert with_panel.panel.step.unique().tolist() == [0, *range(panel, SMALL.steps + 1, panel)]
    assert_same(with_panel, without, tables=("steps", "sectors", "firms", "lives"))


def test_a_panel_shows_the_firms_as_shorter_runs_end():
    panel = simulate(SMALL, 3, panel=10).panel
    for step in (10, 20, 30, 40):
        firms = simulate(SMALL.replace(steps=step), 3).firms
        then = panel[panel.step == step].drop(columns=["step", "revenue"]).reset_index(drop=True)
        pd.testing.assert_frame_equal(then, firms[list(then.columns)], check_exact=True)


@pytest.mark.parametrize("scenario", [SMALL, LIVELY.replace(steps=8)])
def test_the_light_level_is_a_part_of_the_full_one(scenario):
    full, light = simulate(scenario, 3), simulate(scenario, 3, collect="light")
    order_statistics = {"gini"} | {f"{q}_{x}" for q in ("q10", "q50", "q90") for x in "TCRQF"}
    assert set(full.steps) - set(light.steps) == order_statistics
    assert set(full.outcomes.index) - set(light.outcomes.index) == order_statistics | {
        "size_variance_slope",
        "frontier_gap",
    }
    pd.testing.assert_frame_equal(light.steps, full.steps[list(light.steps)], check_exact=True)
    pd.testing.assert_frame_equal(light.sectors, full.sectors[list(light.sectors)], check_exact=True)
    pd.testing.assert_frame_equal(light.firms, full.firms, check_exact=True)
    assert_same_series(light.outcomes, full.outcomes[list(light.outcomes.index)])


def test_a_look_at_a_result_changes_nothing():
    looked = simulate(SMALL, 3)
    looked.steps["hhi"] *= 2.0
    looked.firms["T"] = 0.0
    looked.lives["peak_share"] = 0.0
    again = simulate(SMALL, 3)
    assert not looked.steps.equals(again.steps)
    assert_same_series(looked.outcomes, again.outcomes)


def test_progress_reports_change_no_result():
    seen = []
    assert_same(simulate(SMALL, 3, progress=seen.append), simulate(SMALL, 3))
    assert seen[-1] == SMALL.steps
    assert seen == sorted(seen)
