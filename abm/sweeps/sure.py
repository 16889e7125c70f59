"""Replications until the mean of an outcome is known well enough at every point.

All points get the same number of replications, in batches of common seeds, so that points stay comparable run by run.
After each batch the sweep looks at the half-widths of the intervals of the mean. Whoever looks more often stops too
early more often; that is paid for by Bonferroni's rule: of K possible looks each uses the level 1 − 0.05/K, so
that the intervals with which the sweep ends hold together with 95 % at a point whenever it stops.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.sweeps.results import load_sweep
from abm.sweeps.store.owned import holds_a_sweep

if TYPE_CHECKING:
    import pandas as pd

    from abm.sweeps.design.settings import Replications

LEVEL = 0.95
_GROWTH = 1.5  # of the number of replications from one look to the next


def looks(replications: "Replications") -> list[int]:
    """The numbers of replications after which the sweep looks, the last one its most.

    Examples
    --------
    >>> from abm.sweeps.design.settings import Replications
    >>> looks(Replications(until={"outcome": "hhi", "half_width": 10}, least=10, most=40))
    [10, 15, 23, 35, 40]
    """
    found = [replications.least]
    while found[-1] < replications.most:
        found.append(min(math.ceil(_GROWTH * found[-1]), replications.most))
    return found


def widest(outcomes: "pd.DataFrame", outcome: str, count: int) -> float:
    """The largest half-width, over all points, of the interval of an outcome's mean at one of so many looks.

    Missing values count for nothing; a point with fewer than two values has an infinite one.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"point": [0, 0, 0, 0], "hhi": [1.0, 2.0, 3.0, 4.0]})
    >>> round(widest(frame, "hhi", 1), 3), round(widest(frame, "hhi", 5), 3)
    (2.054, 3.77)
    """
    from scipy.stats import t

    groups = outcomes.groupby("point")[outcome]
    n, sd = groups.count().to_numpy(), groups.std().to_numpy()
    quantile = t.ppf(1.0 - (1.0 - LEVEL) / count / 2.0, np.maximum(n - 1, 1))
    return float(np.where(n > 1, quantile * sd / np.sqrt(np.maximum(n, 1)), np.inf).max())


def run_until_sure(work: Any, *, overwrite: bool = False, retry_failed: bool = False) -> str | None:
    """Make a sweep, a `SweepRun`, with as many replications as its design asks for; in words what was reached."""
    until = work.design.replications.until
    if until is None:
        work.run(overwrite=overwrite, retry_failed=retry_failed)
        return None
    planned = looks(work.design.replications)
    for count in _from_stored(work, planned, overwrite):
        step = replace(work, design=work.design.with_replications(count))
        step.run(overwrite=overwrite, retry_failed=retry_failed)
        overwrite = retry_failed = False  # of the first batch
        width = widest(load_sweep(step.store.folder).outcomes, until.outcome, len(planned))
        if width <= until.half_width:
            break
    reached = "reached" if width <= until.half_width else "not reached"
    return (
        f"half_width = {until.half_width:g} of {until.outcome} is {reached} with {count} replications: the widest of "
        f"all points is {width:.3g}, at 95 % for {len(planned)} looks"
    )


def _from_stored(work: Any, planned: list[int], overwrite: bool) -> Iterator[int]:
    """The looks from the number of replications that the folder has."""
    stored = 0
    if not overwrite and holds_a_sweep(work.store.folder) and work.store.holds_runs():
        stored = work.store.replications().count
    yield from [count for count in planned if count >= stored] or planned[-1:]
