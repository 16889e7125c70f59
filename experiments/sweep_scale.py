"""How far does a sweep grow, and what ends its growth first?

Each part of a sweep is measured here: what the coordinator does for a chunk, a part written, a point planned, a part
looked at by `status`, a run merged. Then up to 2,000 workers that make nothing work in simulated time. They get their
chunks by the product's own rule (`Chunks`), from one coordinator that takes the measured time for each. What the parts
cost up to 1e9 runs follows from both.

    python -m experiments.sweep_scale [--quick] [--out DIR]

writes `costs.csv`, `workers.csv`, `sizes.csv` and `scale.png`. Times are processor time; the machine may be busy.
"""

import argparse
import heapq
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from abm.sweeps import Design
from abm.sweeps.design.plan import Plan, plan_of
from abm.sweeps.design.settings import Replications
from abm.sweeps.finish import finish_sweep
from abm.sweeps.status import status
from abm.sweeps.store.parts import PARTS, write_part
from abm.sweeps.store.writing import SweepWriter
from abm.sweeps.work.callbacks import Callbacks
from abm.sweeps.work.chunk_tables import ChunkTables
from abm.sweeps.work.chunks import HANDING_OUT, TARGET, Chunks
from abm.sweeps.work.driver import Driver
from abm.sweeps.work.executors.local import LocalProcesses
from abm.sweeps.work.worker import ChunkResult, Job, PointRuns, make_run, own_versions

RUN = 0.004  # seconds of a run of 200 firms and 200 steps on one core
RUNS_A_CHUNK = round(TARGET / RUN)
WORKERS = (1, 10, 50, 100, 200, 500, 1000, 2000)
SIZES = (1e4, 1e5, 1e6, 1e7, 1e8, 1e9)
RUNS_A_POINT = 100
SIMULATED_RUN = 0.4  # seconds of a simulated run: only chunks matter to what is simulated
WORK_A_SECOND = 2e7  # what a chunk assumes before the first is measured
DESIGN = """
scenario = "one-market"
[set]
capacity = 200
steps = 200
[factors]
network_effect = {{low = 0.0, high = 1.0}}
churn = {{low = 0.05, high = 0.8}}
[design]
method = "sobol"
points = {points}
[replications]
count = {count}
"""


# --- what each part costs --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Costs:
    """Processor seconds, and bytes, of each part of a sweep."""

    chunk: float  # of the coordinator, with its scheduler
    part: float  # written by a worker
    part_bytes: float
    plan_point: float
    kept_point: float  # read from a stored plan
    status_part: float
    merge_run: float
    disk_run: float  # bytes in the tables


def nothing(job: Job, chunk: Sequence[PointRuns]) -> ChunkResult:
    """What a worker does that makes nothing: it says that it took the time of the runs."""
    runs = sum(len(each.seeds) for each in chunk)
    return ChunkResult(runs, 0, runs * RUN)


def job_of(design: Design, folder: Path) -> Job:
    """What workers need to know of a design."""
    return Job(design.scenario, None, design.collect, folder, "sweep", None, own_versions())


def coordinator(chunks: int) -> float:
    """Seconds of this process for a chunk of two workers that do nothing."""
    points = 2 ** round(np.log2(RUNS_A_CHUNK * chunks / RUNS_A_POINT))
    design = Design.from_toml(DESIGN.format(points=points, count=RUNS_A_POINT))
    plan = plan_of(design)
    # By its module's name: what is of __main__ is sent by value, which takes longer than a sweep's own function.
    from experiments.sweep_scale import nothing as make_nothing

    done: list[float] = []
    with tempfile.TemporaryDirectory() as folder, LocalProcesses(2).client(Path(folder), print) as client:
        callbacks = Callbacks(
            lambda result: done.append(time.process_time()), lambda: None, lambda workers: None, lambda: False
        )
        Driver(client, job_of(design, Path(folder)), plan, callbacks, 60.0, make_nothing).make(np.arange(plan.runs))
    first = 10  # without the start
    return (done[-1] - done[first]) / (len(done) - 1 - first)


def stored(out: Path, points: int, count: int, chunk: int) -> tuple[float, float]:
    """Write a folder with the parts of all runs of a design; seconds and bytes of a part."""
    design = Design.from_toml(DESIGN.format(points=points, count=count))
    plan, store = plan_of(design), SweepWriter(out)
    store.begin()
    store.prepare(design, plan)
    job = job_of(design, store.working)
    numbers, rows, _ = make_run(job, plan.changes(0), 1)
    runs = np.arange(plan.runs)
    seconds, sizes = [], []
    for begin in range(0, plan.runs, chunk):
        tables = ChunkTables(job.scenario, job.collect)
        mine = runs[begin : begin + chunk]
        for run in mine.tolist():
            point, replication = divmod(run, count)
            key, seed = str(plan.keys[plan.first_points[point]]), int(plan.seeds[point, replication])
            tables.add_run(key, seed, RUN, numbers * (1.0 + 1e-9 * run), rows, {})
        finished = tables.finished()
        started = time.process_time()
        path = write_part(store.working / PARTS, finished)
        seconds.append(time.process_time() - started)
        sizes.append(path.stat().st_size)
    return float(np.median(seconds)), float(np.mean(sizes))


