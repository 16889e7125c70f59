"""The tables of a comparison against brute force, on frames made by hand."""

import itertools
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from abm import InputError, compare
from experiments.compare_speed import BYTES, CASES, SECONDS, measure
from tests.comparison.frames import frame_of, group_of, numeric

FIXED = [
    *["outcome", "group", "n", "failed", "mean", "sd", "median", "low", "high"],
    *["difference", "difference_low", "difference_high", "cliffs_delta", "p_holm", "paired"],
]


def test_the_columns_are_those_that_others_rely_on(found, frame):
    assert list(found.comparison)[: len(FIXED)] == FIXED
    assert list(found.regimes)[:7] == ["group", "structure", "growth", "n", "share", "low", "high"]
    assert list(found.winners)[:7] == ["group", "strategy", "n", "share", "low", "high", "margin"]
    both = compare(frame, by=["network_effect", "churn"]).comparison
    assert list(both)[: len(FIXED) + 2] == [*FIXED, "network_effect", "churn"]
    assert both["group"].iloc[1] == "network_effect=0, churn=0.4"
    assert (both["network_effect"].iloc[1], both["churn"].iloc[1]) == (0.0, 0.4)


def test_every_outcome_of_every_group_is_in_the_table_once(found):
    table = found.comparison
    assert not table.duplicated(["outcome", "group"]).any()
    words = {f"structure={word}" for word in ("collapsed", "moderate", "oligopoly")}
    words |= {f"growth={word}" for word in ("vicious", "virtuous", "none")}
    words |= {f"winner={word}" for word in "abc"} | {"winner=none"}
    numbers = {"hhi", "mean_T", "hill", "nothing", "runaway", "firms", "took_off", "share_a", "share_b", "share_c"}
    assert set(table["outcome"]) == words | numbers
    assert len(table) == 3 * len(words | numbers)


def test_describing_columns_are_those_of_pandas(found, frame):
    for _, row in found.comparison.iterrows():
        own = numeric(group_of(frame, row["group"]), row["outcome"])
        assert row["n"] == own.count() and row["missing"] == own.isna().sum() and row["failed"] == 0
        expected = [own.mean(), own.std(), own.median(), *own.quantile([0.1, 0.25, 0.75, 0.9])]
        actual = row[["mean", "sd", "median", "q10", "q25", "q75", "q90"]].to_numpy(float)
        np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


def test_differences_are_those_of_the_pairs_that_have_both(found, frame):
    base = group_of(frame, "0").set_index(["churn", "seed"])
    for _, row in found.comparison[found.comparison["group"] != "0"].iterrows():
        own = group_of(frame, row["group"]).set_index(["churn", "seed"])
        pairs = (numeric(own, row["outcome"]) - numeric(base, row["outcome"])).dropna()
        assert row["paired"] and row["pairs"] == len(pairs)
        if len(pairs):
            assert row["difference"] == pytest.approx(pairs.mean(), rel=1e-9, abs=1e-9)
            assert row["difference_low"] <= row["difference"] <= row["difference_high"]
    baseline = found.comparison[found.comparison["group"] == "0"]
    assert baseline[["difference", "difference_low", "difference_high", "cliffs_delta", "p_holm"]].isna().all(axis=None)
    assert not baseline["paired"].any()


def test_cliffs_delta_counts_all_pairs_of_runs(found, frame):
    for outcome, label in itertools.product(("hhi", "hill", "took_off", "firms"), ("0.5", "0.9")):
        ours, theirs = (numeric(group_of(frame, each), outcome).dropna().to_numpy() for each in (label, "0"))
        delta = np.mean([np.sign(one - other) for one in ours for other in theirs])
        row = found.comparison.query("outcome == @outcome and group == @label").iloc[0]
        assert row["cliffs_delta"] == pytest.approx(delta, abs=1e-12)
        size = abs(delta)
        word = "negligible" if size < 0.147 else "small" if size < 0.33 else "medium" if size < 0.474 else "large"
        assert row["cliffs_word"] == word


