"""Runs are made replication by replication over all points."""

import numpy as np
import pytest

from abm.sweeps.design.plan import plan_of
from abm.sweeps.shard import Shard
from abm.sweeps.work.chunks import Chunks, runs_by_point
from abm.sweeps.work.order import in_rounds, round_ends
from tests.sweeping import design_of

TEXT = """
scenario = "one-market"
[set]
steps = {steps}
capacity = 200
[factors]
churn = {{low = 0.1, high = 0.9}}
[design]
method = "sobol"
points = 64
[replications]
count = 40
"""


@pytest.fixture(scope="module", params=[200, 1])
def plan(request):
    return plan_of(design_of(TEXT.format(steps=request.param)))


def replications(runs, plan):
    return np.bincount(runs // plan.replications.count, minlength=len(plan.points))


def test_all_points_have_a_round_before_any_has_the_next(plan):
    ends = round_ends(40, plan.work[0])
    ordered = in_rounds(plan, np.arange(plan.runs))
    assert sorted(ordered) == list(range(plan.runs))
    for begin, end in zip([0, *ends], ends, strict=False):
        assert sorted(ordered[64 * begin : 64 * end] % 40) == sorted(list(range(begin, end)) * 64)


def test_a_round_is_as_long_as_all_before_it_and_takes_about_20_milliseconds_of_a_point_at_most():
    assert round_ends(30, 80_000.0).tolist() == [1, 2, 4, 8, 13, 18, 23, 28, 30]
    assert round_ends(3, 1e9).tolist() == [1, 2, 3]
    assert round_ends(100, 400.0).tolist() == [1, 14, 28, 56, 100]  # runs are shorter than the start of a point


def test_chunks_follow_the_rounds_and_keep_the_runs_of_a_point_together(plan):
    chunks = Chunks(plan, np.arange(plan.runs))
    made = np.empty(0, dtype=np.int64)
    most = np.diff(round_ends(40, plan.work[0]), prepend=0).max()
    while chunks:
        chunk = chunks.take(4)
        assert (np.diff(chunk) > 0).all()
        assert len(runs_by_point(plan, chunk)) == len(set(chunk // 40))
        made = np.append(made, chunk)
        assert np.ptp(replications(made, plan)) <= most
    assert sorted(made) == list(range(plan.runs))


def test_a_shard_makes_its_runs_in_the_same_order(plan):
    runs = Shard(2, 3).select(np.arange(plan.runs))
    everything = in_rounds(plan, np.arange(plan.runs))
    assert in_rounds(plan, runs).tolist() == [run for run in everything if run % 3 == 1]


def test_nothing_is_in_order(plan):
    assert in_rounds(plan, np.empty(0, dtype=np.int64)).size == 0
