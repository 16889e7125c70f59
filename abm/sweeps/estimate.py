"""What a sweep would take: from the plan and a few runs, which are timed here and thrown away."""

import time

import numpy as np

from abm.errors import InputError
from abm.sweeps.chunks import chunk_count
from abm.sweeps.design import Design
from abm.sweeps.executors import Executor
from abm.sweeps.plan import plan_of
from abm.sweeps.report import duration, size
from abm.sweeps.run import compile_once
from abm.sweeps.work import Job, Piece, sample

_SAMPLES = 3  # points that are timed: the least, the middle and the most costly


def estimate(design: Design, executor: Executor) -> dict[str, str]:
    """Points, runs, chunks, time and disk of a design, by name.

    Parameters
    ----------
    design : Design
    executor : Executor

    Examples
    --------
    >>> from abm.sweeps.executors.local import LocalProcesses
    >>> estimate(Design.load("network-effect"), LocalProcesses(2))["runs"]
    '300'
    """
    plan = plan_of(design)
    compile_once()
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
            return _facts(design, plan, executor) | {"time": f"unknown: a run of point {point} fails here: {problem}"}
        seconds += time.perf_counter() - started
        work += plan.work[point]
    total = float(np.sum(plan.work[plan.first_points])) * plan.replications.count * seconds / work
    return _facts(design, plan, executor) | {
        "chunks": f"about {chunk_count(plan, executor.cores(), seconds / work):,}",
        "time": f"about {duration(total)} of work, {duration(total / executor.cores())} on {executor.cores():,} cores",
        "disk": f"at most about {size(float(np.mean(rows)) * plan.rows)}",
    }


def _facts(design: Design, plan, executor: Executor) -> dict[str, str]:
    repeated = len(plan.points) - len(plan.first_points)
    return {
        "design": f"{design.source}, {design.method}: {', '.join(design.factor_names) or 'no factors'}",
        "points": f"{len(plan.points):,}" + (f", {repeated:,} of them repeat others" if repeated else ""),
        "runs": f"{plan.runs:,}",
    }