def test_p_is_that_of_the_pairs_where_each_is_a_replication_and_holms_family_is_the_table(frame):
    one = frame[frame["churn"] == 0.1]
    table = compare(one, by="network_effect").comparison
    for outcome, label in itertools.product(("hhi", "mean_T"), ("0.5", "0.9")):
        ours, theirs = (group_of(one, each).sort_values("seed")[outcome].to_numpy() for each in (label, "0"))
        row = table.query("outcome == @outcome and group == @label").iloc[0]
        assert row["p"] == pytest.approx(stats.ttest_rel(ours, theirs).pvalue, rel=1e-9)
        ratio = (ours.var() + theirs.var()) / (ours - theirs).var()
        assert row["variance_ratio"] == pytest.approx(ratio, rel=1e-9)
    known = table["p"].notna()
    assert known.sum() == 2 * (len(set(table["outcome"])) - 1)  # `nothing` is tested nowhere
    adjusted = multipletests(table.loc[known, "p"], method="holm")[1]
    np.testing.assert_allclose(table.loc[known, "p_holm"], adjusted, rtol=1e-12)
    assert table.loc[~known, "p_holm"].isna().all()


def test_p_over_several_runs_of_a_seed_is_that_of_the_seeds_means(found, frame):
    pivot = frame.pivot_table(index="seed", columns="network_effect", values="hhi")  # mean over churn
    expected = stats.ttest_rel(pivot[0.9], pivot[0.0]).pvalue
    row = found.comparison.query("outcome == 'hhi' and group == '0.9'").iloc[0]
    assert row["p"] == pytest.approx(expected, rel=1e-9)


def test_without_common_seeds_groups_are_independent_samples():
    frame = frame_of(common=False)
    found = compare(frame, by="network_effect")
    assert not found.runs.all_paired and not found.comparison["paired"].any()
    row = found.comparison.query("outcome == 'hhi' and group == '0.5'").iloc[0]
    ours, theirs = (group_of(frame, label)["hhi"] for label in ("0.5", "0"))
    assert row["p"] == pytest.approx(stats.ttest_ind(ours, theirs, equal_var=False).pvalue, rel=1e-9)
    assert row["difference"] == pytest.approx(ours.mean() - theirs.mean())
    assert np.isnan(row["variance_ratio"])
    with pytest.raises(InputError, match=r"group 0.5 has 0 of 24 runs with the seed and other factors .*--unpaired"):
        compare(frame, by="network_effect", paired=True)


def test_a_frame_without_seeds_is_never_paired(frame):
    found = compare(frame.drop(columns="seed"), by="network_effect")
    assert not found.comparison["paired"].any()
    assert found.runs.frame["block"].is_unique


def test_pairing_is_undone_when_asked(frame):
    found = compare(frame, by="network_effect", paired=False, outcomes="hhi")
    assert not found.comparison["paired"].any()


def test_yes_no_outcomes_have_wilsons_interval_where_runs_are_independent(frame):
    one = frame[frame["churn"] == 0.1]
    table = compare(one, by="network_effect").comparison
    for outcome in ("took_off", "structure=oligopoly", "winner=none"):
        for _, row in table[table["outcome"] == outcome].iterrows():
            own = numeric(group_of(one, row["group"]), outcome)
            expected = proportion_confint(int(own.sum()), len(own), method="wilson")
            np.testing.assert_allclose([row["low"], row["high"]], expected, atol=1e-12)
            assert row["method"] == "Wilson"


