"""The time and disk that a sweep needs, from its plan and from a few runs that are timed here and not kept."""

import time

import numpy as np

from abm.errors import InputError
from abm.simulation.warmup import warm_up
from abm.sweeps.design.design import Design
from abm.sweeps.design.plan import Plan, plan_of
from abm.sweeps.shard import ALL_RUNS, Shard
from abm.sweeps.store.folder import SweepFolder
from abm.sweeps.store.owned import holds_a_sweep
from abm.sweeps.store.run_states import MISSING, run_states
from abm.sweeps.terminal import duration, size
from abm.sweeps.work.chunks import chunk_count
from abm.sweeps.work.executors import Executor
from abm.sweeps.work.worker import Job, PointRuns, sample_bytes

_SAMPLES = 3  # points that are timed: those with the least, the median and the most work


def estimate(
    design: Design, executor: Executor, *, store: SweepFolder | None = None, shard: Shard = ALL_RUNS
) -> dict[str, str]:
    """Points, runs, chunks, time and disk of a design, as texts by name; runs in `store` are not counted.

    Examples
    --------
    >>> from abm.sweeps.work.executors.local import LocalProcesses
    >>> estimate(Design.load("network-effect"), LocalProcesses(2))["runs"]
    '300'
    """
    plan = store.plan_for(design) if store else plan_of(design)
    facts = _facts(design, plan)
    runs = np.arange(plan.runs)
    if store and holds_a_sweep(store.folder):
        store.check(design)
        runs = run_states(plan, store.sources()).numbers(MISSING)
    runs = shard.select(runs)
    if len(runs) < plan.runs:
        facts["to make"] = f"{len(runs):,} of them"
    if not len(runs):
        return facts
    warm_up()
    functions = design.rules, design.intervention, design.measures
    past = design.replications.past
    job = Job(design.scenario, design.firms_path, design.collect, None, "", None, {}, *functions, past)
    order = plan.first_points[np.argsort(plan.work[plan.first_points], kind="stable")]
    chosen = sorted({int(order[rank]) for rank in np.linspace(0, len(order) - 1, _SAMPLES).astype(int)})
    work, seconds, rows = 0.0, 0.0, []
    for point in chosen:
        run = PointRuns(plan.changes(point), str(plan.keys[point]), [int(plan.seeds[plan.distinct_of[point]][0])])
        try:
            if not rows:
                sample_bytes(job, run)  # the first run also loads the kernels
            started = time.perf_counter()
            rows.append(sample_bytes(job, run))
        except InputError as problem:  # this machine cannot make the run, for example for lack of memory; another may
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
