"""The order in which runs are made: replication by replication over all points.

So an unfinished sweep is a smaller sweep: every point has about the same number of replications.
"""

import numpy as np

from abm.sweeps.design.plan import Plan

# Runs of a point that are made together share its start, which takes about 0.6 ms. So after the first replication of
# every point a round makes several of each where runs are short. In slots times steps; 20,000 take a millisecond.
_LEAST_WORK = 5_000  # of a round at a point, except the first
_MOST_WORK = 400_000


def round_ends(count: int, work: float) -> np.ndarray:
    """The replication before which each round ends: one, then as many as before, within bounds that depend on the work.

    Parameters
    ----------
    count : int
        Replications.
    work : float
        The cost of a run, in slots times steps.

    Examples
    --------
    >>> round_ends(20, 80_000.0)
    array([ 1,  2,  4,  8, 13, 18, 20])
    >>> round_ends(20, 1_000.0)
    array([ 1,  6, 12, 20])
    """
    least, most = (max(1, int(np.ceil(each / work))) for each in (_LEAST_WORK, _MOST_WORK))
    ends = [1]
    while ends[-1] < count:
        ends.append(min(ends[-1] + min(max(ends[-1], least), most), count))
    return np.array(ends)


def in_rounds(plan: Plan, runs: np.ndarray) -> np.ndarray:
    """Runs, by their numbers in rising order, in the order in which they are made."""
    if not len(runs):
        return runs
    count = plan.replications.count
    ends = round_ends(count, float(np.mean(plan.work[plan.first_points])))
    rounds = np.searchsorted(ends, runs % count, side="right").astype(np.int32)
    return runs[np.argsort(rounds, kind="stable")]