def used(call, *arguments) -> float:
    """Processor seconds of a call."""
    started = time.process_time()
    call(*arguments)
    return time.process_time() - started


def measured(scale: int) -> Costs:
    """All costs, of folders that grow with `scale`."""
    points = 1024 * scale
    chunk = coordinator(100 * scale)
    plan_point = used(plan_of, Design.from_toml(DESIGN.format(points=points, count=1))) / points
    with tempfile.TemporaryDirectory() as place:
        many, few = Path(place) / "many", Path(place) / "few"
        part, size = stored(few, 128, 100 * scale, RUNS_A_CHUNK)
        runs = 128 * 100 * scale
        merge_run = used(finish_sweep, few) / runs
        disk = sum(path.stat().st_size for path in few.iterdir() if path.is_file()) / runs
        stored(many, points, 1, 4)
        status_part = used(status, many) / (points // 4)
        kept_point = used(SweepWriter(many).plan) / points
    return Costs(chunk, part, size, plan_point, kept_point, status_part, merge_run, disk)


# --- workers that do nothing, in simulated time ----------------------------------------------------------


def plan_of_nothing(runs: int) -> Plan:
    """A plan of about so many equal runs, for `Chunks`."""
    points = max(1, runs // RUNS_A_POINT)
    keys = np.arange(points).astype(str).astype(object)
    work = np.full(points, SIMULATED_RUN * WORK_A_SECOND)
    values = pd.DataFrame({"churn": np.linspace(0.1, 0.9, points)})
    return Plan(values, keys, keys, work, Replications(count=RUNS_A_POINT, seed=1, common=True))


def simulate(workers: int, seconds: float, coordinator_seconds: float, part_seconds: float) -> dict[str, float]:
    """A sweep that would take so many seconds if every worker always had work.

    A worker that has finished a chunk waits until the coordinator has handed it the next one. The coordinator handles
    one chunk at a time. Like the product's driver it divides runs into chunks two for each worker ahead.
    """
    plan = plan_of_nothing(int(workers * seconds / SIMULATED_RUN))
    chunks, random = Chunks(plan, np.arange(plan.runs)), np.random.default_rng(1)
    ready: deque[np.ndarray] = deque()
    under_way, made, free = 0, 0, 0.0
    sizes: list[float] = []
    ended = np.zeros(workers)
    # When a worker asks for a chunk, and the one that it has finished, with its seconds.
    asking: list[tuple[float, int, np.ndarray | None, float]] = [(0.0, worker, None, 0.0) for worker in range(workers)]
    while asking:
        now, worker, finished, taken = heapq.heappop(asking)
        if finished is not None:
            chunks.measure(finished, ChunkResult(len(finished), 0, taken))
            under_way -= 1
            ended[worker] = now
        while chunks and len(ready) + under_way < 2 * workers:
            ready.append(chunks.take(workers))
        if not ready:
            continue
        chunk = ready.popleft()
        free = max(free, now) + coordinator_seconds
        taken = len(chunk) * SIMULATED_RUN * random.lognormal(0.0, 0.1) + part_seconds
        heapq.heappush(asking, (free + taken, worker, chunk, taken))
        under_way += 1
        made += 1
        sizes.append(taken)
    last = float(ended.max())
    return {
        "workers": workers,
        "seconds": last,
        "efficiency": plan.runs * SIMULATED_RUN / workers / last,
        "chunks": made,
        "coordinator_busy": made * coordinator_seconds / last,
        "shortest_chunk_s": min(sizes),
        "idle_at_the_end_s": float(np.mean(last - ended)),
    }


def grown(costs: Costs, counts: Sequence[int], seconds: float) -> pd.DataFrame:
    """Each number of workers: the measured coordinator, one as quick as `Chunks` assumes, and none, as shards have."""
    rows = []
    for kind, chunk in (("measured", costs.chunk), ("assumed by the rule", HANDING_OUT), ("none", 0.0)):
        rows += [{"coordinator": kind} | simulate(count, seconds, chunk, costs.part) for count in counts]
    return pd.DataFrame(rows)


def sizes(costs: Costs) -> pd.DataFrame:
    """Hours of each part of a sweep of so many runs, and what it needs, by arithmetic."""
    runs = np.array(SIZES)
    points, chunks = runs / RUNS_A_POINT, runs / RUNS_A_CHUNK
    return pd.DataFrame(
        {
            "runs": runs,
            "core_hours": runs * RUN / 3600.0,
            "coordinator_hours": chunks * costs.chunk / 3600.0,
            "merge_hours": runs * costs.merge_run / 3600.0,
            "plan_hours": points * costs.plan_point / 3600.0,
            "status_hours": chunks * costs.status_part / 3600.0,
            "parts": chunks,
            "disk_GB": (runs * costs.disk_run + chunks * costs.part_bytes) / 1e9,
        }
    )


# --- output ----------------------------------------------------------------------------------------------

_BLUE, _ORANGE, _GREEN, _RED, _GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "0.45"


def picture(workers: pd.DataFrame, table: pd.DataFrame, costs: Costs) -> Figure:
    """Efficiency against workers, and the hours of each part against runs."""
    figure = Figure(figsize=(11, 4.4), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    labels = {
        "none": ("shards, no coordinator", _GREEN),
        "assumed by the rule": (f"coordinator, {1e3 * HANDING_OUT:.0f} ms a chunk (a free machine)", _BLUE),
        "measured": (f"coordinator, {1e3 * costs.chunk:.0f} ms a chunk (as measured)", _ORANGE),
    }
    for kind, (label, colour) in labels.items():
        mine = workers[workers["coordinator"] == kind]
        left.plot(mine["workers"], mine["efficiency"], color=colour, marker="o", markersize=3, label=label)
    left.set(xscale="log", xlabel="workers", ylabel="share of the time that workers make runs", ylim=(0.0, 1.03))
    left.legend(frameon=False, loc="lower left")
    left.xaxis.set_major_formatter("{x:,.0f}")
    lines = {
        "core_hours": ("runs, on 1,000 cores", _GREY, 1000.0),
        "coordinator_hours": ("coordinator", _BLUE, 1.0),
        "merge_hours": ("merge", _ORANGE, 1.0),
        "plan_hours": ("plan, 100 runs a point", _GREEN, 1.0),
        "status_hours": ("status, while it runs", _RED, 1.0),
    }
    for name, (label, colour, share) in lines.items():
        dashed = "--" if name == "merge_hours" else "-"  # it may lie on another line
        right.plot(table["runs"], table[name] / share, dashed, color=colour, marker="o", markersize=3, label=label)
    for hours, name in ((1 / 3600, "a second"), (1 / 60, "a minute"), (1.0, "an hour"), (24.0, "a day")):
        right.axhline(hours, color="0.85", linewidth=0.8, zorder=0)
        right.annotate(name, (1.6 * table["runs"].iloc[-1], hours), (0, 2), textcoords="offset points", color="0.5",
                       size=8, ha="right")  # fmt: skip
    right.set(xscale="log", yscale="log", xlabel="runs", ylabel="hours")
    right.legend(frameon=False, loc="upper left")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def told(costs: Costs) -> pd.DataFrame:
    """The measured costs in units that one can read."""
    rows = [
        ("coordinator, a chunk", 1e3 * costs.chunk, "ms"),
        ("part written", 1e3 * costs.part, "ms"),
        ("size of a part", costs.part_bytes / 1e3, "kB"),
        ("point planned", 1e6 * costs.plan_point, "µs"),
        ("point of a stored plan read", 1e6 * costs.kept_point, "µs"),
        ("status, a part", 1e3 * costs.status_part, "ms"),
        ("merge, a run", 1e6 * costs.merge_run, "µs"),
        ("disk, a run", costs.disk_run, "bytes"),
    ]
    return pd.DataFrame(rows, columns=["what", "cost", "unit"])


def main() -> None:
    """Measure, simulate, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller folders, fewer workers")
    parser.add_argument("--out", type=Path, default=Path("results/sweep_scale"))
    options = parser.parse_args()
    costs = measured(1 if options.quick else 4)
    counts = (1, 20, 200) if options.quick else WORKERS
    workers, table = grown(costs, counts, 60.0 if options.quick else 120.0), sizes(costs)
    options.out.mkdir(parents=True, exist_ok=True)
    for frame, name in ((told(costs), "costs"), (workers, "workers"), (table, "sizes")):
        frame.to_csv(options.out / f"{name}.csv", index=False, float_format="%.4g")
        print(frame.to_string(index=False, float_format=lambda value: f"{value:,.4g}"), "\n")
    picture(workers, table, costs).savefig(options.out / "scale.png")


if __name__ == "__main__":
    main()