def test_truth_values_are_yes_no_even_where_all_are_true():
    frame = pd.DataFrame({"scenario": ["a"] * 8 + ["b"] * 8, "seed": [*range(8)] * 2, "alive": True, "x": 1.0})
    table = compare(frame).comparison.set_index(["outcome", "group"])
    expected = proportion_confint(8, 8, method="wilson")
    assert table.loc[("alive", "a"), ["low", "high"]].tolist() == pytest.approx(list(expected))
    assert table.loc[("x", "b"), ["low", "high", "difference", "p_holm"]].tolist() == [1.0, 1.0, 0.0, 1.0]


def test_runs_of_one_seed_at_several_points_are_one_replication():
    rng = np.random.default_rng(3)
    by_seed = rng.normal(size=20)
    points = np.linspace(0.1, 0.9, 9)
    rows = [
        {"network_effect": effect, "churn": churn, "seed": seed, "x": by_seed[seed] + 1e-3 * rng.normal()}
        for effect in (0.0, 1.0)
        for churn in points
        for seed in range(20)
    ]
    row = compare(pd.DataFrame(rows), by="network_effect").comparison.iloc[0]
    # As wide as the interval of 20 independent runs, not of 180.
    width = 2.0 * stats.t.ppf(0.975, 19) * by_seed.std(ddof=1) / np.sqrt(20)
    assert row["n"] == 180
    assert 0.8 * width < row["high"] - row["low"] < 1.3 * width


# --- what must change nothing -------------------------------------------------------------------------


def tables_of(found):
    return [found.comparison, found.regimes, found.regime_changes, found.winners, found.enough]


def relabelled(table, names):
    return table.assign(group=table["group"].astype(str).map(names))


@pytest.mark.parametrize("seeds", [True, False])
def test_the_order_of_runs_changes_nothing(frame, found, seeds):
    whole = frame if seeds else frame.drop(columns="seed")
    mixed = whole.sample(frac=1.0, random_state=1)
    for one, other in zip(*(tables_of(compare(each, by="network_effect")) for each in (whole, mixed))):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_names_and_order_of_groups_change_labels_only(frame):
    named = frame.assign(network_effect=frame["network_effect"].map({0.0: "zebra", 0.5: "ant", 0.9: "mole"}))
    reverse = named.iloc[::-1]
    first = compare(frame, by="network_effect", baseline=0.5)
    second = compare(reverse, by="network_effect", baseline="ant")
    assert second.runs.groups == ["mole", "ant", "zebra"]
    for one, other in zip(tables_of(first), tables_of(second)):
        one, other = (
            relabelled(one, {"0": "zebra", "0.5": "ant", "0.9": "mole"}),
            other.assign(group=other["group"].astype(str)),
        )
        keys = [
            name for name in ("outcome", "group", "structure", "growth", "strategy", "given", "runs") if name in one
        ]
        one, other = (each.sort_values(keys, ignore_index=True) for each in (one, other))
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_other_outcomes_change_nothing_but_holms_family(found, frame):
    few = compare(frame, by="network_effect", outcomes=["hill", "hhi"]).comparison
    assert list(dict.fromkeys(few["outcome"])) == ["hill", "hhi"]
    whole = found.comparison[found.comparison["outcome"] == "hhi"].drop(columns="p_holm").reset_index(drop=True)
    own = few[few["outcome"] == "hhi"].drop(columns="p_holm").reset_index(drop=True)
    pd.testing.assert_frame_equal(whole, own, rtol=1e-9)


def test_a_group_beside_itself_differs_by_nothing(frame):
    twice = pd.concat([frame.assign(scenario="one"), frame.assign(scenario="two")])
    table = compare(twice, by="scenario").comparison
    other = table[(table["group"] == "two") & (table["n"] > 0)]
    numbers = other[other["method"] == "bootstrap-t"]
    assert (numbers[["difference_low", "difference_high"]] == 0.0).all(axis=None) and len(numbers) >= 6
    assert (other["difference_low"] <= 0.0).all() and (other["difference_high"] >= 0.0).all()
    assert (other[["difference", "cliffs_delta"]] == 0.0).all(axis=None) and (other["p_holm"] == 1.0).all()


