"""Regimes and winners of groups, counted."""

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from abm import compare
from tests.comparison.frames import group_of


def test_regimes_are_counted(found, frame):
    table = found.regimes
    filled = frame.fillna({"growth": "none"})
    kinds = set(zip(filled["structure"], filled["growth"]))
    for label in ("0", "0.5", "0.9"):
        own = group_of(filled, label)
        rows = table[table["group"] == label]
        assert set(zip(rows["structure"], rows["growth"])) == kinds
        assert rows["n"].sum() == len(own) and rows["share"].sum() == pytest.approx(1.0)
        for _, row in rows.iterrows():
            n = ((own["structure"] == row["structure"]) & (own["growth"] == row["growth"])).sum()
            assert row["n"] == n and row["share"] == n / len(own) and row["runs"] == len(own)
            assert row["low"] <= row["share"] <= row["high"]
    changes = found.regime_changes
    assert set(changes["group"]) == {"0.5", "0.9"}
    shares = table.set_index(["group", "structure", "growth"])["share"]
    for _, row in changes.iterrows():
        kind = row["structure"], row["growth"]
        assert row["difference"] == pytest.approx(shares[(row["group"], *kind)] - shares[("0", *kind)])


def test_regimes_have_wilsons_interval_where_runs_are_independent(frame):
    one = frame[frame["churn"] == 0.1]
    for _, row in compare(one, by="network_effect").regimes.iterrows():
        expected = proportion_confint(row["n"], 12, method="wilson")
        np.testing.assert_allclose([row["low"], row["high"]], expected, atol=1e-12)


def test_a_winner_wins_by_its_distance_from_the_second(found, frame):
    for _, row in found.winners.iterrows():
        own = group_of(frame, row["group"])
        own = own[own["winner"].fillna("none") == row["strategy"]]
        assert row["n"] == len(own) and row["share"] == pytest.approx(len(own) / 24)
        if row["strategy"] == "none":
            assert np.isnan(row["margin"])
            continue
        others = [f"share_{name}" for name in "abc" if name != row["strategy"]]
        margins = own[f"share_{row['strategy']}"] - own[others].max(axis=1)
        assert row["margin"] == pytest.approx(margins.mean(), nan_ok=True)
