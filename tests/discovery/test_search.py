"""The search beside ema_workbench, closed forms and planted boxes; resamples of whole points."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from abm.discovery import stability
from abm.discovery.boxes import Limit, chosen, held, inside, limits, moved, quasi_p
from abm.discovery.peeling import quick_trajectory, trajectory
from abm.discovery.space import Factor, roundest, space_of
from abm.discovery.stability import resampled
from abm.discovery.tree import decision_tree, tree_table

POLICIES = ("fixed", "imitate", "adaptive")


def points(count: int, seed: int = 0) -> pd.DataFrame:
    """Points of numbers, integers, words, and a factor with an infinite value."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "network_effect": rng.random(count),
            "churn": 10.0 ** rng.uniform(-2.0, 0.0, count),
            "capacity": rng.integers(10, 60, count),
            "policy": rng.choice(POLICIES, count),
            "runway": rng.choice([2.0, 8.0, np.inf], count),
        }
    )


def planted(frame: pd.DataFrame, seed: int = 1) -> np.ndarray:
    """Cases: nearly all in a box of three factors, and a few anywhere."""
    rng = np.random.default_rng(seed)
    box = (frame["network_effect"] > 0.55) & (frame["policy"] != "imitate") & (frame["capacity"] <= 45)
    return box.to_numpy() & (rng.random(len(frame)) < 0.95) | (rng.random(len(frame)) < 0.02)


def space(count: int, replications: int = 1, cases=planted):
    frame = pd.concat([points(count)] * replications, ignore_index=True)
    return space_of(frame, {"policy": POLICIES}, cases(frame), np.ones(len(frame), dtype=bool))


def test_the_quick_peeling_walks_as_ema_workbench_does():
    made = space(150, 2)
    table, boxes = trajectory(made)
    quick = quick_trajectory(made)
    assert len(quick) > 15 and len(boxes) >= len(quick)
    for one, other in zip(boxes, quick):
        assert all((mine == its).all() for mine, its in zip(one, other))
    found = [held(made, inside(made, box)) for box in boxes]
    for name in ("coverage", "density", "mass", "runs", "cases"):
        assert table[name].tolist() == [getattr(each, name) for each in found]


def test_a_box_of_words_alone_is_found():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({name: rng.choice(list("abcdef"), 400) for name in ("one", "two", "three")})
    inner = frame["one"].isin(["a", "b", "c"]) & (frame["two"] != "f")
    made = space_of(frame, {}, (inner & (rng.random(400) < 0.95)).to_numpy(), np.ones(400, dtype=bool))
    _, box = chosen(made, quick_trajectory(made))
    what = held(made, inside(made, box))
    assert what.coverage >= 0.8 and what.density >= 0.8
    assert {side.factor for side in limits(made, box)} == {0, 1}


def test_limits_on_the_wrong_factor_are_moved_to_the_right_one():
    frame = pd.DataFrame(np.indices((4, 4, 3)).reshape(3, -1).T, columns=["spillover", "network_effect", "runway"])
    made = space_of(frame, {}, (frame["network_effect"] == 3).to_numpy(), np.ones(48, dtype=bool))
    assert [len(factor.values) for factor in made.factors] == [4, 4, 3]
    wrong = [np.array([True, True, False, False]), np.array([False, True, True, True]), np.ones(3, dtype=bool)]
    right = moved(made, wrong)
    assert held(made, inside(made, right)).coverage == held(made, inside(made, right)).density == 1.0
    assert limits(made, right) == [Limit(1, "low")]


def test_a_quasi_p_is_the_binomial_one_where_each_point_has_one_run():
    made = space(200)
    box = [*made.whole]
    box[0] = np.arange(200) >= 110
    points_in, share = inside(made, box), made.cases.mean()
    exact = binomtest(int(made.cases[points_in].sum()), int(points_in.sum()), share, alternative="greater").pvalue
    assert quasi_p(made, box, Limit(0, "low")) == pytest.approx(exact, rel=1e-9)


def test_replications_make_a_quasi_p_no_smaller():
    made = space(200)
    box = [np.arange(200) >= 90, *made.whole[1:]]
    more = replace(made, cases=5 * made.cases, runs=5 * made.runs)
    assert quasi_p(more, box, Limit(0, "low")) == quasi_p(made, box, Limit(0, "low"))


def test_resamples_take_points_whole(monkeypatch):
    made = space(80, 3)
    runs = np.arange(3, 83)  # by its number of runs a point is known
    made = replace(made, runs=runs, cases=np.minimum(made.cases, runs))
    seen = []
    monkeypatch.setattr(stability, "_searched", lambda each: seen.append(each) or each.whole)
    resampled(made, 12, 0, lambda: None)
    assert len(seen) == 12 and len({tuple(each.runs) for each in seen}) == 12
    for each in seen:
        place = each.runs - 3
        assert len(place) == 80 and len(set(place)) < 80
        assert (each.codes == made.codes[place]).all() and (each.cases == made.cases[place]).all()


def test_a_resample_is_the_same_however_many_there_are():
    made = space(120)
    few, more = (resampled(made, count, 5, lambda: None) for count in (3, 6))
    assert few.density.tolist() == more.density[:3].tolist() and few.coverage.tolist() == more.coverage[:3].tolist()


def test_shuffled_outcomes_are_chance_and_planted_ones_are_not():
    def shuffled(frame):
        return np.random.default_rng(8).permutation(planted(frame))

    assert resampled(space(120), 12, 0, lambda: None).p == 0.001
    assert resampled(space(120, cases=shuffled), 12, 0, lambda: None).p > 0.05


def test_the_tree_divides_a_planted_box_and_noise_not_at_all():
    made = space(400)
    leaves = tree_table(made, decision_tree(made, 0))
    assert leaves["density"][0] > 0.8 and leaves["coverage"][0] > 0.8 and leaves["runs"].sum() == 400
    noise = space(400, cases=lambda frame: np.random.default_rng(4).random(len(frame)) < 0.3)
    assert decision_tree(noise, 0).factor is None


def test_limits_are_short_numbers_between_the_points():
    assert roundest(0.92871, 0.93412) == 0.93
    assert Factor("runway", (2.0, 8.0, np.inf), False, True).in_words(np.array([False, False, True])) == "runway inf"
    made = space(300)
    for box in quick_trajectory(made):
        low, high = made.factors[0].limit(*np.flatnonzero(box[0])[[0, -1]])
        values = np.array(made.factors[0].values)
        within = ~((values < low) | (values > high))
        assert (within == box[0]).all()