# --- groups -------------------------------------------------------------------------------------------


def test_runs_without_a_partner_count_for_the_mean_and_not_for_the_difference(frame):
    cut = frame.drop(frame.index[(frame["network_effect"] == 0.9) & (frame["seed"] < 3)])
    found = compare(cut, by="network_effect", outcomes="hhi")
    row = found.comparison.query("group == '0.9'").iloc[0]
    base = group_of(frame, "0")
    assert row["n"] == 18 and row["pairs"] == 18
    expected = group_of(cut, "0.9")["hhi"].mean() - base[base["seed"] >= 3]["hhi"].mean()
    assert row["difference"] == pytest.approx(expected)
    assert found.comparison.query("group == '0'")["n"].item() == 24
    assert any("18 pairs" in note for note in found.notes)


def test_few_runs_an_outcome_without_values_and_left_out_sections_are_said(frame):
    found = compare(frame[frame["seed"] < 3], by="network_effect")
    notes = " ".join(found.notes)
    assert "Fewer than 5 replications in 0, 0.5, 0.9" in notes
    assert "No run has a value of these outcomes, so their rows are empty: nothing." in notes
    assert "Survival is left out: the runs of frame did not keep lives" in notes
    assert found.survival.empty and found.trajectories.empty
    row = found.comparison.query("outcome == 'nothing' and group == '0.5'").iloc[0]
    assert row["n"] == 0 and row["missing"] == 6 and np.isnan(row["mean"]) and row["warning"] == "no value"
    one = compare(frame[frame["seed"] < 3].query("churn == 0.1"), by="network_effect", outcomes="hhi").comparison.iloc[
        0
    ]
    own = frame.query("seed < 3 and churn == 0.1 and network_effect == 0")["hhi"]
    expected = stats.t.interval(0.95, 2, own.mean(), stats.sem(own))
    assert (one["low"], one["high"]) == pytest.approx(expected) and one["method"] == "Student's t"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"by": "network_efect"}, r"unknown factor 'network_efect' \(did you mean 'network_effect'\?\)"),
        ({"by": ["churn", "churn"]}, "names a factor twice"),
        ({"by": ()}, "several factors vary; choose with --by: network_effect, churn"),
        ({"outcomes": "hh"}, r"unknown outcome 'hh' \(did you mean 'hhi'\?\)"),
        ({"baseline": "0.7"}, "unknown baseline '0.7'.*the groups are 0, 0.5, 0.9"),
        ({"level": 95}, "level = 95 is not a number between 0 and 1"),
        ({"level": True}, "level = True"),
        ({"what": []}, "no directory to compare"),
        ({"what": 7}, "7 is neither a directory's path"),
    ],
)
def test_what_cannot_be_compared_is_refused(frame, changes, message):
    with pytest.raises(InputError, match=message):
        compare(**({"what": frame, "by": "network_effect"} | changes))


def test_one_group_is_nothing_to_compare(frame):
    with pytest.raises(InputError, match="one group only: network_effect is 0 in all runs"):
        compare(frame[frame["network_effect"] == 0.0], by="network_effect")
    with pytest.raises(InputError, match="one group only, no parameter varies"):
        compare(frame.drop(columns=["network_effect", "churn"]))


def test_a_frame_without_outcomes_is_refused():
    with pytest.raises(InputError, match="there is no outcome to compare"):
        compare(pd.DataFrame({"churn": [0.1, 0.2], "seed": [1, 1]}))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_hundred_thousand_runs_take_a_minute_of_two_cores_and_two_gibibytes(case):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        measured = pool.submit(measure, case, 100_000).result()
    assert (measured["runs"], measured["outcomes"], measured["groups"]) == (100_000, 80, 10)
    # Seconds of work, for other processes may be on the machine.
    assert measured["processor_seconds"] <= 2 * SECONDS and measured["peak_MiB"] * 2**20 <= BYTES
