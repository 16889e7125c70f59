"""The coverage study at reduced size, with tolerances from the binomial error, and its own BCa."""

import numpy as np
import pytest
from scipy import stats

from abm.comparison.statistics.means import means_of
from experiments import coverage
from experiments.coverage import CASES, DESIGNS, MARGINS, SIZES, SKEWED, bca, cover, false_positives, warned
from experiments.coverage_report import picture, readme

CASE = {case.name: case for case in CASES}
# What must cover 93 to 97 % at both n, and at 200 only.
ALWAYS = ("normal", "yes/no 30 %", "yes/no 5 %", "normal, 5 runs a block, n blocks", "difference: normal",
          "paired: normal", "paired: yes/no 30 % and 5 %")  # fmt: skip
AT_200 = ("lognormal", "lognormal, 5 runs a block, n blocks", "difference: lognormal", "paired: lognormal",
          "yes/no 5 %, 5 runs a block, n blocks", "normal, n/5 blocks of 5", "yes/no 30 %, n/5 blocks of 5",
          "difference: yes/no 5 % and 5 %", "paired: yes/no 5 % and 5 %")  # fmt: skip
REQUIRED = [(name, n) for name in ALWAYS for n in SIZES] + [(name, 200) for name in AT_200]


def used(name, n, sets):
    """Coverage of the method that is used, and three standard errors of a count about 95 %."""
    row = next(row for row in cover(CASE[name], n, sets) if row["used"])
    return row["coverage"], 3 * np.sqrt(0.95 * 0.05 / sets)


@pytest.mark.parametrize(("name", "n"), [(name, n) for name, n in REQUIRED if n == 30 or "lognormal" in name])
def test_intervals_cover_what_they_say(name, n):
    share, error = used(name, n, 500)
    assert 0.93 - error <= share <= 0.97 + error


@pytest.mark.slow
@pytest.mark.parametrize(("name", "n"), REQUIRED)
def test_intervals_cover_what_they_say_in_many_data_sets(name, n):
    share, error = used(name, n, 2000)
    assert 0.93 - error <= share <= 0.97 + error


def test_few_of_twenty_outcomes_that_do_not_differ_are_called_different():
    for design in DESIGNS[:3]:
        share = false_positives("a third each", design, 30, 500)["false_positives"]
        assert share <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 500), design


@pytest.mark.slow
@pytest.mark.parametrize(
    ("design", "n"), [*((design, 30) for design in DESIGNS), *((design, 200) for design in DESIGNS[:3])]
)
@pytest.mark.parametrize("margin", [*MARGINS, "a third each"])
def test_false_positives_keep_to_their_level_in_many_data_sets(margin, design, n):
    share = false_positives(margin, design, n, 1000)["false_positives"]
    assert share <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1000)


@pytest.mark.slow
def test_outcomes_that_cover_too_little_are_warned_of():
    rows = [warned(n, *outcome, 4000) for outcome in SKEWED for n in (10, 30, 100)]
    low = [row for row in rows if row["coverage"] < 0.925]
    assert low and all(row["warned"] > 0.5 for row in low)
    assert all(row["warned"] < 0.15 for row in rows if row["distribution"] == "normal")


@pytest.mark.parametrize("two", [False, True])
def test_bca_is_that_of_scipy(two):
    rng = np.random.default_rng(8)
    samples = [rng.lognormal(size=40), rng.lognormal(0.5, 0.5, size=25)][: 1 + two]

    def gap(*groups, axis):
        means = [group.mean(axis=axis) for group in groups]
        return means[0] - sum(means[1:])

    expected = stats.bootstrap(samples, gap, n_resamples=100_000, method="BCa", rng=rng).confidence_interval
    means = [means_of(sample[:, np.newaxis]) for sample in samples]
    found = np.mean([np.ravel(bca(means, seed)) for seed in range(40)], axis=0)
    assert found == pytest.approx(expected, abs=0.02 * (expected.high - expected.low))


def test_the_study_is_written_with_all_its_numbers(monkeypatch):
    monkeypatch.setattr(coverage, "CASES", CASES[2:4])
    tables = coverage.study(quick=True)
    text = readme(tables, quick=True)
    for row in tables["coverage"][tables["coverage"]["used"]].itertuples():
        assert row.distribution in text and f" {100 * row.coverage:.1f}" in text
    for row in (*tables["false_positives"].itertuples(), *tables["warnings"].itertuples()):
        assert f" {row.n} | {100 * row[4]:.1f} |" in text or f" {row.n} | {100 * row[3]:.1f} |" in text
    assert len(picture(tables["coverage"]).axes) == len(SIZES)
