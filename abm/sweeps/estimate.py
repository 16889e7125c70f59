"""What a sweep would take: from the plan and a few runs, which are timed here and thrown away."""

import time

import numpy as np

from abm.errors import InputError
from abm.simulation.warmup import warm_up
from abm.sweeps.design.design import Design
from abm.sweeps.design.plan import Plan, plan_of
from abm.sweeps.run import ALL, Shard
from abm.sweeps.store.folder import Store
from abm.sweeps.store.merge import index_runs
from abm.sweeps.store.owned import holds_a_sweep
from abm.sweeps.terminal import duration, size
from abm.sweeps.work.chunks import chunk_count
from abm.sweeps.work.executors import Executor
from abm.sweeps.work.worker import Job, Piece, sample

_SAMPLES = 3  # points that are timed: the least, the middle and the most costly


def estimate(design: Design, executor: Executor, store: Store | None = None, shard: Shard = ALL) -> dict[str, str]:
    """Points, runs, chunks, time and disk of a design, by name.

    Parameters
    ----------
    design : Design
    executor : Executor
    store : Store, optional
        The folder whose finished runs need not be made.
    shard : Shard
        The part of the runs that is to be made.

    Raises
    ------
    InputError
        If the folder holds runs of another sweep.

    Examples
    --------
    >>> from abm.sweeps.work.executors.local import LocalProcesses
    >>> estimate(Design.load("network-effect"), LocalProcesses(2))["runs"]
    '300'
    """
    plan = plan_of(design)
    facts = _facts(design, plan)
    runs = np.arange(plan.runs)
    if store and holds_a_sweep(store.folder):
        store.check(design)
        runs = index_runs(plan, store.sources(remove_damaged=False)).missing
    runs = shard.part(runs)
    if len(runs) < plan.runs:
        facts["to make"] = f"{len(runs):,} of them"
    if not len(runs):
        return facts
    warm_up()
    job = Job(design.scenario, design.firms_path, design.collect, None, "", None, {})
    order = plan.first_points[np.argsort(plan.work[plan.first_points], kind="stable")]
    chosen = sorted({int(order[place]) for place in np.linspace(0, len(order) - 1, _SAMPLES).astype(int)})
    work, seconds, rows = 0.0, 0.0, []
    for point in chosen:
        piece = Piece(plan.changes(point), str(plan.keys[point]), [int(plan.seeds[plan.distinct_of[point]][0])])
        try:
            if not rows:
                sample(job, piece)  # the first run also loads the kernels
            started = time.perf_counter()
            rows.append(sample(job, piece))
        except InputError as problem:  # a run that this machine cannot make, another perhaps can
            return facts | {"time": f"unknown: a run of point {point} fails here: {problem}"}
        seconds += time.perf_counter() - started
        work += plan.work[point]
    total = float(np.sum(plan.work_of(runs))) * seconds / work
    return facts | {
        "chunks": f"about {chunk_count(len(runs), executor.cores(), total):,}",
        "time": f"about {duration(total)} of work, {duration(total / executor.cores())} on {executor.cores():,} cores",
        "disk": f"at most about {size(float(np.mean(rows)) * plan.rows)}",
    }


def _facts(design: Design, plan: Plan) -> dict[str, str]:
    repeated = len(plan.points) - len(plan.first_points)
    return {
        "design": f"{design.source}, {design.method}: {', '.join(design.factor_names) or 'no factors'}",
        "points": f"{len(plan.points):,}" + (f", {repeated:,} of them repeat others" if repeated else ""),
        "runs": f"{plan.runs:,}",
    }
